//! UTF8=ONLY: what a client may not say before it has enabled UTF8=ACCEPT.        RFC 9755 7

use super::core::Core;
use super::reply::{Failure, Reply};
use crate::proto::{CommandBody, ResponseCode};
use crate::types::Utf8;

/// Refuses a command that might need UTF-8 of a client that has not said that it takes it.
pub(super) fn check(core: &Core, body: &CommandBody) -> Result<(), Failure> {
    match !needs_none(body) && !core.dialect.has_utf8() && core.service.settings().utf8 == Utf8::Only {
        true => {
            let text = "This server speaks UTF-8 only; say ENABLE UTF8=ACCEPT first";
            Err(Reply::no(ResponseCode::Cannot, text).into())
        }
        false => Ok(()),
    }
}

/// Commands that name nothing and show nothing but ASCII.
fn needs_none(body: &CommandBody) -> bool {
    matches!(
        body,
        CommandBody::Capability
            | CommandBody::Noop
            | CommandBody::Logout
            | CommandBody::Id(_)
            | CommandBody::StartTls
            | CommandBody::Unauthenticate
            | CommandBody::Compress(_)
            | CommandBody::Authenticate { .. }
            | CommandBody::Login { .. }
            | CommandBody::Enable(_)
    )
}

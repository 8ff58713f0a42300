//! LOGIN, AUTHENTICATE and STARTTLS.                RFC 9051 6.2.1 to 6.2.3; RFC 4616; RFC 4959
//!
//! A password is taken over TLS, or where `Cleartext Login` allows it. A client that may not log in learns why only
//! when the reason is its own: wrong name and wrong password are one answer.

use std::sync::Arc;

use super::capability;
use super::core::Core;
use super::reply::{Failure, Handled, Reply, internal};
use crate::auth::{LoginError, Password};
use crate::mailbox::Account;
use crate::proto::ResponseCode;

/// An account, and the answer to the command that opened it.
pub(super) type LoggedIn = Result<(Arc<Account>, Reply), Failure>;

pub(super) fn login(core: &mut Core, name: &str, password: &Password) -> LoggedIn {
    if !may_send_password(core) {
        return Err(Reply::no(ResponseCode::PrivacyRequired, "LOGIN needs TLS here; use STARTTLS first").into());
    }
    let account = core.service.auth.login(name, password, core.stream.peer().ip()).map_err(refused)?;
    let account = core.service.manager.account(&account)?;
    core.listed.logged_in(account.name());
    log::info!("logged in as {}", account.name());
    let code = ResponseCode::Capability(capability::list(core, true));
    Ok((account, Reply::ok("Logged in").with(code)))
}

/// Whether this connection may carry a password.
pub(super) fn may_send_password(core: &Core) -> bool {
    core.stream.is_tls() || core.service.settings().cleartext_login
}

fn refused(error: LoginError) -> Failure {
    match error {
        LoginError::Refused => {
            Reply::no(ResponseCode::AuthenticationFailed, "The name or the password is wrong").into()
        }
        LoginError::Throttled => {
            Reply::no(ResponseCode::Limit, "Too many failed logins; try again in a while").into()
        }
        LoginError::Unavailable(error) => internal(&error).into(),
    }
}

pub(super) fn starttls(core: &mut Core) -> Handled {
    if core.stream.is_tls() {
        return Err(Reply::bad("TLS is active already").into());
    }
    match core.service.settings().tls {
        Some(_) => Ok(Reply::ok("Begin TLS now")),
        None => Err(Reply::no(ResponseCode::Unavailable, "TLS is not configured here").into()),
    }
}

//! LOGIN and AUTHENTICATE.                          RFC 9051 6.2.2, 6.2.3; RFC 4616; RFC 4959
//!
//! A password is taken over TLS, or where `Cleartext Login` allows it. A wrong name and a wrong password are one answer.

use std::sync::Arc;

use super::capability;
use super::core::Core;
use super::reply::{Failure, Reply};
use crate::auth::{LoginError, PlainError, plain};
use crate::mailbox::Account;
use crate::metrics;
use crate::proto::{Framer, ResponseCode, Secret};

/// An account, and the answer to the command that opened it.
pub(super) type LoggedIn = Result<(Arc<Account>, Reply), Failure>;

pub(super) fn login(core: &mut Core, name: &str, password: &Secret) -> LoggedIn {
    check_privacy(core, "LOGIN")?;
    enter(core, name, &password.0)
}

/// Before the password is sent, where the client waits for `+`; too late where it does not.
fn check_privacy(core: &Core, command: &str) -> Result<(), Failure> {
    match may_send_password(core) {
        true => Ok(()),
        false => {
            let text = format!("{command} needs TLS here; use STARTTLS first");
            Err(Reply::no(ResponseCode::PrivacyRequired, text).into())
        }
    }
}

/// Whether this connection may carry a password.
pub(super) fn may_send_password(core: &Core) -> bool {
    core.stream.is_tls() || core.service.settings().cleartext_login
}

fn enter(core: &mut Core, name: &str, password: &[u8]) -> LoggedIn {
    let peer = core.stream.peer().ip();
    let account = core.service.auth.login(name, password, peer).map_err(|error| {
        metrics::LOGINS_FAILED.add(1);
        log::warn!("login of '{name}' from {peer}: {error:?}");
        refused(error)
    })?;
    let account = core.service.manager.account(&account)?;
    core.info.set_user(account.name().as_str());
    core.user = Some(account.name().clone());
    core.groups = core.service.settings().groups.of(account.name());
    metrics::LOGINS.add(1);
    log::info!("{} from {peer}: logged in", account.name());
    let code = ResponseCode::Capability(capability::list(core, true));
    Ok((account, Reply::ok("Logged in").with(code)))
}

fn refused(error: LoginError) -> Failure {
    match error {
        LoginError::Refused => {
            Reply::no(ResponseCode::AuthenticationFailed, "The name or the password is wrong").into()
        }
        LoginError::Throttled => {
            Reply::no(ResponseCode::AuthenticationFailed, "Too many failed logins; try again in a while").into()
        }
    }
}

pub(super) fn authenticate(
    core: &mut Core,
    framer: &mut Framer,
    mechanism: &str,
    initial: Option<Secret>,
) -> LoggedIn {
    if mechanism != "PLAIN" {
        return Err(Reply::no(ResponseCode::Cannot, "PLAIN is the only mechanism here").into());
    }
    check_privacy(core, "AUTHENTICATE PLAIN")?;
    let response = match initial {
        Some(Secret(response)) => response,
        None => {
            core.output.say(|out| out.extend_from_slice(b"+ \r\n"))?;
            core.output.flush()?;
            core.read_line(framer)?
        }
    };
    let (name, password) = plain(&response).map_err(malformed)?;
    enter(core, &name, &password)
}

fn malformed(error: PlainError) -> Failure {
    match error {
        PlainError::Cancelled => Reply::bad("AUTHENTICATE cancelled").into(),
        PlainError::Malformed => Reply::bad("The response is not as PLAIN has it").into(),
        PlainError::OtherIdentity => {
            Reply::no(ResponseCode::AuthorizationFailed, "Nobody may act as somebody else here").into()
        }
    }
}

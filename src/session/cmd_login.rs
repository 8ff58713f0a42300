//! LOGIN and AUTHENTICATE.                          RFC 9051 6.2.2, 6.2.3; RFC 4616; RFC 4959
//!
//! A password is taken over TLS, or where `Cleartext Login` allows it. A wrong name and a wrong password are one answer.
//! A name that the Router leads elsewhere is referred there, whatever the password: it is not looked at. RFC 2221

use std::sync::Arc;

use super::alerting::Alerting;
use super::capability;
use super::core::Core;
use super::referral;
use super::reply::{Failure, Reply};
use crate::auth::{Destination, LoginError, PlainError, plain};
use crate::mailbox::Account;
use crate::metrics;
use crate::proto::{Framer, ResponseCode, Secret};

/// An account, and the answer to the command that opened it.
pub(super) type LoggedIn = Result<(Arc<Account>, Reply), Failure>;

pub(super) fn login(core: &mut Core, name: &str, password: &Secret) -> LoggedIn {
    enter(core, "LOGIN", name, &password.0)
}

fn needs_tls(command: &str) -> Failure {
    let text = format!("{command} needs TLS here; use STARTTLS first");
    Reply::no(ResponseCode::PrivacyRequired, text).into()
}

/// A password that is in the clear where it should not be is not looked at: neither where the domain of the name forbids
/// it, nor where that of the account does that the name leads to.
fn check_privacy(core: &Core, command: &str, name: &str) -> Result<(), Failure> {
    let leads_to = match core.service.auth.way(name).destination {
        Destination::Local(account) => account,
        Destination::Remote(_) | Destination::Circle => name.to_string(),
    };
    match core.may_send_password_of(name) && core.may_send_password_of(&leads_to) {
        true => Ok(()),
        false => Err(needs_tls(command)),
    }
}

fn enter(core: &mut Core, command: &str, name: &str, password: &[u8]) -> LoggedIn {
    let peer = core.stream.peer().ip();
    let name = core.service.auth.name_in(name, core.domain.as_deref());
    check_privacy(core, command, &name)?;
    let account = core.service.auth.login(&name, password, peer).map_err(|error| {
        metrics::LOGINS_FAILED.add(1);
        refused(&error)
    })?;
    let account = core.service.manager.account(&account)?;
    core.info.set_user(account.name().as_str());
    core.user = Some(account.name().clone());
    core.alerting = Some(Arc::new(Alerting::new(core.service.manager.clone(), account.name().clone())));
    core.groups = core.service.settings().groups.of(account.name());
    metrics::LOGINS.add(1);
    let code = ResponseCode::Capability(capability::list(core, true));
    Ok((account, Reply::ok("Logged in").with(code)))
}

fn refused(error: &LoginError) -> Failure {
    match error {
        LoginError::Moved(remote) => referral::to_home(remote),
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
    // Before the password is sent, where the client waits for `+`; too late where it does not.
    if initial.is_none() && !core.may_send_password() {
        return Err(needs_tls("AUTHENTICATE PLAIN"));
    }
    let response = match initial {
        Some(Secret(response)) => response,
        None => {
            core.output.say(|out| out.extend_from_slice(b"+ \r\n"))?;
            core.output.flush()?;
            core.read_line(framer)?
        }
    };
    let (name, password) = plain(&response).map_err(malformed)?;
    enter(core, "AUTHENTICATE PLAIN", &name, &password)
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

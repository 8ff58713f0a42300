//! APPEND.                                          RFC 9051 6.3.12; RFC 3502; RFC 3516 4.4; RFC 4315 3; RFC 7888
//!
//! All messages have been received in full, in memory or in spool files, before anything is done about them; all of
//! them are appended by one commit, or none.

use std::sync::Arc;

use super::core::Core;
use super::reply::{Handled, Reply};
use crate::mailbox::{Account, Change, Intake, MailboxError, NewMessage};
use crate::metrics;
use crate::proto::{AppendCommand, AppendMessage, Literal, ResponseCode};
use crate::types::{Flag, InternalDate, Right, Rights, SystemFlag};

pub(super) fn append(core: &mut Core, own: &Arc<Account>, command: AppendCommand) -> Handled {
    let place = core.place(own, &command.mailbox)?;
    let (account, target, rights) = (&place.account, place.to_be_filled()?, place.rights());
    if command.messages.iter().any(|message| message.message.is_empty()) {
        return Err(Reply::no(ResponseCode::Cannot, "An empty message cancels APPEND").into());
    }
    let octets = command.messages.iter().map(|message| message.message.len()).sum();
    let mut intake = account.intake(&target)?;
    intake.check_quota(command.messages.len() as u64, octets)?;
    let running = core.running();
    let messages = command.messages.into_iter().map(|message| take(&mut intake, message, rights));
    let messages = messages.collect::<Result<Vec<_>, _>>()?;
    intake.check_quota_sealed(messages.iter())?;
    let outcome = target.commit(Change::Append(messages))?;
    drop(running);
    metrics::MESSAGES_APPENDED.add(outcome.appended.len() as u64);
    metrics::BYTES_APPENDED.add(octets);
    let uid_validity = target.header()?.uid_validity;
    let code = ResponseCode::AppendUid { uid_validity, uids: outcome.appended.into_iter().collect() };
    Ok(Reply::ok("APPEND completed").with(code))
}

fn take(intake: &mut Intake<'_>, message: AppendMessage, rights: Rights) -> Result<NewMessage, MailboxError> {
    let AppendMessage { flags, date, message } = message;
    let (flags, date) = (permitted(flags, rights), date.unwrap_or_else(now));
    match message {
        Literal::Memory(octets) => intake.take(octets, flags, date),
        Literal::Spool(file, _) => intake.take_file(file, flags, date),
    }
}

/// Flags that the list does not permit are left out. RFC 4314 4
pub(super) fn permitted(flags: Vec<Flag>, rights: Rights) -> Vec<Flag> {
    flags.into_iter().filter(|flag| rights.has(right_for(flag))).collect()
}

/// The right that setting or clearing a flag needs.
pub(super) fn right_for(flag: &Flag) -> Right {
    match flag {
        Flag::System(SystemFlag::Seen) => Right::Seen,
        Flag::System(SystemFlag::Deleted) => Right::DeleteMessages,
        _ => Right::Write,
    }
}

fn now() -> InternalDate {
    let now = crate::sys::local_time();
    InternalDate { secs: now.timestamp(), zone_mins: (now.offset().local_minus_utc() / 60) as i16 }
}

//! APPEND.                                          RFC 9051 6.3.12; RFC 4315 3; RFC 7888
//!
//! The message has been received in full, in memory or in a spool file, before anything is done about it.

use std::sync::Arc;

use super::core::Core;
use super::reply::{Handled, Reply};
use crate::mailbox::{Account, Change};
use crate::metrics;
use crate::proto::{AppendCommand, Literal, ResponseCode};
use crate::types::{Flag, InternalDate, Right, Rights, SystemFlag};

pub(super) fn append(core: &mut Core, own: &Arc<Account>, command: AppendCommand) -> Handled {
    let place = core.place(own, &command.mailbox)?;
    let (account, target) = (&place.account, place.to_be_filled()?);
    let flags = permitted(command.flags, place.rights());
    if command.message.is_empty() {
        return Err(Reply::no(ResponseCode::Cannot, "An empty message is not appended").into());
    }
    account.check_quota(1, command.message.len())?;
    let (running, octets) = (core.running(), command.message.len());
    let date = command.date.unwrap_or_else(now);
    let message = match command.message {
        Literal::Memory(octets) => account.take(octets, flags, date)?,
        Literal::Spool(file, _) => account.take_file(file, flags, date)?,
    };
    let outcome = target.commit(Change::Append(vec![message]))?;
    drop(running);
    metrics::MESSAGES_APPENDED.add(1);
    metrics::BYTES_APPENDED.add(octets);
    let uid_validity = target.header()?.uid_validity;
    let code = ResponseCode::AppendUid { uid_validity, uids: outcome.appended.into_iter().collect() };
    Ok(Reply::ok("APPEND completed").with(code))
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

//! APPEND.                                          RFC 9051 6.3.12; RFC 4315 3; RFC 7888
//!
//! The message has been received in full, in memory or in a spool file, before anything is done about it.

use super::cmd_copy::to_be_filled;
use super::core::{Core, mailbox_name};
use super::reply::{Handled, Reply};
use crate::mailbox::{Account, Change};
use crate::metrics;
use crate::proto::{AppendCommand, Literal, ResponseCode};
use crate::types::InternalDate;

pub(super) fn append(core: &mut Core, account: &Account, command: AppendCommand) -> Handled {
    let target = to_be_filled(account, &mailbox_name(&command.mailbox)?)?;
    if command.message.is_empty() {
        return Err(Reply::no(ResponseCode::Cannot, "An empty message is not appended").into());
    }
    account.check_quota(1, command.message.len())?;
    let (running, octets) = (core.running(), command.message.len());
    let date = command.date.unwrap_or_else(now);
    let message = match command.message {
        Literal::Memory(octets) => account.take(octets, command.flags, date)?,
        Literal::Spool(file, _) => account.take_file(file, command.flags, date)?,
    };
    let outcome = target.commit(Change::Append(vec![message]))?;
    drop(running);
    metrics::MESSAGES_APPENDED.add(1);
    metrics::BYTES_APPENDED.add(octets);
    let uid_validity = target.header()?.uid_validity;
    let code = ResponseCode::AppendUid { uid_validity, uids: outcome.appended.into_iter().collect() };
    Ok(Reply::ok("APPEND completed").with(code))
}

fn now() -> InternalDate {
    let now = crate::sys::local_time();
    InternalDate { secs: now.timestamp(), zone_mins: (now.offset().local_minus_utc() / 60) as i16 }
}

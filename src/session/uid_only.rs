//! UIDONLY: what a client that has enabled it may not say.           RFC 9586 3
//!
//! What it is not told either, message numbers in responses, is for the writers of responses, by their `Dialect`.

use super::reply::{Failure, Reply};
use crate::proto::{CommandBody, Dialect, ResponseCode};
use crate::types::{By, NumberSet, SearchKey};

/// Refuses a command that names messages by number.
pub(super) fn check(dialect: Dialect, body: &CommandBody) -> Result<(), Failure> {
    match dialect.uid_only && names_numbers(body) {
        true => Err(refused()),
        false => Ok(()),
    }
}

/// As `check`, for a key whose filters are known now.
pub(super) fn check_key(dialect: Dialect, key: &SearchKey) -> Result<(), Failure> {
    match dialect.uid_only && is_by_number(key) {
        true => Err(refused()),
        false => Ok(()),
    }
}

fn refused() -> Failure {
    let text = "UIDONLY is enabled: messages are named by UID, as in UID FETCH or in the search key UID";
    Reply::bad(text).with(ResponseCode::UidRequired).into()
}

/// Commands that have a UID form, search keys, and the sequence match data of QRESYNC. RFC 9586 3.2, 3.5, 3.7, 3.8
fn names_numbers(body: &CommandBody) -> bool {
    match body {
        CommandBody::Fetch { by, .. }
        | CommandBody::Store { by, .. }
        | CommandBody::Annotate { by, .. }
        | CommandBody::Copy { by, .. }
        | CommandBody::Move { by, .. } => *by == By::Seq,
        CommandBody::Replace(command) => command.by == By::Seq,
        CommandBody::Search { by, key, .. }
        | CommandBody::Sort { by, key, .. }
        | CommandBody::Thread { by, key, .. } => *by == By::Seq || is_by_number(key),
        CommandBody::Select(command) | CommandBody::Examine(command) => {
            command.qresync.as_ref().is_some_and(|qresync| !qresync.samples.is_empty())
        }
        CommandBody::Esearch { key, .. } => is_by_number(key),
        _ => false,
    }
}

/// `$` is a set of UIDs, however it came about.
fn is_by_number(key: &SearchKey) -> bool {
    key.any(&|key| matches!(key, SearchKey::Seqs(NumberSet::Set(_))))
}

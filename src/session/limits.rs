//! MESSAGELIMIT and SAVELIMIT: how many messages one command deals with.           RFC 9738
//!
//! What can be done in parts is done for the highest UIDs, from the highest down, and says where it stopped. COPY, APPEND
//! and THREAD, which are done for all messages or none, are refused, and so is ESEARCH of several mailboxes, as one UID
//! cannot say where it stopped. SORT has no limit: what it orders by is kept in an index. RFC 9738 3.3

use super::cmd_search::search_for;
use super::core::{Core, Selected};
use super::output::Gone;
use super::reply::{Failure, Reply};
use crate::mailbox::{Asked, Found, Scores, View};
use crate::proto::ResponseCode;
use crate::proto::response::status;
use crate::types::{SearchKey, Uid, UidSet};

impl Core {
    /// Messages that one command deals with; `None` for any number.
    pub(super) fn message_limit(&self) -> Option<u32> {
        Some(self.service.settings().message_limit).filter(|limit| *limit > 0)
    }

    /// Messages that one COPY or APPEND puts into a mailbox.
    pub(super) fn save_limit(&self) -> Option<u32> {
        self.message_limit().or(Some(self.service.settings().save_limit).filter(|limit| *limit > 0))
    }
}

fn code(limit: u32, processed: &UidSet) -> ResponseCode {
    ResponseCode::MessageLimit { limit, lowest: processed.first().and_then(Uid::new) }
}

/// The highest of these messages, as many as one command deals with; with what to say where that is not all of them.
pub(super) fn highest(core: &Core, uids: UidSet) -> (UidSet, Option<ResponseCode>) {
    let count = uids.count();
    match core.message_limit().filter(|limit| count > u64::from(*limit)) {
        None => (uids, None),
        Some(limit) => {
            let uids = uids.at(count as usize - limit as usize..count as usize);
            let code = code(limit, &uids);
            (uids, Some(code))
        }
    }
}

/// Refuses a COPY of too many messages.
pub(super) fn check_copy(core: &Core, uids: &UidSet) -> Result<(), Failure> {
    let count = uids.count();
    match core.save_limit().filter(|limit| count > u64::from(*limit)) {
        None => Ok(()),
        Some(limit) => {
            let first = uids.at(count as usize - limit as usize..count as usize);
            Err(Reply::no(code(limit, &first), "Too many messages for one command, nothing is copied").into())
        }
    }
}

/// Refuses an APPEND of too many messages.
pub(super) fn check_append(core: &Core, messages: usize) -> Result<(), Failure> {
    check(core.save_limit(), messages as u64, "Too many messages for one command, nothing is appended")
}

/// Refuses a command that is done for all of so many messages, or not at all.
pub(super) fn check_whole(core: &Core, messages: u64) -> Result<(), Failure> {
    check(core.message_limit(), messages, "Too many messages for one command")
}

fn check(limit: Option<u32>, messages: u64, text: &'static str) -> Result<(), Failure> {
    match limit.filter(|limit| messages > u64::from(*limit)) {
        None => Ok(()),
        Some(limit) => Err(Reply::no(ResponseCode::MessageLimit { limit, lowest: None }, text).into()),
    }
}

/// Searches as many messages as one command deals with.
pub(super) fn search(
    core: &mut Core,
    selected: &Selected,
    key: &SearchKey,
    scores: Scores,
) -> Result<(Found, Option<ResponseCode>), Failure> {
    match cut(core, selected, key)? {
        None => Ok((search_for(core, selected, key, scores)?, None)),
        Some((within, code)) => Ok((search_for(core, selected, &within, scores)?, Some(code))),
    }
}

/// A search of as many messages as one command deals with, where they are not all.
pub(super) fn cut(
    core: &Core,
    selected: &Selected,
    key: &SearchKey,
) -> Result<Option<(SearchKey, ResponseCode)>, Failure> {
    let Some(limit) = core.message_limit() else { return Ok(None) };
    let among = selected.view.highest_searched(&asked(core, key, &selected.saved), limit)?;
    Ok(among.map(|among| {
        let code = code(limit, &among);
        (SearchKey::And(vec![SearchKey::Uids(among.into()), key.clone()]), code)
    }))
}

/// How many messages a search looks at, where that matters.
pub(super) fn searched(core: &Core, view: &View, key: &SearchKey, saved: &UidSet) -> Result<u64, Failure> {
    match core.message_limit() {
        Some(_) => Ok(view.searched(&asked(core, key, saved))?),
        None => Ok(0),
    }
}

fn asked<'a>(core: &Core, key: &'a SearchKey, saved: &'a UidSet) -> Asked<'a> {
    Asked { key, saved, comparator: core.comparator, scores: Scores::Unwanted }
}

/// The tagged response has one code: where it has one already, the limit is said before it. RFC 9738 3.1
pub(super) fn finish(core: &Core, reply: Reply, limited: Option<ResponseCode>) -> Result<Reply, Gone> {
    let Some(limited) = limited else { return Ok(reply) };
    if reply.code.is_none() {
        return Ok(reply.with(limited));
    }
    let text = "Done for the highest UIDs; repeat the command for the others";
    core.output.say(|out| status(out, "*", "NO", Some(&limited), text))?;
    Ok(reply)
}

//! REPLACE and UID REPLACE.                         RFC 8508
//!
//! The new message comes and the old one goes by one commit, or neither. The client hears of it in the order in which it
//! can follow: APPENDUID, EXISTS, EXPUNGE.

use std::sync::Arc;

use super::cmd_append::{Arriving, append_uid, count};
use super::core::{Core, Selected};
use super::notify;
use super::place::Place;
use super::reply::{Failure, Handled, Reply};
use super::report;
use crate::mailbox::{Account, Expunges, MailboxError, Refusal, Room};
use crate::proto::response::untagged_ok;
use crate::proto::{ReplaceCommand, ResponseCode};
use crate::types::{By, Right, Uid};

pub(super) fn replace(
    core: &mut Core,
    own: &Arc<Account>,
    selected: &mut Selected,
    command: ReplaceCommand,
) -> Handled {
    // RFC 8508 4.1: what UID STORE and UID EXPUNGE need here, and APPEND there.
    selected.require(&[Right::DeleteMessages, Right::Expunge])?;
    let uid = message(selected, &command)?;
    let place = core.place(own, &command.mailbox)?;
    let (target, rights) = (place.to_be_filled()?, place.rights());
    let arriving = Arriving::new(core, own, rights, command.message)?;
    let octets = arriving.len();
    let mut intake = place.account.intake(&target)?;
    let mut room = match intake.is_sealed() {
        true => None,
        false => take_room(selected, uid, &place, octets)?,
    };
    let running = core.running();
    let new = arriving.take(core, &mut intake, rights)?;
    if intake.is_sealed() {
        room = take_room(selected, uid, &place, new.size.into())?;
    }
    let uids = selected.view.replace(uid, &target, new)?.ok_or_else(gone)?;
    drop((room, running));
    count(1, octets);
    notify::created(core, Some(selected), &target, &[uids].into_iter().collect());
    let code = append_uid(target.header()?.uid_validity, vec![uids]);
    core.output.say(|out| untagged_ok(out, Some(&code), &core.said("Replacement message ready")))?;
    // RFC 8508 3.2: EXISTS counts both, then the old one goes.
    report::news(core, selected, Expunges::Hold)?;
    report::results(core, selected)?;
    let reply = Reply::ok("REPLACE completed");
    // RFC 8508 4.5; RFC 7162 3.2.9
    match core.dialect.qresync {
        true => Ok(reply.with(ResponseCode::HighestModSeq(selected.view.shown().header().highest_mod_seq))),
        false => Ok(reply),
    }
}

/// The one message that is named; a UID of none is refused, not passed over: there would be nothing to replace.
fn message(selected: &Selected, command: &ReplaceCommand) -> Result<Uid, Failure> {
    let uids = selected.resolve(&command.set, command.by)?;
    match (uids.uids().next(), command.by) {
        (Some(uid), _) => Ok(uid),
        (None, By::Uid) => Err(Reply::no(ResponseCode::NonExistent, "There is no message of this UID").into()),
        (None, By::Seq) => Err(Reply::bad("There is no message of this number").into()),
    }
}

fn gone() -> Failure {
    Refusal::Expunged.into()
}

/// Only what the account would have more than before is counted. RFC 8508 3.4
fn take_room<'a>(selected: &Selected, uid: Uid, place: &'a Place, octets: u64) -> Result<Option<Room<'a>>, Failure> {
    if !selected.view.mailbox().is_of(&place.account) {
        return Ok(place.account.take_room(1, octets)?);
    }
    let shown = selected.view.shown();
    shown.load(&[uid].into_iter().collect()).map_err(MailboxError::from)?;
    let before = shown.by_uid(uid).map_or(0, |message| u64::from(message.size()));
    Ok(place.account.take_room_replacing(before, octets)?)
}

//! STORE and UID STORE.                             RFC 9051 6.4.6, 6.4.9
//!
//! The client hears the new flags of each message that it named, unless it asked for silence and the flags are what it
//! must expect; other sessions hear from their own `sync`.

use super::core::{Core, Selected};
use super::reply::{Failure, Handled, Reply};
use super::report;
use crate::mailbox::{Access, Change, Expunges, StoreMode};
use crate::proto::ResponseCode;
use crate::types::{By, Flag, FlagBits, NumberSet, UidSet};

/// Whether the client wants to be told what it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    Flags,
    Silent,
}

pub(super) fn store(
    core: &mut Core,
    selected: &mut Selected,
    set: &NumberSet,
    by: By,
    mode: StoreMode,
    echo: Echo,
    flags: Vec<Flag>,
) -> Handled {
    if selected.view.access() == Access::ReadOnly {
        return Err(Reply::no(ResponseCode::NoPerm, "The mailbox is selected read-only").into());
    }
    let uids = selected.resolve(set, by)?;
    let asked = uids.clone();
    let before = selected.view.shown().clone();
    let running = core.running();
    let change = Change::Store { uids, mode, flags: flags.clone(), unchanged_since: None };
    selected.view.mailbox().commit(change)?;
    drop(running);
    let mut changes = selected.view.sync(Expunges::Hold)?;
    let shown = selected.view.shown().clone();
    let given = bits(&shown, &flags);
    // What another session did to the same messages meanwhile is not what the client expects.
    let expected = |uid: &crate::types::Uid| {
        let old = before.by_uid(*uid).map(|message| mode.combine(message.flags(), given));
        asked.contains(uid.get()) && old == shown.by_uid(*uid).map(|message| message.flags())
    };
    match echo {
        Echo::Silent => changes.flags.retain(|uid| !expected(uid)),
        Echo::Flags => add(&mut changes.flags, &asked),
    }
    report::changes(core, selected, &changes, by)?;
    Ok(Reply::ok("STORE completed"))
}

/// The bits of those flags that the mailbox knows.
fn bits(snapshot: &crate::mailbox::Snapshot, flags: &[Flag]) -> FlagBits {
    let known = flags.iter().filter_map(|flag| match flag {
        Flag::System(flag) => Some(FlagBits::system(*flag)),
        Flag::Keyword(keyword) => snapshot.keyword_id(keyword).and_then(FlagBits::keyword),
    });
    known.fold(FlagBits::NONE, FlagBits::with)
}

/// Adds what was asked for to what has changed, in order.
fn add(flags: &mut Vec<crate::types::Uid>, asked: &UidSet) {
    let mut all: UidSet = asked.clone();
    flags.iter().for_each(|uid| all.push(*uid));
    *flags = all.uids().collect();
}

/// EXPUNGE, UID EXPUNGE, CLOSE without its silence.             RFC 9051 6.4.3, 6.4.9
pub(super) fn expunge(core: &mut Core, selected: &mut Selected, among: Option<&NumberSet>) -> Handled {
    if selected.view.access() == Access::ReadOnly {
        return Err(Reply::no(ResponseCode::NoPerm, "The mailbox is selected read-only").into());
    }
    let among = match among {
        Some(set) => Some(selected.resolve(set, By::Uid)?),
        None => None,
    };
    let running = core.running();
    selected.view.mailbox().commit(Change::Expunge(among))?;
    drop(running);
    report::news(core, selected, Expunges::Report)?;
    Ok::<_, Failure>(Reply::ok("EXPUNGE completed"))
}

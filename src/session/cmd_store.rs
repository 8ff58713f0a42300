//! STORE and UID STORE.                             RFC 9051 6.4.6, 6.4.9
//!
//! The client hears the new flags of each message that it named, unless it asked for silence and the flags are what it
//! must expect; other sessions hear from their own `sync`.

use super::cmd_append::permitted;
use super::core::{Core, Selected};
use super::limits;
use super::place::not_permitted;
use super::reply::{Failure, Handled, Reply};
use super::report::{self, FlagWriter, Told};
use crate::mailbox::{Change, MailboxError, Message, Outcome, Snapshot, StoreMode, View};
use crate::proto::{Echo, ResponseCode, StoreOp};
use crate::types::{By, Flag, Flags, ModSeq, NumberSet, Right, SystemFlag, Uid, UidSet};

/// What STORE asks for, beside the messages.
pub(super) struct Wanted {
    pub(super) op: StoreOp,
    pub(super) echo: Echo,
    pub(super) flags: Vec<Flag>,
    pub(super) unchanged_since: Option<ModSeq>,
}

pub(super) fn store(core: &mut Core, selected: &mut Selected, set: &NumberSet, by: By, wanted: Wanted) -> Handled {
    let Wanted { op, echo, flags, unchanged_since } = wanted;
    let mode = match op {
        StoreOp::Replace => StoreMode::Replace,
        StoreOp::Add => StoreMode::Add,
        StoreOp::Remove => StoreMode::Remove,
    };
    let flags = may_store(selected, mode, flags)?;
    if unchanged_since.is_some() {
        core.enable_condstore(Some(selected))?;
    }
    let (uids, limited) = limits::highest(core, selected.resolve(set, by)?);
    let asked = uids.clone();
    let before = selected.view.shown().clone();
    let running = core.running();
    let visibility = selected.view.visibility();
    let change = Change::Store { uids, mode, flags: flags.clone(), unchanged_since, visibility };
    let outcome = selected.view.mailbox().commit(change)?;
    drop(running);
    let mut changes = report::sync(core, selected)?;
    let shown = selected.view.shown().clone();
    let given = shown.known(&flags);
    let mut silent = UidSet::new();
    match echo {
        Echo::Silent => {
            let unexpected = unexpected(&before, &shown, &asked, (mode, &given));
            let changed: UidSet = changes.flags.iter().copied().collect();
            silent = asked.intersection(&changed).difference(&unexpected).difference(&outcome.modified);
            changes.flags.retain(|uid| !silent.contains(uid.get()));
            add(&mut changes.flags, &unexpected.difference(&outcome.hidden).union(&outcome.modified));
        }
        Echo::Flags => add(&mut changes.flags, &asked.difference(&outcome.hidden)),
    }
    if !report::hears_flags(core) {
        changes.flags.retain(|uid| asked.contains(uid.get()));
    }
    if limited.is_some() {
        changes.flags.reverse();
    }
    report::changes(core, selected, &changes, by)?;
    tell_hidden(core, selected, &outcome, (mode, &given), echo, by)?;
    // A client of CONDSTORE hears the MODSEQ of what it changed, however silent it wants it, and under UNCHANGEDSINCE of
    // all that passes. RFC 7162 3.1.3
    if echo == Echo::Silent && core.dialect.condstore {
        let mut told: Vec<Uid> = changes.flags.clone();
        told.extend(&changes.others);
        told.sort_unstable();
        let told = outcome.hidden.union(&outcome.modified).union(&told.into_iter().collect());
        let quiet: UidSet = match unchanged_since {
            Some(_) => asked.difference(&told),
            None => silent,
        };
        for message in shown.in_uids(&quiet) {
            core.output.say(|out| report::fetch_mod_seq(out, &message, message.mod_seq(), core.dialect))?;
        }
    }
    let reply = completed(&selected.view, outcome.modified, by);
    Ok(limits::finish(core, reply, limited)?)
}

/// Which messages the condition has left as they are. RFC 7162 3.1.3
pub(super) fn completed(view: &View, modified: UidSet, by: By) -> Reply {
    let reply = Reply::ok("STORE completed");
    match (modified.is_empty(), by) {
        (true, _) => reply,
        (false, By::Uid) => reply.with(ResponseCode::Modified(modified)),
        (false, By::Seq) => reply.with(ResponseCode::Modified(view.shown().seqs_of(&modified))),
    }
}

/// The messages whose flags are not what the client must expect, as another session has had to do with them meanwhile: it may
/// have put them back to what they were. Nothing leaves the view while expunges are held: the two run in parallel.
fn unexpected(before: &Snapshot, shown: &Snapshot, asked: &UidSet, (mode, given): (StoreMode, &Flags)) -> UidSet {
    let both = before.in_uids(asked).zip(shown.in_uids(asked));
    let others = both.filter(|(old, new)| mode.combine(&old.all_flags(), given) != new.all_flags());
    others.map(|(_, new)| new.uid()).collect()
}

/// What the command has hidden from its own client stays in the view until EXPUNGE may be told, as it was before: the
/// client is told what it did.
fn tell_hidden(
    core: &Core,
    selected: &Selected,
    outcome: &Outcome,
    given: (StoreMode, &Flags),
    echo: Echo,
    by: By,
) -> Result<(), Failure> {
    let (mode, flags) = given;
    // UIDs where `changes` says them.
    let by = if core.dialect.rev2 || core.dialect.condstore { By::Uid } else { by };
    let shown = selected.view.shown();
    let mut writer = FlagWriter::new(shown, selected.view.recent());
    for message in shown.in_uids(&outcome.hidden) {
        let now = Told { flags: mode.combine(&message.all_flags(), flags), mod_seq: outcome.mod_seq };
        match echo {
            Echo::Flags => {
                core.output.say(|out| report::fetch_flags(out, &mut writer, &message, now, core.dialect, by))?
            }
            Echo::Silent if core.dialect.condstore => {
                core.output.say(|out| report::fetch_mod_seq(out, &message, now.mod_seq, core.dialect))?;
            }
            Echo::Silent => {}
        }
    }
    Ok(())
}

/// The flags that the list permits to change; none of those given is a refusal, and so is FLAGS without all of the
/// rights, as it changes all of the flags. RFC 4314 4
fn may_store(selected: &Selected, mode: StoreMode, flags: Vec<Flag>) -> Result<Vec<Flag>, Failure> {
    if mode == StoreMode::Replace {
        selected.require(&[Right::Seen, Right::Write, Right::DeleteMessages])?;
    }
    selected.require(&[])?;
    let given = flags.len();
    let flags = permitted(flags, selected.rights);
    match given > 0 && flags.is_empty() {
        true => Err(not_permitted()),
        false => Ok(flags),
    }
}

/// Adds what was asked for to what has changed, in order.
fn add(flags: &mut Vec<Uid>, asked: &UidSet) {
    let mut all: UidSet = asked.clone();
    flags.iter().for_each(|uid| all.push(*uid));
    *flags = all.uids().collect();
}

/// EXPUNGE, UID EXPUNGE, CLOSE without its silence.             RFC 9051 6.4.3, 6.4.9
pub(super) fn expunge(core: &mut Core, selected: &mut Selected, among: Option<&NumberSet>) -> Handled {
    selected.require(&[Right::Expunge])?;
    let (among, limited) = match among {
        Some(set) => {
            let (uids, limited) = limits::highest(core, deleted(selected, &selected.resolve(set, By::Uid)?)?);
            (Some(uids), limited)
        }
        // Not limited. RFC 9738 3.1
        None => (None, None),
    };
    let running = core.running();
    let outcome =
        selected.view.mailbox().commit(Change::Expunge { among, visibility: selected.view.visibility() })?;
    drop(running);
    report::results(core, selected)?;
    let reply = Reply::ok("EXPUNGE completed");
    // RFC 7162 3.2.7
    let reply = match core.dialect.qresync && !outcome.expunged.is_empty() {
        true => reply.with(ResponseCode::HighestModSeq(selected.view.shown().header().highest_mod_seq)),
        false => reply,
    };
    Ok(limits::finish(core, reply, limited)?)
}

/// Those that are marked \Deleted.
fn deleted(selected: &Selected, uids: &UidSet) -> Result<UidSet, Failure> {
    let snapshot = selected.view.mailbox().snapshot()?;
    snapshot.load(uids).map_err(MailboxError::from)?;
    let deleted = |message: &Message<'_>| message.flags().has(SystemFlag::Deleted);
    Ok(snapshot.in_uids(uids).filter(deleted).map(|message| message.uid()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::Expunges;
    use crate::mailbox::sample::Sample;

    /// Another session puts back what a silent STORE has set, before that is answered: nothing seems to have changed.
    #[test]
    fn what_others_put_back_is_not_what_the_client_expects() {
        let inbox = Sample::new();
        let all = inbox.append(&["1", "2", "3"]);
        let mut view = inbox.view();
        let (before, asked) = (view.shown().clone(), all[..2].iter().copied().collect());
        inbox.store(&all[..2], StoreMode::Add, SystemFlag::Flagged);
        inbox.store(&all[1..2], StoreMode::Remove, SystemFlag::Flagged);
        assert_eq!(view.sync(Expunges::Hold).unwrap().flags, all[..1]);
        let given = view.shown().known(&[Flag::System(SystemFlag::Flagged)]);
        let found = unexpected(&before, view.shown(), &asked, (StoreMode::Add, &given));
        assert_eq!(found.uids().collect::<Vec<_>>(), all[1..2]);
    }
}

//! SELECT, EXAMINE, CLOSE and UNSELECT.             RFC 9051 6.3.2, 6.3.3, 6.4.1, 6.4.2; RFC 3501 6.3.1; RFC 3691
//! With CONDSTORE and QRESYNC, and with ANNOTATE.     RFC 7162 3.1.8, 3.2.5; RFC 5257 4.1, 4.2

use std::sync::Arc;

use super::core::{Core, Selected};
use super::notify_names::{self as names, Cause};
use super::reply::{Failure, Handled, Reply};
use super::report::{self, FlagWriter, Told};
use crate::mailbox::{Access, Account, Change, MailboxError, Refusal, Snapshot, View};
use crate::proto::response as wire;
use crate::proto::{Qresync, ResponseCode, SelectCommand};
use crate::types::{By, Right, Seq, UidSet};

/// QRESYNC must have been enabled before it is used: BAD, and what is selected stays. RFC 7162 3.2.5
pub(super) fn check(core: &Core, command: &SelectCommand) -> Result<(), Failure> {
    match command.qresync.is_some() && !core.dialect.qresync {
        true => Err(Reply::bad("ENABLE QRESYNC first").into()),
        false => Ok(()),
    }
}

/// Whose mask hides what SELECT says of annotations.
const ANNOTATE: &str = "ANNOTATE-EXPERIMENT-1";

/// Rights to change what is in a mailbox.
const CHANGING: [Right; 6] =
    [Right::Insert, Right::Seen, Right::Write, Right::DeleteMessages, Right::Expunge, Right::Annotate];

/// Opens a mailbox; the one that was selected before has been closed by then. RFC 9051 6.3.2
pub(super) fn select(
    core: &mut Core,
    account: &Arc<Account>,
    command: &SelectCommand,
    access: Access,
) -> Result<(Selected, Reply), Failure> {
    let place = core.place(account, &command.mailbox)?;
    let (mailbox, rights) = (place.mailbox(Right::Read)?, place.rights());
    // Who can change nothing has it read-only. RFC 4314 5.2
    let (opened, access) = (access, if rights.has_any(&CHANGING) { access } else { Access::ReadOnly });
    core.dialect.condstore |= command.condstore;
    let view = View::open(mailbox, access, core.visibility(rights), core.bell.clone())?.of_user(account);
    let mut selected = Selected::new(place, view, rights, account.clone());
    (selected.opened, selected.annotate) = (opened, command.annotate);
    if selected.annotate {
        selected.view.follow_annotations()?;
    }
    describe(core, &selected)?;
    if core.dialect.rev2 {
        names::say(core, &names::listed(core, account, &selected.name), None, Cause::Change)?;
    }
    if let Some(qresync) = &command.qresync {
        resynchronise(core, &selected, qresync)?;
    }
    let reply = match access {
        Access::ReadWrite => Reply::ok("SELECT completed").with(ResponseCode::ReadWrite),
        Access::ReadOnly => Reply::ok("EXAMINE completed").with(ResponseCode::ReadOnly),
    };
    Ok((selected, reply))
}

fn describe(core: &Core, selected: &Selected) -> Result<(), super::output::Gone> {
    let shown = selected.view.shown();
    let header = shown.header();
    let first_unseen = match header.sums.all().unseen {
        0 => None,
        _ => shown.first_unseen().map(|message| message.seq()),
    };
    core.output.say(|out| {
        report::flags_and_permanent(out, selected);
        wire::untagged_number(out, shown.len(), "EXISTS");
        if !core.dialect.rev2 {
            wire::untagged_number(out, selected.view.recent_count(), "RECENT");
            // A message number is nothing for a client of UIDONLY. RFC 9586 3
            if let Some(seq) = first_unseen.filter(|_| !core.dialect.uid_only) {
                wire::untagged_ok(out, Some(&ResponseCode::Unseen(seq)), &core.said("First message without \\Seen"));
            }
        }
        wire::untagged_ok(out, Some(&ResponseCode::UidValidity(header.uid_validity)), &core.said("UIDs are valid"));
        if let Some(next) = crate::types::Uid::new(header.uid_next) {
            wire::untagged_ok(out, Some(&ResponseCode::UidNext(next)), &core.said("The next UID"));
        }
        selected.highest_mod_seq(out);
        let id = ResponseCode::MailboxId(selected.view.mailbox().object_id());
        wire::untagged_ok(out, Some(&id), &core.said("The mailbox itself, whatever its name"));
        // RFC 5257 4.1
        if !core.is_masked(ANNOTATE) {
            let max = core.service.manager.annotation_bytes_max();
            let code = ResponseCode::Annotations((selected.opened == Access::ReadWrite).then_some(max));
            wire::untagged_ok(out, Some(&code), &core.said("Octets of an annotation"));
        }
        // RFC 4467 8
        if core.shows_url_mechanisms() {
            wire::untagged_ok(out, Some(&ResponseCode::UrlMech), &core.said("How URLs are authorised"));
        }
    })
}

/// What happened to the messages that the client knows since it was here. RFC 7162 3.2.5.1
fn resynchronise(core: &Core, selected: &Selected, qresync: &Qresync) -> Result<(), Failure> {
    let shown = selected.view.shown();
    let header = shown.header();
    if u64::from(header.uid_validity.get()) != qresync.uid_validity {
        return Ok(());
    }
    let mut all = UidSet::new();
    all.push_range(1, u32::MAX);
    let known = qresync.known.as_ref().unwrap_or(&all);
    let mut unsure = UidSet::new();
    unsure.push_range(known_until(shown, &qresync.samples).saturating_add(1), u32::MAX);
    let vanished = selected.view.vanished(qresync.mod_seq)?.intersection(known).intersection(&unsure);
    core.output.say(|out| wire::vanished_earlier(out, &vanished))?;
    let mut flags = FlagWriter::new(shown, selected.view.recent());
    for message in shown.changed_since(qresync.mod_seq).filter(|message| known.contains(message.uid().get())) {
        core.output
            .say(|out| report::fetch_flags(out, &mut flags, &message, Told::of(&message), core.dialect, By::Uid))?;
    }
    Ok(())
}

/// The UID up to which the client has heard of all expunges: that of the last sample that is still true. RFC 7162 3.2.5.2
fn known_until(shown: &Snapshot, samples: &[(u32, u32)]) -> u32 {
    let is_true = |&(seq, uid): &(u32, u32)| {
        Seq::new(seq).and_then(|seq| shown.by_seq(seq)).is_some_and(|message| message.uid().get() == uid)
    };
    samples.iter().take_while(|sample| is_true(sample)).last().map_or(0, |&(_, uid)| uid)
}

/// CLOSE expunges what is marked \Deleted, without a word, where the mailbox is selected for writing; one that has been
/// deleted meanwhile is closed all the same. RFC 9051 6.4.1
pub(super) fn close(core: &Core, selected: Selected) -> Handled {
    if selected.view.access() == Access::ReadWrite && selected.rights.has(Right::Expunge) {
        let _running = core.running();
        let change = Change::Expunge { among: None, visibility: selected.view.visibility() };
        match selected.view.mailbox().commit(change) {
            Err(MailboxError::Refused(Refusal::NonExistent)) => {}
            done => drop(done?),
        }
    }
    Ok(Reply::ok("CLOSE completed"))
}

pub(super) fn unselect(selected: Selected) -> Handled {
    drop(selected);
    Ok(Reply::ok("UNSELECT completed"))
}

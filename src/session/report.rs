//! Untagged data that nobody asked for.             RFC 9051 7.4, 7.5, 5.2; RFC 5257 4.4
//!
//! What has happened in the selected mailbox, in the order in which the client can follow: EXPUNGE, EXISTS, RECENT,
//! FLAGS, FETCH; before and behind them what that makes of searches that are kept up to date.

use std::collections::{BTreeMap, HashSet};

use super::cmd_annotate;
use super::cmd_append::right_for;
use super::cmd_fetch;
use super::contexts;
use super::core::{Core, Selected};
use super::output::Gone;
use super::reply::Failure;
use crate::mailbox::{ChangedEntry, Changes, Expunges, MailboxError, Message, Snapshot};
use crate::proto::Dialect;
use crate::proto::response as wire;
use crate::types::{By, Flag, Flags, ModSeq, Right, Rights, ServerKeyword, SystemFlag, Uid, UidSet};

/// Moves the view on and tells the client, by NOTIFY what it wants to hear. RFC 5465 3.1
pub(super) fn news(core: &Core, selected: &mut Selected, expunges: Expunges) -> Result<(), Failure> {
    let Some(notify) = &core.notify else { return all_news(core, selected, expunges) };
    if !selected.renew_rights(core) {
        return Ok(());
    }
    let Some(wanted) = &notify.selected else { return Ok(()) };
    let before = selected.view.shown().len();
    let mut changes = selected.view.sync(expunges)?;
    if !wanted.flags {
        changes.flags.clear();
    }
    changes.others.clear();
    write(core, selected, &changes, By::Uid)?;
    if changes.exists.is_none() {
        return Ok(());
    }
    let created = std::mem::take(&mut selected.created);
    if wanted.items.is_empty() {
        return Ok(());
    }
    // New is what has a number beyond those that the client knew and that have not gone.
    let known = before - changes.expunged.len() as u32;
    let mut seqs = UidSet::new();
    seqs.push_range(known + 1, selected.view.shown().len());
    let new = selected.view.shown().in_seqs(&seqs).map(|message| message.uid());
    let new: UidSet = new.filter(|uid| !created.contains(uid.get())).collect();
    cmd_fetch::fetch_new(core, selected, &new, &wanted.items)
}

/// News behind a command that names messages: while numbers must hold expunges are held back, and the client is told that they
/// are.
pub(super) fn news_by(core: &Core, selected: &mut Selected, by: By) -> Result<(), Failure> {
    match by {
        By::Uid => news(core, selected, Expunges::Report),
        By::Seq => held_news(core, selected),
    }
}

pub(super) fn held_news(core: &Core, selected: &mut Selected) -> Result<(), Failure> {
    news(core, selected, Expunges::Hold)?;
    Ok(held_back(core, selected)?)
}

fn all_news(core: &Core, selected: &mut Selected, expunges: Expunges) -> Result<(), Failure> {
    if !selected.renew_rights(core) {
        return Ok(());
    }
    let changes = selected.view.sync(expunges)?;
    write(core, selected, &changes, By::Uid)?;
    Ok(selected.url_key_news(core)?)
}

/// What a command has brought about that expunges: the client hears of it whatever it wants to hear of others.
pub(super) fn results(core: &Core, selected: &mut Selected) -> Result<(), Failure> {
    match core.notify.as_ref().is_some_and(|notify| notify.selected.is_none()) {
        true => all_news(core, selected, Expunges::Report),
        false => news(core, selected, Expunges::Report),
    }
}

/// Moves the view on while expunges are held. Under NOTIFY new messages are `news`, with what is to be fetched of them.
pub(super) fn sync(core: &Core, selected: &mut Selected) -> Result<Changes, MailboxError> {
    match core.notify.is_some() {
        true => selected.view.sync_flags(),
        false => selected.view.sync(Expunges::Hold),
    }
}

/// Whether the client hears of flags that others change.
pub(super) fn hears_flags(core: &Core) -> bool {
    core.notify.as_ref().is_none_or(|notify| notify.selected.as_ref().is_some_and(|wanted| wanted.flags))
}

/// Whether the client hears which annotations others change. RFC 5257 4.2; RFC 5465 5.1
fn hears_annotations(core: &Core, selected: &Selected) -> bool {
    match &core.notify {
        Some(notify) => notify.selected.as_ref().is_some_and(|wanted| wanted.annotations),
        None => selected.annotate,
    }
}

/// As `news`, for changes that the command has looked through before; `by` says whether UIDs are wanted.
pub(super) fn changes(core: &Core, selected: &mut Selected, changes: &Changes, by: By) -> Result<(), Failure> {
    let with_uid = core.dialect.rev2 || core.dialect.condstore || core.notify.is_some();
    let uid = if with_uid { By::Uid } else { by };
    write(core, selected, changes, uid)
}

fn write(core: &Core, selected: &mut Selected, changes: &Changes, by: By) -> Result<(), Failure> {
    contexts::expunged(core, selected, changes)?;
    expunged(core, selected, changes)?;
    core.output.say(|out| {
        if let Some(exists) = changes.exists {
            wire::untagged_number(out, exists, "EXISTS");
        }
        if let Some(recent) = changes.recent.filter(|_| !core.dialect.rev2) {
            wire::untagged_number(out, recent, "RECENT");
        }
        if changes.keywords {
            flags_and_permanent(out, selected);
        }
    })?;
    let shown = selected.view.shown();
    let mut flags = FlagWriter::new(shown, selected.view.recent());
    for message in changes.flags.iter().filter_map(|uid| shown.by_uid(*uid)) {
        core.output.say(|out| fetch_flags(out, &mut flags, &message, Told::of(&message), core.dialect, by))?;
    }
    others(core, selected, changes, by)?;
    contexts::touched(core, selected, changes)
}

/// What has changed of messages beside their flags.
fn others(core: &Core, selected: &Selected, changes: &Changes, by: By) -> Result<(), Gone> {
    if changes.others.is_empty() && changes.annotations.is_empty() {
        return Ok(());
    }
    let mut told: BTreeMap<Uid, &[ChangedEntry]> = BTreeMap::new();
    if core.dialect.condstore {
        let flagged: HashSet<Uid> = changes.flags.iter().copied().collect();
        let others = changes.others.iter().filter(|uid| !flagged.contains(uid));
        told.extend(others.map(|uid| (*uid, &[][..])));
    }
    if hears_annotations(core, selected) {
        told.extend(changes.annotations.iter().map(|(uid, entries)| (*uid, entries.as_slice())));
    }
    let shown = selected.view.shown();
    for (uid, entries) in told {
        if let Some(message) = shown.by_uid(uid) {
            core.output.say(|out| fetch_others(out, &message, entries, core.dialect, by))?;
        }
    }
    Ok(())
}

/// `* 3 FETCH (UID 7 MODSEQ (9) ANNOTATION (/comment))`
fn fetch_others(out: &mut Vec<u8>, message: &Message<'_>, entries: &[ChangedEntry], dialect: Dialect, by: By) {
    fetch_begin(out, message, dialect, by);
    if dialect.condstore {
        wire::text(out, format_args!("MODSEQ ({})", message.mod_seq()));
    }
    if !entries.is_empty() {
        out.extend_from_slice(if dialect.condstore { b" " } else { b"" });
        cmd_annotate::write_changed(out, entries);
    }
    out.extend_from_slice(b")\r\n");
}

/// The highest number first, so that those below stay what they were; by UID for a client of QRESYNC or UIDONLY.
fn expunged(core: &Core, selected: &mut Selected, changes: &Changes) -> Result<(), Gone> {
    if core.dialect.by_vanished() {
        let uids: UidSet = changes.expunged.iter().map(|(_, uid)| *uid).collect();
        core.output.say(|out| wire::vanished(out, &uids))?;
        selected.forget(changes.expunged.iter().map(|(_, uid)| *uid));
        return Ok(());
    }
    for (seq, _) in changes.expunged.iter().rev() {
        core.output.say(|out| wire::untagged_number(out, seq.get(), "EXPUNGE"))?;
    }
    selected.forget(changes.expunged.iter().map(|(_, uid)| *uid));
    Ok(())
}

/// What of a message a client is told of in passing.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) flags: Flags,
    pub(super) mod_seq: ModSeq,
}

impl Told {
    pub(super) fn of(message: &Message<'_>) -> Told {
        Told { flags: message.all_flags(), mod_seq: message.mod_seq() }
    }
}

/// `* 3 FETCH (UID 7 FLAGS (\Seen) MODSEQ (9))`
pub(super) fn fetch_flags(
    out: &mut Vec<u8>,
    flags: &mut FlagWriter<'_>,
    message: &Message<'_>,
    told: Told,
    dialect: Dialect,
    by: By,
) {
    fetch_begin(out, message, dialect, by);
    flags.write(out, message.uid(), &told.flags);
    if dialect.condstore {
        wire::text(out, format_args!(" MODSEQ ({})", told.mod_seq));
    }
    out.extend_from_slice(b")\r\n");
}

/// While expunges are held back a client that has been told MODSEQs must not believe that it knows all below them.
/// RFC 7162 3.2, 6
pub(super) fn held_back(core: &Core, selected: &Selected) -> Result<(), Gone> {
    match core.dialect.condstore && selected.view.holds_expunges() {
        true => core.output.say(|out| selected.highest_mod_seq(out)),
        false => Ok(()),
    }
}

/// Says the new MODSEQ of a message whose flags the client knows. RFC 7162 3.1.3
pub(super) fn fetch_mod_seq(out: &mut Vec<u8>, message: &Message<'_>, mod_seq: ModSeq, dialect: Dialect) {
    fetch_begin(out, message, dialect, By::Uid);
    wire::text(out, format_args!("MODSEQ ({mod_seq}))\r\n"));
}

fn fetch_begin(out: &mut Vec<u8>, message: &Message<'_>, dialect: Dialect, by: By) {
    wire::fetch_begin(out, message.seq(), message.uid(), dialect);
    if by == By::Uid && !dialect.uid_only {
        out.extend_from_slice(b"UID ");
        wire::number(out, message.uid().get().into());
        out.push(b' ');
    }
}

/// `* FLAGS (...)` and `* OK [PERMANENTFLAGS (...)]`. RFC 9051 7.3.5, 6.3.2
pub(super) fn flags_and_permanent(out: &mut Vec<u8>, selected: &Selected) {
    let shown = selected.view.shown();
    out.extend_from_slice(b"* FLAGS (");
    flag_names(out, shown, Rights::ALL);
    out.extend_from_slice(b")\r\n* OK [PERMANENTFLAGS (");
    if selected.is_writable() {
        flag_names(out, shown, selected.rights);
        if shown.keywords().len() < selected.view.mailbox().keywords_max() && selected.rights.has(Right::Write) {
            out.extend_from_slice(b" \\*");
        }
    }
    out.extend_from_slice(b")] Flags that are kept\r\n");
}

/// The flags that somebody with these rights may change.
fn flag_names(out: &mut Vec<u8>, shown: &Snapshot, rights: Rights) {
    let system = SystemFlag::ALL.iter().filter(|flag| rights.has(right_for(&Flag::System(**flag))));
    let server = ServerKeyword::ALL.iter().map(|known| known.name());
    let keywords = server.chain(shown.keywords().iter().map(|(_, keyword)| keyword.as_str()));
    let names = system.map(|flag| flag.name()).chain(keywords.filter(|_| rights.has(Right::Write)));
    for (i, name) in names.enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(name.as_bytes());
    }
}

/// Writes `FLAGS (...)`; most messages of a mailbox have the flags of the one before.
pub(super) struct FlagWriter<'a> {
    shown: &'a Snapshot,
    recent: &'a UidSet,
    last: Option<(Flags, bool)>,
    text: Vec<u8>,
}

impl<'a> FlagWriter<'a> {
    pub(super) fn new(shown: &'a Snapshot, recent: &'a UidSet) -> FlagWriter<'a> {
        FlagWriter { shown, recent, last: None, text: Vec::new() }
    }

    pub(super) fn write(&mut self, out: &mut Vec<u8>, uid: Uid, flags: &Flags) {
        let recent = self.recent.contains(uid.get());
        if self.last.as_ref().is_none_or(|(known, was_recent)| known != flags || *was_recent != recent) {
            self.render(flags, recent);
            self.last = Some((flags.clone(), recent));
        }
        out.extend_from_slice(&self.text);
    }

    fn render(&mut self, flags: &Flags, recent: bool) {
        self.text.clear();
        self.text.extend_from_slice(b"FLAGS (");
        let names = self.shown.flag_names(flags).chain(recent.then_some("\\Recent"));
        for (i, name) in names.enumerate() {
            if i > 0 {
                self.text.push(b' ');
            }
            self.text.extend_from_slice(name.as_bytes());
        }
        self.text.push(b')');
    }
}

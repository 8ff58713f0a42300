//! The one writer of truth for a mailbox.
//!
//! Of the sessions that change a mailbox one takes all changes that wait, plans them as one draft, and commits it: the
//! changes of many sessions cost one sync of the disk, those of one session no hand-over to another thread.
//!
//! Invariants:
//! 1. A snapshot is published after the engine has said that its commit is durable, and before any of its authors
//!    hears of it.
//! 2. No MODSEQ is issued above `mod_seq_reserved` as it is on the disk; a relaxed commit that would is synced.
//! 3. A panic while the writer's lock is held ends the process: memory and disk might differ.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::change::{Change, NewMessage, Outcome};
use super::draft::{Bounds, Draft, Keeping};
use super::error::{MailboxError, Refusal};
use super::mailbox::Mailbox;
use super::message_annotations::AnnotationBounds;
use super::snapshot::Snapshot;
use crate::store::{AbortOnPanic, Commit, CommitFailure, Durability, MailboxCommit, Relaxed, StoreError, Version};
use crate::types::{ModSeq, Uid, UidSet, Visibility};

/// MODSEQs reserved ahead at each synced commit: so many flag changes cost at most one sync. 63 bits are enough for it.
const MOD_SEQ_AHEAD: u64 = 1 << 16;

/// Changes that one commit takes at most, so that the first of them does not wait for hundreds of others.
pub(super) const CHANGES_MAX: usize = 256;

/// What only the holder of the writer's lock knows.
pub(super) struct WriterState {
    pub(super) version: Version,
}

impl Mailbox {
    /// Does one change, alone or with others that wait; returns when it is as durable as `Sync` asks and published.
    pub fn commit(self: &Arc<Self>, change: Change) -> Result<Outcome, MailboxError> {
        let due = change.due();
        let outcome = self.changes.run(change, |changes| self.commit_changes(&changes))?;
        self.owe(&outcome.appended, due);
        Ok(outcome)
    }

    fn commit_changes(&self, changes: &[Change]) -> Vec<Result<Outcome, MailboxError>> {
        let mut writer = self.writer.lock();
        let failed = |error: StoreError| changes.iter().map(|_| Err(error.clone().into())).collect();
        self.try_changes(&mut writer, changes).unwrap_or_else(failed)
    }

    fn try_changes(
        &self,
        writer: &mut WriterState,
        changes: &[Change],
    ) -> Result<Vec<Result<Outcome, MailboxError>>, StoreError> {
        loop {
            if self.is_gone() {
                return Ok(changes.iter().map(|_| Err(Refusal::NonExistent.into())).collect());
            }
            let base = self.load_locked(writer)?;
            if self.is_gone() {
                continue;
            }
            let mut draft = Draft::new(&base, self.keeping(), self.bounds());
            let results = changes.iter().map(|change| draft.apply(change)).collect();
            match self.write(writer, draft) {
                Ok(()) => return Ok(results),
                Err(CommitFailure::Conflict) => self.forget_loaded(),
                Err(CommitFailure::Store(error)) => return Err(self.failed(error)),
            }
        }
    }

    /// Commits and publishes a draft.
    fn write(&self, writer: &mut WriterState, mut draft: Draft) -> Result<(), CommitFailure> {
        if draft.is_empty() {
            return Ok(());
        }
        let durability = self.settle(&mut draft);
        let due = self.due_for(&draft)?;
        let commit = draft.commit(self.account, self.id, writer.version);
        let day = due.as_ref().and_then(Commit::due_day);
        let commits = [Commit::Mailbox(commit)].into_iter().chain(due).collect();
        self.store.commit(commits, durability)?;
        self.is_due(day);
        let mod_seq = draft.snapshot.header.highest_mod_seq;
        self.publish(writer, draft.snapshot);
        if !draft.vanished.is_empty() {
            self.remember_less(writer, mod_seq);
        }
        Ok(())
    }

    /// Claims messages as \Recent before all servers: the first UID of those that are so here.
    pub(super) fn claim_recent_of_all(&self, from: u32, uid_next: u32) -> Result<u32, StoreError> {
        let mut writer = self.writer.lock();
        loop {
            let base = self.load_locked(&mut writer)?;
            let from = from.max(base.header.recent_from);
            if from >= uid_next || self.is_gone() {
                return Ok(from);
            }
            let mut snapshot = Snapshot::clone(&base);
            snapshot.header.recent_from = uid_next;
            let commit = MailboxCommit::of_header(self.account, self.id, writer.version, snapshot.header);
            match self.store.commit(vec![Commit::Mailbox(commit)], Durability::Relaxed) {
                Ok(()) => {
                    self.publish(&mut writer, snapshot);
                    return Ok(from);
                }
                Err(CommitFailure::Conflict) => self.forget_loaded(),
                Err(CommitFailure::Store(error)) => return Err(self.failed(error)),
            }
        }
    }

    /// Commits what is made of messages, and changes nothing that anybody sees; `false` where another server was first.
    pub(super) fn commit_derived(&self, writer: &mut WriterState, commit: Commit) -> Result<bool, StoreError> {
        match self.store.commit(vec![commit], Durability::Relaxed) {
            Ok(()) => {
                writer.version = Version(writer.version.0 + 1);
                Ok(true)
            }
            Err(CommitFailure::Conflict) => {
                self.forget_loaded();
                Ok(false)
            }
            Err(CommitFailure::Store(error)) => Err(self.failed(error)),
        }
    }

    /// What must be committed beside a draft that keeps what it expunges.
    fn due_for(&self, draft: &Draft) -> Result<Option<Commit>, CommitFailure> {
        if draft.keeps() { self.shared.due_once(self) } else { Ok(None) }
    }

    fn is_due(&self, day: Option<u32>) {
        if let Some(day) = day {
            self.due_day.store(day, Ordering::Relaxed);
        }
    }

    fn bounds(&self) -> Bounds {
        let limits = &self.shared.limits;
        let annotations = AnnotationBounds {
            entries_max: limits.annotations.entries_max,
            cost_max: limits.annotations.total_bytes_max,
        };
        Bounds { keywords_max: limits.keywords_max, annotations }
    }

    fn keeping(&self) -> Keeping {
        match self.shared.limits.keep_expunged_secs {
            0 => Keeping::Gone,
            _ => Keeping::Kept,
        }
    }

    /// Makes a snapshot that has been committed the newest.
    pub(super) fn publish(&self, writer: &mut WriterState, snapshot: Snapshot) {
        writer.version = Version(writer.version.0 + 1);
        let after = snapshot.header;
        self.usage.change(self.id, &after, || *self.published.write() = Some(Arc::new(snapshot)));
        if self.is_suspected() {
            // What another server has committed meanwhile may have been summed up already, and be written over now.
            self.usage.suspect(self.id);
        }
        self.ring();
    }

    /// Decides whether a draft must be synced, and reserves MODSEQs where it is. Invariant 2.
    fn settle(&self, draft: &mut Draft) -> Durability {
        let for_good = draft.is_for_good();
        let header = &mut draft.snapshot.header;
        // Where others write as well, what is claimed is committed by itself (`claim_recent_of_all`).
        if self.store.relaxed() == Relaxed::MayBeLost {
            header.recent_from = self.peek_recent();
        }
        let exceeds = header.highest_mod_seq > header.mod_seq_reserved;
        if for_good || exceeds {
            header.mod_seq_reserved = ModSeq(header.highest_mod_seq.0 + MOD_SEQ_AHEAD);
            return Durability::Synced;
        }
        Durability::Relaxed
    }
}

/// Why messages leave a mailbox as others arrive in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// They are the same messages.
    Moved,
    /// They are expunged, and kept where expunged messages are.
    Replaced,
}

impl Leaving {
    fn keeping(self, source: &Mailbox) -> Keeping {
        match self {
            Leaving::Moved => Keeping::Gone,
            Leaving::Replaced => source.keeping(),
        }
    }
}

/// Appends messages of one mailbox to another and removes them from the first, both or neither. RFC 6851
///
/// `copies` gives the messages to append for those UIDs of the source that are still there, and seen by the author. The two
/// may be one mailbox.
pub(super) fn move_messages(
    source: &Mailbox,
    target: &Arc<Mailbox>,
    copies: &[(Uid, NewMessage)],
    leaving: Leaving,
    visibility: Visibility,
) -> Result<(Outcome, Outcome), MailboxError> {
    let (appended, removed) = move_at_once(source, target, copies, leaving, visibility)?;
    let gone = copies.iter().filter(|(uid, _)| removed.expunged.contains(uid.get()));
    target.owe(&appended.appended, gone.map(|(_, message)| message.due()).collect());
    Ok((appended, removed))
}

fn move_at_once(
    source: &Mailbox,
    target: &Mailbox,
    copies: &[(Uid, NewMessage)],
    leaving: Leaving,
    visibility: Visibility,
) -> Result<(Outcome, Outcome), MailboxError> {
    let keeping = leaving.keeping(source);
    if source.id == target.id && source.account == target.account {
        return move_within(source, copies, keeping, visibility);
    }
    let source_first = (source.account, source.id) < (target.account, target.id);
    let (first, second) = if source_first { (source, target) } else { (target, source) };
    let (mut first_writer, mut second_writer) = (first.writer.lock(), second.writer.lock());
    let _abort = AbortOnPanic;
    let (from, to) = match source_first {
        true => (&mut *first_writer, &mut *second_writer),
        false => (&mut *second_writer, &mut *first_writer),
    };
    let is_gone = || source.is_gone() || target.is_gone();
    loop {
        if is_gone() {
            return Err(Refusal::NonExistent.into());
        }
        let mut leaving = Draft::new(&*source.load_locked(from)?, keeping, source.bounds());
        let mut arriving = Draft::new(&*target.load_locked(to)?, Keeping::Gone, target.bounds());
        // Who looks may find that another server has deleted it.
        if is_gone() {
            continue;
        }
        let outcome = plan_move(&mut leaving, Some(&mut arriving), copies, visibility)?;
        if leaving.is_empty() {
            return Ok(outcome);
        }
        source.settle(&mut leaving);
        target.settle(&mut arriving);
        match commit_both((source, from, &mut leaving), (target, to, &mut arriving)) {
            Ok(()) => {
                let half = target.usage.by_half();
                let mod_seq = leaving.snapshot.header.highest_mod_seq;
                target.publish(to, arriving.snapshot);
                source.publish(from, leaving.snapshot);
                drop(half);
                source.remember_less(from, mod_seq);
                return Ok(outcome);
            }
            Err(CommitFailure::Conflict) => {
                source.forget_loaded();
                target.forget_loaded();
            }
            Err(CommitFailure::Store(error)) => return Err(target.failed(source.failed(error)).into()),
        }
    }
}

/// A mailbox, its writer, and what is to become of it.
type Planned<'a> = (&'a Mailbox, &'a WriterState, &'a mut Draft);

fn commit_both(leaving: Planned<'_>, arriving: Planned<'_>) -> Result<(), CommitFailure> {
    let ((source, from, leaving), (target, to, arriving)) = (leaving, arriving);
    let due = source.due_for(leaving)?;
    let day = due.as_ref().and_then(Commit::due_day);
    let mut commits = vec![
        Commit::Mailbox(arriving.commit(target.account, target.id, to.version)),
        Commit::Mailbox(leaving.commit(source.account, source.id, from.version)),
    ];
    commits.extend(due);
    source.store.commit(commits, Durability::Synced)?;
    source.is_due(day);
    Ok(())
}

fn move_within(
    mailbox: &Mailbox,
    copies: &[(Uid, NewMessage)],
    keeping: Keeping,
    visibility: Visibility,
) -> Result<(Outcome, Outcome), MailboxError> {
    let mut writer = mailbox.writer.lock();
    let _abort = AbortOnPanic;
    loop {
        if mailbox.is_gone() {
            return Err(Refusal::NonExistent.into());
        }
        let mut draft = Draft::new(&*mailbox.load_locked(&mut writer)?, keeping, mailbox.bounds());
        if mailbox.is_gone() {
            continue;
        }
        let outcome = plan_move(&mut draft, None, copies, visibility)?;
        match mailbox.write(&mut writer, draft) {
            Ok(()) => return Ok(outcome),
            Err(CommitFailure::Conflict) => mailbox.forget_loaded(),
            Err(CommitFailure::Store(error)) => return Err(mailbox.failed(error).into()),
        }
    }
}

/// The outcome of the append and of the removal. Messages that another session expunged meanwhile stay away, those that it
/// hid from the author stay.
fn plan_move(
    leaving: &mut Draft,
    arriving: Option<&mut Draft>,
    copies: &[(Uid, NewMessage)],
    visibility: Visibility,
) -> Result<(Outcome, Outcome), MailboxError> {
    let uids: UidSet = copies.iter().map(|(uid, _)| *uid).collect();
    leaving.load_leaving(&uids)?;
    let flags = |uid: Uid| leaving.snapshot.by_uid(uid).map(|message| message.flags());
    let is_seen = |uid: Uid| flags(uid).is_some_and(|flags| visibility.sees(flags.class()));
    let there: Vec<_> = copies.iter().filter(|(uid, _)| is_seen(*uid)).collect();
    if there.is_empty() {
        return Ok((Outcome::default(), Outcome::default()));
    }
    let append = Change::Append(there.iter().map(|(_, message)| message.clone()).collect());
    let appended = match arriving {
        Some(arriving) => arriving.apply(&append)?,
        None => leaving.apply(&append)?,
    };
    let gone: UidSet = there.iter().map(|(uid, _)| *uid).collect();
    Ok((appended, leaving.leave(&gone)?))
}

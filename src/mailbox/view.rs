//! A session's own picture of the mailbox it has selected.          RFC 9051 7.5.1, 2.3.1.2
//!
//! The view is what the client has been told, sequence numbers included. `sync` moves it to the newest snapshot and
//! says what the client must hear; while EXPUNGE may not be reported, messages that are gone keep their places.
//! A message that another session expunged stays readable here until this session has been told.

use std::sync::Arc;

use super::error::MailboxError;
use super::mailbox::Mailbox;
use super::snapshot::Snapshot;
use super::summaries::Summaries;
use super::watch::Watch;
use crate::sys::Bell;
use crate::types::{By, ModSeq, NumberSet, Seq, SequenceSet, Uid, UidSet};

/// SELECT or EXAMINE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    ReadWrite,
    ReadOnly,
}

/// Whether the client may hear of an EXPUNGE now. RFC 9051 7.5.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expunges {
    Report,
    Hold,
}

/// What a client must be told so that its picture is the view again, in the order in which to tell it.
#[derive(Debug, Default)]
pub struct Changes {
    /// As numbered before any of them went, ascending.
    pub expunged: Vec<(Seq, Uid)>,
    /// Messages now, where some have come.
    pub exists: Option<u32>,
    /// \Recent messages now, where some have come.
    pub recent: Option<u32>,
    /// The mailbox has new keywords.
    pub keywords: bool,
    /// Messages whose flags may have changed.
    pub flags: Vec<Uid>,
    /// Those, and the messages that have come: what a search may find another answer for.
    pub touched: UidSet,
}

pub struct View {
    mailbox: Arc<Mailbox>,
    shown: Arc<Snapshot>,
    /// The newest snapshot that `shown` has been brought to; the two differ while expunges are held.
    synced: Arc<Snapshot>,
    recent: UidSet,
    access: Access,
    _watch: Watch,
}

impl View {
    /// Opens a mailbox. `bell` rings at each later change.
    pub fn open(mailbox: Arc<Mailbox>, access: Access, bell: Arc<Bell>) -> Result<View, MailboxError> {
        let watch = Watch::new(&mailbox, bell);
        let shown = mailbox.snapshot()?;
        let mut view = View { mailbox, synced: shown.clone(), shown, recent: UidSet::new(), access, _watch: watch };
        view.take_recent();
        Ok(view)
    }

    pub fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// What the client has been told.
    pub fn shown(&self) -> &Arc<Snapshot> {
        &self.shown
    }

    pub fn access(&self) -> Access {
        self.access
    }

    /// UIDs of the messages that are \Recent in this session.
    pub fn recent(&self) -> &UidSet {
        &self.recent
    }

    /// \Recent messages in the view.
    pub fn recent_count(&self) -> u32 {
        self.shown.in_uids(&self.recent).count() as u32
    }

    pub fn summaries(&self) -> Summaries {
        Summaries::new(self.mailbox.clone())
    }

    /// Moves the view to the newest snapshot.
    pub fn sync(&mut self, expunges: Expunges) -> Result<Changes, MailboxError> {
        let newest = self.mailbox.snapshot()?;
        if Arc::ptr_eq(&newest, &self.shown) {
            return Ok(Changes::default());
        }
        let mut changes = Changes::default();
        let mut difference = self.shown.difference(&newest)?;
        let hold = expunges == Expunges::Hold && !difference.expunged.is_empty();
        let next = if hold { Arc::new(self.shown.held(&newest)?) } else { newest.clone() };
        changes.keywords = next.keywords().len() != self.shown.keywords().len();
        changes.flags = std::mem::take(&mut difference.changed);
        changes.touched = changes.flags.iter().chain(&difference.arrived).copied().collect();
        changes.exists = (!difference.arrived.is_empty()).then(|| next.len());
        self.shown = next;
        self.synced = newest;
        self.take_recent();
        changes.recent = changes.exists.map(|_| self.recent_count());
        if !hold {
            changes.expunged = difference.expunged;
        }
        Ok(changes)
    }

    /// Claims what is new in the view as \Recent, or, read-only, looks at what could be claimed.
    fn take_recent(&mut self) {
        let Some(last) = self.shown.last_uid() else { return };
        let after = last.get().saturating_add(1);
        let from = match self.access {
            Access::ReadWrite => self.mailbox.claim_recent(after),
            Access::ReadOnly => self.mailbox.peek_recent(),
        };
        if from < after {
            let new: Vec<Uid> = self.shown.uid_range(from, last.get()).map(|message| message.uid()).collect();
            new.into_iter().for_each(|uid| self.recent.push(uid));
        }
    }

    /// UIDs that have vanished from the mailbox under a MODSEQ above `since`; what this view still shows is not among
    /// them. RFC 7162 3.2.6
    pub fn vanished(&self, since: ModSeq) -> Result<UidSet, MailboxError> {
        Ok(self.mailbox.vanished(since)?)
    }

    /// The UIDs that a command names, whether they are in this view or not; costs no look at the messages.
    pub fn named_uids(&self, set: &NumberSet, saved: &UidSet) -> UidSet {
        match set {
            NumberSet::Saved => saved.clone(),
            NumberSet::Set(set) => set.resolve(self.shown.last_uid().map_or(0, Uid::get)),
        }
    }

    /// The UIDs in this view that a command names. `None` where a sequence number is beyond the view, or `$` is
    /// resolved by `saved`.
    pub fn resolve(&self, set: &NumberSet, by: By, saved: &UidSet) -> Option<UidSet> {
        match (set, by) {
            (NumberSet::Saved, _) => Some(self.present(saved)),
            (NumberSet::Set(set), By::Uid) => Some(self.resolve_uids(set)),
            (NumberSet::Set(set), By::Seq) => self.resolve_seqs(set),
        }
    }

    fn present(&self, uids: &UidSet) -> UidSet {
        self.shown.in_uids(uids).map(|message| message.uid()).collect()
    }

    fn resolve_uids(&self, set: &SequenceSet) -> UidSet {
        self.present(&set.resolve(self.shown.last_uid().map_or(0, Uid::get)))
    }

    fn resolve_seqs(&self, set: &SequenceSet) -> Option<UidSet> {
        let seqs = set.resolve(self.shown.len());
        if set.largest() > self.shown.len() || seqs.is_empty() {
            return None;
        }
        Some(self.shown.in_seqs(&seqs).map(|message| message.uid()).collect())
    }
}

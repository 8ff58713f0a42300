//! The next state of a mailbox, and what the store must be told to get there.
//!
//! Changes are planned on a `Draft`: a copy of the newest snapshot that shares all it does not touch. Several sessions'
//! changes become one draft and one commit. A change that is refused leaves the draft as it was. What STORE does to it is in
//! `storing`, what expunging does in `expunging`, what new keywords do in `learning`.

use std::collections::BTreeSet;

use super::change::{Change, NewMessage, Outcome};
use super::error::{MailboxError, Refusal};
use super::leaf::Body;
use super::message_annotations::{AnnotationBounds, AnnotationWrites};
use super::snapshot::Snapshot;
use crate::store::{
    ExpungedMessage, FlagRecord, LeafNo, MailboxCommit, MessageRecord, PageNo, StoreError, Traffic, Value, Version,
};
use crate::types::{AccountId, FlagBits, KeywordId, MailboxId, ModSeq, SystemFlag, Uid, UidSet, Visibility};

/// The next state of a mailbox, and what the store must be told to get there.
pub(super) struct Draft {
    pub(super) snapshot: Snapshot,
    pub(super) records: BTreeSet<PageNo>,
    pub(super) flags: BTreeSet<PageNo>,
    /// New messages, ascending.
    pub(super) arrived: Vec<Uid>,
    /// Places of the keyword table that have got a keyword, or lost it.
    pub(super) placed: Vec<KeywordId>,
    pub(super) traffic: Traffic,
    pub(super) vanished: UidSet,
    pub(super) annotations: AnnotationWrites,
    pub(super) keeping: Keeping,
    pub(super) bounds: Bounds,
}

/// What a mailbox may have.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) keywords_max: usize,
    pub(super) annotations: AnnotationBounds,
}

/// What becomes of messages that are expunged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    Kept,
    Gone,
}

impl Draft {
    pub(super) fn new(base: &Snapshot, keeping: Keeping, bounds: Bounds) -> Draft {
        Draft {
            snapshot: base.clone(),
            records: BTreeSet::new(),
            flags: BTreeSet::new(),
            arrived: Vec::new(),
            placed: Vec::new(),
            traffic: Traffic::default(),
            vanished: UidSet::new(),
            annotations: AnnotationWrites::default(),
            keeping,
            bounds,
        }
    }

    /// Whether there is anything to commit.
    pub(super) fn is_empty(&self) -> bool {
        self.flags.is_empty() && self.arrived.is_empty() && self.traffic.released.is_empty() && self.placed.is_empty()
    }

    /// Whether anything but flags changes, so that the commit must be synced whatever `Sync` says.
    pub(super) fn is_for_good(&self) -> bool {
        !self.arrived.is_empty()
            || !self.records.is_empty()
            || !self.traffic.released.is_empty()
            || !self.annotations.is_empty()
    }

    /// Whether messages are kept that were not before.
    pub(super) fn keeps(&self) -> bool {
        !self.traffic.kept.is_empty()
    }

    pub(super) fn apply(&mut self, change: &Change) -> Result<Outcome, MailboxError> {
        self.load(change)?;
        Ok(match change {
            Change::Append(messages) => self.append(messages)?,
            Change::Store { uids, mode, flags, unchanged_since, visibility } => {
                self.store(uids, *mode, flags, *unchanged_since, *visibility)?
            }
            Change::Annotate { uids, new, unchanged_since, visibility } => {
                self.annotate(uids, new, *unchanged_since, *visibility)?
            }
            Change::Expunge { among, visibility } => self.expunge(among.as_ref(), *visibility)?,
            Change::Undelete(messages) => self.undelete(messages)?,
            Change::Purge(messages) => {
                for message in messages {
                    if self.is_kept(message)? {
                        self.snapshot.forget_annotations(message.record.uid, &mut self.annotations)?;
                        self.release(message);
                    }
                }
                self.unchanged()
            }
        })
    }

    /// Reads what a change will touch, so that nothing fails half-way.
    fn load(&self, change: &Change) -> Result<(), StoreError> {
        let last = || self.snapshot.last_uid().map_or_else(UidSet::new, |uid| [uid].into_iter().collect());
        match change {
            Change::Append(messages) => {
                self.snapshot.load(&last())?;
                match messages.iter().all(|message| message.annotations.is_empty()) {
                    true => Ok(()),
                    false => self.snapshot.load_annotations(),
                }
            }
            Change::Undelete(_) => {
                self.snapshot.load_annotations()?;
                self.snapshot.load(&last())
            }
            Change::Purge(_) => self.snapshot.load_annotations(),
            Change::Annotate { uids, .. } => {
                self.snapshot.load_annotations()?;
                self.snapshot.load(uids)
            }
            Change::Store { uids, .. } => self.snapshot.load(uids),
            Change::Expunge { among: Some(uids), .. } => self.load_leaving(uids),
            Change::Expunge { visibility, .. } if !self.has_deleted(*visibility) => Ok(()),
            Change::Expunge { .. } => {
                self.load_leaving(&UidSet::new())?;
                self.snapshot.load_all()
            }
        }
    }

    /// Reads what is known of messages that leave.
    pub(super) fn load_leaving(&self, uids: &UidSet) -> Result<(), StoreError> {
        self.snapshot.load_annotations()?;
        self.snapshot.load(uids)
    }

    pub(super) fn has_deleted(&self, visibility: Visibility) -> bool {
        self.snapshot.header.sums.seen(visibility).deleted > 0
    }

    pub(super) fn unchanged(&self) -> Outcome {
        Outcome { mod_seq: self.snapshot.header.highest_mod_seq, ..Outcome::default() }
    }

    pub(super) fn next_mod_seq(&mut self) -> ModSeq {
        let next = self.snapshot.header.highest_mod_seq.next();
        self.snapshot.header.highest_mod_seq = next;
        self.snapshot.latest.others = next;
        next
    }

    fn append(&mut self, messages: &[NewMessage]) -> Result<Outcome, MailboxError> {
        self.check_room(messages.len())?;
        if messages.iter().any(|message| !message.annotations.is_empty()) {
            let with = messages.iter().map(|message| (None, message.annotations.as_slice()));
            self.snapshot.check_annotations(with, self.bounds.annotations)?;
        }
        self.learn(messages.iter().flat_map(|message| &message.flags))?;
        let mut outcome = Outcome { mod_seq: self.next_mod_seq(), ..Outcome::default() };
        for message in messages {
            outcome.appended.extend(self.push(message, outcome.mod_seq));
        }
        Ok(outcome)
    }

    fn push(&mut self, message: &NewMessage, mod_seq: ModSeq) -> Option<Uid> {
        let uid = Uid::new(self.snapshot.header.uid_next)?;
        let record = MessageRecord {
            uid,
            blob: message.blob.id,
            size: message.size,
            internal_date: message.internal_date,
            sent_date: message.sent_date,
            saved_secs: crate::sys::now_secs(),
        };
        let flags = self.snapshot.known(&message.flags);
        self.place(&record, &FlagRecord { uid, flags, mod_seq }, message.summary.with());
        match message.pin {
            Some(_) => self.traffic.shared.push((uid, record.blob)),
            None => self.traffic.added.push((uid, record.blob)),
        }
        self.traffic.blobs.push(message.blob.clone());
        self.snapshot.annotate(uid, message.annotations.iter().cloned(), mod_seq, &mut self.annotations);
        Some(uid)
    }

    /// Puts a message at the end, under the next UID.
    fn place(&mut self, record: &MessageRecord, flags: &FlagRecord, structure: Option<Value>) {
        let uid = record.uid;
        self.snapshot.push(record, flags);
        let header = &mut self.snapshot.header;
        header.uid_next = uid.next().map_or(0, Uid::get);
        header.sums.add(record, flags.flags.bits());
        self.arrived.push(uid);
        self.traffic.structures.extend(structure.map(|structure| (uid, structure)));
    }

    /// Keyword bits are those of this mailbox; \Deleted is what the messages come back from. Their annotations come with
    /// them.
    fn undelete(&mut self, messages: &[(ExpungedMessage, Value)]) -> Result<Outcome, MailboxError> {
        let mut kept = Vec::with_capacity(messages.len());
        for message in messages {
            kept.extend(self.is_kept(&message.0)?.then_some(message));
        }
        let messages = kept;
        if messages.is_empty() {
            return Ok(self.unchanged());
        }
        self.check_room(messages.len())?;
        let annotations = messages.iter().map(|(message, _)| self.snapshot.all_annotations(message.record.uid));
        let annotations = annotations.collect::<Result<Vec<_>, _>>()?;
        let mut outcome = Outcome { mod_seq: self.next_mod_seq(), ..Outcome::default() };
        for ((message, structure), annotations) in messages.into_iter().zip(annotations) {
            let Some(uid) = Uid::new(self.snapshot.header.uid_next) else { break };
            let flags = message.flags.flags.without(&FlagBits::system(SystemFlag::Deleted).into());
            let record = MessageRecord { uid, ..message.record };
            self.place(&record, &FlagRecord { uid, flags, mod_seq: outcome.mod_seq }, Some(structure.clone()));
            self.traffic.added.push((uid, record.blob));
            self.snapshot.forget_annotations(message.record.uid, &mut self.annotations)?;
            self.snapshot.annotate(uid, annotations, outcome.mod_seq, &mut self.annotations);
            self.release(message);
            outcome.appended.push(uid);
        }
        Ok(outcome)
    }

    /// Whether it is so still: somebody else may have brought it back, or given it up.
    fn is_kept(&self, message: &ExpungedMessage) -> Result<bool, StoreError> {
        let key = |of: &ExpungedMessage| (of.expunged_secs, of.record.uid);
        let released = self.traffic.released.iter().any(|released| key(released) == key(message));
        Ok(!released && self.snapshot.is_kept(message)?)
    }

    fn release(&mut self, message: &ExpungedMessage) {
        let header = &mut self.snapshot.header;
        header.kept_messages = header.kept_messages.saturating_sub(1);
        header.kept_bytes = header.kept_bytes.saturating_sub(message.record.size.into());
        self.traffic.released.push(message.clone());
    }

    fn check_room(&self, messages: usize) -> Result<(), Refusal> {
        let room = (u32::MAX - self.snapshot.header.uid_next) as usize;
        match self.snapshot.header.uid_next == 0 || messages > room {
            true => Err(Refusal::UidsUsedUp),
            false => Ok(()),
        }
    }

    /// What the store must do, given the version that the draft was planned on.
    pub(super) fn commit(&mut self, account: AccountId, mailbox: MailboxId, guard: Version) -> MailboxCommit {
        let tailing = self.plan_tail();
        let snapshot = &self.snapshot;
        let page = |no: &PageNo| (*no, snapshot.stored_page(*no, Body::record));
        let flags = |no: &PageNo| (*no, snapshot.stored_page(*no, Body::flag_record));
        let keyword = |id: &KeywordId| (*id, snapshot.keywords.get(*id).cloned());
        let pages = self.flags.iter().map(|page| page.first());
        let leaves: BTreeSet<LeafNo> = pages.chain(tailing.alone.iter().copied()).map(LeafNo::of).collect();
        let alone = tailing.alone.iter().filter_map(|uid| snapshot.by_uid(*uid));
        let alone = alone.map(|message| (message.record(), message.flag_record())).collect();
        let annotations = self.annotations.take();
        MailboxCommit {
            account,
            mailbox,
            guard,
            header: snapshot.header,
            keywords: self.placed.iter().map(keyword).collect(),
            records: self.records.iter().map(page).collect(),
            flags: self.flags.iter().map(flags).collect(),
            alone,
            folded: tailing.folded,
            leaves: leaves.into_iter().map(|no| (no, snapshot.leaf_entry(no))).collect(),
            traffic: std::mem::take(&mut self.traffic),
            annotations,
            vanished: (!self.vanished.is_empty()).then(|| (snapshot.header.highest_mod_seq, self.vanished.clone())),
        }
    }
}

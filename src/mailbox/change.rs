//! What can be done to a mailbox, and what it does to its snapshot.          RFC 9051 6.4.3, 6.4.6, 6.3.12
//!
//! Changes are planned on a `Draft`: a copy of the newest snapshot that shares all it does not touch. Several
//! sessions' changes become one draft and one commit. A change that is refused leaves the draft as it was.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::error::{MailboxError, Refusal};
use super::leaf::Body;
use super::message_annotations::{AnnotationBounds, AnnotationWrites, NewAnnotation};
use super::snapshot::{Latest, Snapshot};
use super::walk::Message;
use crate::store::{
    ExpungedMessage, FlagRecord, LeafNo, MailboxCommit, MessageRecord, NO_DATE, NewBlob, PageNo, Pin, StoreError,
    Sums, Value, Version,
};
use crate::types::{
    AccountId, BlobId, Flag, FlagBits, Flags, InternalDate, Keyword, KeywordId, MailboxId, ModSeq, SystemFlag, Uid,
    UidSet, Visibility,
};

/// How STORE combines the given flags with those that are there. RFC 9051 6.4.6
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreMode {
    Replace,
    Add,
    Remove,
}

/// A message on its way into a mailbox: its octets are in `blob`, or in the store already.
#[derive(Clone, Debug)]
pub struct NewMessage {
    pub blob: NewBlob,
    pub size: u32,
    pub internal_date: InternalDate,
    pub sent_date: InternalDate,
    pub flags: Vec<Flag>,
    /// `mime::Summary` of the message, encoded; `None` where it is written later (`owed`).
    pub structure: Option<Value>,
    pub annotations: Vec<NewAnnotation>,
    /// Keeps octets that are in the store until the commit is done; nobody need look for them.
    pub pin: Option<Arc<Pin>>,
}

#[derive(Clone, Debug)]
pub enum Change {
    /// All of them or none.
    Append(Vec<NewMessage>),
    Store {
        uids: UidSet,
        mode: StoreMode,
        flags: Vec<Flag>,
        /// Messages with a later MODSEQ are left alone and reported. RFC 7162 3.1.3
        unchanged_since: Option<ModSeq>,
        /// Messages that have been hidden from the author meanwhile are left alone, as if they had been expunged.
        visibility: Visibility,
    },
    /// Sets annotations of messages: all of them or none. RFC 5257 4.5
    Annotate { uids: UidSet, new: Vec<NewAnnotation>, unchanged_since: Option<ModSeq>, visibility: Visibility },
    /// Removes what is marked \Deleted and is seen by the author: all of it, or those among the given.
    Expunge { among: Option<UidSet>, visibility: Visibility },
    /// Brings expunged messages back, under new UIDs, each with its summary.
    Undelete(Vec<(ExpungedMessage, Value)>),
    /// Keeps other summaries of messages; of those that are still there.
    Describe(Vec<(Uid, Value)>),
    /// Gives up messages that were kept.
    Purge(Vec<ExpungedMessage>),
}

/// What a change has done.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// UIDs of appended messages, in the order of the messages.
    pub appended: Vec<Uid>,
    /// MODSEQ of the change; that of the mailbox where nothing changed.
    pub mod_seq: ModSeq,
    /// Messages that STORE left alone for UNCHANGEDSINCE.
    pub modified: UidSet,
    /// Messages that STORE has hidden from its author.
    pub hidden: UidSet,
    pub expunged: UidSet,
}

/// The next state of a mailbox, and what the store must be told to get there.
pub(super) struct Draft {
    pub(super) snapshot: Snapshot,
    records: BTreeSet<PageNo>,
    flags: BTreeSet<PageNo>,
    /// Places of the keyword table that have got a keyword, or lost it.
    placed: Vec<KeywordId>,
    structures: Vec<(Uid, Value)>,
    blobs: Vec<NewBlob>,
    added: Vec<(Uid, BlobId)>,
    shared: Vec<(Uid, BlobId)>,
    removed: Vec<(Uid, BlobId)>,
    kept: Vec<ExpungedMessage>,
    released: Vec<ExpungedMessage>,
    vanished: UidSet,
    annotations: AnnotationWrites,
    keeping: Keeping,
    bounds: Bounds,
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
            placed: Vec::new(),
            structures: Vec::new(),
            blobs: Vec::new(),
            added: Vec::new(),
            shared: Vec::new(),
            removed: Vec::new(),
            kept: Vec::new(),
            released: Vec::new(),
            vanished: UidSet::new(),
            annotations: AnnotationWrites::default(),
            keeping,
            bounds,
        }
    }

    /// Whether there is anything to commit.
    pub(super) fn is_empty(&self) -> bool {
        let describes = !self.structures.is_empty();
        !describes && self.flags.is_empty() && self.released.is_empty() && self.placed.is_empty()
    }

    /// Whether anything but flags changes, so that the commit must be synced whatever `Sync` says.
    pub(super) fn is_for_good(&self) -> bool {
        !self.records.is_empty() || !self.released.is_empty() || !self.annotations.is_empty()
    }

    /// Whether messages are kept that were not before.
    pub(super) fn keeps(&self) -> bool {
        !self.kept.is_empty()
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
            Change::Describe(summaries) => {
                let there = summaries.iter().filter(|(uid, _)| self.snapshot.by_uid(*uid).is_some());
                self.structures.extend(there.cloned());
                self.unchanged()
            }
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
            Change::Describe(summaries) => self.snapshot.load(&summaries.iter().map(|(uid, _)| *uid).collect()),
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

    fn has_deleted(&self, visibility: Visibility) -> bool {
        self.snapshot.header.sums.seen(visibility).deleted > 0
    }

    fn unchanged(&self) -> Outcome {
        Outcome { mod_seq: self.snapshot.header.highest_mod_seq, ..Outcome::default() }
    }

    fn next_mod_seq(&mut self) -> ModSeq {
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
        self.place(&record, &FlagRecord { uid, flags, mod_seq }, message.structure.clone());
        match message.pin {
            Some(_) => self.shared.push((uid, record.blob)),
            None => self.added.push((uid, record.blob)),
        }
        self.blobs.push(message.blob.clone());
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
        self.records.insert(PageNo::of(uid));
        self.flags.insert(PageNo::of(uid));
        self.structures.extend(structure.map(|structure| (uid, structure)));
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
            self.added.push((uid, record.blob));
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
        let released = self.released.iter().any(|released| key(released) == key(message));
        Ok(!released && self.snapshot.is_kept(message)?)
    }

    fn release(&mut self, message: &ExpungedMessage) {
        let header = &mut self.snapshot.header;
        header.kept_messages = header.kept_messages.saturating_sub(1);
        header.kept_bytes = header.kept_bytes.saturating_sub(message.record.size.into());
        self.released.push(message.clone());
    }

    fn check_room(&self, messages: usize) -> Result<(), Refusal> {
        let room = (u32::MAX - self.snapshot.header.uid_next) as usize;
        match self.snapshot.header.uid_next == 0 || messages > room {
            true => Err(Refusal::UidsUsedUp),
            false => Ok(()),
        }
    }

    fn store(
        &mut self,
        uids: &UidSet,
        mode: StoreMode,
        flags: &[Flag],
        unchanged_since: Option<ModSeq>,
        visibility: Visibility,
    ) -> Result<Outcome, MailboxError> {
        let passes = |message: &Message<'_>| {
            visibility.sees(message.flags().class()) && unchanged_since.is_none_or(|since| message.mod_seq() <= since)
        };
        // Where nothing can be stored no keyword is made for it.
        if mode != StoreMode::Remove && self.snapshot.in_uids(uids).any(|message| passes(&message)) {
            self.learn(flags.iter())?;
        }
        let mut combining = Combining::new(mode, self.snapshot.known(flags));
        let mut outcome = self.unchanged();
        let most = uids.count().min(self.snapshot.len().into()) as usize;
        let mut changed: Vec<Changed> = Vec::with_capacity(most);
        for message in self.snapshot.in_uids(uids).filter(|message| visibility.sees(message.flags().class())) {
            if unchanged_since.is_some_and(|since| message.mod_seq() > since) {
                outcome.modified.push(message.uid());
                continue;
            }
            let Some(flags) = combining.change(&message) else { continue };
            let (before, now) = (message.flags(), flags.bits());
            if !visibility.sees(now.class()) {
                outcome.hidden.push(message.uid());
            }
            let after = FlagRecord { uid: message.uid(), flags, mod_seq: ModSeq::ZERO };
            let bytes = Sums::change_with(before, now).then(|| message.size());
            changed.push(Changed { after, before, bytes });
        }
        if !changed.is_empty() {
            outcome.mod_seq = self.next_mod_seq();
        }
        changed.iter_mut().for_each(|changed| changed.after.mod_seq = outcome.mod_seq);
        self.set(changed);
        Ok(outcome)
    }

    fn annotate(
        &mut self,
        uids: &UidSet,
        new: &[NewAnnotation],
        unchanged_since: Option<ModSeq>,
        visibility: Visibility,
    ) -> Result<Outcome, MailboxError> {
        let mut outcome = self.unchanged();
        let mut changed: Vec<Changed> = Vec::new();
        for message in self.snapshot.in_uids(uids).filter(|message| visibility.sees(message.flags().class())) {
            if unchanged_since.is_some_and(|since| message.mod_seq() > since) {
                outcome.modified.push(message.uid());
            } else if self.snapshot.annotations_change(message.uid(), new)? {
                changed.push(Changed { after: message.flag_record(), before: message.flags(), bytes: None });
            }
        }
        let with = changed.iter().map(|changed| (Some(changed.after.uid), new));
        self.snapshot.check_annotations(with, self.bounds.annotations)?;
        if changed.is_empty() {
            return Ok(outcome);
        }
        let others = self.snapshot.latest.others;
        outcome.mod_seq = self.next_mod_seq();
        self.snapshot.latest = Latest { annotations: outcome.mod_seq, others };
        for changed in &mut changed {
            changed.after.mod_seq = outcome.mod_seq;
            let uid = changed.after.uid;
            self.snapshot.annotate(uid, new.iter().cloned(), outcome.mod_seq, &mut self.annotations);
        }
        self.set(changed);
        Ok(outcome)
    }

    /// New flags of messages, ascending.
    fn set(&mut self, changed: Vec<Changed>) {
        let sums = &mut self.snapshot.header.sums;
        let mut moved = false;
        let mut last = None;
        for Changed { after, before, bytes } in &changed {
            let (now, page) = (after.flags.bits(), PageNo::of(after.uid));
            if let Some(bytes) = bytes {
                moved |= before.class() != now.class();
                sums.of_mut(before.class()).remove(*bytes, *before);
                sums.of_mut(now.class()).add(*bytes, NO_DATE, now);
            }
            if last.replace(page) != Some(page) {
                self.flags.insert(page);
            }
        }
        self.snapshot.set_flags(changed.into_iter().map(|changed| changed.after));
        if moved {
            self.snapshot.header.sums.set_oldest(self.snapshot.oldest_secs());
        }
    }

    fn expunge(&mut self, among: Option<&UidSet>, visibility: Visibility) -> Result<Outcome, StoreError> {
        let deleted = |message: &Message<'_>| {
            message.flags().has(SystemFlag::Deleted) && visibility.sees(message.flags().class())
        };
        let uids: UidSet = match among {
            Some(uids) => self.snapshot.in_uids(uids).filter(deleted).map(|m| m.uid()).collect(),
            None if !self.has_deleted(visibility) => UidSet::new(),
            None => self.snapshot.messages().filter(deleted).map(|m| m.uid()).collect(),
        };
        self.remove(&uids, self.keeping)
    }

    /// Removes messages for which others have come: a MOVE, or a REPLACE.
    pub(super) fn leave(&mut self, uids: &UidSet) -> Result<Outcome, StoreError> {
        self.remove(uids, self.keeping)
    }

    fn remove(&mut self, uids: &UidSet, keeping: Keeping) -> Result<Outcome, StoreError> {
        let gone: Vec<(MessageRecord, FlagRecord)> =
            self.snapshot.in_uids(uids).map(|m| (m.record(), m.flag_record())).collect();
        if gone.is_empty() {
            return Ok(self.unchanged());
        }
        let expunged: UidSet = gone.iter().map(|(record, _)| record.uid).collect();
        self.snapshot.remove(&expunged);
        let expunged_secs = crate::sys::now_secs();
        for (record, flags) in gone {
            self.forget(ExpungedMessage { expunged_secs, record, flags }, keeping)?;
        }
        self.snapshot.header.sums.set_oldest(self.snapshot.oldest_secs());
        expunged.ranges().iter().for_each(|&(low, high)| self.vanished.push_range(low, high));
        Ok(Outcome { mod_seq: self.next_mod_seq(), expunged, ..Outcome::default() })
    }

    fn forget(&mut self, message: ExpungedMessage, keeping: Keeping) -> Result<(), StoreError> {
        let (record, flags) = (message.record, message.flags.flags.bits());
        self.snapshot.header.sums.of_mut(flags.class()).remove(record.size, flags);
        self.records.insert(PageNo::of(record.uid));
        self.flags.insert(PageNo::of(record.uid));
        // A message that came and went within one commit was never there.
        self.structures.retain(|(uid, _)| *uid != record.uid);
        let new = [&mut self.added, &mut self.shared].into_iter();
        let mut taken =
            new.filter_map(|new| Some(new.swap_remove(new.iter().position(|(uid, _)| *uid == record.uid)?)));
        let taken = taken.next();
        match keeping == Keeping::Kept && taken.is_none() {
            true => self.snapshot.keep_annotations(record.uid)?,
            false => self.snapshot.forget_annotations(record.uid, &mut self.annotations)?,
        }
        match taken {
            Some(_) => {}
            None if keeping == Keeping::Kept => {
                self.snapshot.header.kept_messages += 1;
                self.snapshot.header.kept_bytes += u64::from(record.size);
                self.kept.push(message);
            }
            None => self.removed.push((record.uid, record.blob)),
        }
        Ok(())
    }

    /// Gives a place in the keyword table to each keyword that has none.
    fn learn<'a>(&mut self, flags: impl Iterator<Item = &'a Flag> + Clone) -> Result<(), MailboxError> {
        let mut new = self.unknown(flags.clone());
        if self.snapshot.keywords.len() + new.len() > self.bounds.keywords_max {
            self.forget_unused()?;
            new = self.unknown(flags);
        }
        if self.snapshot.keywords.len() + new.len() > self.bounds.keywords_max {
            return Err(Refusal::TooManyKeywords.into());
        }
        if !new.is_empty() {
            let table = Arc::make_mut(&mut self.snapshot.keywords);
            self.placed.extend(new.into_iter().filter_map(|keyword| table.learn(keyword)));
        }
        Ok(())
    }

    /// The keywords among these that have no place, each once.
    fn unknown<'a>(&self, flags: impl Iterator<Item = &'a Flag>) -> Vec<&'a Keyword> {
        let mut new: Vec<&Keyword> = Vec::new();
        for flag in flags {
            match flag {
                Flag::Keyword(keyword) if self.snapshot.keyword(keyword).is_none() && !new.contains(&keyword) => {
                    new.push(keyword);
                }
                _ => {}
            }
        }
        new
    }

    /// Empties the places of keywords that no message has any more, nor one that is kept. Costs a look at all messages, and
    /// where any of them is to be had for it, at all that are kept.
    fn forget_unused(&mut self) -> Result<(), StoreError> {
        self.snapshot.load_all()?;
        let mut unused: BTreeSet<KeywordId> = self.snapshot.keywords.iter().map(|(id, _)| id).collect();
        let strike = |unused: &mut BTreeSet<KeywordId>, flags: &Flags| {
            flags.keywords().for_each(|id| {
                unused.remove(&id);
            });
        };
        let mut last = Flags::default();
        for flags in self.snapshot.messages().map(|message| message.all_flags()) {
            if flags != last {
                strike(&mut unused, &flags);
                last = flags;
            }
        }
        if unused.is_empty() {
            return Ok(());
        }
        for message in self.snapshot.kept()?.iter().chain(&self.kept) {
            strike(&mut unused, &message.flags.flags);
        }
        let unused: Vec<KeywordId> = unused.into_iter().collect();
        if !unused.is_empty() {
            Arc::make_mut(&mut self.snapshot.keywords).forget(&unused);
            self.placed.extend(unused);
        }
        Ok(())
    }

    /// What the store must do, given the version that the draft was planned on.
    pub(super) fn commit(&mut self, account: AccountId, mailbox: MailboxId, guard: Version) -> MailboxCommit {
        let snapshot = &self.snapshot;
        let page = |no: &PageNo| (*no, snapshot.stored_page(*no, Body::record));
        let flags = |no: &PageNo| (*no, snapshot.stored_page(*no, Body::flag_record));
        let keyword = |id: &KeywordId| (*id, snapshot.keywords.get(*id).cloned());
        let leaves: BTreeSet<LeafNo> = self.flags.iter().map(|page| LeafNo::of(page.first())).collect();
        let annotations = self.annotations.take();
        MailboxCommit {
            account,
            mailbox,
            guard,
            header: snapshot.header,
            keywords: self.placed.iter().map(keyword).collect(),
            records: self.records.iter().map(page).collect(),
            flags: self.flags.iter().map(flags).collect(),
            leaves: leaves.into_iter().map(|no| (no, snapshot.leaf_entry(no))).collect(),
            structures: std::mem::take(&mut self.structures),
            blobs: std::mem::take(&mut self.blobs),
            added: std::mem::take(&mut self.added),
            shared: std::mem::take(&mut self.shared),
            removed: std::mem::take(&mut self.removed),
            kept: std::mem::take(&mut self.kept),
            released: std::mem::take(&mut self.released),
            annotations,
            vanished: (!self.vanished.is_empty()).then(|| (snapshot.header.highest_mod_seq, self.vanished.clone())),
        }
    }
}

/// What STORE makes of the flags of messages. Where keywords without a bit are among them, most messages have the flags of
/// the one before.
struct Combining {
    mode: StoreMode,
    given: Flags,
    last: Option<(Flags, Flags)>,
}

impl Combining {
    fn new(mode: StoreMode, given: Flags) -> Combining {
        Combining { mode, given, last: None }
    }

    /// The new flags of a message; `None` where they are those that it has.
    fn change(&mut self, message: &Message<'_>) -> Option<Flags> {
        let bits = message.flags();
        if self.given.further().is_empty() && !bits.has_further() {
            let after = self.mode.combine_bits(bits, self.given.bits());
            return (after != bits).then(|| after.into());
        }
        let before = message.all_flags();
        if self.last.as_ref().is_none_or(|(known, _)| *known != before) {
            let after = self.mode.combine(&before, &self.given);
            self.last = Some((before, after));
        }
        self.last.as_ref().filter(|(before, after)| before != after).map(|(_, after)| after.clone())
    }
}

/// A message whose flags become others.
struct Changed {
    after: FlagRecord,
    before: FlagBits,
    /// Of the message, where the sums change with it.
    bytes: Option<u32>,
}

impl StoreMode {
    fn combine_bits(self, before: FlagBits, given: FlagBits) -> FlagBits {
        match self {
            StoreMode::Replace => given,
            StoreMode::Add => before.with(given),
            StoreMode::Remove => before.without(given),
        }
    }

    pub fn combine(self, before: &Flags, given: &Flags) -> Flags {
        match self {
            StoreMode::Replace => given.clone(),
            StoreMode::Add => before.with(given),
            StoreMode::Remove => before.without(given),
        }
    }
}

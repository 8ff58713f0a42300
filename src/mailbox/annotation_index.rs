//! Which annotations the messages of a mailbox have: whose, and how large.          RFC 5257
//!
//! Kept in memory from the first moment that somebody asks. Snapshots share one index until a commit changes it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::leaf::Source;
use super::message_annotations::ChangedEntry;
use crate::store::{LeafNo, MessageAnnotationId, Store, StoreError};
use crate::types::{AccountId, EntryScope, MessageEntry, ModSeq, Uid, UidSet};

/// What is known of an annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) user: Option<AccountId>,
    pub(super) entry: MessageEntry,
    /// Of the message when it was set.
    pub(super) mod_seq: ModSeq,
    pub(super) bytes: u32,
}

impl Held {
    pub(super) fn cost(&self) -> u64 {
        Store::message_annotation_cost(&self.entry, self.bytes.into())
    }

    pub(super) fn is_seen_by(&self, user: Option<AccountId>) -> bool {
        self.user.is_none() || self.user == user
    }

    pub(super) fn scope(&self) -> EntryScope {
        if self.user.is_some() { EntryScope::Private } else { EntryScope::Shared }
    }
}

type OfLeaf = BTreeMap<Uid, Vec<Held>>;

/// Annotations by message; a change copies those of one leaf.
#[derive(Clone, Default)]
struct ByLeaf(BTreeMap<LeafNo, Arc<OfLeaf>>);

impl ByLeaf {
    fn of(&self, uid: Uid) -> Option<&[Held]> {
        let leaf = self.0.get(&LeafNo::of(uid))?;
        leaf.get(&uid).map(Vec::as_slice)
    }

    /// Changes what a message has.
    fn change<T>(&mut self, uid: Uid, change: impl FnOnce(&mut Vec<Held>) -> T) -> T {
        let no = LeafNo::of(uid);
        let leaf = Arc::make_mut(self.0.entry(no).or_default());
        let held = leaf.entry(uid).or_default();
        let changed = change(held);
        if held.is_empty() {
            leaf.remove(&uid);
        }
        if leaf.is_empty() {
            self.0.remove(&no);
        }
        changed
    }

    fn take(&mut self, uid: Uid) -> Vec<Held> {
        match self.of(uid) {
            Some(_) => self.change(uid, std::mem::take),
            None => Vec::new(),
        }
    }

    fn uids(&self) -> impl Iterator<Item = Uid> {
        self.0.values().flat_map(|leaf| leaf.keys().copied())
    }
}

/// The annotations of a mailbox's messages.
#[derive(Clone, Default)]
pub(super) struct AnnotationIndex {
    there: ByLeaf,
    /// Of messages that were expunged and are kept: they count for nothing.
    kept: ByLeaf,
    /// What all annotations of a user, or the shared ones, count for.
    pub(super) costs: HashMap<Option<AccountId>, u64>,
}

impl AnnotationIndex {
    fn read(source: &Source) -> Result<AnnotationIndex, StoreError> {
        let (account, mailbox, mut index) = (source.account, source.mailbox, AnnotationIndex::default());
        source.store.message_annotations(account, mailbox, &mut |id, mod_seq, bytes| {
            index.set(&id, Some((mod_seq, bytes)));
        })?;
        if !index.there.0.is_empty() {
            let kept = source.store.expunged(account, mailbox, 0, i64::MAX)?;
            kept.iter().for_each(|kept| index.keep(kept.record.uid));
        }
        Ok(index)
    }

    pub(super) fn of(&self, uid: Uid) -> &[Held] {
        self.there.of(uid).or_else(|| self.kept.of(uid)).unwrap_or(&[])
    }

    pub(super) fn get(&self, uid: Uid, user: Option<AccountId>, entry: &MessageEntry) -> Option<&Held> {
        self.of(uid).iter().find(|held| held.user == user && held.entry == *entry)
    }

    pub(super) fn set(&mut self, id: &MessageAnnotationId, now: Option<(ModSeq, u32)>) {
        let as_held = |(mod_seq, bytes)| Held { user: id.user, entry: id.entry.clone(), mod_seq, bytes };
        let after = now.map(as_held);
        let count = after.as_ref().map_or(0, Held::cost);
        let before = self.there.change(id.uid, |held| {
            let at = held.iter().position(|held| held.user == id.user && held.entry == id.entry);
            let before = at.map(|at| held.remove(at));
            if let Some(after) = after {
                let place = held.partition_point(|held| (held.user, &held.entry) < (after.user, &after.entry));
                held.insert(place, after);
            }
            before
        });
        *self.costs.entry(id.user).or_default() += count;
        before.iter().for_each(|before| self.uncount(before));
    }

    fn uncount(&mut self, held: &Held) {
        let sum = self.costs.entry(held.user).or_default();
        *sum = sum.saturating_sub(held.cost());
    }

    /// The message is there no more, and kept.
    pub(super) fn keep(&mut self, uid: Uid) {
        let held = self.there.take(uid);
        held.iter().for_each(|held| self.uncount(held));
        if !held.is_empty() {
            self.kept.change(uid, |kept| *kept = held);
        }
    }

    /// The message is gone for good: what it had.
    pub(super) fn forget(&mut self, uid: Uid) -> Vec<Held> {
        let held = self.there.take(uid);
        held.iter().for_each(|held| self.uncount(held));
        if held.is_empty() { self.kept.take(uid) } else { held }
    }

    /// Messages that have any.
    pub(super) fn uids(&self) -> UidSet {
        let uids: UidSet = self.there.uids().collect();
        uids.union(&self.kept.uids().collect())
    }

    /// The entries of a message that are not in both indexes alike, of those that a user sees.
    pub(super) fn changed(&self, later: &AnnotationIndex, uid: Uid, user: Option<AccountId>) -> Vec<ChangedEntry> {
        let (before, after) = (self.of(uid), later.of(uid));
        let differs = |held: &&Held, other: &[Held]| held.is_seen_by(user) && !other.contains(held);
        let gone = before.iter().filter(|held| differs(held, after));
        let new = after.iter().filter(|held| differs(held, before));
        let mut entries: Vec<ChangedEntry> = gone.chain(new).map(|held| (held.entry.clone(), held.scope())).collect();
        entries.sort_by(|a, b| (&a.0, a.1 as u8).cmp(&(&b.0, b.1 as u8)));
        entries.dedup();
        entries
    }
}

/// The index, which is read when it is first asked for.
#[derive(Default)]
pub(super) struct Annotations {
    index: OnceLock<AnnotationIndex>,
    /// One session reads it, others wait for it.
    reading: Mutex<()>,
}

impl Clone for Annotations {
    fn clone(&self) -> Annotations {
        Annotations { index: self.index.clone(), reading: Mutex::new(()) }
    }
}

impl Annotations {
    /// Of a mailbox that has nothing in the store.
    pub(super) fn none() -> Annotations {
        Annotations { index: OnceLock::from(AnnotationIndex::default()), reading: Mutex::new(()) }
    }

    /// An index that is being changed. Changing one that has not been read would lose what it does not know: better the
    /// process ends than that.
    pub(super) fn read_before(&mut self) -> &mut AnnotationIndex {
        self.index.get_mut().expect("an index is read before it is changed")
    }

    pub(super) fn is_read(&self) -> bool {
        self.index.get().is_some()
    }

    pub(super) fn index(&self, source: Option<&Source>) -> Result<&AnnotationIndex, StoreError> {
        if let Some(index) = self.index.get() {
            return Ok(index);
        }
        let _reading = self.reading.lock();
        if let Some(index) = self.index.get() {
            return Ok(index);
        }
        let index = source.map_or_else(|| Ok(AnnotationIndex::default()), AnnotationIndex::read)?;
        Ok(self.index.get_or_init(|| index))
    }
}

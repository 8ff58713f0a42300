//! The messages of one range of UIDs, in memory.
//!
//! A leaf is read from the store when it is first asked for: a mailbox of a million messages opens with the entries of
//! its leaves alone. Whoever changes a leaf has loaded it before, so that one which has not been loaded stands in the
//! store as its entry says; where it does not, another server has written there.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::store::{FlagRecord, LeafEntry, LeafNo, MessageRecord, Store, StoreError};
use crate::types::{AccountId, BlobId, FlagBits, InternalDate, MailboxId, ModSeq, SystemFlag, Uid, UidSet};

/// Where the leaves of a mailbox are read from.
pub(super) struct Source {
    pub(super) store: Store,
    pub(super) account: AccountId,
    pub(super) mailbox: MailboxId,
}

pub(super) struct Leaf {
    pub(super) no: LeafNo,
    entry: LeafEntry,
    body: OnceLock<Body>,
    /// One session reads the leaf, others wait for it.
    reading: Mutex<()>,
}

/// The messages of a leaf, in arrays by field, ascending by UID.
#[derive(Clone, Default)]
pub(super) struct Body {
    pub(super) fixed: Arc<Fixed>,
    pub(super) flags: Vec<FlagBits>,
    pub(super) mod_seqs: Vec<ModSeq>,
}

/// The part of a leaf that flag changes leave alone.
#[derive(Clone, Default)]
pub(super) struct Fixed {
    pub(super) uids: Vec<Uid>,
    blobs: Vec<BlobId>,
    sizes: Vec<u32>,
    dates: Vec<(i64, i64)>,
    zones: Vec<(i16, i16)>,
    saved: Vec<i64>,
}

impl Clone for Leaf {
    fn clone(&self) -> Leaf {
        Leaf { no: self.no, entry: self.entry, body: self.body.clone(), reading: Mutex::new(()) }
    }
}

impl Leaf {
    /// A leaf that is in the store.
    pub(super) fn stored(no: LeafNo, entry: LeafEntry) -> Leaf {
        Leaf { no, entry, body: OnceLock::new(), reading: Mutex::new(()) }
    }

    pub(super) fn new(no: LeafNo) -> Leaf {
        Leaf { no, entry: LeafEntry::default(), body: OnceLock::from(Body::default()), reading: Mutex::new(()) }
    }

    pub(super) fn entry(&self) -> LeafEntry {
        self.entry
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.entry.messages)
    }

    /// The messages, read from the store where that has not been done yet.
    pub(super) fn body(&self, source: Option<&Source>) -> Result<&Body, StoreError> {
        if let Some(body) = self.body.get() {
            return Ok(body);
        }
        let _reading = self.reading.lock();
        if let Some(body) = self.body.get() {
            return Ok(body);
        }
        let source = source.ok_or_else(|| StoreError::Missing("the store of a mailbox".into()))?;
        let body = self.read(source)?;
        Ok(self.body.get_or_init(|| body))
    }

    fn read(&self, source: &Source) -> Result<Body, StoreError> {
        let (account, mailbox) = (source.account, source.mailbox);
        let (records, flags) = source.store.leaf(account, mailbox, self.no)?;
        let mut leaf = Leaf::new(self.no);
        records.iter().zip(&flags).for_each(|(record, flags)| leaf.push(record, flags));
        if leaf.entry != self.entry || records.len() != flags.len() {
            return Err(match source.store.leaf_entry(account, mailbox, self.no)? {
                Some(entry) if entry == self.entry => source.store.corrupt_leaf(account, mailbox, self.no),
                _ => StoreError::Changed,
            });
        }
        Ok(leaf.body.into_inner().unwrap_or_default())
    }

    /// The messages of a leaf that is being changed. Changing one that has not been loaded would lose its messages:
    /// better the process ends than that.
    fn loaded(&mut self) -> &mut Body {
        self.body.get_mut().expect("a leaf is loaded before it is changed")
    }

    /// Adds a message above all others.
    pub(super) fn push(&mut self, record: &MessageRecord, flags: &FlagRecord) {
        let body = self.loaded();
        let fixed = Arc::make_mut(&mut body.fixed);
        fixed.uids.push(record.uid);
        fixed.blobs.push(record.blob);
        fixed.sizes.push(record.size);
        fixed.dates.push((record.internal_date.secs, record.sent_date.secs));
        fixed.zones.push((record.internal_date.zone_mins, record.sent_date.zone_mins));
        fixed.saved.push(record.saved_secs);
        body.flags.push(flags.flags);
        body.mod_seqs.push(flags.mod_seq);
        self.entry.messages += 1;
        self.entry.unseen += u16::from(!flags.flags.has(SystemFlag::Seen));
        self.entry.last_uid = record.uid.get();
        self.entry.highest_mod_seq = self.entry.highest_mod_seq.max(flags.mod_seq);
        self.entry.oldest_secs = self.entry.oldest_secs.min(record.internal_date.secs);
    }

    /// Sets the flags of those that are there; they come ascending.
    pub(super) fn set_flags(&mut self, records: impl Iterator<Item = FlagRecord>) {
        let mut entry = self.entry;
        let body = self.loaded();
        let unseen = |flags: FlagBits| u16::from(!flags.has(SystemFlag::Seen));
        let mut next = 0;
        for record in records {
            // Most often the one behind the last.
            let found =
                if body.fixed.uids.get(next) == Some(&record.uid) { Some(next) } else { body.slot(record.uid) };
            let Some(slot) = found else { continue };
            let before = std::mem::replace(&mut body.flags[slot], record.flags);
            body.mod_seqs[slot] = record.mod_seq;
            entry.unseen = entry.unseen + unseen(record.flags) - unseen(before);
            entry.highest_mod_seq = entry.highest_mod_seq.max(record.mod_seq);
            next = slot + 1;
        }
        self.entry = entry;
    }
}

impl Body {
    pub(super) fn len(&self) -> usize {
        self.flags.len()
    }

    pub(super) fn slot(&self, uid: Uid) -> Option<usize> {
        self.fixed.uids.binary_search(&uid).ok()
    }

    pub(super) fn uid(&self, slot: usize) -> Uid {
        self.fixed.uids[slot]
    }

    pub(super) fn size(&self, slot: usize) -> u32 {
        self.fixed.sizes[slot]
    }

    pub(super) fn blob(&self, slot: usize) -> BlobId {
        self.fixed.blobs[slot]
    }

    pub(super) fn internal_date(&self, slot: usize) -> InternalDate {
        InternalDate { secs: self.fixed.dates[slot].0, zone_mins: self.fixed.zones[slot].0 }
    }

    pub(super) fn sent_date(&self, slot: usize) -> InternalDate {
        InternalDate { secs: self.fixed.dates[slot].1, zone_mins: self.fixed.zones[slot].1 }
    }

    pub(super) fn saved_secs(&self, slot: usize) -> i64 {
        self.fixed.saved[slot]
    }

    pub(super) fn record(&self, slot: usize) -> MessageRecord {
        MessageRecord {
            uid: self.uid(slot),
            blob: self.blob(slot),
            size: self.size(slot),
            internal_date: self.internal_date(slot),
            sent_date: self.sent_date(slot),
            saved_secs: self.saved_secs(slot),
        }
    }

    pub(super) fn flag_record(&self, slot: usize) -> FlagRecord {
        FlagRecord { uid: self.uid(slot), flags: self.flags[slot], mod_seq: self.mod_seqs[slot] }
    }

    /// A leaf of these messages without `uids`.
    pub(super) fn without(&self, no: LeafNo, uids: &UidSet) -> Leaf {
        let mut leaf = Leaf::new(no);
        for slot in (0..self.len()).filter(|&slot| !uids.contains(self.uid(slot).get())) {
            leaf.push(&self.record(slot), &self.flag_record(slot));
        }
        leaf
    }

    /// A leaf of these messages and those of `shown` that are not among them.
    pub(super) fn with_departed(&self, no: LeafNo, shown: &Body) -> Leaf {
        let mut leaf = Leaf::new(no);
        let (mut slot, mut old) = (0, 0);
        while slot < self.len() || old < shown.len() {
            let (new_uid, old_uid) = (self.fixed.uids.get(slot), shown.fixed.uids.get(old));
            let is_old = old_uid.is_some_and(|old| new_uid.is_none_or(|new| old < new));
            match is_old {
                true => leaf.push(&shown.record(old), &shown.flag_record(old)),
                false => leaf.push(&self.record(slot), &self.flag_record(slot)),
            }
            old += usize::from(is_old || new_uid == old_uid);
            slot += usize::from(!is_old);
        }
        leaf
    }
}

//! The messages of one range of UIDs, in memory.
//!
//! A leaf is read from the store when it is first asked for: a mailbox of a million messages opens with the entries of
//! its leaves alone. Whoever changes a leaf has loaded it before, so that one which has not been loaded stands in the
//! store as its entry says; where it does not, another server has written there.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::further::Further;
use super::packed::{Bits, Counts, Seconds, roomy};
use super::visible::SeenLeaves;
use crate::store::{FlagRecord, LeafEntry, LeafNo, MessageRecord, NO_DATE, PageNo, Store, StoreError};
use crate::types::{
    AccountId, BlobId, Class, FlagBits, Flags, InternalDate, KeywordId, MailboxId, ModSeq, SystemFlag, Uid, UidSet,
    Visibility,
};

/// Where the leaves of a mailbox are read from.
pub(super) struct Source {
    pub(super) store: Store,
    pub(super) account: AccountId,
    pub(super) mailbox: MailboxId,
    /// Of the mailbox when its leaves were read: what others have done since has a higher one.
    pub(super) mod_seq: ModSeq,
}

pub(super) struct Leaf {
    pub(super) no: LeafNo,
    entry: LeafEntry,
    body: OnceLock<Body>,
    /// One session reads the leaf, others wait for it.
    reading: Mutex<()>,
    /// What those see of it who do not see everything.
    pub(super) seen: SeenLeaves,
}

/// The messages of a leaf, in arrays by field, ascending by UID.
///
/// What somebody sees of a leaf shares its arrays and says which messages it has of them: two octets each. What it has is
/// named by slot, from 0 without gaps.
#[derive(Clone, Default)]
pub(super) struct Body {
    fixed: Arc<Fixed>,
    marks: Arc<Marks>,
    /// Places in the arrays, ascending; `None` for all of them.
    seen: Option<Arc<[u16]>>,
}

/// What STORE changes.
#[derive(Default)]
struct Marks {
    flags: Bits,
    mod_seqs: Counts,
    further: Further,
}

/// The part of a leaf that flag changes leave alone.
#[derive(Default)]
struct Fixed {
    uids: Vec<Uid>,
    blobs: Vec<BlobId>,
    sizes: Vec<u32>,
    /// From `EPOCH_SECS`, as the next three are.
    internal: Seconds,
    sent: Seconds,
    zones: Vec<(i16, i16)>,
    saved: Seconds,
}

/// 2000-01-01: the times of nearly all mail are near it.
const EPOCH_SECS: i64 = 946_684_800;

/// Wraps, as the other way does: whatever a message says of its time comes out again.
fn from_epoch(secs: i64) -> i64 {
    secs.wrapping_sub(EPOCH_SECS)
}

fn to_secs(from_epoch: i64) -> i64 {
    from_epoch.wrapping_add(EPOCH_SECS)
}

impl Clone for Fixed {
    fn clone(&self) -> Fixed {
        Fixed {
            uids: roomy(&self.uids),
            blobs: roomy(&self.blobs),
            sizes: roomy(&self.sizes),
            internal: self.internal.roomy(),
            sent: self.sent.roomy(),
            zones: roomy(&self.zones),
            saved: self.saved.roomy(),
        }
    }
}

impl Clone for Marks {
    fn clone(&self) -> Marks {
        let (flags, mod_seqs) = (self.flags.roomy(), self.mod_seqs.roomy());
        Marks { flags, mod_seqs, further: self.further.clone() }
    }
}

impl Clone for Leaf {
    fn clone(&self) -> Leaf {
        Leaf::with(self.no, self.entry, self.body.clone())
    }
}

impl Leaf {
    /// A leaf that is in the store.
    pub(super) fn stored(no: LeafNo, entry: LeafEntry) -> Leaf {
        Leaf::with(no, entry, OnceLock::new())
    }

    pub(super) fn new(no: LeafNo) -> Leaf {
        Leaf::of(no, LeafEntry::default(), Body::default())
    }

    pub(super) fn of(no: LeafNo, entry: LeafEntry, body: Body) -> Leaf {
        Leaf::with(no, entry, OnceLock::from(body))
    }

    fn with(no: LeafNo, entry: LeafEntry, body: OnceLock<Body>) -> Leaf {
        Leaf { no, entry, body, reading: Mutex::new(()), seen: SeenLeaves::default() }
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
        let read = source.store.leaf(source.account, source.mailbox, self.no);
        let read = read.map(|(records, flags)| Leaf::with_messages(self.no, &records, &flags));
        let leaf = match read {
            Ok(leaf) if leaf.entry == self.entry => leaf,
            // It has been changed, or is being changed while it is read.
            _ => self.as_it_was(source)?,
        };
        Ok(leaf.body.into_inner().unwrap_or_default())
    }

    pub(super) fn with_messages(no: LeafNo, records: &[MessageRecord], flags: &[FlagRecord]) -> Leaf {
        let mut leaf = Leaf::of(no, LeafEntry::default(), Body::with_capacity(records.len()));
        records.iter().zip(flags).for_each(|(record, flags)| leaf.push(record, flags));
        leaf
    }

    /// The messages of a leaf that is being changed. Changing one that has not been loaded would lose its messages:
    /// better the process ends than that.
    fn loaded(&mut self) -> &mut Body {
        self.seen = SeenLeaves::default();
        self.body.get_mut().expect("a leaf is loaded before it is changed")
    }

    /// Adds a message above all others.
    pub(super) fn push(&mut self, record: &MessageRecord, flags: &FlagRecord) {
        let body = self.loaded();
        let fixed = Arc::make_mut(&mut body.fixed);
        fixed.uids.push(record.uid);
        fixed.blobs.push(record.blob);
        fixed.sizes.push(record.size);
        fixed.internal.push(from_epoch(record.internal_date.secs));
        fixed.sent.push(from_epoch(record.sent_date.secs));
        fixed.zones.push((record.internal_date.zone_mins, record.sent_date.zone_mins));
        fixed.saved.push(from_epoch(record.saved_secs));
        let marks = Arc::make_mut(&mut body.marks);
        marks.further.set(marks.flags.len(), flags.flags.shared_further());
        marks.flags.push(flags.flags.bits().0);
        marks.mod_seqs.push(flags.mod_seq.0);
        self.entry.add(record, flags);
    }

    /// Sets the flags of those that are there; they come ascending.
    pub(super) fn set_flags(&mut self, records: impl Iterator<Item = FlagRecord>) {
        let mut entry = self.entry;
        let body = self.loaded();
        let marks = Arc::make_mut(&mut body.marks);
        let uids = &body.fixed.uids;
        let unseen = |flags: FlagBits| u16::from(!flags.has(SystemFlag::Seen));
        let apart = |flags: FlagBits| u16::from(flags.class() != Class::ORDINARY);
        let (mut next, mut moved) = (0, false);
        for record in records {
            // Most often the one behind the last.
            let found = if uids.get(next) == Some(&record.uid) { Ok(next) } else { uids.binary_search(&record.uid) };
            let Ok(slot) = found else { continue };
            let after = record.flags.bits();
            let before = FlagBits(marks.flags.get(slot));
            marks.flags.set(slot, after.0);
            if before.has_further() || after.has_further() {
                marks.further.set(slot, record.flags.shared_further());
            }
            marks.mod_seqs.set(slot, record.mod_seq.0);
            entry.unseen = entry.unseen + unseen(after) - unseen(before);
            entry.apart = entry.apart + apart(after) - apart(before);
            entry.highest_mod_seq = entry.highest_mod_seq.max(record.mod_seq);
            moved |= after.class() != before.class();
            next = slot + 1;
        }
        if moved {
            entry.oldest_secs = body.oldest_secs();
        }
        self.entry = entry;
    }
}

impl Body {
    /// Room for so many messages and no more: most leaves stay as they were read.
    fn with_capacity(n: usize) -> Body {
        let fixed = Fixed {
            uids: Vec::with_capacity(n),
            blobs: Vec::with_capacity(n),
            sizes: Vec::with_capacity(n),
            internal: Seconds::with_capacity(n),
            sent: Seconds::with_capacity(n),
            zones: Vec::with_capacity(n),
            saved: Seconds::with_capacity(n),
        };
        let (flags, mod_seqs) = (Bits::with_capacity(n), Counts::with_capacity(n));
        let marks = Marks { flags, mod_seqs, further: Further::default() };
        Body { fixed: Arc::new(fixed), marks: Arc::new(marks), seen: None }
    }

    pub(super) fn len(&self) -> usize {
        self.seen.as_ref().map_or(self.marks.flags.len(), |seen| seen.len())
    }

    /// The place of a slot in the arrays.
    fn at(&self, slot: usize) -> usize {
        self.seen.as_ref().map_or(slot, |seen| usize::from(seen[slot]))
    }

    pub(super) fn slot(&self, uid: Uid) -> Option<usize> {
        let slot = self.slot_from(uid);
        (slot < self.len() && self.uid(slot) == uid).then_some(slot)
    }

    /// The first slot whose UID is not below this one.
    pub(super) fn slot_from(&self, low: Uid) -> usize {
        self.slots_before(|uid| uid < low)
    }

    /// The slots of one of the store's pages.
    pub(super) fn slots_of(&self, page: PageNo) -> Range<usize> {
        self.slots_before(|uid| PageNo::of(uid) < page)..self.slots_before(|uid| PageNo::of(uid) <= page)
    }

    fn slots_before(&self, is_before: impl Fn(Uid) -> bool) -> usize {
        let uids = &self.fixed.uids;
        match &self.seen {
            None => uids.partition_point(|&uid| is_before(uid)),
            Some(seen) => seen.partition_point(|&at| is_before(uids[usize::from(at)])),
        }
    }

    pub(super) fn uids(&self) -> impl Iterator<Item = Uid> {
        (0..self.len()).map(|slot| self.uid(slot))
    }

    pub(super) fn uid(&self, slot: usize) -> Uid {
        self.fixed.uids[self.at(slot)]
    }

    pub(super) fn flags(&self, slot: usize) -> FlagBits {
        FlagBits(self.marks.flags.get(self.at(slot)))
    }

    pub(super) fn all_flags(&self, slot: usize) -> Flags {
        let at = self.at(slot);
        Flags::joined(FlagBits(self.marks.flags.get(at)), self.marks.further.get(at))
    }

    pub(super) fn further(&self, slot: usize) -> &[KeywordId] {
        self.marks.further.get(self.at(slot)).map_or(&[], |further| further)
    }

    pub(super) fn mod_seq(&self, slot: usize) -> ModSeq {
        ModSeq(self.marks.mod_seqs.get(self.at(slot)))
    }

    pub(super) fn size(&self, slot: usize) -> u32 {
        self.fixed.sizes[self.at(slot)]
    }

    pub(super) fn blob(&self, slot: usize) -> BlobId {
        self.fixed.blobs[self.at(slot)]
    }

    pub(super) fn internal_date(&self, slot: usize) -> InternalDate {
        let at = self.at(slot);
        InternalDate { secs: to_secs(self.fixed.internal.get(at)), zone_mins: self.fixed.zones[at].0 }
    }

    pub(super) fn sent_date(&self, slot: usize) -> InternalDate {
        let at = self.at(slot);
        InternalDate { secs: to_secs(self.fixed.sent.get(at)), zone_mins: self.fixed.zones[at].1 }
    }

    pub(super) fn saved_secs(&self, slot: usize) -> i64 {
        to_secs(self.fixed.saved.get(self.at(slot)))
    }

    /// Whether two bodies have the same messages, so that their slots run in parallel, as far as a glance tells.
    pub(super) fn runs_parallel_to(&self, other: &Body) -> bool {
        Arc::ptr_eq(&self.fixed, &other.fixed) && self.seen == other.seen
    }

    /// Whether a message has the flags that one of another body has.
    pub(super) fn has_flags_of(&self, slot: usize, other: &Body, at: usize) -> bool {
        self.flags(slot) == other.flags(at) && self.further(slot) == other.further(at)
    }

    /// The same messages, those alone that somebody sees.
    pub(super) fn seen_by(&self, visibility: Visibility) -> Body {
        let seen = (0..self.len()).filter(|&slot| visibility.sees(self.flags(slot).class()));
        let seen = seen.map(|slot| self.at(slot) as u16).collect();
        Body { fixed: self.fixed.clone(), marks: self.marks.clone(), seen: Some(seen) }
    }

    /// The earliest internal date of each class.
    fn oldest_secs(&self) -> [i64; 4] {
        let mut oldest = [NO_DATE; 4];
        for slot in 0..self.len() {
            let of_class = &mut oldest[self.flags(slot).class().index()];
            *of_class = (*of_class).min(self.internal_date(slot).secs);
        }
        oldest
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
        FlagRecord { uid: self.uid(slot), flags: self.all_flags(slot), mod_seq: self.mod_seq(slot) }
    }

    /// A leaf of these messages without `uids`.
    pub(super) fn without(&self, no: LeafNo, uids: &UidSet) -> Leaf {
        let mut leaf = Leaf::new(no);
        for slot in (0..self.len()).filter(|&slot| !uids.contains(self.uid(slot).get())) {
            leaf.push(&self.record(slot), &self.flag_record(slot));
        }
        leaf
    }

    /// A leaf of these messages and those of `shown` that are not among them. Of these messages, those up to `last` that are
    /// not among the ones of `shown` stay away. Keywords that are `lost` have no place in the mailbox's table any more.
    pub(super) fn with_departed(&self, no: LeafNo, shown: &Body, last: Uid, lost: &Flags) -> Leaf {
        let mut leaf = Leaf::new(no);
        let (mut slot, mut old) = (0, 0);
        while slot < self.len() || old < shown.len() {
            let new_uid = (slot < self.len()).then(|| self.uid(slot));
            let old_uid = (old < shown.len()).then(|| shown.uid(old));
            let is_old = old_uid.is_some_and(|old| new_uid.is_none_or(|new| old < new));
            let is_both = new_uid == old_uid;
            if is_old {
                let record = shown.flag_record(old);
                leaf.push(&shown.record(old), &FlagRecord { flags: record.flags.without(lost), ..record });
            } else if is_both || new_uid.is_some_and(|uid| uid > last) {
                leaf.push(&self.record(slot), &self.flag_record(slot));
            }
            old += usize::from(is_old || is_both);
            slot += usize::from(!is_old);
        }
        leaf
    }
}

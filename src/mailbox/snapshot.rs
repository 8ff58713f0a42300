//! One state of a mailbox, complete and unchanging.
//!
//! Invariants:
//! 1. Messages stand in order of UID; `starts[i]` is the number of messages before `pages[i]`; no page is empty.
//! 2. A snapshot that has been published is never changed: a commit makes a new one that shares all pages but
//!    those it touched. Two snapshots whose pages are the same `Arc` agree on those messages without a look.
//! 3. 84 octets a message, in arrays by field, shared by all sessions that have the mailbox open.

use std::sync::Arc;

use crate::store::{FlagRecord, MailboxHeader, MailboxImage, MessageRecord, PageNo};
use crate::types::{BlobId, FlagBits, InternalDate, Keyword, KeywordId, ModSeq, Seq, Uid, UidSet};

/// UIDs to a page in memory: large enough that the list of pages is short, small enough to be copied at each change.
const LEAF_UIDS: u32 = 1024;

/// The messages of one range of UIDs.
#[derive(Clone)]
pub(super) struct Leaf {
    no: u32,
    fixed: Arc<Fixed>,
    flags: Vec<FlagBits>,
    mod_seqs: Vec<ModSeq>,
}

/// The part of a leaf that flag changes leave alone.
#[derive(Clone, Default)]
struct Fixed {
    uids: Vec<Uid>,
    blobs: Vec<BlobId>,
    sizes: Vec<u32>,
    dates: Vec<(i64, i64)>,
    zones: Vec<(i16, i16)>,
}

impl Leaf {
    fn new(no: u32) -> Leaf {
        Leaf { no, fixed: Arc::default(), flags: Vec::new(), mod_seqs: Vec::new() }
    }

    fn slot(&self, uid: Uid) -> Option<usize> {
        self.fixed.uids.binary_search(&uid).ok()
    }

    fn push(&mut self, record: &MessageRecord, flags: &FlagRecord) {
        let fixed = Arc::make_mut(&mut self.fixed);
        fixed.uids.push(record.uid);
        fixed.blobs.push(record.blob);
        fixed.sizes.push(record.size);
        fixed.dates.push((record.internal_date.secs, record.sent_date.secs));
        fixed.zones.push((record.internal_date.zone_mins, record.sent_date.zone_mins));
        self.flags.push(flags.flags);
        self.mod_seqs.push(flags.mod_seq);
    }

    fn record(&self, slot: usize) -> MessageRecord {
        let ((date, sent), (zone, sent_zone)) = (self.fixed.dates[slot], self.fixed.zones[slot]);
        MessageRecord {
            uid: self.fixed.uids[slot],
            blob: self.fixed.blobs[slot],
            size: self.fixed.sizes[slot],
            internal_date: InternalDate { secs: date, zone_mins: zone },
            sent_date: InternalDate { secs: sent, zone_mins: sent_zone },
        }
    }

    fn flag_record(&self, slot: usize) -> FlagRecord {
        FlagRecord { uid: self.fixed.uids[slot], flags: self.flags[slot], mod_seq: self.mod_seqs[slot] }
    }
}

fn leaf_no(uid: Uid) -> u32 {
    (uid.get() - 1) / LEAF_UIDS
}

/// A message in a snapshot.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    leaf: &'a Leaf,
    slot: usize,
    seq: Seq,
}

impl Message<'_> {
    pub fn seq(&self) -> Seq {
        self.seq
    }

    pub fn uid(&self) -> Uid {
        self.leaf.fixed.uids[self.slot]
    }

    pub fn flags(&self) -> FlagBits {
        self.leaf.flags[self.slot]
    }

    pub fn mod_seq(&self) -> ModSeq {
        self.leaf.mod_seqs[self.slot]
    }

    /// RFC822.SIZE, in octets.
    pub fn size(&self) -> u32 {
        self.leaf.fixed.sizes[self.slot]
    }

    pub fn blob(&self) -> BlobId {
        self.leaf.fixed.blobs[self.slot]
    }

    pub fn internal_date(&self) -> InternalDate {
        InternalDate { secs: self.leaf.fixed.dates[self.slot].0, zone_mins: self.leaf.fixed.zones[self.slot].0 }
    }

    pub fn sent_date(&self) -> InternalDate {
        InternalDate { secs: self.leaf.fixed.dates[self.slot].1, zone_mins: self.leaf.fixed.zones[self.slot].1 }
    }

    pub fn record(&self) -> MessageRecord {
        self.leaf.record(self.slot)
    }

    pub(super) fn flag_record(&self) -> FlagRecord {
        self.leaf.flag_record(self.slot)
    }
}

#[derive(Clone)]
pub struct Snapshot {
    pub(super) header: MailboxHeader,
    pub(super) keywords: Arc<Vec<Keyword>>,
    leaves: Vec<Arc<Leaf>>,
    starts: Vec<u32>,
    len: u32,
}

impl Snapshot {
    pub(super) fn new(image: &MailboxImage) -> Snapshot {
        let mut snapshot = Snapshot::empty(image.header, Arc::new(image.keywords.clone()));
        for (record, flags) in image.records.iter().zip(&image.flags) {
            snapshot.push(record, flags);
        }
        snapshot
    }

    pub(super) fn empty(header: MailboxHeader, keywords: Arc<Vec<Keyword>>) -> Snapshot {
        Snapshot { header, keywords, leaves: Vec::new(), starts: Vec::new(), len: 0 }
    }

    /// Messages in the snapshot.
    pub fn len(&self) -> u32 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn header(&self) -> &MailboxHeader {
        &self.header
    }

    /// The mailbox's keywords in the order of their `KeywordId`.
    pub fn keywords(&self) -> &[Keyword] {
        &self.keywords
    }

    pub fn keyword_id(&self, keyword: &Keyword) -> Option<KeywordId> {
        self.keywords.iter().position(|known| known == keyword).map(|at| KeywordId(at as u16))
    }

    pub fn last_uid(&self) -> Option<Uid> {
        self.leaves.last().and_then(|leaf| leaf.fixed.uids.last().copied())
    }

    pub fn by_seq(&self, seq: Seq) -> Option<Message<'_>> {
        if seq.get() > self.len {
            return None;
        }
        let at = self.starts.partition_point(|&start| start < seq.get()) - 1;
        Some(Message { leaf: &self.leaves[at], slot: (seq.get() - 1 - self.starts[at]) as usize, seq })
    }

    pub fn by_uid(&self, uid: Uid) -> Option<Message<'_>> {
        let at = self.leaf_at(leaf_no(uid)).ok()?;
        let slot = self.leaves[at].slot(uid)?;
        Some(self.message(at, slot))
    }

    fn message(&self, at: usize, slot: usize) -> Message<'_> {
        // The sum is at most `len`, and at least 1.
        let seq = Seq::new(self.starts[at] + slot as u32 + 1).unwrap_or(Seq::MIN);
        Message { leaf: &self.leaves[at], slot, seq }
    }

    fn leaf_at(&self, no: u32) -> Result<usize, usize> {
        self.leaves.binary_search_by_key(&no, |leaf| leaf.no)
    }

    /// All messages, in order.
    pub fn messages(&self) -> impl Iterator<Item = Message<'_>> {
        self.from(0, 0)
    }

    /// The messages from a leaf and a slot of it on.
    fn from(&self, first: usize, slot: usize) -> impl Iterator<Item = Message<'_>> {
        (first..self.leaves.len()).flat_map(move |at| {
            let slots = if at == first { slot } else { 0 }..self.leaves[at].flags.len();
            slots.map(move |slot| self.message(at, slot))
        })
    }

    /// The messages whose UID is in `low..=high`, in order; costs what it yields.
    pub fn uid_range(&self, low: u32, high: u32) -> impl Iterator<Item = Message<'_>> {
        let low = Uid::new(low).unwrap_or(Uid::MIN);
        let (first, slot) = match self.leaf_at(leaf_no(low)) {
            Ok(at) => (at, self.leaves[at].fixed.uids.partition_point(|&uid| uid < low)),
            Err(at) => (at, 0),
        };
        self.from(first, slot).take_while(move |message| message.uid().get() <= high)
    }

    /// The messages of the snapshot whose UID is in `uids`.
    pub fn in_uids<'a>(&'a self, uids: &'a UidSet) -> impl Iterator<Item = Message<'a>> + 'a {
        uids.ranges().iter().flat_map(move |&(low, high)| self.uid_range(low, high))
    }

    /// The messages whose sequence number is in `seqs`.
    pub fn in_seqs<'a>(&'a self, seqs: &'a UidSet) -> impl Iterator<Item = Message<'a>> + 'a {
        seqs.ranges()
            .iter()
            .flat_map(move |&(low, high)| low..=high.min(self.len))
            .filter_map(Seq::new)
            .filter_map(move |seq| self.by_seq(seq))
    }

    /// Adds a message above all others.
    pub(super) fn push(&mut self, record: &MessageRecord, flags: &FlagRecord) {
        let no = leaf_no(record.uid);
        if self.leaves.last().is_none_or(|leaf| leaf.no != no) {
            self.leaves.push(Arc::new(Leaf::new(no)));
            self.starts.push(self.len);
        }
        if let Some(leaf) = self.leaves.last_mut() {
            Arc::make_mut(leaf).push(record, flags);
            self.len += 1;
        }
    }

    /// Sets the flags of a message that is there.
    pub(super) fn set_flags(&mut self, record: FlagRecord) {
        let Ok(at) = self.leaf_at(leaf_no(record.uid)) else { return };
        let Some(slot) = self.leaves[at].slot(record.uid) else { return };
        let leaf = Arc::make_mut(&mut self.leaves[at]);
        leaf.flags[slot] = record.flags;
        leaf.mod_seqs[slot] = record.mod_seq;
    }

    /// Removes those of `uids` that are there.
    pub(super) fn remove(&mut self, uids: &UidSet) {
        for leaf in &mut self.leaves {
            let (low, high) = (leaf.no * LEAF_UIDS + 1, leaf.no.saturating_add(1).saturating_mul(LEAF_UIDS));
            if uids.overlaps(low, high) && leaf.fixed.uids.iter().any(|uid| uids.contains(uid.get())) {
                *leaf = Arc::new(leaf.without(uids));
            }
        }
        self.leaves.retain(|leaf| !leaf.flags.is_empty());
        self.count();
    }

    fn count(&mut self) {
        self.len = 0;
        self.starts.clear();
        for leaf in &self.leaves {
            self.starts.push(self.len);
            self.len += leaf.flags.len() as u32;
        }
    }

    /// What stands in the store's page `no`.
    pub(super) fn stored_page(&self, no: PageNo) -> impl Iterator<Item = Message<'_>> {
        let low = no.first().get();
        self.uid_range(low, low.saturating_add(crate::store::PAGE_UIDS - 1))
    }
}

impl Leaf {
    fn without(&self, uids: &UidSet) -> Leaf {
        let mut leaf = Leaf::new(self.no);
        for slot in 0..self.flags.len() {
            if !uids.contains(self.fixed.uids[slot].get()) {
                leaf.push(&self.record(slot), &self.flag_record(slot));
            }
        }
        leaf
    }

    /// This leaf with the messages of `shown` that it has no more.
    fn with_departed(&self, shown: &Leaf) -> Leaf {
        let mut leaf = Leaf::new(self.no);
        let mut slot = 0;
        for old in 0..shown.flags.len() {
            while slot < self.flags.len() && self.fixed.uids[slot] < shown.fixed.uids[old] {
                leaf.push(&self.record(slot), &self.flag_record(slot));
                slot += 1;
            }
            if self.fixed.uids.get(slot) == Some(&shown.fixed.uids[old]) {
                leaf.push(&self.record(slot), &self.flag_record(slot));
                slot += 1;
            } else {
                leaf.push(&shown.record(old), &shown.flag_record(old));
            }
        }
        for slot in slot..self.flags.len() {
            leaf.push(&self.record(slot), &self.flag_record(slot));
        }
        leaf
    }
}

/// What has become of the messages of one snapshot in a later one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Sequence numbers in the earlier snapshot, ascending, with their UIDs.
    pub expunged: Vec<(Seq, Uid)>,
    /// UIDs whose MODSEQ is another.
    pub changed: Vec<Uid>,
    /// Messages of the later snapshot that are not in the earlier one.
    pub arrived: Vec<Uid>,
}

/// One step of a walk over the leaves of two snapshots.
enum Pair<'a> {
    Both(usize, &'a Arc<Leaf>, &'a Arc<Leaf>),
    Earlier(usize, &'a Arc<Leaf>),
    Later(&'a Arc<Leaf>),
}

fn pairs<'a>(earlier: &'a Snapshot, later: &'a Snapshot) -> impl Iterator<Item = Pair<'a>> {
    let (mut i, mut j) = (0, 0);
    std::iter::from_fn(move || {
        let (a, b) = (earlier.leaves.get(i), later.leaves.get(j));
        let step = match (a, b) {
            (Some(a), Some(b)) if a.no == b.no => Pair::Both(i, a, b),
            (Some(a), Some(b)) if a.no < b.no => Pair::Earlier(i, a),
            (Some(a), None) => Pair::Earlier(i, a),
            (_, Some(b)) => Pair::Later(b),
            (None, None) => return None,
        };
        i += usize::from(!matches!(step, Pair::Later(_)));
        j += usize::from(!matches!(step, Pair::Earlier(..)));
        Some(step)
    })
}

impl Snapshot {
    /// What happened between this snapshot and `later`; costs the leaves that are not shared.
    pub fn difference(&self, later: &Snapshot) -> Difference {
        let mut out = Difference::default();
        for pair in pairs(self, later) {
            match pair {
                Pair::Both(_, a, b) if Arc::ptr_eq(a, b) => {}
                Pair::Both(at, a, b) => self.leaf_difference(at, a, b, &mut out),
                Pair::Earlier(at, a) => (0..a.flags.len()).for_each(|slot| out.expunged.push(self.place(at, slot))),
                Pair::Later(b) => out.arrived.extend(&b.fixed.uids),
            }
        }
        out
    }

    fn place(&self, at: usize, slot: usize) -> (Seq, Uid) {
        let message = self.message(at, slot);
        (message.seq(), message.uid())
    }

    fn leaf_difference(&self, at: usize, a: &Leaf, b: &Leaf, out: &mut Difference) {
        if Arc::ptr_eq(&a.fixed, &b.fixed) {
            let changed = (0..a.flags.len()).filter(|&slot| a.mod_seqs[slot] != b.mod_seqs[slot]);
            return out.changed.extend(changed.map(|slot| a.fixed.uids[slot]));
        }
        let (mut i, mut j) = (0, 0);
        while i < a.flags.len() || j < b.flags.len() {
            match (a.fixed.uids.get(i), b.fixed.uids.get(j)) {
                (Some(x), Some(y)) if x == y => {
                    if a.mod_seqs[i] != b.mod_seqs[j] {
                        out.changed.push(*x);
                    }
                    (i, j) = (i + 1, j + 1);
                }
                (Some(x), y) if y.is_none_or(|y| x < y) => {
                    out.expunged.push(self.place(at, i));
                    i += 1;
                }
                (_, Some(y)) => {
                    out.arrived.push(*y);
                    j += 1;
                }
                (_, None) => i += 1,
            }
        }
    }

    /// `later`, with the messages of this snapshot that it has no more still in their places: what a client may be
    /// shown while it must not hear of an EXPUNGE. RFC 9051 7.5.1
    pub fn held(&self, later: &Snapshot) -> Snapshot {
        let mut held = Snapshot::empty(later.header, later.keywords.clone());
        for pair in pairs(self, later) {
            held.leaves.push(match pair {
                Pair::Both(_, a, b) if Arc::ptr_eq(a, b) || Arc::ptr_eq(&a.fixed, &b.fixed) => b.clone(),
                Pair::Both(_, a, b) => Arc::new(b.with_departed(a)),
                Pair::Earlier(_, a) => a.clone(),
                Pair::Later(b) => b.clone(),
            });
        }
        held.count();
        held
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::UidValidity;

    fn header() -> MailboxHeader {
        MailboxHeader {
            uid_validity: UidValidity::MIN,
            uid_next: 1,
            highest_mod_seq: ModSeq(0),
            mod_seq_reserved: ModSeq(0),
            messages: 0,
            unseen: 0,
            deleted: 0,
            bytes: 0,
            recent_from: 1,
        }
    }

    fn with(uids: impl IntoIterator<Item = u32>) -> Snapshot {
        let mut snapshot = Snapshot::empty(header(), Arc::default());
        for n in uids {
            let (uid, date) = (Uid::new(n).unwrap(), InternalDate { secs: 0, zone_mins: 0 });
            let record = MessageRecord { uid, blob: BlobId([0; 32]), size: n, internal_date: date, sent_date: date };
            snapshot.push(&record, &FlagRecord { uid, flags: FlagBits::NONE, mod_seq: ModSeq(1) });
        }
        snapshot
    }

    fn uids(snapshot: &Snapshot) -> Vec<u32> {
        snapshot.messages().map(|m| m.uid().get()).collect()
    }

    #[test]
    fn numbers_and_uids() {
        let s = with([1, 2, 1024, 1025, 5000, 9000]);
        assert_eq!(s.len(), 6);
        for (i, m) in s.messages().enumerate() {
            assert_eq!(m.seq().get() as usize, i + 1);
            assert_eq!(s.by_seq(m.seq()).unwrap().uid(), m.uid());
            assert_eq!(s.by_uid(m.uid()).unwrap().seq(), m.seq());
        }
        assert!(s.by_uid(Uid::new(3).unwrap()).is_none() && s.by_seq(Seq::new(7).unwrap()).is_none());
        assert_eq!(s.uid_range(3, 5000).map(|m| m.uid().get()).collect::<Vec<_>>(), [1024, 1025, 5000]);
        assert_eq!(s.uid_range(9001, u32::MAX).count(), 0);
    }

    #[test]
    fn differences() {
        let before = with((1..=3000).step_by(3));
        let mut after = before.clone();
        let gone: UidSet = [4, 7, 1024, 1027, 2998].into_iter().filter_map(Uid::new).collect();
        after.remove(&gone);
        let uid = Uid::new(10).unwrap();
        after.set_flags(FlagRecord { uid, flags: FlagBits(1), mod_seq: ModSeq(9) });
        let date = InternalDate { secs: 0, zone_mins: 0 };
        let new = Uid::new(3001).unwrap();
        let record = MessageRecord { uid: new, blob: BlobId([0; 32]), size: 1, internal_date: date, sent_date: date };
        after.push(&record, &FlagRecord { uid: new, flags: FlagBits::NONE, mod_seq: ModSeq(10) });
        let d = before.difference(&after);
        let expunged: Vec<u32> = d.expunged.iter().map(|e| e.1.get()).collect();
        assert_eq!(expunged, [4, 7, 1024, 1027, 2998]);
        assert_eq!(d.expunged[0].0.get(), 2);
        assert_eq!((d.changed, d.arrived), (vec![uid], vec![new]));

        let held = before.held(&after);
        assert_eq!(uids(&held), uids(&before).into_iter().chain([3001]).collect::<Vec<_>>());
        assert_eq!(held.by_uid(uid).unwrap().mod_seq(), ModSeq(9));
        assert_eq!(held.difference(&after).expunged.len(), 5);
        assert!(held.difference(&after).arrived.is_empty());
    }

    #[test]
    fn whole_leaves_come_and_go() {
        let (a, b) = (with([1, 2000, 4000]), with([2000, 9000]));
        let d = a.difference(&b);
        assert_eq!(d.expunged.iter().map(|e| e.0.get()).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(d.arrived.iter().map(|u| u.get()).collect::<Vec<_>>(), [9000]);
        assert_eq!(uids(&a.held(&b)), [1, 2000, 4000, 9000]);
    }
}

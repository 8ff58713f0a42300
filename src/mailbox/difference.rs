//! What changed between two snapshots.              RFC 9051 7.5.1
//!
//! Leaves that two snapshots share are not looked at.

use std::sync::Arc;

use super::leaf::{Body, Leaf};
use super::snapshot::Snapshot;
use crate::store::StoreError;
use crate::types::{Seq, Uid};

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
    pub fn difference(&self, later: &Snapshot) -> Result<Difference, StoreError> {
        let mut out = Difference::default();
        for pair in pairs(self, later) {
            match pair {
                Pair::Both(_, a, b) if is_same(a, b) => {}
                Pair::Both(at, a, b) => self.leaf_difference(at, self.read(a)?, later.read(b)?, &mut out),
                Pair::Earlier(at, a) => {
                    let gone = (0..self.read(a)?.len()).map(|slot| self.place(at, slot));
                    out.expunged.extend(gone);
                }
                Pair::Later(b) => out.arrived.extend(&later.read(b)?.fixed.uids),
            }
        }
        Ok(out)
    }

    fn read<'a>(&self, leaf: &'a Leaf) -> Result<&'a Body, StoreError> {
        leaf.body(self.source.as_deref())
    }

    fn place(&self, at: usize, slot: usize) -> (Seq, Uid) {
        let message = self.message(at, slot);
        (message.seq(), message.uid())
    }

    fn leaf_difference(&self, at: usize, a: &Body, b: &Body, out: &mut Difference) {
        if Arc::ptr_eq(&a.fixed, &b.fixed) {
            let changed = (0..a.len()).filter(|&slot| a.mod_seqs[slot] != b.mod_seqs[slot]);
            return out.changed.extend(changed.map(|slot| a.uid(slot)));
        }
        let (mut i, mut j) = (0, 0);
        while i < a.len() || j < b.len() {
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
    pub fn held(&self, later: &Snapshot) -> Result<Snapshot, StoreError> {
        let mut leaves = Vec::with_capacity(later.leaves.len());
        for pair in pairs(self, later) {
            leaves.push(match pair {
                Pair::Both(_, a, b) if is_same(a, b) => b.clone(),
                Pair::Both(_, a, b) => {
                    let (shown, newest) = (self.read(a)?, later.read(b)?);
                    match Arc::ptr_eq(&shown.fixed, &newest.fixed) {
                        true => b.clone(),
                        false => Arc::new(newest.with_departed(b.no, shown)),
                    }
                }
                Pair::Earlier(_, a) => a.clone(),
                Pair::Later(b) => b.clone(),
            });
        }
        let mut held = later.with_leaves(leaves);
        // A client that comes back with this number is told of what is held now.
        held.header.highest_mod_seq = self.header.highest_mod_seq;
        Ok(held)
    }
}

/// Whether two leaves of one range have the same messages. Their entries tell: a change gives the leaf a higher MODSEQ,
/// a removal fewer messages, an arrival a higher UID.
fn is_same(a: &Arc<Leaf>, b: &Arc<Leaf>) -> bool {
    Arc::ptr_eq(a, b) || a.entry() == b.entry()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{FlagRecord, MailboxHeader, MessageRecord};
    use crate::types::{BlobId, FlagBits, InternalDate, ModSeq, UidSet, UidValidity};

    fn header() -> MailboxHeader {
        MailboxHeader::new(UidValidity::MIN)
    }

    fn with(uids: impl IntoIterator<Item = u32>) -> Snapshot {
        let mut snapshot = Snapshot::empty(header(), Arc::default(), None);
        for n in uids {
            let (uid, date) = (Uid::new(n).unwrap(), InternalDate { secs: 0, zone_mins: 0 });
            let record = MessageRecord {
                uid,
                blob: BlobId([0; 32]),
                size: n,
                internal_date: date,
                sent_date: date,
                saved_secs: 0,
            };
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
        after.set_flags([FlagRecord { uid, flags: FlagBits(1), mod_seq: ModSeq(9) }].into_iter());
        let date = InternalDate { secs: 0, zone_mins: 0 };
        let new = Uid::new(3001).unwrap();
        let record = MessageRecord {
            uid: new,
            blob: BlobId([0; 32]),
            size: 1,
            internal_date: date,
            sent_date: date,
            saved_secs: 0,
        };
        after.push(&record, &FlagRecord { uid: new, flags: FlagBits::NONE, mod_seq: ModSeq(10) });
        let d = before.difference(&after).unwrap();
        let expunged: Vec<u32> = d.expunged.iter().map(|e| e.1.get()).collect();
        assert_eq!(expunged, [4, 7, 1024, 1027, 2998]);
        assert_eq!(d.expunged[0].0.get(), 2);
        assert_eq!((d.changed, d.arrived), (vec![uid], vec![new]));

        let held = before.held(&after).unwrap();
        assert_eq!(uids(&held), uids(&before).into_iter().chain([3001]).collect::<Vec<_>>());
        assert_eq!(held.by_uid(uid).unwrap().mod_seq(), ModSeq(9));
        assert_eq!(held.difference(&after).unwrap().expunged.len(), 5);
        assert!(held.difference(&after).unwrap().arrived.is_empty());
    }

    #[test]
    fn whole_leaves_come_and_go() {
        let (a, b) = (with([1, 2000, 4000]), with([2000, 9000]));
        let d = a.difference(&b).unwrap();
        assert_eq!(d.expunged.iter().map(|e| e.0.get()).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(d.arrived.iter().map(|u| u.get()).collect::<Vec<_>>(), [9000]);
        assert_eq!(uids(&a.held(&b).unwrap()), [1, 2000, 4000, 9000]);
    }
}

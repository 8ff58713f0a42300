//! What changed between two snapshots.              RFC 9051 7.5.1
//!
//! Leaves that two snapshots share are not looked at.

use std::sync::Arc;

use super::leaf::{Body, Leaf};
use super::snapshot::Snapshot;
use crate::store::StoreError;
use crate::types::{FlagBits, Flags, Seq, Uid, UidSet};

/// What has become of the messages of one snapshot in a later one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Sequence numbers in the earlier snapshot, ascending, with their UIDs.
    pub expunged: Vec<(Seq, Uid)>,
    /// UIDs whose MODSEQ and flags are others.
    pub changed: Vec<Uid>,
    /// UIDs whose MODSEQ alone is another: annotations have changed, or flags back to what they were.
    pub others: Vec<Uid>,
    /// Messages of the later snapshot that are not in the earlier one.
    pub arrived: Vec<Uid>,
    /// The first of those that have come between others, where there are any: messages that are seen again.
    pub between: Option<Uid>,
}

impl Difference {
    /// Whether the client cannot follow without hearing of an EXPUNGE.
    pub fn needs_expunges(&self) -> bool {
        !self.expunged.is_empty() || self.between.is_some()
    }

    fn change(&mut self, uid: Uid, same_flags: bool) {
        if same_flags { self.others.push(uid) } else { self.changed.push(uid) }
    }
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
        // Where places of keywords may mean others, flags that look alike may be others.
        let comparing = Arc::ptr_eq(&self.keywords, &later.keywords) || self.keywords == later.keywords;
        let same_flags = |a: &Body, i: usize, b: &Body, j: usize| comparing && a.has_flags_of(i, b, j);
        for pair in pairs(self, later) {
            match pair {
                Pair::Both(_, a, b) if self.shares(later, a, b) => {}
                Pair::Both(at, a, b) => {
                    self.leaf_difference(at, self.read(a)?, later.read(b)?, &same_flags, &mut out)
                }
                Pair::Earlier(at, a) => {
                    let gone = (0..self.read(a)?.len()).map(|slot| self.place(at, slot));
                    out.expunged.extend(gone);
                }
                Pair::Later(b) => out.arrived.extend(later.read(b)?.uids()),
            }
        }
        out.between = out.arrived.first().copied().filter(|uid| self.last_uid().is_some_and(|last| *uid < last));
        Ok(out)
    }

    fn read<'a>(&self, leaf: &'a Leaf) -> Result<&'a Body, StoreError> {
        leaf.body(self.source.as_deref())
    }

    fn place(&self, at: usize, slot: usize) -> (Seq, Uid) {
        let message = self.message(at, slot);
        (message.seq(), message.uid())
    }

    fn leaf_difference(
        &self,
        at: usize,
        a: &Body,
        b: &Body,
        same_flags: &impl Fn(&Body, usize, &Body, usize) -> bool,
        out: &mut Difference,
    ) {
        if a.runs_parallel_to(b) {
            for slot in (0..a.len()).filter(|&slot| a.mod_seq(slot) != b.mod_seq(slot)) {
                out.change(a.uid(slot), same_flags(a, slot, b, slot));
            }
            return;
        }
        let (mut i, mut j) = (0, 0);
        while i < a.len() || j < b.len() {
            match ((i < a.len()).then(|| a.uid(i)), (j < b.len()).then(|| b.uid(j))) {
                (Some(x), Some(y)) if x == y => {
                    if a.mod_seq(i) != b.mod_seq(j) {
                        out.change(x, same_flags(a, i, b, j));
                    }
                    (i, j) = (i + 1, j + 1);
                }
                (Some(x), y) if y.is_none_or(|y| x < y) => {
                    out.expunged.push(self.place(at, i));
                    i += 1;
                }
                (_, Some(y)) => {
                    out.arrived.push(y);
                    j += 1;
                }
                (_, None) => i += 1,
            }
        }
    }

    /// `later`, with the messages of this snapshot that it has no more still in their places, and without those that have
    /// come between others: what a client may be shown while it must not hear of an EXPUNGE. RFC 9051 7.5.1
    pub fn held(&self, later: &Snapshot) -> Result<Snapshot, StoreError> {
        let last = self.last_uid().unwrap_or(Uid::MIN);
        let lost = match Arc::ptr_eq(&self.keywords, &later.keywords) {
            true => Flags::default(),
            false => Flags::new(FlagBits::NONE, self.keywords.lost_in(&later.keywords)),
        };
        let mut leaves = Vec::with_capacity(later.leaves.len());
        for pair in pairs(self, later) {
            let leaf = match pair {
                Pair::Both(_, a, b) if self.shares(later, a, b) => b.clone(),
                Pair::Both(_, a, b) => {
                    let (shown, newest) = (self.read(a)?, later.read(b)?);
                    match shown.runs_parallel_to(newest) {
                        true => b.clone(),
                        false => Arc::new(newest.with_departed(b.no, shown, last, &lost)),
                    }
                }
                Pair::Earlier(_, a) if lost == Flags::default() => a.clone(),
                Pair::Earlier(_, a) => Arc::new(Body::default().with_departed(a.no, self.read(a)?, last, &lost)),
                Pair::Later(b) if self.is_empty() || b.no.first() > last => b.clone(),
                Pair::Later(_) => continue,
            };
            leaves.push(leaf);
        }
        let mut held = later.with_leaves(leaves);
        held.is_held = true;
        // A client that comes back with this number is told of what is held now.
        held.header.highest_mod_seq = self.header.highest_mod_seq;
        Ok(held)
    }

    /// This snapshot without messages that are not to be shown yet.
    pub(super) fn hold_back(&mut self, uids: &UidSet) {
        self.remove(uids);
        self.is_held = true;
    }

    /// Whether two leaves of one range have the same messages. Their entries tell, where both are of states of the mailbox, and
    /// seen by the same: a change gives the leaf a higher MODSEQ, a removal fewer messages, an arrival a higher UID. Where
    /// something is held back, one that is gone and one that is seen again between others make no difference.
    fn shares(&self, later: &Snapshot, a: &Arc<Leaf>, b: &Arc<Leaf>) -> bool {
        let are_states = !self.is_held && !later.is_held;
        Arc::ptr_eq(a, b) || (are_states && self.visibility == later.visibility && a.entry() == b.entry())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{ClassSums, FlagRecord, MailboxHeader, MessageRecord};
    use crate::types::{BlobId, FlagBits, Flags, InternalDate, ModSeq, ServerKeyword, UidValidity, Visibility};

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
            snapshot.push(&record, &FlagRecord { uid, flags: Flags::default(), mod_seq: ModSeq(1) });
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
        let mut random = fastrand::Rng::with_seed(6);
        for _ in 0..300 {
            let mut set = UidSet::new();
            for _ in 0..random.usize(..4) {
                let low = random.u32(1..10_000);
                let high = *random.choice(&[low, low + 1, low + 1023, 9000, u32::MAX]).unwrap();
                set.push_range(low, high.max(low));
            }
            assert_eq!(s.count_in(&set) as usize, s.in_uids(&set).count(), "{set:?}");
        }
    }

    #[test]
    fn differences() {
        let before = with((1..=3000).step_by(3));
        let mut after = before.clone();
        let gone: UidSet = [4, 7, 1024, 1027, 2998].into_iter().filter_map(Uid::new).collect();
        after.remove(&gone);
        let uid = Uid::new(10).unwrap();
        after.set_flags([FlagRecord { uid, flags: FlagBits(1).into(), mod_seq: ModSeq(9) }].into_iter());
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
        after.push(&record, &FlagRecord { uid: new, flags: Flags::default(), mod_seq: ModSeq(10) });
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

    /// Sets or clears $Service, under the next MODSEQ.
    fn serve(snapshot: &mut Snapshot, uids: &[u32], mode: crate::mailbox::StoreMode, mod_seq: u64) {
        let set = |n: &u32| {
            let uid = Uid::new(*n).unwrap();
            let flags = mode.combine(&Flags::default(), &FlagBits::server(ServerKeyword::Service).into());
            FlagRecord { uid, flags, mod_seq: ModSeq(mod_seq) }
        };
        snapshot.set_flags(uids.iter().map(set).collect::<Vec<_>>().into_iter());
        let (mut records, mut sums) = (snapshot.messages().map(|m| (m.record(), m.flags())), ClassSums::default());
        records.by_ref().for_each(|(record, flags)| sums.add(&record, flags));
        drop(records);
        snapshot.header.sums = sums;
        snapshot.seen = Default::default();
    }

    #[test]
    fn what_is_hidden_and_seen_again() {
        use crate::mailbox::StoreMode::{Add, Remove};
        let plain = Visibility::ALL.without_service();
        let seen = |snapshot: &Snapshot| Arc::new(snapshot.clone()).seen_by(plain).unwrap();
        let mut whole = with((1..=3000).step_by(3));
        let all = seen(&whole);
        assert_eq!(all.len(), whole.len());
        serve(&mut whole, &[4, 1000, 1024, 2998], Add, 2);
        let fewer = seen(&whole);
        assert_eq!((fewer.len(), fewer.visibility), (996, plain));
        for (i, m) in fewer.messages().enumerate() {
            assert_eq!(m.seq().get() as usize, i + 1);
            assert_eq!(fewer.by_seq(m.seq()).unwrap().uid(), m.uid());
            assert_eq!(fewer.by_uid(m.uid()).unwrap().seq(), m.seq());
        }
        assert!([4, 1000, 1024, 2998].iter().all(|n| fewer.by_uid(Uid::new(*n).unwrap()).is_none()));
        assert_eq!(fewer.uid_range(2, 10).map(|m| m.uid().get()).collect::<Vec<_>>(), [7, 10]);
        assert_eq!((fewer.last_uid().unwrap().get(), fewer.first_unseen().unwrap().uid().get()), (2995, 1));
        // Leaves with nothing to hide are shared; the others share their arrays.
        assert_eq!(seen(&with([1, 2])).len(), 2);
        let d = all.difference(&fewer).unwrap();
        assert_eq!(d.expunged.iter().map(|e| e.1.get()).collect::<Vec<_>>(), [4, 1000, 1024, 2998]);
        assert!(d.changed.is_empty() && d.arrived.is_empty() && d.between.is_none());
        assert_eq!(uids(&all.held(&fewer).unwrap()), uids(&all));

        // One of them is seen again between others, one at the end.
        serve(&mut whole, &[1024, 2998], Remove, 3);
        let more = seen(&whole);
        let d = fewer.difference(&more).unwrap();
        assert_eq!(d.arrived.iter().map(|u| u.get()).collect::<Vec<_>>(), [1024, 2998]);
        assert_eq!((d.expunged.len(), d.between.map(Uid::get), d.needs_expunges()), (0, Some(1024), true));
        let held = fewer.held(&more).unwrap();
        assert_eq!(uids(&held), uids(&fewer).into_iter().chain([2998]).collect::<Vec<_>>());
        let d = held.difference(&more).unwrap();
        assert_eq!((d.arrived.len(), d.between.map(Uid::get)), (1, Some(1024)));

        // Who begins to see everything.
        let whole = Arc::new(whole);
        let d = more.difference(&whole).unwrap();
        assert_eq!(d.arrived.iter().map(|u| u.get()).collect::<Vec<_>>(), [4, 1000]);
    }

    /// As many as before, the same UID at the end and the same MODSEQ: one has gone, and another is seen again.
    #[test]
    fn what_is_held_is_told_whatever_else_changes() {
        use crate::mailbox::StoreMode::{Add, Remove};
        let seen =
            |snapshot: &Snapshot| Arc::new(snapshot.clone()).seen_by(Visibility::ALL.without_service()).unwrap();
        let mut whole = with([1, 2, 3, 4]);
        serve(&mut whole, &[2], Add, 2);
        let before = seen(&whole);
        serve(&mut whole, &[2], Remove, 3);
        let uid = Uid::new(4).unwrap();
        whole.set_flags([FlagRecord { uid, flags: FlagBits(2).into(), mod_seq: ModSeq(4) }].into_iter());
        let gone: UidSet = [Uid::new(3).unwrap()].into_iter().collect();
        whole.remove(&gone);
        let newest = seen(&whole);
        let is_told = |held: &Snapshot, gone: &[u32]| {
            let d = held.difference(&newest).unwrap();
            assert_eq!(d.expunged.iter().map(|(_, uid)| uid.get()).collect::<Vec<_>>(), gone);
            assert_eq!(d.between.map(Uid::get), Some(2));
        };
        let held = before.held(&newest).unwrap();
        assert_eq!(uids(&held), [1, 3, 4]);
        is_told(&held, &[3]);
        // The same where what has come alone is held back.
        let mut held = Snapshot::clone(&newest);
        held.hold_back(&[Uid::new(2).unwrap()].into_iter().collect());
        is_told(&held, &[]);
    }

    #[test]
    fn a_whole_leaf_is_hidden() {
        use crate::mailbox::StoreMode::{Add, Remove};
        let mut whole = with([1, 2000, 2001, 4000]);
        serve(&mut whole, &[2000, 2001, 4000], Add, 2);
        let seen =
            |snapshot: &Snapshot| Arc::new(snapshot.clone()).seen_by(Visibility::ALL.without_service()).unwrap();
        let one = seen(&whole);
        assert_eq!((uids(&one), one.len()), (vec![1], 1));
        serve(&mut whole, &[4000], Remove, 3);
        let two = seen(&whole);
        serve(&mut whole, &[2000, 2001], Remove, 4);
        let four = seen(&whole);
        let d = two.difference(&four).unwrap();
        assert_eq!((d.arrived.len(), d.between.map(Uid::get)), (2, Some(2000)));
        assert_eq!(uids(&two.held(&four).unwrap()), [1, 4000]);
        assert_eq!(uids(&four.held(&one).unwrap()), [1, 2000, 2001, 4000]);
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

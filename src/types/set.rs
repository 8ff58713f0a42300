//! Sets of message numbers.                         RFC 9051 9 (sequence-set), 4.1.1; RFC 5182

use std::fmt;
use std::ops::Range;

use super::{Seq, Uid};

/// `sequence-set` as a client writes it: numbers, ranges and `*`, in any order, overlapping or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceSet {
    ranges: Vec<(SetNumber, SetNumber)>,
}

/// `seq-number = nz-number / "*"`
pub type SetNumber = Option<u32>;

impl SequenceSet {
    /// Ranges as written; `None` stands for `*`. The caller guarantees that no number is zero.
    pub fn new(ranges: Vec<(SetNumber, SetNumber)>) -> SequenceSet {
        SequenceSet { ranges }
    }

    /// The set as sorted, disjoint, inclusive ranges, `*` standing for `last` (the largest number in use; 0
    /// in an empty mailbox). Numbers above `last` are kept: the command decides whether they are an error.
    pub fn resolve(&self, last: u32) -> UidSet {
        let mut ranges: Vec<(u32, u32)> = self
            .ranges
            .iter()
            .map(|&(a, b)| (a.unwrap_or(last), b.unwrap_or(last)))
            .map(|(a, b)| (a.min(b), a.max(b)))
            .filter(|&(_, high)| high > 0)
            .map(|(low, high)| (low.max(1), high))
            .collect();
        ranges.sort_unstable();
        let mut set = UidSet::new();
        ranges.into_iter().for_each(|(low, high)| set.push_range(low, high));
        set
    }

    /// The set with `*` written out: what reaches from a number in use up to `*` has no end, so that it holds what comes
    /// later too.
    pub fn opened(&self, last: u32) -> SequenceSet {
        let open = |&(a, b): &(SetNumber, SetNumber)| match (a, b) {
            (Some(a), Some(b)) => (Some(a), Some(b)),
            (Some(n), None) | (None, Some(n)) if n <= last => (Some(n), Some(u32::MAX)),
            (n, m) => (Some(n.unwrap_or(last).max(1)), Some(m.unwrap_or(last).max(1))),
        };
        SequenceSet { ranges: self.ranges.iter().map(open).collect() }
    }

    /// The largest number that is written out, `*` aside: a sequence number beyond the mailbox is an error.
    pub fn largest(&self) -> u32 {
        self.ranges.iter().flat_map(|&(a, b)| [a, b]).flatten().max().unwrap_or(0)
    }

    /// How many ranges were written.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |n: SetNumber| n.map_or("*".to_string(), |n| n.to_string());
        for (i, &(a, b)) in self.ranges.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            match a == b {
                true => write!(f, "{comma}{}", show(a))?,
                false => write!(f, "{comma}{}:{}", show(a), show(b))?,
            }
        }
        Ok(())
    }
}

/// What a command names its messages by: a set, or `$`, the saved result of a SEARCH. RFC 9051 6.4.4.1
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NumberSet {
    Set(SequenceSet),
    Saved,
}

/// A set of numbers in its normal form: sorted, disjoint, inclusive ranges that do not touch.
///
/// Whether they are UIDs or sequence numbers is for the owner to know; the typed ways in and out
/// (`push`, `uids`) take and give `Uid`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UidSet {
    ranges: Vec<(u32, u32)>,
}

impl UidSet {
    pub fn new() -> UidSet {
        UidSet::default()
    }

    pub fn push(&mut self, uid: Uid) {
        self.push_range(uid.get(), uid.get());
    }

    pub fn push_seq(&mut self, seq: Seq) {
        self.push_range(seq.get(), seq.get());
    }

    /// Adds `low..=high`; cheap when `low` is not below what is already there.
    pub fn push_range(&mut self, low: u32, high: u32) {
        match self.ranges.last_mut() {
            Some(last) if low >= last.0 && low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
            Some(last) if low < last.0 => self.insert(low, high),
            _ => self.ranges.push((low, high)),
        }
    }

    fn insert(&mut self, low: u32, high: u32) {
        let first = self.ranges.partition_point(|r| r.1.saturating_add(1) < low);
        let end = self.ranges.partition_point(|r| r.0 <= high.saturating_add(1));
        let joined = self.ranges[first..end].iter().fold((low, high), |(l, h), r| (l.min(r.0), h.max(r.1)));
        self.ranges.splice(first..end, [joined]);
    }

    /// Of inclusive ranges in any order, overlapping or not.
    pub fn from_ranges(mut ranges: Vec<(u32, u32)>) -> UidSet {
        ranges.sort_unstable();
        let mut set = UidSet::new();
        ranges.into_iter().for_each(|(low, high)| set.push_range(low, high));
        set
    }

    pub fn contains(&self, n: u32) -> bool {
        let at = self.ranges.partition_point(|r| r.1 < n);
        self.ranges.get(at).is_some_and(|r| r.0 <= n)
    }

    /// Whether any of `low..=high` is in the set.
    pub fn overlaps(&self, low: u32, high: u32) -> bool {
        let at = self.ranges.partition_point(|r| r.1 < low);
        self.ranges.get(at).is_some_and(|r| r.0 <= high)
    }

    /// What is in both.
    pub fn intersection(&self, other: &UidSet) -> UidSet {
        let (mut i, mut j, mut both) = (0, 0, UidSet::new());
        while let (Some(a), Some(b)) = (self.ranges.get(i), other.ranges.get(j)) {
            let (low, high) = (a.0.max(b.0), a.1.min(b.1));
            if low <= high {
                both.push_range(low, high);
            }
            if a.1 < b.1 { i += 1 } else { j += 1 }
        }
        both
    }

    /// What is in this set and not in the other.
    pub fn difference(&self, other: &UidSet) -> UidSet {
        let (mut j, mut left) = (0, UidSet::new());
        for &(low, high) in &self.ranges {
            let mut from = u64::from(low);
            while let Some(&(a, b)) = other.ranges.get(j).filter(|(a, _)| *a <= high) {
                if u64::from(a) > from {
                    left.push_range(from as u32, a - 1);
                }
                from = from.max(u64::from(b) + 1);
                if b >= high {
                    break;
                }
                j += 1;
            }
            if from <= u64::from(high) {
                left.push_range(from as u32, high);
            }
        }
        left
    }

    /// What is in either.
    pub fn union(&self, other: &UidSet) -> UidSet {
        let (mut i, mut j, mut all) = (0, 0, UidSet::new());
        loop {
            let next = match (self.ranges.get(i), other.ranges.get(j)) {
                (Some(a), b) if b.is_none_or(|b| a.0 <= b.0) => {
                    i += 1;
                    a
                }
                (_, Some(b)) => {
                    j += 1;
                    b
                }
                (_, None) => return all,
            };
            all.push_range(next.0, next.1);
        }
    }

    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// How many numbers the set holds.
    pub fn count(&self) -> u64 {
        self.ranges.iter().map(|r| u64::from(r.1 - r.0) + 1).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub fn first(&self) -> Option<u32> {
        self.ranges.first().map(|r| r.0)
    }

    pub fn last(&self) -> Option<u32> {
        self.ranges.last().map(|r| r.1)
    }

    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().flat_map(|r| r.0..=r.1)
    }

    /// The numbers that stand at these places, the first place being 0.
    pub fn at(&self, places: Range<usize>) -> UidSet {
        let (mut start, mut set) = (0, UidSet::new());
        let (first, end) = (places.start as u64, places.end as u64);
        for &(low, high) in &self.ranges {
            let long = u64::from(high - low) + 1;
            let (from, to) = (first.max(start), end.min(start + long));
            if from < to {
                // Both are within the range.
                set.push_range(low + (from - start) as u32, low + (to - start - 1) as u32);
            }
            start += long;
        }
        set
    }

    pub fn uids(&self) -> impl Iterator<Item = Uid> + '_ {
        self.numbers().filter_map(Uid::new)
    }
}

impl From<UidSet> for NumberSet {
    fn from(set: UidSet) -> NumberSet {
        NumberSet::Set(SequenceSet { ranges: set.ranges.iter().map(|&(a, b)| (Some(a), Some(b))).collect() })
    }
}

impl FromIterator<Uid> for UidSet {
    fn from_iter<I: IntoIterator<Item = Uid>>(uids: I) -> UidSet {
        let mut set = UidSet::new();
        // Most follow the one before: they make a range before it goes into the set.
        let mut range: Option<(u32, u32)> = None;
        uids.into_iter().for_each(|uid| match &mut range {
            Some((_, high)) if uid.get() - 1 == *high => *high = uid.get(),
            range => {
                let before = range.replace((uid.get(), uid.get()));
                before.into_iter().for_each(|(low, high)| set.push_range(low, high));
            }
        });
        range.into_iter().for_each(|(low, high)| set.push_range(low, high));
        set
    }
}

/// As the RFC's `uid-set`: `4,9:11`. Nothing for the empty set, which has no form on the wire.
impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, &(low, high)) in self.ranges.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            match low == high {
                true => write!(f, "{comma}{low}")?,
                false => write!(f, "{comma}{low}:{high}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_form() {
        let set = SequenceSet::new(vec![(Some(9), Some(7)), (Some(2), Some(2)), (Some(3), None), (Some(5), Some(8))]);
        assert_eq!(set.resolve(4).to_string(), "2:9");
        assert_eq!(set.to_string(), "9:7,2,3:*,5:8");
        assert_eq!(SequenceSet::new(vec![(None, None)]).resolve(0).to_string(), "");
        assert_eq!(SequenceSet::new(vec![(Some(7), None)]).resolve(3).to_string(), "3:7");
    }

    #[test]
    fn any_order() {
        let mut set = UidSet::new();
        [9, 3, 5, 4, 1, 9].into_iter().for_each(|n| set.push_range(n, n));
        assert_eq!(set.to_string(), "1,3:5,9");
        assert!(set.contains(4) && !set.contains(2) && !set.contains(10));
        assert_eq!(set.count(), 5);
        set.push_range(2, 8);
        assert_eq!(set.to_string(), "1:9");
        let collected = |uids: &[u32]| uids.iter().filter_map(|uid| Uid::new(*uid)).collect::<UidSet>().to_string();
        assert_eq!(collected(&[9, 3, 5, 4, 5, 6, 1, 9, 8, u32::MAX, 1, 2]), "1:6,8:9,4294967295");
        assert_eq!((collected(&[]), collected(&[7])), (String::new(), "7".into()));
    }

    #[test]
    fn unions_and_differences() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..500 {
            let mut set = || {
                let mut set = UidSet::new();
                (0..random.u32(0..12)).for_each(|_| {
                    let low = random.u32(1..40);
                    set.push_range(low, low + random.u32(0..4));
                });
                set
            };
            let (a, b) = (set(), set());
            let by_hand = |keep: &dyn Fn(bool, bool) -> bool| {
                let mut set = UidSet::new();
                (1..60).filter(|n| keep(a.contains(*n), b.contains(*n))).for_each(|n| set.push_range(n, n));
                set
            };
            assert_eq!(a.union(&b), by_hand(&|a, b| a || b));
            assert_eq!(a.difference(&b), by_hand(&|a, b| a && !b));
        }
        let mut all = UidSet::new();
        all.push_range(1, u32::MAX);
        assert!(all.difference(&all).is_empty());
    }

    #[test]
    fn places() {
        let mut set = UidSet::new();
        [(1, 3), (7, 7), (9, u32::MAX)].into_iter().for_each(|(low, high)| set.push_range(low, high));
        assert_eq!(set.at(0..2).to_string(), "1:2");
        assert_eq!(set.at(2..6).to_string(), "3,7,9:10");
        assert_eq!(set.at(4..4).to_string(), "");
        assert_eq!(set.at(1 << 40..1 << 41).to_string(), "");
    }

    #[test]
    fn intersections() {
        let set = |ranges: &[(u32, u32)]| {
            let mut set = UidSet::new();
            ranges.iter().for_each(|&(low, high)| set.push_range(low, high));
            set
        };
        let (a, b) = (set(&[(1, 5), (8, 8), (10, 20)]), set(&[(3, 12), (15, 30)]));
        assert_eq!(a.intersection(&b).to_string(), "3:5,8,10:12,15:20");
        assert!(a.intersection(&UidSet::new()).is_empty());
    }
}

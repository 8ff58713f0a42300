//! The summaries of a page of messages, one behind the other as they were read: who walks over many finds the next where the
//! last one ended.

use crate::mime::SummaryRef;
use crate::store::Value;
use crate::types::Uid;

use super::summaries::summary_of;

#[derive(Default)]
pub(super) struct Page {
    /// Ascending.
    uids: Vec<Uid>,
    octets: Vec<u8>,
    /// Where the summary of each ends in `octets`.
    ends: Vec<usize>,
}

impl Page {
    /// Of messages in ascending order.
    pub(super) fn of(summaries: &[(Uid, Value)]) -> Page {
        let bytes = summaries.iter().map(|(_, value)| value.len()).sum();
        let mut page = Page { octets: Vec::with_capacity(bytes), ..Page::default() };
        for (uid, value) in summaries {
            page.uids.push(*uid);
            page.octets.extend_from_slice(value);
            page.ends.push(page.octets.len());
        }
        page
    }

    pub(super) fn uids(&self) -> &[Uid] {
        &self.uids
    }

    pub(super) fn summaries(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.ends.len()).map(|slot| self.at(slot).unwrap_or_default())
    }

    pub(super) fn slot(&self, uid: Uid) -> Option<usize> {
        self.uids.binary_search(&uid).ok()
    }

    /// As `slot`, for a walk that expects it at `next`.
    pub(super) fn slot_near(&self, next: usize, uid: Uid) -> Option<usize> {
        if self.uids.get(next) == Some(&uid) { Some(next) } else { self.slot(uid) }
    }

    pub(super) fn at(&self, slot: usize) -> Option<&[u8]> {
        let end = *self.ends.get(slot)?;
        let start = slot.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.octets[start..end])
    }

    pub(super) fn get(&self, uid: Uid) -> Option<&[u8]> {
        self.slot(uid).and_then(|slot| self.at(slot))
    }

    /// What `of` makes of the summaries of these messages. A damaged one, or one that is gone, gives what an empty one does;
    /// whoever reads it is told.
    pub(super) fn by_uids<T: Default>(&self, uids: &[Uid], of: impl Fn(&SummaryRef<'_>) -> T) -> Vec<T> {
        let summary = |uid: &Uid| self.get(*uid).and_then(|octets| summary_of(octets).ok());
        uids.iter().map(|uid| summary(uid).map(|summary| of(&summary)).unwrap_or_default()).collect()
    }

    /// Octets that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.octets.capacity() + self.uids.capacity() * 4 + self.ends.capacity() * 8 + size_of::<Page>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own() {
        let uid = |n| Uid::new(n).unwrap();
        let page = Page::of(&[(uid(3), b"abc"[..].into()), (uid(5), b""[..].into()), (uid(9), b"de"[..].into())]);
        assert_eq!(page.summaries().collect::<Vec<_>>(), [&b"abc"[..], b"", b"de"]);
        assert_eq!([3, 4, 5, 9].map(|n| page.get(uid(n))), [Some(&b"abc"[..]), None, Some(b""), Some(b"de")]);
        for next in 0..9 {
            assert_eq!([3, 4, 9].map(|n| page.slot_near(next, uid(n))), [Some(0), None, Some(2)], "{next}");
        }
        assert_eq!((page.at(2), page.at(3)), (Some(&b"de"[..]), None));
        assert_eq!(Page::of(&[]).summaries().len(), 0);
    }
}

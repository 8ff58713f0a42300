//! The summaries of a page of messages, one behind the other as they were read: who walks over many finds the next where the
//! last one ended.

use std::borrow::Cow;

use crate::mime::SummaryRef;
use crate::store::{Value, side_by_side};
use crate::types::Uid;

use super::describing::summary_of;

#[derive(Debug, Default)]
pub(super) struct Page {
    /// Ascending.
    uids: Vec<Uid>,
    summaries: Vec<Value>,
}

impl Page {
    /// Of messages in ascending order.
    pub(super) fn of(summaries: Vec<(Uid, Value)>) -> Page {
        let (uids, summaries): (_, Vec<Value>) = summaries.into_iter().unzip();
        Page { uids, summaries: side_by_side(&summaries) }
    }

    pub(super) fn uids(&self) -> &[Uid] {
        &self.uids
    }

    pub(super) fn slot(&self, uid: Uid) -> Option<usize> {
        self.uids.binary_search(&uid).ok()
    }

    /// As `slot`, for a walk that expects it at `next`.
    pub(super) fn slot_near(&self, next: usize, uid: Uid) -> Option<usize> {
        if self.uids.get(next) == Some(&uid) { Some(next) } else { self.slot(uid) }
    }

    pub(super) fn at(&self, slot: usize) -> Option<&Value> {
        self.summaries.get(slot)
    }

    pub(super) fn get(&self, uid: Uid) -> Option<&Value> {
        self.slot(uid).and_then(|slot| self.at(slot))
    }

    /// The summaries of these messages, an empty one for each that the page does not have.
    pub(super) fn aligned(&self, uids: &[Uid]) -> Cow<'_, [Value]> {
        match self.uids == uids {
            true => Cow::Borrowed(&self.summaries),
            false => {
                uids.iter().map(|uid| self.get(*uid).cloned().unwrap_or_else(|| Value::from(&b""[..]))).collect()
            }
        }
    }

    /// What `of` makes of the summaries of these messages. A damaged one, or one that is gone, gives what an empty one does;
    /// whoever reads it is told.
    pub(super) fn by_uids<T: Default>(
        &self,
        uids: &[Uid],
        of: impl Fn(&SummaryRef<'_>) -> T,
    ) -> impl Iterator<Item = T> {
        let summary = |uid: &Uid| self.get(*uid).and_then(|octets| summary_of(octets).ok());
        uids.iter().map(move |uid| summary(uid).map(|summary| of(&summary)).unwrap_or_default())
    }

    /// Octets that it takes.
    pub(super) fn bytes(&self) -> usize {
        let each = size_of::<Uid>() + size_of::<Value>();
        self.summaries.iter().map(|value| value.len() + each).sum::<usize>() + size_of::<Page>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own() {
        let uid = |n| Uid::new(n).unwrap();
        let summaries = [&b"abc"[..], b"", &[7; 100], &[8; 50]].map(Value::from);
        let page = Page::of([3, 5, 9, 10].map(uid).into_iter().zip(summaries.clone()).collect());
        assert_eq!(page.summaries, summaries);
        let get = |n| page.get(uid(n)).map(|value| &**value);
        assert_eq!(*page.aligned(&[3, 5, 9, 10].map(uid)), summaries);
        assert_eq!(
            *page.aligned(&[2, 3, 9].map(uid)),
            [Value::from(&b""[..]), summaries[0].clone(), summaries[2].clone()]
        );
        assert_eq!([3, 4, 5, 9].map(get), [Some(&b"abc"[..]), None, Some(b""), Some(&[7; 100])]);
        for next in 0..9 {
            assert_eq!([3, 4, 9].map(|n| page.slot_near(next, uid(n))), [Some(0), None, Some(2)], "{next}");
        }
        // One ends where the next begins.
        let of = |slot| page.at(slot).unwrap().as_ptr_range();
        assert_eq!(of(2).end, of(3).start);
        assert_eq!(page.at(4), None);
        assert!(Page::of(Vec::new()).summaries.is_empty());
    }
}

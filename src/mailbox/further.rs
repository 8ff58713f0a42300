//! The keywords without a bit that the messages of a leaf have.
//!
//! Messages of a mailbox with many keywords mostly have few combinations of them: each is kept once in a leaf, two octets a
//! message say which. A leaf whose messages have none keeps nothing. Where the combinations are many, those that no message
//! has any more are dropped.

use std::sync::Arc;

use crate::types::KeywordId;

/// Combinations beyond twice the messages that a leaf can have are too many to be all in use.
const SETS_MAX: usize = 2 * crate::store::LEAF_UIDS as usize;

#[derive(Clone, Default)]
pub(super) struct Further {
    /// Of each message, by its place in the leaf: the number of its set from 1, or 0. Those beyond the end have none.
    of: Vec<u16>,
    sets: Vec<Arc<[KeywordId]>>,
}

impl Further {
    pub(super) fn get(&self, at: usize) -> Option<&Arc<[KeywordId]>> {
        let number = usize::from(*self.of.get(at)?);
        self.sets.get(number.checked_sub(1)?)
    }

    pub(super) fn set(&mut self, at: usize, further: Option<&Arc<[KeywordId]>>) {
        let number = match further {
            None if at >= self.of.len() => return,
            None => 0,
            Some(set) => self.number(set),
        };
        if self.of.len() <= at {
            self.of.resize(at + 1, 0);
        }
        self.of[at] = number;
    }

    fn number(&mut self, set: &Arc<[KeywordId]>) -> u16 {
        // The latest is the likeliest.
        let known = self.sets.iter().rposition(|known| Arc::ptr_eq(known, set) || known == set);
        let at = known.unwrap_or_else(|| {
            if self.sets.len() >= SETS_MAX {
                self.drop_unused();
            }
            self.sets.push(set.clone());
            self.sets.len() - 1
        });
        at as u16 + 1
    }

    fn drop_unused(&mut self) {
        let mut renumbered = vec![0; self.sets.len() + 1];
        let mut kept = Vec::new();
        for number in &mut self.of {
            let old = usize::from(*number);
            if old > 0 && renumbered[old] == 0 {
                kept.push(self.sets[old - 1].clone());
                renumbered[old] = kept.len() as u16;
            }
            *number = renumbered[old];
        }
        self.sets = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: &[u16]) -> Arc<[KeywordId]> {
        ids.iter().map(|id| KeywordId(*id)).collect()
    }

    #[test]
    fn sets_are_shared_and_dropped() {
        let mut further = Further::default();
        further.set(3, None);
        assert!(further.of.is_empty());
        further.set(2, Some(&set(&[200, 300])));
        further.set(0, Some(&set(&[200, 300])));
        assert_eq!((further.sets.len(), further.get(1), further.get(9)), (1, None, None));
        assert_eq!(further.get(0), Some(&set(&[200, 300])));
        for n in 0..10_000u16 {
            further.set(1, Some(&set(&[n, 40_000])));
            assert_eq!(further.get(1), Some(&set(&[n, 40_000])));
        }
        assert!(further.sets.len() <= SETS_MAX);
        assert_eq!(further.get(2), Some(&set(&[200, 300])));
        further.set(2, None);
        assert_eq!(further.get(2), None);
    }
}

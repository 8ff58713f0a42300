//! All flags of a message.                           RFC 9051 2.3.2
//!
//! Bits, and the keywords of the mailbox that have no bit. Nearly all messages have none of those and cost nothing for it.

use std::sync::Arc;

use super::flag::{FlagBits, KeywordId};

/// Invariants: `further` is ascending, has no keyword that has a bit, and is not empty; the bits say whether it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    bits: FlagBits,
    further: Option<Arc<[KeywordId]>>,
}

impl Flags {
    /// Bits, and any keywords beside them.
    pub fn new(bits: FlagBits, keywords: impl IntoIterator<Item = KeywordId>) -> Flags {
        let (mut bits, mut further) = (bits.without(FlagBits::FURTHER), Vec::new());
        for id in keywords {
            match FlagBits::keyword(id) {
                Some(bit) => bits = bits.with(bit),
                None => further.push(id),
            }
        }
        further.sort_unstable();
        further.dedup();
        Flags::of(bits, further)
    }

    fn of(bits: FlagBits, further: Vec<KeywordId>) -> Flags {
        match further.is_empty() {
            true => Flags { bits: bits.without(FlagBits::FURTHER), further: None },
            false => Flags { bits: bits.with(FlagBits::FURTHER), further: Some(further.into()) },
        }
    }

    /// As an index keeps them apart; the two are of one message.
    pub fn joined(bits: FlagBits, further: Option<&Arc<[KeywordId]>>) -> Flags {
        Flags { bits, further: further.cloned() }
    }

    pub fn bits(&self) -> FlagBits {
        self.bits
    }

    /// The keywords without a bit, ascending.
    pub fn further(&self) -> &[KeywordId] {
        self.further.as_deref().unwrap_or(&[])
    }

    pub fn shared_further(&self) -> Option<&Arc<[KeywordId]>> {
        self.further.as_ref()
    }

    /// All keywords of the mailbox among them.
    pub fn keywords(&self) -> impl Iterator<Item = KeywordId> {
        self.bits.keywords().chain(self.further().iter().copied())
    }

    /// What is in either.
    pub fn with(&self, other: &Flags) -> Flags {
        let bits = self.bits.with(other.bits);
        match (&self.further, &other.further) {
            (further, None) | (None, further) => Flags { bits, further: further.clone() },
            (Some(a), Some(b)) => Flags::new(bits, a.iter().chain(b.iter()).copied()),
        }
    }

    /// What is not in the other.
    pub fn without(&self, other: &Flags) -> Flags {
        let bits = self.bits.without(other.bits.without(FlagBits::FURTHER));
        match (&self.further, &other.further) {
            (further, None) => Flags { bits, further: further.clone() },
            (None, _) => Flags { bits, further: None },
            (Some(a), Some(b)) => {
                Flags::of(bits, a.iter().filter(|id| b.binary_search(id).is_err()).copied().collect())
            }
        }
    }
}

impl From<FlagBits> for Flags {
    fn from(bits: FlagBits) -> Flags {
        Flags { bits: bits.without(FlagBits::FURTHER), further: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::SystemFlag;

    #[test]
    fn bits_and_what_is_beyond() {
        let seen = FlagBits::system(SystemFlag::Seen);
        let flags = |ids: &[u16]| Flags::new(seen, ids.iter().map(|id| KeywordId(*id)));
        let ids = |flags: &Flags| flags.keywords().map(|id| id.0).collect::<Vec<_>>();
        let (a, b) = (flags(&[3, 118, 119, 5000, 200, 200]), flags(&[4, 200, 7000]));
        assert_eq!(ids(&a), [3, 118, 119, 200, 5000]);
        assert_eq!(a.further().len(), 3);
        assert_eq!(ids(&a.with(&b)), [3, 4, 118, 119, 200, 5000, 7000]);
        assert_eq!(ids(&a.without(&b)), [3, 118, 119, 5000]);
        assert_eq!(ids(&flags(&[3]).with(&b)), [3, 4, 200, 7000]);
        assert_eq!(ids(&a.with(&flags(&[3]))), ids(&a));
        let plain = a.without(&flags(&[119, 200, 5000]));
        assert_eq!((ids(&plain), plain.bits().has(SystemFlag::Seen)), (vec![3, 118], false));
        assert_eq!(plain, Flags::new(FlagBits::NONE, [KeywordId(118), KeywordId(3)]));
        assert_eq!(b.without(&b), Flags::default());
        assert_eq!(plain.without(&a), Flags::default());
    }
}

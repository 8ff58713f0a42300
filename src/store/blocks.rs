//! The blocks that fjall's tables consist of, from outside.
//!
//! A block is a head, `LSM` 3, u8 kind (0 of data), u128 XXH3 of its octets, u32 octets, u32 octets before they were
//! compressed, u32 of the XXH3-128 of all this, the lowest; and its octets. Numbers are little-endian.

use xxhash_rust::xxh3::xxh3_128;

use super::archive::Cursor;

pub(super) const HEAD_BYTES: usize = 33;

#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) kind: u8,
    sum: u128,
    octets: usize,
    pub(super) before: usize,
}

impl Head {
    pub(super) const DATA: u8 = 0;

    /// The head that these octets begin with.
    pub(super) fn read(octets: &[u8]) -> Option<Head> {
        let head = octets.get(..HEAD_BYTES)?;
        let mut cursor = Cursor(head);
        cursor.take(4).filter(|magic| magic == b"LSM\x03")?;
        let (kind, sum, octets, before) = (cursor.u8()?, cursor.u128()?, cursor.u32()?, cursor.u32()?);
        let is_good = cursor.u32()? == xxh3_128(&head[..HEAD_BYTES - 4]) as u32;
        is_good.then_some(Head { kind, sum, octets: octets as usize, before: before as usize })
    }

    /// Of the whole block.
    pub(super) fn length(&self) -> usize {
        HEAD_BYTES + self.octets
    }

    pub(super) fn is_compressed(&self) -> bool {
        self.octets != self.before
    }

    /// Whether the block that has this head, and that these octets begin with, is what was written.
    pub(super) fn is_of(&self, octets: &[u8]) -> bool {
        octets.get(HEAD_BYTES..self.length()).is_some_and(|octets| xxh3_128(octets) == self.sum)
    }
}

/// Whether octets are good blocks, and nothing else.
pub(super) fn all_good(mut octets: &[u8]) -> bool {
    while !octets.is_empty() {
        match Head::read(octets).filter(|head| head.is_of(octets)) {
            Some(head) => octets = &octets[head.length()..],
            None => return false,
        }
    }
    true
}

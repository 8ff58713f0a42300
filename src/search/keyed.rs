//! A hash for what is a hash already, or a small number.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Identifiers are hashes already: one multiplication spreads them, by a key that nobody who sends mail can know.
#[derive(Clone, Copy)]
pub(super) struct Keyed {
    key: u64,
    hash: u64,
}

impl Keyed {
    pub(super) fn new() -> Keyed {
        Keyed { key: RandomState::new().build_hasher().finish() | 1, hash: 0 }
    }
}

impl BuildHasher for Keyed {
    type Hasher = Keyed;

    fn build_hasher(&self) -> Keyed {
        *self
    }
}

impl Hasher for Keyed {
    fn write(&mut self, octets: &[u8]) {
        octets.iter().for_each(|octet| self.write_u128((*octet).into()));
    }

    fn write_usize(&mut self, at: usize) {
        self.write_u128(at as u128);
    }

    fn write_u64(&mut self, rank: u64) {
        self.write_u128(rank.into());
    }

    fn write_u128(&mut self, id: u128) {
        let mixed = (id as u64 ^ (id >> 64) as u64 ^ self.hash ^ self.key).wrapping_mul(self.key);
        self.hash = mixed ^ mixed >> 32;
    }

    fn finish(&self) -> u64 {
        self.hash
    }
}

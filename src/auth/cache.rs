//! Passwords that have been right, kept as keyed hashes.

use std::time::{Duration, Instant};

use quick_cache::sync::Cache as Entries;

use crate::types::AccountName;

/// Entries at most; each is some 100 octets.
const ENTRIES_MAX: usize = 100_000;

pub(super) struct Cache {
    /// Of this process alone: what is in memory says nothing about a password elsewhere.
    key: [u8; 32],
    entries: Entries<AccountName, ([u8; 32], Instant)>,
}

impl Cache {
    pub(super) fn new() -> Cache {
        use argon2::password_hash::rand_core::{OsRng, RngCore};
        let mut key = [0; 32];
        OsRng.fill_bytes(&mut key);
        Cache { key, entries: Entries::new(ENTRIES_MAX) }
    }

    /// The stored hash is part of it: a changed password is unknown at once.
    fn proof(&self, name: &AccountName, hash: &str, password: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in [name.as_str().as_bytes(), hash.as_bytes(), password] {
            hasher.update(&(part.len() as u64).to_be_bytes()).update(part);
        }
        *hasher.finalize().as_bytes()
    }

    pub(super) fn knows(
        &self,
        name: &AccountName,
        hash: &str,
        password: &[u8],
        time: Duration,
        now: Instant,
    ) -> bool {
        self.entries.get(name).is_some_and(|(proof, since)| {
            now.duration_since(since) < time
                && blake3::Hash::from(proof) == blake3::Hash::from(self.proof(name, hash, password))
        })
    }

    pub(super) fn learn(&self, name: &AccountName, hash: &str, password: &[u8], now: Instant) {
        self.entries.insert(name.clone(), (self.proof(name, hash, password), now));
    }
}

//! Passwords that have been right, as keyed hashes.

use std::time::{Duration, Instant};

use argon2::password_hash::rand_core::{OsRng, RngCore};
use quick_cache::sync::Cache as Entries;

use super::scheme::Hash;
use crate::types::AccountName;

/// Accounts at most; each takes some 150 octets.
const ENTRIES_MAX: usize = 100_000;

pub(super) struct Cache {
    /// Of this process alone: a hash in its memory says nothing about a password anywhere else.
    key: [u8; 32],
    entries: Entries<AccountName, (blake3::Hash, Instant)>,
}

impl Cache {
    pub(super) fn new() -> Cache {
        let mut key = [0; 32];
        OsRng.fill_bytes(&mut key);
        Cache { key, entries: Entries::new(ENTRIES_MAX) }
    }

    /// The stored hash is part of it: whoever changes that makes the old password unknown at once.
    fn proof(&self, name: &AccountName, hash: &Hash, password: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in [name.as_str().as_bytes(), hash.as_str().as_bytes(), password] {
            hasher.update(&(part.len() as u64).to_be_bytes()).update(part);
        }
        hasher.finalize()
    }

    /// Whether this was the right password less than `time` before `now`. The comparison takes the same time always.
    pub(super) fn knows(
        &self,
        name: &AccountName,
        hash: &Hash,
        password: &[u8],
        time: Duration,
        now: Instant,
    ) -> bool {
        self.entries.get(name).is_some_and(|(proof, since)| {
            now.duration_since(since) < time && proof == self.proof(name, hash, password)
        })
    }

    pub(super) fn learn(&self, name: &AccountName, hash: &Hash, password: &[u8], now: Instant) {
        self.entries.insert(name.clone(), (self.proof(name, hash, password), now));
    }

    /// A number that nobody outside can foresee, the same for a name each time.
    pub(super) fn pick(&self, name: &[u8]) -> u64 {
        let hash = blake3::keyed_hash(&self.key, name);
        hash.as_bytes().iter().take(8).fold(0, |number, octet| number << 8 | u64::from(*octet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_and_for_how_long() {
        let cache = Cache::new();
        let name = |text: &str| AccountName::new(text).unwrap();
        let hash = |text: &str| Hash::parse(text).ok().unwrap();
        let (old, new) = (hash("{PLAIN}a"), hash("{PLAIN}b"));
        let (minute, now) = (Duration::from_secs(60), Instant::now());
        assert!(!cache.knows(&name("joe"), &old, b"a", minute, now));
        cache.learn(&name("joe"), &old, b"a", now);
        assert!(cache.knows(&name("joe"), &old, b"a", minute, now));
        assert!(!cache.knows(&name("joe"), &old, b"b", minute, now));
        assert!(!cache.knows(&name("ann"), &old, b"a", minute, now));
        assert!(!cache.knows(&name("joe"), &new, b"a", minute, now), "the hash in the file is another");
        assert!(!cache.knows(&name("joe"), &old, b"a", minute, now + minute), "it is too long ago");
        assert_ne!(cache.proof(&name("joe"), &old, b"a"), Cache::new().proof(&name("joe"), &old, b"a"));
    }
}

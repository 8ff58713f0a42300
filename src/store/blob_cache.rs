//! The octets of messages that were read lately: who fetches or searches a mailbox again is not sent through the engine's
//! tables for each of its messages, which takes longer than sending it.
//!
//! A blob never changes, so that what is here is what the engine has; but for one that has been collected since, which
//! nobody asks for but a view that still shows it, and which goes when its room is needed.

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::engine::Value;
use crate::types::{AccountId, BlobId};

type Key = (AccountId, BlobId);

/// Octets of a message above which a look into the tables is little beside them.
const EACH_BYTES_MAX: usize = 64 * 1024;

/// Up to this size a value may be a part of a block of a table, which it would keep in memory as a whole.
const COPIED_BYTES_MAX: usize = 2 * 1024;

/// What an entry takes beside its octets.
const ENTRY_BYTES: u64 = 120;

/// Common mail.
const COMMON_BYTES: u64 = 4 * 1024;

/// Octets of a message, and what is known of them.
#[derive(Clone)]
pub(super) struct Chunk {
    pub(super) value: Value,
    /// Whether there are NULs, which few messages have, and few answers may.
    pub(super) has_nul: bool,
}

impl Chunk {
    pub(super) fn new(value: Value) -> Chunk {
        Chunk { has_nul: memchr::memchr(0, &value).is_some(), value }
    }
}

#[derive(Clone)]
struct Octets;

impl Weighter<Key, Chunk> for Octets {
    fn weight(&self, _: &Key, chunk: &Chunk) -> u64 {
        chunk.value.len() as u64 + ENTRY_BYTES
    }
}

pub(super) struct BlobCache(Cache<Key, Chunk, Octets>);

impl BlobCache {
    pub(super) fn new(bytes_max: u64) -> BlobCache {
        let common = (bytes_max / COMMON_BYTES).max(16) as usize;
        BlobCache(Cache::with_weighter(common, bytes_max, Octets))
    }

    pub(super) fn get(&self, account: AccountId, blob: BlobId) -> Option<Chunk> {
        self.0.get(&(account, blob))
    }

    /// Keeps the first chunk of a message, if it is worth it.
    pub(super) fn keep(&self, account: AccountId, blob: BlobId, chunk: &Chunk) {
        let Chunk { value, has_nul } = chunk;
        let value = match value.len() {
            0..=COPIED_BYTES_MAX => Value::from(&value[..]),
            length if length <= EACH_BYTES_MAX => value.clone(),
            _ => return,
        };
        self.0.insert((account, blob), Chunk { value, has_nul: *has_nul });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_last_within_bounds() {
        let (cache, account) = (BlobCache::new(1 << 20), AccountId(7));
        let blob = |n: u16| BlobId([n.to_le_bytes(); 16].concat().try_into().unwrap());
        let chunk = |octets: &[u8]| Chunk::new(octets.into());
        assert!(chunk(b"a\0b").has_nul && !chunk(b"ab").has_nul && !chunk(b"").has_nul);
        cache.keep(account, blob(0), &chunk(b"a\0b"));
        let kept = cache.get(account, blob(0)).unwrap();
        assert!(kept.value[..] == b"a\0b"[..] && kept.has_nul);
        // Of another account it is another's.
        assert!(cache.get(AccountId(8), blob(0)).is_none());
        cache.keep(account, blob(1), &chunk(&[1; EACH_BYTES_MAX + 1]));
        assert!(cache.get(account, blob(1)).is_none());
        for n in 2..1000 {
            cache.keep(account, blob(n), &chunk(&[1; 5000]));
        }
        assert!(cache.0.weight() <= 1 << 20);
        assert!(cache.get(account, blob(999)).is_some());
    }
}

//! Blobs that are being written or referred to, and must not be collected meanwhile.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use parking_lot::Mutex;

use crate::types::{AccountId, BlobId};

#[derive(Default)]
pub(super) struct Pins(Mutex<HashMap<Pinned, usize, BuildHasherDefault<AsItIs>>>);

#[derive(PartialEq, Eq)]
struct Pinned(AccountId, BlobId);

/// The name of a blob is a hash already.
impl Hash for Pinned {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.1.head() ^ self.0.0);
    }
}

#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, n: u64) {
        self.0 ^= n;
    }

    fn write(&mut self, octets: &[u8]) {
        octets.iter().for_each(|octet| self.0 = self.0.rotate_left(8) ^ u64::from(*octet));
    }
}

impl Pins {
    pub(super) fn pin(&self, account: AccountId, blob: BlobId) {
        *self.0.lock().entry(Pinned(account, blob)).or_insert(0) += 1;
    }

    pub(super) fn unpin(&self, account: AccountId, blob: BlobId) {
        let mut pins = self.0.lock();
        if let Some(count) = pins.get_mut(&Pinned(account, blob)) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&Pinned(account, blob));
            }
        }
    }

    pub(super) fn has(&self, account: AccountId, blob: BlobId) -> bool {
        self.0.lock().contains_key(&Pinned(account, blob))
    }
}

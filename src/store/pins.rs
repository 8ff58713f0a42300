//! Blobs that are being written or referred to, and must not be collected meanwhile.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::types::{AccountId, BlobId};

#[derive(Default)]
pub(super) struct Pins(Mutex<HashMap<(AccountId, BlobId), usize>>);

impl Pins {
    pub(super) fn pin(&self, account: AccountId, blob: BlobId) {
        *self.0.lock().entry((account, blob)).or_insert(0) += 1;
    }

    pub(super) fn unpin(&self, account: AccountId, blob: BlobId) {
        let mut pins = self.0.lock();
        if let Some(count) = pins.get_mut(&(account, blob)) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&(account, blob));
            }
        }
    }

    pub(super) fn has(&self, account: AccountId, blob: BlobId) -> bool {
        self.0.lock().contains_key(&(account, blob))
    }
}

//! Large messages of which a chunk could not be read while octets of them were given away already: whoever begins to read one
//! of them looks through it before.
//!
//! A chunk that is lost is told by its key. One that has rotted is told only when it is read: once for each message, as it
//! is remembered here, until the process ends.

use std::collections::BTreeSet;

use parking_lot::Mutex;

use crate::types::{AccountId, BlobId};

/// Beyond so many some are forgotten, and found once more.
const SUSPECTS_MAX: usize = 1000;

#[derive(Default)]
pub(super) struct Suspects(Mutex<BTreeSet<(AccountId, BlobId)>>);

impl Suspects {
    pub(super) fn add(&self, account: AccountId, blob: BlobId) {
        let mut suspects = self.0.lock();
        if suspects.len() >= SUSPECTS_MAX {
            suspects.pop_first();
        }
        suspects.insert((account, blob));
    }

    pub(super) fn has(&self, account: AccountId, blob: BlobId) -> bool {
        self.0.lock().contains(&(account, blob))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_bounded() {
        let (suspects, blob) = (Suspects::default(), BlobId([7; 32]));
        (0..3000).for_each(|n| suspects.add(AccountId(n), blob));
        assert!(suspects.has(AccountId(2999), blob) && !suspects.has(AccountId(0), blob));
        assert_eq!(suspects.0.lock().len(), SUSPECTS_MAX);
    }
}

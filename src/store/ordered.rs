//! How an engine that keeps two ordered spaces of keys is read: `keys` lays partitions and references into the one,
//! chunks into the other.

use std::ops::Range;

use super::engine::{Partition, Reader, Reference, Value, Visit};
use super::error::StoreError;
use super::keys;
use super::model::Version;
use crate::types::{AccountId, BlobId};

/// Two ordered spaces of keys.
pub(super) trait Spaces: Send + Sync {
    fn index(&self, key: &[u8]) -> Result<Option<Value>, StoreError>;
    /// The keys of the index in `low..high`, in order; the caller sees to it that there can be any.
    fn range(&self, low: Vec<u8>, high: Vec<u8>, visit: Visit<'_>) -> Result<(), StoreError>;
    fn chunk(&self, key: &[u8]) -> Result<Option<Value>, StoreError>;
    /// As `chunk`, without its octets.
    fn has_chunk(&self, key: &[u8]) -> Result<bool, StoreError> {
        Ok(self.chunk(key)?.is_some())
    }
}

impl<S: Spaces> Reader for S {
    fn version(&self, partition: Partition) -> Result<Version, StoreError> {
        match self.index(&keys::version(partition))? {
            Some(value) => read_version(&value),
            None => Ok(Version(0)),
        }
    }

    fn get(&self, partition: Partition, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.index(&keys::within(partition, key))
    }

    fn scan(&self, partition: Partition, low: &[u8], high: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        if low >= high {
            return Ok(());
        }
        let mut inner = |key: &[u8], value: Value| visit(&key[keys::PREFIX_BYTES..], value);
        self.range(keys::within(partition, low), keys::within(partition, high), &mut inner)
    }

    fn read_chunk(&self, account: AccountId, blob: BlobId, chunk: u32) -> Result<Option<Value>, StoreError> {
        self.chunk(&keys::chunk(account, blob, chunk))
    }

    fn has_chunks(&self, account: AccountId, blob: BlobId, chunks: Range<u32>) -> Result<bool, StoreError> {
        for chunk in chunks {
            if !self.has_chunk(&keys::chunk(account, blob, chunk))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn references(
        &self,
        account: AccountId,
        visit: &mut dyn FnMut(Reference) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let all = keys::references(account, None);
        let end = keys::after(&all);
        self.range(all, end, &mut |key, _| match keys::read_reference(key) {
            Some(reference) => visit(reference),
            None => Err(StoreError::Corrupt(format!("a reference of account {}", account.0))),
        })
    }
}

/// Octets of a version, or of a time.
pub(super) fn read_version(value: &[u8]) -> Result<Version, StoreError> {
    let octets = value.try_into().map_err(|_| StoreError::Corrupt("a partition's version".into()))?;
    Ok(Version(u64::from_be_bytes(octets)))
}

/// The time of day as it stands in the list of candidates.
pub(super) fn now_octets() -> [u8; 8] {
    crate::sys::now_secs().to_be_bytes()
}

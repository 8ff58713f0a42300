//! An engine that others write to as well: commits meet conflicts, and partitions change between two reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gatepost::store::{
    Batch, CommitError, Durability, Engine, Figures, Memory, Partition, Reader, Reference, StoreError, Value,
    Version, Visit,
};
use gatepost::types::{AccountId, BlobId};

#[derive(Default)]
pub struct Contended {
    inner: Memory,
    commits: AtomicU64,
    /// Commits that somebody else was in the way of.
    pub conflicts: AtomicU64,
}

impl Contended {
    /// Another server's commit to a partition: one that changes nothing but the version.
    fn foreign(&self, partition: Partition) {
        if let Ok(version) = self.inner.version(partition)
            && version > Version(0)
        {
            self.inner.commit(vec![Batch::new(partition, version)], Durability::Relaxed).unwrap();
        }
    }
}

impl Reader for Contended {
    fn version(&self, partition: Partition) -> Result<Version, StoreError> {
        self.inner.version(partition)
    }

    fn get(&self, partition: Partition, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.inner.get(partition, key)
    }

    fn scan(&self, partition: Partition, low: &[u8], high: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        self.inner.scan(partition, low, high, visit)
    }

    fn read_chunk(&self, account: AccountId, blob: BlobId, chunk: u32) -> Result<Option<Value>, StoreError> {
        self.inner.read_chunk(account, blob, chunk)
    }

    fn references(
        &self,
        account: AccountId,
        visit: &mut dyn FnMut(Reference) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.inner.references(account, visit)
    }
}

impl Engine for Contended {
    fn frozen(&self) -> Result<Arc<dyn Reader>, StoreError> {
        self.inner.frozen()
    }

    /// Of three commits one finds that somebody else has been there, in one of its partitions.
    fn commit(&self, batches: Vec<Batch>, durability: Durability) -> Result<(), CommitError> {
        let n = self.commits.fetch_add(1, Ordering::Relaxed);
        if n.is_multiple_of(3) && !batches.is_empty() {
            self.foreign(batches[n as usize / 3 % batches.len()].partition);
        }
        let result = self.inner.commit(batches, durability);
        if matches!(result, Err(CommitError::Conflict)) {
            self.conflicts.fetch_add(1, Ordering::Relaxed);
        }
        result
    }

    fn write_chunk(&self, account: AccountId, blob: BlobId, chunk: u32, octets: &[u8]) -> Result<(), StoreError> {
        self.inner.write_chunk(account, blob, chunk, octets)
    }

    fn pin(&self, account: AccountId, blob: BlobId) {
        self.inner.pin(account, blob);
    }

    fn unpin(&self, account: AccountId, blob: BlobId) {
        self.inner.unpin(account, blob);
    }

    fn collect(&self, before_secs: u64, most: usize) -> Result<usize, StoreError> {
        self.inner.collect(before_secs, most)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.inner.sync()
    }

    fn figures(&self) -> Figures {
        self.inner.figures()
    }
}

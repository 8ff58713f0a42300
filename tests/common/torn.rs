//! An engine that cannot read all of what it has.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gatepost::store::{
    Batch, Collected, CommitError, Durability, Engine, Figures, Hear, Memory, Partition, Reader, Realm, Reference,
    Relaxed, StoreError, Value, Version, Visit, Watching,
};
use gatepost::types::{AccountId, BlobId};

/// An engine on a disk of which a part cannot be read at times.
pub struct Torn {
    engine: Memory,
    partition: Partition,
    is_torn: Arc<AtomicBool>,
}

/// What is frozen of it.
struct TornReader {
    reader: Arc<dyn Reader>,
    partition: Partition,
    is_torn: Arc<AtomicBool>,
}

impl Torn {
    /// Whole at first.
    pub fn new(partition: Partition) -> Torn {
        Torn { engine: Memory::default(), partition, is_torn: Arc::default() }
    }

    pub fn tear(&self, is_torn: bool) {
        self.is_torn.store(is_torn, Ordering::Relaxed);
    }
}

impl TornReader {
    fn check(&self, partition: Partition) -> Result<(), StoreError> {
        match partition == self.partition && self.is_torn.load(Ordering::Relaxed) {
            true => Err(StoreError::Broken("torn".into())),
            false => Ok(()),
        }
    }
}

impl Reader for TornReader {
    fn version(&self, partition: Partition) -> Result<Version, StoreError> {
        self.reader.version(partition)
    }

    fn get(&self, partition: Partition, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.reader.get(partition, key)
    }

    fn scan(&self, partition: Partition, low: &[u8], high: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        self.reader.scan(partition, low, high, visit)?;
        self.check(partition)
    }

    fn read_chunk(&self, account: AccountId, blob: BlobId, chunk: u32) -> Result<Option<Value>, StoreError> {
        self.reader.read_chunk(account, blob, chunk)
    }

    fn has_chunks(&self, account: AccountId, blob: BlobId, chunks: Range<u32>) -> Result<bool, StoreError> {
        self.reader.has_chunks(account, blob, chunks)
    }

    fn references(
        &self,
        account: AccountId,
        visit: &mut dyn FnMut(Reference) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.reader.references(account, visit)
    }
}

impl Reader for Torn {
    fn version(&self, partition: Partition) -> Result<Version, StoreError> {
        self.engine.version(partition)
    }

    fn get(&self, partition: Partition, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.engine.get(partition, key)
    }

    fn scan(&self, partition: Partition, low: &[u8], high: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        self.engine.scan(partition, low, high, visit)
    }

    fn read_chunk(&self, account: AccountId, blob: BlobId, chunk: u32) -> Result<Option<Value>, StoreError> {
        self.engine.read_chunk(account, blob, chunk)
    }

    fn has_chunks(&self, account: AccountId, blob: BlobId, chunks: Range<u32>) -> Result<bool, StoreError> {
        self.engine.has_chunks(account, blob, chunks)
    }

    fn references(
        &self,
        account: AccountId,
        visit: &mut dyn FnMut(Reference) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.engine.references(account, visit)
    }
}

impl Engine for Torn {
    fn frozen(&self) -> Result<Arc<dyn Reader>, StoreError> {
        let (reader, partition, is_torn) = (self.engine.frozen()?, self.partition, self.is_torn.clone());
        Ok(Arc::new(TornReader { reader, partition, is_torn }))
    }

    fn commit(&self, batches: Vec<Batch>, durability: Durability) -> Result<(), CommitError> {
        self.engine.commit(batches, durability)
    }

    fn write_chunk(&self, account: AccountId, blob: BlobId, chunk: u32, octets: &[u8]) -> Result<(), StoreError> {
        self.engine.write_chunk(account, blob, chunk, octets)
    }

    fn pin(&self, account: AccountId, blob: BlobId) {
        self.engine.pin(account, blob);
    }

    fn unpin(&self, account: AccountId, blob: BlobId) {
        self.engine.unpin(account, blob);
    }

    fn collect(&self, before_secs: u64, most: usize) -> Result<Collected, StoreError> {
        self.engine.collect(before_secs, most)
    }

    fn watch(&self, realm: Realm, hear: Hear) -> Watching {
        self.engine.watch(realm, hear)
    }

    fn relaxed(&self) -> Relaxed {
        self.engine.relaxed()
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.engine.sync()
    }

    fn figures(&self) -> Figures {
        self.engine.figures()
    }
}

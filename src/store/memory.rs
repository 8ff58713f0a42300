//! The engine that keeps everything in memory: the reference that tests compare the others with.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::engine::{Batch, Engine, Figures, Partition, Reference, Value, Visit};
use super::error::{CommitError, StoreError};
use super::keys;
use super::model::{Durability, Version};
use super::pins::Pins;
use crate::types::{AccountId, BlobId};

#[derive(Default)]
pub struct Memory {
    state: Mutex<State>,
    pins: Pins,
}

#[derive(Default)]
struct State {
    index: BTreeMap<Vec<u8>, Value>,
    chunks: BTreeMap<Vec<u8>, Value>,
    commits: u64,
}

impl State {
    fn version(&self, partition: Partition) -> Result<Version, StoreError> {
        match self.index.get(&keys::version(partition)) {
            Some(value) => super::embedded::read_version(value),
            None => Ok(Version(0)),
        }
    }

    fn apply(&mut self, batch: Batch) {
        let version = (batch.guard.0 + 1).to_be_bytes();
        self.index.insert(keys::version(batch.partition), Value::from(&version[..]));
        for (key, value) in batch.writes {
            let key = keys::within(batch.partition, &key);
            match value {
                Some(value) => drop(self.index.insert(key, Value::from(value))),
                None => drop(self.index.remove(&key)),
            }
        }
        for (account, blob, octets) in batch.blobs {
            self.chunks.entry(keys::chunk(account, blob, 0)).or_insert_with(|| Value::from(&octets[..]));
        }
        for reference in &batch.added {
            self.index.insert(keys::reference(reference), Value::from(&[][..]));
        }
        for reference in &batch.removed {
            self.index.remove(&keys::reference(reference));
            self.dies(reference.account, reference.blob);
        }
    }

    fn dies(&mut self, account: AccountId, blob: BlobId) {
        let now = super::now_secs().to_be_bytes();
        self.index.insert(keys::candidate(account, blob), Value::from(&now[..]));
    }

    fn range(&self, low: Vec<u8>, high: Vec<u8>) -> Vec<(Vec<u8>, Value)> {
        if low >= high {
            return Vec::new();
        }
        self.index.range(low..high).map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

impl Engine for Memory {
    fn version(&self, partition: Partition) -> Result<Version, StoreError> {
        self.state.lock().version(partition)
    }

    fn get(&self, partition: Partition, key: &[u8]) -> Result<Option<Value>, StoreError> {
        Ok(self.state.lock().index.get(&keys::within(partition, key)).cloned())
    }

    fn scan(&self, partition: Partition, low: &[u8], high: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        let found = self.state.lock().range(keys::within(partition, low), keys::within(partition, high));
        found.into_iter().try_for_each(|(key, value)| visit(&key[keys::PREFIX_BYTES..], value))
    }

    fn commit(&self, batches: Vec<Batch>, _: Durability) -> Result<(), CommitError> {
        let mut state = self.state.lock();
        for batch in &batches {
            if state.version(batch.partition)? != batch.guard {
                return Err(CommitError::Conflict);
            }
        }
        batches.into_iter().for_each(|batch| state.apply(batch));
        state.commits += 1;
        Ok(())
    }

    fn write_chunk(&self, account: AccountId, blob: BlobId, chunk: u32, octets: &[u8]) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        state.chunks.insert(keys::chunk(account, blob, chunk), Value::from(octets));
        state.dies(account, blob);
        Ok(())
    }

    fn read_chunk(&self, account: AccountId, blob: BlobId, chunk: u32) -> Result<Option<Value>, StoreError> {
        Ok(self.state.lock().chunks.get(&keys::chunk(account, blob, chunk)).cloned())
    }

    fn pin(&self, account: AccountId, blob: BlobId) {
        self.pins.pin(account, blob);
    }

    fn unpin(&self, account: AccountId, blob: BlobId) {
        self.pins.unpin(account, blob);
    }

    fn references(
        &self,
        account: AccountId,
        visit: &mut dyn FnMut(Reference) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let all = keys::references(account, None);
        let found = self.state.lock().range(all.clone(), keys::after(&all));
        found.iter().filter_map(|(key, _)| keys::read_reference(key)).try_for_each(visit)
    }

    fn collect(&self, before_secs: u64, most: usize) -> Result<usize, StoreError> {
        let mut state = self.state.lock();
        let all = keys::candidates();
        let mut deleted = 0;
        for (key, died) in state.range(all.clone(), keys::after(&all)).into_iter().take(most) {
            let Some((account, blob)) = keys::read_candidate(&key) else { continue };
            if super::embedded::read_version(&died)?.0 >= before_secs || self.pins.has(account, blob) {
                continue;
            }
            let references = keys::references(account, Some(blob));
            if state.range(references.clone(), keys::after(&references)).is_empty() {
                state.chunks.retain(|key, _| !key.starts_with(&keys::chunk(account, blob, 0)[..40]));
                deleted += 1;
            }
            state.index.remove(&key);
        }
        Ok(deleted)
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn figures(&self) -> Figures {
        Figures { commits: self.state.lock().commits, syncs: 0 }
    }
}

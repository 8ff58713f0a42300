//! The engine that keeps everything in memory: the reference that tests compare the others with.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::engine::{
    Batch, Collected, Engine, Figures, Hear, Reader, Realm, Reference, Relaxed, Value, Visit, Watching,
};
use super::error::{CommitError, StoreError};
use super::keys;
use super::model::Durability;
use super::ordered::{Spaces, now_octets, read_version};
use super::pins::Pins;
use crate::types::{AccountId, BlobId};

#[derive(Default)]
pub struct Memory {
    state: Mutex<State>,
    pins: Pins,
}

#[derive(Clone, Default)]
struct State {
    index: BTreeMap<Vec<u8>, Value>,
    chunks: BTreeMap<Vec<u8>, Value>,
    commits: u64,
}

impl State {
    fn apply(&mut self, batch: Batch) {
        let version = (batch.guard.0 + 1).to_be_bytes();
        self.index.insert(keys::version(batch.partition), Value::from(&version[..]));
        for (key, value) in batch.writes {
            let key = keys::within(batch.partition, &key);
            match value {
                Some(value) => drop(self.index.insert(key, value)),
                None => drop(self.index.remove(&key)),
            }
        }
        for (account, blob, octets) in batch.blobs {
            self.chunks.insert(keys::chunk(account, blob, 0).into(), octets);
        }
        for reference in batch.added.iter().chain(&batch.shared) {
            self.index.insert(keys::reference(reference).into(), Value::from(&[][..]));
        }
        for reference in &batch.removed {
            self.index.remove(&keys::reference(reference)[..]);
            self.dies(reference.account, reference.blob);
        }
    }

    /// A reference to octets that are neither there nor brought along would be a message that cannot be read.
    fn check_octets(&self, batch: &Batch) -> Result<(), StoreError> {
        for Reference { account, blob, .. } in &batch.added {
            let brought = batch.blobs.iter().any(|brought| brought.1 == *blob);
            if !brought && !self.chunks.contains_key(&keys::chunk(*account, *blob, 0)[..]) {
                return Err(StoreError::Missing(format!("the octets of message {blob}")));
            }
        }
        Ok(())
    }

    fn dies(&mut self, account: AccountId, blob: BlobId) {
        self.index.insert(keys::candidate(account, blob), Value::from(&now_octets()[..]));
    }

    fn between(&self, low: Vec<u8>, high: Vec<u8>) -> Vec<(Vec<u8>, Value)> {
        self.index.range(low..high).map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

impl Spaces for State {
    fn index(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        Ok(self.index.get(key).cloned())
    }

    fn range(&self, low: Vec<u8>, high: Vec<u8>, visit: Visit<'_>) -> Result<(), StoreError> {
        self.index.range(low..high).try_for_each(|(key, value)| visit(key, value.clone()))
    }

    fn chunk(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        Ok(self.chunks.get(key).cloned())
    }
}

impl Spaces for Memory {
    fn index(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.state.lock().index(key)
    }

    fn range(&self, low: Vec<u8>, high: Vec<u8>, visit: Visit<'_>) -> Result<(), StoreError> {
        let found = self.state.lock().between(low, high);
        found.into_iter().try_for_each(|(key, value)| visit(&key, value))
    }

    fn chunk(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.state.lock().chunk(key)
    }
}

impl Engine for Memory {
    fn frozen(&self) -> Result<Arc<dyn Reader>, StoreError> {
        Ok(Arc::new(self.state.lock().clone()))
    }

    fn commit(&self, batches: Vec<Batch>, _: Durability) -> Result<(), CommitError> {
        let mut state = self.state.lock();
        for batch in &batches {
            if state.version(batch.partition)? != batch.guard {
                return Err(CommitError::Conflict);
            }
            state.check_octets(batch)?;
        }
        batches.into_iter().for_each(|batch| state.apply(batch));
        state.commits += 1;
        Ok(())
    }

    fn write_chunk(&self, account: AccountId, blob: BlobId, chunk: u32, octets: &[u8]) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        state.chunks.insert(keys::chunk(account, blob, chunk).into(), Value::from(octets));
        state.dies(account, blob);
        Ok(())
    }

    fn pin(&self, account: AccountId, blob: BlobId) {
        self.pins.pin(account, blob);
    }

    fn unpin(&self, account: AccountId, blob: BlobId) {
        self.pins.unpin(account, blob);
    }

    fn collect(&self, before_secs: u64, most: usize) -> Result<Collected, StoreError> {
        let mut state = self.state.lock();
        let all = keys::candidates();
        let mut collected = Collected::default();
        for (key, died) in state.between(all.clone(), keys::after(&all)) {
            if collected.looked_at >= most {
                break;
            }
            let Some((account, blob)) = keys::read_candidate(&key) else { continue };
            if read_version(&died)?.0 >= before_secs || self.pins.has(account, blob) {
                continue;
            }
            let references = keys::references(account, Some(blob));
            if state.between(references.clone(), keys::after(&references)).is_empty() {
                state.chunks.retain(|key, _| !key.starts_with(&keys::chunk(account, blob, 0)[..40]));
                collected.deleted += 1;
            }
            state.index.remove(&key);
            collected.looked_at += 1;
        }
        Ok(collected)
    }

    /// Nobody else writes to it.
    fn watch(&self, _: Realm, _: Hear) -> Watching {
        Box::new(())
    }

    fn relaxed(&self) -> Relaxed {
        Relaxed::Stay
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn figures(&self) -> Figures {
        Figures { commits: self.state.lock().commits, syncs: 0, disk_bytes: 0 }
    }
}

//! A copy of a whole store: backup and restore.
//!
//! A copy is a store of its own. Each partition of it says which version of the original it holds, so that the next copy
//! to the same place writes what has changed since. Octets come first, what names them after them, the list of accounts
//! last; a copy that was cut short says so until it has been finished.

use super::engine::{Batch, CHUNK_BYTES, Partition, Reference, Value};
use super::error::{CommitFailure, StoreError};
use super::facade::Store;
use super::layout;
use super::model::Durability;
use crate::types::{AccountId, BlobId, MailboxId};

/// What a copy has written, and what there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    pub accounts: u64,
    /// Mailboxes that had changed.
    pub mailboxes: u64,
    /// Messages whose octets were not in the copy yet.
    pub messages: u64,
    pub bytes: u64,
}

/// In a copy: the version of the original that a partition holds.
const HOLDS: &[u8] = &[1];
/// In the server's partition of a copy: u64 seconds since 1970 when it was finished; 0 while it is not.
const FINISHED: &[u8] = &[2];

/// Writes of one commit to a copy.
const STEP: usize = 1000;
/// Octets of messages of one commit to a copy.
const STEP_BYTES: usize = 8 << 20;

impl Store {
    /// When this copy of another store was finished, in seconds since 1970. `None` for one that was cut short, and for a
    /// store that is no copy.
    pub fn finished(&self) -> Result<Option<i64>, StoreError> {
        let value = self.reader().get(Partition::Server, FINISHED)?;
        let secs = value.and_then(|value| layout::Cursor(&value).u64());
        Ok(secs.filter(|secs| *secs != 0).map(|secs| secs as i64))
    }

    /// Makes `target` a copy of this store as it is now, `now_secs`. A target that holds another store is refused.
    pub fn copy_to(
        &self,
        target: &Store,
        now_secs: i64,
        progress: &mut dyn FnMut(&Copied),
    ) -> Result<Copied, StoreError> {
        let source = self.frozen()?;
        if !target.accounts()?.is_empty() && target.identity()? != source.identity()? {
            return Err(StoreError::Engine("the directory holds mail of another server; choose another one".into()));
        }
        target.mark(0)?;
        let mut copy = Copy { source: &source, target, copied: Copied::default(), progress };
        let accounts = source.accounts()?;
        for (_, account) in &accounts {
            copy.account(*account)?;
        }
        for (name, account) in target.accounts()? {
            if !accounts.iter().any(|(_, known)| *known == account) {
                target.account_remove(account, &name)?;
            }
        }
        copy.partition(Partition::Server)?;
        let copied = copy.copied;
        target.mark(now_secs as u64)?;
        target.sync()?;
        Ok(copied)
    }

    /// Makes an empty store one of its own out of this copy: a later copy of it cannot be taken for one of the original.
    pub fn restore_to(&self, target: &Store, progress: &mut dyn FnMut(&Copied)) -> Result<Copied, StoreError> {
        let copied = self.copy_to(target, 1, progress)?;
        target.become_another()?;
        Ok(copied)
    }

    fn mark(&self, finished_secs: u64) -> Result<(), StoreError> {
        self.alone(Partition::Server, |batch| {
            batch.put(FINISHED.to_vec(), finished_secs.to_be_bytes().to_vec());
            Ok(())
        })
    }
}

struct Copy<'a> {
    source: &'a Store,
    target: &'a Store,
    copied: Copied,
    progress: &'a mut dyn FnMut(&Copied),
}

impl Copy<'_> {
    fn account(&mut self, account: AccountId) -> Result<(), StoreError> {
        self.copied.accounts += 1;
        let mailboxes: Vec<MailboxId> = self.source.account_image(account)?.mailboxes().collect();
        let partitions = mailboxes.iter().map(|id| Partition::Mailbox(account, *id));
        let changed = partitions.clone().chain([Partition::Account(account)]).map(|of| self.has_changed(of));
        if !changed.collect::<Result<Vec<bool>, _>>()?.contains(&true) {
            return Ok(());
        }
        let (ours, theirs) = (references(self.source, account)?, references(self.target, account)?);
        self.octets(account, &ours, &theirs)?;
        for partition in partitions {
            self.copied.mailboxes += u64::from(self.partition(partition)?);
        }
        for old in self.target.account_image(account)?.mailboxes() {
            if !mailboxes.contains(&old) {
                self.target.empty_partition(Partition::Mailbox(account, old))?;
            }
        }
        self.partition(Partition::Account(account))?;
        let stale: Vec<Reference> = theirs.into_iter().filter(|of| ours.binary_search(of).is_err()).collect();
        for step in stale.chunks(STEP) {
            let mut batch = self.batch(Partition::Account(account))?;
            batch.removed = step.to_vec();
            self.write(batch)?;
        }
        Ok(())
    }

    fn has_changed(&self, partition: Partition) -> Result<bool, StoreError> {
        let version = self.source.reader().version(partition)?.0.to_be_bytes();
        Ok(self.target.reader().get(partition, HOLDS)?.is_none_or(|held| held[..] != version))
    }

    fn batch(&self, partition: Partition) -> Result<Batch, StoreError> {
        Ok(Batch::new(partition, self.target.reader().version(partition)?))
    }

    /// A copy is synced once, at its end.
    fn write(&self, batch: Batch) -> Result<(), StoreError> {
        match self.target.write(vec![batch], Durability::Relaxed) {
            Ok(()) => Ok(()),
            Err(CommitFailure::Store(error)) => Err(error),
            Err(CommitFailure::Conflict) => Err(StoreError::Engine("another process writes to the copy".into())),
        }
    }

    /// Copies the octets that the target does not have, and refers to them.
    fn octets(&mut self, account: AccountId, ours: &[Reference], theirs: &[Reference]) -> Result<(), StoreError> {
        let mut batch = self.batch(Partition::Account(account))?;
        let (mut bytes, mut last) = (0, None);
        for reference in ours.iter().filter(|of| theirs.binary_search(of).is_err()) {
            if last != Some(reference.blob) && self.target.reader().read_chunk(account, reference.blob, 0)?.is_none()
            {
                let octets = self.blob(account, reference.blob)?;
                bytes += octets.as_ref().map_or(0, |octets| octets.len());
                batch.blobs.extend(octets.map(|octets| (account, reference.blob, octets)));
                (self.progress)(&self.copied);
            }
            last = Some(reference.blob);
            batch.added.push(*reference);
            if batch.added.len() >= STEP || bytes >= STEP_BYTES {
                self.write(batch)?;
                batch = self.batch(Partition::Account(account))?;
                bytes = 0;
            }
        }
        if batch.added.is_empty() { Ok(()) } else { self.write(batch) }
    }

    /// The octets of a blob of one chunk; a larger one is written at once.
    fn blob(&mut self, account: AccountId, blob: BlobId) -> Result<Option<Value>, StoreError> {
        let missing = || StoreError::Missing(format!("the octets of message {blob}"));
        let first = self.source.reader().read_chunk(account, blob, 0)?.ok_or_else(missing)?;
        self.copied.messages += 1;
        self.copied.bytes += first.len() as u64;
        // Where a full chunk is the last, the reader knows whether there were others.
        let length = first.len();
        let Some(second) = self.source.reader().read_chunk(account, blob, 1)? else {
            if length == CHUNK_BYTES {
                self.source.blob(account, blob).read_at(length as u64)?;
            }
            return Ok(Some(first));
        };
        let (mut number, mut chunk) = (1, Some(second));
        self.target.engine().write_chunk(account, blob, 0, &first)?;
        let mut length = length as u64;
        while let Some(octets) = chunk {
            self.copied.bytes += octets.len() as u64;
            length += octets.len() as u64;
            self.target.engine().write_chunk(account, blob, number, &octets)?;
            number += 1;
            chunk = self.source.reader().read_chunk(account, blob, number)?;
        }
        self.source.blob(account, blob).read_at(length)?;
        Ok(None)
    }

    /// Makes a partition as it is in the source; whether there was anything to do.
    fn partition(&mut self, partition: Partition) -> Result<bool, StoreError> {
        if !self.has_changed(partition)? {
            return Ok(false);
        }
        let (source, target) = (self.source.reader().clone(), self.target.reader().clone());
        let mut batch = self.batch(partition)?;
        source.scan(partition, &[3], &[0xff], &mut |key, value| {
            if target.get(partition, key)?.is_none_or(|known| known != value) {
                batch.writes.push((key.to_vec(), Some(value)));
            }
            self.spill(&mut batch)
        })?;
        let mut stale = Vec::new();
        target.scan(partition, &[3], &[0xff], &mut |key, _| {
            if source.get(partition, key)?.is_none() {
                stale.push(key.to_vec());
            }
            Ok(())
        })?;
        for key in stale {
            batch.remove(key);
            self.spill(&mut batch)?;
        }
        batch.put(HOLDS.to_vec(), source.version(partition)?.0.to_be_bytes().to_vec());
        self.write(batch)?;
        Ok(true)
    }

    fn spill(&self, batch: &mut Batch) -> Result<(), StoreError> {
        if batch.writes.len() < STEP {
            return Ok(());
        }
        let partition = batch.partition;
        let full = std::mem::replace(batch, Batch::new(partition, batch.guard));
        self.write(full)?;
        *batch = self.batch(partition)?;
        Ok(())
    }
}

/// In order.
fn references(store: &Store, account: AccountId) -> Result<Vec<Reference>, StoreError> {
    let mut found = Vec::new();
    store.reader().references(account, &mut |reference| {
        found.push(reference);
        Ok(())
    })?;
    found.sort();
    Ok(found)
}

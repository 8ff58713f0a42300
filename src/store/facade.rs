//! `Store`: accounts, trees and mailboxes as values, over any engine. Here is what stands in the server's partition; `images`
//! reads the others, `commits` and `batches` write them.

use std::cmp::Ordering;
use std::path::Path;
use std::sync::Arc;

use super::blob_cache::BlobCache;
use super::embedded::Embedded;
use super::engine::{Engine, Figures, Partition, Reader, Value};
use super::error::StoreError;
use super::layout::{self, decode};
use super::memory::Memory;
use super::model::*;
use super::suspects::Suspects;
use super::vetting;
use crate::types::{AccountId, AccountName};

/// How to open a store on a disk.
#[derive(Clone, Debug)]
pub struct Options {
    /// Octets of what has been read from the disk: of messages, and in the engine's own cache of all that it has read.
    pub cache_bytes: u64,
    /// `Sync = always`: every change is synced before it is acknowledged.
    pub sync_always: bool,
    /// With less free on the disk nothing is added; with less than a quarter of it nothing is changed.
    pub free_bytes_min: u64,
    /// Of the octets of messages, in a store that is made new; one that is there stays as it was made.
    pub compression: Compression,
}

/// LZ4 stores the 3,250 messages of a public corpus in 0.56 of the room and reads them at four fifths of the speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Lz4,
}

impl Default for Options {
    fn default() -> Options {
        Options { cache_bytes: 16 << 20, sync_always: false, free_bytes_min: 0, compression: Compression::None }
    }
}

#[derive(Clone)]
pub struct Store {
    engine: Arc<dyn Engine>,
    /// The engine itself, or what it was at one moment.
    reader: Arc<dyn Reader>,
    /// What has been read of messages; none for what reads each once, or wants to know what is on the disk.
    blob_cache: Option<Arc<BlobCache>>,
    suspects: Arc<Suspects>,
}

impl Store {
    pub fn open(directory: &Path, options: &Options) -> Result<Store, StoreError> {
        let of_blobs = options.cache_bytes / 4 * 3;
        let others = Options { cache_bytes: options.cache_bytes - of_blobs, ..options.clone() };
        let store = Store::with_engine(Embedded::open(directory, &others)?).map_err(|error| match error {
            StoreError::Corrupt(_) | StoreError::Broken(_) => vetting::named(directory, error),
            error => error,
        })?;
        Ok(Store { blob_cache: Some(Arc::new(BlobCache::new(of_blobs))), ..store })
    }

    /// Whether there is a store in a directory.
    pub fn is_in(directory: &Path) -> bool {
        Embedded::is_in(directory)
    }

    pub fn memory() -> Store {
        Store::over(Arc::new(Memory::default()))
    }

    /// Checks the format of what is there, or writes it.
    pub fn with_engine(engine: Arc<dyn Engine>) -> Result<Store, StoreError> {
        let store = Store::over(engine);
        match store.reader.get(Partition::Server, b"f")? {
            Some(value) => {
                let found = decode(|| "the format".into(), &value, |c| c.u32())?;
                match found.cmp(&layout::FORMAT) {
                    Ordering::Greater => return Err(StoreError::Newer { found, known: layout::FORMAT }),
                    Ordering::Less => store.upgrade(found)?,
                    Ordering::Equal => {}
                }
            }
            None => {
                store.alone(Partition::Server, |batch| {
                    batch.put(layout::key(b'f'), layout::FORMAT.to_be_bytes().to_vec());
                    Ok(())
                })?;
            }
        }
        if store.identity()?.is_none() {
            store.become_another()?;
        }
        Ok(store)
    }

    pub(super) fn become_another(&self) -> Result<(), StoreError> {
        self.alone(Partition::Server, |batch| {
            batch.put(layout::key(b'u'), new_identity());
            Ok(())
        })
    }

    /// What tells this store, and its copies, from others.
    pub(super) fn identity(&self) -> Result<Option<Value>, StoreError> {
        self.reader.get(Partition::Server, b"u")
    }

    pub(super) fn over(engine: Arc<dyn Engine>) -> Store {
        let reader: Arc<dyn Reader> = engine.clone();
        Store { engine, reader, blob_cache: None, suspects: Arc::default() }
    }

    /// This store as it is now, whatever is committed later. What is written to it is written to the store, and a
    /// conflict where that has changed since.
    pub fn frozen(&self) -> Result<Store, StoreError> {
        Ok(Store { reader: self.engine.frozen()?, blob_cache: None, ..self.clone() })
    }

    pub(super) fn reader(&self) -> &Arc<dyn Reader> {
        &self.reader
    }

    pub(super) fn blob_cache(&self) -> &Option<Arc<BlobCache>> {
        &self.blob_cache
    }

    pub(super) fn suspects(&self) -> &Arc<Suspects> {
        &self.suspects
    }

    pub(super) fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    pub fn figures(&self) -> Figures {
        self.engine.figures()
    }

    pub fn sync(&self) -> Result<(), StoreError> {
        self.engine.sync()
    }

    pub fn account(&self, name: &AccountName) -> Result<Option<AccountId>, StoreError> {
        let value = self.reader.get(Partition::Server, &layout::named(b'a', name.as_str()))?;
        let read = |value: Value| decode(|| format!("account {name}"), &value, |c| c.u64()).map(AccountId);
        value.map(read).transpose()
    }

    /// Registers an account; its id is never given to another.
    pub fn account_create(&self, name: &AccountName) -> Result<AccountId, StoreError> {
        self.alone(Partition::Server, |batch| {
            if let Some(id) = self.account(name)? {
                return Ok(id);
            }
            let next = match self.reader.get(Partition::Server, b"i")? {
                Some(value) => decode(|| "the next account".into(), &value, |c| c.u64())?,
                None => 1,
            };
            batch.put(layout::key(b'i'), (next + 1).to_be_bytes().to_vec());
            batch.put(layout::named(b'a', name.as_str()), next.to_be_bytes().to_vec());
            Ok(AccountId(next))
        })
    }

    /// All mail of the account goes, its name last, so that a crash between leaves an account to be removed again.
    ///
    /// Another server may have it in use: from the first commit on nobody makes a mailbox in it, and from the first commit to
    /// a mailbox on nobody adds to that.
    pub fn account_remove(&self, id: AccountId, name: &AccountName) -> Result<(), StoreError> {
        self.finish_purges(id)?;
        self.alone(Partition::Account(id), |batch| {
            batch.put(layout::key(b'z'), Vec::new());
            Ok(())
        })?;
        for mailbox in self.account_image(id)?.mailboxes() {
            self.alone(Partition::Mailbox(id, mailbox), |batch| {
                batch.put(layout::key(b'z'), Vec::new());
                Ok(())
            })?;
            self.empty(id, mailbox)?;
        }
        self.empty_account(id)?;
        self.alone(Partition::Server, |batch| {
            if self.account(name)? == Some(id) {
                batch.remove(layout::named(b'a', name.as_str()));
            }
            Ok(())
        })
    }

    /// Whether its removal has been begun.
    pub fn is_removed(&self, id: AccountId) -> Result<bool, StoreError> {
        Ok(self.reader.get(Partition::Account(id), b"z")?.is_some())
    }

    pub fn accounts(&self) -> Result<Vec<(AccountName, AccountId)>, StoreError> {
        let mut accounts = Vec::new();
        self.reader.scan(Partition::Server, b"a", b"b", &mut |key, value| {
            let what = || format!("account {}", String::from_utf8_lossy(&key[1..]));
            let name = layout::read_account_name(&key[1..]).ok_or_else(|| StoreError::Corrupt(what()))?;
            accounts.push((name, AccountId(decode(what, &value, |c| c.u64())?)));
            Ok(())
        })?;
        Ok(accounts)
    }

    /// All alerts, in order of their numbers.
    pub fn alerts(&self) -> Result<Vec<Alert>, StoreError> {
        let mut alerts = Vec::new();
        self.reader.scan(Partition::Server, b"w", b"x", &mut |key, value| {
            alerts.push(decode(|| "an alert".into(), &value, |c| layout::read_alert(key, c))?);
            Ok(())
        })?;
        Ok(alerts)
    }

    /// The number of the new alert.
    pub fn alert_put(&self, scope: &AlertScope, text: &str) -> Result<u64, StoreError> {
        self.alone(Partition::Server, |batch| {
            let last = match self.reader.get(Partition::Server, b"j")? {
                Some(value) => decode(|| "the last alert".into(), &value, |c| c.u64())?,
                None => 0,
            };
            batch.put(layout::key(b'j'), (last + 1).to_be_bytes().to_vec());
            batch.put(layout::numbered_long(b'w', last + 1), layout::alert(scope, text));
            Ok(last + 1)
        })
    }

    /// Whether it was there: of several who remove it one is told so.
    pub fn alert_remove(&self, id: u64) -> Result<bool, StoreError> {
        let key = layout::numbered_long(b'w', id);
        self.alone(Partition::Server, |batch| {
            let there = self.reader.get(Partition::Server, &key)?.is_some();
            if there {
                batch.remove(key.clone());
            }
            Ok(there)
        })
    }

    /// The guard of `Commit::Server`.
    pub fn server_guard(&self) -> Result<Version, StoreError> {
        self.reader.version(Partition::Server)
    }

    /// The guard of `Commit::Due`.
    pub fn due_guard(&self) -> Result<Version, StoreError> {
        self.reader.version(Partition::Server)
    }

    /// What is kept since before a day.
    pub fn due(&self, before_day: u32) -> Result<Vec<Due>, StoreError> {
        let mut found = Vec::new();
        self.reader.scan(Partition::Server, b"e", &layout::numbered(b'e', before_day), &mut |key, _| {
            found.push(layout::read_due(key).ok_or_else(|| StoreError::Corrupt("the list of what is kept".into()))?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Strikes what has been purged from the list of what is kept.
    pub fn due_done(&self, done: &[Due]) -> Result<(), StoreError> {
        self.alone(Partition::Server, |batch| {
            done.iter().for_each(|due| batch.remove(layout::due_key(due)));
            Ok(())
        })
    }
}

/// No two stores are made by one process at one nanosecond.
fn new_identity() -> Vec<u8> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let seed = format!("{:?} {}", since, std::process::id());
    blake3::hash(seed.as_bytes()).as_bytes()[..16].to_vec()
}

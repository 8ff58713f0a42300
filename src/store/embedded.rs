//! The embedded engine: fjall, an LSM tree with a journal, on one machine.
//!
//! Commits are grouped: whoever holds the writer's lock takes all batches that wait, checks their guards in order, and
//! writes them as one journal entry with at most one sync. A lone client's commit costs one fdatasync and no hand-over
//! to another thread.
//!
//! Relaxed commits reach the operating system before they are acknowledged and the disk within `RELAXED_SECS`; a thread
//! sees to it that sleeps while nothing is owed. Chunks of messages are values separated from the tree, so that
//! compaction does not copy mail.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode, Readable};
use parking_lot::{Condvar, Mutex};

use super::engine::{Batch, Engine, Figures, Partition, Reader, Value, Visit};
use super::error::{CommitError, StoreError};
use super::facade::Options;
use super::keys;
use super::model::{Durability, Version};
use super::ordered::{Spaces, now_octets, read_version};
use super::pins::Pins;
use super::room::{Need, Room};
use crate::types::{AccountId, BlobId};

/// A relaxed commit survives a power cut after at most this long.
const RELAXED: Duration = Duration::from_secs(1);

/// Partition versions that the writer remembers; beyond them they are read again.
const VERSIONS_MAX: usize = 100_000;

/// Octets of the journal before memory tables must be written out: bounds recovery time and disk use.
const JOURNAL_BYTES: u64 = 512 << 20;

/// Chunks of one large message that are in memory at a time.
const CHUNKS_HELD: u32 = 8;

/// Values from this size on are kept apart from the tree.
const SEPARATED_BYTES: u32 = 1024;

pub struct Embedded {
    db: Database,
    index: Keyspace,
    chunks: Keyspace,
    queue: Mutex<Vec<Arc<Waiting>>>,
    writer: Mutex<Writer>,
    pins: Pins,
    always: bool,
    room: Room,
    owed: Arc<Owed>,
    commits: AtomicU64,
    syncs: AtomicU64,
}

/// What only the holder of the writer's lock touches.
#[derive(Default)]
struct Writer {
    versions: HashMap<Partition, Version>,
}

/// A commit that waits, and how it ended.
struct Waiting {
    batches: Mutex<Vec<Batch>>,
    durability: Durability,
    result: Mutex<Option<Result<(), CommitError>>>,
}

/// Whether relaxed commits are waiting for their sync.
#[derive(Default)]
struct Owed {
    state: Mutex<OwedState>,
    wake: Condvar,
}

#[derive(Default)]
struct OwedState {
    dirty: bool,
    closed: bool,
}

impl Embedded {
    /// Opens or creates the store in `directory`.
    pub fn open(directory: &Path, options: &Options) -> Result<Arc<Embedded>, StoreError> {
        let in_use = |error: fjall::Error| match error {
            fjall::Error::Locked => StoreError::InUse { directory: directory.display().to_string() },
            error => engine(error),
        };
        let builder = Database::builder(directory)
            .cache_size(options.cache_bytes)
            .max_journaling_size(JOURNAL_BYTES)
            .worker_threads(2);
        let db = unbroken(|| builder.open().map_err(in_use))?;
        let index = unbroken(|| db.keyspace("index", index_options).map_err(engine))?;
        let chunks = unbroken(|| db.keyspace("chunks", chunk_options).map_err(engine))?;
        let owed = Arc::new(Owed::default());
        start_syncer(db.clone(), owed.clone())?;
        Ok(Arc::new(Embedded {
            db,
            index,
            chunks,
            queue: Mutex::default(),
            writer: Mutex::default(),
            pins: Pins::default(),
            always: options.sync_always,
            room: Room::new(directory, options.free_bytes_min),
            owed,
            commits: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
        }))
    }

    /// By the file that fjall writes first.
    pub fn is_in(directory: &Path) -> bool {
        directory.join("version").is_file()
    }

    /// Does all that waits; the caller holds the writer's lock.
    fn commit_waiting(&self, writer: &mut Writer) {
        let waiting = std::mem::take(&mut *self.queue.lock());
        let mut group = self.db.batch();
        let mut synced = self.always;
        let mut done = Vec::new();
        for commit in waiting {
            let batches = std::mem::take(&mut *commit.batches.lock());
            match self.check(writer, &batches) {
                Ok(()) => {
                    synced |= commit.durability == Durability::Synced;
                    batches.into_iter().for_each(|batch| self.add(&mut group, writer, batch));
                    done.push(commit);
                }
                Err(error) => *commit.result.lock() = Some(Err(error)),
            }
        }
        let result = self.write(group, synced);
        if result.is_err() {
            writer.versions.clear();
        }
        for commit in done {
            self.commits.fetch_add(1, Ordering::Relaxed);
            *commit.result.lock() = Some(result.clone().map_err(CommitError::from));
        }
    }

    fn check(&self, writer: &mut Writer, batches: &[Batch]) -> Result<(), CommitError> {
        self.room.check(if batches.iter().any(|batch| !batch.added.is_empty()) {
            Need::More
        } else {
            Need::Little
        })?;
        for batch in batches {
            let version = match writer.versions.get(&batch.partition) {
                Some(version) => *version,
                None => self.version(batch.partition)?,
            };
            if version != batch.guard {
                return Err(CommitError::Conflict);
            }
            self.check_octets(batch)?;
        }
        Ok(())
    }

    /// A reference to octets that are neither there nor brought along would be a message that cannot be read.
    fn check_octets(&self, batch: &Batch) -> Result<(), StoreError> {
        // What is appended brings its octets along in the same order.
        for (at, reference) in batch.added.iter().enumerate() {
            let brought = batch.blobs.get(at).is_some_and(|blob| blob.1 == reference.blob)
                || batch.blobs.iter().any(|blob| blob.1 == reference.blob);
            let key = || keys::chunk(reference.account, reference.blob, 0);
            if !brought && !self.chunks.contains_key(key()).map_err(engine)? {
                return Err(StoreError::Missing(format!("the octets of message {}", reference.blob)));
            }
        }
        Ok(())
    }

    fn add(&self, group: &mut fjall::OwnedWriteBatch, writer: &mut Writer, batch: Batch) {
        let version = Version(batch.guard.0 + 1);
        if writer.versions.len() >= VERSIONS_MAX {
            writer.versions.clear();
        }
        writer.versions.insert(batch.partition, version);
        group.insert(&self.index, keys::version(batch.partition), &version.0.to_be_bytes()[..]);
        for (key, value) in batch.writes {
            let key = keys::within(batch.partition, &key);
            match value {
                Some(value) => group.insert(&self.index, key, value),
                None => group.remove(&self.index, key),
            }
        }
        for (account, blob, octets) in batch.blobs {
            let key = keys::chunk(account, blob, 0);
            // A chunk that cannot be looked up is written once more, which does no harm.
            if !self.chunks.contains_key(&key).unwrap_or(false) {
                group.insert(&self.chunks, key, octets);
            }
        }
        for reference in &batch.added {
            group.insert(&self.index, keys::reference(reference), &[][..]);
        }
        for reference in &batch.removed {
            group.remove(&self.index, keys::reference(reference));
            group.insert(&self.index, keys::candidate(reference.account, reference.blob), &now_octets()[..]);
        }
    }

    fn write(&self, group: fjall::OwnedWriteBatch, synced: bool) -> Result<(), StoreError> {
        if group.is_empty() {
            return Ok(());
        }
        let mode = if synced { PersistMode::SyncData } else { PersistMode::Buffer };
        group.durability(Some(mode)).commit().map_err(engine)?;
        match synced {
            true => drop(self.syncs.fetch_add(1, Ordering::Relaxed)),
            false => self.owed.owe(),
        }
        Ok(())
    }

    fn has_reference(&self, account: AccountId, blob: BlobId) -> Result<bool, StoreError> {
        match self.index.prefix(keys::references(account, Some(blob))).next() {
            Some(entry) => entry.key().map_err(engine).map(|_| true),
            None => Ok(false),
        }
    }

    /// Candidates that died before `before_secs`.
    fn candidates(&self, before_secs: u64, most: usize) -> Result<Vec<(AccountId, BlobId)>, StoreError> {
        let mut found = Vec::new();
        for entry in self.index.prefix(keys::candidates()) {
            let (key, died) = entry.into_inner().map_err(engine)?;
            let candidate = keys::read_candidate(&key).filter(|(account, blob)| !self.pins.has(*account, *blob));
            if let Some(candidate) = candidate.filter(|_| read_version(&died).is_ok_and(|died| died.0 < before_secs))
            {
                found.push(candidate);
            }
            if found.len() >= most {
                break;
            }
        }
        Ok(found)
    }
}

/// Octets of a memory table before it is written out: what is in it is in the journal as well.
const MEMTABLE_BYTES: u64 = 8 << 20;

fn index_options() -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES)
}

fn chunk_options() -> KeyspaceCreateOptions {
    let apart = KvSeparationOptions::default()
        .separation_threshold(SEPARATED_BYTES)
        .compression(fjall::CompressionType::None);
    KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES).with_kv_separation(Some(apart))
}

fn engine(error: fjall::Error) -> StoreError {
    let io = match &error {
        fjall::Error::Io(io) => Some(io),
        fjall::Error::Storage(fjall::LsmError::Io(io)) => Some(io),
        fjall::Error::Poisoned => return StoreError::Poisoned,
        _ => None,
    };
    match io.map(std::io::Error::kind) {
        Some(std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) => StoreError::Full,
        _ => StoreError::Engine(error.to_string()),
    }
}

impl Spaces for Embedded {
    fn index(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        unbroken(|| self.index.get(key).map_err(engine))
    }

    fn range(&self, low: Vec<u8>, high: Vec<u8>, visit: Visit<'_>) -> Result<(), StoreError> {
        visit_all(unbroken(|| Ok(self.index.range(low..high)))?, visit)
    }

    fn chunk(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        unbroken(|| self.chunks.get(key).map_err(engine))
    }
}

/// The store at one moment.
struct Frozen {
    snapshot: fjall::Snapshot,
    index: Keyspace,
    chunks: Keyspace,
}

impl Spaces for Frozen {
    fn index(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        unbroken(|| self.snapshot.get(&self.index, key).map_err(engine))
    }

    fn range(&self, low: Vec<u8>, high: Vec<u8>, visit: Visit<'_>) -> Result<(), StoreError> {
        visit_all(unbroken(|| Ok(self.snapshot.range(&self.index, low..high)))?, visit)
    }

    fn chunk(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        unbroken(|| self.snapshot.get(&self.chunks, key).map_err(engine))
    }
}

fn visit_all(mut entries: fjall::Iter, visit: Visit<'_>) -> Result<(), StoreError> {
    let mut next = || unbroken(|| entries.next().map(|entry| entry.into_inner().map_err(engine)).transpose());
    while let Some((key, value)) = next()? {
        visit(&key, value)?;
    }
    Ok(())
}

/// What fjall gives, or the error of a file that is not as it was written: fjall panics at some of them.
fn unbroken<T>(read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(StoreError::Corrupt("a file of the store is not as it was written; restore it from a backup".into()))
    })
}

impl Engine for Embedded {
    fn frozen(&self) -> Arc<dyn Reader> {
        let (index, chunks) = (self.index.clone(), self.chunks.clone());
        Arc::new(Frozen { snapshot: self.db.snapshot(), index, chunks })
    }

    fn commit(&self, batches: Vec<Batch>, durability: Durability) -> Result<(), CommitError> {
        let waiting = Arc::new(Waiting { batches: Mutex::new(batches), durability, result: Mutex::new(None) });
        self.queue.lock().push(waiting.clone());
        let mut writer = self.writer.lock();
        loop {
            if let Some(result) = waiting.result.lock().take() {
                return result;
            }
            self.commit_waiting(&mut writer);
        }
    }

    fn write_chunk(&self, account: AccountId, blob: BlobId, chunk: u32, octets: &[u8]) -> Result<(), StoreError> {
        self.room.check(Need::More)?;
        let mut group = self.db.batch();
        group.insert(&self.chunks, keys::chunk(account, blob, chunk), octets);
        group.insert(&self.index, keys::candidate(account, blob), &now_octets()[..]);
        let writer = self.writer.lock();
        self.write(group, false)?;
        drop(writer);
        // The memory table of a large message is written out as it comes, not gathered.
        if (chunk + 1).is_multiple_of(CHUNKS_HELD) {
            self.chunks.rotate_memtable_and_wait().map_err(engine)?;
        }
        Ok(())
    }

    fn pin(&self, account: AccountId, blob: BlobId) {
        self.pins.pin(account, blob);
    }

    fn unpin(&self, account: AccountId, blob: BlobId) {
        self.pins.unpin(account, blob);
    }

    /// Under the writer's lock, so that no commit refers anew to what is being deleted.
    fn collect(&self, before_secs: u64, most: usize) -> Result<usize, StoreError> {
        let _writer = self.writer.lock();
        let mut group = self.db.batch();
        let mut deleted = 0;
        for (account, blob) in self.candidates(before_secs, most)? {
            if !self.has_reference(account, blob)? {
                for entry in self.chunks.prefix(&keys::chunk(account, blob, 0)[..40]) {
                    group.remove(&self.chunks, entry.key().map_err(engine)?);
                }
                deleted += 1;
            }
            group.remove(&self.index, keys::candidate(account, blob));
        }
        self.write(group, false)?;
        Ok(deleted)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.db.persist(PersistMode::SyncData).map_err(engine)
    }

    fn figures(&self) -> Figures {
        Figures {
            commits: self.commits.load(Ordering::Relaxed),
            syncs: self.syncs.load(Ordering::Relaxed),
            // A figure: where it cannot be had there is none.
            disk_bytes: self.db.disk_space().unwrap_or(0),
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.owed.state.lock().closed = true;
        self.owed.wake.notify_one();
        if let Err(error) = self.db.persist(PersistMode::SyncAll) {
            log::error!("closing the store: {error}");
        }
    }
}

impl Owed {
    fn owe(&self) {
        let mut state = self.state.lock();
        if !std::mem::replace(&mut state.dirty, true) {
            self.wake.notify_one();
        }
    }
}

fn start_syncer(db: Database, owed: Arc<Owed>) -> Result<(), StoreError> {
    let run = move || {
        let mut state = owed.state.lock();
        while !state.closed {
            if !state.dirty {
                owed.wake.wait(&mut state);
                continue;
            }
            owed.wake.wait_for(&mut state, RELAXED);
            state.dirty = false;
            let synced = parking_lot::MutexGuard::unlocked(&mut state, || db.persist(PersistMode::SyncData));
            if let Err(error) = synced {
                log::error!("sync of relaxed changes: {error}");
            }
        }
    };
    let thread = std::thread::Builder::new().name("syncer".into()).stack_size(256 * 1024);
    thread.spawn(run).map(drop).map_err(|error| StoreError::Engine(format!("syncer thread: {error}")))
}

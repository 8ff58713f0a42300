//! The embedded engine: fjall, an LSM tree with a journal, on one machine.
//!
//! Commits are grouped: one of those who commit takes all batches that wait, checks their guards in order, and writes
//! them as one journal entry with at most one sync. A lone client's commit costs one fdatasync and no hand-over to
//! another thread.
//!
//! Relaxed commits reach the operating system before they are acknowledged and the disk within `RELAXED_SECS`; a thread
//! sees to it that sleeps while nothing is owed. Chunks of messages are values separated from the tree, so that
//! compaction does not copy mail.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use fjall::{Keyspace, PersistMode, Readable};
use parking_lot::{Condvar, Mutex};

use super::ahead::Ahead;
use super::disk::Disk;
use super::engine::{
    Batch, Collected, Engine, Figures, Hear, Partition, Reader, Realm, Relaxed, Value, Visit, Watching,
};
use super::error::{CommitError, StoreError};
use super::facade::Options;
use super::keys;
use super::model::{Durability, Version};
use super::ordered::{Spaces, now_octets, read_version};
use super::pins::Pins;
use super::room::Brings;
use super::tables::{Tables, engine, unbroken};
use super::together::Together;
use crate::types::{AccountId, BlobId};

/// A relaxed commit survives a power cut after at most this long.
const RELAXED: Duration = Duration::from_secs(1);

/// Commits that one journal entry takes at most.
const COMMITS_MAX: usize = 256;

/// Partition versions that the writer remembers; beyond them they are read again.
const VERSIONS_MAX: usize = 100_000;

/// Octets of an entry of the journal beside its key and its value.
const ENTRY_BYTES: usize = 21;

/// Chunks of one large message that are in memory at a time.
const CHUNKS_HELD: u32 = 8;

pub struct Embedded {
    disk: Arc<Disk>,
    commits_waiting: Together<Waiting, Result<(), CommitError>>,
    writer: Mutex<Writer>,
    pins: Pins,
    always: bool,
    owed: Arc<Owed>,
    syncer: Option<JoinHandle<()>>,
    commits: AtomicU64,
    syncs: AtomicU64,
}

/// What only the holder of the writer's lock touches.
#[derive(Default)]
struct Writer {
    versions: HashMap<Partition, Version>,
    ahead: Ahead,
}

/// What becomes one journal entry.
struct Group<'a> {
    tables: &'a Tables,
    batch: fjall::OwnedWriteBatch,
    bytes: u64,
}

impl<'a> Group<'a> {
    fn new(tables: &'a Tables) -> Group<'a> {
        Group { tables, batch: tables.db.batch(), bytes: 0 }
    }

    fn insert(&mut self, keyspace: &Keyspace, key: impl Into<Value>, value: impl Into<Value>) {
        let (key, value) = (key.into(), value.into());
        self.bytes += (ENTRY_BYTES + key.len() + value.len()) as u64;
        self.batch.insert(keyspace, key, value);
    }

    fn remove(&mut self, keyspace: &Keyspace, key: impl Into<Value>) {
        let key = key.into();
        self.bytes += (ENTRY_BYTES + key.len()) as u64;
        self.batch.remove(keyspace, key);
    }
}

/// A commit that waits.
struct Waiting {
    batches: Vec<Batch>,
    durability: Durability,
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
        let disk = Arc::new(Disk::open(directory, options)?);
        let owed = Arc::new(Owed::default());
        let syncer = Some(start_syncer(disk.clone(), owed.clone())?);
        Ok(Arc::new(Embedded {
            disk,
            commits_waiting: Together::new(COMMITS_MAX),
            writer: Mutex::default(),
            pins: Pins::default(),
            always: options.sync_always,
            owed,
            syncer,
            commits: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
        }))
    }

    /// By the file that fjall writes first.
    pub fn is_in(directory: &Path) -> bool {
        directory.join("version").is_file()
    }

    /// Does all that waits.
    fn commit_waiting(&self, waiting: Vec<Waiting>) -> Vec<Result<(), CommitError>> {
        let mut writer = self.writer.lock();
        // Before the tables are taken: a disk that has room again has them opened anew.
        let admit = |commit: Waiting| self.disk.admit(brings(&commit.batches)).map(|()| commit);
        let admitted: Vec<_> = waiting.into_iter().map(admit).collect();
        match self.disk.tables() {
            Ok(tables) => self.commit_group(&tables, &mut writer, admitted),
            Err(error) => {
                admitted.into_iter().map(|admitted| Err(admitted.err().unwrap_or(error.clone()).into())).collect()
            }
        }
    }

    fn commit_group(
        &self,
        tables: &Tables,
        writer: &mut Writer,
        admitted: Vec<Result<Waiting, StoreError>>,
    ) -> Vec<Result<(), CommitError>> {
        let mut group = Group::new(tables);
        let mut synced = self.always;
        let mut plan = |commit: Waiting| {
            self.check(tables, writer, &commit.batches)?;
            synced |= commit.durability == Durability::Synced;
            commit.batches.into_iter().for_each(|batch| add(&mut group, writer, batch));
            Ok(())
        };
        let planned = admitted.into_iter().map(|admitted| plan(admitted?));
        let planned: Vec<Result<(), CommitError>> = planned.collect();
        let result = self.write(writer, group, synced);
        if result.is_err() {
            writer.versions.clear();
        }
        let done = planned.iter().filter(|planned| planned.is_ok()).count();
        self.commits.fetch_add(done as u64, Ordering::Relaxed);
        planned.into_iter().map(|planned| planned.and_then(|()| Ok(result.clone()?))).collect()
    }

    fn check(&self, tables: &Tables, writer: &mut Writer, batches: &[Batch]) -> Result<(), CommitError> {
        for batch in batches {
            let version = match writer.versions.get(&batch.partition) {
                Some(version) => *version,
                None => unbroken(|| version(tables, batch.partition))?,
            };
            if version != batch.guard {
                return Err(CommitError::Conflict);
            }
            check_octets(tables, batch)?;
        }
        Ok(())
    }

    fn write(&self, writer: &mut Writer, group: Group<'_>, synced: bool) -> Result<(), StoreError> {
        let Group { tables, batch, bytes } = group;
        if batch.is_empty() {
            return Ok(());
        }
        writer.ahead.prepare(self.disk.directory(), bytes);
        let mode = if synced { PersistMode::SyncData } else { PersistMode::Buffer };
        let written = tables.wait_for_memtables().and_then(|()| batch.durability(Some(mode)).commit());
        written.map_err(|error| self.disk.failed(error))?;
        match synced {
            true => drop(self.syncs.fetch_add(1, Ordering::Relaxed)),
            false => self.owed.owe(),
        }
        Ok(())
    }
}

/// Mail that comes is refused sooner than what brings none.
fn brings(batches: &[Batch]) -> Brings {
    let octets = batches.iter().flat_map(|batch| &batch.blobs).map(|blob| blob.2.len() as u64).sum();
    match batches.iter().any(|batch| batch.refers().next().is_some()) {
        true => Brings::Mail { octets },
        false => Brings::Nothing,
    }
}

fn version(tables: &Tables, partition: Partition) -> Result<Version, StoreError> {
    match tables.index.get(keys::version(partition)).map_err(engine)? {
        Some(value) => read_version(&value),
        None => Ok(Version(0)),
    }
}

fn has_chunk(tables: &Tables, key: impl AsRef<[u8]>) -> Result<bool, StoreError> {
    unbroken(|| tables.chunks.contains_key(key.as_ref()).map_err(engine))
}

/// A reference to octets that are neither there nor brought along would be a message that cannot be read.
fn check_octets(tables: &Tables, batch: &Batch) -> Result<(), StoreError> {
    // What is appended brings its octets along in the same order.
    for (at, reference) in batch.added.iter().enumerate() {
        let brought = batch.blobs.get(at).is_some_and(|blob| blob.1 == reference.blob)
            || batch.blobs.iter().any(|blob| blob.1 == reference.blob);
        let key = || keys::chunk(reference.account, reference.blob, 0);
        if !brought && !has_chunk(tables, key())? {
            return Err(StoreError::Missing(format!("the octets of message {}", reference.blob)));
        }
    }
    Ok(())
}

fn add(group: &mut Group<'_>, writer: &mut Writer, batch: Batch) {
    let tables = group.tables;
    let version = Version(batch.guard.0 + 1);
    if writer.versions.len() >= VERSIONS_MAX {
        writer.versions.clear();
    }
    writer.versions.insert(batch.partition, version);
    group.insert(&tables.index, keys::version(batch.partition), &version.0.to_be_bytes()[..]);
    for (key, value) in batch.writes {
        let key = keys::within(batch.partition, &key);
        match value {
            Some(value) => group.insert(&tables.index, key, value),
            None => group.remove(&tables.index, key),
        }
    }
    for (account, blob, octets) in batch.blobs {
        let key = keys::chunk(account, blob, 0);
        // What cannot be read, or has rotted, is written once more: who brings it again is told that it is kept.
        let is_there = unbroken(|| tables.chunks.get(key).map_err(engine));
        if !is_there.is_ok_and(|there| there.is_some_and(|there| there == octets)) {
            group.insert(&tables.chunks, key, octets);
        }
    }
    // In the order of their keys, as far as their beginnings tell: whose neighbours in the memory table are at hand then.
    let mut references = batch.added;
    references.extend(batch.shared);
    references.sort_by_cached_key(|reference| reference.blob.head());
    for reference in &references {
        group.insert(&tables.index, keys::reference(reference), &[][..]);
    }
    for reference in &batch.removed {
        group.remove(&tables.index, keys::reference(reference));
        group.insert(&tables.index, keys::candidate(reference.account, reference.blob), &now_octets()[..]);
    }
}

fn has_reference(tables: &Tables, account: AccountId, blob: BlobId) -> Result<bool, StoreError> {
    match tables.index.prefix(keys::references(account, Some(blob))).next() {
        Some(entry) => entry.key().map_err(engine).map(|_| true),
        None => Ok(false),
    }
}

/// Candidates that died before `before_secs`.
fn candidates(
    tables: &Tables,
    pins: &Pins,
    before_secs: u64,
    most: usize,
) -> Result<Vec<(AccountId, BlobId)>, StoreError> {
    let mut found = Vec::new();
    for entry in tables.index.prefix(keys::candidates()) {
        let (key, died) = entry.into_inner().map_err(engine)?;
        let candidate = keys::read_candidate(&key).filter(|(account, blob)| !pins.has(*account, *blob));
        if let Some(candidate) = candidate.filter(|_| read_version(&died).is_ok_and(|died| died.0 < before_secs)) {
            found.push(candidate);
        }
        if found.len() >= most {
            break;
        }
    }
    Ok(found)
}

impl Spaces for Embedded {
    fn index(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        let tables = self.disk.tables()?;
        unbroken(|| tables.index.get(key).map_err(engine))
    }

    fn range(&self, low: Vec<u8>, high: Vec<u8>, visit: Visit<'_>) -> Result<(), StoreError> {
        let tables = self.disk.tables()?;
        visit_all(unbroken(|| Ok(tables.index.range(low..high)))?, visit)
    }

    fn chunk(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        let tables = self.disk.tables()?;
        unbroken(|| tables.chunks.get(key).map_err(engine))
    }

    fn has_chunk(&self, key: &[u8]) -> Result<bool, StoreError> {
        let tables = self.disk.tables()?;
        has_chunk(&tables, key)
    }
}

/// The store at one moment. While there is one, the tables cannot be opened anew.
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

    fn has_chunk(&self, key: &[u8]) -> Result<bool, StoreError> {
        unbroken(|| self.snapshot.contains_key(&self.chunks, key).map_err(engine))
    }
}

fn visit_all(mut entries: fjall::Iter, visit: Visit<'_>) -> Result<(), StoreError> {
    let mut next = || unbroken(|| entries.next().map(|entry| entry.into_inner().map_err(engine)).transpose());
    while let Some((key, value)) = next()? {
        visit(&key, value)?;
    }
    Ok(())
}

impl Engine for Embedded {
    fn frozen(&self) -> Result<Arc<dyn Reader>, StoreError> {
        let tables = self.disk.tables()?;
        let (index, chunks) = (tables.index.clone(), tables.chunks.clone());
        Ok(Arc::new(Frozen { snapshot: tables.db.snapshot(), index, chunks }))
    }

    fn commit(&self, batches: Vec<Batch>, durability: Durability) -> Result<(), CommitError> {
        self.commits_waiting.run(Waiting { batches, durability }, |waiting| self.commit_waiting(waiting))
    }

    fn write_chunk(&self, account: AccountId, blob: BlobId, chunk: u32, octets: &[u8]) -> Result<(), StoreError> {
        let mut writer = self.writer.lock();
        self.disk.admit(Brings::Mail { octets: octets.len() as u64 })?;
        let tables = self.disk.tables()?;
        let mut group = Group::new(&tables);
        group.insert(&tables.chunks, keys::chunk(account, blob, chunk), octets);
        group.insert(&tables.index, keys::candidate(account, blob), &now_octets()[..]);
        self.write(&mut writer, group, false)?;
        drop(writer);
        if (chunk + 1).is_multiple_of(CHUNKS_HELD) {
            tables.write_out_chunks().map_err(|error| self.disk.failed(error))?;
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
    fn collect(&self, before_secs: u64, most: usize) -> Result<Collected, StoreError> {
        let mut writer = self.writer.lock();
        let tables = self.disk.tables()?;
        let mut group = Group::new(&tables);
        let mut collected = Collected::default();
        for (account, blob) in candidates(&tables, &self.pins, before_secs, most)? {
            collected.looked_at += 1;
            if !has_reference(&tables, account, blob)? {
                for entry in tables.chunks.prefix(&keys::chunk(account, blob, 0)[..40]) {
                    group.remove(&tables.chunks, entry.key().map_err(engine)?);
                }
                collected.deleted += 1;
            }
            group.remove(&tables.index, keys::candidate(account, blob));
        }
        self.write(&mut writer, group, false)?;
        Ok(collected)
    }

    /// Nobody else writes to it: fjall locks the directory.
    fn watch(&self, _: Realm, _: Hear) -> Watching {
        Box::new(())
    }

    fn relaxed(&self) -> Relaxed {
        Relaxed::MayBeLost
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.disk.sync()
    }

    fn figures(&self) -> Figures {
        Figures {
            commits: self.commits.load(Ordering::Relaxed),
            syncs: self.syncs.load(Ordering::Relaxed),
            // A figure: where it cannot be had there is none.
            disk_bytes: self.disk.tables().map_or(0, |tables| tables.db.disk_space().unwrap_or(0)),
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.owed.state.lock().closed = true;
        self.owed.wake.notify_one();
        if let Err(error) = self.disk.sync() {
            log::error!("closing the store: {error}");
        }
        // It holds the files too: who opens the store next must not find them in use. A panic of its own it has logged.
        if let Some(syncer) = self.syncer.take() {
            let _ = syncer.join();
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

fn start_syncer(disk: Arc<Disk>, owed: Arc<Owed>) -> Result<JoinHandle<()>, StoreError> {
    let run = move || {
        let mut state = owed.state.lock();
        while !state.closed {
            if !state.dirty {
                owed.wake.wait(&mut state);
                continue;
            }
            owed.wake.wait_for(&mut state, RELAXED);
            state.dirty = false;
            let synced = parking_lot::MutexGuard::unlocked(&mut state, || disk.sync());
            if let Err(error) = synced {
                log::error!("sync of relaxed changes: {error}");
            }
        }
    };
    let thread = std::thread::Builder::new().name("syncer".into()).stack_size(256 * 1024);
    thread.spawn(run).map_err(|error| StoreError::Engine(format!("syncer thread: {error}")))
}

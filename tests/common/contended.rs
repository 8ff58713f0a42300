//! An engine that others write to as well, over a network that loses answers: commits meet conflicts, partitions change
//! between two reads, and of some commits it is not known whether they were done.
//!
//! Each commit says in the header of its partitions who it is, beside those before it. A commit in doubt is looked for there;
//! where it is not, an empty commit on the same guards sees to it that it never will be.

// Each test uses a part of it.
#![allow(dead_code)]

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use gatepost::store::{
    Batch, Collected, CommitError, Doubt, Durability, Engine, Figures, Hear, Memory, Partition, Reader, Realm,
    Reference, Relaxed, Settled, StoreError, Value, Version, Visit, Watching,
};
use gatepost::types::{AccountId, BlobId};

/// Where a partition keeps the versions and numbers of its last commits; no scan of the store's begins so low.
const OPERATIONS: &[u8] = &[0, b'o'];
/// Commits that a partition remembers.
const REMEMBERED: usize = 256;

type Once = Box<dyn FnOnce() + Send>;

#[derive(Default)]
pub struct Contended(Arc<Shared>);

#[derive(Default)]
struct Shared {
    inner: Memory,
    commits: AtomicU64,
    operations: AtomicU64,
    hears: Mutex<HashMap<Realm, Vec<(u64, Hear)>>>,
    watches: AtomicU64,
    counted: Counted,
    /// No commit that is in doubt can be settled.
    deaf: AtomicBool,
    /// Nobody else writes, and every answer comes.
    calm: AtomicBool,
    /// Done once, behind the next commit and before who commits hears of it.
    behind: Mutex<Option<Once>>,
    /// The same before a commit to a partition.
    before: Mutex<Option<(Partition, Once)>>,
    work: Work,
}

/// What has been asked of partitions other than the server's.
#[derive(Default)]
struct Work {
    /// Keys looked for, and entries that a scan has come to.
    reads: AtomicU64,
    /// Keys written, and their octets.
    writes: AtomicU64,
    octets: AtomicU64,
}

/// How often what is injected was met.
#[derive(Default)]
pub struct Counted {
    pub conflicts: AtomicU64,
    pub done: AtomicU64,
    pub not_done: AtomicU64,
    pub too_late: AtomicU64,
    pub heard: AtomicU64,
}

impl Counted {
    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A commit whose answer has been lost.
struct Lost {
    shared: Arc<Shared>,
    operation: u64,
    guards: Vec<(Partition, Version)>,
    /// It is still under way, and arrives while it is being looked for.
    late: Mutex<Option<(Arrives, Vec<Batch>)>>,
    asked: AtomicU64,
}

#[derive(Clone, Copy, PartialEq)]
enum Arrives {
    BeforeTheFence,
    AfterIt,
}

impl std::fmt::Debug for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "commit {}", self.operation)
    }
}

impl Contended {
    pub fn counted(&self) -> &Counted {
        &self.0.counted
    }

    /// From now on no doubt is settled, or again.
    pub fn set_deaf(&self, deaf: bool) {
        self.0.deaf.store(deaf, Ordering::Relaxed);
    }

    /// An engine that is alone, for what it counts.
    pub fn calm() -> Contended {
        let engine = Contended::default();
        engine.0.calm.store(true, Ordering::Relaxed);
        engine
    }

    /// Has something done behind the next commit, before who commits hears that it is done. For a calm engine.
    pub fn behind_next_commit(&self, does: impl FnOnce() + Send + 'static) {
        *self.0.behind.lock().unwrap() = Some(Box::new(does));
    }

    /// Has something done before the next commit to a partition. For a calm engine.
    pub fn before_next_commit_to(&self, partition: Partition, does: impl FnOnce() + Send + 'static) {
        *self.0.before.lock().unwrap() = Some((partition, Box::new(does)));
    }

    /// Reads, writes and octets that something costs.
    pub fn work_of<T>(&self, something: impl FnOnce() -> T) -> ([u64; 3], T) {
        let work = || {
            let Work { reads, writes, octets } = &self.0.work;
            [reads, writes, octets].map(|counter| counter.load(Ordering::Relaxed))
        };
        let before = work();
        let done = something();
        let after = work();
        ([0, 1, 2].map(|at| after[at] - before[at]), done)
    }

    fn read(&self, partition: Partition) {
        if partition != Partition::Server {
            Counted::add(&self.0.work.reads);
        }
    }
}

impl Shared {
    /// Another server's commit to a partition: one that changes nothing but the version.
    fn foreign(&self, partition: Partition) {
        if let Ok(version) = self.inner.version(partition)
            && version > Version(0)
        {
            // A conflict: yet another was there.
            let done = self.apply(vec![Batch::new(partition, version)], 0);
            assert!(matches!(done, Ok(()) | Err(CommitError::Conflict)));
        }
    }

    /// Commits, and tells those who watch.
    fn apply(&self, mut batches: Vec<Batch>, operation: u64) -> Result<(), CommitError> {
        let partitions: Vec<Partition> = batches.iter().map(|batch| batch.partition).collect();
        for batch in &mut batches {
            let mut last = self.operations_of(batch.partition)?;
            last.push((batch.guard.0 + 1, operation));
            let first = last.len().saturating_sub(REMEMBERED);
            let octets = last[first..].iter().flat_map(|(v, o)| [v.to_be_bytes(), o.to_be_bytes()].concat());
            batch.put(OPERATIONS.to_vec(), octets.collect());
        }
        self.inner.commit(batches, Durability::Relaxed)?;
        partitions.into_iter().for_each(|partition| self.tell(partition));
        Ok(())
    }

    fn tell(&self, partition: Partition) {
        let hears = self.hears.lock().unwrap().get(&partition.realm()).cloned().unwrap_or_default();
        for (_, hear) in hears {
            hear(partition);
            Counted::add(&self.counted.heard);
        }
    }

    /// Versions that the last commits to a partition made, and who they were.
    fn operations_of(&self, partition: Partition) -> Result<Vec<(u64, u64)>, StoreError> {
        let value = self.inner.get(partition, OPERATIONS)?;
        let number = |octets: &[u8]| u64::from_be_bytes(octets.try_into().unwrap());
        let pairs = value.iter().flat_map(|value| value.chunks(16));
        Ok(pairs.map(|pair| (number(&pair[..8]), number(&pair[8..]))).collect())
    }
}

impl Lost {
    fn was_done(&self) -> Result<bool, StoreError> {
        let (partition, guard) = self.guards[0];
        let last = self.shared.operations_of(partition)?;
        if last.iter().any(|(_, operation)| *operation == self.operation) {
            return Ok(true);
        }
        let known = last.len() < REMEMBERED || last[0].0 <= guard.0 + 1;
        known.then_some(false).ok_or_else(|| StoreError::Engine("too many commits since".into()))
    }

    fn arrive(&self, when: Arrives) {
        let mut late = self.late.lock().unwrap();
        if late.as_ref().is_some_and(|(arrives, _)| *arrives == when)
            && let Some((_, batches)) = late.take()
        {
            let arrived = self.shared.apply(batches, self.operation);
            let counted = &self.shared.counted;
            Counted::add(if arrived.is_ok() { &counted.done } else { &counted.too_late });
            assert!(when == Arrives::BeforeTheFence || arrived.is_err(), "a commit came after it had been given up");
        }
    }

    /// An empty commit to all its partitions: afterwards none of its guards holds.
    fn fence(&self) -> Result<(), CommitError> {
        let batches = self.guards.iter().map(|(partition, guard)| Batch::new(*partition, *guard)).collect();
        self.shared.apply(batches, 0)
    }
}

impl Doubt for Lost {
    fn settle(&self) -> Result<Settled, StoreError> {
        if self.shared.deaf.load(Ordering::Relaxed) || self.asked.fetch_add(1, Ordering::Relaxed) == 0 {
            return Err(StoreError::Engine("no answer".into()));
        }
        self.arrive(Arrives::BeforeTheFence);
        if self.was_done()? {
            return Ok(Settled::Done);
        }
        match self.fence() {
            Ok(()) | Err(CommitError::Conflict) => {}
            Err(error) => return Err(StoreError::Engine(format!("{error:?}"))),
        }
        self.arrive(Arrives::AfterIt);
        Ok(if self.was_done()? { Settled::Done } else { Settled::NotDone })
    }
}

impl Reader for Contended {
    fn version(&self, partition: Partition) -> Result<Version, StoreError> {
        self.read(partition);
        self.0.inner.version(partition)
    }

    fn get(&self, partition: Partition, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.read(partition);
        self.0.inner.get(partition, key)
    }

    fn scan(&self, partition: Partition, low: &[u8], high: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        self.read(partition);
        self.0.inner.scan(partition, low, high, &mut |key, value| {
            self.read(partition);
            visit(key, value)
        })
    }

    fn read_chunk(&self, account: AccountId, blob: BlobId, chunk: u32) -> Result<Option<Value>, StoreError> {
        self.0.inner.read_chunk(account, blob, chunk)
    }

    fn has_chunks(&self, account: AccountId, blob: BlobId, chunks: Range<u32>) -> Result<bool, StoreError> {
        self.0.inner.has_chunks(account, blob, chunks)
    }

    fn references(
        &self,
        account: AccountId,
        visit: &mut dyn FnMut(Reference) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.0.inner.references(account, visit)
    }
}

impl Engine for Contended {
    fn frozen(&self) -> Result<Arc<dyn Reader>, StoreError> {
        self.0.inner.frozen()
    }

    /// Of three commits one finds that somebody else has been there, in one of its partitions; of the others every second
    /// gets no answer, whether it was done, was not, or is still under way.
    fn commit(&self, batches: Vec<Batch>, _: Durability) -> Result<(), CommitError> {
        let shared = &self.0;
        let n = shared.commits.fetch_add(1, Ordering::Relaxed);
        if batches.is_empty() {
            return Ok(());
        }
        for (key, value) in batches.iter().flat_map(|batch| &batch.writes) {
            Counted::add(&shared.work.writes);
            let octets = key.len() + value.as_ref().map_or(0, |value| value.len());
            shared.work.octets.fetch_add(octets as u64, Ordering::Relaxed);
        }
        if shared.calm.load(Ordering::Relaxed) {
            let is_meant = |(of, _): &mut (Partition, Once)| batches.iter().any(|batch| batch.partition == *of);
            let before = shared.before.lock().unwrap().take_if(is_meant);
            before.into_iter().for_each(|(_, does)| does());
            shared.apply(batches, 0)?;
            let behind = shared.behind.lock().unwrap().take();
            behind.into_iter().for_each(|does| does());
            return Ok(());
        }
        if n.is_multiple_of(3) {
            shared.foreign(batches[n as usize / 3 % batches.len()].partition);
        }
        let operation = shared.operations.fetch_add(1, Ordering::Relaxed) + 1;
        if n % 3 != 1 {
            let result = shared.apply(batches, operation);
            if matches!(result, Err(CommitError::Conflict)) {
                Counted::add(&shared.counted.conflicts);
            }
            return result;
        }
        let guards: Vec<_> = batches.iter().map(|batch| (batch.partition, batch.guard)).collect();
        let mut late = None;
        match n / 3 % 4 {
            // Done, and somebody else was there behind it.
            0 => {
                shared.apply(batches, operation)?;
                Counted::add(&shared.counted.done);
                (0..n / 12 % 3).for_each(|_| shared.foreign(guards[0].0));
            }
            1 => Counted::add(&shared.counted.not_done),
            2 => late = Some((Arrives::BeforeTheFence, batches)),
            _ => late = Some((Arrives::AfterIt, batches)),
        }
        let (late, asked) = (Mutex::new(late), AtomicU64::new(n % 2));
        Err(CommitError::Unknown(Arc::new(Lost { shared: shared.clone(), operation, guards, late, asked })))
    }

    fn write_chunk(&self, account: AccountId, blob: BlobId, chunk: u32, octets: &[u8]) -> Result<(), StoreError> {
        self.0.inner.write_chunk(account, blob, chunk, octets)
    }

    fn pin(&self, account: AccountId, blob: BlobId) {
        self.0.inner.pin(account, blob);
    }

    fn unpin(&self, account: AccountId, blob: BlobId) {
        self.0.inner.unpin(account, blob);
    }

    fn collect(&self, before_secs: u64, most: usize) -> Result<Collected, StoreError> {
        self.0.inner.collect(before_secs, most)
    }

    fn watch(&self, realm: Realm, hear: Hear) -> Watching {
        let id = self.0.watches.fetch_add(1, Ordering::Relaxed);
        self.0.hears.lock().unwrap().entry(realm).or_default().push((id, hear));
        Box::new(Watched { shared: Arc::downgrade(&self.0), realm, id })
    }

    fn relaxed(&self) -> Relaxed {
        Relaxed::Stay
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.0.inner.sync()
    }

    fn figures(&self) -> Figures {
        self.0.inner.figures()
    }
}

struct Watched {
    shared: Weak<Shared>,
    realm: Realm,
    id: u64,
}

impl Drop for Watched {
    fn drop(&mut self) {
        let Some(shared) = self.shared.upgrade() else { return };
        let mut hears = shared.hears.lock().unwrap();
        let gone = hears.get_mut(&self.realm).map(|there| {
            let at = there.iter().position(|(id, _)| *id == self.id);
            at.map(|at| there.remove(at))
        });
        // What it holds may be the last of its kind, and end other watches.
        drop(hears);
        drop(gone);
    }
}

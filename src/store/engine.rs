//! What an engine must do.
//!
//! Keys live in partitions. A commit applies one batch to each of several partitions, all of them or none, durably,
//! if each batch's guard is its partition's version; every commit makes the version of its partitions one larger.
//! Message octets are blobs: immutable chunks under their hash, written once an account, held by references that come
//! and go with commits, collected when no reference is left.
//!
//! Nothing above this trait may know which engine runs, or assume that it is the only writer. An engine that many servers
//! write to may be left in doubt about a commit (`Doubt`), and lets who asks hear of what others have committed (`watch`).

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use byteview::ByteView;

use super::error::{CommitError, StoreError};
use super::model::{Durability, Version};
use crate::types::{AccountId, BlobId, MailboxId, Uid};

/// Octets as an engine hands them out: cheap to clone, shared with its caches.
pub type Value = fjall::Slice;

/// The same values in one allocation, one behind the other; each of them, but the shortest, keeps it all in memory.
pub fn side_by_side(values: &[Value]) -> Vec<Value> {
    let bytes = values.iter().map(|value| value.len()).sum();
    if u32::try_from(bytes).is_err() {
        return values.to_vec();
    }
    let mut all = ByteView::with_size(bytes);
    if let Some(mut octets) = all.get_mut() {
        let mut rest = &mut octets[..];
        for value in values {
            let (to, behind) = rest.split_at_mut(value.len());
            to.copy_from_slice(value);
            rest = behind;
        }
    }
    let mut end = 0;
    let slice = |value: &Value| {
        let start = end;
        end += value.len();
        Value::from(all.slice(start..end))
    };
    values.iter().map(slice).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Partition {
    Server,
    Account(AccountId),
    Mailbox(AccountId, MailboxId),
}

impl Partition {
    pub fn realm(self) -> Realm {
        match self {
            Partition::Server => Realm::Server,
            Partition::Account(account) | Partition::Mailbox(account, _) => Realm::Account(account),
        }
    }
}

/// What is watched as one: whoever has an account in use needs to hear of all its mailboxes, in use or not, and one watch
/// for each account costs an engine less than one for each mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Realm {
    Server,
    /// Its tree and all its mailboxes.
    Account(AccountId),
}

/// The octets of a chunk but the last; one fits into a journal buffer and into a session's memory.
pub const CHUNK_BYTES: usize = 512 * 1024;

/// A reference to a blob: one for each message that has its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    pub blob: BlobId,
    pub account: AccountId,
    pub mailbox: MailboxId,
    pub uid: Uid,
}

/// What one commit does to one partition.
#[derive(Clone, Debug)]
pub struct Batch {
    pub partition: Partition,
    pub guard: Version,
    /// `None` removes the key.
    pub writes: Vec<(Vec<u8>, Option<Value>)>,
    /// Octets of new blobs, of one chunk each; those that are there already are left out.
    pub blobs: Vec<(AccountId, BlobId, Value)>,
    /// References whose octets come along, or are looked for.
    pub added: Vec<Reference>,
    /// References to pinned blobs that the caller knows to be there.
    pub shared: Vec<Reference>,
    pub removed: Vec<Reference>,
}

impl Batch {
    pub fn new(partition: Partition, guard: Version) -> Batch {
        let (writes, blobs, added, shared, removed) = Default::default();
        Batch { partition, guard, writes, blobs, added, shared, removed }
    }

    /// Whether it would change nothing but the partition's version.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.blobs.is_empty() && self.refers().next().is_none() && self.removed.is_empty()
    }

    /// All references that begin with this commit.
    pub fn refers(&self) -> impl Iterator<Item = &Reference> {
        self.added.iter().chain(&self.shared)
    }

    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.writes.push((key, Some(value.into())));
    }

    pub fn remove(&mut self, key: Vec<u8>) {
        self.writes.push((key, None));
    }
}

/// Sees a key and its value; an error ends the scan.
pub type Visit<'a> = &'a mut dyn FnMut(&[u8], Value) -> Result<(), StoreError>;

/// What can be read of a store: as it is now, or as it was at one moment (`Engine::frozen`).
pub trait Reader: Send + Sync {
    /// 0 for a partition that has never been written.
    fn version(&self, partition: Partition) -> Result<Version, StoreError>;

    fn get(&self, partition: Partition, key: &[u8]) -> Result<Option<Value>, StoreError>;

    /// The keys of `low..high` in order.
    fn scan(&self, partition: Partition, low: &[u8], high: &[u8], visit: Visit<'_>) -> Result<(), StoreError>;

    fn read_chunk(&self, account: AccountId, blob: BlobId, chunk: u32) -> Result<Option<Value>, StoreError>;

    /// Whether all of these chunks are there, none of which is read.
    fn has_chunks(&self, account: AccountId, blob: BlobId, chunks: Range<u32>) -> Result<bool, StoreError>;

    /// Every reference to a blob of an account, in order of the hash.
    fn references(
        &self,
        account: AccountId,
        visit: &mut dyn FnMut(Reference) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;
}

/// A commit of which the engine cannot say whether it has been done: the answer has not come, say.
///
/// Such an engine keeps with each partition which commits were its last.
pub trait Doubt: fmt::Debug + Send + Sync {
    /// Finds out. What has not been done by then is not done later: where it may still be under way, the version of a partition
    /// of it is moved on first, so that its guard does not hold. An error leaves the doubt; it may be asked again.
    fn settle(&self) -> Result<Settled, StoreError>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// All batches.
    Done,
    /// None of them, nor ever.
    NotDone,
}

/// Is called with a partition that may have changed: a hint, which may come late, more than once, after the caller's own
/// commits, and under locks of whoever commits. It waits for nothing.
pub type Hear = Arc<dyn Fn(Partition) + Send + Sync>;

/// Ends a watch when it is dropped.
pub type Watching = Box<dyn Send + Sync>;

/// What becomes of commits that are `Relaxed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relaxed {
    /// A power cut may take back what was acknowledged a moment before.
    MayBeLost,
    /// They stay. An engine that several servers write to keeps them, as another server may have shown them.
    Stay,
}

pub trait Engine: Reader {
    /// The store as it is at this moment, whatever is committed later: for check and backup, which take their time.
    fn frozen(&self) -> Result<Arc<dyn Reader>, StoreError>;

    /// All batches or none. Octets of blobs are on the disk no later than the record that names them. Where the engine is left
    /// in doubt, `CommitError::Unknown` says how to find out.
    fn commit(&self, batches: Vec<Batch>, durability: Durability) -> Result<(), CommitError>;

    /// Writes a chunk of a blob ahead of the commit that refers to it. A blob that no commit ever refers to is
    /// collected. `Pin` keeps it until then.
    fn write_chunk(&self, account: AccountId, blob: BlobId, chunk: u32, octets: &[u8]) -> Result<(), StoreError>;

    /// Keeps a blob from being collected until `unpin`, as many times as it was pinned.
    fn pin(&self, account: AccountId, blob: BlobId);
    fn unpin(&self, account: AccountId, blob: BlobId);

    /// Looks at blobs that lost a reference before `before_secs` (seconds since 1970), at most `most` of them, and deletes
    /// those that have none.
    fn collect(&self, before_secs: u64, most: usize) -> Result<Collected, StoreError>;

    /// Has `hear` called, from now on, after each commit of another server to a partition of a realm.
    fn watch(&self, realm: Realm, hear: Hear) -> Watching;

    fn relaxed(&self) -> Relaxed;

    /// Everything that was committed relaxed reaches the disk.
    fn sync(&self) -> Result<(), StoreError>;

    /// Syncs that commits have cost so far, and commits: for tests and figures.
    fn figures(&self) -> Figures;
}

/// What one step of a collection has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Blobs that were looked at: each is looked at once, until it loses a reference again.
    pub looked_at: usize,
    pub deleted: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub commits: u64,
    pub syncs: u64,
    /// What the store takes on the disk; 0 for one that has none.
    pub disk_bytes: u64,
}

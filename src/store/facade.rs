//! `Store`: accounts, trees and mailboxes as values, over any engine.

use std::path::Path;
use std::sync::Arc;

use super::embedded::Embedded;
use super::engine::{Batch, Engine, Figures, Partition, Reference, Value};
use super::error::{CommitError, StoreError};
use super::layout::{self, decode};
use super::memory::Memory;
use super::model::*;
use crate::types::{AccountId, AccountName, MailboxId, ModSeq, Uid, UidSet};

/// How to open a store on a disk.
#[derive(Clone, Debug)]
pub struct Options {
    /// Octets of the engine's cache of what it has read.
    pub cache_bytes: u64,
    /// `Sync = always`: every change is synced before it is acknowledged.
    pub sync_always: bool,
    /// New mail is refused while the disk has fewer octets free; 0 never refuses.
    pub free_bytes_min: u64,
}

#[derive(Clone)]
pub struct Store {
    engine: Arc<dyn Engine>,
}

/// A blob that lost its last reference stays so long: sessions may still show the message.
const GRACE_SECS: u64 = 3600;

/// Blobs, keys or pages that one step of a clean-up deletes, so that commits wait for it only briefly.
const STEP: usize = 500;

impl Store {
    pub fn open(directory: &Path, options: &Options) -> Result<Store, StoreError> {
        Store::with_engine(Embedded::open(directory, options)?)
    }

    pub fn memory() -> Store {
        Store { engine: Arc::new(Memory::default()) }
    }

    /// Checks the format of what is there, or writes it.
    pub fn with_engine(engine: Arc<dyn Engine>) -> Result<Store, StoreError> {
        let store = Store { engine };
        match store.engine.get(Partition::Server, b"f")? {
            Some(value) => {
                let found = decode(|| "the format".into(), &value, |c| c.u32())?;
                if found > layout::FORMAT {
                    return Err(StoreError::Newer { found, known: layout::FORMAT });
                }
            }
            None => {
                let mut batch = Batch::new(Partition::Server, store.engine.version(Partition::Server)?);
                batch.put(layout::key(b'f'), layout::FORMAT.to_be_bytes().to_vec());
                store.commit_alone(batch)?;
            }
        }
        Ok(store)
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

    /// For what only this process writes: a conflict is an error.
    fn commit_alone(&self, batch: Batch) -> Result<(), StoreError> {
        match self.engine.commit(vec![batch], Durability::Synced) {
            Ok(()) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
            Err(CommitError::Conflict) => Err(StoreError::Engine("another process has changed the accounts".into())),
        }
    }

    pub fn account(&self, name: &AccountName) -> Result<Option<AccountId>, StoreError> {
        let value = self.engine.get(Partition::Server, &layout::named(b'a', name.as_str()))?;
        let read = |value: Value| decode(|| format!("account {name}"), &value, |c| c.u64()).map(AccountId);
        value.map(read).transpose()
    }

    /// Registers an account; its id is never given to another.
    pub fn account_create(&self, name: &AccountName) -> Result<AccountId, StoreError> {
        let version = self.engine.version(Partition::Server)?;
        let next = match self.engine.get(Partition::Server, b"i")? {
            Some(value) => decode(|| "the next account".into(), &value, |c| c.u64())?,
            None => 1,
        };
        let mut batch = Batch::new(Partition::Server, version);
        batch.put(layout::key(b'i'), (next + 1).to_be_bytes().to_vec());
        batch.put(layout::named(b'a', name.as_str()), next.to_be_bytes().to_vec());
        self.commit_alone(batch)?;
        Ok(AccountId(next))
    }

    /// All mail of the account goes, its name last, so that a crash between leaves an account to be removed again.
    pub fn account_remove(&self, id: AccountId, name: &AccountName) -> Result<(), StoreError> {
        for node in self.account_image(id)?.nodes {
            if let Some(mailbox) = node.id {
                self.empty(id, mailbox)?;
            }
        }
        self.empty_partition(Partition::Account(id))?;
        let mut batch = Batch::new(Partition::Server, self.engine.version(Partition::Server)?);
        batch.remove(layout::named(b'a', name.as_str()));
        self.commit_alone(batch)
    }

    pub fn accounts(&self) -> Result<Vec<(AccountName, AccountId)>, StoreError> {
        let mut accounts = Vec::new();
        self.engine.scan(Partition::Server, b"a", b"b", &mut |key, value| {
            let what = || format!("account {}", String::from_utf8_lossy(&key[1..]));
            let name = layout::read_account_name(&key[1..]).ok_or_else(|| StoreError::Corrupt(what()))?;
            accounts.push((name, AccountId(decode(what, &value, |c| c.u64())?)));
            Ok(())
        })?;
        Ok(accounts)
    }

    /// An account's tree; empty for an account that has never been used.
    pub fn account_image(&self, id: AccountId) -> Result<AccountImage, StoreError> {
        let partition = Partition::Account(id);
        let what = || format!("mailbox tree of account {}", id.0);
        let mut image = AccountImage {
            version: self.engine.version(partition)?,
            nodes: Vec::new(),
            subscriptions: Vec::new(),
            next_mailbox: 1,
            last_uid_validity: 0,
        };
        self.engine.scan(partition, b"n", b"o", &mut |key, value| {
            image.nodes.push(decode(what, &value, |c| layout::read_node(&key[1..], c))?);
            Ok(())
        })?;
        self.engine.scan(partition, b"s", b"t", &mut |key, _| {
            let name = std::str::from_utf8(&key[1..]).map_err(|_| StoreError::Corrupt(what()))?;
            image.subscriptions.push(name.to_string());
            Ok(())
        })?;
        if let Some(value) = self.engine.get(partition, b"c")? {
            let counters = decode(what, &value, |c| Some((c.u64()?, c.u32()?)))?;
            (image.next_mailbox, image.last_uid_validity) = counters;
        }
        Ok(image)
    }

    pub fn mailbox_header(&self, a: AccountId, m: MailboxId) -> Result<Option<(Version, MailboxHeader)>, StoreError> {
        let partition = Partition::Mailbox(a, m);
        let Some(value) = self.engine.get(partition, b"h")? else { return Ok(None) };
        let header = decode(|| format!("header of mailbox {}/{}", a.0, m.0), &value, layout::read_header)?;
        Ok(Some((self.engine.version(partition)?, header)))
    }

    pub fn mailbox_image(&self, a: AccountId, m: MailboxId) -> Result<Option<MailboxImage>, StoreError> {
        let Some((version, header)) = self.mailbox_header(a, m)? else { return Ok(None) };
        let partition = Partition::Mailbox(a, m);
        let what = || format!("messages of mailbox {}/{}", a.0, m.0);
        let keywords = match self.engine.get(partition, b"k")? {
            Some(value) => decode(what, &value, layout::read_keywords)?,
            None => Vec::new(),
        };
        let (mut records, mut flags) = (Vec::with_capacity(header.messages as usize), Vec::new());
        self.engine.scan(partition, b"r", b"s", &mut |_, value| {
            decode(what, &value, |c| layout::read_records(c, &mut records))
        })?;
        self.engine.scan(partition, b"v", b"w", &mut |_, value| {
            decode(what, &value, |c| layout::read_flags(c, &mut flags))
        })?;
        let parallel = records.len() == flags.len() && records.iter().zip(&flags).all(|(r, f)| r.uid == f.uid);
        if !parallel || !records.is_sorted_by_key(|record| record.uid) {
            return Err(StoreError::Corrupt(what()));
        }
        Ok(Some(MailboxImage { version, header, keywords, records, flags }))
    }

    /// The summary of one message.
    pub fn structure(&self, a: AccountId, m: MailboxId, uid: Uid) -> Result<Option<Value>, StoreError> {
        self.engine.get(Partition::Mailbox(a, m), &layout::numbered(b't', uid.get()))
    }

    /// The summaries of the messages from `low` to `high`, in order.
    pub fn structures(
        &self,
        a: AccountId,
        m: MailboxId,
        low: Uid,
        high: Uid,
        visit: &mut dyn FnMut(Uid, Value) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let end = high.next().map_or(layout::key(b'u'), |next| layout::numbered(b't', next.get()));
        let start = layout::numbered(b't', low.get());
        self.engine.scan(Partition::Mailbox(a, m), &start, &end, &mut |key, value| {
            let what = || StoreError::Corrupt(format!("a summary of mailbox {}/{}", a.0, m.0));
            visit(layout::uid_of(key).ok_or_else(what)?, value)
        })
    }

    /// UIDs that vanished after `since`. RFC 7162 3.2.5
    pub fn vanished(&self, a: AccountId, m: MailboxId, since: ModSeq) -> Result<UidSet, StoreError> {
        let mut uids = UidSet::new();
        let start = layout::numbered_long(b'x', since.0.saturating_add(1));
        self.engine.scan(Partition::Mailbox(a, m), &start, b"y", &mut |_, value| {
            let what = || format!("vanished messages of mailbox {}/{}", a.0, m.0);
            decode(what, &value, |c| layout::read_vanished(c, &mut uids))
        })?;
        Ok(uids)
    }

    /// All of the commits or none.
    pub fn commit(&self, commits: Vec<Commit>, durability: Durability) -> Result<(), CommitError> {
        let purges: Vec<(AccountId, MailboxId)> = commits.iter().flat_map(purges).collect();
        self.engine.commit(commits.into_iter().map(batch_of).collect(), durability)?;
        for (account, mailbox) in purges {
            // What cannot be emptied now is emptied when the account is next opened.
            if let Err(error) = self.empty(account, mailbox) {
                log::warn!("emptying a deleted mailbox: {error}");
            }
        }
        Ok(())
    }

    /// Finishes what a crash interrupted: mailboxes of the account that were deleted but not yet emptied.
    pub fn finish_purges(&self, account: AccountId) -> Result<(), StoreError> {
        let partition = Partition::Account(account);
        let mut keys = Vec::new();
        self.engine.scan(partition, b"p", b"q", &mut |key, _| {
            keys.push(key.to_vec());
            Ok(())
        })?;
        if keys.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new(partition, self.engine.version(partition)?);
        for key in keys {
            if let Some(mailbox) = layout::Cursor(&key[1..]).u64() {
                self.empty(account, MailboxId(mailbox))?;
            }
            batch.remove(key);
        }
        self.commit_alone(batch)
    }

    /// Removes a mailbox's messages and all that is known of them, in steps.
    fn empty(&self, account: AccountId, mailbox: MailboxId) -> Result<(), StoreError> {
        let partition = Partition::Mailbox(account, mailbox);
        let mut records = Vec::new();
        self.engine.scan(partition, b"r", b"s", &mut |_, value| {
            decode(
                || format!("messages of mailbox {}/{}", account.0, mailbox.0),
                &value,
                |c| layout::read_records(c, &mut records),
            )
        })?;
        for step in records.chunks(STEP) {
            let mut batch = Batch::new(partition, self.engine.version(partition)?);
            let reference = |r: &MessageRecord| Reference { blob: r.blob, account, mailbox, uid: r.uid };
            batch.removed = step.iter().map(reference).collect();
            self.commit_alone(batch)?;
        }
        self.empty_partition(partition)
    }

    fn empty_partition(&self, partition: Partition) -> Result<(), StoreError> {
        let mut keys = Vec::new();
        self.engine.scan(partition, &[1], &[0xff], &mut |key, _| {
            keys.push(key.to_vec());
            Ok(())
        })?;
        for step in keys.chunks(STEP) {
            let mut batch = Batch::new(partition, self.engine.version(partition)?);
            step.iter().for_each(|key| batch.remove(key.clone()));
            self.commit_alone(batch)?;
        }
        Ok(())
    }

    /// Housekeeping: deletes octets that nothing refers to any more; how many blobs.
    /// `grace` says whether octets that a session may still show are spared.
    pub fn clean_up(&self, grace: Grace) -> Result<usize, StoreError> {
        let before = match grace {
            Grace::Sessions => super::now_secs().saturating_sub(GRACE_SECS),
            Grace::None => u64::MAX,
        };
        let mut deleted = 0;
        loop {
            let step = self.engine.collect(before, STEP)?;
            deleted += step;
            if step == 0 {
                return Ok(deleted);
            }
        }
    }
}

/// Whether a clean-up spares what a session may still show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    Sessions,
    None,
}

fn purges(commit: &Commit) -> Vec<(AccountId, MailboxId)> {
    let Commit::Account(commit) = commit else { return Vec::new() };
    let purged = commit.changes.iter().filter_map(|change| match change {
        AccountChange::Purge(mailbox) => Some((commit.account, *mailbox)),
        _ => None,
    });
    purged.collect()
}

fn batch_of(commit: Commit) -> Batch {
    match commit {
        Commit::Account(commit) => account_batch(commit),
        Commit::Mailbox(commit) => mailbox_batch(commit),
    }
}

fn account_batch(commit: AccountCommit) -> Batch {
    let mut batch = Batch::new(Partition::Account(commit.account), commit.guard);
    for change in commit.changes {
        match change {
            AccountChange::PutNode(node) => batch.put(layout::named(b'n', node.name.as_str()), layout::node(&node)),
            AccountChange::RemoveNode(name) => batch.remove(layout::named(b'n', name.as_str())),
            AccountChange::Subscribe(name) => batch.put(layout::named(b's', &name), Vec::new()),
            AccountChange::Unsubscribe(name) => batch.remove(layout::named(b's', &name)),
            AccountChange::Counters { next_mailbox, last_uid_validity } => {
                let value = [&next_mailbox.to_be_bytes()[..], &last_uid_validity.to_be_bytes()].concat();
                batch.put(layout::key(b'c'), value);
            }
            AccountChange::Purge(mailbox) => batch.put(layout::numbered_long(b'p', mailbox.0), Vec::new()),
        }
    }
    batch
}

fn mailbox_batch(commit: MailboxCommit) -> Batch {
    let (account, mailbox) = (commit.account, commit.mailbox);
    let mut batch = Batch::new(Partition::Mailbox(account, mailbox), commit.guard);
    batch.put(layout::key(b'h'), layout::header(&commit.header));
    if let Some(keywords) = &commit.keywords {
        batch.put(layout::key(b'k'), layout::keywords(keywords));
    }
    for (page, records) in &commit.records {
        page_write(&mut batch, layout::numbered(b'r', page.0), layout::records(records));
    }
    for (page, flags) in &commit.flags {
        page_write(&mut batch, layout::numbered(b'v', page.0), layout::flags(flags));
    }
    for (uid, structure) in &commit.structures {
        batch.put(layout::numbered(b't', uid.get()), structure.to_vec());
    }
    for (uid, _) in &commit.removed {
        batch.remove(layout::numbered(b't', uid.get()));
    }
    if let Some((mod_seq, uids)) = &commit.vanished {
        batch.put(layout::numbered_long(b'x', mod_seq.0), layout::vanished(uids));
    }
    let inline = commit.blobs.into_iter().filter_map(|blob| Some((account, blob.id, blob.bytes?)));
    batch.blobs = inline.collect();
    let reference = |(uid, blob): &(Uid, _)| Reference { blob: *blob, account, mailbox, uid: *uid };
    batch.added = commit.added.iter().map(reference).collect();
    batch.removed = commit.removed.iter().map(reference).collect();
    batch
}

fn page_write(batch: &mut Batch, key: Vec<u8>, page: Vec<u8>) {
    match page.is_empty() {
        true => batch.remove(key),
        false => batch.put(key, page),
    }
}

//! `Store`: accounts, trees and mailboxes as values, over any engine.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::embedded::Embedded;
use super::engine::{
    Batch, Doubt, Engine, Figures, Hear, Partition, Reader, Reference, Relaxed, Settled, Value, Watching,
};
use super::error::{CommitError, CommitFailure, StoreError};
use super::layout::{self, decode};
use super::memory::Memory;
use super::model::*;
use crate::types::{AccountId, AccountName, EntryName, KeywordTable, MailboxId, MailboxName, ModSeq, Uid, UidSet};

/// How to open a store on a disk.
#[derive(Clone, Debug)]
pub struct Options {
    /// Octets of the engine's cache of what it has read.
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
}

/// A blob that lost its last reference stays so long: sessions may still show the message.
const GRACE_SECS: u64 = 3600;

/// Blobs, keys or pages that one step of a clean-up deletes, so that commits wait for it only briefly.
const STEP: usize = 500;

/// How often it is asked whether a commit was done before the client is told that it is not known: four seconds, as the pauses
/// between become longer.
const SETTLE_TRIES: u32 = 12;

impl Store {
    pub fn open(directory: &Path, options: &Options) -> Result<Store, StoreError> {
        Store::with_engine(Embedded::open(directory, options)?)
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
        Store { engine, reader }
    }

    /// This store as it is now, whatever is committed later. What is written to it is written to the store, and a
    /// conflict where that has changed since.
    pub fn frozen(&self) -> Result<Store, StoreError> {
        Ok(Store { engine: self.engine.clone(), reader: self.engine.frozen()? })
    }

    pub(super) fn reader(&self) -> &Arc<dyn Reader> {
        &self.reader
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

    /// Commits what `plan` puts into a batch; plans again where somebody else was first. An empty batch is not written.
    pub(super) fn alone<T>(
        &self,
        partition: Partition,
        mut plan: impl FnMut(&mut Batch) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        loop {
            let mut batch = Batch::new(partition, self.engine.version(partition)?);
            let planned = plan(&mut batch)?;
            if batch.is_empty() {
                return Ok(planned);
            }
            match self.write(vec![batch], Durability::Synced) {
                Ok(()) => return Ok(planned),
                Err(CommitFailure::Store(error)) => return Err(error),
                Err(CommitFailure::Conflict) => {}
            }
        }
    }

    /// Commits, and finds out whether it was done where the engine is in doubt.
    pub(super) fn write(&self, batches: Vec<Batch>, durability: Durability) -> Result<(), CommitFailure> {
        match self.engine.commit(batches, durability) {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict) => Err(CommitFailure::Conflict),
            Err(CommitError::Store(error)) => Err(CommitFailure::Store(error)),
            Err(CommitError::Unknown(doubt)) => settle(&*doubt),
        }
    }

    /// Has `hear` called where another server may have changed a mailbox.
    pub fn watch_mailbox(&self, a: AccountId, m: MailboxId, hear: Hear) -> Watching {
        self.engine.watch(Partition::Mailbox(a, m), hear)
    }

    /// The same of an account's tree.
    pub fn watch_account(&self, id: AccountId, hear: Hear) -> Watching {
        self.engine.watch(Partition::Account(id), hear)
    }

    pub fn mailbox_version(&self, a: AccountId, m: MailboxId) -> Result<Version, StoreError> {
        self.reader.version(Partition::Mailbox(a, m))
    }

    pub fn account_version(&self, id: AccountId) -> Result<Version, StoreError> {
        self.reader.version(Partition::Account(id))
    }

    pub fn relaxed(&self) -> Relaxed {
        self.engine.relaxed()
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
    pub fn account_remove(&self, id: AccountId, name: &AccountName) -> Result<(), StoreError> {
        for mailbox in self.account_image(id)?.mailboxes() {
            self.empty(id, mailbox)?;
        }
        self.empty_partition(Partition::Account(id))?;
        self.alone(Partition::Server, |batch| {
            batch.remove(layout::named(b'a', name.as_str()));
            Ok(())
        })
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

    /// What is read of a partition that nobody changed meanwhile.
    fn unmoved<T>(
        &self,
        partition: Partition,
        read: impl Fn(Version) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut version = self.reader.version(partition)?;
        loop {
            let found = read(version);
            let after = self.reader.version(partition)?;
            if after == version {
                return found;
            }
            version = after;
        }
    }

    /// An account's tree; empty for an account that has never been used.
    pub fn account_image(&self, id: AccountId) -> Result<AccountImage, StoreError> {
        self.unmoved(Partition::Account(id), |version| self.read_account(id, version))
    }

    fn read_account(&self, id: AccountId, version: Version) -> Result<AccountImage, StoreError> {
        let partition = Partition::Account(id);
        let what = || format!("mailbox tree of account {}", id.0);
        let mut image = AccountImage {
            version,
            nodes: Vec::new(),
            subscriptions: Vec::new(),
            deleted: Vec::new(),
            quota: QuotaLimits::default(),
            acls: Vec::new(),
            aliases: Vec::new(),
            certificate: self.reader.get(partition, b"x")?,
            url_keys: Vec::new(),
            classes: Vec::new(),
            settings: AccountSettings::default(),
            next_mailbox: 1,
            last_uid_validity: 0,
        };
        self.reader.scan(partition, b"n", b"o", &mut |key, value| {
            image.nodes.push(decode(what, &value, |c| layout::read_node(&key[1..], c))?);
            Ok(())
        })?;
        self.reader.scan(partition, b"s", b"t", &mut |key, _| {
            let name = std::str::from_utf8(&key[1..]).map_err(|_| StoreError::Corrupt(what()))?;
            image.subscriptions.push(name.to_string());
            Ok(())
        })?;
        self.reader.scan(partition, b"g", b"h", &mut |key, value| {
            image.deleted.push(decode(what, &value, |c| layout::read_deleted(key, c))?);
            Ok(())
        })?;
        self.reader.scan(partition, b"l", b"m", &mut |key, value| {
            let id = layout::Cursor(&key[1..]).u64().ok_or_else(|| StoreError::Corrupt(what()))?;
            image.acls.push((MailboxId(id), decode(what, &value, layout::read_acl)?));
            Ok(())
        })?;
        self.reader.scan(partition, b"u", b"v", &mut |key, value| {
            image.url_keys.push(layout::read_url_key(key, &value).ok_or_else(|| StoreError::Corrupt(what()))?);
            Ok(())
        })?;
        self.reader.scan(partition, b"y", b"z", &mut |key, value| {
            let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).map_err(|_| StoreError::Corrupt(what()));
            let alias = MailboxName::new(&text(&key[1..])?).map_err(|_| StoreError::Corrupt(what()))?;
            image.aliases.push((alias, text(&value)?));
            Ok(())
        })?;
        self.reader.scan(partition, b"k", b"l", &mut |key, value| {
            let id = layout::Cursor(&key[1..]).u64().ok_or_else(|| StoreError::Corrupt(what()))?;
            image.classes.push((MailboxId(id), decode(what, &value, layout::read_class)?));
            Ok(())
        })?;
        if let Some(value) = self.reader.get(partition, b"v")? {
            image.settings = decode(what, &value, layout::read_settings)?;
        }
        if let Some(value) = self.reader.get(partition, b"q")? {
            image.quota = decode(what, &value, layout::read_quota)?;
        }
        if let Some(value) = self.reader.get(partition, b"c")? {
            let counters = decode(what, &value, |c| Some((c.u64()?, c.u32()?)))?;
            (image.next_mailbox, image.last_uid_validity) = counters;
        }
        Ok(image)
    }

    pub fn mailbox_header(&self, a: AccountId, m: MailboxId) -> Result<Option<MailboxHeader>, StoreError> {
        let partition = Partition::Mailbox(a, m);
        let Some(value) = self.reader.get(partition, b"h")? else { return Ok(None) };
        decode(|| format!("header of mailbox {}/{}", a.0, m.0), &value, layout::read_header).map(Some)
    }

    /// `None` of a mailbox that is deleted, kept or not.
    pub fn mailbox_image(&self, a: AccountId, m: MailboxId) -> Result<Option<MailboxImage>, StoreError> {
        self.unmoved(Partition::Mailbox(a, m), |version| self.read_mailbox(a, m, version))
    }

    fn read_mailbox(&self, a: AccountId, m: MailboxId, version: Version) -> Result<Option<MailboxImage>, StoreError> {
        let partition = Partition::Mailbox(a, m);
        let Some(header) = self.mailbox_header(a, m)? else { return Ok(None) };
        if self.reader.get(partition, b"z")?.is_some() {
            return Ok(None);
        }
        let what = || format!("index of mailbox {}/{}", a.0, m.0);
        let keywords = self.keywords(a, m)?;
        let mut leaves = Vec::new();
        self.reader.scan(partition, b"d", b"e", &mut |key, value| {
            let no = layout::Cursor(&key[1..]).u32().ok_or_else(|| StoreError::Corrupt(what()))?;
            leaves.push((LeafNo(no), decode(what, &value, layout::read_leaf_entry)?));
            Ok(())
        })?;
        let messages: u64 = leaves.iter().map(|(_, entry)| u64::from(entry.messages)).sum();
        match messages == u64::from(header.sums.all().messages) {
            true => Ok(Some(MailboxImage { version, header, keywords, leaves })),
            false => Err(StoreError::Corrupt(what())),
        }
    }

    pub(super) fn keywords(&self, a: AccountId, m: MailboxId) -> Result<KeywordTable, StoreError> {
        let mut keywords = KeywordTable::default();
        self.reader.scan(Partition::Mailbox(a, m), b"k", b"l", &mut |key, value| {
            let put = layout::read_keyword(key, &value).is_some_and(|(id, keyword)| keywords.put(id, keyword));
            let what = || StoreError::Corrupt(format!("keywords of mailbox {}/{}", a.0, m.0));
            put.then_some(()).ok_or_else(what)
        })?;
        Ok(keywords)
    }

    /// The messages of a leaf by UID, ascending; the two run in parallel.
    pub fn leaf(
        &self,
        a: AccountId,
        m: MailboxId,
        no: LeafNo,
    ) -> Result<(Vec<MessageRecord>, Vec<FlagRecord>), StoreError> {
        let partition = Partition::Mailbox(a, m);
        let pages = (PageNo::of(no.first()).0, PageNo::of(no.last()).0 + 1);
        let what = || format!("messages {} to {} of mailbox {}/{}", no.first(), no.last(), a.0, m.0);
        let (mut records, mut flags) = (Vec::new(), Vec::new());
        let range = |kind| (layout::numbered(kind, pages.0), layout::numbered(kind, pages.1));
        let (low, high) = range(b'r');
        self.reader.scan(partition, &low, &high, &mut |_, value| {
            decode(what, &value, |c| layout::read_records(c, &mut records))
        })?;
        let (low, high) = range(b'v');
        self.reader.scan(partition, &low, &high, &mut |_, value| {
            decode(what, &value, |c| layout::read_flags(c, &mut flags))
        })?;
        let parallel = records.len() == flags.len() && records.iter().zip(&flags).all(|(r, f)| r.uid == f.uid);
        match parallel && records.is_sorted_by_key(|record| record.uid) {
            true => Ok((records, flags)),
            false => Err(self.corrupt_leaf(a, m, no)),
        }
    }

    pub fn leaf_entry(&self, a: AccountId, m: MailboxId, no: LeafNo) -> Result<Option<LeafEntry>, StoreError> {
        let value = self.reader.get(Partition::Mailbox(a, m), &layout::numbered(b'd', no.0))?;
        let what = || format!("index of mailbox {}/{}", a.0, m.0);
        value.map(|value| decode(what, &value, layout::read_leaf_entry)).transpose()
    }

    /// The error of a leaf whose messages do not agree with its entry.
    pub fn corrupt_leaf(&self, a: AccountId, m: MailboxId, no: LeafNo) -> StoreError {
        let (first, last) = (no.first(), no.last());
        StoreError::Corrupt(format!("messages {first} to {last} of mailbox {}/{}", a.0, m.0))
    }

    /// The summary of one message.
    pub fn structure(&self, a: AccountId, m: MailboxId, uid: Uid) -> Result<Option<Value>, StoreError> {
        self.reader.get(Partition::Mailbox(a, m), &layout::numbered(b't', uid.get()))
    }

    /// The digest of a page, where one is kept.
    pub fn digest(&self, a: AccountId, m: MailboxId, page: PageNo) -> Result<Option<Value>, StoreError> {
        self.reader.get(Partition::Mailbox(a, m), &layout::numbered(b'c', page.0))
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
        self.reader.scan(Partition::Mailbox(a, m), &start, &end, &mut |key, value| {
            let what = || StoreError::Corrupt(format!("a summary of mailbox {}/{}", a.0, m.0));
            visit(layout::uid_of(key).ok_or_else(what)?, value)
        })
    }

    /// UIDs that vanished after `since`. RFC 7162 3.2.5
    pub fn vanished(&self, a: AccountId, m: MailboxId, since: ModSeq) -> Result<UidSet, StoreError> {
        let mut ranges = Vec::new();
        let start = layout::numbered_long(b'x', since.0.saturating_add(1));
        self.reader.scan(Partition::Mailbox(a, m), &start, b"y", &mut |_, value| {
            let what = || format!("vanished messages of mailbox {}/{}", a.0, m.0);
            decode(what, &value, |c| layout::read_vanished(c, &mut ranges))
        })?;
        Ok(UidSet::from_ranges(ranges))
    }

    /// Messages of a mailbox that were expunged from `since_secs` until before `until_secs` and are kept.
    pub fn expunged(
        &self,
        a: AccountId,
        m: MailboxId,
        since_secs: i64,
        until_secs: i64,
    ) -> Result<Vec<ExpungedMessage>, StoreError> {
        let mut found = Vec::new();
        let bound = |secs: i64| layout::numbered_long(b'e', secs.max(0) as u64);
        self.reader.scan(Partition::Mailbox(a, m), &bound(since_secs), &bound(until_secs), &mut |key, value| {
            let what = || StoreError::Corrupt(format!("an expunged message of mailbox {}/{}", a.0, m.0));
            found.push(layout::read_expunged(key, &value).ok_or_else(what)?);
            Ok(())
        })?;
        Ok(found)
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

    pub fn alert_remove(&self, id: u64) -> Result<(), StoreError> {
        self.alone(Partition::Server, |batch| {
            batch.remove(layout::numbered_long(b'w', id));
            Ok(())
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

    /// All of the commits or none.
    pub fn commit(&self, commits: Vec<Commit>, durability: Durability) -> Result<(), CommitFailure> {
        let purges: Vec<(AccountId, MailboxId)> = commits.iter().flat_map(purges).collect();
        let batches: Result<Vec<Batch>, StoreError> =
            commits.into_iter().map(|commit| self.batch_of(commit)).collect();
        self.write(batches?, durability)?;
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
        self.reader.scan(partition, b"p", b"q", &mut |key, _| {
            keys.push(key.to_vec());
            Ok(())
        })?;
        for key in &keys {
            if let Some(mailbox) = layout::Cursor(&key[1..]).u64() {
                self.empty(account, MailboxId(mailbox))?;
            }
        }
        self.alone(partition, |batch| {
            keys.iter().for_each(|key| batch.remove(key.clone()));
            Ok(())
        })
    }

    /// Removes a mailbox's messages and all that is known of them, in steps.
    fn empty(&self, account: AccountId, mailbox: MailboxId) -> Result<(), StoreError> {
        let partition = Partition::Mailbox(account, mailbox);
        let mut held = Vec::new();
        let what = || format!("messages of mailbox {}/{}", account.0, mailbox.0);
        self.reader.scan(partition, b"r", b"s", &mut |_, value| {
            decode(what, &value, |c| layout::read_records(c, &mut held))
        })?;
        held.extend(self.expunged(account, mailbox, 0, i64::MAX)?.iter().map(|message| message.record));
        for step in held.chunks(STEP) {
            let reference = |r: &MessageRecord| Reference { blob: r.blob, account, mailbox, uid: r.uid };
            self.alone(partition, |batch| {
                batch.removed = step.iter().map(reference).collect();
                Ok(())
            })?;
        }
        self.empty_partition(partition)
    }

    pub(super) fn empty_partition(&self, partition: Partition) -> Result<(), StoreError> {
        let mut keys = Vec::new();
        self.reader.scan(partition, &[1], &[0xff], &mut |key, _| {
            keys.push(key.to_vec());
            Ok(())
        })?;
        for step in keys.chunks(STEP) {
            self.alone(partition, |batch| {
                step.iter().for_each(|key| batch.remove(key.clone()));
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Housekeeping: deletes octets that nothing refers to any more; how many blobs.
    pub fn clean_up(&self) -> Result<usize, StoreError> {
        let before = (crate::sys::now_secs() as u64).saturating_sub(GRACE_SECS);
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

/// What was not done is for the caller to plan anew, as after a conflict.
fn settle(doubt: &dyn Doubt) -> Result<(), CommitFailure> {
    for tries in 0..SETTLE_TRIES {
        match doubt.settle() {
            Ok(Settled::Done) => return Ok(()),
            Ok(Settled::NotDone) => return Err(CommitFailure::Conflict),
            Err(error) => log::warn!("finding out whether a change was made: {error}"),
        }
        std::thread::sleep(Duration::from_millis(1 << tries));
    }
    Err(StoreError::Unsettled.into())
}

/// No two stores are made by one process at one nanosecond.
fn new_identity() -> Vec<u8> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let seed = format!("{:?} {}", since, std::process::id());
    blake3::hash(seed.as_bytes()).as_bytes()[..16].to_vec()
}

fn purges(commit: &Commit) -> Vec<(AccountId, MailboxId)> {
    let Commit::Account(commit) = commit else { return Vec::new() };
    let purged = commit.changes.iter().filter_map(|change| match change {
        AccountChange::Purge(mailbox) => Some((commit.account, *mailbox)),
        _ => None,
    });
    purged.collect()
}

impl Store {
    fn batch_of(&self, commit: Commit) -> Result<Batch, StoreError> {
        match commit {
            Commit::Account(commit) => self.account_batch(commit),
            Commit::Mailbox(commit) => Ok(mailbox_batch(commit)),
            Commit::Due { guard, due } => {
                let mut batch = Batch::new(Partition::Server, guard);
                batch.put(layout::due_key(&due), Vec::new());
                Ok(batch)
            }
            Commit::Life { account, mailbox, guard, life } => {
                let mut batch = Batch::new(Partition::Mailbox(account, mailbox), guard);
                match life {
                    Life::Deleted => batch.put(layout::key(b'z'), Vec::new()),
                    Life::Alive => batch.remove(layout::key(b'z')),
                }
                Ok(batch)
            }
            Commit::Digests { account, mailbox, guard, pages } => {
                let mut batch = Batch::new(Partition::Mailbox(account, mailbox), guard);
                pages.into_iter().for_each(|(page, digest)| batch.put(layout::numbered(b'c', page.0), digest));
                Ok(batch)
            }
            Commit::Server { guard, entries } => Ok(server_batch(guard, entries)),
        }
    }

    fn account_batch(&self, commit: AccountCommit) -> Result<Batch, StoreError> {
        let mut batch = Batch::new(Partition::Account(commit.account), commit.guard);
        let account = commit.account;
        for change in commit.changes {
            match change {
                AccountChange::PutNode(node) => {
                    batch.put(layout::named(b'n', node.name.as_str()), layout::node(&node))
                }
                AccountChange::RemoveNode(name) => batch.remove(layout::named(b'n', name.as_str())),
                AccountChange::Subscribe(name) => batch.put(layout::named(b's', &name), Vec::new()),
                AccountChange::Unsubscribe(name) => batch.remove(layout::named(b's', &name)),
                AccountChange::Counters { next_mailbox, last_uid_validity } => {
                    let value = [&next_mailbox.to_be_bytes()[..], &last_uid_validity.to_be_bytes()].concat();
                    batch.put(layout::key(b'c'), value);
                }
                AccountChange::Quota(limits) => batch.put(layout::key(b'q'), layout::quota(&limits)),
                AccountChange::Acl(mailbox, acl) if acl.0.is_empty() => {
                    batch.remove(layout::numbered_long(b'l', mailbox.0));
                }
                AccountChange::Acl(mailbox, acl) => {
                    batch.put(layout::numbered_long(b'l', mailbox.0), layout::acl(&acl))
                }
                AccountChange::PutAlias(alias, name) => {
                    batch.put(layout::named(b'y', alias.as_str()), name.into_bytes())
                }
                AccountChange::RemoveAlias(alias) => batch.remove(layout::named(b'y', alias.as_str())),
                AccountChange::PutUrlKey(entry, key) => batch.put(layout::url_key_key(entry), key.0.to_vec()),
                AccountChange::RemoveUrlKey(entry) => batch.remove(layout::url_key_key(entry)),
                AccountChange::Certificate(Some(der)) => batch.put(layout::key(b'x'), der.to_vec()),
                AccountChange::Certificate(None) => batch.remove(layout::key(b'x')),
                AccountChange::Bury(mailbox) => {
                    batch.put(layout::numbered_long(b'g', mailbox.id.0), layout::deleted(&mailbox));
                }
                AccountChange::Exhume(mailbox) => batch.remove(layout::numbered_long(b'g', mailbox.0)),
                AccountChange::Purge(mailbox) => {
                    batch.remove(layout::numbered_long(b'g', mailbox.0));
                    batch.remove(layout::numbered_long(b'l', mailbox.0));
                    batch.remove(layout::numbered_long(b'k', mailbox.0));
                    batch.remove(layout::url_key_key((AccountId(0), mailbox)));
                    self.drop_annotations(account, &Annotated::Mailbox(mailbox), &mut batch)?;
                    batch.put(layout::numbered_long(b'p', mailbox.0), Vec::new());
                }
                AccountChange::Class(mailbox, class) => match class {
                    Some(class) => batch.put(layout::numbered_long(b'k', mailbox.0), class.as_str().into()),
                    None => batch.remove(layout::numbered_long(b'k', mailbox.0)),
                },
                AccountChange::Settings(settings) => batch.put(layout::key(b'v'), layout::settings(&settings)),
                AccountChange::Annotate(Annotate { at, user, entry, value }) => {
                    let key = layout::annotation_key(&at, user, &entry);
                    match value {
                        Some(value) => batch.put(key, layout::annotation(&entry, &value)),
                        None => batch.remove(key),
                    }
                }
                AccountChange::MoveAnnotations { from, to } => {
                    self.copy_annotations(account, &from, &to, &mut batch)?;
                    self.drop_annotations(account, &from, &mut batch)?;
                }
                AccountChange::CopyAnnotations { from, to } => {
                    self.copy_annotations(account, &from, &to, &mut batch)?
                }
                AccountChange::DropAnnotations(at) => self.drop_annotations(account, &at, &mut batch)?,
            }
        }
        Ok(batch)
    }
}

fn server_batch(guard: Version, entries: Vec<(EntryName, Option<Vec<u8>>)>) -> Batch {
    let mut batch = Batch::new(Partition::Server, guard);
    for (entry, value) in entries {
        let key = layout::named(b'm', &entry.folded());
        match value {
            Some(value) => batch.put(key, layout::annotation(&entry, &value)),
            None => batch.remove(key),
        }
    }
    batch
}

fn mailbox_batch(commit: MailboxCommit) -> Batch {
    let (account, mailbox) = (commit.account, commit.mailbox);
    let mut batch = Batch::new(Partition::Mailbox(account, mailbox), commit.guard);
    batch.put(layout::key(b'h'), layout::header(&commit.header));
    for (id, keyword) in &commit.keywords {
        match keyword {
            Some(keyword) => batch.put(layout::keyword_key(*id), keyword.as_str().as_bytes().to_vec()),
            None => batch.remove(layout::keyword_key(*id)),
        }
    }
    for page in stale_digests(&commit) {
        batch.remove(layout::numbered(b'c', page.0));
    }
    for (page, records) in &commit.records {
        page_write(&mut batch, layout::numbered(b'r', page.0), layout::records(records));
    }
    for (page, flags) in &commit.flags {
        page_write(&mut batch, layout::numbered(b'v', page.0), layout::flags(flags));
    }
    for (leaf, entry) in &commit.leaves {
        match entry {
            Some(entry) => batch.put(layout::numbered(b'd', leaf.0), layout::leaf_entry(entry)),
            None => batch.remove(layout::numbered(b'd', leaf.0)),
        }
    }
    for (uid, structure) in commit.structures {
        batch.writes.push((layout::numbered(b't', uid.get()), Some(structure)));
    }
    let gone = commit.removed.iter().map(|(uid, _)| *uid).chain(commit.kept.iter().map(|kept| kept.record.uid));
    gone.for_each(|uid| batch.remove(layout::numbered(b't', uid.get())));
    for message in &commit.kept {
        batch.put(layout::expunged_key(message), layout::expunged(message));
    }
    commit.released.iter().for_each(|message| batch.remove(layout::expunged_key(message)));
    for (id, annotation) in &commit.annotations {
        let key = layout::message_annotation_key(id);
        match annotation {
            Some((mod_seq, value)) => batch.put(key, layout::message_annotation(*mod_seq, value)),
            None => batch.remove(key),
        }
    }
    if let Some((mod_seq, uids)) = &commit.vanished {
        batch.put(layout::numbered_long(b'x', mod_seq.0), layout::vanished(uids));
    }
    let inline = commit.blobs.into_iter().filter_map(|blob| Some((account, blob.id, blob.bytes?)));
    batch.blobs = inline.collect();
    let reference = |(uid, blob): &(Uid, _)| Reference { blob: *blob, account, mailbox, uid: *uid };
    batch.added = commit.added.iter().map(reference).collect();
    batch.shared = commit.shared.iter().map(reference).collect();
    let released = commit.released.iter().map(|message| (message.record.uid, message.record.blob));
    batch.removed = commit.removed.iter().copied().chain(released).map(|pair| reference(&pair)).collect();
    batch
}

/// The pages whose messages have all gone, or have got other summaries: those of messages that come stand in pages that have
/// no digest yet.
fn stale_digests(commit: &MailboxCommit) -> BTreeSet<PageNo> {
    let empty = commit.records.iter().filter(|(_, records)| records.is_empty()).map(|(page, _)| *page);
    let added: BTreeSet<Uid> = match commit.structures.len() == commit.added.len() {
        true => return empty.collect(),
        false => commit.added.iter().map(|(uid, _)| *uid).collect(),
    };
    let described = commit.structures.iter().filter(|(uid, _)| !added.contains(uid));
    empty.chain(described.map(|(uid, _)| PageNo::of(*uid))).collect()
}

fn page_write(batch: &mut Batch, key: Vec<u8>, page: Vec<u8>) {
    match page.is_empty() {
        true => batch.remove(key),
        false => batch.put(key, page),
    }
}

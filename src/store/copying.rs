//! A copy of a whole store: backup and restore.
//!
//! A copy is a store of its own. Each partition of it says which version of the original it holds, so that the next copy
//! to the same place writes what has changed since. Octets come first, what names them after them, the list of accounts
//! last; a copy that was cut short says so until it has been finished.
//!
//! What cannot be read is left out, and named; all the rest is copied. Of a mailbox, or an account, that cannot be read as a
//! whole the copy keeps what it had. It is looked at again by the next copy, whether it has changed or not.

use std::collections::HashSet;

use super::engine::{Batch, Partition, Reference};
use super::error::{CommitFailure, Stopped, StoreError};
use super::facade::Store;
use super::layout;
use super::model::{AccountImage, Durability, MailboxHeader};
use crate::types::{AccountId, AccountName, MailboxId, MailboxName, Uid, UidValidity};

/// Something that a copy does not have, as it cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub account: AccountName,
    /// `None` where it is the account.
    pub mailbox: Option<MailboxName>,
    /// `None` where it is the mailbox.
    pub uid: Option<Uid>,
    pub what: String,
}

/// What a copy has written, and what there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    pub accounts: u64,
    /// Mailboxes that had changed.
    pub mailboxes: u64,
    /// Messages whose octets were not in the copy yet.
    pub messages: u64,
    pub bytes: u64,
    pub unread: Vec<Unread>,
}

/// In a copy: the version of the original that a partition holds.
const HOLDS: &[u8] = &[1];
/// In the server's partition of a copy: u64 seconds since 1970 when it was finished; 0 while it is not.
const FINISHED: &[u8] = &[2];

/// Writes of one commit to a copy.
pub(super) const STEP: usize = 1000;
/// Octets of messages of one commit to a copy.
pub(super) const STEP_BYTES: usize = 8 << 20;

impl Store {
    /// When this copy of another store was finished, in seconds since 1970. `None` for one that was cut short, and for a
    /// store that is no copy.
    pub fn finished(&self) -> Result<Option<i64>, StoreError> {
        let value = self.reader().get(Partition::Server, FINISHED)?;
        let secs = value.and_then(|value| layout::Cursor(&value).u64());
        Ok(secs.filter(|secs| *secs != 0).map(|secs| secs as i64))
    }

    /// Makes `target` a copy of this store as it is now, `now_secs`. A target that holds another store is refused.
    /// `progress` hears again and again what has been copied so far, and may stop it: the next copy goes on from there.
    pub fn copy_to(
        &self,
        target: &Store,
        now_secs: i64,
        progress: &mut dyn FnMut(&Copied) -> Result<(), Stopped>,
    ) -> Result<Copied, StoreError> {
        let source = self.frozen()?;
        source.may_go_to(target)?;
        let mut copy = Copy { source: &source, target, copied: Copied::default(), progress };
        copy.progress()?;
        target.mark(0)?;
        let accounts = source.accounts()?;
        for (name, account) in &accounts {
            copy.account(name, *account)?;
        }
        for (name, account) in target.accounts()? {
            if !accounts.iter().any(|(_, known)| *known == account) {
                target.account_remove(account, &name)?;
            }
        }
        if let Done::Unread(error) = copy.partition(Partition::Server, Holds::All)? {
            return Err(error);
        }
        let copied = copy.copied;
        target.mark(now_secs as u64)?;
        target.sync()?;
        Ok(copied)
    }

    /// Makes an empty store one of its own out of this copy: a later copy of it cannot be taken for one of the original.
    pub fn restore_to(
        &self,
        target: &Store,
        progress: &mut dyn FnMut(&Copied) -> Result<(), Stopped>,
    ) -> Result<Copied, StoreError> {
        let copied = self.copy_to(target, 1, progress)?;
        target.become_another()?;
        Ok(copied)
    }

    /// An error where a store is a copy of another one, or another one itself.
    pub(super) fn may_go_to(&self, target: &Store) -> Result<(), StoreError> {
        if !target.accounts()?.is_empty() && target.identity()? != self.identity()? {
            return Err(StoreError::Engine("the directory holds mail of another server; choose another one".into()));
        }
        Ok(())
    }

    fn mark(&self, finished_secs: u64) -> Result<(), StoreError> {
        self.alone(Partition::Server, |batch| {
            batch.put(FINISHED.to_vec(), finished_secs.to_be_bytes().to_vec());
            Ok(())
        })
    }
}

/// What has become of a partition.
enum Done {
    Copied,
    /// It had not changed.
    Same,
    /// The copy has what it had.
    Unread(StoreError),
}

/// Whether a copy has all of an account: the next one looks at it again where it does not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    All,
    Part,
}

pub(super) struct Copy<'a> {
    pub(super) source: &'a Store,
    pub(super) target: &'a Store,
    pub(super) copied: Copied,
    progress: &'a mut dyn FnMut(&Copied) -> Result<(), Stopped>,
}

impl Copy<'_> {
    pub(super) fn progress(&mut self) -> Result<(), Stopped> {
        (self.progress)(&self.copied)
    }

    fn unread(&mut self, account: &AccountName, mailbox: Option<&MailboxName>, error: &StoreError) {
        let what = format!("it cannot be read; the copy keeps what it had of it: {error}");
        self.copied.unread.push(Unread { account: account.clone(), mailbox: mailbox.cloned(), uid: None, what });
    }

    fn account(&mut self, name: &AccountName, account: AccountId) -> Result<(), StoreError> {
        self.copied.accounts += 1;
        self.progress()?;
        let image = match self.source.account_image(account) {
            Ok(image) => image,
            Err(error) => return Ok(self.unread(name, None, &error)),
        };
        let mailboxes: HashSet<MailboxId> = image.mailboxes().collect();
        let partitions = image.mailboxes().map(|id| Partition::Mailbox(account, id));
        let changed = partitions.chain([Partition::Account(account)]).map(|of| self.has_changed(of));
        if !changed.collect::<Result<Vec<bool>, _>>()?.contains(&true) {
            return Ok(());
        }
        let (ours, theirs) = (self.referred(account, &image), references(self.target, account)?);
        let named_before = self.copied.unread.len();
        let bare = self.octets(account, &ours, &theirs)?;
        self.name_bare(name, account, &image, bare);
        let kept = self.mailboxes(name, account, &image)?;
        for old in self.target.account_image(account)?.mailboxes() {
            if !mailboxes.contains(&old) {
                self.target.empty_partition(Partition::Mailbox(account, old))?;
            }
        }
        let holds = if self.copied.unread.len() == named_before { Holds::All } else { Holds::Part };
        if let Done::Unread(error) = self.partition(Partition::Account(account), holds)? {
            return Ok(self.unread(name, None, &error));
        }
        let is_stale = |of: &Reference| ours.binary_search(of).is_err() && !kept.contains(&of.mailbox);
        let stale: Vec<Reference> = theirs.into_iter().filter(is_stale).collect();
        for step in stale.chunks(STEP) {
            let mut batch = self.batch(Partition::Account(account))?;
            batch.removed = step.to_vec();
            self.write(batch)?;
        }
        Ok(())
    }

    /// Copies the mailboxes of an account: those that the copy has as it had them.
    fn mailboxes(
        &mut self,
        name: &AccountName,
        account: AccountId,
        image: &AccountImage,
    ) -> Result<HashSet<MailboxId>, StoreError> {
        let mut kept = HashSet::new();
        let named = image.nodes.iter().filter_map(|node| Some((node.id?, &node.name)));
        for (id, mailbox) in named.chain(image.deleted.iter().map(|deleted| (deleted.id, &deleted.name))) {
            match self.partition(Partition::Mailbox(account, id), Holds::All)? {
                Done::Copied => self.copied.mailboxes += 1,
                Done::Same => {}
                Done::Unread(error) => {
                    self.unread(name, Some(mailbox), &error);
                    self.make_empty(account, id, image)?;
                    kept.insert(id);
                }
            }
        }
        Ok(kept)
    }

    /// A mailbox that a copy has never had is an empty one there; no client takes it for the one that it knows.
    fn make_empty(&self, account: AccountId, id: MailboxId, image: &AccountImage) -> Result<(), StoreError> {
        let uid_validity = UidValidity::new(image.last_uid_validity.saturating_add(1));
        if let (None, Some(uid_validity)) = (self.target.mailbox_header(account, id)?, uid_validity) {
            let mut batch = self.batch(Partition::Mailbox(account, id))?;
            batch.put(layout::key(b'h'), layout::header(&MailboxHeader::new(uid_validity)));
            self.write(batch)?;
        }
        Ok(())
    }

    fn has_changed(&self, partition: Partition) -> Result<bool, StoreError> {
        // What cannot be read is named when it is copied.
        let Ok(version) = self.source.reader().version(partition) else { return Ok(true) };
        let version = version.0.to_be_bytes();
        Ok(self.target.reader().get(partition, HOLDS)?.is_none_or(|held| held[..] != version))
    }

    pub(super) fn batch(&self, partition: Partition) -> Result<Batch, StoreError> {
        Ok(Batch::new(partition, self.target.reader().version(partition)?))
    }

    /// A copy is synced once, at its end.
    pub(super) fn write(&self, batch: Batch) -> Result<(), StoreError> {
        match self.target.write(vec![batch], Durability::Relaxed) {
            Ok(()) => Ok(()),
            Err(CommitFailure::Store(error)) => Err(error),
            Err(CommitFailure::Conflict) => Err(StoreError::Engine("another process writes to the copy".into())),
        }
    }

    /// Makes a partition as it is in the source, where all of it can be read.
    fn partition(&mut self, partition: Partition, holds: Holds) -> Result<Done, StoreError> {
        if holds == Holds::All && !self.has_changed(partition)? {
            return Ok(Done::Same);
        }
        let (source, target) = (self.source.reader().clone(), self.target.reader().clone());
        let version = match source.version(partition) {
            Ok(version) => version,
            Err(error) => return Ok(Done::Unread(error)),
        };
        match source.scan(partition, &[3], &[0xff], &mut |_, _| Ok(self.progress()?)) {
            Err(StoreError::Stopped) => return Err(StoreError::Stopped),
            Err(error) => return Ok(Done::Unread(error)),
            Ok(()) => {}
        }
        let mut batch = self.batch(partition)?;
        source.scan(partition, &[3], &[0xff], &mut |key, value| {
            self.progress()?;
            if target.get(partition, key)?.is_none_or(|known| known != value) {
                batch.writes.push((key.to_vec(), Some(value)));
            }
            self.spill(&mut batch)
        })?;
        let mut stale = Vec::new();
        target.scan(partition, &[3], &[0xff], &mut |key, _| {
            self.progress()?;
            if source.get(partition, key)?.is_none() {
                stale.push(key.to_vec());
            }
            Ok(())
        })?;
        for key in stale {
            batch.remove(key);
            self.spill(&mut batch)?;
        }
        match holds {
            Holds::All => batch.put(HOLDS.to_vec(), version.0.to_be_bytes().to_vec()),
            Holds::Part => batch.remove(HOLDS.to_vec()),
        }
        self.write(batch)?;
        Ok(Done::Copied)
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

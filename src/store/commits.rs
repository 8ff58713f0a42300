//! How the store commits: planned again after a conflict, asked about after a doubt; what is emptied in steps.

use std::time::Duration;

use super::engine::{Batch, Doubt, Hear, Partition, Realm, Reference, Relaxed, Settled, Watching};
use super::error::{CommitError, CommitFailure, StoreError};
use super::facade::Store;
use super::layout::{self, decode};
use super::model::*;
use crate::types::{AccountId, MailboxId};

/// A blob that lost its last reference stays so long: sessions may still show the message.
const GRACE_SECS: u64 = 3600;

/// Blobs, keys or pages that one step of a clean-up deletes, so that commits wait for it only briefly.
const STEP: usize = 500;

/// How often it is asked whether a commit was done before the client is told that it is not known: four seconds, as the pauses
/// between become longer.
const SETTLE_TRIES: u32 = 12;

impl Store {
    /// Commits what `plan` puts into a batch; plans again where somebody else was first. An empty batch is not written.
    pub(super) fn alone<T>(
        &self,
        partition: Partition,
        mut plan: impl FnMut(&mut Batch) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        loop {
            let mut batch = Batch::new(partition, self.engine().version(partition)?);
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
        match self.engine().commit(batches, durability) {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict) => Err(CommitFailure::Conflict),
            Err(CommitError::Store(error)) => Err(CommitFailure::Store(error)),
            Err(CommitError::Unknown(doubt)) => settle(&*doubt),
        }
    }

    /// Has `hear` called where another server may have changed what belongs to a realm.
    pub fn watch(&self, realm: Realm, hear: Hear) -> Watching {
        self.engine().watch(realm, hear)
    }

    pub fn relaxed(&self) -> Relaxed {
        self.engine().relaxed()
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

    /// Finishes what a crash interrupted: mailboxes of the account that were deleted but not yet emptied. One that cannot be
    /// keeps no other from it, and is tried again: the error is that of the last.
    pub fn finish_purges(&self, account: AccountId) -> Result<(), StoreError> {
        let partition = Partition::Account(account);
        let mut keys = Vec::new();
        self.reader().scan(partition, b"p", b"q", &mut |key, _| {
            keys.push(key.to_vec());
            Ok(())
        })?;
        let mut failed = None;
        keys.retain(|key| {
            let mailbox = layout::Cursor(&key[1..]).u64();
            let emptied = mailbox.map_or(Ok(()), |mailbox| self.empty(account, MailboxId(mailbox)));
            let is_done = emptied.is_ok();
            failed = emptied.err().or(failed.take());
            is_done
        });
        self.alone(partition, |batch| {
            keys.iter().for_each(|key| batch.remove(key.clone()));
            Ok(())
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// Removes a mailbox's messages and all that is known of them, in steps.
    pub(super) fn empty(&self, account: AccountId, mailbox: MailboxId) -> Result<(), StoreError> {
        let partition = Partition::Mailbox(account, mailbox);
        let held = match self.held(account, mailbox) {
            Err(StoreError::Corrupt(_) | StoreError::Broken(_)) => self.referred_by(account, mailbox)?,
            held => held?,
        };
        for step in held.chunks(STEP) {
            self.alone(partition, |batch| {
                batch.removed = step.to_vec();
                Ok(())
            })?;
        }
        self.empty_partition(partition)
    }

    /// The references of a mailbox, by its messages.
    fn held(&self, account: AccountId, mailbox: MailboxId) -> Result<Vec<Reference>, StoreError> {
        let partition = Partition::Mailbox(account, mailbox);
        let mut held = Vec::new();
        let what = || format!("messages of mailbox {}/{}", account.0, mailbox.0);
        self.reader().scan(partition, b"r", b"s", &mut |_, value| {
            decode(what, &value, |c| layout::read_records(c, &mut held))
        })?;
        self.reader().scan(partition, b"a", b"b", &mut |_, value| {
            let (record, _) = layout::read_message(&value).ok_or_else(|| StoreError::Corrupt(what()))?;
            held.push(record);
            Ok(())
        })?;
        held.extend(self.expunged(account, mailbox, 0, i64::MAX)?.iter().map(|message| message.record));
        Ok(held.iter().map(|r| Reference { blob: r.blob, account, mailbox, uid: r.uid }).collect())
    }

    /// The same where its messages cannot be read: among all references of the account.
    fn referred_by(&self, account: AccountId, mailbox: MailboxId) -> Result<Vec<Reference>, StoreError> {
        let mut found = Vec::new();
        self.reader().references(account, &mut |reference| {
            found.extend((reference.mailbox == mailbox).then_some(reference));
            Ok(())
        })?;
        Ok(found)
    }

    pub(super) fn empty_partition(&self, partition: Partition) -> Result<(), StoreError> {
        self.empty_up_to(partition, &[0xff])
    }

    /// All of an account but that it has been removed.
    pub(super) fn empty_account(&self, account: AccountId) -> Result<(), StoreError> {
        self.empty_up_to(Partition::Account(account), b"z")
    }

    fn empty_up_to(&self, partition: Partition, high: &[u8]) -> Result<(), StoreError> {
        let mut keys = Vec::new();
        self.reader().scan(partition, &[1], high, &mut |key, _| {
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
        self.collect_before((crate::sys::now_secs() as u64).saturating_sub(GRACE_SECS))
    }

    pub(crate) fn collect_before(&self, before_secs: u64) -> Result<usize, StoreError> {
        let mut deleted = 0;
        loop {
            let step = self.engine().collect(before_secs, STEP)?;
            deleted += step.deleted;
            // Where nothing could be deleted there may be more all the same.
            if step.looked_at == 0 {
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

fn purges(commit: &Commit) -> Vec<(AccountId, MailboxId)> {
    let Commit::Account(commit) = commit else { return Vec::new() };
    let purged = commit.changes.iter().filter_map(|change| match change {
        AccountChange::Purge(mailbox) => Some((commit.account, *mailbox)),
        _ => None,
    });
    purged.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{BlobId, Uid};

    /// Blobs that have lost a reference and have another, more than one step of them, stand before one that has none.
    #[test]
    fn what_is_still_referred_to_keeps_nothing_else_from_being_deleted() {
        let store = Store::memory();
        let refer = |account: u64, mailbox: u64, n: u32| Reference {
            blob: BlobId(*blake3::hash(&n.to_be_bytes()).as_bytes()),
            account: AccountId(account),
            mailbox: MailboxId(mailbox),
            uid: Uid::new(n).unwrap(),
        };
        let commit = |account: u64, added: Vec<Reference>, removed: Vec<Reference>| {
            let partition = Partition::Account(AccountId(account));
            let mut batch = Batch::new(partition, store.engine().version(partition).unwrap());
            batch.blobs = added.iter().map(|of| (of.account, of.blob, b"x"[..].into())).collect();
            (batch.added, batch.removed) = (added, removed);
            store.write(vec![batch], Durability::Synced).unwrap();
        };
        let all = |mailbox| (1..=2 * STEP as u32).map(|n| refer(1, mailbox, n)).collect::<Vec<_>>();
        commit(1, all(1), Vec::new());
        // A MOVE.
        commit(1, all(2), all(1));
        commit(2, vec![refer(2, 1, 1)], Vec::new());
        commit(2, Vec::new(), vec![refer(2, 1, 1)]);
        assert_eq!(store.collect_before(u64::MAX).unwrap(), 1);
        assert_eq!(store.collect_before(u64::MAX).unwrap(), 0);
    }
}

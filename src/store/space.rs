//! Where space goes.

use std::collections::HashMap;

use super::copying::Unread;
use super::error::StoreError;
use super::facade::Store;
use crate::types::{AccountId, AccountName, BlobId, MailboxId, MailboxName};

/// What an account has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    pub mailboxes: u64,
    pub messages: u64,
    /// Octets of these messages, each copy counted.
    pub bytes: u64,
    /// Messages that were expunged, or whose mailbox was deleted, and that are kept.
    pub kept_messages: u64,
    pub kept_bytes: u64,
    /// Octets that are stored for all of them: each message once.
    pub stored_bytes: u64,
}

/// A count of one account.
struct Counting<'a> {
    store: &'a Store,
    account: AccountId,
    space: Space,
    blobs: HashMap<BlobId, u64>,
}

impl Store {
    /// Looks through the records of an account; what cannot be read is named, and not in the numbers.
    pub fn space(&self, name: &AccountName, account: AccountId) -> (Space, Vec<Unread>) {
        let mut counting = Counting { store: self, account, space: Space::default(), blobs: HashMap::new() };
        let unread = |mailbox: Option<&MailboxName>, error: StoreError| {
            let what = format!("it cannot be read: {error}");
            Unread { account: name.clone(), mailbox: mailbox.cloned(), uid: None, what }
        };
        let image = match self.account_image(account) {
            Ok(image) => image,
            Err(error) => return (counting.space, vec![unread(None, error)]),
        };
        let mut lacking = Vec::new();
        for (id, mailbox) in image.nodes.iter().filter_map(|node| Some((node.id?, &node.name))) {
            counting.space.mailboxes += 1;
            let counted = [counting.messages(id), counting.kept(id)];
            lacking.extend(counted.into_iter().find_map(Result::err).map(|error| unread(Some(mailbox), error)));
        }
        for deleted in &image.deleted {
            let counted = [counting.deleted(deleted.id), counting.kept(deleted.id)];
            lacking.extend(counted.into_iter().find_map(Result::err).map(|error| unread(Some(&deleted.name), error)));
        }
        counting.space.stored_bytes = counting.blobs.values().sum();
        (counting.space, lacking)
    }
}

impl Counting<'_> {
    fn messages(&mut self, mailbox: MailboxId) -> Result<(), StoreError> {
        for (blob, size) in self.records(mailbox)? {
            (self.space.messages, self.space.bytes) = (self.space.messages + 1, self.space.bytes + size);
            self.blobs.insert(blob, size);
        }
        Ok(())
    }

    fn deleted(&mut self, mailbox: MailboxId) -> Result<(), StoreError> {
        self.records(mailbox)?.into_iter().for_each(|(blob, size)| self.keep(blob, size));
        Ok(())
    }

    fn kept(&mut self, mailbox: MailboxId) -> Result<(), StoreError> {
        let kept = self.store.expunged(self.account, mailbox, 0, i64::MAX)?;
        kept.iter().for_each(|kept| self.keep(kept.record.blob, kept.record.size.into()));
        Ok(())
    }

    fn keep(&mut self, blob: BlobId, size: u64) {
        self.space.kept_messages += 1;
        self.space.kept_bytes += size;
        self.blobs.insert(blob, size);
    }

    /// Of the messages of a mailbox: blob and octets.
    fn records(&self, mailbox: MailboxId) -> Result<Vec<(BlobId, u64)>, StoreError> {
        let Some(image) = self.store.mailbox_image(self.account, mailbox)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for (no, _) in image.leaves {
            let (records, _) = self.store.leaf(self.account, mailbox, no)?;
            found.extend(records.iter().map(|record| (record.blob, u64::from(record.size))));
        }
        Ok(found)
    }
}

//! Where space goes.

use std::collections::HashMap;

use super::error::StoreError;
use super::facade::Store;
use crate::types::{AccountId, BlobId, MailboxId};

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

impl Store {
    /// Looks through the records of an account.
    pub fn space(&self, account: AccountId) -> Result<Space, StoreError> {
        let image = self.account_image(account)?;
        let mut space = Space::default();
        let mut blobs: HashMap<BlobId, u64> = HashMap::new();
        for id in image.nodes.iter().filter_map(|node| node.id) {
            space.mailboxes += 1;
            self.each_record(account, id, &mut |blob, size| {
                (space.messages, space.bytes) = (space.messages + 1, space.bytes + size);
                blobs.insert(blob, size);
            })?;
        }
        let mut keep = |blob: BlobId, size: u64| {
            (space.kept_messages, space.kept_bytes) = (space.kept_messages + 1, space.kept_bytes + size);
            blobs.insert(blob, size);
        };
        for deleted in &image.deleted {
            self.each_record(account, deleted.id, &mut keep)?;
        }
        for id in image.mailboxes() {
            let kept = self.expunged(account, id, 0, i64::MAX)?;
            kept.iter().for_each(|kept| keep(kept.record.blob, kept.record.size.into()));
        }
        space.stored_bytes = blobs.values().sum();
        Ok(space)
    }

    fn each_record(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        take: &mut dyn FnMut(BlobId, u64),
    ) -> Result<(), StoreError> {
        let Some(image) = self.mailbox_image(account, mailbox)? else { return Ok(()) };
        for (no, _) in image.leaves {
            let (records, _) = self.leaf(account, mailbox, no)?;
            records.iter().for_each(|record| take(record.blob, record.size.into()));
        }
        Ok(())
    }
}

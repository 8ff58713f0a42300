//! Verifies what is kept, and repairs what can be rebuilt.
//!
//! For each account: the tree and every mailbox decode; counts agree with the messages; every message's octets are
//! there, hash to their name and are referred to; no reference and no summary is without its message.

use std::collections::HashSet;

use super::engine::{Batch, Partition, Reference};
use super::error::StoreError;
use super::facade::Store;
use super::layout;
use super::model::*;
use crate::types::{AccountId, AccountName, BlobId, FlagBits, MailboxId, MailboxName, SystemFlag};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub account: AccountName,
    pub mailbox: Option<MailboxName>,
    /// A sentence for the admin.
    pub what: String,
    pub repaired: bool,
}

/// What a check has seen.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    pub accounts: u64,
    pub mailboxes: u64,
    pub messages: u64,
    pub bytes: u64,
    pub findings: Vec<Finding>,
}

/// Whether a check may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Verify,
    Repair,
}

impl Store {
    /// Checks one account; `progress` hears the messages looked at so far.
    pub fn check_account(
        &self,
        name: &AccountName,
        id: AccountId,
        mode: Mode,
        checked: &mut Checked,
        progress: &mut dyn FnMut(&Checked),
    ) -> Result<(), StoreError> {
        checked.accounts += 1;
        let image = match self.account_image(id) {
            Ok(image) => image,
            Err(error) => return Ok(checked.findings.push(finding(name, None, error.to_string()))),
        };
        let mut check = Check { store: self, name, id, mode, seen: HashSet::new(), expected: HashSet::new() };
        for node in &image.nodes {
            if let Some(mailbox) = node.id {
                check.mailbox(&node.name, mailbox, checked, progress)?;
            }
        }
        check.references(&image, checked)
    }
}

fn finding(account: &AccountName, mailbox: Option<&MailboxName>, what: String) -> Finding {
    Finding { account: account.clone(), mailbox: mailbox.cloned(), what, repaired: false }
}

struct Check<'a> {
    store: &'a Store,
    name: &'a AccountName,
    id: AccountId,
    mode: Mode,
    /// Blobs whose octets have been found good.
    seen: HashSet<BlobId>,
    expected: HashSet<(BlobId, MailboxId, u32)>,
}

impl Check<'_> {
    fn mailbox(
        &mut self,
        name: &MailboxName,
        id: MailboxId,
        checked: &mut Checked,
        progress: &mut dyn FnMut(&Checked),
    ) -> Result<(), StoreError> {
        checked.mailboxes += 1;
        let image = match self.store.mailbox_image(self.id, id) {
            Ok(Some(image)) => image,
            Ok(None) => {
                checked.findings.push(finding(self.name, Some(name), "the mailbox has no header".into()));
                return Ok(());
            }
            Err(error) => {
                checked.findings.push(finding(self.name, Some(name), error.to_string()));
                return Ok(());
            }
        };
        self.header(name, id, &image, checked)?;
        for record in &image.records {
            checked.messages += 1;
            checked.bytes += u64::from(record.size);
            self.expected.insert((record.blob, id, record.uid.get()));
            if let Some(what) = self.message(id, record)? {
                checked.findings.push(finding(self.name, Some(name), format!("message UID {}: {what}", record.uid)));
            }
            if checked.messages % 64 == 0 {
                progress(checked);
            }
        }
        Ok(())
    }

    fn message(&mut self, id: MailboxId, record: &MessageRecord) -> Result<Option<String>, StoreError> {
        if self.store.structure(self.id, id, record.uid)?.is_none() {
            return Ok(Some("its summary is missing; it is parsed anew when it is fetched".into()));
        }
        if self.seen.contains(&record.blob) {
            return Ok(None);
        }
        let mut reader = self.store.blob(self.id, record.blob);
        let (mut hasher, mut at) = (blake3::Hasher::new(), 0u64);
        while at < record.size.into() {
            match reader.read_at(at) {
                Ok(piece) if piece.is_empty() => break,
                Ok(piece) => {
                    hasher.update(&piece);
                    at += piece.len() as u64;
                }
                Err(error) => return Ok(Some(error.to_string())),
            }
        }
        if at != u64::from(record.size) || hasher.finalize().as_bytes() != &record.blob.0 {
            return Ok(Some("its octets are not what was stored".into()));
        }
        self.seen.insert(record.blob);
        Ok(None)
    }

    fn header(
        &self,
        name: &MailboxName,
        id: MailboxId,
        image: &MailboxImage,
        checked: &mut Checked,
    ) -> Result<(), StoreError> {
        let has = |flag| image.flags.iter().filter(|record| record.flags.has(flag)).count() as u32;
        let mut right = image.header;
        right.messages = image.records.len() as u32;
        right.unseen = right.messages - has(SystemFlag::Seen);
        right.deleted = has(SystemFlag::Deleted);
        right.bytes = image.records.iter().map(|record| u64::from(record.size)).sum();
        right.uid_next = right.uid_next.max(image.records.last().map_or(1, |record| record.uid.get() + 1));
        let highest = image.flags.iter().map(|record| record.mod_seq).max().unwrap_or_default();
        right.highest_mod_seq = right.highest_mod_seq.max(highest);
        let known = (1u128 << (8 + image.keywords.len().min(FlagBits::KEYWORDS_MAX))).wrapping_sub(1);
        let unknown = image.keywords.len() < FlagBits::KEYWORDS_MAX
            && image.flags.iter().any(|record| record.flags.0 & !known != 0);
        if unknown {
            checked.findings.push(finding(self.name, Some(name), "messages have keywords that have no name".into()));
        }
        if right != image.header {
            let mut found = finding(self.name, Some(name), "the counts do not agree with the messages".into());
            if self.mode == Mode::Repair {
                let mut batch = Batch::new(Partition::Mailbox(self.id, id), image.version);
                batch.put(layout::key(b'h'), layout::header(&right));
                found.repaired = self.store.engine().commit(vec![batch], Durability::Synced).is_ok();
            }
            checked.findings.push(found);
        }
        Ok(())
    }

    /// References without a message, and messages without a reference.
    fn references(&self, image: &AccountImage, checked: &mut Checked) -> Result<(), StoreError> {
        let mut missing = self.expected.clone();
        let mut stray: Vec<Reference> = Vec::new();
        let live: HashSet<MailboxId> = image.nodes.iter().filter_map(|node| node.id).collect();
        self.store.engine().references(self.id, &mut |reference| {
            let known = missing.remove(&(reference.blob, reference.mailbox, reference.uid.get()));
            if !known && live.contains(&reference.mailbox) {
                stray.push(reference);
            }
            Ok(())
        })?;
        if missing.is_empty() && stray.is_empty() {
            return Ok(());
        }
        let what =
            format!("{} messages without a reference, {} references without a message", missing.len(), stray.len());
        let mut found = finding(self.name, None, what);
        if self.mode == Mode::Repair {
            let mut batch = Batch::new(Partition::Account(self.id), image.version);
            let refer = |&(blob, mailbox, uid): &(BlobId, MailboxId, u32)| {
                Some(Reference { blob, account: self.id, mailbox, uid: crate::types::Uid::new(uid)? })
            };
            batch.added = missing.iter().filter_map(refer).collect();
            batch.removed = stray;
            found.repaired = self.store.engine().commit(vec![batch], Durability::Synced).is_ok();
        }
        checked.findings.push(found);
        Ok(())
    }
}

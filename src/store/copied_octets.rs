//! The octets of messages, in a copy of a store.
//!
//! What an account's messages refer to is known by its references; where these do not agree with what a mailbox says that it
//! has, by its records. Octets are compared with their name on the way. What cannot be read, or is not what was stored, is
//! not in the copy; the message stands there without it, and is named.

use std::collections::{HashMap, HashSet};

use super::copying::{Copy, STEP, STEP_BYTES, Unread};
use super::engine::{CHUNK_BYTES, Partition, Reference, Value};
use super::error::StoreError;
use super::facade::Store;
use super::model::{AccountImage, MessageRecord};
use crate::types::{AccountId, AccountName, BlobId, MailboxId, Uid};

/// Where the octets of a message are.
enum Octets {
    /// They are of one chunk.
    Here(Value),
    Copied,
    Unread(StoreError),
}

/// A message without its octets.
pub(super) struct Bare {
    reference: Reference,
    error: StoreError,
}

impl Copy<'_> {
    /// Copies the octets that the target does not have, and refers to them: messages whose octets cannot be read.
    pub(super) fn octets(
        &mut self,
        account: AccountId,
        ours: &[Reference],
        theirs: &[Reference],
    ) -> Result<Vec<Bare>, StoreError> {
        let mut batch = self.batch(Partition::Account(account))?;
        let (mut bytes, mut last, mut unread) = (0, None, None);
        let mut bare = Vec::new();
        for reference in ours.iter().filter(|of| theirs.binary_search(of).is_err()) {
            if last != Some(reference.blob) {
                (last, unread) = (Some(reference.blob), None);
                match self.blob(account, reference.blob)? {
                    Octets::Here(octets) => {
                        bytes += octets.len();
                        batch.blobs.push((account, reference.blob, octets));
                    }
                    Octets::Copied => {}
                    Octets::Unread(error) => unread = Some(error),
                }
                self.progress()?;
            }
            match &unread {
                None => batch.added.push(*reference),
                Some(error) => bare.push(Bare { reference: *reference, error: error.clone() }),
            }
            if batch.added.len() >= STEP || bytes >= STEP_BYTES {
                self.write(batch)?;
                batch = self.batch(Partition::Account(account))?;
                bytes = 0;
            }
        }
        if !batch.added.is_empty() {
            self.write(batch)?;
        }
        Ok(bare)
    }

    /// The octets of a blob of one chunk; a larger one is copied at once, its first chunk last: the copy has what has one.
    fn blob(&mut self, account: AccountId, blob: BlobId) -> Result<Octets, StoreError> {
        if self.target.reader().read_chunk(account, blob, 0)?.is_some() {
            return Ok(Octets::Copied);
        }
        let (mut hasher, mut first, mut bytes) = (blake3::Hasher::new(), None, 0);
        for number in 0.. {
            let chunk = match self.source.reader().read_chunk(account, blob, number) {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(error) => return Ok(Octets::Unread(error)),
            };
            self.progress()?;
            hasher.update(&chunk);
            bytes += chunk.len() as u64;
            let is_last = chunk.len() < CHUNK_BYTES;
            match &first {
                None => first = Some(chunk),
                Some(_) => self.target.engine().write_chunk(account, blob, number, &chunk)?,
            }
            if is_last {
                break;
            }
        }
        let whole = first.filter(|_| hasher.finalize().as_bytes() == &blob.0);
        let Some(first) = whole else { return Ok(Octets::Unread(StoreError::Missing("its octets".into()))) };
        self.copied.messages += 1;
        self.copied.bytes += bytes;
        if bytes <= first.len() as u64 {
            return Ok(Octets::Here(first));
        }
        self.target.engine().write_chunk(account, blob, 0, &first)?;
        Ok(Octets::Copied)
    }

    /// What the messages of an account refer to, in order.
    pub(super) fn referred(&self, account: AccountId, image: &AccountImage) -> Vec<Reference> {
        let mut found = Vec::new();
        // Where they cannot be read the records say so.
        let _ = self.source.reader().references(account, &mut |reference| {
            found.push(reference);
            Ok(())
        });
        let mut counts: HashMap<MailboxId, u64> = HashMap::new();
        found.iter().for_each(|reference| *counts.entry(reference.mailbox).or_default() += 1);
        for mailbox in image.mailboxes() {
            let header = self.source.mailbox_header(account, mailbox).ok().flatten();
            let has = header.map(|header| u64::from(header.sums.all().messages) + u64::from(header.kept_messages));
            if has != Some(counts.get(&mailbox).copied().unwrap_or(0)) {
                let (there, kept) = messages(self.source, account, mailbox);
                let refer =
                    |record: &MessageRecord| Reference { blob: record.blob, account, mailbox, uid: record.uid };
                found.extend(there.iter().chain(&kept).map(refer));
            }
        }
        found.sort();
        found.dedup();
        found
    }

    /// Names messages without their octets. A reference that no message has is no message.
    pub(super) fn name_bare(
        &mut self,
        name: &AccountName,
        account: AccountId,
        image: &AccountImage,
        bare: Vec<Bare>,
    ) {
        let mut by_mailbox: HashMap<MailboxId, Vec<Bare>> = HashMap::new();
        bare.into_iter().for_each(|bare| by_mailbox.entry(bare.reference.mailbox).or_default().push(bare));
        let named = image.nodes.iter().filter_map(|node| Some((node.id?, &node.name)));
        for (id, mailbox) in named.chain(image.deleted.iter().map(|deleted| (deleted.id, &deleted.name))) {
            let Some(mut bare) = by_mailbox.remove(&id) else { continue };
            bare.sort_by_key(|bare| bare.reference.uid);
            let (there, kept) = messages(self.source, account, id);
            let uids = |of: &[MessageRecord]| of.iter().map(|record| record.uid).collect::<HashSet<Uid>>();
            let (there, kept) = (uids(&there), uids(&kept));
            for Bare { reference: Reference { uid, .. }, error } in bare {
                let of = match (there.contains(&uid), kept.contains(&uid)) {
                    (true, _) => "",
                    (false, true) => "it has been expunged and is kept; ",
                    (false, false) => continue,
                };
                let what = match error {
                    StoreError::Missing(_) => format!("{of}its octets are lost"),
                    StoreError::Broken(_) => format!("{of}its octets are damaged"),
                    error => format!("{of}its octets cannot be read: {error}"),
                };
                let (account, mailbox) = (name.clone(), Some(mailbox.clone()));
                self.copied.unread.push(Unread { account, mailbox, uid: Some(uid), what });
            }
        }
    }
}

/// The messages of a mailbox, and those that it keeps, as far as they can be read.
fn messages(store: &Store, account: AccountId, mailbox: MailboxId) -> (Vec<MessageRecord>, Vec<MessageRecord>) {
    let leaves = match store.mailbox_image(account, mailbox) {
        Ok(Some(image)) => image.leaves,
        _ => Vec::new(),
    };
    let of_leaf = |(no, _)| store.leaf(account, mailbox, no).map(|(records, _)| records).unwrap_or_default();
    let kept = store.expunged(account, mailbox, 0, i64::MAX).unwrap_or_default();
    (leaves.into_iter().flat_map(of_leaf).collect(), kept.into_iter().map(|kept| kept.record).collect())
}

//! What a mailbox has, for messages that come back from a backup.
//!
//! A message that is there does not come again. Where its octets have been lost or have rotted, they come back: it is what it
//! was, under its UID.

use std::collections::HashMap;
use std::sync::Arc;

use super::change::NewMessage;
use super::error::MailboxError;
use super::mailbox::Mailbox;
use crate::store::{Reference, Store, StoreError};
use crate::types::{BlobId, Uid};

/// The messages of a mailbox, by their octets.
pub struct Present {
    mailbox: Arc<Mailbox>,
    /// As it is on the disk: what is still in memory is no proof.
    store: Store,
    /// None are left of what has been looked at.
    uids: HashMap<BlobId, Vec<Uid>>,
    mended: u64,
}

impl Mailbox {
    pub fn present(self: &Arc<Self>) -> Result<Present, MailboxError> {
        let snapshot = self.snapshot()?;
        snapshot.load_all()?;
        let mut uids: HashMap<BlobId, Vec<Uid>> = HashMap::new();
        for message in snapshot.messages() {
            uids.entry(message.blob()).or_default().push(message.uid());
        }
        Ok(Present { mailbox: self.clone(), store: self.store.frozen()?, uids, mended: 0 })
    }
}

impl Present {
    /// Whether a message is not there yet. One that is, and whose octets cannot be read, has them again.
    pub fn lacks(&mut self, message: &NewMessage) -> Result<bool, MailboxError> {
        let Some(uids) = self.uids.get_mut(&message.blob.id) else {
            self.uids.insert(message.blob.id, Vec::new());
            return Ok(true);
        };
        let uids = std::mem::take(uids);
        if !uids.is_empty() && !self.is_sound(message)? {
            let (account, mailbox, blob) = (self.mailbox.account, self.mailbox.id(), message.blob.id);
            let refer = |uid: &Uid| Reference { blob, account, mailbox, uid: *uid };
            self.mailbox.store.renew_octets(account, &message.blob, uids.iter().map(refer).collect())?;
            self.mended += uids.len() as u64;
        }
        Ok(false)
    }

    /// Messages that have their octets again.
    pub fn mended(&self) -> u64 {
        self.mended
    }

    fn is_sound(&self, message: &NewMessage) -> Result<bool, MailboxError> {
        let (mut reader, mut hasher) =
            (self.store.blob(self.mailbox.account, message.blob.id), blake3::Hasher::new());
        let mut at = 0;
        loop {
            match reader.read_at(at) {
                Ok(piece) if piece.is_empty() => return Ok(hasher.finalize().as_bytes() == &message.blob.id.0),
                Ok(piece) => {
                    hasher.update(&piece);
                    at += piece.len() as u64;
                }
                Err(StoreError::Missing(_) | StoreError::Broken(_)) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

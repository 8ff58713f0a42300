//! The octets of a message, a piece at a time.

use std::ops::Range;

use super::error::MailboxError;
use super::mailbox::Mailbox;
use crate::store::{BlobReader, Piece};
use crate::types::BlobId;

/// Reads messages, one at a time; holds on to what it has read last.
pub struct Octets(BlobReader);

impl Octets {
    /// Turns to another message of the account.
    #[inline]
    pub fn turn_to(&mut self, blob: BlobId) {
        self.0.turn_to(blob);
    }

    /// Looks whether the octets of `range`, which are within the message, are there, as far as that can be told before they are
    /// read. What is read is not read again.
    pub fn begin(&mut self, range: Range<u64>) -> Result<(), MailboxError> {
        Ok(self.0.begin(range)?)
    }

    /// Gives the octets of `range` to `take`, in pieces that the store reads at once; what is beyond the message's end
    /// is left out. Stops when `take` says `false`.
    pub fn read(&mut self, range: Range<u64>, take: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), MailboxError> {
        let mut at = range.start;
        while at < range.end {
            let piece = self.0.read_at(at)?;
            let wanted = (range.end - at).min(piece.len() as u64) as usize;
            if wanted == 0 || !take(&piece[..wanted]) {
                break;
            }
            at += wanted as u64;
        }
        Ok(())
    }

    /// The octets of `range` in memory; for headers and the like, which are bounded.
    pub fn of(&mut self, range: Range<u64>) -> Result<Vec<u8>, MailboxError> {
        let mut octets = Vec::new();
        self.read(range, &mut |piece| {
            octets.extend_from_slice(piece);
            true
        })?;
        Ok(octets)
    }

    /// What the store reads at once from `offset` on: all of the message, but of a large one; nothing at its end.
    pub fn piece(&mut self, offset: u64) -> Result<Piece, MailboxError> {
        Ok(self.0.read_at(offset)?)
    }
}

impl Mailbox {
    /// Reads a message in several steps.
    pub fn reader(&self, blob: BlobId) -> Octets {
        Octets(self.store.blob(self.account, blob))
    }

    /// As `Octets::read`.
    pub fn octets(
        &self,
        blob: BlobId,
        range: Range<u64>,
        take: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), MailboxError> {
        self.reader(blob).read(range, take)
    }

    /// As `Octets::of`.
    pub fn octets_of(&self, blob: BlobId, range: Range<u64>) -> Result<Vec<u8>, MailboxError> {
        self.reader(blob).of(range)
    }
}

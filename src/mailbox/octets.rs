//! The octets of a message, a piece at a time.

use std::ops::Range;

use super::error::MailboxError;
use super::mailbox::Mailbox;
use crate::types::BlobId;

impl Mailbox {
    /// Gives the octets of `range` to `take`, in pieces that the store reads at once; what is beyond the message's end
    /// is left out. Stops when `take` says `false`.
    pub fn octets(
        &self,
        blob: BlobId,
        range: Range<u64>,
        take: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), MailboxError> {
        let mut reader = self.store.blob(self.account, blob);
        let mut at = range.start;
        while at < range.end {
            let piece = reader.read_at(at)?;
            let wanted = (range.end - at).min(piece.len() as u64) as usize;
            if wanted == 0 || !take(&piece[..wanted]) {
                break;
            }
            at += wanted as u64;
        }
        Ok(())
    }

    /// The octets of `range` in memory; for headers and the like, which are bounded.
    pub fn octets_of(&self, blob: BlobId, range: Range<u64>) -> Result<Vec<u8>, MailboxError> {
        let mut octets = Vec::new();
        self.octets(blob, range, &mut |piece| {
            octets.extend_from_slice(piece);
            true
        })?;
        Ok(octets)
    }
}

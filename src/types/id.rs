//! Names that Gatepost itself gives to what it keeps.

use std::fmt;

/// An account of this server; never issued twice, so that a new account of an old name sees no old mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u64);

/// A mailbox within its account; survives RENAME, never issued twice in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxId(pub u64);

/// The BLAKE3 hash of a message's octets, as it is transferred (CRLF line ends).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(pub [u8; 32]);

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl BlobId {
    /// Its first octets: two blobs hardly ever share them.
    pub fn head(&self) -> u64 {
        self.0.first_chunk().copied().map_or(0, u64::from_be_bytes)
    }

    /// EMAILID: the same for the same octets, within an account. 160 bits of the hash. RFC 8474 5.1
    pub fn email_id(&self) -> String {
        std::iter::once("M".to_string()).chain(self.0[..20].iter().map(|byte| format!("{byte:02x}"))).collect()
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobId({self})")
    }
}

//! A message in a mailbox.

use super::super::engine::Value;
use crate::types::{AccountId, BlobId, Flags, InternalDate, MessageEntry, ModSeq, Uid};

/// What never changes about a message while it is in a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageRecord {
    pub uid: Uid,
    pub blob: BlobId,
    /// RFC822.SIZE, in octets.
    pub size: u32,
    pub internal_date: InternalDate,
    /// Of the Date field; the internal date where that is missing or not to be understood. RFC 5256 2.2
    pub sent_date: InternalDate,
    /// When the message came into the mailbox, in seconds since 1970. RFC 8514
    pub saved_secs: i64,
}

/// What STORE changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagRecord {
    pub uid: Uid,
    pub flags: Flags,
    pub mod_seq: ModSeq,
}

/// A message that was expunged and is kept until `Keep Expunged` is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpungedMessage {
    /// Seconds since 1970.
    pub expunged_secs: i64,
    pub record: MessageRecord,
    pub flags: FlagRecord,
}

/// An annotation of a message, by name. RFC 5257
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageAnnotationId {
    pub uid: Uid,
    /// Whose value it is; `None` for a shared one.
    pub user: Option<AccountId>,
    pub entry: MessageEntry,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageAnnotation {
    pub id: MessageAnnotationId,
    /// Of the message when it was set.
    pub mod_seq: ModSeq,
    pub value: Value,
}

//! A mailbox as a whole.

use super::super::sums::ClassSums;
use super::commit::Version;
use super::pages::{LeafEntry, LeafNo, Tail};
use crate::types::{KeywordTable, ModSeq, UidValidity};

/// The few numbers that SELECT and STATUS need, kept up to date by every commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxHeader {
    pub uid_validity: UidValidity,
    /// The UID that the next message gets; 0 when they are used up.
    pub uid_next: u32,
    pub highest_mod_seq: ModSeq,
    /// No MODSEQ above this one has been issued, not even one whose change a power cut has taken back.
    pub mod_seq_reserved: ModSeq,
    /// Over the messages.
    pub sums: ClassSums,
    /// Messages that were expunged and are kept, and their octets.
    pub kept_messages: u32,
    pub kept_bytes: u64,
    /// Messages from this UID on are \Recent in the next session that selects the mailbox. RFC 3501 2.3.2
    pub recent_from: u32,
}

impl MailboxHeader {
    /// Of a mailbox that has no messages yet.
    pub fn new(uid_validity: UidValidity) -> MailboxHeader {
        MailboxHeader {
            uid_validity,
            uid_next: 1,
            highest_mod_seq: ModSeq(1),
            mod_seq_reserved: ModSeq(1),
            sums: ClassSums::default(),
            kept_messages: 0,
            kept_bytes: 0,
            recent_from: 1,
        }
    }
}

/// A mailbox as it is read when it is first opened.
#[derive(Clone, Debug)]
pub struct MailboxImage {
    pub version: Version,
    pub header: MailboxHeader,
    pub keywords: KeywordTable,
    /// Those that are not empty, ascending.
    pub leaves: Vec<(LeafNo, LeafEntry)>,
    pub tail: Tail,
}

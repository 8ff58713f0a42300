//! What the store keeps, as values. The rooms above speak of these; `layout` turns them into keys and octets.

use crate::types::{AccountId, MailboxId};
use crate::types::{
    BlobId, FlagBits, InternalDate, Keyword, MailboxName, ModSeq, SpecialUse, Uid, UidSet, UidValidity,
};

/// Counts the commits of a partition: a commit whose guard is not the partition's version is a conflict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u64);

/// When a commit is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// After a sync of the disk: it survives a power cut.
    Synced,
    /// After the operating system has it: it survives the end of the process, and a power cut a second later.
    Relaxed,
}

/// UIDs to a page, of message records and of flags alike; a power of two.
pub const PAGE_UIDS: u32 = 128;

/// The page that holds a UID: `(uid - 1) / PAGE_UIDS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageNo(pub u32);

impl PageNo {
    pub fn of(uid: Uid) -> PageNo {
        PageNo((uid.get() - 1) / PAGE_UIDS)
    }

    /// The smallest UID that the page can hold.
    pub fn first(self) -> Uid {
        Uid::new(self.0 * PAGE_UIDS + 1).unwrap_or(Uid::MAX)
    }
}

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
}

/// What STORE changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlagRecord {
    pub uid: Uid,
    pub flags: FlagBits,
    pub mod_seq: ModSeq,
}

/// The few numbers that SELECT and STATUS need, kept up to date by every commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxHeader {
    pub uid_validity: UidValidity,
    /// The UID that the next message gets; 0 when they are used up.
    pub uid_next: u32,
    pub highest_mod_seq: ModSeq,
    /// No MODSEQ above this one has been issued, not even one whose change a power cut has taken back.
    pub mod_seq_reserved: ModSeq,
    pub messages: u32,
    pub unseen: u32,
    pub deleted: u32,
    /// Octets of all messages.
    pub bytes: u64,
    /// Messages from this UID on are \Recent in the next session that selects the mailbox. RFC 3501 2.3.2
    pub recent_from: u32,
}

/// A mailbox as it is read when it is first opened.
#[derive(Clone, Debug)]
pub struct MailboxImage {
    pub version: Version,
    pub header: MailboxHeader,
    /// In the order of their `KeywordId`.
    pub keywords: Vec<Keyword>,
    /// By UID, ascending; the two run in parallel.
    pub records: Vec<MessageRecord>,
    pub flags: Vec<FlagRecord>,
}

/// A name in an account's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxNode {
    pub name: MailboxName,
    /// `None` for a name that only holds others (`\Noselect`).
    pub id: Option<MailboxId>,
    pub special_use: Vec<SpecialUse>,
}

/// An account's mailbox tree, in the order of the names.
#[derive(Clone, Debug)]
pub struct AccountImage {
    pub version: Version,
    pub nodes: Vec<MailboxNode>,
    /// Any name, whether such a mailbox exists or not.
    pub subscriptions: Vec<String>,
    /// The next `MailboxId` to issue; ids below it are used up.
    pub next_mailbox: u64,
    /// UIDVALIDITY of the mailbox created last; the next one's is larger.
    pub last_uid_validity: u32,
}

/// One change of an account's tree.
#[derive(Clone, Debug)]
pub enum AccountChange {
    /// Adds or replaces the node of this name.
    PutNode(MailboxNode),
    RemoveNode(MailboxName),
    Subscribe(String),
    Unsubscribe(String),
    /// Sets both counters.
    Counters {
        next_mailbox: u64,
        last_uid_validity: u32,
    },
    /// The messages of a removed mailbox go: the partition is emptied, blobs without another reference are collected.
    Purge(MailboxId),
}

/// A commit to an account's partition.
#[derive(Clone, Debug)]
pub struct AccountCommit {
    pub account: AccountId,
    pub guard: Version,
    pub changes: Vec<AccountChange>,
}

/// The octets of a message that a commit brings along.
#[derive(Clone, Debug)]
pub struct NewBlob {
    pub id: BlobId,
    /// `None` when they are in the store already: a copy, or written by `Store::write_blob`.
    pub bytes: Option<std::sync::Arc<[u8]>>,
}

/// A commit to a mailbox's partition. Pages are replaced whole; an empty page is removed.
#[derive(Clone, Debug)]
pub struct MailboxCommit {
    pub account: AccountId,
    pub mailbox: MailboxId,
    /// `Version(0)` for a mailbox that has nothing yet.
    pub guard: Version,
    pub header: MailboxHeader,
    /// The whole table, where it has grown.
    pub keywords: Option<Vec<Keyword>>,
    pub records: Vec<(PageNo, Vec<MessageRecord>)>,
    pub flags: Vec<(PageNo, Vec<FlagRecord>)>,
    /// The parsed structure of new messages, opaque to the store.
    pub structures: Vec<(Uid, std::sync::Arc<[u8]>)>,
    pub blobs: Vec<NewBlob>,
    /// References to blobs that begin and end with this commit: each message holds one.
    pub added: Vec<(Uid, BlobId)>,
    pub removed: Vec<(Uid, BlobId)>,
    /// The UIDs of `removed` under the MODSEQ of their removal, for VANISHED (EARLIER). RFC 7162 3.2.5
    pub vanished: Option<(ModSeq, UidSet)>,
}

/// What `Store::commit` takes: several at once are done all or none.
#[derive(Clone, Debug)]
pub enum Commit {
    Account(AccountCommit),
    Mailbox(MailboxCommit),
}

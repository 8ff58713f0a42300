//! What changes the store: a commit to one partition or to several.

use super::super::engine::Value;
use super::account::{AccountSettings, Acl, Annotate, Annotated, DeletedMailbox, MailboxNode, QuotaLimits, UrlKey};
use super::mailbox::MailboxHeader;
use super::message::{ExpungedMessage, FlagRecord, MessageAnnotationId, MessageRecord};
use super::pages::{LeafEntry, LeafNo, PageNo, Tail};
use crate::types::{
    AccountId, BlobId, EntryName, Keyword, KeywordId, MailboxClass, MailboxId, MailboxName, ModSeq, Uid, UidSet,
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
    Quota(QuotaLimits),
    /// Replaces the list of a mailbox; an empty one is removed.
    Acl(MailboxId, Acl),
    PutAlias(MailboxName, String),
    RemoveAlias(MailboxName),
    /// Adds or replaces the key for a mailbox, of account 0 for the account's own.
    PutUrlKey((AccountId, MailboxId), UrlKey),
    RemoveUrlKey((AccountId, MailboxId)),
    /// Replaces or removes the S/MIME certificate.
    Certificate(Option<Value>),
    /// `None`: mail.
    Class(MailboxId, Option<MailboxClass>),
    Settings(AccountSettings),
    Annotate(Annotate),
    MoveAnnotations {
        from: Annotated,
        to: Annotated,
    },
    CopyAnnotations {
        from: Annotated,
        to: Annotated,
    },
    DropAnnotations(Annotated),
    /// The mailbox has lost its name and is kept.
    Bury(DeletedMailbox),
    /// A kept mailbox has a name again.
    Exhume(MailboxId),
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
    pub bytes: Option<Value>,
}

/// Messages that come and go with a commit to a mailbox.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// The parsed structure of new messages, opaque to the store.
    pub structures: Vec<(Uid, Value)>,
    pub blobs: Vec<NewBlob>,
    /// References to blobs that begin and end with this commit: each message holds one.
    pub added: Vec<(Uid, BlobId)>,
    /// The same, of blobs that are pinned and known to be there: the store need not look for them.
    pub shared: Vec<(Uid, BlobId)>,
    pub removed: Vec<(Uid, BlobId)>,
    /// Messages that leave the mailbox and are kept; their references stay.
    pub kept: Vec<ExpungedMessage>,
    /// Kept messages that go, and their references with them.
    pub released: Vec<ExpungedMessage>,
}

/// A commit to a mailbox's partition. Pages are replaced whole; an empty page is removed.
#[derive(Clone, Debug)]
pub struct MailboxCommit {
    pub account: AccountId,
    pub mailbox: MailboxId,
    /// `Version(0)` for a mailbox that has nothing yet.
    pub guard: Version,
    pub header: MailboxHeader,
    /// Places of the keyword table that have changed; `None` for one that is empty now.
    pub keywords: Vec<(KeywordId, Option<Keyword>)>,
    pub records: Vec<(PageNo, Vec<MessageRecord>)>,
    pub flags: Vec<(PageNo, Vec<FlagRecord>)>,
    /// Messages that are written beside their page.
    pub alone: Vec<(MessageRecord, FlagRecord)>,
    /// Messages that are so no longer: their page is among `records` and `flags`.
    pub folded: Tail,
    /// Of the leaves that the pages belong to; `None` for one that is empty now.
    pub leaves: Vec<(LeafNo, Option<LeafEntry>)>,
    pub traffic: Traffic,
    /// Annotations of messages: their MODSEQ and value, or `None` for one that goes.
    pub annotations: Vec<(MessageAnnotationId, Option<(ModSeq, Value)>)>,
    /// The UIDs of `removed` and `kept` under the MODSEQ of their removal, for VANISHED (EARLIER). RFC 7162 3.2.5
    pub vanished: Option<(ModSeq, UidSet)>,
}

impl MailboxCommit {
    /// One that sets the header alone.
    pub fn of_header(account: AccountId, mailbox: MailboxId, guard: Version, header: MailboxHeader) -> MailboxCommit {
        MailboxCommit {
            account,
            mailbox,
            guard,
            header,
            keywords: Vec::new(),
            records: Vec::new(),
            flags: Vec::new(),
            alone: Vec::new(),
            folded: Tail::default(),
            leaves: Vec::new(),
            traffic: Traffic::default(),
            annotations: Vec::new(),
            vanished: None,
        }
    }
}

/// What `Store::commit` takes: several at once are done all or none.
#[derive(Clone, Debug)]
pub enum Commit {
    Account(AccountCommit),
    Mailbox(MailboxCommit),
    /// Something of this mailbox is kept since that day and will have to be purged.
    Due {
        guard: Version,
        due: Due,
    },
    /// A mailbox is deleted, or it is back: whoever else is about to commit to it meets a conflict.
    Life {
        account: AccountId,
        mailbox: MailboxId,
        guard: Version,
        life: Life,
    },
    /// Digests of pages that no more messages can come to, opaque.
    Digests {
        account: AccountId,
        mailbox: MailboxId,
        guard: Version,
        pages: Vec<(PageNo, Vec<u8>)>,
    },
    /// Summaries of messages that are there, in the place of others or of none; digests of these pages are of others.
    Summaries {
        account: AccountId,
        mailbox: MailboxId,
        guard: Version,
        summaries: Vec<(Uid, Value)>,
        stale: Vec<PageNo>,
    },
    /// UIDs that vanished are remembered together.
    VanishedTogether {
        account: AccountId,
        mailbox: MailboxId,
        guard: Version,
        together: VanishedTogether,
    },
    /// Annotations of the server that all share; `None` takes one away.
    Server {
        guard: Version,
        entries: Vec<(EntryName, Option<Vec<u8>>)>,
    },
}

/// UIDs that vanished under these MODSEQs, ascending: all of them are to be under the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VanishedTogether {
    pub mod_seqs: Vec<ModSeq>,
    pub uids: UidSet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Alive,
    Deleted,
}

impl Commit {
    pub fn due_day(&self) -> Option<u32> {
        match self {
            Commit::Due { due, .. } => Some(due.day),
            _ => None,
        }
    }
}

/// An entry in the list of what is kept: days since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    pub day: u32,
    pub account: AccountId,
    pub mailbox: MailboxId,
}

//! What the store keeps, as values. The rooms above speak of these; `layout` turns them into keys and octets.

use super::engine::Value;
pub use super::sums::{ClassSums, NO_DATE, Sums};
use crate::types::{AccountId, AccountName, MailboxId};
use crate::types::{
    BlobId, Class, EntryName, Flags, InternalDate, Keyword, KeywordId, KeywordTable, MailboxClass, MailboxName,
    MessageEntry, ModSeq, Rights, SpecialUse, SystemFlag, Uid, UidSet, UidValidity,
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

    /// The largest.
    pub fn last(self) -> Uid {
        Uid::new(self.first().get().saturating_add(PAGE_UIDS - 1)).unwrap_or(Uid::MAX)
    }
}

/// The messages at the end of a mailbox that stand each by itself, beside their page: all from one UID to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tail(Option<(Uid, Uid)>);

impl Tail {
    /// `first` to `last`, which are of one page.
    pub fn new(first: Uid, last: Uid) -> Tail {
        Tail(Some((first, last)))
    }

    pub fn is_empty(self) -> bool {
        self.0.is_none()
    }

    pub fn page(self) -> Option<PageNo> {
        self.0.map(|(first, _)| PageNo::of(first))
    }

    /// The same, up to `last`.
    pub fn until(self, last: Uid) -> Tail {
        Tail(self.0.map(|(first, _)| (first, last)))
    }

    pub fn uids(self) -> impl Iterator<Item = Uid> {
        let range = self.0.map(|(first, last)| first.get()..=last.get());
        range.into_iter().flatten().filter_map(Uid::new)
    }
}

/// UIDs to a leaf: the part of a mailbox that is read into memory at once. Large enough that the list of leaves is short,
/// small enough to be copied at each change.
pub const LEAF_UIDS: u32 = 1024;

/// The leaf that holds a UID: `(uid - 1) / LEAF_UIDS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafNo(pub u32);

impl LeafNo {
    pub fn of(uid: Uid) -> LeafNo {
        LeafNo((uid.get() - 1) / LEAF_UIDS)
    }

    /// The smallest UID that the leaf can hold.
    pub fn first(self) -> Uid {
        Uid::new(self.0.saturating_mul(LEAF_UIDS).saturating_add(1)).unwrap_or(Uid::MAX)
    }

    /// The largest.
    pub fn last(self) -> Uid {
        Uid::new(self.first().get().saturating_add(LEAF_UIDS - 1)).unwrap_or(Uid::MAX)
    }
}

/// What a mailbox knows of a leaf before it has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeafEntry {
    pub messages: u16,
    pub unseen: u16,
    /// 0 where there are no messages.
    pub last_uid: u32,
    /// Of its messages.
    pub highest_mod_seq: ModSeq,
    /// Its messages that not everybody sees.
    pub apart: u16,
    /// The earliest internal date of its messages of each class; `NO_DATE` where there are none.
    pub oldest_secs: [i64; 4],
}

impl Default for LeafEntry {
    fn default() -> LeafEntry {
        let (messages, unseen, last_uid, highest_mod_seq) = (0, 0, 0, ModSeq::ZERO);
        LeafEntry { messages, unseen, last_uid, highest_mod_seq, apart: 0, oldest_secs: [NO_DATE; 4] }
    }
}

impl LeafEntry {
    /// Counts a message above all others in.
    pub fn add(&mut self, record: &MessageRecord, flags: &FlagRecord) {
        let bits = flags.flags.bits();
        let class = bits.class();
        self.messages += 1;
        self.unseen += u16::from(!bits.has(SystemFlag::Seen));
        self.last_uid = record.uid.get();
        self.highest_mod_seq = self.highest_mod_seq.max(flags.mod_seq);
        self.apart += u16::from(class != Class::ORDINARY);
        let oldest = &mut self.oldest_secs[class.index()];
        *oldest = (*oldest).min(record.internal_date.secs);
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

/// A mailbox that was deleted and is kept until `Keep Expunged` is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedMailbox {
    pub id: MailboxId,
    /// Seconds since 1970.
    pub deleted_secs: i64,
    /// The name that it had.
    pub name: MailboxName,
    pub special_use: Vec<SpecialUse>,
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

/// A name in an account's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxNode {
    pub name: MailboxName,
    /// `None` for a name that only holds others (`\Noselect`).
    pub id: Option<MailboxId>,
    pub special_use: Vec<SpecialUse>,
}

/// Whom an alert is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertScope {
    Server,
    /// In small letters.
    Domain(String),
    Account(AccountName),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Ascending, never issued twice.
    pub id: u64,
    pub scope: AlertScope,
    pub text: String,
}

/// An access control list: identifiers and their rights. RFC 4314
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl(pub Vec<(String, Rights)>);

/// What an account may have: 0 for any number, `None` where a wider setting says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaLimits {
    pub storage_bytes: Option<u64>,
    pub messages: Option<u64>,
    pub mailboxes: Option<u64>,
}

impl QuotaLimits {
    /// These limits, and where none is set those of a wider setting.
    pub fn or(self, wider: QuotaLimits) -> QuotaLimits {
        QuotaLimits {
            storage_bytes: self.storage_bytes.or(wider.storage_bytes),
            messages: self.messages.or(wider.messages),
            mailboxes: self.mailboxes.or(wider.mailboxes),
        }
    }
}

/// What an account says otherwise than its domain or the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountSettings {
    /// Whether LIST shows mailboxes that hold no mail. CommuniGate Pro
    pub show_non_mail: Option<bool>,
}

/// What an annotation stands at, within an account. RFC 5464 3.1
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Annotated {
    /// The server itself, as this account's user sees it.
    Account,
    Mailbox(MailboxId),
    /// A name that only holds others.
    Holder(MailboxName),
}

/// An entry with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    pub entry: EntryName,
    pub value: Vec<u8>,
}

/// Gives an entry a value, or takes it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotate {
    pub at: Annotated,
    /// Whose value it is; `None` for a shared one.
    pub user: Option<AccountId>,
    pub entry: EntryName,
    pub value: Option<Vec<u8>>,
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

/// A mailbox access key: shown by nothing. RFC 4467 2.2
#[derive(Clone, PartialEq, Eq)]
pub struct UrlKey(pub [u8; 32]);

impl std::fmt::Debug for UrlKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UrlKey")
    }
}

/// An account's mailbox tree, in the order of the names.
#[derive(Clone, Debug)]
pub struct AccountImage {
    pub version: Version,
    /// Nothing of it is there any more, nor ever will be.
    pub removed: bool,
    pub nodes: Vec<MailboxNode>,
    /// Any name, whether such a mailbox exists or not.
    pub subscriptions: Vec<String>,
    pub deleted: Vec<DeletedMailbox>,
    pub quota: QuotaLimits,
    pub acls: Vec<(MailboxId, Acl)>,
    /// An alias and the name that it stands for, the owner's or a foreign one.
    pub aliases: Vec<(MailboxName, String)>,
    /// The S/MIME certificate, in DER.
    pub certificate: Option<Value>,
    /// By the mailbox that each is for; account 0 is this one.
    pub url_keys: Vec<((AccountId, MailboxId), UrlKey)>,
    /// Of the mailboxes that have been given one.
    pub classes: Vec<(MailboxId, MailboxClass)>,
    pub settings: AccountSettings,
    /// The next `MailboxId` to issue; ids below it are used up.
    pub next_mailbox: u64,
    /// UIDVALIDITY of the mailbox created last; the next one's is larger.
    pub last_uid_validity: u32,
}

impl AccountImage {
    /// All mailboxes that have messages of the account, deleted ones that are kept included.
    pub fn mailboxes(&self) -> impl Iterator<Item = MailboxId> {
        let named = self.nodes.iter().filter_map(|node| node.id);
        named.chain(self.deleted.iter().map(|deleted| deleted.id))
    }
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
            structures: Vec::new(),
            blobs: Vec::new(),
            added: Vec::new(),
            shared: Vec::new(),
            removed: Vec::new(),
            kept: Vec::new(),
            released: Vec::new(),
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
    /// Annotations of the server that all share; `None` takes one away.
    Server {
        guard: Version,
        entries: Vec<(EntryName, Option<Vec<u8>>)>,
    },
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

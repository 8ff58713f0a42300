//! Commands as values.                              RFC 9051 6; RFC 3501 6

use std::fmt;

use super::frame::Literal;
use crate::types::{
    By, Depth, EntryName, EntryScope, EventGroup, FetchItem, Flag, InternalDate, ListReturn, ListSelect,
    MailboxClass, MailboxFilter, MessageEntry, ModSeq, ModifyRights, NumberSet, QuotaResource, ResultRange,
    SearchKey, SearchReturn, SortKey, SortOrder, SpecialUse, StatusItem, ThreadAlgorithm, UidSet,
};

/// What the client has been told it may use, where it changes what is on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// After ENABLE IMAP4rev2: mailbox names are UTF-8, there is no RECENT, SEARCH answers ESEARCH.
    pub rev2: bool,
    /// The client has shown that it knows MODSEQ: it is told in every FETCH of flags. RFC 7162 3.1
    pub condstore: bool,
    /// After ENABLE QRESYNC: VANISHED instead of EXPUNGE. RFC 7162 3.2.3
    pub qresync: bool,
    /// After ENABLE EXTENSIONS: messages with $Service and mailboxes of other classes than mail are shown. CommuniGate Pro
    pub extensions: bool,
    /// After ENABLE UTF8=ACCEPT: mailbox names and headers are UTF-8. RFC 9755 3
    pub utf8: bool,
    /// After ENABLE UIDONLY: no message is named by its number, by neither side. RFC 9586 3
    pub uid_only: bool,
}

impl Dialect {
    /// Whether the client takes UTF-8 in quoted strings, names and headers: IMAP4rev2 has all of UTF8=ACCEPT.
    pub fn has_utf8(self) -> bool {
        self.rev2 || self.utf8
    }

    /// Whether the client hears of expunges by VANISHED. RFC 7162 3.2.10; RFC 9586 3.4
    pub fn by_vanished(self) -> bool {
        self.qresync || self.uid_only
    }
}

/// A password or a SASL response: shown by nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[derive(Debug)]
pub struct Command {
    pub tag: String,
    /// In capitals, with `UID ` before it or not.
    pub name: &'static str,
    pub body: CommandBody,
}

/// How STORE combines what it is given with what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreOp {
    Replace,
    Add,
    Remove,
}

/// Whether the client wants to be told what it asked for: `.SILENT` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    Flags,
    Silent,
}

/// LIST in its extended form or not. RFC 5258
#[derive(Debug)]
pub struct ListCommand {
    pub reference: String,
    pub patterns: Vec<String>,
    pub select: Vec<ListSelect>,
    pub returns: Vec<ListReturn>,
    /// Anything that RFC 3501 does not have.
    pub extended: bool,
}

/// Whom COPY ... ENCRYPTED encrypts for. CommuniGate Pro
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncryptFor {
    /// `*`: the user who is logged in.
    User,
    /// The holder of a certificate, as the client has sent it.
    Certificate(Vec<u8>),
}

impl ListCommand {
    /// The items of STATUS that are wanted beside each mailbox. RFC 5819
    pub fn status(&self) -> Option<&[StatusItem]> {
        self.returns.iter().find_map(|option| match option {
            ListReturn::Status(items) => Some(items.as_slice()),
            _ => None,
        })
    }

    /// The annotations that are. RFC 9590
    pub fn metadata(&self) -> Option<&[EntryName]> {
        self.returns.iter().find_map(|option| match option {
            ListReturn::Metadata(entries) => Some(entries.as_slice()),
            _ => None,
        })
    }

    /// As RFC 3501 has it.
    pub fn plain(reference: &str, pattern: &str) -> ListCommand {
        ListCommand {
            reference: reference.to_string(),
            patterns: vec![pattern.to_string()],
            select: Vec::new(),
            returns: Vec::new(),
            extended: false,
        }
    }
}

#[derive(Debug)]
pub struct SelectCommand {
    pub mailbox: String,
    pub condstore: bool,
    /// Changes of annotations are to be told. RFC 5257 4.2
    pub annotate: bool,
    pub qresync: Option<Qresync>,
}

/// What a client knows of a mailbox that it selects again. RFC 7162 3.2.5
#[derive(Debug)]
pub struct Qresync {
    pub uid_validity: u64,
    pub mod_seq: ModSeq,
    pub known: Option<UidSet>,
    /// Sequence numbers and the UIDs that they had, ascending.
    pub samples: Vec<(u32, u32)>,
}

/// Which of the named messages FETCH answers for. RFC 7162 3.1.4.1, 3.2.6; RFC 9394 3.3
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchModifiers {
    pub changed_since: Option<ModSeq>,
    pub vanished: bool,
    /// Of the messages that are named, by their places.
    pub partial: Option<ResultRange>,
}

/// NOTIFY SET; NOTIFY NONE has none. RFC 5465 3.1
#[derive(Debug)]
pub struct NotifySet {
    /// Whether the state of what is watched is told first.
    pub status: bool,
    pub groups: Vec<EventGroup>,
}

#[derive(Debug)]
pub struct AppendCommand {
    pub mailbox: String,
    /// One at least. RFC 3502
    pub messages: Vec<AppendMessage>,
}

#[derive(Debug)]
pub struct AppendMessage {
    pub flags: Vec<Flag>,
    pub date: Option<InternalDate>,
    pub annotations: AnnotationValues,
    pub data: AppendData,
}

/// A value for an entry of a message; `None` takes it away. RFC 5257 4.5
#[derive(Debug)]
pub struct AnnotationValue {
    pub entry: MessageEntry,
    pub scope: EntryScope,
    pub value: Option<Literal>,
}

pub type AnnotationValues = Vec<AnnotationValue>;

/// What a message is made of. RFC 4466 7
#[derive(Debug)]
pub enum AppendData {
    Message(Literal),
    /// UTF8 (~{n}): its header may be UTF-8. RFC 6855 4
    Utf8(Literal),
    /// RFC 4469
    Catenate(Vec<CatPart>),
}

#[derive(Debug)]
pub enum CatPart {
    Text(Literal),
    Utf8(Literal),
    Url(String),
}

/// What URLFETCH asks of a URL. RFC 5524 3.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlData {
    Body,
    Binary,
    BodyPartStructure,
}

#[derive(Debug)]
pub struct UrlFetchArg {
    pub url: String,
    /// Nothing: the octets alone, as RFC 4467 has it.
    pub wanted: Vec<UrlData>,
}

/// RFC 8508
#[derive(Debug)]
pub struct ReplaceCommand {
    pub by: By,
    /// Of one number.
    pub set: NumberSet,
    pub mailbox: String,
    pub message: AppendMessage,
}

/// RFC 5464 4.2
#[derive(Debug)]
pub struct GetMetadata {
    /// Empty for the server.
    pub mailbox: String,
    /// Octets of the largest value that is wanted.
    pub size_max: Option<u64>,
    pub depth: Depth,
    pub entries: Vec<EntryName>,
}

/// Entries and their values; one without is taken away. RFC 5464 4.3
pub type MetadataValues = Vec<(EntryName, Option<Literal>)>;

/// Mailbox names are UTF-8, whatever they were on the wire.
#[derive(Debug)]
pub enum CommandBody {
    Capability,
    Noop,
    Logout,
    Id(Vec<(String, Option<String>)>),
    StartTls,
    Unauthenticate,
    Compress(String),
    Authenticate {
        mechanism: String,
        initial: Option<Secret>,
    },
    Login {
        name: String,
        password: Secret,
    },
    Enable(Vec<String>),
    Select(SelectCommand),
    Examine(SelectCommand),
    Create {
        mailbox: String,
        special_use: Vec<SpecialUse>,
        class: Option<MailboxClass>,
    },
    Delete(String),
    Rename {
        from: String,
        to: String,
    },
    Subscribe(String),
    Unsubscribe(String),
    List(ListCommand),
    Xlist(ListCommand),
    Lsub {
        reference: String,
        pattern: String,
    },
    Rlist {
        reference: String,
        pattern: String,
    },
    Rlsub {
        reference: String,
        pattern: String,
    },
    Namespace,
    SetAcl {
        mailbox: String,
        identifier: String,
        modify: ModifyRights,
    },
    DeleteAcl {
        mailbox: String,
        identifier: String,
    },
    GetAcl(String),
    ListRights {
        mailbox: String,
        identifier: String,
    },
    MyRights(String),
    GetQuota(String),
    GetQuotaRoot(String),
    SetQuota {
        root: String,
        limits: Vec<(QuotaResource, u64)>,
    },
    GetMetadata(GetMetadata),
    SetMetadata {
        mailbox: String,
        values: MetadataValues,
    },
    Status {
        mailbox: String,
        items: Vec<StatusItem>,
    },
    Append(AppendCommand),
    Replace(ReplaceCommand),
    Notify(Option<NotifySet>),
    ResetKey(Option<(String, Vec<String>)>),
    GenUrlAuth(Vec<(String, String)>),
    UrlFetch(Vec<UrlFetchArg>),
    Idle,
    Check,
    Close,
    Unselect,
    Expunge(Option<NumberSet>),
    Search {
        by: By,
        returns: Option<Vec<SearchReturn>>,
        key: SearchKey,
        update: Vec<FetchItem>,
    },
    Sort {
        by: By,
        returns: Option<Vec<SearchReturn>>,
        criteria: Vec<(SortKey, SortOrder)>,
        key: SearchKey,
        update: Vec<FetchItem>,
    },
    Esearch {
        sources: Vec<MailboxFilter>,
        returns: Vec<SearchReturn>,
        key: SearchKey,
        update: Vec<FetchItem>,
    },
    CancelUpdate(Vec<String>),
    Comparator(Vec<String>),
    Language(Vec<String>),
    Thread {
        by: By,
        algorithm: ThreadAlgorithm,
        key: SearchKey,
    },
    Fetch {
        by: By,
        set: NumberSet,
        items: Vec<FetchItem>,
        modifiers: FetchModifiers,
    },
    Store {
        by: By,
        set: NumberSet,
        op: StoreOp,
        echo: Echo,
        flags: Vec<Flag>,
        unchanged_since: Option<ModSeq>,
    },
    /// STORE ANNOTATION. RFC 5257 4.5
    Annotate {
        by: By,
        set: NumberSet,
        values: AnnotationValues,
        unchanged_since: Option<ModSeq>,
    },
    UidBatches {
        size: u32,
        which: Option<(u32, u32)>,
    },
    Copy {
        by: By,
        set: NumberSet,
        target: String,
        encrypted: Option<EncryptFor>,
    },
    Move {
        by: By,
        set: NumberSet,
        target: String,
        encrypted: Option<EncryptFor>,
    },
}

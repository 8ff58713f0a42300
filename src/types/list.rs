//! Options of LIST and items of STATUS.             RFC 9051 6.3.9, 6.3.11; RFC 6154

use std::fmt;

use super::metadata::EntryName;

/// A selection option of LIST. RFC 5258 3.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListSelect {
    Subscribed,
    Remote,
    RecursiveMatch,
    SpecialUse,
    /// CommuniGate Pro: what is shown of each mailbox, as among the return options.
    Class,
    Unseen,
    InternalSize,
}

/// A return option of LIST. RFC 5258 3.2; RFC 5819
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListReturn {
    Subscribed,
    Children,
    SpecialUse,
    /// RFC 8440
    MyRights,
    Status(Vec<StatusItem>),
    /// RFC 9590
    Metadata(Vec<EntryName>),
    /// CommuniGate Pro
    Class,
    Unseen,
    InternalSize,
}

/// An item of STATUS. RFC 9051 6.3.11; RFC 7162 3.1.2.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusItem {
    Messages,
    /// RFC 3501
    Recent,
    UidNext,
    UidValidity,
    Unseen,
    Deleted,
    Size,
    HighestModSeq,
    /// RFC 7889
    AppendLimit,
    /// RFC 9208 4.1.4
    DeletedStorage,
    /// RFC 8474 4.3
    MailboxId,
    /// CommuniGate Pro: octets as stored.
    InternalSize,
    /// CommuniGate Pro: the earliest internal date.
    Oldest,
    /// CommuniGate Pro: messages with $Media and without \Seen.
    UnseenMedia,
}

/// What a quota limits. RFC 9208 5
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaResource {
    /// In units of 1024 octets.
    Storage,
    Message,
    Mailbox,
    /// One that the server does not have.
    Unknown,
}

/// What a mailbox is for. RFC 6154 2, RFC 8457
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpecialUse {
    All,
    Archive,
    Drafts,
    Flagged,
    Important,
    Junk,
    Sent,
    Trash,
}

impl SpecialUse {
    pub const ALL: [SpecialUse; 8] = [
        SpecialUse::All,
        SpecialUse::Archive,
        SpecialUse::Drafts,
        SpecialUse::Flagged,
        SpecialUse::Important,
        SpecialUse::Junk,
        SpecialUse::Sent,
        SpecialUse::Trash,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            SpecialUse::All => "\\All",
            SpecialUse::Archive => "\\Archive",
            SpecialUse::Drafts => "\\Drafts",
            SpecialUse::Flagged => "\\Flagged",
            SpecialUse::Important => "\\Important",
            SpecialUse::Junk => "\\Junk",
            SpecialUse::Sent => "\\Sent",
            SpecialUse::Trash => "\\Trash",
        }
    }

    /// By its name with the backslash, whatever its case.
    pub fn from_name(name: &str) -> Option<SpecialUse> {
        SpecialUse::ALL.into_iter().find(|of| of.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for SpecialUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

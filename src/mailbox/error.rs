//! What the manager refuses and why.                RFC 5530
//!
//! A refusal is the client's to mend, a store error the world's. The session decides what the client hears.

use std::fmt;

use crate::smime::Unusable;
use crate::store::StoreError;
use crate::types::NameError;

/// Something that a client asked for and cannot have. Each has its RFC 5530 code in the session's table.
#[derive(Debug)]
pub enum Refusal {
    /// No such mailbox.
    NonExistent,
    /// The name only holds others and has no messages.
    NoSelect,
    AlreadyExists,
    /// The account has been removed.
    NoAccount,
    /// No mailbox name at all.
    BadName(NameError),
    /// INBOX stays.
    Inbox,
    /// A name that only holds others cannot be removed while it does.
    HasChildren,
    /// RENAME of a mailbox to a place below itself.
    BelowItself,
    /// A mailbox would get more keywords than its limit.
    TooManyKeywords,
    /// An access control list would get too long.
    TooManyEntries,
    /// An account would get more mailboxes than its limit.
    TooManyMailboxes,
    /// A mailbox has issued all of its 2^32 - 1 UIDs.
    UidsUsedUp,
    /// A special use that another mailbox of the account has, or that no mailbox of Gatepost can have.
    UseAttr,
    /// The message is no longer there to be read.
    Expunged,
    /// An alert of no or of several lines, or too long.
    BadAlert,
    /// The account would have more than its quota. RFC 9208 4.3.1
    OverQuota,
    /// A message of this size is not taken.
    TooBig,
    /// Mail cannot be encrypted for this certificate.
    Certificate(Unusable),
    /// The account has no certificate that mail could be encrypted for.
    NoCertificate,
    /// A value of more octets than this. RFC 5464 4.3
    AnnotationTooBig(u64),
    /// RFC 5464 4.3
    TooManyAnnotations,
    /// Of a message: a value of more octets than this. RFC 5257 4.5
    MessageAnnotationTooBig(u64),
    /// RFC 5257 4.5
    TooManyMessageAnnotations,
    /// No private value of this entry there. RFC 5464 4.3
    NoPrivate,
    /// The server sets it. RFC 5464 4.1
    ReadOnlyEntry,
    /// No class of mailboxes, or not of this one.
    BadClass,
    /// No name of an alias, or of a mailbox that one can stand for.
    BadAlias,
}

#[derive(Debug)]
pub enum MailboxError {
    Refused(Refusal),
    Store(StoreError),
}

impl fmt::Display for MailboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MailboxError::Refused(refusal) => refusal.fmt(f),
            MailboxError::Store(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::NonExistent => "No such mailbox",
            Refusal::NoAccount => "The account has been removed",
            Refusal::NoSelect => "This name only holds other mailboxes",
            Refusal::AlreadyExists => "A mailbox of this name exists already",
            Refusal::BadName(error) => return error.fmt(f),
            Refusal::Inbox => "INBOX cannot be deleted",
            Refusal::HasChildren => "This name holds other mailboxes; delete them first",
            Refusal::BelowItself => "A mailbox cannot be moved below itself",
            Refusal::TooManyKeywords => "This mailbox can take no more keywords",
            Refusal::TooManyEntries => "This access control list can take no more entries",
            Refusal::TooManyMailboxes => "This account can take no more mailboxes",
            Refusal::UidsUsedUp => "This mailbox has used up its UIDs; move its messages to a new one",
            Refusal::UseAttr => "Another mailbox has this special use, or no mailbox can have it",
            Refusal::Expunged => "Some of the messages have been expunged by another session",
            Refusal::BadAlert => "An alert is one line of at most 900 octets",
            Refusal::OverQuota => "The account has used up its quota; delete some messages",
            Refusal::AnnotationTooBig(max) => return write!(f, "An annotation has at most {max} octets"),
            Refusal::MessageAnnotationTooBig(max) => return write!(f, "An annotation has at most {max} octets"),
            Refusal::TooManyMessageAnnotations => {
                "The messages have as many annotations as they may have; remove some"
            }
            Refusal::TooManyAnnotations => "There are as many annotations as there may be; remove some",
            Refusal::NoPrivate => "This entry is that of the mailbox's owner",
            Refusal::ReadOnlyEntry => "This entry is set by the server",
            Refusal::BadClass => "A class is printable ASCII of at most 255 octets, and INBOX and holders are mail",
            Refusal::BadAlias => "An alias has a mailbox name, and stands for one",
            Refusal::TooBig => "The message is larger than this server takes",
            Refusal::Certificate(unusable) => return unusable.fmt(f),
            Refusal::NoCertificate => "The account has no S/MIME certificate; the administrator can set one",
        })
    }
}

impl std::error::Error for MailboxError {}

impl From<StoreError> for MailboxError {
    fn from(error: StoreError) -> MailboxError {
        MailboxError::Store(error)
    }
}

impl From<Refusal> for MailboxError {
    fn from(refusal: Refusal) -> MailboxError {
        MailboxError::Refused(refusal)
    }
}

impl From<Unusable> for Refusal {
    fn from(unusable: Unusable) -> Refusal {
        Refusal::Certificate(unusable)
    }
}

impl From<NameError> for MailboxError {
    fn from(error: NameError) -> MailboxError {
        MailboxError::Refused(Refusal::BadName(error))
    }
}

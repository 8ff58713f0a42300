//! How a command ends, and what the client hears of an error.      RFC 9051 7.1; RFC 5530
//!
//! Errors are sorted by blame: what the client can mend is BAD or NO with a code and the reason; what it cannot is NO
//! with a reference that the log explains.

use std::borrow::Cow;

use super::faults::refer;
use super::output::Gone;
use crate::mailbox::{MailboxError, Refusal, StoreError};
use crate::proto::ResponseCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    No,
    Bad,
    /// It has been given already, as before STARTTLS.
    Given,
}

/// The tagged response.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: Status,
    pub(super) code: Option<ResponseCode>,
    pub(super) text: Cow<'static, str>,
}

impl Reply {
    pub(super) fn ok(text: impl Into<Cow<'static, str>>) -> Reply {
        Reply { status: Status::Ok, code: None, text: text.into() }
    }

    pub(super) fn no(code: ResponseCode, text: impl Into<Cow<'static, str>>) -> Reply {
        Reply { status: Status::No, code: Some(code), text: text.into() }
    }

    /// NO, where there is no code that says more than the text.
    pub(super) fn unsupported(text: impl Into<Cow<'static, str>>) -> Reply {
        Reply { status: Status::No, code: None, text: text.into() }
    }

    pub(super) fn bad(text: impl Into<Cow<'static, str>>) -> Reply {
        Reply { status: Status::Bad, code: Some(ResponseCode::ClientBug), text: text.into() }
    }

    /// The tagged response has been given already.
    pub(super) fn none() -> Reply {
        Reply { status: Status::Given, code: None, text: "".into() }
    }

    /// A search that is done but for messages that others have expunged. RFC 5530 3
    pub(super) fn ok_but_expunged(text: &'static str, lacks_expunged: bool) -> Reply {
        let reply = Reply::ok(text);
        if lacks_expunged { reply.with(ResponseCode::ExpungeIssued) } else { reply }
    }

    pub(super) fn with(mut self, code: ResponseCode) -> Reply {
        self.code = Some(code);
        self
    }
}

/// Why a handler did not come to its end.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is nobody left to answer.
    Gone,
    Refused(Reply),
}

pub(super) type Handled = Result<Reply, Failure>;

impl From<Gone> for Failure {
    fn from(_: Gone) -> Failure {
        Failure::Gone
    }
}

impl From<Reply> for Failure {
    fn from(reply: Reply) -> Failure {
        Failure::Refused(reply)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        let text = refusal.to_string();
        Failure::Refused(Reply::no(code_of(&refusal), text))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        MailboxError::from(error).into()
    }
}

impl From<MailboxError> for Failure {
    fn from(error: MailboxError) -> Failure {
        match error {
            MailboxError::Refused(refusal) => refusal.into(),
            MailboxError::Store(StoreError::Full) => {
                let reference = refer(&StoreError::Full);
                let text = format!("The server's disk is full, mail can be read; its log explains fault {reference}");
                Reply::no(ResponseCode::Unavailable, text).into()
            }
            MailboxError::Store(StoreError::Unsettled) => {
                let reference = refer(&StoreError::Unsettled);
                let text =
                    format!("It is not known whether this was done, look before you do it again: fault {reference}");
                Reply::no(ResponseCode::Unavailable, text).into()
            }
            MailboxError::Store(error) => Failure::Refused(internal(&error)),
        }
    }
}

fn code_of(refusal: &Refusal) -> ResponseCode {
    match refusal {
        Refusal::NonExistent | Refusal::NoSelect | Refusal::NoAccount => ResponseCode::NonExistent,
        Refusal::AlreadyExists => ResponseCode::AlreadyExists,
        Refusal::BadName(_) | Refusal::Inbox | Refusal::BelowItself | Refusal::BadAlert => ResponseCode::Cannot,
        Refusal::HasChildren => ResponseCode::HasChildren,
        Refusal::TooManyKeywords | Refusal::TooManyMailboxes | Refusal::TooManyEntries | Refusal::UidsUsedUp => {
            ResponseCode::Limit
        }
        Refusal::AnnotationTooBig(max) => ResponseCode::MetadataMaxSize(*max),
        Refusal::TooManyAnnotations => ResponseCode::MetadataTooMany,
        Refusal::MessageAnnotationTooBig(_) => ResponseCode::AnnotateTooBig,
        Refusal::TooManyMessageAnnotations => ResponseCode::AnnotateTooMany,
        Refusal::NoPrivate => ResponseCode::MetadataNoPrivate,
        Refusal::ReadOnlyEntry => ResponseCode::NoPerm,
        Refusal::BadClass | Refusal::BadAlias => ResponseCode::Cannot,
        Refusal::UseAttr => ResponseCode::UseAttr,
        Refusal::Expunged => ResponseCode::ExpungeIssued,
        Refusal::TooBig => ResponseCode::TooBig,
        Refusal::Certificate(_) | Refusal::NoCertificate => ResponseCode::Cannot,
        Refusal::OverQuota => ResponseCode::OverQuota,
    }
}

/// The world's fault: logged under a reference that the client is given.
pub(super) fn internal(error: &dyn std::fmt::Display) -> Reply {
    let reference = refer(error);
    Reply::no(ResponseCode::Unavailable, format!("The server cannot do this now; its log explains fault {reference}"))
}

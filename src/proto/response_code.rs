//! Response codes: what a client's program is told beside the text.    RFC 9051 7.1; RFC 5530 3

use super::response::{quoted, text};
use crate::types::{Event, FilterName, ModSeq, Seq, Uid, UidSet, UidValidity};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseCode {
    Alert,
    AlreadyExists,
    /// RFC 5257 4.5
    AnnotateTooBig,
    AnnotateTooMany,
    /// Octets of the largest value of an annotation of a message; `None` where none can be changed. RFC 5257 4.1
    Annotations(Option<u64>),
    AppendUid {
        uid_validity: UidValidity,
        uids: UidSet,
    },
    AuthenticationFailed,
    AuthorizationFailed,
    /// Of CATENATE. RFC 4469 4.1
    BadUrl(String),
    /// The charsets that are known.
    BadCharset,
    /// RFC 5255 4.9
    BadComparator,
    /// The events that are known.
    BadEvent,
    Cannot,
    Capability(String),
    ClientBug,
    Closed,
    CompressionActive,
    CopyUid {
        uid_validity: UidValidity,
        source: UidSet,
        target: UidSet,
    },
    /// Messages that something else was given of. RFC 6858 4
    Downgraded(UidSet),
    ExpungeIssued,
    HasChildren,
    HighestModSeq(ModSeq),
    Limit,
    MailboxId(String),
    /// Octets of the largest value that was left out. RFC 5464 4.2.1
    MetadataLongEntries(u64),
    /// RFC 5464 4.3
    MetadataMaxSize(u64),
    MetadataNoPrivate,
    MetadataTooMany,
    /// Messages that one command deals with, and the lowest UID that it has dealt with. RFC 9738 3.1
    MessageLimit {
        limit: u32,
        lowest: Option<Uid>,
    },
    /// Numbers or UIDs, as the command had them.
    Modified(UidSet),
    NonExistent,
    NoPerm,
    /// The tag of the search whose results are not kept up to date. RFC 5267 4.3.1
    NoUpdate(String),
    NotificationOverflow,
    NotSaved,
    OverQuota,
    PrivacyRequired,
    /// URLs of where else it is. RFC 2221, RFC 2193
    Referral(Vec<String>),
    ReadOnly,
    ReadWrite,
    ServerBug,
    TooBig,
    TooFew,
    TooMany,
    TryCreate,
    UidNext(Uid),
    /// RFC 5466 3.1
    UndefinedFilter(FilterName),
    UidNotSticky,
    UidRequired,
    UidValidity(UidValidity),
    Unavailable,
    UnknownCte,
    Unseen(Seq),
    /// The mechanisms of URLAUTH. RFC 4467 8
    UrlMech,
    UseAttr,
}

impl ResponseCode {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let text: &str = match self {
            ResponseCode::Alert => "ALERT",
            ResponseCode::AlreadyExists => "ALREADYEXISTS",
            ResponseCode::AnnotateTooBig => "ANNOTATE TOOBIG",
            ResponseCode::AnnotateTooMany => "ANNOTATE TOOMANY",
            ResponseCode::Annotations(None) => "ANNOTATIONS READ-ONLY",
            ResponseCode::Annotations(Some(octets)) => return text(out, format_args!("ANNOTATIONS {octets}")),
            ResponseCode::AppendUid { uid_validity, uids } => {
                return text(out, format_args!("APPENDUID {uid_validity} {uids}"));
            }
            ResponseCode::AuthenticationFailed => "AUTHENTICATIONFAILED",
            ResponseCode::AuthorizationFailed => "AUTHORIZATIONFAILED",
            ResponseCode::BadUrl(url) => {
                out.extend_from_slice(b"BADURL ");
                return url_text(out, url);
            }
            ResponseCode::BadCharset => {
                "BADCHARSET (UTF-8 US-ASCII ISO-8859-1 WINDOWS-1252 KOI8-R SHIFT_JIS GB18030)"
            }
            ResponseCode::BadComparator => "BADCOMPARATOR",
            ResponseCode::BadEvent => {
                return text(out, format_args!("BADEVENT ({})", Event::NAMES.join(" ")));
            }
            ResponseCode::Cannot => "CANNOT",
            ResponseCode::Capability(list) => return text(out, format_args!("CAPABILITY {list}")),
            ResponseCode::ClientBug => "CLIENTBUG",
            ResponseCode::Closed => "CLOSED",
            ResponseCode::CompressionActive => "COMPRESSIONACTIVE",
            ResponseCode::CopyUid { uid_validity, source, target } => {
                return text(out, format_args!("COPYUID {uid_validity} {source} {target}"));
            }
            ResponseCode::Downgraded(uids) => return text(out, format_args!("DOWNGRADED {uids}")),
            ResponseCode::ExpungeIssued => "EXPUNGEISSUED",
            ResponseCode::HasChildren => "HASCHILDREN",
            ResponseCode::HighestModSeq(value) => return text(out, format_args!("HIGHESTMODSEQ {value}")),
            ResponseCode::Limit => "LIMIT",
            ResponseCode::MailboxId(id) => return text(out, format_args!("MAILBOXID ({id})")),
            ResponseCode::MetadataLongEntries(octets) => {
                return text(out, format_args!("METADATA LONGENTRIES {octets}"));
            }
            ResponseCode::MetadataMaxSize(octets) => return text(out, format_args!("METADATA MAXSIZE {octets}")),
            ResponseCode::MetadataNoPrivate => "METADATA NOPRIVATE",
            ResponseCode::MetadataTooMany => "METADATA TOOMANY",
            ResponseCode::MessageLimit { limit, lowest: None } => {
                return text(out, format_args!("MESSAGELIMIT {limit}"));
            }
            ResponseCode::MessageLimit { limit, lowest: Some(uid) } => {
                return text(out, format_args!("MESSAGELIMIT {limit} {uid}"));
            }
            ResponseCode::Modified(set) => return text(out, format_args!("MODIFIED {set}")),
            ResponseCode::NonExistent => "NONEXISTENT",
            ResponseCode::NoPerm => "NOPERM",
            ResponseCode::NoUpdate(tag) => {
                out.extend_from_slice(b"NOUPDATE ");
                return quoted(out, tag.as_bytes());
            }
            ResponseCode::NotificationOverflow => "NOTIFICATIONOVERFLOW",
            ResponseCode::NotSaved => "NOTSAVED",
            ResponseCode::OverQuota => "OVERQUOTA",
            ResponseCode::PrivacyRequired => "PRIVACYREQUIRED",
            ResponseCode::Referral(urls) => return text(out, format_args!("REFERRAL {}", urls.join(" "))),
            ResponseCode::ReadOnly => "READ-ONLY",
            ResponseCode::ReadWrite => "READ-WRITE",
            ResponseCode::ServerBug => "SERVERBUG",
            ResponseCode::TooBig => "TOOBIG",
            ResponseCode::TooFew => "TOOFEW",
            ResponseCode::TooMany => "TOOMANY",
            ResponseCode::TryCreate => "TRYCREATE",
            ResponseCode::UidNext(uid) => return text(out, format_args!("UIDNEXT {uid}")),
            ResponseCode::UndefinedFilter(name) => {
                return text(out, format_args!("UNDEFINED-FILTER {}", name.as_str()));
            }
            ResponseCode::UidNotSticky => "UIDNOTSTICKY",
            ResponseCode::UidRequired => "UIDREQUIRED",
            ResponseCode::UidValidity(value) => return text(out, format_args!("UIDVALIDITY {value}")),
            ResponseCode::Unavailable => "UNAVAILABLE",
            ResponseCode::UnknownCte => "UNKNOWN-CTE",
            ResponseCode::Unseen(seq) => return text(out, format_args!("UNSEEN {seq}")),
            ResponseCode::UrlMech => "URLMECH INTERNAL",
            ResponseCode::UseAttr => "USEATTR",
        };
        out.extend_from_slice(text.as_bytes());
    }
}

/// Octets that a URL can have; in the place of others their percent-encoding. RFC 4469 5 (url-resp-text)
fn url_text(out: &mut Vec<u8>, url: &str) {
    if url.is_empty() {
        out.extend_from_slice(b"\"\"");
    }
    for octet in url.bytes().take(1000) {
        match octet.is_ascii_graphic() && !matches!(octet, b']' | b'[' | b'\\' | b'"') {
            true => out.push(octet),
            false => text(out, format_args!("%{octet:02X}")),
        }
    }
}

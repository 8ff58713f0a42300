//! What the server says, in octets.                 RFC 9051 7, 9; RFC 5530 3
//!
//! All writers append to a buffer. A string is quoted where it can be, else a literal; NUL is never sent.

use std::fmt::Write;

use super::command::Dialect;
use crate::types::utf7;
use crate::types::{Event, FilterName, ModSeq, Seq, Uid, UidSet, UidValidity};

/// A response code. RFC 9051 7.1, RFC 5530 3
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
    fn write(&self, out: &mut Vec<u8>) {
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

/// Lets `write!` append to octets.
struct Text<'a>(&'a mut Vec<u8>);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Appends formatted text.
pub fn text(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _ = Text(out).write_fmt(arguments);
}

/// `tag OK [CODE] text`; `*` for a tag makes it untagged.
pub fn status(out: &mut Vec<u8>, tag: &str, word: &str, code: Option<&ResponseCode>, explanation: &str) {
    for part in [tag, " ", word, " "] {
        out.extend_from_slice(part.as_bytes());
    }
    if let Some(code) = code {
        out.push(b'[');
        code.write(out);
        out.extend_from_slice(b"] ");
    }
    out.extend_from_slice(explanation.as_bytes());
    out.extend_from_slice(b"\r\n");
}

pub fn untagged_ok(out: &mut Vec<u8>, code: Option<&ResponseCode>, explanation: &str) {
    status(out, "*", "OK", code, explanation);
}

/// `* 23 EXISTS`
pub fn untagged_number(out: &mut Vec<u8>, n: u32, word: &str) {
    out.extend_from_slice(b"* ");
    number(out, n.into());
    for part in [" ", word, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// `* 23 FETCH (`, and after ENABLE UIDONLY `* 4711 UIDFETCH (`. RFC 9586 3.3
pub fn fetch_begin(out: &mut Vec<u8>, seq: Seq, uid: Uid, dialect: Dialect) {
    out.extend_from_slice(b"* ");
    match dialect.uid_only {
        true => {
            number(out, uid.get().into());
            out.extend_from_slice(b" UIDFETCH (");
        }
        false => {
            number(out, seq.get().into());
            out.extend_from_slice(b" FETCH (");
        }
    }
}

/// `* VANISHED 41,43:116`: gone now, in the place of EXPUNGE. RFC 7162 3.2.10.2
pub fn vanished(out: &mut Vec<u8>, uids: &UidSet) {
    if !uids.is_empty() {
        text(out, format_args!("* VANISHED {uids}\r\n"));
    }
}

/// `* VANISHED (EARLIER) 41,43:116`: gone while the client was away. RFC 7162 3.2.10.1
pub fn vanished_earlier(out: &mut Vec<u8>, uids: &UidSet) {
    if !uids.is_empty() {
        text(out, format_args!("* VANISHED (EARLIER) {uids}\r\n"));
    }
}

/// Decimal digits, without the machinery of formatting: the commonest thing in a FETCH response.
///
/// The digits are put together in one register, from the last to the first, and written with one store; what stands
/// behind them in it is taken off again.
pub fn number(out: &mut Vec<u8>, n: u64) {
    const DIGITS: usize = size_of::<u64>();
    let Some(mut rest) = u32::try_from(n).ok().filter(|n| *n < 10u32.pow(DIGITS as u32)) else {
        return text(out, format_args!("{n}"));
    };
    let (mut digits, mut count) = (0u64, 0);
    loop {
        digits = digits << 8 | u64::from(b'0' + (rest % 10) as u8);
        (rest, count) = (rest / 10, count + 1);
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits.to_le_bytes());
    out.truncate(out.len() - DIGITS + count);
}

/// A quoted string; the caller knows that it can be one.
pub fn quoted(out: &mut Vec<u8>, octets: &[u8]) {
    out.push(b'"');
    for &octet in octets {
        if matches!(octet, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(octet);
    }
    out.push(b'"');
}

/// A string: quoted if it is short ASCII without controls, else a literal. NULs are left out.
pub fn string(out: &mut Vec<u8>, octets: &[u8]) {
    match octets.len() <= 1000 && octets.iter().all(|b| matches!(b, b' '..=b'~')) {
        true => quoted(out, octets),
        false => {
            let nuls = memchr::memchr_iter(0, octets).count();
            text(out, format_args!("{{{}}}\r\n", octets.len() - nuls));
            out.extend(octets.iter().filter(|b| **b != 0));
        }
    }
}

/// `nstring / literal8`: octets of any kind. RFC 5464 5
pub fn value(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        None => out.extend_from_slice(b"NIL"),
        Some(octets) if octets.contains(&0) => {
            text(out, format_args!("~{{{}}}\r\n", octets.len()));
            out.extend_from_slice(octets);
        }
        Some(octets) => string(out, octets),
    }
}

/// A mailbox name: modified UTF-7, or UTF-8 for who has enabled it. RFC 9051 5.1; RFC 9755 3
pub fn mailbox(out: &mut Vec<u8>, name: &str, dialect: Dialect) {
    let encoded;
    let name = match dialect.has_utf8() {
        true => name,
        false => {
            encoded = utf7::encode(name);
            &encoded
        }
    };
    match is_atom(name) {
        true => out.extend_from_slice(name.as_bytes()),
        false => quoted(out, name.as_bytes()),
    }
}

fn is_atom(text: &str) -> bool {
    let atom_char = |b: u8| b.is_ascii_graphic() && !br#"(){%*"\]"#.contains(&b);
    !text.is_empty() && !text.eq_ignore_ascii_case("NIL") && text.bytes().all(atom_char)
}

/// `astring`: an atom where it can be one, as some clients take it for nothing else.
pub fn astring(out: &mut Vec<u8>, text: &str) {
    match is_atom(text) {
        true => out.extend_from_slice(text.as_bytes()),
        false => string(out, text.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers() {
        let near = |n: u64| [n.wrapping_sub(1), n, n.wrapping_add(1)];
        let powers = (0..20).map(|digits| 10u64.pow(digits));
        for n in powers.chain([u64::from(u32::MAX), u64::MAX, 1 << 63, 12_345_678]).flat_map(near) {
            assert_eq!(said(|out| number(out, n)), n.to_string());
        }
    }

    #[test]
    fn strings() {
        assert_eq!(said(|out| string(out, b"a\"b\\")), "\"a\\\"b\\\\\"");
        assert_eq!(said(|out| string(out, b"a\r\nb\0")), "{4}\r\na\r\nb");
        assert_eq!(said(|out| string(out, "ü".as_bytes())), "{2}\r\nü");
        assert_eq!(said(|out| number(out, 0)), "0");
        assert_eq!(said(|out| number(out, u64::MAX)), u64::MAX.to_string());
    }

    #[test]
    fn names_and_codes() {
        let rev1 = Dialect::default();
        let rev2 = Dialect { rev2: true, ..Dialect::default() };
        assert_eq!(said(|out| mailbox(out, "INBOX", rev1)), "INBOX");
        assert_eq!(said(|out| mailbox(out, "a b", rev1)), "\"a b\"");
        assert_eq!(said(|out| mailbox(out, "Entwürfe", rev1)), "Entw&APw-rfe");
        assert_eq!(said(|out| mailbox(out, "Entwürfe", rev2)), "\"Entwürfe\"");
        assert_eq!(said(|out| mailbox(out, "nil", rev1)), "\"nil\"");
        let code = ResponseCode::UidNext(Uid::MIN);
        assert_eq!(said(|out| status(out, "a", "OK", Some(&code), "Done")), "a OK [UIDNEXT 1] Done\r\n");
    }
}

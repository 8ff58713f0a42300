//! IMAP URLs of messages and their parts.            RFC 5092; RFC 4467 3, 9
//!
//! Absolute ones, and those that begin with `/`; others are not accepted (RFC 5092 7.2). Mailbox names and user names
//! come out as UTF-8, their percent-encoding undone.

use pest::Parser;
use pest::iterators::Pair;

use super::arguments::Args;
use super::command::Dialect;
use super::grammar::{Grammar, Rule};
use super::lower::number;
use super::lower_fetch;
use crate::types::{By, InternalDate, PartPath, Partial, Section, SectionText, Uid};

/// Octets of a URL that are looked at: a mailbox name of any length, and a section.
const BYTES_MAX: usize = 8192;

/// A URL that names a message, or what is in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageUrl {
    pub server: Option<UrlServer>,
    pub mailbox: String,
    pub uid_validity: Option<u64>,
    pub uid: Uid,
    pub section: Section,
    pub partial: Option<Partial>,
    pub authorization: Option<UrlAuthorization>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlServer {
    pub user: Option<String>,
    /// As it is written.
    pub host: String,
    pub port: Option<u16>,
}

/// `;EXPIRE=...;URLAUTH=access:mechanism:token`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlAuthorization {
    /// Valid until then, in seconds since 1970.
    pub expires_secs: Option<i64>,
    pub access: UrlAccess,
    pub verifier: Option<UrlVerifier>,
}

/// Who may use a URL. RFC 4467 3
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UrlAccess {
    Submit(String),
    User(String),
    AuthUser,
    Anonymous,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlVerifier {
    /// Octets of the URL before `:mechanism:token`, the rump URL.
    pub rump_bytes: usize,
    pub mechanism: String,
    /// Hexadecimal.
    pub token: String,
}

impl MessageUrl {
    /// `None` for what is no such URL.
    pub fn parse(text: &str) -> Option<MessageUrl> {
        // A NUL would stand for a literal.
        if text.len() > BYTES_MAX || text.contains('\0') {
            return None;
        }
        let url = Grammar::parse(Rule::imap_url, text).ok()?.next()?;
        let (mut server, mut mailbox, mut uid_validity, mut uid, mut partial) = (None, None, None, None, None);
        let mut section = Section { part: PartPath::default(), text: SectionText::Whole };
        let mut authorization = None;
        for pair in url.into_inner() {
            match pair.as_rule() {
                Rule::iserver => server = Some(url_server(pair)?),
                Rule::enc_mailbox => mailbox = Some(mailbox_name(pair.as_str())?),
                Rule::uidvalidity => uid_validity = Some(number(only(pair)?.as_str()).ok()?),
                Rule::iuid => uid = Some(Uid::new(only(pair)?.as_str().parse().ok()?)?),
                Rule::isection => section = parse_section(&decoded(only(pair)?.as_str())?)?,
                Rule::ipartial => partial = Some(url_partial(pair)?),
                Rule::iurlauth => authorization = Some(url_authorization(pair)?),
                _ => {}
            }
        }
        let (mailbox, uid) = (mailbox?, uid?);
        Some(MessageUrl { server, mailbox, uid_validity, uid, section, partial, authorization })
    }
}

fn only(pair: Pair<'_, Rule>) -> Option<Pair<'_, Rule>> {
    pair.into_inner().next()
}

fn url_server(pair: Pair<'_, Rule>) -> Option<UrlServer> {
    let mut server = UrlServer { user: None, host: String::new(), port: None };
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::enc_user => server.user = Some(decoded(part.as_str())?),
            Rule::url_host => server.host = part.as_str().to_string(),
            _ if part.as_str().is_empty() => {}
            _ => server.port = Some(part.as_str().parse().ok()?),
        }
    }
    Some(server)
}

/// A name in UTF-8; `.` and `..` that are not encoded would be steps in a path. RFC 5092 7
fn mailbox_name(encoded: &str) -> Option<String> {
    let is_step = encoded.split('/').any(|segment| matches!(segment, "." | ".."));
    decoded(encoded).filter(|_| !is_step)
}

fn parse_section(text: &str) -> Option<Section> {
    let mut pairs = Grammar::parse(Rule::section_only, text).ok()?;
    let mut args = Args::new(&mut pairs, Vec::new(), Dialect::default(), By::Uid);
    let spec = args.next().ok()?;
    lower_fetch::section_spec(&mut args, spec).ok()
}

fn url_partial(pair: Pair<'_, Rule>) -> Option<Partial> {
    let numbers: Vec<u64> = pair.into_inner().map(|pair| number(pair.as_str()).ok()).collect::<Option<_>>()?;
    match *numbers.as_slice() {
        [offset] => Some(Partial { offset, count: u64::MAX }),
        [offset, count] if count > 0 => Some(Partial { offset, count }),
        _ => None,
    }
}

fn url_authorization(pair: Pair<'_, Rule>) -> Option<UrlAuthorization> {
    let (mut expires_secs, mut access, mut verifier) = (None, None, None);
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::expire => expires_secs = Some(InternalDate::parse_rfc3339(only(part)?.as_str())?),
            Rule::access => access = Some(url_access(only(part)?)?),
            _ => {
                let rump_bytes = part.as_span().start();
                let mut words = part.into_inner();
                let mechanism = words.next()?.as_str().to_string();
                verifier = Some(UrlVerifier { rump_bytes, mechanism, token: words.next()?.as_str().to_string() });
            }
        }
    }
    Some(UrlAuthorization { expires_secs, access: access?, verifier })
}

fn url_access(pair: Pair<'_, Rule>) -> Option<UrlAccess> {
    Some(match pair.as_rule() {
        Rule::access_submit => UrlAccess::Submit(decoded(only(pair)?.as_str())?),
        Rule::access_user => UrlAccess::User(decoded(only(pair)?.as_str())?),
        Rule::access_authuser => UrlAccess::AuthUser,
        _ => UrlAccess::Anonymous,
    })
}

/// Percent-encoding undone; `None` unless it is UTF-8 without NULs.
fn decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        octets.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    String::from_utf8(octets).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_parts() {
        let url = MessageUrl::parse("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER").unwrap();
        assert_eq!((url.mailbox.as_str(), url.uid_validity, url.uid.get()), ("Drafts", Some(385759045), 20));
        assert_eq!((url.section.text, url.server), (SectionText::Header, None));
        let url =
            MessageUrl::parse("/~joe/a%20b/%E5%8F%B0;uidvalidity=1/;uid=2/;SECTION=1.2.MIME/;PARTIAL=3.4").unwrap();
        assert_eq!((url.mailbox.as_str(), url.partial), ("~joe/a b/台", Some(Partial { offset: 3, count: 4 })));
        assert_eq!((url.section.part.0, url.section.text), (vec![1, 2], SectionText::Mime));
        let url = MessageUrl::parse("/x/;UID=2/;SECTION=HEADER.FIELDS%20(Date%20%22To%22)").unwrap();
        assert_eq!(url.section.text, SectionText::HeaderFields(vec!["Date".into(), "To".into()]));
        assert!(MessageUrl::parse("/x/;UID=2/;PARTIAL=7").unwrap().partial.is_some());
    }

    #[test]
    fn authorized() {
        let text = "imap://joe;AUTH=*@example.com:993/INBOX/;uid=20/;section=1.2;expire=2026-12-01T00:00:00Z;\
                    urlauth=submit+fr%40ed:internal:91354a473744909de610943775f92038";
        let url = MessageUrl::parse(text).unwrap();
        let server = url.server.unwrap();
        let host = ("example.com", Some(993));
        assert_eq!((server.user.as_deref(), server.host.as_str(), server.port), (Some("joe"), host.0, host.1));
        let authorization = url.authorization.unwrap();
        assert_eq!(authorization.expires_secs, Some(1_796_083_200));
        assert_eq!(authorization.access, UrlAccess::Submit("fr@ed".into()));
        let verifier = authorization.verifier.unwrap();
        assert!(text[..verifier.rump_bytes].ends_with("fr%40ed") && verifier.mechanism == "internal");
        let rump = MessageUrl::parse("imap://joe@[::1]/INBOX/;uid=20;urlauth=anonymous").unwrap();
        assert!(rump.authorization.unwrap().verifier.is_none());
    }

    #[test]
    fn others_are_refused() {
        let bad = [
            "",
            "/",
            ";UID=20",
            "INBOX/;UID=20",
            "/INBOX",
            "/INBOX?ALL",
            "/INBOX/;UID=0",
            "/INBOX/;UID=4294967296",
            "/INBOX/;UID=1/;SECTION=",
            "/INBOX/;UID=1/;SECTION=0",
            "/INBOX/;UID=1/;SECTION=MIME",
            "/INBOX/;UID=1/;SECTION=HEADER.FIELDS%20(%00)",
            "/INBOX/;UID=1/;PARTIAL=1.0",
            "/a/../INBOX/;UID=1",
            "/%ff/;UID=1",
            "/%0/;UID=1",
            "/a b/;UID=1",
            "http://x/INBOX/;UID=1",
            "imap://x/INBOX/;UID=1;URLAUTH=user+",
            "imap://x/INBOX/;UID=1;URLAUTH=anonymous:INTERNAL:12",
            "imap://x/INBOX/;UID=1;EXPIRE=tomorrow;URLAUTH=anonymous",
            "imap://x/INBOX;URLAUTH=anonymous",
        ];
        for text in bad {
            assert_eq!(MessageUrl::parse(text), None, "{text}");
        }
    }
}

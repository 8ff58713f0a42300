//! What is kept of a message beside it.
//!
//! ENVELOPE, BODY and BODYSTRUCTURE as they go to the wire; the header's fields but the bulky ones; the octet ranges of
//! the parts; the fields that SEARCH asks for, decoded and folded. A summary answers most of what clients fetch and
//! search, so that the message is read only for its text.
//!
//! | octets | what |
//! |--------|------|
//! | 1      | version, 1 |
//! | 1      | bit 0: the header has fields that are not kept because of their size |
//! | 8      | octets of the message |
//! | 6 × 4  | lengths of: envelope, body, body structure, header, parts, fields |
//! |        | the six, one after the other |
//!
//! A part: u8 kind (bit 0 multipart, 1 message, 2 text, 3 ASCII-compatible charset), u8 transfer encoding, u16 number of
//! children, u64 header start, header end, body start, body end, u8 length of the charset, the charset. Parts stand in
//! preorder. A field: u8 which, u32 length, text.

use std::ops::Range;

use super::decode::decode_field;
use super::envelope::envelope;
use super::fold::fold;
use super::header::{Include, fields};
use super::parser::{Kind, Message};
use super::structure::{self, Form};
use super::transfer::Encoding;
use crate::types::PartPath;

const VERSION: u8 = 1;
const FIXED: usize = 10 + 6 * 4;

/// A header field whose decoded text is kept for SEARCH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Subject,
    From,
    To,
    Cc,
    Bcc,
    MessageId,
    InReplyTo,
    References,
    ReplyTo,
    Sender,
    ListId,
}

const FIELDS: [(Field, &str); 11] = [
    (Field::Subject, "subject"),
    (Field::From, "from"),
    (Field::To, "to"),
    (Field::Cc, "cc"),
    (Field::Bcc, "bcc"),
    (Field::MessageId, "message-id"),
    (Field::InReplyTo, "in-reply-to"),
    (Field::References, "references"),
    (Field::ReplyTo, "reply-to"),
    (Field::Sender, "sender"),
    (Field::ListId, "list-id"),
];

impl Field {
    /// By its name in any case.
    pub fn from_name(name: &str) -> Option<Field> {
        FIELDS.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(field, _)| *field)
    }
}

/// Octets of one field above which it is not kept; those that `FIELDS` names are kept in any case.
const FIELD_BYTES_MAX: usize = 1024;
/// Octets of all fields that are kept.
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// Fields that are long, in every message, and asked for by no client that lists a mailbox.
const BULKY: [&str; 9] = [
    "received",
    "dkim-signature",
    "arc-",
    "x-spam-",
    "authentication-results",
    "domainkey-signature",
    "x-ms-exchange-",
    "x-google-",
    "x-microsoft-",
];

fn is_bulky(name: &[u8]) -> bool {
    BULKY
        .iter()
        .any(|bulky| name.get(..bulky.len()).is_some_and(|start| start.eq_ignore_ascii_case(bulky.as_bytes())))
}

pub struct Summary;

impl Summary {
    pub fn encode(message: &Message) -> Vec<u8> {
        let (mut body, mut body_structure) = (Vec::new(), Vec::new());
        if let Some(root) = message.parts.first() {
            structure::write(&mut body, message, root, Form::Body);
            structure::write(&mut body_structure, message, root, Form::BodyStructure);
        }
        let (header, cut) = kept_header(&message.header);
        let sections =
            [envelope(&message.header), body, body_structure, header, parts(message), searched(&message.header)];
        let mut out = vec![VERSION, u8::from(cut || message.header_cut)];
        out.extend(message.size.to_be_bytes());
        sections.iter().for_each(|section| out.extend((section.len() as u32).to_be_bytes()));
        sections.iter().for_each(|section| out.extend(section));
        out
    }
}

fn kept_header(block: &[u8]) -> (Vec<u8>, bool) {
    let (mut kept, mut cut) = (Vec::new(), false);
    for field in fields(block).filter(|field| !is_bulky(field.name)) {
        let named = FIELDS.iter().any(|(_, name)| name.as_bytes().eq_ignore_ascii_case(field.name));
        let small = field.raw.len() <= FIELD_BYTES_MAX || named;
        match small && kept.len() + field.raw.len() <= HEADER_BYTES_MAX {
            true => kept.extend_from_slice(field.raw),
            false => cut = true,
        }
    }
    (kept, cut)
}

fn parts(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    for part in &message.parts {
        let charset = part.charset().unwrap_or(b"");
        let charset = &charset[..charset.len().min(60)];
        let is_text = part.media_type().eq_ignore_ascii_case(b"text") && part.kind == Kind::Leaf;
        let plain = charset.is_empty()
            || encoding_rs::Encoding::for_label(charset).is_none_or(|charset| charset.is_ascii_compatible());
        let bits = [part.kind == Kind::Multipart, part.kind == Kind::Message, is_text, plain];
        out.push(bits.iter().enumerate().map(|(i, bit)| u8::from(*bit) << i).sum());
        out.push(match part.transfer_encoding() {
            Encoding::Identity => 0,
            Encoding::QuotedPrintable => 1,
            Encoding::Base64 => 2,
            Encoding::Unknown => 3,
        });
        out.extend((part.children.len() as u16).to_be_bytes());
        for at in [part.header.start, part.header.end, part.body.start, part.body.end] {
            out.extend(at.to_be_bytes());
        }
        out.push(charset.len() as u8);
        out.extend(charset);
    }
    out
}

fn searched(block: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (which, (_, name)) in FIELDS.iter().enumerate() {
        let named = fields(block).filter(|field| field.name.eq_ignore_ascii_case(name.as_bytes()));
        let bodies: Vec<String> = named.map(|field| fold(&decode_field(field.body))).collect();
        if !bodies.is_empty() {
            let text = bodies.join("\n");
            out.push(which as u8);
            out.extend((text.len() as u32).to_be_bytes());
            out.extend(text.as_bytes());
        }
    }
    out
}

/// A part of a message, as a summary has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartRef {
    pub header: Range<u64>,
    pub body: Range<u64>,
    pub encoding: Encoding,
    pub charset: Option<String>,
    pub is_multipart: bool,
    /// message/rfc822
    pub is_message: bool,
    /// A leaf of type text.
    pub is_text: bool,
    /// ASCII characters stand for themselves in the part's charset, and the part has no transfer encoding.
    pub is_plain: bool,
    children: usize,
    index: usize,
}

/// An encoded summary. Nothing is copied; nothing in it makes a reader fail.
#[derive(Clone, Copy)]
pub struct SummaryRef<'a> {
    header_cut: bool,
    size: u64,
    sections: [&'a [u8]; 6],
}

impl<'a> SummaryRef<'a> {
    /// `None` where the octets are no summary of a version that is known.
    pub fn new(octets: &'a [u8]) -> Option<SummaryRef<'a>> {
        let (fixed, mut rest) = octets.split_at_checked(FIXED)?;
        if fixed[0] != VERSION {
            return None;
        }
        let size = u64::from_be_bytes(fixed[2..10].try_into().ok()?);
        let mut sections = [&b""[..]; 6];
        for (section, length) in sections.iter_mut().zip(fixed[10..].chunks_exact(4)) {
            let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
            (*section, rest) = rest.split_at_checked(length)?;
        }
        Some(SummaryRef { header_cut: fixed[1] & 1 != 0, size, sections })
    }

    /// Octets of the message.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// ENVELOPE's value, ready for the wire.
    pub fn envelope(&self) -> &'a [u8] {
        self.sections[0]
    }

    /// BODY's value.
    pub fn body(&self) -> &'a [u8] {
        self.sections[1]
    }

    /// BODYSTRUCTURE's value.
    pub fn body_structure(&self) -> &'a [u8] {
        self.sections[2]
    }

    /// What BODY[HEADER.FIELDS ...] gives; `None` where the message itself must be asked.
    pub fn header_fields(&self, names: &[String], include: Include) -> Option<Vec<u8>> {
        let kept =
            include == Include::Only && !self.header_cut && !names.iter().any(|name| is_bulky(name.as_bytes()));
        kept.then(|| super::header::filter(self.sections[3], names, include))
    }

    /// A header field's decoded and folded text, all fields of the name joined.
    pub fn field(&self, field: Field) -> Option<&'a str> {
        let mut rest = self.sections[5];
        while let Some((head, after)) = rest.split_at_checked(5) {
            let length = u32::from_be_bytes(head[1..].try_into().ok()?) as usize;
            let (text, after) = after.split_at_checked(length)?;
            rest = after;
            if FIELDS.get(usize::from(head[0])).is_some_and(|(known, _)| *known == field) {
                return std::str::from_utf8(text).ok();
            }
        }
        None
    }

    /// All parts in preorder, the root first.
    pub fn parts(&self) -> impl Iterator<Item = PartRef> + use<'a> {
        let mut rest = self.sections[4];
        let mut index = 0;
        std::iter::from_fn(move || {
            let (head, after) = rest.split_at_checked(37)?;
            let (charset, after) = after.split_at_checked(usize::from(head[36]))?;
            rest = after;
            index += 1;
            part_ref(head, charset, index - 1)
        })
    }

    /// A child of a part: parts stand in preorder, so each child is behind the subtrees of those before it.
    pub(super) fn child(&self, part: &PartRef, n: usize) -> Option<PartRef> {
        if n >= part.children {
            return None;
        }
        let mut parts = self.parts().skip(part.index + 1);
        for _ in 0..n {
            let mut open = 1;
            while open > 0 {
                open += parts.next()?.children;
                open -= 1;
            }
        }
        parts.next()
    }

    /// The part that a path names; the root for an empty one. RFC 9051 6.4.5.1
    pub fn part(&self, path: &PartPath) -> Option<PartRef> {
        let mut at = self.parts().next()?;
        // Whether `at` is the root of a message, whose own content is part 1 unless it is a multipart.
        let mut is_root = true;
        for &n in &path.0 {
            let n = (n as usize).checked_sub(1)?;
            if at.is_message && !is_root {
                at = self.child(&at, 0)?;
                is_root = true;
            }
            at = match at.is_multipart {
                true => self.child(&at, n)?,
                false if is_root && n == 0 => at,
                false => return None,
            };
            is_root = false;
        }
        Some(at)
    }
}

fn part_ref(head: &[u8], charset: &[u8], index: usize) -> Option<PartRef> {
    let bit = |n: u8| head[0] & 1 << n != 0;
    let at = |n: usize| Some(u64::from_be_bytes(head.get(n..n + 8)?.try_into().ok()?));
    let encoding = match head[1] {
        0 => Encoding::Identity,
        1 => Encoding::QuotedPrintable,
        2 => Encoding::Base64,
        _ => Encoding::Unknown,
    };
    Some(PartRef {
        header: at(4)?..at(12)?,
        body: at(20)?..at(28)?,
        encoding,
        charset: Some(String::from_utf8_lossy(charset).into_owned()).filter(|charset| !charset.is_empty()),
        is_multipart: bit(0),
        is_message: bit(1),
        is_text: bit(2),
        is_plain: bit(3) && encoding == Encoding::Identity,
        children: usize::from(u16::from_be_bytes([head[2], head[3]])),
        index,
    })
}

#[cfg(test)]
mod tests {
    use super::super::parser::Parser;
    use super::super::section::{Content, section};
    use super::*;
    use crate::types::{Section, SectionText};

    fn summary(message: &[u8], piece: usize) -> Vec<u8> {
        let mut parser = Parser::new();
        message.chunks(piece).for_each(|piece| parser.feed(piece));
        Summary::encode(&parser.finish())
    }

    fn structure(message: &str) -> String {
        let octets = summary(message.as_bytes(), usize::MAX);
        assert_eq!(octets, summary(message.as_bytes(), 1), "pieces matter");
        String::from_utf8(SummaryRef::new(&octets).unwrap().body_structure().to_vec()).unwrap()
    }

    const NESTED: &str = "Subject: outer\r\nContent-Type: multipart/mixed; boundary=A\r\n\r\npreamble\r\n\
        --A\r\n\r\nfirst\r\n\
        --A\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: multipart/alternative; boundary=\"B\"\r\n\r\n\
        --B\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nin plain\r\n--B\r\nContent-Type: text/html\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nPGI+\r\n--B--\r\n\r\n--A--\r\nepilogue\r\n";

    #[test]
    fn structures() {
        assert_eq!(
            structure("Subject: x\r\n\r\nbody\r\n"),
            "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 6 1 NIL NIL NIL NIL)"
        );
        assert_eq!(
            structure(NESTED),
            "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 5 0 NIL NIL NIL NIL)\
             (\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 207 \
             (NIL \"inner\" NIL NIL NIL NIL NIL NIL NIL NIL) \
             ((\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 8 0 NIL NIL NIL NIL)\
             (\"text\" \"html\" (\"charset\" \"us-ascii\") NIL NIL \"base64\" 4 0 NIL NIL NIL NIL) \
             \"alternative\" (\"boundary\" \"B\") NIL NIL NIL) 13 NIL NIL NIL NIL) \
             \"mixed\" (\"boundary\" \"A\") NIL NIL NIL)"
        );
        let digest = "Content-Type: multipart/digest; boundary=A\r\n\r\n--A\r\n\r\nSubject: d\r\n\r\nx\r\n--A--\r\n";
        assert!(structure(digest).starts_with("((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 15 (NIL \"d\""));
        for broken in [
            "",
            "\r\n",
            "Content-Type: multipart/mixed\r\n\r\nx",
            "Content-Type: multipart/mixed; boundary=A\r\n\r\n--A",
            "a\r\nb",
        ] {
            assert!(structure(broken).starts_with('('), "{broken:?}");
        }
        let cut = "Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\nContent-Type: text/html\r\n\r\nabc\n--A\n";
        assert!(
            structure(cut).contains("\"html\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 0"),
            "{}",
            structure(cut)
        );
    }

    #[test]
    fn sections() {
        let octets = summary(NESTED.as_bytes(), 7);
        let summary = SummaryRef::new(&octets).unwrap();
        let get = |path: &[u32], text: SectionText| match section(
            &summary,
            &Section { part: PartPath(path.to_vec()), text },
        ) {
            Content::Range(range) | Content::Fields(range) => &NESTED[range.start as usize..range.end as usize],
            Content::Nil => "NIL",
        };
        assert_eq!(get(&[], SectionText::Whole), NESTED);
        assert!(get(&[], SectionText::Header).ends_with("boundary=A\r\n\r\n"));
        assert!(get(&[], SectionText::Text).starts_with("preamble"));
        assert_eq!(get(&[1], SectionText::Whole), "first");
        assert_eq!(get(&[1], SectionText::Mime), "\r\n");
        assert!(get(&[2], SectionText::Whole).starts_with("Subject: inner"));
        assert_eq!(get(&[2], SectionText::Mime), "Content-Type: message/rfc822\r\n\r\n");
        assert!(get(&[2], SectionText::Header).starts_with("Subject: inner"));
        assert!(get(&[2], SectionText::Text).starts_with("--B"));
        assert_eq!(get(&[2, 1], SectionText::Whole), "in plain");
        assert_eq!(get(&[2, 2], SectionText::Whole), "PGI+");
        assert_eq!(get(&[1], SectionText::Header), "NIL");
        assert_eq!(get(&[3], SectionText::Whole), "NIL");
        assert_eq!(get(&[1, 1], SectionText::Whole), "NIL");
        assert_eq!(summary.part(&PartPath(vec![2, 2])).unwrap().encoding, Encoding::Base64);
        assert_eq!(summary.field(Field::Subject), Some("outer"));
        assert_eq!(summary.field(Field::To), None);
    }

    #[test]
    fn hostile_octets() {
        let mut random = fastrand::Rng::with_seed(7);
        let good = summary(NESTED.as_bytes(), 1000);
        for _ in 0..2000 {
            let mut bad = good.clone();
            for _ in 0..3 {
                let at = random.usize(..bad.len());
                bad[at] = random.u8(..);
            }
            bad.truncate(random.usize(..=bad.len()));
            if let Some(summary) = SummaryRef::new(&bad) {
                summary.parts().for_each(drop);
                summary.part(&PartPath(vec![2, 1]));
                summary.field(Field::Sender);
            }
        }
        let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(10_000);
        let run = move || summary(deep.as_bytes(), 4096).len();
        std::thread::Builder::new().stack_size(256 * 1024).spawn(run).unwrap().join().unwrap();
    }
}

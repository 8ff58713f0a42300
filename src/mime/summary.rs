//! What is kept of a message beside it: how it is written.
//!
//! ENVELOPE, BODY and BODYSTRUCTURE as they go to the wire; the header's fields but the bulky ones; the octet ranges of the
//! parts; the text that SEARCH asks for, decoded and folded; the preview. A summary answers most of what clients fetch and search, so
//! that the message is read only for its text. `SummaryRef` reads it.
//!
//! | octets | what |
//! |--------|------|
//! | 1      | version: 2; or 1, without the last section |
//! | 1      | bit 0: the header is too long to say which fields it has; bit 1: there is a date; bit 2: the header has octets |
//! |        | that are not ASCII; bit 3: it, or one of a part, has; bit 4: the fields' texts are single-spaced |
//! | 8      | octets of the message |
//! | 8, 2   | Date: seconds since 1970, minutes east of UTC |
//! | 8 × 4  | lengths of: envelope, body, body structure, header, omitted, fields, parts, preview |
//! |        | the eight, one after the other |
//! | n × 3  | of each field that is kept: u8 of its name, u16 octets; nothing in summaries that were made before there was this |
//! | n × 3  | of each name that is omitted: u8 of it, u16 0; nothing in summaries that were made before there was this |
//!
//! Numbers of fixed length have their least octet first; `n` is a number in groups of seven bits, the lowest first, the
//! eighth bit set in all but the last.
//!
//! * header: the fields that are kept, as they are, and the empty line;
//! * omitted: the names of those that are not, in small letters, each ended by LF;
//! * fields: u8 which (`Field`), `n` octets, the text;
//! * parts, in preorder: u8 (bit 0 multipart, 1 message, 2 text, 3 ASCII stands for itself), u8 transfer encoding, `n`
//!   children, `n` first octet, `n` octets of header, `n` octets of body, u8 length and text of `media/subtype`, u8
//!   length and text of the charset;
//! * preview: UTF-8.

use super::charset::is_ascii_compatible;
use super::date;
use super::envelope::Envelope;
use super::field::{Field, Texts};
use super::field_names::{mark, mark_of_omitted};
use super::header::{HeaderField, fields};
use super::part::{Kind, Message, Part};
use super::preview::preview;
use super::structure::Structure;
use crate::types::{InternalDate, seven_bits};

pub(super) const VERSION: u8 = 2;
/// What summaries were before there were previews.
pub(super) const VERSION_1: u8 = 1;
pub(super) const SECTIONS: usize = 8;
/// Octets before the first section.
const FIXED_BYTES: usize = 20 + SECTIONS * 4;
pub(super) const HEADER_CUT: u8 = 1;
pub(super) const HAS_DATE: u8 = 2;
pub(super) const EIGHT_BIT_OWN: u8 = 4;
pub(super) const EIGHT_BIT_ANY: u8 = 8;
/// The texts of fields are single-spaced; in summaries that were made before there was this they are as they were folded.
pub(super) const SINGLE_SPACED: u8 = 16;

/// Octets of one field above which it is not kept.
const FIELD_BYTES_MAX: usize = 1024;
/// The same for those that clients ask for when they list a mailbox.
const LISTED_BYTES_MAX: usize = 8 * 1024;
/// Octets of all fields that are kept.
const HEADER_BYTES_MAX: usize = 16 * 1024;
/// Octets of the names of those that are not.
const OMITTED_BYTES_MAX: usize = 1024;

/// The letters that `BULKY` begins with.
const BULKY_INITIALS: &[u8] = b"radxRADX";

/// Fields that are long, in most messages, and asked for by no client that lists a mailbox, by their beginning.
const BULKY: [&str; 13] = [
    "received",
    "dkim-signature",
    "domainkey-signature",
    "arc-",
    "authentication-results",
    "x-spam-",
    "x-ms-",
    "x-microsoft-",
    "x-forefront-",
    "x-google-",
    "x-gm-",
    "x-sg-",
    "x-ses-",
];

pub struct Summary;

impl Summary {
    pub fn encode(message: &Message) -> Vec<u8> {
        let structure = Structure::of(message);
        let header = Header::of(message.header());
        let sections = [
            header.envelope.write(),
            structure.body(),
            structure.wire,
            header.kept,
            header.omitted,
            fields_text(&header.texts),
            message.parts.iter().fold(Vec::with_capacity(message.parts.len() * 32), part),
            preview(message).into_bytes(),
        ];
        let date = header.date;
        let flags = [
            (header.cut || message.header_cut, HEADER_CUT),
            (date.is_some(), HAS_DATE),
            (message.eight_bit.own, EIGHT_BIT_OWN),
            (message.eight_bit.any, EIGHT_BIT_ANY),
            (true, SINGLE_SPACED),
        ];
        let InternalDate { secs, zone_mins } = date.unwrap_or(InternalDate { secs: 0, zone_mins: 0 });
        let bytes = sections.iter().map(|section| section.len()).sum::<usize>();
        let mut out = Vec::with_capacity(FIXED_BYTES + bytes + header.marks.len());
        out.extend([VERSION, flags.iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum::<u8>()]);
        out.extend(message.size.to_le_bytes());
        out.extend(secs.to_le_bytes());
        out.extend(zone_mins.to_le_bytes());
        sections.iter().for_each(|section| out.extend((section.len() as u32).to_le_bytes()));
        sections.iter().for_each(|section| out.extend_from_slice(section));
        out.extend_from_slice(&header.marks);
        out
    }
}

/// What is kept of the message's own header, taken from it in one pass.
#[derive(Default)]
struct Header {
    envelope: Envelope,
    texts: Texts,
    date: Option<InternalDate>,
    /// The fields that are kept, and the empty line.
    kept: Vec<u8>,
    /// The names of the others.
    omitted: Vec<u8>,
    /// Those are not all.
    cut: bool,
    /// Of each field that is kept its name's mark and its length, which `FIELD_BYTES_MAX` and `LISTED_BYTES_MAX` bound and
    /// which is never 0: a field has at least its line's end or a name.
    marks: Vec<u8>,
    /// Of the names of the others, each with 0 for its length.
    marks_of_omitted: Vec<u8>,
}

impl Header {
    fn of(octets: &[u8]) -> Header {
        let kept = Vec::with_capacity(octets.len().min(HEADER_BYTES_MAX));
        let mut header = Header { kept, marks: Vec::with_capacity(128), ..Header::default() };
        let (mut fields, mut dated) = (fields(octets), false);
        for field in fields.by_ref() {
            let which = Field::from_name(field.name);
            header.envelope.take(which, &field);
            if let Some(which) = which {
                header.texts.take(which, field.body);
            } else if !dated && field.is("date") {
                dated = true;
                header.date = date::parse(field.body);
            }
            header.divide(which, &field);
        }
        header.kept.extend_from_slice(fields.empty_line());
        header.marks.append(&mut header.marks_of_omitted);
        header
    }

    /// Keeps the field or its name.
    fn divide(&mut self, which: Option<Field>, field: &HeaderField<'_>) {
        let most = if which.is_some() { LISTED_BYTES_MAX } else { FIELD_BYTES_MAX };
        if !is_bulky(field.name) && field.raw.len() <= most && self.kept.len() + field.raw.len() <= HEADER_BYTES_MAX {
            self.kept.extend_from_slice(field.raw);
            self.marks.push(mark(field.name));
            return self.marks.extend((field.raw.len() as u16).to_le_bytes());
        }
        let name = String::from_utf8_lossy(field.name).to_ascii_lowercase();
        if self.omitted.len() + name.len() > OMITTED_BYTES_MAX {
            self.cut = true;
        } else if !self.omitted.split(|b| *b == b'\n').any(|known| known == name.as_bytes()) {
            self.omitted.extend_from_slice(name.as_bytes());
            self.omitted.push(b'\n');
            self.marks_of_omitted.extend([mark_of_omitted(name.as_bytes()), 0, 0]);
        }
    }
}

fn is_bulky(name: &[u8]) -> bool {
    let begins = |bulky: &&str| name.get(..bulky.len()).is_some_and(|it| it.eq_ignore_ascii_case(bulky.as_bytes()));
    name.first().is_some_and(|first| BULKY_INITIALS.contains(first)) && BULKY.iter().any(begins)
}

fn fields_text(texts: &Texts) -> Vec<u8> {
    let bytes = texts.iter().map(|(_, text)| text.len() + 3).sum();
    let mut out = Vec::with_capacity(bytes);
    for (which, text) in texts.iter() {
        out.push(which);
        seven_bits::put(&mut out, text.len() as u64);
        out.extend_from_slice(text.as_bytes());
    }
    out
}

fn part(mut out: Vec<u8>, part: &Part) -> Vec<u8> {
    let charset = part.charset().unwrap_or(b"");
    let of = &part.content_type;
    let bits = [
        part.kind == Kind::Multipart,
        part.kind == Kind::Message,
        part.kind == Kind::Leaf && part.is_text(),
        is_ascii_compatible(charset),
    ];
    out.push(bits.iter().enumerate().map(|(i, bit)| u8::from(*bit) << i).sum());
    out.push(part.transfer.number());
    let header = part.header.end - part.header.start;
    let body = part.body.end - part.body.start;
    for n in [part.children.len() as u64, part.header.start, header, body] {
        seven_bits::put(&mut out, n);
    }
    let name = [of.media.as_slice(), &of.subtype].join(&b'/').to_ascii_lowercase();
    for text in [name.as_slice(), charset] {
        // Longer names mean nothing to anyone.
        let text = if text.len() > 100 { b"" } else { text };
        out.push(text.len() as u8);
        out.extend_from_slice(text);
    }
    out
}

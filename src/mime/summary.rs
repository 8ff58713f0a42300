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
//! |        | that are not ASCII; bit 3: it, or one of a part, has |
//! | 8      | octets of the message |
//! | 8, 2   | Date: seconds since 1970, minutes east of UTC |
//! | 8 × 4  | lengths of: envelope, body, body structure, header, omitted, fields, parts, preview |
//! |        | the eight, one after the other |
//! | n × 3  | of each field that is kept: u8 of its name, u16 octets; nothing in summaries that were made before there was this |
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
use super::envelope::envelope;
use super::field::{Field, texts};
use super::header::{fields, mark};
use super::part::{Kind, Message, Part};
use super::preview::preview;
use super::structure::Structure;
use crate::types::InternalDate;

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

/// Octets of one field above which it is not kept.
const FIELD_BYTES_MAX: usize = 1024;
/// The same for those that clients ask for when they list a mailbox.
const LISTED_BYTES_MAX: usize = 8 * 1024;
/// Octets of all fields that are kept.
const HEADER_BYTES_MAX: usize = 16 * 1024;
/// Octets of the names of those that are not.
const OMITTED_BYTES_MAX: usize = 1024;

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
        let (kept, omitted, cut) = divide(message.header());
        let marks = marks(&kept);
        let sections = [
            envelope(message.header()),
            structure.body(),
            structure.wire,
            kept,
            omitted,
            fields_text(message.header()),
            message.parts.iter().fold(Vec::new(), part),
            preview(message).into_bytes(),
        ];
        let date = message.sent_date();
        let flags = [
            (cut || message.header_cut, HEADER_CUT),
            (date.is_some(), HAS_DATE),
            (message.eight_bit.own, EIGHT_BIT_OWN),
            (message.eight_bit.any, EIGHT_BIT_ANY),
        ];
        let InternalDate { secs, zone_mins } = date.unwrap_or(InternalDate { secs: 0, zone_mins: 0 });
        let bytes = sections.iter().map(|section| section.len()).sum::<usize>();
        let mut out = Vec::with_capacity(FIXED_BYTES + bytes + marks.len());
        out.extend([VERSION, flags.iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum::<u8>()]);
        out.extend(message.size.to_le_bytes());
        out.extend(secs.to_le_bytes());
        out.extend(zone_mins.to_le_bytes());
        sections.iter().for_each(|section| out.extend((section.len() as u32).to_le_bytes()));
        sections.iter().for_each(|section| out.extend_from_slice(section));
        out.extend_from_slice(&marks);
        out
    }
}

fn number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The fields to keep and the empty line, the names of the other fields, and whether those are not all.
fn divide(header: &[u8]) -> (Vec<u8>, Vec<u8>, bool) {
    let (mut kept, mut omitted, mut cut) = (Vec::new(), Vec::<u8>::new(), false);
    let mut fields = fields(header);
    for field in fields.by_ref() {
        let name = String::from_utf8_lossy(field.name).to_ascii_lowercase();
        let listed = Field::from_name(&name).is_some();
        let most = if listed { LISTED_BYTES_MAX } else { FIELD_BYTES_MAX };
        let bulky = BULKY.iter().any(|bulky| name.starts_with(bulky));
        if !bulky && field.raw.len() <= most && kept.len() + field.raw.len() <= HEADER_BYTES_MAX {
            kept.extend_from_slice(field.raw);
        } else if omitted.len() + name.len() > OMITTED_BYTES_MAX {
            cut = true;
        } else if !omitted.split(|b| *b == b'\n').any(|known| known == name.as_bytes()) {
            omitted.extend_from_slice(name.as_bytes());
            omitted.push(b'\n');
        }
    }
    kept.extend_from_slice(fields.empty_line());
    (kept, omitted, cut)
}

/// Of each field its name's mark and its length, which `FIELD_BYTES_MAX` and `LISTED_BYTES_MAX` bound.
fn marks(kept: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(kept.len() / 16);
    for field in fields(kept) {
        out.push(mark(field.name));
        out.extend((field.raw.len() as u16).to_le_bytes());
    }
    out
}

fn fields_text(header: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (which, text) in texts(header) {
        out.push(which);
        number(&mut out, text.len() as u64);
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
        number(&mut out, n);
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

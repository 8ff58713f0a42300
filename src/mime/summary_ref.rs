//! What is kept of a message beside it: how it is read. `summary` describes the octets.
//!
//! Nothing is copied before it is asked for, and nothing in a summary, damaged or not, makes a reader fail.

use std::borrow::Cow;
use std::ops::Range;

use super::field::Field;
use super::field_names::{FieldNames, Omitted};
use super::header::{self, Include};
use super::summary::{
    EIGHT_BIT_ANY, EIGHT_BIT_OWN, HAS_DATE, HEADER_CUT, SECTIONS, SINGLE_SPACED, VERSION, VERSION_1,
};
use super::transfer::Encoding;
use super::words::single_spaced;
use crate::types::{InternalDate, PartPath, seven_bits};

/// A part of a message, as a summary has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartRef {
    /// With the empty line. Octets from the beginning of the message.
    pub header: Range<u64>,
    pub body: Range<u64>,
    pub encoding: Encoding,
    /// `text/html`, in small letters.
    pub content_type: String,
    pub charset: Option<String>,
    pub is_multipart: bool,
    /// message/rfc822 and message/global
    pub is_message: bool,
    /// A leaf of type text.
    pub is_text: bool,
    /// ASCII characters stand for themselves: by the part's charset, and because it has no transfer encoding.
    pub is_plain: bool,
    children: u64,
    index: usize,
}

/// An encoded summary.
#[derive(Clone, Copy)]
pub struct SummaryRef<'a> {
    flags: u8,
    size: u64,
    date: InternalDate,
    sections: [&'a [u8]; SECTIONS],
    marks: &'a [u8],
    has_preview: bool,
}

impl<'a> SummaryRef<'a> {
    /// `None` where the octets are no summary of a version that is known.
    pub fn new(octets: &'a [u8]) -> Option<SummaryRef<'a>> {
        let (&[version, flags], fixed) = octets.split_first_chunk()?;
        let (size, fixed) = fixed.split_first_chunk()?;
        let (secs, fixed) = fixed.split_first_chunk()?;
        let (zone_mins, lengths) = fixed.split_first_chunk()?;
        let known = match version {
            VERSION => SECTIONS,
            VERSION_1 => SECTIONS - 1,
            _ => return None,
        };
        let (mut lengths, mut rest) = lengths.split_at_checked(known * 4)?;
        let mut sections = [&b""[..]; SECTIONS];
        for section in &mut sections[..known] {
            let length;
            (length, lengths) = lengths.split_first_chunk()?;
            (*section, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        }
        let date = InternalDate { secs: i64::from_le_bytes(*secs), zone_mins: i16::from_le_bytes(*zone_mins) };
        let has_preview = known == SECTIONS;
        Some(SummaryRef { flags, size: u64::from_le_bytes(*size), date, sections, marks: rest, has_preview })
    }

    /// What `pick_header_fields` reads of an encoded summary, as far as that can be told at a glance; nothing of a damaged
    /// one.
    pub fn picked(octets: &[u8]) -> [&[u8]; 2] {
        SummaryRef::new(octets).map(|summary| [summary.sections[3], summary.marks]).unwrap_or_default()
    }

    /// The same of `envelope` and `body_structure`, which stand side by side but for `body`.
    pub fn described(octets: &[u8]) -> [&[u8]; 2] {
        SummaryRef::new(octets).map(|summary| [summary.sections[0], summary.sections[2]]).unwrap_or_default()
    }

    /// Octets of the message.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The Date field, where it can be understood.
    pub fn sent_date(&self) -> Option<InternalDate> {
        (self.flags & HAS_DATE != 0).then_some(self.date)
    }

    /// Whether the message's own header has octets that are not ASCII.
    pub fn is_header_eight_bit(&self) -> bool {
        self.flags & EIGHT_BIT_OWN != 0 || !self.has_preview && !self.sections[3].is_ascii()
    }

    /// Whether that header, or one of a part, has; of a summary of version 1 the parts are not known.
    pub fn has_eight_bit_headers(&self) -> bool {
        self.flags & EIGHT_BIT_ANY != 0 || self.is_header_eight_bit()
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

    /// Where the message's own header is, with its empty line.
    pub fn header_range(&self) -> Range<u64> {
        self.parts().next().map_or(0..0, |root| root.header)
    }

    /// As `header_fields` of the fields named; `false`, and nothing added, where the message itself must be asked.
    pub fn pick_header_fields(&self, names: &FieldNames, out: &mut Vec<u8>) -> bool {
        if self.flags & HEADER_CUT != 0 {
            return false;
        }
        let (header, omitted, before) = (self.sections[3], self.sections[4], out.len());
        let said = names.pick_marked(self.marks, header, out);
        if said != Some(Omitted::Unwanted) && omitted.split(|b| *b == b'\n').any(|name| names.has(name)) {
            out.truncate(before);
            return false;
        }
        if said.is_none() {
            names.pick(header, out);
        }
        true
    }

    /// What BODY[HEADER.FIELDS ...] gives; `None` where the message itself must be asked.
    pub fn header_fields<N: AsRef<str>>(&self, names: &[N], include: Include) -> Option<Vec<u8>> {
        let mut omitted = self.sections[4].split(|b| *b == b'\n').filter(|name| !name.is_empty());
        let is_named = |name: &[u8]| names.iter().any(|n| n.as_ref().as_bytes().eq_ignore_ascii_case(name));
        let unknown = omitted.any(|name| is_named(name) == (include == Include::Only));
        let whole = self.flags & HEADER_CUT == 0 && !unknown;
        whole.then(|| header::filter(self.sections[3], names, include))
    }

    /// A header field's decoded and folded text; several fields of the name are separate lines of it.
    pub fn field(&self, field: Field) -> Option<Cow<'a, str>> {
        let mut numbers = Numbers(self.sections[5]);
        loop {
            let which = *take(&mut numbers.0, 1).first()?;
            let length = numbers.next()?;
            let text = take(&mut numbers.0, length);
            if Field::from_number(which) == Some(field) {
                return std::str::from_utf8(text).ok().map(|text| self.spaced(text));
            }
        }
    }

    fn spaced(&self, text: &'a str) -> Cow<'a, str> {
        match self.flags & SINGLE_SPACED {
            0 => single_spaced(text),
            _ => text.into(),
        }
    }

    /// PREVIEW's text, empty where there is nothing to show; `None` in a summary that was made before there were previews.
    pub fn preview(&self) -> Option<&'a [u8]> {
        self.has_preview.then_some(self.sections[7])
    }

    /// All fields that are kept, as `field` gives them.
    pub fn fields(&self) -> impl Iterator<Item = (Field, Cow<'a, str>)> + use<'a> {
        let summary = *self;
        let mut numbers = Numbers(self.sections[5]);
        std::iter::from_fn(move || {
            loop {
                let which = *take(&mut numbers.0, 1).first()?;
                let length = numbers.next()?;
                let text = std::str::from_utf8(take(&mut numbers.0, length)).ok()?;
                if let Some(field) = Field::from_number(which) {
                    return Some((field, summary.spaced(text)));
                }
            }
        })
    }

    /// All parts in preorder, the root first.
    pub fn parts(&self) -> impl Iterator<Item = PartRef> + use<'a> {
        let mut rest = Numbers(self.sections[6]);
        (0..).map_while(move |index| part_ref(&mut rest, index))
    }

    /// The `n`th child of a part: parts stand in preorder, so each child is behind the subtrees of those before it.
    pub(super) fn child(&self, part: &PartRef, n: u64) -> Option<PartRef> {
        if n >= part.children {
            return None;
        }
        let mut parts = self.parts().skip(part.index + 1);
        for _ in 0..n {
            let mut open = 1;
            while open > 0 {
                open = parts.next()?.children.saturating_add(open - 1);
            }
        }
        parts.next()
    }

    /// The part that a path names; the root for an empty one. RFC 9051 6.4.5.1
    pub fn part(&self, path: &PartPath) -> Option<PartRef> {
        let mut at = self.parts().next()?;
        // Whether `at` is the root of a message: its own content is part 1, unless it is a multipart.
        let mut is_root = true;
        for &n in &path.0 {
            let n = u64::from(n.checked_sub(1)?);
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

/// At most `bytes` octets from the front.
fn take<'a>(from: &mut &'a [u8], bytes: u64) -> &'a [u8] {
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(from.len());
    let (taken, rest) = from.split_at(bytes);
    *from = rest;
    taken
}

/// Numbers of seven bits an octet.
struct Numbers<'a>(&'a [u8]);

impl Iterator for Numbers<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        seven_bits::take(&mut self.0)
    }
}

fn part_ref(rest: &mut Numbers<'_>, index: usize) -> Option<PartRef> {
    let &[bits, encoding] = take(&mut rest.0, 2) else { return None };
    let bit = |n: u8| bits & 1 << n != 0;
    let encoding = Encoding::from_number(encoding);
    let (children, start) = (rest.next()?, rest.next()?);
    let header_end = start.checked_add(rest.next()?)?;
    let body_end = header_end.checked_add(rest.next()?)?;
    let mut text = || {
        let length = *take(&mut rest.0, 1).first()?;
        Some(String::from_utf8_lossy(take(&mut rest.0, length.into())).into_owned())
    };
    Some(PartRef {
        header: start..header_end,
        body: header_end..body_end,
        encoding,
        content_type: text()?,
        charset: text().filter(|charset| !charset.is_empty()),
        is_multipart: bit(0),
        is_message: bit(1),
        is_text: bit(2),
        is_plain: bit(3) && encoding == Encoding::Identity,
        children,
        index,
    })
}

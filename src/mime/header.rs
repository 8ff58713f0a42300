//! The fields of a header.                          RFC 5322 2.2
//!
//! Lines end in CRLF or in a bare LF; a bare CR ends nothing. A line without a colon is a field without a body, whose
//! name no client asks for.

use std::ops::Range;

use memchr::{memchr, memchr2, memchr3, memmem};

/// One field; everything borrowed from the header block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderField<'a> {
    pub name: &'a [u8],
    /// Behind the colon, folded as it is, without the last line's end.
    pub body: &'a [u8],
    /// The whole of it, line ends included.
    pub raw: &'a [u8],
}

impl HeaderField<'_> {
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// Whether the named fields are meant, or all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include {
    Only,
    Except,
}

/// The fields of a block, up to the empty line or the block's end.
pub fn fields(block: &[u8]) -> Fields<'_> {
    Fields { rest: block, empty_line: b"" }
}

pub struct Fields<'a> {
    rest: &'a [u8],
    empty_line: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The empty line behind the last field, when all have been read; nothing where there is none.
    pub fn empty_line(&self) -> &'a [u8] {
        self.empty_line
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = HeaderField<'a>;

    fn next(&mut self) -> Option<HeaderField<'a>> {
        match first_field(self.rest) {
            Ok((field, rest)) => {
                self.rest = rest;
                Some(field)
            }
            Err(empty_line) => {
                (self.rest, self.empty_line) = (b"", empty_line);
                None
            }
        }
    }
}

/// Those of the fields of a block whose names begin with one of these letters; the others are passed over by the line.
pub(super) fn fields_beginning<'a>(block: &'a [u8], letters: &'static [u8]) -> impl Iterator<Item = HeaderField<'a>> {
    let mut rest = block;
    std::iter::from_fn(move || {
        loop {
            match rest {
                [] | [b'\n', ..] | [b'\r', b'\n', ..] => return None,
                [first, ..] if letters.contains(first) => {
                    let (field, behind) = first_field(rest).ok()?;
                    rest = behind;
                    return Some(field);
                }
                _ => rest = &rest[memchr(b'\n', rest)? + 1..],
            }
        }
    })
}

/// The field at the front and what is behind it; where there is none, the empty line, or nothing.
fn first_field(block: &[u8]) -> Result<(HeaderField<'_>, &[u8]), &[u8]> {
    let (line_end, end) = field_end(block);
    let (raw, rest) = block.split_at(end);
    if matches!(raw, b"" | b"\n" | b"\r\n") {
        return Err(raw);
    }
    let line = &raw[..line_end];
    let (name, body) = match memchr(b':', line) {
        Some(colon) => (&raw[..colon], &raw[colon + 1..]),
        None => (line, &b""[..]),
    };
    Ok((HeaderField { name: name.trim_ascii_end(), body: without_eol(body), raw }, rest))
}

/// Where the first line of the field at the front ends, and the field: before the first line that does not begin with white
/// space.
fn field_end(rest: &[u8]) -> (usize, usize) {
    let line_end = memchr(b'\n', rest).unwrap_or(rest.len());
    let mut end = line_end + 1;
    while !matches!(rest[..line_end], [] | [b'\r']) && matches!(rest.get(end), Some(b' ' | b'\t')) {
        end += memchr(b'\n', &rest[end..]).map_or(rest.len(), |at| at + 1);
    }
    (line_end, end.min(rest.len()))
}

/// Octets before the first empty line; all of them where there is none.
pub(super) fn before_empty_line(octets: &[u8]) -> usize {
    if matches!(octets, [b'\n', ..] | [b'\r', b'\n', ..]) {
        return 0;
    }
    let end = memmem::find(octets, b"\n\r\n").map_or(octets.len(), |at| at + 1);
    // A bare LF may be before.
    memmem::find(&octets[..end], b"\n\n").map_or(end, |at| at + 1)
}

fn without_eol(body: &[u8]) -> &[u8] {
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    body.strip_suffix(b"\r").unwrap_or(body)
}

/// A field's body on one line: line ends and the white space before the first word removed, a space for a bare CR, U+FFFD
/// for NUL. RFC 5322 2.2.3
pub fn unfold(body: &[u8]) -> Vec<u8> {
    let start = body.iter().position(|b| !matches!(b, b' ' | b'\t')).unwrap_or(body.len());
    let mut rest = &body[start..];
    let mut out = Vec::with_capacity(rest.len());
    while let Some(at) = memchr3(b'\r', b'\n', 0, rest) {
        out.extend_from_slice(&rest[..at]);
        match &rest[at..] {
            [0, ..] => out.extend_from_slice("\u{fffd}".as_bytes()),
            [b'\n', ..] | [b'\r', b'\n', ..] => {}
            _ => out.push(b' '),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out
}

/// Names of fields that are wanted, ready to be looked for in thousands of headers.
#[derive(Clone, Debug)]
pub struct FieldNames {
    names: Vec<FieldName>,
    /// The letters that they begin with, in both cases: most fields are passed over by their first octet.
    initials: [bool; 256],
    /// Whose mark it is: one more than the place of one name, or 0. Where names share it they are asked one by one.
    marks: [u32; 256],
    /// The marks that they have where they are omitted.
    omitted: [bool; 256],
}

/// A name, ready to be compared with the front of a field.
#[derive(Clone, Debug)]
struct FieldName {
    /// In small letters.
    text: Box<[u8]>,
    /// Of 16 octets, the first the lowest: those of the name and its colon; the octets that count; the bit that tells
    /// capital letters from small ones, of those that are letters. Nothing counts where the name is too long, or none.
    front: u128,
    counts: u128,
    cases: u128,
}

impl FieldName {
    fn new(name: &str) -> FieldName {
        let text: Box<[u8]> = name.to_ascii_lowercase().into_bytes().into();
        let mut name = FieldName { text, front: 0, counts: 0, cases: 0 };
        // What is no name of a field is in no header, whatever stands there.
        let is_name = name.text.iter().all(|octet| octet.is_ascii_graphic() && *octet != b':');
        if is_name && (1..16).contains(&name.text.len()) {
            for (at, octet) in name.text.iter().chain(b":").enumerate() {
                name.front |= u128::from(*octet) << (at * 8);
                name.counts |= 0xff << (at * 8);
                name.cases |= if octet.is_ascii_lowercase() { 0x20 << (at * 8) } else { 0 };
            }
        }
        name
    }

    /// Whether the octets begin with the name and a colon; where `false` there may be something between the two.
    fn is_front(&self, octets: &[u8]) -> bool {
        let Some(front) = octets.first_chunk() else { return false };
        self.counts != 0 && (u128::from_le_bytes(*front) | self.cases) & self.counts == self.front
    }
}

/// What `FieldNames::pick_marked` has heard of fields that a summary has not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Omitted {
    /// None of them is wanted.
    Unwanted,
    /// The marks do not say, or one has the mark of a name that is wanted.
    Unknown,
}

impl FieldNames {
    pub fn new<N: AsRef<str>>(names: &[N]) -> FieldNames {
        let names: Vec<FieldName> = names.iter().map(|name| FieldName::new(name.as_ref())).collect();
        let (mut initials, mut marks, mut omitted) = ([false; 256], [0; 256], [false; 256]);
        for (place, name) in names.iter().enumerate() {
            if let Some(initial) = name.text.first() {
                initials[usize::from(*initial)] = true;
                initials[usize::from(initial.to_ascii_uppercase())] = true;
            }
            marks[usize::from(mark(&name.text))] = place as u32 + 1;
            omitted[usize::from(mark_of_omitted(&name.text))] = true;
        }
        FieldNames { names, initials, marks, omitted }
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(super) fn has(&self, name: &[u8]) -> bool {
        name.first().is_some_and(|initial| self.initials[usize::from(*initial)])
            && self.names.iter().any(|known| known.text.eq_ignore_ascii_case(name))
    }

    /// As `pick`, of a block that a summary has the marks of: most fields are passed over without a look at them. `None`, and
    /// nothing added, where the marks are not of this block.
    pub(super) fn pick_marked(&self, marks: &[u8], block: &[u8], out: &mut Vec<u8>) -> Option<Omitted> {
        let (mut named, mut wanted, mut start, before) = (false, false, 0, out.len());
        // What is taken together.
        let mut run = 0..0;
        for &[mark, low, high] in marks.as_chunks().0 {
            let end = start + usize::from(u16::from_le_bytes([low, high]));
            let whose = self.marks[usize::from(mark)];
            if end == start {
                (named, wanted) = (true, wanted || self.omitted[usize::from(mark)]);
            } else if whose != 0 && self.is_at(whose, block, start..end) {
                if run.end != start {
                    out.extend_from_slice(block.get(run).unwrap_or_default());
                    run = start..start;
                }
                run.end = end;
            }
            start = end;
        }
        // The empty line.
        if !matches!(block.get(start..), Some(b"" | b"\n" | b"\r\n")) {
            out.truncate(before);
            return None;
        }
        if run.end != start {
            out.extend_from_slice(block.get(run).unwrap_or_default());
            run = start..start;
        }
        out.extend_from_slice(&block[run.start..]);
        Some(if named && !wanted { Omitted::Unwanted } else { Omitted::Unknown })
    }

    /// Whether the field there is one of the names, most likely that one whose mark it has.
    fn is_at(&self, whose: u32, block: &[u8], field: Range<usize>) -> bool {
        let likely = self.names.get(whose as usize - 1);
        likely.is_some_and(|name| block.get(field.start..).is_some_and(|front| name.is_front(front)))
            || block.get(field).is_some_and(|field| self.has(name_of(field)))
    }

    /// What `filter` gives of the named fields, added to `out`.
    pub(super) fn pick(&self, block: &[u8], out: &mut Vec<u8>) {
        // Where the field that is being taken began, and where the line does.
        let (mut taken, mut start) = (None, 0);
        for end in memchr::memchr_iter(b'\n', block).map(|at| at + 1).chain([block.len()]) {
            let line = &block[start..end];
            let goes_on = matches!(line.first(), Some(b' ' | b'\t')) && start > 0;
            if !goes_on {
                out.extend_from_slice(taken.take().map_or(&b""[..], |from| &block[from..start]));
                if matches!(line, b"" | b"\n" | b"\r\n") {
                    return out.extend_from_slice(line);
                }
                if self.initials[usize::from(line[0])] && self.has(name_of(line)) {
                    taken = Some(start);
                }
            }
            start = end;
        }
        out.extend_from_slice(taken.map_or(&b""[..], |from| &block[from..]));
    }
}

/// The name at the front of a field.
fn name_of(field: &[u8]) -> &[u8] {
    field[..memchr2(b':', b'\n', field).unwrap_or(field.len())].trim_ascii_end()
}

/// An octet that stands for a name, in any case of its letters.
pub(super) fn mark(name: &[u8]) -> u8 {
    name.iter().fold(0, |mark: u8, octet| mark.rotate_left(3) ^ octet.to_ascii_lowercase())
}

/// The same of a name that a summary omits. The factor keeps those that are omitted most from having the marks of those that
/// are asked for most.
pub(super) fn mark_of_omitted(name: &[u8]) -> u8 {
    name.iter().fold(0, |mark: u8, octet| mark.wrapping_mul(205) ^ octet.to_ascii_lowercase())
}

/// What BODY[HEADER.FIELDS ...] gives: the fields as they are, and the empty line if the block has one. RFC 9051 6.4.5.1
pub fn filter<N: AsRef<str>>(block: &[u8], names: &[N], include: Include) -> Vec<u8> {
    let mut out = Vec::with_capacity(block.len().min(4096));
    let mut fields = fields(block);
    for field in fields.by_ref() {
        let named = names.iter().any(|name| field.is(name.as_ref()));
        if named == (include == Include::Only) {
            out.extend_from_slice(field.raw);
        }
    }
    out.extend_from_slice(fields.empty_line());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_block() {
        let block = b"Subject: a\r\n  b\r\nno colon\r\nX:\nTo : c\r\n\r\nBody: no\r\n";
        let got: Vec<_> = fields(block).map(|f| (f.name.to_vec(), unfold(f.body))).collect();
        let want = [("Subject", "a  b"), ("no colon", ""), ("X", ""), ("To", "c")];
        let want: Vec<_> = want.iter().map(|(n, b)| (n.as_bytes().to_vec(), b.as_bytes().to_vec())).collect();
        assert_eq!(got, want);
        let only = filter(block, &["SUBJECT"], Include::Only);
        assert_eq!(only, b"Subject: a\r\n  b\r\n\r\n");
        assert_eq!(filter(block, &["subject", "x", "no colon"], Include::Except), b"To : c\r\n\r\n");
        // A message without a body may have no empty line. RFC 9051 6.4.5.1
        assert_eq!(filter(b"X: y\r\n", &["x"], Include::Only), b"X: y\r\n");
        assert_eq!(filter(b"X: y\n\n", &["y"], Include::Only), b"\n");
    }

    #[test]
    fn picked_as_filtered() {
        // Some that no field can have, and one that is longer than what is compared at once.
        let names = ["subject", "To", "x-y", "no colon", "", "z:", "to ", "a-name-of-many-octets"];
        let picked = FieldNames::new(&names);
        let pieces = [
            "Subject: a\r\n",
            " b\r\n",
            "\tc\n",
            "to : d\n",
            "X-Y:\r\n",
            "no colon\n",
            "\r\n",
            "\n",
            "Z: \r",
            "A-Name-of-Many-Octets: e\r\n",
            "x",
            "",
        ];
        let mut random = fastrand::Rng::with_seed(9);
        for _ in 0..20_000 {
            let block: String = (0..random.usize(..9)).map(|_| pieces[random.usize(..pieces.len())]).collect();
            let mut out = Vec::new();
            picked.pick(block.as_bytes(), &mut out);
            assert_eq!(out, filter(block.as_bytes(), &names, Include::Only), "{block:?}");
            let mut marks = Vec::new();
            for field in fields(block.as_bytes()) {
                marks.push(mark(field.name));
                marks.extend((field.raw.len() as u16).to_le_bytes());
            }
            let ends: Vec<_> = fields(block.as_bytes()).map(|field| field.raw.len()).collect();
            let mut whole = fields(block.as_bytes());
            whole.by_ref().for_each(drop);
            let kept = &block.as_bytes()[..ends.iter().sum::<usize>() + whole.empty_line().len()];
            let mut marked = b"before".to_vec();
            assert_eq!(picked.pick_marked(&marks, kept, &mut marked), Some(Omitted::Unknown));
            assert_eq!(marked, [b"before", &out[..]].concat(), "{block:?}");
        }
    }

    #[test]
    fn marks_of_another_block() {
        let picked = FieldNames::new(&["to"]);
        let block = b"To: a\r\n\r\n";
        let (of_to, omitted) = (mark(b"to"), mark_of_omitted(b"to"));
        for (marks, said) in [
            (&[of_to, 7, 0][..], Some(Omitted::Unknown)),
            (&[of_to, 7, 0, omitted ^ 1, 0, 0], Some(Omitted::Unwanted)),
            (&[of_to, 7, 0, omitted, 0, 0, omitted ^ 1, 0, 0], Some(Omitted::Unknown)),
            (&[0, 6, 0], None),
            (&[of_to, 6, 0], None),
            (&[0, 99, 0], None),
            (&[of_to, 99, 0], None),
            (&[], None),
        ] {
            let mut out = Vec::new();
            assert_eq!(picked.pick_marked(marks, block, &mut out), said, "{marks:?}");
            assert_eq!(out, if said.is_some() { &block[..] } else { b"" });
        }
    }

    #[test]
    fn odd_blocks() {
        assert_eq!(fields(b"\r\n a: b\r\n").count(), 0);
        assert_eq!(fields(b" a: b\r\nc: d").map(|field| field.name).collect::<Vec<_>>(), [&b" a"[..], b"c"]);
        assert_eq!(fields(b"a\r\n b: c\r\n").map(|field| field.name).collect::<Vec<_>>(), [&b"a"[..]]);
        assert_eq!(unfold(b" a\0\r\n b\rc "), "a\u{fffd} b c ".as_bytes());
        assert_eq!(unfold(b" \r\n\ta"), b"\ta");
    }
}

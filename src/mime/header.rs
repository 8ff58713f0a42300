//! The fields of a header.                          RFC 5322 2.2
//!
//! Lines end in CRLF or in a bare LF; a bare CR ends nothing. A line without a colon is a field without a body, whose
//! name no client asks for.

use memchr::{memchr, memchr2, memchr3};

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
        let (line_end, end) = field_end(self.rest);
        let (raw, rest) = self.rest.split_at(end);
        self.rest = rest;
        if matches!(raw, b"" | b"\n" | b"\r\n") {
            self.rest = b"";
            self.empty_line = raw;
            return None;
        }
        let line = &raw[..line_end];
        let (name, body) = match memchr(b':', line) {
            Some(colon) => (&raw[..colon], &raw[colon + 1..]),
            None => (line, &b""[..]),
        };
        Some(HeaderField { name: name.trim_ascii_end(), body: without_eol(body), raw })
    }
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
    /// In small letters.
    names: Vec<Box<[u8]>>,
    /// The letters that they begin with, in both cases: most fields are passed over by their first octet.
    initials: [bool; 256],
    /// Their marks.
    marks: [bool; 256],
}

impl FieldNames {
    pub fn new<N: AsRef<str>>(names: &[N]) -> FieldNames {
        let names: Vec<Box<[u8]>> =
            names.iter().map(|name| name.as_ref().to_ascii_lowercase().into_bytes().into()).collect();
        let mut initials = [false; 256];
        for initial in names.iter().filter_map(|name| name.first()) {
            initials[usize::from(*initial)] = true;
            initials[usize::from(initial.to_ascii_uppercase())] = true;
        }
        let mut marks = [false; 256];
        names.iter().for_each(|name| marks[usize::from(mark(name))] = true);
        FieldNames { names, initials, marks }
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(super) fn has(&self, name: &[u8]) -> bool {
        name.first().is_some_and(|initial| self.initials[usize::from(*initial)])
            && self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// As `pick`, of a block that a summary has the marks of: most fields are passed over without a look at them. `false`, and
    /// nothing added, where the marks are not of this block.
    pub(super) fn pick_marked(&self, marks: &[u8], block: &[u8], out: &mut Vec<u8>) -> bool {
        let (mut start, before) = (0, out.len());
        for &[mark, low, high] in marks.as_chunks().0 {
            let end = start + usize::from(u16::from_le_bytes([low, high]));
            if self.marks[usize::from(mark)]
                && let Some(field) = block.get(start..end)
                && self.has(name_of(field))
            {
                out.extend_from_slice(field);
            }
            start = end;
        }
        // The empty line.
        match block.get(start..) {
            Some(rest @ (b"" | b"\n" | b"\r\n")) => out.extend_from_slice(rest),
            _ => {
                out.truncate(before);
                return false;
            }
        }
        true
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
        let names = ["subject", "To", "x-y", "no colon"];
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
            assert!(picked.pick_marked(&marks, kept, &mut marked));
            assert_eq!(marked, [b"before", &out[..]].concat(), "{block:?}");
        }
    }

    #[test]
    fn marks_of_another_block() {
        let picked = FieldNames::new(&["to"]);
        let block = b"To: a\r\n\r\n";
        for (marks, whole) in
            [(&[mark(b"to"), 7, 0][..], true), (&[0, 6, 0], false), (&[0, 99, 0], false), (&[], false)]
        {
            let mut out = Vec::new();
            assert_eq!(picked.pick_marked(marks, block, &mut out), whole, "{marks:?}");
            assert_eq!(out, if whole { &block[..] } else { b"" });
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

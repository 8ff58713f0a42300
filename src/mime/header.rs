//! The fields of a header.                          RFC 5322 2.2
//!
//! Lines end in CRLF or in a bare LF; a bare CR ends nothing. A line without a colon is a field without a body, whose
//! name no client asks for.

use memchr::{memchr, memchr3, memmem};

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
    fn odd_blocks() {
        assert_eq!(fields(b"\r\n a: b\r\n").count(), 0);
        assert_eq!(fields(b" a: b\r\nc: d").map(|field| field.name).collect::<Vec<_>>(), [&b" a"[..], b"c"]);
        assert_eq!(fields(b"a\r\n b: c\r\n").map(|field| field.name).collect::<Vec<_>>(), [&b"a"[..]]);
        assert_eq!(unfold(b" a\0\r\n b\rc "), "a\u{fffd} b c ".as_bytes());
        assert_eq!(unfold(b" \r\n\ta"), b"\ta");
    }
}

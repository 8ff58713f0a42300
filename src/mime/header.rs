//! The fields of a header.                          RFC 5322 2.2
//!
//! Lines may end in CRLF or in a bare LF. A line without a colon belongs to the field before it.

use memchr::memchr;

/// One field; everything borrowed from the header block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderField<'a> {
    pub name: &'a [u8],
    /// Behind the colon, folded as it is, without the last line's end.
    pub body: &'a [u8],
    /// The whole of it, line ends included.
    pub raw: &'a [u8],
}

/// Whether the named fields are meant, or all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include {
    Only,
    Except,
}

/// The fields of a block, up to the empty line or the block's end.
pub fn fields(block: &[u8]) -> impl Iterator<Item = HeaderField<'_>> {
    let mut rest = block;
    std::iter::from_fn(move || {
        loop {
            let end = field_end(rest);
            let (raw, after) = rest.split_at(end);
            rest = after;
            if raw.is_empty() || is_blank(raw) {
                return None;
            }
            if let Some(colon) = memchr(b':', raw) {
                let name = raw[..colon].trim_ascii_end();
                return Some(HeaderField { name, body: trim_end(&raw[colon + 1..]), raw });
            }
        }
    })
}

fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

/// Where the field at the front ends: before the first line that does not begin with white space.
fn field_end(rest: &[u8]) -> usize {
    let mut end = 0;
    while let Some(at) = memchr(b'\n', &rest[end..]) {
        end += at + 1;
        if !matches!(rest.get(end), Some(b' ' | b'\t')) {
            return end;
        }
    }
    rest.len()
}

fn trim_end(body: &[u8]) -> &[u8] {
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    body.strip_suffix(b"\r").unwrap_or(body)
}

/// A field's body on one line, white space at both ends removed. RFC 5322 2.2.3
pub(super) fn unfold(body: &[u8]) -> Vec<u8> {
    let kept = body.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n' | 0));
    kept.collect::<Vec<u8>>().trim_ascii().to_vec()
}

/// What BODY[HEADER.FIELDS ...] gives: the fields as they are, and the empty line. RFC 9051 6.4.5.1
pub fn filter(block: &[u8], names: &[String], include: Include) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields(block) {
        let named = names.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(field.name));
        if named == (include == Include::Only) {
            out.extend_from_slice(field.raw);
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_block() {
        let block = b"Subject: a\r\n  b\r\nno colon\r\nX:\nTo : c\r\n\r\nBody: no\r\n";
        let got: Vec<_> = fields(block).map(|f| (f.name.to_vec(), unfold(f.body))).collect();
        let want = [("Subject", "a  b"), ("X", ""), ("To", "c")];
        let want: Vec<_> = want.iter().map(|(n, b)| (n.as_bytes().to_vec(), b.as_bytes().to_vec())).collect();
        assert_eq!(got, want);
        let only = filter(block, &["SUBJECT".into()], Include::Only);
        assert_eq!(only, b"Subject: a\r\n  b\r\n\r\n");
        assert_eq!(filter(block, &["subject".into(), "x".into()], Include::Except), b"To : c\r\n\r\n");
    }
}

//! Strings as responses carry them.                 RFC 9051 4.3, 9 (nstring)

/// Characters to escape above which a literal is shorter and easier to read.
const ESCAPES_MAX: usize = 4;

/// A string: quoted if it is printable ASCII, else a literal. Line ends and NULs are left out, so that whatever stands
/// in a message the response is well formed.
pub(super) fn string(out: &mut Vec<u8>, text: &[u8]) {
    let (mut plain, mut escapes) = (true, 0);
    for octet in text {
        plain &= matches!(octet, b' '..=b'~');
        escapes += usize::from(is_special(*octet));
    }
    if plain && escapes <= ESCAPES_MAX {
        return quoted(out, text, escapes);
    }
    let dropped = |b: &&u8| !matches!(**b, b'\r' | b'\n' | 0);
    let length = text.iter().filter(dropped).count();
    out.extend_from_slice(format!("{{{length}}}\r\n").as_bytes());
    out.extend(text.iter().filter(dropped));
}

fn quoted(out: &mut Vec<u8>, text: &[u8], escapes: usize) {
    out.push(b'"');
    match escapes {
        0 => out.extend_from_slice(text),
        _ => text.iter().for_each(|&octet| {
            if is_special(octet) {
                out.push(b'\\');
            }
            out.push(octet);
        }),
    }
    out.push(b'"');
}

fn is_special(octet: u8) -> bool {
    matches!(octet, b'"' | b'\\')
}

pub(super) fn nstring(out: &mut Vec<u8>, text: Option<&[u8]>) {
    match text {
        Some(text) => string(out, text),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// A string for people to read: white space at its ends removed, elsewhere a single space.
pub(super) fn readable(out: &mut Vec<u8>, text: &[u8]) {
    let is_space = |b: u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    let odd = text.iter().any(|b| matches!(b, b'\t' | b'\r' | b'\n')) || text.windows(2).any(|two| two == b"  ");
    if !odd {
        return string(out, text.trim_ascii());
    }
    let unfolded: Vec<u8> = text.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    let words: Vec<&[u8]> = unfolded.split(|b| is_space(*b)).filter(|word| !word.is_empty()).collect();
    string(out, &words.join(&b' '));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings() {
        let cases: [(&[u8], &str); 9] = [
            (b"", "\"\""),
            (b"a b", "\"a b\""),
            (b"NIL", "\"NIL\""),
            (b"\"\\", "\"\\\"\\\\\""),
            (b"\"\"\"\"\"", "{5}\r\n\"\"\"\"\""),
            (b"a\r\nb\0c", "{3}\r\nabc"),
            ("é".as_bytes(), "{2}\r\né"),
            (b"a\tb", "{3}\r\na\tb"),
            (b"\x01", "{1}\r\n\x01"),
        ];
        for (text, want) in cases {
            let mut out = Vec::new();
            string(&mut out, text);
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
        let mut out = Vec::new();
        nstring(&mut out, None);
        readable(&mut out, b" a\r\n\tb  c ");
        assert_eq!(out, b"NIL\"a b c\"");
    }
}

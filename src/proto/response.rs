//! What the server says, in octets.                 RFC 9051 7, 9
//!
//! All writers append to a buffer. A string is quoted where it can be, else a literal; NUL is never sent.

use std::fmt::Write;

use super::command::Dialect;
use super::response_code::ResponseCode;
use crate::types::utf7;
use crate::types::{Seq, Uid, UidSet};

/// Lets `write!` append to octets.
struct Text<'a>(&'a mut Vec<u8>);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Appends formatted text.
pub fn text(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _ = Text(out).write_fmt(arguments);
}

/// `tag OK [CODE] text`; `*` for a tag makes it untagged.
pub fn status(out: &mut Vec<u8>, tag: &str, word: &str, code: Option<&ResponseCode>, explanation: &str) {
    for part in [tag, " ", word, " "] {
        out.extend_from_slice(part.as_bytes());
    }
    if let Some(code) = code {
        out.push(b'[');
        code.write(out);
        out.extend_from_slice(b"] ");
    }
    out.extend_from_slice(explanation.as_bytes());
    out.extend_from_slice(b"\r\n");
}

pub fn untagged_ok(out: &mut Vec<u8>, code: Option<&ResponseCode>, explanation: &str) {
    status(out, "*", "OK", code, explanation);
}

/// `* 23 EXISTS`
pub fn untagged_number(out: &mut Vec<u8>, n: u32, word: &str) {
    out.extend_from_slice(b"* ");
    number(out, n.into());
    for part in [" ", word, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// `* 23 FETCH (`, and after ENABLE UIDONLY `* 4711 UIDFETCH (`. RFC 9586 3.3
pub fn fetch_begin(out: &mut Vec<u8>, seq: Seq, uid: Uid, dialect: Dialect) {
    out.extend_from_slice(b"* ");
    match dialect.uid_only {
        true => {
            number(out, uid.get().into());
            out.extend_from_slice(b" UIDFETCH (");
        }
        false => {
            number(out, seq.get().into());
            out.extend_from_slice(b" FETCH (");
        }
    }
}

/// `* VANISHED 41,43:116`: gone now, in the place of EXPUNGE. RFC 7162 3.2.10.2
pub fn vanished(out: &mut Vec<u8>, uids: &UidSet) {
    if !uids.is_empty() {
        text(out, format_args!("* VANISHED {uids}\r\n"));
    }
}

/// `* VANISHED (EARLIER) 41,43:116`: gone while the client was away. RFC 7162 3.2.10.1
pub fn vanished_earlier(out: &mut Vec<u8>, uids: &UidSet) {
    if !uids.is_empty() {
        text(out, format_args!("* VANISHED (EARLIER) {uids}\r\n"));
    }
}

/// Decimal digits, without the machinery of formatting: the commonest thing in a FETCH response.
///
/// The digits are put together in one register, from the last to the first, and written with one store; what stands
/// behind them in it is taken off again.
pub fn number(out: &mut Vec<u8>, n: u64) {
    const DIGITS: usize = size_of::<u64>();
    let Some(mut rest) = u32::try_from(n).ok().filter(|n| *n < 10u32.pow(DIGITS as u32)) else {
        return text(out, format_args!("{n}"));
    };
    let (mut digits, mut count) = (0u64, 0);
    loop {
        digits = digits << 8 | u64::from(b'0' + (rest % 10) as u8);
        (rest, count) = (rest / 10, count + 1);
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits.to_le_bytes());
    out.truncate(out.len() - DIGITS + count);
}

/// A quoted string; the caller knows that it can be one.
pub fn quoted(out: &mut Vec<u8>, octets: &[u8]) {
    out.push(b'"');
    for &octet in octets {
        if matches!(octet, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(octet);
    }
    out.push(b'"');
}

/// A string: quoted if it is short ASCII without controls, else a literal. NULs are left out.
pub fn string(out: &mut Vec<u8>, octets: &[u8]) {
    match octets.len() <= 1000 && octets.iter().all(|b| matches!(b, b' '..=b'~')) {
        true => quoted(out, octets),
        false => {
            let nuls = memchr::memchr_iter(0, octets).count();
            text(out, format_args!("{{{}}}\r\n", octets.len() - nuls));
            out.extend(octets.iter().filter(|b| **b != 0));
        }
    }
}

/// `nstring / literal8`: octets of any kind. RFC 5464 5
pub fn value(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        None => out.extend_from_slice(b"NIL"),
        Some(octets) if octets.contains(&0) => {
            text(out, format_args!("~{{{}}}\r\n", octets.len()));
            out.extend_from_slice(octets);
        }
        Some(octets) => string(out, octets),
    }
}

/// A mailbox name: modified UTF-7, or UTF-8 for who has enabled it. RFC 9051 5.1; RFC 9755 3
pub fn mailbox(out: &mut Vec<u8>, name: &str, dialect: Dialect) {
    let encoded;
    let name = match dialect.has_utf8() {
        true => name,
        false => {
            encoded = utf7::encode(name);
            &encoded
        }
    };
    match is_atom(name) {
        true => out.extend_from_slice(name.as_bytes()),
        false => quoted(out, name.as_bytes()),
    }
}

fn is_atom(text: &str) -> bool {
    let atom_char = |b: u8| b.is_ascii_graphic() && !br#"(){%*"\]"#.contains(&b);
    !text.is_empty() && !text.eq_ignore_ascii_case("NIL") && text.bytes().all(atom_char)
}

/// `astring`: an atom where it can be one, as some clients take it for nothing else.
pub fn astring(out: &mut Vec<u8>, text: &str) {
    match is_atom(text) {
        true => out.extend_from_slice(text.as_bytes()),
        false => string(out, text.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers() {
        let near = |n: u64| [n.wrapping_sub(1), n, n.wrapping_add(1)];
        let powers = (0..20).map(|digits| 10u64.pow(digits));
        for n in powers.chain([u64::from(u32::MAX), u64::MAX, 1 << 63, 12_345_678]).flat_map(near) {
            assert_eq!(said(|out| number(out, n)), n.to_string());
        }
    }

    #[test]
    fn strings() {
        assert_eq!(said(|out| string(out, b"a\"b\\")), "\"a\\\"b\\\\\"");
        assert_eq!(said(|out| string(out, b"a\r\nb\0")), "{4}\r\na\r\nb");
        assert_eq!(said(|out| string(out, "ü".as_bytes())), "{2}\r\nü");
        assert_eq!(said(|out| number(out, 0)), "0");
        assert_eq!(said(|out| number(out, u64::MAX)), u64::MAX.to_string());
    }

    #[test]
    fn names_and_codes() {
        let rev1 = Dialect::default();
        let rev2 = Dialect { rev2: true, ..Dialect::default() };
        assert_eq!(said(|out| mailbox(out, "INBOX", rev1)), "INBOX");
        assert_eq!(said(|out| mailbox(out, "a b", rev1)), "\"a b\"");
        assert_eq!(said(|out| mailbox(out, "Entwürfe", rev1)), "Entw&APw-rfe");
        assert_eq!(said(|out| mailbox(out, "Entwürfe", rev2)), "\"Entwürfe\"");
        assert_eq!(said(|out| mailbox(out, "nil", rev1)), "\"nil\"");
        let code = ResponseCode::UidNext(Uid::MIN);
        assert_eq!(said(|out| status(out, "a", "OK", Some(&code), "Done")), "a OK [UIDNEXT 1] Done\r\n");
    }
}

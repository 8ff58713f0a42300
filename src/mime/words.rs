//! Encoded words.                                   RFC 2047; RFC 2231 5

use std::borrow::Cow;

use super::charset::{decode_charset, mixed};
use super::header::unfold;
use super::transfer::{Encoding, decode_all};

/// Octets of an encoded word that are looked at; RFC 2047 allows 75, mailers write whole subjects.
const WORD_BYTES_MAX: usize = 4096;

/// A header field's body as a person reads it: unfolded, encoded words decoded, single-spaced, no white space around it.
pub fn decode_field(body: &[u8]) -> String {
    match single_spaced(&decoded(body)) {
        Cow::Owned(spaced) => spaced,
        Cow::Borrowed(text) => text.to_string(),
    }
}

/// One space for each run of spaces and tabs, as ENVELOPE has them: where a line was folded, or how, is nothing that anyone
/// looks for.
pub fn single_spaced(text: &str) -> Cow<'_, str> {
    if is_single_spaced(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' ' | '\t' if out.ends_with(' ') => {}
            ' ' | '\t' => out.push(' '),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

pub(super) fn is_single_spaced(text: &[u8]) -> bool {
    memchr::memchr(b'\t', text).is_none() && memchr::memmem::find(text, b"  ").is_none()
}

fn decoded(body: &[u8]) -> String {
    let body = unfold(body);
    let mut out = String::with_capacity(body.len());
    let mut pending: Option<Pending<'_>> = None;
    let mut rest = body.trim_ascii();
    while let Some(at) = memchr::memmem::find(rest, b"=?") {
        let (before, from) = rest.split_at(at);
        let Some(word) = Word::parse(from) else {
            Pending::flush(&mut pending, &mut out);
            out.push_str(&mixed(&rest[..at + 2]));
            rest = &rest[at + 2..];
            continue;
        };
        // White space between two encoded words is not shown, and a character may be cut in two by them.
        let is_next = pending.is_some() && before.trim_ascii().is_empty();
        if !is_next {
            Pending::flush(&mut pending, &mut out);
            out.push_str(&mixed(before));
        }
        Pending::add(&mut pending, &word, &mut out);
        rest = &from[word.length..];
    }
    Pending::flush(&mut pending, &mut out);
    out.push_str(&mixed(rest));
    out
}

/// Octets of encoded words of one charset that follow each other.
struct Pending<'a> {
    charset: &'a [u8],
    octets: Vec<u8>,
}

impl<'a> Pending<'a> {
    fn add(pending: &mut Option<Pending<'a>>, word: &Word<'a>, out: &mut String) {
        if pending.as_ref().is_some_and(|known| !known.charset.eq_ignore_ascii_case(word.charset)) {
            Pending::flush(pending, out);
        }
        let pending = pending.get_or_insert_with(|| Pending { charset: word.charset, octets: Vec::new() });
        word.decode(&mut pending.octets);
    }

    fn flush(pending: &mut Option<Pending<'a>>, out: &mut String) {
        if let Some(Pending { charset, octets }) = pending.take() {
            out.push_str(&decode_charset(charset, &octets));
        }
    }
}

/// `=?charset*language?encoding?text?=`
struct Word<'a> {
    charset: &'a [u8],
    encoding: Encoding,
    text: &'a [u8],
    length: usize,
}

impl<'a> Word<'a> {
    /// The word at the front.
    fn parse(from: &'a [u8]) -> Option<Word<'a>> {
        let window = &from[..from.len().min(WORD_BYTES_MAX)];
        let inner = window.strip_prefix(b"=?")?;
        let (charset, inner) = inner.split_at(memchr::memchr(b'?', &inner[..inner.len().min(100)])?);
        let (encoding, text) = match inner {
            [b'?', b'B' | b'b', b'?', text @ ..] => (Encoding::Base64, text),
            [b'?', b'Q' | b'q', b'?', text @ ..] => (Encoding::QuotedPrintable, text),
            _ => return None,
        };
        let text = &text[..memchr::memmem::find(text, b"?=")?];
        let length = 2 + charset.len() + 3 + text.len() + 2;
        let charset = charset.split(|b| *b == b'*').next()?;
        let is_token = !charset.is_empty() && !charset.iter().any(|b| b.is_ascii_whitespace() || *b == b'=');
        is_token.then_some(Word { charset, encoding, text, length })
    }

    fn decode(&self, out: &mut Vec<u8>) {
        match self.encoding {
            Encoding::QuotedPrintable => q(self.text, out),
            encoding => decode_all(encoding, self.text, out),
        }
    }
}

/// The "Q" encoding. RFC 2047 4.2
fn q(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        let digit = |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16));
        match (octet, digit(0), digit(1)) {
            (b'=', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            (b'_', ..) => out.push(b' '),
            (octet, ..) => out.push(octet),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let cases = [
            // RFC 2047 8
            ("(=?ISO-8859-1?Q?a?=)", "(a)"),
            ("=?ISO-8859-1?Q?a?= b", "a b"),
            ("=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a_b?= \r\n =?utf-8?B?w7w=?=", "a bü"),
            ("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
            ("x =?utf-8*de?q?=C3=BC_?=y", "x ü y"),
            ("=?utf-8?q?=C3?= =?UTF-8?q?=BC?=", "ü"),
            ("=?no-such?Q?a?=", "a"),
            ("=?broken", "=?broken"),
            ("=?a?X?b?= =?", "=?a?X?b?= =?"),
            ("=?utf-8?Q?a b?c?=", "a b?c"),
            ("=?utf-8?Q??=", ""),
            ("=?koi8-r?B?8NLJ18XU?=", "Привет"),
            ("=?iso-2022-jp?B?GyRCJCIbKEI=?=", "あ"),
            ("=?utf-8?B?w7w?= =?utf-8?q?=ZZ?=", "ü=ZZ"),
            ("a\r\n\tb", "a b"),
            ("a  b\r\n   =?utf-8?q?=C3=BC__=C3=BC?= \t c", "a b ü ü c"),
        ];
        for (body, want) in cases {
            assert_eq!(decode_field(body.as_bytes()), want, "{body}");
        }
        assert_eq!(decode_field(b"caf\xe9"), "café");
        assert_eq!(decode_field("café".as_bytes()), "café");
    }

    #[test]
    fn hostile_length() {
        let _ = decode_field(&b"=?a?q?".repeat(100_000));
        let _ = decode_field(&b"=?".repeat(500_000));
    }
}

//! Text as a person reads it.                       RFC 2047; RFC 2045 6
//!
//! Charsets are those of the WHATWG (encoding_rs). Octets of no known charset are UTF-8 if they can be, else
//! windows-1252, which gives every octet a character.

use encoding_rs::{CoderResult, Decoder, UTF_8, WINDOWS_1252};

use super::header::unfold;
use super::transfer::{Encoding, TransferDecoder};

/// Text in a charset by name.
pub(super) fn in_charset(charset: &[u8], octets: &[u8]) -> String {
    match encoding_rs::Encoding::for_label_no_replacement(charset) {
        Some(encoding) if encoding != UTF_8 => encoding.decode_without_bom_handling(octets).0.into_owned(),
        _ => unlabelled(octets),
    }
}

fn unlabelled(octets: &[u8]) -> String {
    match std::str::from_utf8(octets) {
        Ok(text) => text.to_string(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(octets).0.into_owned(),
    }
}

/// A header field's body: unfolded, encoded words decoded. RFC 2047
pub fn decode_field(body: &[u8]) -> String {
    let body = unfold(body);
    let mut out = String::new();
    let mut rest = &body[..];
    let mut after_word = false;
    while let Some(at) = memchr::memmem::find(rest, b"=?") {
        let Some((word, length)) = encoded_word(&rest[at..]) else {
            out.push_str(&unlabelled(&rest[..at + 2]));
            rest = &rest[at + 2..];
            after_word = false;
            continue;
        };
        // White space between two encoded words is not shown.
        if !(after_word && rest[..at].iter().all(u8::is_ascii_whitespace)) {
            out.push_str(&unlabelled(&rest[..at]));
        }
        out.push_str(&word);
        rest = &rest[at + length..];
        after_word = true;
    }
    out.push_str(&unlabelled(rest));
    out
}

/// `=?charset?Q?text?=` at the front: its text, and how long it is.
fn encoded_word(octets: &[u8]) -> Option<(String, usize)> {
    let inner = octets.strip_prefix(b"=?")?;
    let charset_end = memchr::memchr(b'?', inner)?;
    let kind = inner.get(charset_end + 1)?.to_ascii_uppercase();
    let text = inner.get(charset_end + 2..)?.strip_prefix(b"?")?;
    let end = memchr::memmem::find(text, b"?=")?;
    let encoded = &text[..end];
    let charset = inner[..charset_end].split(|b| *b == b'*').next()?;
    let (encoding, encoded) = match kind {
        b'B' => (Encoding::Base64, encoded.to_vec()),
        b'Q' => (Encoding::QuotedPrintable, encoded.iter().map(|b| if *b == b'_' { b' ' } else { *b }).collect()),
        _ => return None,
    };
    if charset.is_empty() || encoded.contains(&b'\n') {
        return None;
    }
    let (mut decoder, mut out) = (TransferDecoder::new(encoding), Vec::new());
    decoder.feed(&encoded, &mut out);
    decoder.finish(&mut out);
    let trailing = encoded.len() - encoded.trim_ascii_end().len();
    if kind == b'Q' && trailing > 0 && !out.ends_with(b" ") {
        out.extend(std::iter::repeat_n(b' ', trailing));
    }
    Some((in_charset(charset, &out), 2 + charset_end + 3 + end + 2))
}

/// Decodes a text part to UTF-8, piece by piece and in bounded memory.
pub struct TextDecoder {
    transfer: TransferDecoder,
    charset: Decoder,
    octets: Vec<u8>,
}

impl TextDecoder {
    pub fn new(encoding: Encoding, charset: Option<&str>) -> TextDecoder {
        let known = charset.and_then(|name| encoding_rs::Encoding::for_label_no_replacement(name.as_bytes()));
        // ISO-2022 and others announce themselves; what is unknown is most often one of these two.
        let charset = known.unwrap_or(UTF_8).new_decoder_without_bom_handling();
        TextDecoder { transfer: TransferDecoder::new(encoding), charset, octets: Vec::new() }
    }

    pub fn feed(&mut self, octets: &[u8], out: &mut String) {
        self.octets.clear();
        self.transfer.feed(octets, &mut self.octets);
        self.convert(out, false);
    }

    pub fn finish(&mut self, out: &mut String) {
        self.octets.clear();
        self.transfer.finish(&mut self.octets);
        self.convert(out, true);
    }

    fn convert(&mut self, out: &mut String, last: bool) {
        let mut read = 0;
        loop {
            out.reserve(self.octets.len() - read + 32);
            let (result, taken, _) = self.charset.decode_to_string(&self.octets[read..], out, last);
            read += taken;
            if result == CoderResult::InputEmpty {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        let cases = [
            ("=?ISO-8859-1?Q?a?=", "a"),
            ("=?ISO-8859-1?Q?a?= b", "a b"),
            ("=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a_b?= \r\n =?utf-8?B?w7w=?=", "a bü"),
            ("x =?utf-8?q?=C3=BC_?=y", "x ü y"),
            ("=?no-such?Q?a?=", "a"),
            ("=?broken", "=?broken"),
            ("=?a?X?b?=", "=?a?X?b?="),
            ("=?koi8-r?B?8NLJ18XU?=", "Привет"),
        ];
        for (body, want) in cases {
            assert_eq!(decode_field(body.as_bytes()), want, "{body}");
        }
        assert_eq!(decode_field(b"caf\xe9"), "caf\u{e9}");
    }

    #[test]
    fn text() {
        let mut out = String::new();
        let mut decoder = TextDecoder::new(Encoding::QuotedPrintable, Some("iso-8859-1"));
        b"caf=E9\r\n".chunks(1).for_each(|piece| decoder.feed(piece, &mut out));
        decoder.finish(&mut out);
        assert_eq!(out, "café\r\n");
    }
}

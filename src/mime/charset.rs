//! Charsets by name.                                RFC 2045 5.1, RFC 2046 4.1.2
//!
//! Charsets are those of the WHATWG (encoding_rs) and a few names that mailers use besides. Text that names none, an
//! unknown one or US-ASCII is `Mixed`: UTF-8 where it can be, else windows-1252, which gives every octet a character.

use std::borrow::Cow;

use encoding_rs::{CoderResult, Decoder, EUC_JP, Encoding, UTF_8, WINDOWS_1252};

/// Names that mailers use and the WHATWG does not know.
const ALIASES: [(&str, &str); 8] = [
    ("cp932", "shift_jis"),
    ("cp936", "gbk"),
    ("cp949", "euc-kr"),
    ("cp950", "big5"),
    ("cp850", "windows-1252"),
    ("iso-8859-8-e", "iso-8859-8"),
    ("x-gbk", "gbk"),
    ("utf-8mb4", "utf-8"),
];

/// Names of what `Mixed` is for, though the WHATWG takes them for windows-1252.
const ASCII: [&str; 6] = ["us-ascii", "ascii", "ansi_x3.4-1968", "iso-ir-6", "iso646-us", "us"];

/// The charset of a name; `None` for `Mixed`.
fn by_name(name: &[u8]) -> Option<&'static Encoding> {
    let name = name.trim_ascii();
    let is = |known: &str| known.as_bytes().eq_ignore_ascii_case(name);
    if name.is_empty() || ASCII.iter().any(|ascii| is(ascii)) {
        return None;
    }
    let alias = ALIASES.iter().find(|(alias, _)| is(alias)).map_or(name, |(_, known)| known.as_bytes());
    Encoding::for_label_no_replacement(alias)
}

/// Whether the octets of ASCII stand for its characters, and for nothing else, in the charset of this name: in those of
/// East Asia the second octet of a character may look like a letter.
pub(super) fn is_ascii_compatible(name: &[u8]) -> bool {
    let whole = |charset: &'static Encoding| charset == UTF_8 || charset == EUC_JP || charset.is_single_byte();
    by_name(name).is_none_or(|charset| charset.is_ascii_compatible() && whole(charset))
}

/// The text of `octets`; what is no character becomes U+FFFD.
pub(super) fn decode_charset<'a>(name: &[u8], octets: &'a [u8]) -> Cow<'a, str> {
    match by_name(name) {
        // What pretends to be UTF-8 is often something else.
        Some(charset) if charset != UTF_8 => charset.decode_without_bom_handling(octets).0,
        _ => mixed(octets),
    }
}

/// UTF-8, and windows-1252 for the octets that are not.
pub(super) fn mixed(octets: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(octets) {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    for chunk in octets.utf8_chunks() {
        out.push_str(chunk.valid());
        out.push_str(&WINDOWS_1252.decode_without_bom_handling(chunk.invalid()).0);
    }
    Cow::Owned(out)
}

/// Decodes piece by piece.
pub(super) enum CharsetDecoder {
    Known(Decoder),
    /// With the beginning of a character that a piece ended in.
    Mixed(Vec<u8>),
}

impl CharsetDecoder {
    pub(super) fn new(name: &[u8]) -> CharsetDecoder {
        match by_name(name) {
            Some(charset) if charset != UTF_8 => CharsetDecoder::Known(charset.new_decoder_without_bom_handling()),
            _ => CharsetDecoder::Mixed(Vec::new()),
        }
    }

    /// `Last` with the last piece.
    pub(super) fn feed(&mut self, octets: &[u8], piece: Piece, out: &mut String) {
        match self {
            CharsetDecoder::Known(decoder) => known(decoder, octets, piece == Piece::Last, out),
            CharsetDecoder::Mixed(held) => {
                let joined = if held.is_empty() { Cow::Borrowed(octets) } else { [held, octets].concat().into() };
                let whole = if piece == Piece::Last { joined.len() } else { whole_characters(&joined) };
                out.push_str(&mixed(&joined[..whole]));
                *held = joined[whole..].to_vec();
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    More,
    Last,
}

fn known(decoder: &mut Decoder, octets: &[u8], last: bool, out: &mut String) {
    let mut read = 0;
    loop {
        out.reserve(octets.len() - read + 32);
        let (result, taken, _) = decoder.decode_to_string(&octets[read..], out, last);
        read += taken;
        if result == CoderResult::InputEmpty {
            return;
        }
    }
}

/// Octets up to a character that the end has cut.
fn whole_characters(octets: &[u8]) -> usize {
    let tail = octets.len().saturating_sub(3);
    match octets[tail..].iter().rposition(|b| *b >= 0xc0) {
        Some(at) => match std::str::from_utf8(&octets[tail + at..]) {
            Err(error) if error.error_len().is_none() => tail + at,
            _ => octets.len(),
        },
        None => octets.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(name: &str, octets: &[u8], size: usize) -> String {
        let (mut decoder, mut out) = (CharsetDecoder::new(name.as_bytes()), String::new());
        octets.chunks(size).for_each(|piece| decoder.feed(piece, Piece::More, &mut out));
        decoder.feed(b"", Piece::Last, &mut out);
        out
    }

    #[test]
    fn charsets() {
        let cases: [(&str, &[u8], &str); 8] = [
            ("", "aü€😀".as_bytes(), "aü€😀"),
            ("us-ascii", b"caf\xe9 \xc3\xa9", "café é"),
            ("utf-8", b"caf\xe9", "café"),
            ("no-such", b"a\x80", "a€"),
            ("iso-8859-1", b"\xe9\x93", "é“"),
            ("koi8-r", b"\xf0\xd2\xc9", "При"),
            ("iso-2022-jp", b"\x1b$B$\"\x1b(Ba", "あa"),
            ("cp932", b"\x82\xa0", "あ"),
        ];
        for (name, octets, want) in cases {
            assert_eq!(decode_charset(name.as_bytes(), octets), want, "{name}");
            for size in [1, 2, 100] {
                assert_eq!(pieces(name, octets, size), want, "{name} {size}");
            }
        }
        assert_eq!(pieces("", b"a\xe2\x82", 1), "aâ‚");
    }

    #[test]
    fn compatible() {
        assert!(["", "utf-8", "latin1", "euc-jp", "x-no"].iter().all(|name| is_ascii_compatible(name.as_bytes())));
        assert!(
            !["utf-16", "iso-2022-jp", "Shift_JIS", "gbk"].iter().any(|name| is_ascii_compatible(name.as_bytes()))
        );
    }
}

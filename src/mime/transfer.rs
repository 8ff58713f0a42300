//! Content-Transfer-Encoding undone, piece by piece.        RFC 2045 6; RFC 3516
//!
//! Broken encodings are decoded as far as they can be: octets that cannot be meant are passed over (base64) or taken as
//! they stand (quoted-printable), a cut end gives what it holds.

use super::uuencode::Uudecoder;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// 7bit, 8bit, binary, or none given.
    Identity,
    QuotedPrintable,
    Base64,
    /// uuencode under any of its names; no RFC defines it, old mail has it.
    Uuencode,
    /// One that nobody can undo: BINARY answers UNKNOWN-CTE.
    Unknown,
}

/// The first of an encoding is the place of its number in summaries.
const NAMES: [(&str, Encoding); 10] = [
    ("7bit", Encoding::Identity),
    ("quoted-printable", Encoding::QuotedPrintable),
    ("base64", Encoding::Base64),
    ("x-uuencode", Encoding::Uuencode),
    ("8bit", Encoding::Identity),
    ("binary", Encoding::Identity),
    ("", Encoding::Identity),
    ("uuencode", Encoding::Uuencode),
    ("x-uue", Encoding::Uuencode),
    ("uue", Encoding::Uuencode),
];

impl Encoding {
    /// By its name in any case.
    pub fn from_name(name: &[u8]) -> Encoding {
        let found = NAMES.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name.trim_ascii()));
        found.map_or(Encoding::Unknown, |(_, encoding)| *encoding)
    }

    pub(super) fn number(self) -> u8 {
        NAMES.iter().position(|(_, encoding)| *encoding == self).map_or(u8::MAX, |at| at as u8)
    }

    pub(super) fn from_number(number: u8) -> Encoding {
        NAMES.get(usize::from(number)).map_or(Encoding::Unknown, |(_, encoding)| *encoding)
    }
}

/// Decodes what it is fed; what is `Encoding::Unknown` passes through as it is.
pub struct TransferDecoder(Decoder);

enum Decoder {
    Identity,
    QuotedPrintable(QuotedPrintable),
    Base64(Base64),
    Uuencode(Uudecoder),
}

impl TransferDecoder {
    pub fn new(encoding: Encoding) -> TransferDecoder {
        TransferDecoder(match encoding {
            Encoding::Identity | Encoding::Unknown => Decoder::Identity,
            Encoding::QuotedPrintable => Decoder::QuotedPrintable(QuotedPrintable::default()),
            Encoding::Base64 => Decoder::Base64(Base64::default()),
            Encoding::Uuencode => Decoder::Uuencode(Uudecoder::default()),
        })
    }

    /// Adds to `out` what can be decoded so far.
    pub fn feed(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            Decoder::Identity => out.extend_from_slice(octets),
            Decoder::QuotedPrintable(decoder) => decoder.feed(octets, out),
            Decoder::Base64(decoder) => decoder.feed(octets, out),
            Decoder::Uuencode(decoder) => decoder.feed(octets, out),
        }
    }

    /// Adds the rest.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match &mut self.0 {
            Decoder::Identity => {}
            Decoder::QuotedPrintable(decoder) => decoder.finish(out),
            Decoder::Base64(decoder) => decoder.flush(out),
            Decoder::Uuencode(decoder) => decoder.finish(out),
        }
    }
}

pub(super) fn decode_all(encoding: Encoding, octets: &[u8], out: &mut Vec<u8>) {
    let mut decoder = TransferDecoder::new(encoding);
    decoder.feed(octets, out);
    decoder.finish(out);
}

/// No character of base64.
const SKIP: u8 = 0xff;
/// The padding.
const PAD: u8 = 0xfe;

const BASE64: [u8; 256] = {
    let (mut table, mut at) = ([SKIP; 256], 0);
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    while at < 64 {
        table[alphabet[at] as usize] = at as u8;
        at += 1;
    }
    table[b'=' as usize] = PAD;
    table
};

/// RFC 2045 6.8. Padding ends a group wherever it stands: some mailers put several encodings behind each other.
#[derive(Default)]
struct Base64 {
    /// Characters of the group so far, six bits each.
    group: u32,
    characters: u8,
}

impl Base64 {
    fn feed(&mut self, mut octets: &[u8], out: &mut Vec<u8>) {
        out.reserve(octets.len() / 4 * 3 + 3);
        while let Some((&first, rest)) = octets.split_first() {
            if self.characters == 0 {
                octets = Base64::whole_groups(octets, out);
                let Some((&first, rest)) = octets.split_first() else { return };
                self.take(first, out);
                octets = rest;
            } else {
                self.take(first, out);
                octets = rest;
            }
        }
    }

    /// Decodes groups of four as long as nothing stands between; gives back the rest.
    fn whole_groups<'a>(mut octets: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        while let Some((four, rest)) = octets.split_first_chunk::<4>() {
            let [a, b, c, d] = four.map(|octet| BASE64[usize::from(octet)]);
            if (a | b | c | d) >= 64 {
                break;
            }
            let [a, b, c, d] = [a, b, c, d].map(u32::from);
            let [_, x, y, z] = (a << 18 | b << 12 | c << 6 | d).to_be_bytes();
            out.extend_from_slice(&[x, y, z]);
            octets = rest;
        }
        octets
    }

    fn take(&mut self, octet: u8, out: &mut Vec<u8>) {
        match BASE64[usize::from(octet)] {
            SKIP => {}
            PAD => self.flush(out),
            bits => {
                self.group = self.group << 6 | u32::from(bits);
                self.characters += 1;
                if self.characters == 4 {
                    out.extend_from_slice(&self.group.to_be_bytes()[1..]);
                    *self = Base64::default();
                }
            }
        }
    }

    /// A group that was cut: two characters hold one octet, three hold two.
    fn flush(&mut self, out: &mut Vec<u8>) {
        let bytes = (self.group << (6 * (4 - u32::from(self.characters)))).to_be_bytes();
        match self.characters {
            2 => out.extend_from_slice(&bytes[1..2]),
            3 => out.extend_from_slice(&bytes[1..3]),
            _ => {}
        }
        *self = Base64::default();
    }
}

/// Octets of a line without an end above which it is decoded as it comes. RFC 2045 6.7 allows 76.
const LINE_BYTES_MAX: usize = 4096;

/// RFC 2045 6.7
#[derive(Default)]
struct QuotedPrintable {
    /// A line whose end has not come.
    held: Vec<u8>,
}

impl QuotedPrintable {
    fn feed(&mut self, mut octets: &[u8], out: &mut Vec<u8>) {
        while let Some(end) = memchr::memchr(b'\n', octets) {
            let (line, rest) = octets.split_at(end + 1);
            octets = rest;
            if self.held.is_empty() {
                quoted_line(line, out);
            } else {
                self.held.extend_from_slice(line);
                quoted_line(&std::mem::take(&mut self.held), out);
            }
        }
        self.held.extend_from_slice(octets);
        if self.held.len() > LINE_BYTES_MAX {
            // White space may turn out to stand at the end of the line, and an escape may be cut by the end.
            let text = self.held.trim_ascii_end();
            let cut = text.iter().rev().take(3).position(|b| *b == b'=').map_or(0, |back| back + 1);
            let whole = text.len() - cut;
            unescape(&self.held[..whole], out);
            self.held.drain(..whole);
            if self.held.len() > LINE_BYTES_MAX {
                unescape(&std::mem::take(&mut self.held), out);
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        quoted_line(&std::mem::take(&mut self.held), out);
    }
}

/// A line with its end, if it has one: white space before the end is not part of the text, `=` before it joins the line
/// to the next.
fn quoted_line(line: &[u8], out: &mut Vec<u8>) {
    let text = line.trim_ascii_end();
    match text.strip_suffix(b"=") {
        Some(text) => unescape(text, out),
        None if line.ends_with(b"\n") => {
            unescape(text, out);
            out.extend_from_slice(b"\r\n");
        }
        None => unescape(line, out),
    }
}

/// What is no escape is taken as it stands.
fn unescape(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = memchr::memchr(b'=', text) {
        out.extend_from_slice(&text[..at]);
        let digit = |at: usize| text.get(at).and_then(|b| char::from(*b).to_digit(16));
        let skip = match (digit(at + 1), digit(at + 2)) {
            (Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                3
            }
            _ => {
                out.push(b'=');
                1
            }
        };
        text = &text[at + skip..];
    }
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(encoding: Encoding, text: &[u8], piece: usize) -> Vec<u8> {
        let (mut decoder, mut out) = (TransferDecoder::new(encoding), Vec::new());
        text.chunks(piece).for_each(|piece| decoder.feed(piece, &mut out));
        decoder.finish(&mut out);
        out
    }

    #[test]
    fn decoders() {
        let cases: [(Encoding, &[u8], &[u8]); 11] = [
            (Encoding::Base64, b"SGVs\r\nbG8=\r\n", b"Hello"),
            (Encoding::Base64, b"SGVsbG8", b"Hello"),
            (Encoding::Base64, b"SGk=SGk=!", b"HiHi"),
            (Encoding::Base64, b"S G\tV\0sbG8hA", b"Hello!"),
            (Encoding::Base64, b"====", b""),
            (Encoding::QuotedPrintable, b"a=\r\nb=20c  \r\n=XY=3D", b"ab c\r\n=XY="),
            (Encoding::QuotedPrintable, b"caf=C3=a9=", b"caf\xc3\xa9"),
            (Encoding::QuotedPrintable, b"a= \t\nb\n", b"ab\r\n"),
            (Encoding::Identity, b"x=\r\n", b"x=\r\n"),
            (Encoding::Unknown, b"x=\r\n", b"x=\r\n"),
            (Encoding::Uuencode, b"x\nbegin 644 f\r\n%2&5L;&\\\r\n`\r\nend\r\ny\n", b"Hello"),
        ];
        for (encoding, text, want) in cases {
            for piece in [1, 2, 3, 1000] {
                assert_eq!(decoded(encoding, text, piece), want, "{encoding:?} {piece}");
            }
        }
    }

    #[test]
    fn names() {
        assert_eq!(Encoding::from_name(b" Base64 "), Encoding::Base64);
        assert_eq!(Encoding::from_name(b"x-gzip"), Encoding::Unknown);
        for encoding in
            [Encoding::Identity, Encoding::QuotedPrintable, Encoding::Base64, Encoding::Uuencode, Encoding::Unknown]
        {
            assert_eq!(Encoding::from_number(encoding.number()), encoding);
        }
    }

    #[test]
    fn long_lines() {
        let text = b"=41 ".repeat(50_000);
        for piece in [1000, 4097, 200_000] {
            assert!(decoded(Encoding::QuotedPrintable, &text, piece) == b"A ".repeat(50_000), "{piece}");
        }
        let spaces = [b"a".as_slice(), &b" ".repeat(100_000), b"b"].concat();
        assert!(decoded(Encoding::QuotedPrintable, &spaces, 700) == spaces);
    }
}

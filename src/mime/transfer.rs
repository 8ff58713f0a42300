//! Content-Transfer-Encoding undone, piece by piece.        RFC 2045 6; RFC 3516
//!
//! Broken encodings are decoded as far as they can be: octets that cannot be meant are passed over (base64) or taken as
//! they stand (quoted-printable), a cut end gives what it holds.

use super::base64::Base64;
use super::quoted_printable::QuotedPrintable;
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

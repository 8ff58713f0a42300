//! Content-Transfer-Encoding undone, piece by piece.        RFC 2045 6; RFC 3516

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// 7bit, 8bit, binary, or none given.
    Identity,
    QuotedPrintable,
    Base64,
    /// One that nobody can undo.
    Unknown,
}

impl Encoding {
    pub fn from_name(name: &[u8]) -> Encoding {
        let known: [(&[u8], Encoding); 6] = [
            (b"", Encoding::Identity),
            (b"7bit", Encoding::Identity),
            (b"8bit", Encoding::Identity),
            (b"binary", Encoding::Identity),
            (b"quoted-printable", Encoding::QuotedPrintable),
            (b"base64", Encoding::Base64),
        ];
        let found = known.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.trim_ascii()));
        found.map_or(Encoding::Unknown, |(_, encoding)| *encoding)
    }
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Decodes what it is fed; an unknown encoding passes through.
pub struct TransferDecoder {
    encoding: Encoding,
    /// What cannot be decoded before more comes.
    held: Vec<u8>,
}

impl TransferDecoder {
    pub fn new(encoding: Encoding) -> TransferDecoder {
        TransferDecoder { encoding, held: Vec::new() }
    }

    pub fn feed(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Identity | Encoding::Unknown => out.extend_from_slice(octets),
            Encoding::Base64 => self.base64(octets, out),
            Encoding::QuotedPrintable => {
                self.held.extend_from_slice(octets);
                let end = memchr::memrchr(b'\n', &self.held).map_or(0, |at| at + 1);
                // A line without an end is decoded as it comes, but for its last octets.
                let end = if end == 0 && self.held.len() > 4096 { self.held.len() - 3 } else { end };
                quoted_printable(&self.held[..end], out);
                self.held.drain(..end);
            }
        }
    }

    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        match self.encoding {
            Encoding::Base64 => decode_base64(&held, out),
            Encoding::QuotedPrintable => quoted_printable(&held, out),
            Encoding::Identity | Encoding::Unknown => {}
        }
    }

    fn base64(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        for &octet in octets {
            match octet {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => self.held.push(octet),
                // Some mailers put padding in the middle and go on.
                b'=' if !self.held.is_empty() => {
                    decode_base64(&self.held, out);
                    self.held.clear();
                }
                _ => {}
            }
        }
        let whole = self.held.len() / 4 * 4;
        decode_base64(&self.held[..whole], out);
        self.held.drain(..whole);
    }
}

/// A last group of one character says nothing.
fn decode_base64(encoded: &[u8], out: &mut Vec<u8>) {
    let length = if encoded.len() % 4 == 1 { encoded.len() - 1 } else { encoded.len() };
    if let Ok(mut decoded) = LENIENT.decode(&encoded[..length]) {
        out.append(&mut decoded);
    }
}

/// RFC 2045 6.7; what is no escape is taken as it stands.
fn quoted_printable(encoded: &[u8], out: &mut Vec<u8>) {
    for line in encoded.split_inclusive(|b| *b == b'\n') {
        let text = line.trim_ascii_end();
        let soft = text.ends_with(b"=");
        quoted_line(text.strip_suffix(b"=").unwrap_or(text), out);
        if !soft && line.ends_with(b"\n") {
            out.extend_from_slice(b"\r\n");
        } else if !soft && line.len() > text.len() {
            out.extend_from_slice(&line[text.len()..]);
        }
    }
}

fn quoted_line(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = memchr::memchr(b'=', text) {
        out.extend_from_slice(&text[..at]);
        let digit = |at: usize| text.get(at).and_then(|b| (*b as char).to_digit(16));
        match (digit(at + 1), digit(at + 2)) {
            (Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                text = &text[at + 3..];
            }
            _ => {
                out.push(b'=');
                text = &text[at + 1..];
            }
        }
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
        let cases: [(Encoding, &[u8], &[u8]); 6] = [
            (Encoding::Base64, b"SGVs\r\nbG8=\r\n", b"Hello"),
            (Encoding::Base64, b"SGVsbG8", b"Hello"),
            (Encoding::Base64, b"SGk=SGk=!", b"HiHi"),
            (Encoding::QuotedPrintable, b"a=\r\nb=20c  \r\n=XY=3D", b"ab c\r\n=XY="),
            (Encoding::QuotedPrintable, b"caf=C3=A9=", b"caf\xc3\xa9"),
            (Encoding::Identity, b"x=\r\n", b"x=\r\n"),
        ];
        for (encoding, text, want) in cases {
            for piece in [1, 2, 3, 1000] {
                assert_eq!(decoded(encoding, text, piece), want, "{encoding:?} {piece}");
            }
        }
    }
}

//! The text of a part, as a person reads it.        RFC 2045 6; RFC 9051 6.4.4 (BODY, TEXT)

use super::charset::{CharsetDecoder, Piece};
use super::transfer::{Encoding, TransferDecoder};

/// Decodes a part to UTF-8, piece by piece and in bounded memory.
pub struct TextDecoder {
    /// `None` where the octets are what they are.
    transfer: Option<TransferDecoder>,
    charset: CharsetDecoder,
    octets: Vec<u8>,
}

impl TextDecoder {
    pub fn new(encoding: Encoding, charset: Option<&str>) -> TextDecoder {
        let transfer = (encoding != Encoding::Identity).then(|| TransferDecoder::new(encoding));
        let charset = CharsetDecoder::new(charset.unwrap_or("").as_bytes());
        TextDecoder { transfer, charset, octets: Vec::new() }
    }

    /// Adds to `out` what can be decoded so far.
    pub fn feed(&mut self, octets: &[u8], out: &mut String) {
        match &mut self.transfer {
            None => self.charset.feed(octets, Piece::More, out),
            Some(transfer) => {
                self.octets.clear();
                transfer.feed(octets, &mut self.octets);
                self.charset.feed(&self.octets, Piece::More, out);
            }
        }
    }

    /// Adds the rest.
    pub fn finish(&mut self, out: &mut String) {
        self.octets.clear();
        if let Some(transfer) = &mut self.transfer {
            transfer.finish(&mut self.octets);
        }
        self.charset.feed(&self.octets, Piece::Last, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text() {
        let cases: [(Encoding, Option<&str>, &[u8], &str); 4] = [
            (Encoding::QuotedPrintable, Some("iso-8859-1"), b"caf=E9\r\n", "café\r\n"),
            (Encoding::Base64, Some("utf-8"), b"Y2Fm\r\nw6k=", "café"),
            (Encoding::Identity, None, b"caf\xc3\xa9", "café"),
            (Encoding::Identity, Some("utf-16"), b"a\0b\0", "ab"),
        ];
        for (encoding, charset, octets, want) in cases {
            for size in [1, 3, 100] {
                let (mut decoder, mut out) = (TextDecoder::new(encoding, charset), String::new());
                octets.chunks(size).for_each(|piece| decoder.feed(piece, &mut out));
                decoder.finish(&mut out);
                assert_eq!(out, want, "{encoding:?} {size}");
            }
        }
    }
}

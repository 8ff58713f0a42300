//! Base64 in lines of 76 characters, a piece at a time.           RFC 2045 6.8

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Octets of one line.
const LINE_OCTETS: usize = 57;

#[derive(Default)]
pub(super) struct Base64Lines {
    /// Less than a line.
    rest: Vec<u8>,
}

impl Base64Lines {
    pub(super) fn feed(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        self.rest.extend_from_slice(octets);
        let whole = self.rest.len() - self.rest.len() % LINE_OCTETS;
        self.rest[..whole].chunks(LINE_OCTETS).for_each(|octets| line(octets, out));
        self.rest.drain(..whole);
    }

    pub(super) fn finish(self, out: &mut Vec<u8>) {
        if !self.rest.is_empty() {
            line(&self.rest, out);
        }
    }
}

fn line(octets: &[u8], out: &mut Vec<u8>) {
    let mut line = [0; LINE_OCTETS.div_ceil(3) * 4];
    // A line has room for its octets.
    let length = STANDARD.encode_slice(octets, &mut line).unwrap_or_default();
    out.extend_from_slice(&line[..length]);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_the_lines_of_the_whole() {
        let octets: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let encoded = |step: usize| {
            let (mut lines, mut out) = (Base64Lines::default(), Vec::new());
            octets.chunks(step).for_each(|piece| lines.feed(piece, &mut out));
            lines.finish(&mut out);
            out
        };
        let whole = encoded(1000);
        assert!(whole.split(|b| *b == b'\n').all(|line| line.len() <= 77));
        assert!([1, 7, 57, 58, 500].into_iter().all(|step| encoded(step) == whole));
    }
}

//! uuencode: lines of up to 45 octets between `begin` and `end`.  POSIX.1-2017 uuencode
//!
//! The lines before `begin` and behind `end` are not part of what was encoded.

/// Octets of a line that are looked at: 45 octets take 61 characters.
const LINE_BYTES_MAX: usize = 200;

#[derive(Default)]
pub(super) struct Uudecoder {
    within: bool,
    /// A line whose end has not come.
    held: Vec<u8>,
}

impl Uudecoder {
    pub(super) fn feed(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        for piece in octets.split_inclusive(|b| *b == b'\n') {
            let room = LINE_BYTES_MAX - self.held.len();
            self.held.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                self.line(out);
            }
        }
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.line(out);
    }

    fn line(&mut self, out: &mut Vec<u8>) {
        let line = std::mem::take(&mut self.held);
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match (self.within, line) {
            (false, line) => self.within = line.starts_with(b"begin "),
            (true, b"end") => self.within = false,
            (true, line) => decode(line, out),
        }
    }
}

fn decode(line: &[u8], out: &mut Vec<u8>) {
    // Space and backquote both stand for zero; trailing spaces may have been lost.
    let bits = |octet: u8| octet.wrapping_sub(b' ') & 0x3f;
    let Some((&first, text)) = line.split_first() else { return };
    let end = out.len() + usize::from(bits(first));
    for four in text.chunks(4) {
        let character = |at: usize| u32::from(four.get(at).map_or(0, |octet| bits(*octet)));
        let group = character(0) << 18 | character(1) << 12 | character(2) << 6 | character(3);
        out.extend_from_slice(&group.to_be_bytes()[1..]);
    }
    out.truncate(end);
}

//! quoted-printable, piece by piece.                RFC 2045 6.7

/// Octets of a line without an end above which it is decoded as it comes. RFC 2045 6.7 allows 76.
const LINE_BYTES_MAX: usize = 4096;

#[derive(Default)]
pub(super) struct QuotedPrintable {
    /// A line whose end has not come.
    held: Vec<u8>,
}

impl QuotedPrintable {
    pub(super) fn feed(&mut self, mut octets: &[u8], out: &mut Vec<u8>) {
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

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
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

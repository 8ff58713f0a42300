//! The boundaries of open multiparts.               RFC 2046 5.1.1
//!
//! A line is a boundary if it begins with one: what follows on the line does not count. Of several that fit the longest
//! is meant, as in Dovecot; of several of one length, the innermost.

/// Octets of a boundary that are compared. RFC 2046 allows 70; a longer one is recognised by its beginning.
const BOUNDARY_BYTES_MAX: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delimiter {
    /// `--boundary`
    Part,
    /// `--boundary--`
    Close,
}

/// Boundaries by the level of their multipart, the outermost first.
#[derive(Default)]
pub(super) struct Boundaries(Vec<(usize, Vec<u8>)>);

impl Boundaries {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn open(&mut self, level: usize, boundary: &[u8]) {
        self.0.push((level, boundary[..boundary.len().min(BOUNDARY_BYTES_MAX)].to_vec()));
    }

    /// Forgets the multipart at `level` and what is inside.
    pub(super) fn close_from(&mut self, level: usize) {
        self.0.retain(|(of, _)| *of < level);
    }

    /// The multipart whose boundary the line is.
    pub(super) fn find(&self, line: &[u8]) -> Option<(usize, Delimiter)> {
        let text = line.strip_prefix(b"--")?;
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let mut best: Option<(usize, &[u8])> = None;
        for (level, boundary) in self.0.iter().rev() {
            let Some(rest) = text.strip_prefix(boundary.as_slice()) else { continue };
            if best.is_none_or(|(_, longer)| rest.len() < longer.len()) {
                best = Some((*level, rest));
            }
            if matches!(rest, b"" | b"--") {
                break;
            }
        }
        best.map(|(level, rest)| (level, if rest.starts_with(b"--") { Delimiter::Close } else { Delimiter::Part }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let mut open = Boundaries::default();
        open.open(0, b"A");
        open.open(1, b"AB");
        open.open(2, b"AB--");
        assert_eq!(open.find(b"--A\r\n"), Some((0, Delimiter::Part)));
        assert_eq!(open.find(b"--A--\r\n"), Some((0, Delimiter::Close)));
        assert_eq!(open.find(b"--ABC\n"), Some((1, Delimiter::Part)));
        assert_eq!(open.find(b"--AB--"), Some((2, Delimiter::Part)));
        assert_eq!(open.find(b"--A \t\r\n"), Some((0, Delimiter::Part)));
        assert_eq!(open.find(b"-- A\r\n"), None);
        open.close_from(2);
        assert_eq!(open.find(b"--AB--"), Some((1, Delimiter::Close)));
        open.close_from(1);
        assert_eq!(open.find(b"--AB--"), Some((0, Delimiter::Part)));
    }
}

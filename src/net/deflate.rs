//! DEFLATE between the session and its socket.      RFC 4978; RFC 1951
//!
//! What a client sends is inflated as it is read, into the reader's buffer and no further: however much it inflates to,
//! it meets the limits that hold for all input. What is sent is flushed with each write, so that no client waits for
//! octets that are held back. The state for sending can be forgotten at any flush, as nothing obliges a compressor to
//! refer to what it said before: a session that rests holds none.

use std::io;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Compressed octets that are read at once.
const READ_BYTES: usize = 4096;

pub(super) struct Inflater {
    state: Decompress,
    /// What has been read and not been inflated.
    held: Vec<u8>,
    /// The last call filled the buffer: there may be more.
    more: bool,
}

impl Inflater {
    pub(super) fn new() -> Inflater {
        Inflater { state: Decompress::new(false), held: Vec::new(), more: false }
    }

    /// Whether a read may give octets without asking the socket.
    pub(super) fn has_more(&self) -> bool {
        self.more || !self.held.is_empty()
    }

    /// Inflates into `buffer`; `read` gives compressed octets, 0 at the end.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            if self.has_more() {
                let written = self.inflate(buffer)?;
                if written > 0 {
                    return Ok(written);
                }
            }
            let mut piece = [0; READ_BYTES];
            let length = read(&mut piece)?;
            if length == 0 {
                return Ok(0);
            }
            self.held.extend_from_slice(&piece[..length]);
        }
    }

    fn inflate(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "the client's octets are not deflated");
        let status = self.state.decompress(&self.held, buffer, FlushDecompress::None).map_err(|_| broken())?;
        let read = (self.state.total_in() - before_in) as usize;
        let written = (self.state.total_out() - before_out) as usize;
        self.held.drain(..read);
        if self.held.is_empty() {
            self.held = Vec::new();
        }
        self.more = written == buffer.len();
        // The stream has no end but the connection's; octets that go nowhere are none of it.
        let stuck = status == Status::StreamEnd || (read == 0 && written == 0 && !self.held.is_empty());
        if stuck { Err(broken()) } else { Ok(written) }
    }
}

#[derive(Default)]
pub(super) struct Deflater {
    /// Made at the first write after a rest.
    state: Option<Compress>,
}

impl Deflater {
    /// Deflates all parts and flushes.
    pub(super) fn deflate(&mut self, parts: &[&[u8]]) -> io::Result<Vec<u8>> {
        let state = self.state.get_or_insert_with(|| Compress::new(Compression::fast(), false));
        let total: usize = parts.iter().map(|part| part.len()).sum();
        let mut out = Vec::with_capacity(total / 2 + 64);
        for part in parts {
            run(state, part, FlushCompress::None, &mut out)?;
        }
        run(state, &[], FlushCompress::Sync, &mut out)?;
        Ok(out)
    }

    pub(super) fn rest(&mut self) {
        self.state = None;
    }
}

fn run(state: &mut Compress, mut octets: &[u8], flush: FlushCompress, out: &mut Vec<u8>) -> io::Result<()> {
    loop {
        out.reserve(1024);
        let before = state.total_in();
        state.compress_vec(octets, out, flush).map_err(io::Error::other)?;
        octets = &octets[(state.total_in() - before) as usize..];
        // Room that is left says that nothing is held back.
        if octets.is_empty() && out.len() < out.capacity() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inflated(deflated: &[u8], piece: usize) -> Vec<u8> {
        let (mut inflater, mut rest, mut out) = (Inflater::new(), deflated, Vec::new());
        let mut buffer = vec![0; piece];
        loop {
            let read = |into: &mut [u8]| {
                let n = rest.len().min(into.len()).min(7);
                into[..n].copy_from_slice(&rest[..n]);
                rest = &rest[n..];
                Ok(n)
            };
            match inflater.read(&mut buffer, read).unwrap() {
                0 => return out,
                n => out.extend_from_slice(&buffer[..n]),
            }
        }
    }

    #[test]
    fn there_and_back() {
        let (mut deflater, mut all, mut deflated) = (Deflater::default(), Vec::new(), Vec::new());
        let mut random = fastrand::Rng::with_seed(3);
        for n in 0..50 {
            let text: Vec<u8> = (0..n * 100).map(|_| random.u8(b'a'..b'f')).collect();
            deflated.extend(deflater.deflate(&[&text, b"end\r\n"]).unwrap());
            all.extend([&text[..], b"end\r\n"].concat());
            // What has been flushed can be read in full, and a rest goes unnoticed.
            if n % 7 == 0 {
                deflater.rest();
            }
        }
        assert!(deflated.len() < all.len() / 2);
        for piece in [1, 100, 16_384] {
            assert_eq!(inflated(&deflated, piece), all);
        }
    }

    #[test]
    fn a_bomb_is_read_by_the_buffer() {
        let bomb = Deflater::default().deflate(&[&vec![0; 10 << 20]]).unwrap();
        assert!(bomb.len() < 100_000);
        let (mut inflater, mut given) = (Inflater::new(), false);
        let mut buffer = [0; 4096];
        let n = inflater
            .read(&mut buffer, |into| {
                assert!(!std::mem::replace(&mut given, true), "one piece is enough");
                let n = into.len().min(bomb.len());
                into[..n].copy_from_slice(&bomb[..n]);
                Ok(n)
            })
            .unwrap();
        assert_eq!(n, 4096);
        assert!(inflater.has_more());
    }

    #[test]
    fn what_is_not_deflated_is_an_error() {
        let mut octets = b"a LOGIN joe secret\r\n".as_slice();
        let read = |into: &mut [u8]| {
            let n = octets.len().min(into.len());
            into[..n].copy_from_slice(&octets[..n]);
            octets = &octets[n..];
            Ok(n)
        };
        let end = Inflater::new().read(&mut [0; 100], read);
        assert!(end.is_err() || end.is_ok_and(|n| n == 0));
    }
}

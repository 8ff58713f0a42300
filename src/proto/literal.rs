//! A literal as a line announces it, and as its octets arrive.                  RFC 9051 4.3; RFC 7888

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use super::frame::Literal;

/// What the end of a line announces: `{n}` or `{n+}`, with or without `~` before it.
pub(super) struct Announced {
    pub(super) octets: u64,
    pub(super) synchronising: bool,
    /// Where `{` stands.
    pub(super) at: usize,
}

impl Announced {
    /// By a line without its end.
    pub(super) fn by(line: &[u8]) -> Option<Announced> {
        let inner = line.strip_suffix(b"}")?;
        let open = memchr::memrchr(b'{', inner)?;
        let (digits, synchronising) = match inner[open + 1..].strip_suffix(b"+") {
            Some(digits) => (digits, false),
            None => (&inner[open + 1..], true),
        };
        // Nineteen digits fit into 63 bits, as RFC 9051 asks.
        if digits.is_empty() || digits.len() > 18 || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let octets = digits.iter().fold(0, |n, digit| n * 10 + u64::from(digit - b'0'));
        Some(Announced { octets, synchronising, at: open })
    }
}

/// Where literals go that are too large for memory.
pub trait Spool: Send {
    /// An anonymous one.
    fn file(&self) -> io::Result<File>;

    /// An error where there is no room for so many octets more.
    fn check_room(&self, octets: u64) -> io::Result<()>;
}

/// Files without a bound.
impl<F: Fn() -> io::Result<File> + Send> Spool for F {
    fn file(&self) -> io::Result<File> {
        self()
    }

    fn check_room(&self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

/// So many octets of a spool file are written before it is asked again whether there is room.
const STEP_BYTES: u64 = 1 << 20;

/// A literal of which octets are still to come.
pub(super) struct Incoming {
    pub(super) literal: Literal,
    pub(super) left: u64,
}

impl Incoming {
    /// Takes those of the octets that are the literal's: how many, and whether they could be kept.
    pub(super) fn take(&mut self, octets: &[u8]) -> (usize, io::Result<()>) {
        let taken = self.left.min(octets.len() as u64) as usize;
        let kept = match &mut self.literal {
            Literal::Memory(memory) => {
                memory.extend_from_slice(&octets[..taken]);
                Ok(())
            }
            Literal::Spool(file, length) => {
                *length += taken as u64;
                file.write_all(&octets[..taken])
            }
        };
        self.left -= taken as u64;
        (taken, kept)
    }

    /// Whether the octets that were taken last bring a spool file to its next step.
    pub(super) fn has_grown(&self, taken: usize) -> bool {
        match &self.literal {
            Literal::Memory(_) => false,
            Literal::Spool(_, length) => length / STEP_BYTES > (length - taken as u64) / STEP_BYTES,
        }
    }

    /// All of it has come.
    pub(super) fn done(mut self) -> io::Result<Literal> {
        if let Literal::Spool(file, _) = &mut self.literal {
            file.seek(SeekFrom::Start(0))?;
        }
        Ok(self.literal)
    }
}

//! A command as it has come: its line, its literals, or why it is not taken.       RFC 9051 2.2.1, 4.3; RFC 7888

use std::fs::File;

/// Bounds of what a client may send. All in octets.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A line without its literals. RFC 7162 wants 8192 at least; clients send longer sets.
    pub line_bytes_max: usize,
    /// One literal.
    pub literal_bytes_max: u64,
    /// One that the client has not waited for a `+` to send. RFC 7888 5
    pub literal_unasked_max: u64,
    /// A literal that is longer is kept in a spool file instead of memory.
    pub literal_memory_max: u64,
    /// Literals of one command, however small.
    pub literals_max: usize,
}

/// The octets of a literal, which the grammar never sees.
#[derive(Debug)]
pub enum Literal {
    Memory(Vec<u8>),
    /// An anonymous file, at its beginning, and its length.
    Spool(File, u64),
}

impl Literal {
    /// An empty one, of which so many octets are to come: what a client announces and never sends takes little memory.
    pub(super) fn in_memory(octets: u64) -> Literal {
        Literal::Memory(Vec::with_capacity(octets.min(64 * 1024) as usize))
    }

    pub fn len(&self) -> u64 {
        match self {
            Literal::Memory(octets) => octets.len() as u64,
            Literal::Spool(_, length) => *length,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A whole command.
#[derive(Debug, Default)]
pub struct Frame {
    /// Without CRLF.
    pub line: String,
    pub literals: Vec<Literal>,
}

/// Why a line is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    LineTooLong,
    LiteralTooBig,
    /// It should have been synchronising. RFC 7888 5
    LiteralUnasked,
    TooManyLiterals,
    BareLineFeed,
    ControlCharacter,
    NotUtf8,
    /// The spool file cannot be written.
    NoSpool,
}

/// A line that is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What stands where the tag should, if it can be one.
    pub tag: Option<String>,
    pub why: Why,
    /// The next command cannot be found in what follows.
    pub close: bool,
}

#[derive(Debug)]
pub enum Step {
    NeedMore,
    /// The client waits for `+` before it sends its literal.
    Continue,
    Frame(Frame),
    Refused(Refusal),
}

/// How much of a literal has come, in octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiteralProgress {
    /// Of the command that it is part of.
    pub tag: String,
    pub done: u64,
    pub goal: u64,
}

//! What shim.c writes: every change of a directory in order, and notes of the test between them.
//!
//! A record is 32 octets of little-endian numbers (kind, length, nanoseconds, inode, number) and its octets.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// One record; `inode` and `octets` as its kind wants them.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub kind: Kind,
    pub time: Duration,
    pub inode: u64,
    /// Where a write begins, the new size, the number of a sync or of a note.
    pub number: u64,
    /// What was written, or paths below the directory.
    pub octets: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A new file at a path.
    Create,
    /// A file that was there already was opened at a path.
    Open,
    Write,
    Truncate,
    MakeDirectory,
    /// From a path to another.
    Rename,
    Link,
    /// Of a file or of an empty directory.
    Unlink,
    /// All names of a directory, as inode and name.
    Listing,
    SyncBegin,
    SyncEnd,
    /// Of the test: what the client `inode` knows from here on is number `number` of its history.
    Note,
    /// Of the test: from here on the log may be torn, as the daemon is being killed.
    Killed,
}

impl Kind {
    fn of(letter: u32) -> Kind {
        match u8::try_from(letter).unwrap() {
            b'C' => Kind::Create,
            b'O' => Kind::Open,
            b'W' => Kind::Write,
            b'T' => Kind::Truncate,
            b'K' => Kind::MakeDirectory,
            b'R' => Kind::Rename,
            b'L' => Kind::Link,
            b'U' => Kind::Unlink,
            b'D' => Kind::Listing,
            b'B' => Kind::SyncBegin,
            b'E' => Kind::SyncEnd,
            b'N' => Kind::Note,
            b'X' => Kind::Killed,
            other => panic!("a record of kind {other}"),
        }
    }
}

const HEADER: usize = 32;

/// The records up to the end of the run.
pub fn read(octets: &[u8]) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    let mut rest = octets;
    while rest.len() >= HEADER {
        let number = |at: usize, length: usize| {
            let mut wide = [0; 8];
            wide[..length].copy_from_slice(&rest[at..at + length]);
            u64::from_le_bytes(wide)
        };
        let kind = Kind::of(number(0, 4) as u32);
        let end = HEADER + number(4, 4) as usize;
        if kind == Kind::Killed || end > rest.len() {
            break;
        }
        let time = Duration::from_nanos(number(8, 8));
        records.push(Record { kind, time, inode: number(16, 8), number: number(24, 8), octets: &rest[HEADER..end] });
        rest = &rest[end..];
    }
    records
}

/// Writes the test's own records.
pub struct Notes(File);

impl Notes {
    pub fn open(path: &Path) -> Notes {
        Notes(OpenOptions::new().create(true).append(true).open(path).unwrap())
    }

    pub fn note(&mut self, client: u64, number: u64) {
        self.write(b'N', client, number);
    }

    pub fn killed(&mut self) {
        self.write(b'X', 0, 0);
    }

    /// Without a time: the records around it have theirs.
    fn write(&mut self, letter: u8, inode: u64, number: u64) {
        let mut record = [0; HEADER];
        record[0] = letter;
        record[16..24].copy_from_slice(&inode.to_le_bytes());
        record[24..].copy_from_slice(&number.to_le_bytes());
        self.0.write_all(&record).unwrap();
    }
}

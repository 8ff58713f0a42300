//! fjall's journal from outside, for what fjall 3.1 does not do itself.
//!
//! Files `N.jnl`; the one with the largest number is written to. It holds batches: a start (1, count of items u32,
//! sequence number u64), items (2, type u8, compression u8, keyspace u64, octets of key u16, of value u32, of value as
//! stored u32, key, value) or clearings of a keyspace (4, keyspace u64), and an end (3, XXH3 of the items u64, four
//! octets of magic); numbers are little-endian. What comes after the last batch is zeros, or nothing.
//!
//! 1. A power cut may leave the beginning and the end of the last batches and zeros between. fjall takes a batch without
//!    its end for what it is, but does not open a journal with a batch whose checksum is wrong. Such a batch was never
//!    synced, and nothing behind it was. What tells it from one that has rotted on the disk, behind which there may be
//!    all the mail of a day, is a sector of zeros in it: a journal with a batch that is wrong otherwise is not touched.
//! 2. After a write has failed, fjall holds octets of a batch that was refused, which it writes when its last thread
//!    lets go of the journal, be it opened again by then or not; and what a sync has failed to write may be in memory
//!    only, and pass there for written. A copy has neither fault.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use super::error::StoreError;
use super::tables::is_full;

/// A journal's copy until it takes its place.
const COPY: &str = "journal.copy";

const BLOCK_BYTES: usize = 64 << 10;

/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// The last octets of a batch.
const MAGIC: [u8; 4] = *b"FJL\x03";

/// The journal that is written to.
pub(super) fn active(directory: &Path) -> io::Result<Option<(u64, PathBuf)>> {
    let mut newest = None;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_journal = path.extension().is_some_and(|extension| extension == "jnl");
        let number = path.file_stem().filter(|_| is_journal).and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        newest = newest.max(number.map(|number| (number, path)));
    }
    Ok(newest)
}

/// Copies the journal that is written to, with nothing of what fjall still holds. `None` where there is no journal.
pub(super) fn copy(directory: &Path) -> Result<Option<Copy>, StoreError> {
    let path = directory.join(COPY);
    let done = || {
        let Some((_, original)) = active(directory)? else { return Ok(None) };
        copy_file(&original, &path)?;
        Ok(Some(Copy { path: path.clone(), original }))
    };
    done().map_err(|error| {
        // A part of it only takes room.
        if let Err(error) = fs::remove_file(&path) {
            log::warn!("{}: {error}", path.display());
        }
        failed(directory, &error)
    })
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let (mut from, mut to) = (File::open(from)?, File::create(to)?);
    let mut block = vec![0; BLOCK_BYTES];
    let mut at = 0;
    loop {
        let octets = from.read(&mut block)?;
        if octets == 0 {
            break;
        }
        // Most of a journal is a hole, and stays one.
        if block[..octets].iter().any(|octet| *octet != 0) {
            to.seek(SeekFrom::Start(at))?;
            to.write_all(&block[..octets])?;
        }
        at += octets as u64;
    }
    to.set_len(at)?;
    to.sync_all()
}

#[must_use]
pub(super) struct Copy {
    path: PathBuf,
    original: PathBuf,
}

impl Copy {
    /// Puts the copy in the place of the journal, which nobody has open.
    pub(super) fn put(self) -> Result<(), StoreError> {
        let done = || {
            fs::rename(&self.path, &self.original)?;
            sync_directory(self.original.parent().unwrap_or(Path::new(".")))
        };
        done().map_err(|error| failed(&self.original, &error))
    }
}

/// Cuts the journal off before its first broken batch; whether there was one. What is cut off is set aside.
pub(super) fn cut_torn(directory: &Path) -> Result<bool, StoreError> {
    let done = || {
        let Some((number, path)) = active(directory)? else { return Ok(false) };
        let octets = fs::read(&path)?;
        let Some((end, length)) = broken_at(&octets) else { return Ok(false) };
        if !has_empty_sector(&octets, end, length) {
            return Ok(false);
        }
        let last = octets.iter().rposition(|octet| *octet != 0).map_or(end, |last| last + 1).max(end);
        let aside = directory.join(format!("{number}-{end}.torn"));
        let mut torn = File::create(&aside)?;
        torn.write_all(&octets[end..last])?;
        torn.sync_all()?;
        sync_directory(directory)?;
        let journal = OpenOptions::new().write(true).open(&path)?;
        journal.set_len(end as u64)?;
        journal.sync_all()?;
        log::error!(
            "the journal is torn, as after a power cut: its last {} octets are set aside in {}",
            last - end,
            aside.display()
        );
        Ok(true)
    };
    done().map_err(|error| failed(directory, &error))
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn failed(path: &Path, error: &io::Error) -> StoreError {
    match is_full(error) {
        true => StoreError::Full,
        false => StoreError::Engine(format!("{}: {error}", path.display())),
    }
}

/// Whether a sector that lies within these octets is all zeros: it never reached the disk.
fn has_empty_sector(journal: &[u8], from: usize, length: usize) -> bool {
    let first = from.next_multiple_of(SECTOR_BYTES);
    let within = journal.get(first..from + length).unwrap_or_default();
    within.chunks_exact(SECTOR_BYTES).any(|sector| sector.iter().all(|octet| *octet == 0))
}

/// Where the first batch begins that has an end and is not what was written, and its octets.
fn broken_at(journal: &[u8]) -> Option<(usize, usize)> {
    let mut at = 0;
    loop {
        match batch(&journal[at..]) {
            Batch::Whole(octets) => at += octets,
            Batch::Broken(octets) => return Some((at, octets)),
            Batch::Unfinished => return None,
        }
    }
}

enum Batch {
    /// Of so many octets.
    Whole(usize),
    /// Of so many octets, as far as they can be told.
    Broken(usize),
    /// Nothing more, or a batch without its end: fjall leaves it out.
    Unfinished,
}

/// The batch at the beginning of some octets.
fn batch(octets: &[u8]) -> Batch {
    let mut rest = octets;
    let mut items = 0;
    let mut hash = Xxh3::new();
    loop {
        let Some((tag, length)) = entry(rest) else { return Batch::Unfinished };
        let (this, after) = rest.split_at(length);
        match tag {
            1 if rest.len() == octets.len() => items = number(&this[1..5]),
            2 | 4 if items > 0 && rest.len() < octets.len() => {
                items -= 1;
                hash.update(this);
            }
            3 if rest.len() < octets.len() && this[9..] == MAGIC => {
                let good = items == 0 && hash.digest() == number(&this[1..9]);
                let length = octets.len() - after.len();
                return if good { Batch::Whole(length) } else { Batch::Broken(length) };
            }
            2 | 4 if rest.len() < octets.len() => return Batch::Broken(octets.len() - after.len()),
            _ => return Batch::Unfinished,
        }
        rest = after;
    }
}

/// Tag and octets of the entry at the beginning; `None` where there is none.
fn entry(octets: &[u8]) -> Option<(u8, usize)> {
    let tag = *octets.first()?;
    let length = match tag {
        1 => 13,
        2 => {
            let lengths = octets.get(11..21)?;
            21 + number(&lengths[..2]) as usize + number(&lengths[6..]) as usize
        }
        3 => 13,
        4 => 9,
        _ => return None,
    };
    (octets.len() >= length).then_some((tag, length))
}

fn number(octets: &[u8]) -> u64 {
    octets.iter().rev().fold(0, |number, octet| number << 8 | u64::from(*octet))
}

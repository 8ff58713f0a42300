//! fjall's journal from outside, for what fjall 3.1 does not do itself.
//!
//! Files `N.jnl`; the one with the largest number is written to. `journal_batches` says what is in them.
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

use super::error::StoreError;
use super::journal_batches::{broken_at, has_empty_sector};
use super::tables::is_full;

/// A journal's copy until it takes its place.
const COPY: &str = "journal.copy";

const BLOCK_BYTES: usize = 64 << 10;

/// The journals, in the order in which they were written.
pub(super) fn all(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_journal = path.extension().is_some_and(|extension| extension == "jnl");
        let number = path.file_stem().filter(|_| is_journal).and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        found.extend(number.map(|number| (number, path)));
    }
    found.sort();
    Ok(found)
}

/// The journal that is written to.
pub(super) fn active(directory: &Path) -> io::Result<Option<(u64, PathBuf)>> {
    Ok(all(directory)?.pop())
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

pub(super) fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
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

pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn failed(path: &Path, error: &io::Error) -> StoreError {
    match is_full(error) {
        true => StoreError::Full,
        false => StoreError::Engine(format!("{}: {error}", path.display())),
    }
}

//! A store that was being made when the power was cut, or the daemon killed.
//!
//! fjall makes, in this order: the directory `keyspaces`, the journal `0.jnl`, the file `version`; only when that one has
//! its contents on the disk are tables made and batches written. Without `version` it starts anew and fails on the
//! journal that is there; with a part of it, it refuses. Both are taken away here, but only where nothing was ever
//! kept: a journal of zeros, and no file below `keyspaces`.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// The octets of a whole file `version`.
const VERSION_BYTES: usize = 4;

const BLOCK_BYTES: usize = 64 << 10;

/// Makes `directory` one in which a store can be made.
pub(super) fn clear(directory: &Path) -> io::Result<()> {
    let version = directory.join("version");
    let journal = directory.join("0.jnl");
    let is_unfinished = match there(fs::read(&version))? {
        Some(contents) => contents.len() < VERSION_BYTES || contents.iter().all(|octet| *octet == 0),
        None => journal.try_exists()?,
    };
    if !is_unfinished || !is_zeros(&journal)? || has_files(&directory.join("keyspaces"))? {
        return Ok(());
    }
    log::warn!("{}: the making of this store was interrupted: it is made anew", directory.display());
    for path in [version, journal] {
        there(fs::remove_file(path))?;
    }
    File::open(directory)?.sync_all()
}

/// What is not there is no error.
fn there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn is_zeros(path: &Path) -> io::Result<bool> {
    let Some(mut file) = there(File::open(path))? else { return Ok(true) };
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(true),
            octets if block[..octets].iter().any(|octet| *octet != 0) => return Ok(false),
            _ => {}
        }
    }
}

/// Whether anything was ever written to a tree.
pub(super) fn has_files(directory: &Path) -> io::Result<bool> {
    let Some(entries) = there(fs::read_dir(directory))? else { return Ok(false) };
    for entry in entries {
        let entry = entry?;
        if !entry.file_type()?.is_dir() || has_files(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}

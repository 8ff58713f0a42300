//! The engine's files are looked at before fjall opens them.
//!
//! fjall trusts some octets that no checksum covers, or that it reads before it compares one: a flipped one has it take the rest of a
//! journal for nothing, delete tables that are in use, or ask for more memory than there is. What is found here is an error
//! that names the file; `mending` may mend it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::journal_batches::{End, Walk};
use super::manifest::Listed;
use super::{archive, doubtful, journal, journal_batches, manifest, unfinished};

/// The contents of the file `version`.
pub(super) const VERSION: &[u8] = b"FJL\x03";

/// What a damaged file is to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// `version`.
    Version,
    /// The names of the trees.
    Names,
    /// What is known of accounts, mailboxes and messages.
    Index,
    /// The places where the octets of messages are.
    Places,
    /// Octets of messages.
    Mail,
    /// The list of the files of a tree.
    List,
    Journal,
    /// `doubtful`.
    Repair,
}

#[derive(Debug)]
pub(super) struct Damage {
    pub(super) file: PathBuf,
    pub(super) part: Part,
}

impl Part {
    fn what(self) -> &'static str {
        match self {
            Part::Version => "it says which version of the engine has written the store",
            Part::Names => "it has the names of the parts of the store",
            Part::Index => "it has a part of what is known of accounts, mailboxes and messages",
            Part::Places => "it tells where the octets of messages are",
            Part::Mail => "it has the octets of messages",
            Part::List => "it lists the files that the store consists of",
            Part::Repair => "a repair has been begun and not finished",
            Part::Journal => "it has the changes of the last time",
        }
    }
}

impl From<Damage> for StoreError {
    fn from(damage: Damage) -> StoreError {
        StoreError::Damaged { file: damage.file.display().to_string(), what: damage.part.what().into() }
    }
}

/// The error that names the file that could not be read, if there is one.
pub(super) fn named(directory: &Path, error: StoreError) -> StoreError {
    match find_broken(directory) {
        Ok(Some(damage)) => damage.into(),
        _ => error,
    }
}

/// Finds the first file that fjall must not open.
pub(super) fn vet(directory: &Path) -> io::Result<Option<Damage>> {
    if !unfinished::has_files(&directory.join("keyspaces"))? {
        return Ok(None);
    }
    // Files that another process writes to are not at rest: fjall says that they are in use.
    let lock = File::open(directory.join("lock"));
    if lock.as_ref().is_ok_and(|lock| lock.try_lock().is_err()) {
        return Ok(None);
    }
    let version = directory.join("version");
    if !fs::read(&version).is_ok_and(|octets| octets.starts_with(VERSION)) {
        return Ok(Some(Damage { file: version, part: Part::Version }));
    }
    let doubtful = doubtful::file(directory);
    if doubtful.exists() {
        return Ok(Some(Damage { file: doubtful, part: Part::Repair }));
    }
    for (number, tree) in trees(directory)? {
        if let Some(damage) = vet_tree(&tree, number)? {
            return Ok(Some(damage));
        }
    }
    let mut last = None;
    for (_, file) in journal::all(directory)? {
        let mut walk = Walk::from(&file, 0, last)?;
        walk.to_end(|_| Ok(()))?;
        if journal_batches::end(&journal_batches::rest(&file, walk.at)?, walk.at) != End::Unfinished {
            return Ok(Some(Damage { file, part: Part::Journal }));
        }
        last = walk.last;
    }
    Ok(None)
}

/// The directories of fjall's trees, and their numbers: 0 has the names of the others.
pub(super) fn trees(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory.join("keyspaces"))? {
        let entry = entry?;
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        found.extend(number.map(|number| (number, entry.path())));
    }
    found.sort();
    Ok(found)
}

fn vet_tree(tree: &Path, number: u64) -> io::Result<Option<Damage>> {
    if manifest::current(tree)?.is_none() && !unfinished::has_files(&tree.join("tables"))? {
        // It was being made: fjall makes it anew.
        return Ok(None);
    }
    let list = match manifest::read(tree)? {
        Ok(list) => list,
        Err(file) => return Ok(Some(Damage { file, part: Part::List })),
    };
    let broken = |folder: &str, files: &[Listed]| -> io::Result<Option<PathBuf>> {
        for file in files {
            let path = tree.join(folder).join(file.number.to_string());
            if !path.is_file() || archive::sections(&path)?.is_none() {
                return Ok(Some(path));
            }
        }
        Ok(None)
    };
    if let Some(file) = broken("tables", &list.tables)? {
        return Ok(Some(Damage { file, part: of_table(number, &list.blobs) }));
    }
    Ok(broken("blobs", &list.blobs)?.map(|file| Damage { file, part: Part::Mail }))
}

/// Only the tree of places has files of mail beside its tables.
pub(super) fn of_table(number: u64, blobs: &[Listed]) -> Part {
    match number {
        0 => Part::Names,
        _ if blobs.is_empty() => Part::Index,
        _ => Part::Places,
    }
}

/// Finds a file that could not be read, though it was given to fjall: its tables are read as a whole.
fn find_broken(directory: &Path) -> io::Result<Option<Damage>> {
    for (number, tree) in trees(directory)? {
        let Ok(list) = manifest::read(&tree)? else { continue };
        for file in &list.tables {
            let path = tree.join("tables").join(file.number.to_string());
            if !file.is(&path)? {
                return Ok(Some(Damage { file: path, part: of_table(number, &list.blobs) }));
            }
        }
        for file in &list.blobs {
            let path = tree.join("blobs").join(file.number.to_string());
            if super::mail_file::metadata(&path)?.is_none() {
                return Ok(Some(Damage { file: path, part: Part::Mail }));
            }
        }
    }
    Ok(None)
}

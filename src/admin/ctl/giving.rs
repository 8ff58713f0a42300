//! Giving a backup to the daemon's user, file by file.
//!
//! To read a store is to open it, and that is the daemon's user's to do: what root made there the next backup could not
//! write. What is given is held while it is looked at, and found from the directory that is held: whoever can write to the
//! backup could else put a link in the place of a directory meanwhile, and have root give away what it leads to.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::super::changes_user;
use super::super::failed::{EX_IOERR, Failed};
use crate::config::Config;
use crate::sys;

/// A store has less.
const LEVELS_MAX: usize = 16;

pub(super) fn give_backup(config: &Config, directory: &Path) -> Result<(), Failed> {
    if !changes_user(config) {
        return Ok(());
    }
    give(&config.user, directory).map_err(|error| Failed::new(EX_IOERR, error.to_string()))
}

fn give(user: &str, directory: &Path) -> io::Result<()> {
    let mut names = HashMap::new();
    let id = |found: &Metadata| (found.dev(), found.ino());
    each(directory, &mut |_, found| {
        *names.entry(id(found)).or_insert(0) += 1;
        Ok(())
    })?;
    each(directory, &mut |held, found| {
        // What the backup has kept of the one before has two names in it.
        match found.is_dir() || names.get(&id(found)) == Some(&found.nlink()) {
            true => sys::give_held(user, held),
            false => Err(io::Error::other("has another name elsewhere; copy the backup and restore the copy")),
        }
    })
}

type Visit<'a> = &'a mut dyn FnMut(&File, &Metadata) -> io::Result<()>;

/// The directory and all that is in it; an error names what it is about.
fn each(directory: &Path, visit: Visit<'_>) -> io::Result<()> {
    let top = directory.canonicalize().and_then(|top| sys::hold(&top));
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", directory.display()));
    walk(&top.map_err(named)?, directory, LEVELS_MAX, visit)
}

fn walk(held: &File, shown: &Path, levels: usize, visit: Visit<'_>) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", shown.display()));
    let found = held.metadata().map_err(named)?;
    match (found.is_dir() || found.is_file(), found.is_dir() && levels == 0) {
        (false, _) => return Err(named(io::Error::other("neither a file nor a directory"))),
        (true, true) => return Err(named(io::Error::other("deeper than a backup is"))),
        (true, false) => visit(held, &found).map_err(named)?,
    }
    if !found.is_dir() {
        return Ok(());
    }
    let here = sys::place_of(held);
    for entry in fs::read_dir(&here).map_err(named)? {
        let name = entry.map_err(named)?.file_name();
        let inner = sys::hold(&here.join(&name)).map_err(named)?;
        walk(&inner, &shown.join(&name), levels - 1, &mut *visit)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that is held is walked, whatever has its name by now.
    #[test]
    fn a_link_in_the_place_of_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        let (top, secret) = (directory.path().join("backup"), directory.path().join("secret"));
        for place in [top.join("a"), secret.clone()] {
            fs::create_dir_all(place).unwrap();
        }
        fs::write(top.join("a/own"), "x").unwrap();
        fs::write(secret.join("own"), "secret").unwrap();
        let (ino, mut seen) = (|path: &Path| fs::metadata(path).unwrap().ino(), Vec::new());
        let (inner, own) = (ino(&top.join("a")), ino(&top.join("a/own")));
        each(&top, &mut |_, found| {
            if found.ino() == inner {
                fs::rename(top.join("a"), directory.path().join("moved")).unwrap();
                std::os::unix::fs::symlink(&secret, top.join("a")).unwrap();
            }
            seen.push(found.ino());
            Ok(())
        })
        .unwrap();
        assert_eq!(seen[1..], [inner, own]);
        // And a link that is there is none of the backup's files.
        let refused = each(&top, &mut |_, _| Ok(())).unwrap_err();
        assert!(refused.to_string().ends_with("backup/a: neither a file nor a directory"), "{refused}");
    }

    #[test]
    fn no_deeper_than_a_backup() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("a/".repeat(LEVELS_MAX + 1))).unwrap();
        assert!(each(directory.path(), &mut |_, _| Ok(())).unwrap_err().to_string().contains("deeper"));
    }
}

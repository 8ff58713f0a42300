//! Whose files are read: root, who brings in the mail of a user, reads nothing else because that user has put a link there.
//!
//! Other users than root can read no more than the user who asks.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::sys;

const ROOT: u32 = 0;

/// Octets that are to be read for the sake of whoever owns a directory.
pub(super) struct Owner(Option<u32>);

impl Owner {
    /// The owner of a directory; what is root's may have anything in it.
    pub(super) fn of(directory: &Path) -> io::Result<Owner> {
        let uid = fs::metadata(directory)?.uid();
        Ok(Owner((sys::is_root() && uid != ROOT).then_some(uid)))
    }

    /// Opens an ordinary file of the owner's: no link, and nothing that reading would wait for.
    pub(super) fn open(&self, path: &Path) -> io::Result<File> {
        let file = sys::open_itself(path)?;
        let found = file.metadata()?;
        match self.0 {
            _ if !found.is_file() => Err(refused("not an ordinary file")),
            Some(uid) if found.uid() != uid => Err(refused("not of the user whose Maildir it is in")),
            _ => Ok(file),
        }
    }
}

/// Refuses a file that was reached by a link of somebody who does not own it.
pub(super) fn check_link(path: &Path, file: &File) -> io::Result<()> {
    let link = fs::symlink_metadata(path)?.uid();
    match sys::is_root() && link != ROOT && link != file.metadata()?.uid() {
        true => Err(refused("a symbolic link to a file of another user")),
        false => Ok(()),
    }
}

fn refused(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, text)
}

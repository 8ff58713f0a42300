//! Changes to the passwd file.
//!
//! The file is written anew beside the old one and takes its place when it is on the disk: who reads it sees the old or
//! the new one, never half. Mode and owner stay, and so does every line that is not meant, to the octet. Of two who
//! change it at a time one waits for the other.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::passwd::{Fields, fields};
use crate::sys;
use crate::types::AccountName;

/// How long another change is waited for; one takes milliseconds.
const WAIT_MAX: Duration = Duration::from_secs(5);
const WAIT_STEP: Duration = Duration::from_millis(20);

/// Why the file was not changed.
#[derive(Debug)]
pub enum EditError {
    Exists,
    NoSuchAccount,
    /// Somebody else has held the file for five seconds.
    Busy,
    Io(io::Error),
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EditError::Exists => {
                f.write_str("the account exists already; use 'account passwd' to change its password")
            }
            EditError::NoSuchAccount => f.write_str("no such account"),
            EditError::Busy => f.write_str("the passwd file is being changed by somebody else; try again"),
            EditError::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EditError {}

impl From<io::Error> for EditError {
    fn from(error: io::Error) -> EditError {
        EditError::Io(error)
    }
}

/// Adds an account with `{SCHEME}hash`. Where there is no file one is made, readable by its owner alone.
pub fn add(path: &Path, name: &AccountName, hash: &str) -> Result<(), EditError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    rewrite(path, |lines| match find(lines, name) {
        Some(_) => Err(EditError::Exists),
        None => {
            lines.push(format!("{name}:{hash}").into_bytes());
            Ok(())
        }
    })
}

/// Gives the account another `{SCHEME}hash`; the fields behind it stay.
pub fn set_password(path: &Path, name: &AccountName, hash: &str) -> Result<(), EditError> {
    rewrite(path, |lines| {
        let line = find(lines, name).and_then(|at| lines.get_mut(at)).ok_or(EditError::NoSuchAccount)?;
        if let Some(Fields { name, more, .. }) = fields(line) {
            *line = [name, b":", hash.as_bytes(), more].concat();
        }
        Ok(())
    })
}

pub fn remove(path: &Path, name: &AccountName) -> Result<(), EditError> {
    rewrite(path, |lines| {
        let at = find(lines, name).ok_or(EditError::NoSuchAccount)?;
        lines.remove(at);
        Ok(())
    })
}

type Lines = Vec<Vec<u8>>;

fn find(lines: &Lines, name: &AccountName) -> Option<usize> {
    lines.iter().position(|line| fields(line).and_then(|fields| fields.account()).as_ref() == Some(name))
}

fn rewrite(path: &Path, change: impl FnOnce(&mut Lines) -> Result<(), EditError>) -> Result<(), EditError> {
    // Of a symbolic link the file that it names, so that the link stays.
    let path = fs::canonicalize(path)?;
    let old = lock(&path)?;
    let text = fs::read(&path)?;
    let mut lines: Lines = text.split(|octet| *octet == b'\n').map(<[u8]>::to_vec).collect();
    // Behind the last line end, where there is one, is no line.
    lines.pop_if(|last| last.is_empty());
    change(&mut lines)?;
    let mut text = lines.join(&b'\n');
    if !text.is_empty() {
        text.push(b'\n');
    }
    replace(&path, &old, &text)
}

/// The file as it is now, for this process alone until it is dropped.
fn lock(path: &Path) -> Result<File, EditError> {
    let began = Instant::now();
    loop {
        let file = File::open(path)?;
        // Who had it before may have put another file in its place.
        if sys::lock_exclusive(&file)? && fs::metadata(path)?.ino() == file.metadata()?.ino() {
            return Ok(file);
        }
        if began.elapsed() >= WAIT_MAX {
            return Err(EditError::Busy);
        }
        std::thread::sleep(WAIT_STEP);
    }
}

fn replace(path: &Path, old: &File, text: &[u8]) -> Result<(), EditError> {
    let new = beside(path);
    if let Err(error) = write_new(&new, old, text).and_then(|()| fs::rename(&new, path)) {
        // It may never have been made; the error that counts is the first one.
        let _ = fs::remove_file(&new);
        return Err(error.into());
    }
    let directory = path.parent().unwrap_or(Path::new("/"));
    Ok(File::open(directory)?.sync_all()?)
}

/// Where the new file is written: in the same directory, under a name that begins as the old one's.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(format!(".new-{}", std::process::id()));
    path.with_file_name(name)
}

/// With the owner and the mode of the old file; until it has both, nobody else can read it.
fn write_new(new: &Path, old: &File, text: &[u8]) -> io::Result<()> {
    let metadata = old.metadata()?;
    let open = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(new);
    let mut file = match open() {
        // Left by a process of the same number that was killed.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => fs::remove_file(new).and_then(|()| open())?,
        other => other?,
    };
    let made = file.metadata()?;
    if (made.uid(), made.gid()) != (metadata.uid(), metadata.gid()) {
        chown(new, Some(metadata.uid()), Some(metadata.gid()))?;
    }
    file.set_permissions(Permissions::from_mode(metadata.mode() & 0o7777))?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> AccountName {
        AccountName::new(text).unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn only_what_is_meant_changes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("my.passwd");
        let before =
            b"# people\n\n Joe Doe: no account\nJoe:{PLAIN}a:1:2:J\xf6e:/home:/bin/sh:x=y\nann@x.org:{PLAIN}b";
        fs::write(&path, before).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();

        add(&path, &name("bob"), "{PLAIN}z").unwrap();
        assert!(matches!(add(&path, &name("JOE"), "x"), Err(EditError::Exists)));
        set_password(&path, &name("joe"), "{PLAIN}new").unwrap();
        set_password(&path, &name("bob"), "{PLAIN}zz").unwrap();
        remove(&path, &name("ann@x.org")).unwrap();
        for missing in ["ann@x.org", "ann", "people"] {
            assert!(matches!(remove(&path, &name(missing)), Err(EditError::NoSuchAccount)));
            assert!(matches!(set_password(&path, &name(missing), "x"), Err(EditError::NoSuchAccount)));
        }

        let after = b"# people\n\n Joe Doe: no account\nJoe:{PLAIN}new:1:2:J\xf6e:/home:/bin/sh:x=y\nbob:{PLAIN}zz\n";
        assert_eq!(fs::read(&path).unwrap(), after);
        assert_eq!(mode(&path), 0o640);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside the file");
    }

    #[test]
    fn a_new_file_is_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("passwd");
        assert!(matches!(remove(&path, &name("joe")), Err(EditError::Io(_))));
        assert!(!path.exists());
        add(&path, &name("joe"), "{PLAIN}a").unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"joe:{PLAIN}a\n".to_vec(), 0o600));
        remove(&path, &name("joe")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
        assert!(matches!(add(&directory.path().join("no/passwd"), &name("joe"), "x"), Err(EditError::Io(_))));
    }

    #[test]
    fn a_symbolic_link_stays_one() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("passwd"), directory.path().join("link"));
        fs::write(&path, "").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        add(&link, &name("joe"), "{PLAIN}a").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"joe:{PLAIN}a\n");
    }

    #[test]
    fn changes_at_a_time_are_all_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("passwd");
        let add_some = |thread: usize| {
            (0..10).for_each(|n| add(&path, &name(&format!("user{thread}-{n}")), "{PLAIN}a").unwrap());
        };
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || add_some(thread));
            }
        });
        assert_eq!(String::from_utf8(fs::read(&path).unwrap()).unwrap().lines().count(), 40);
    }
}

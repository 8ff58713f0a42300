//! The passwd file: `name:{SCHEME}hash` and, as Dovecot has it, more fields behind, a line each.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::scheme;
use crate::sys;
use crate::types::AccountName;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswdError {
    pub file: PathBuf,
    /// 0 for the file as a whole.
    pub line: usize,
    pub reason: String,
}

impl fmt::Display for PasswdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.reason),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.reason),
        }
    }
}

impl std::error::Error for PasswdError {}

/// The accounts of a file.
#[derive(Clone, Debug, Default)]
pub struct Passwd {
    hashes: BTreeMap<AccountName, String>,
}

impl Passwd {
    pub fn load(path: &Path) -> Result<Passwd, PasswdError> {
        let wrong = |line, reason: String| PasswdError { file: path.to_path_buf(), line, reason };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(0, error.to_string()))?;
        let mut passwd = Passwd::default();
        for (at, line) in text.lines().enumerate() {
            let Some((name, rest)) = entry(line) else { continue };
            let account =
                AccountName::new(name).ok_or_else(|| wrong(at + 1, format!("'{name}' is no account name")))?;
            let hash = rest.split(':').next().unwrap_or("");
            // A PLAIN password may have colons; the fields behind it are empty then.
            let hash = if rest.starts_with("{PLAIN}") && !rest.contains("::") { rest } else { hash };
            if let Some(problem) = scheme::problem(hash) {
                return Err(wrong(at + 1, format!("{account}: {problem}")));
            }
            if passwd.hashes.insert(account, hash.to_string()).is_some() {
                return Err(wrong(at + 1, format!("'{name}' stands in the file twice")));
            }
        }
        Ok(passwd)
    }

    pub(super) fn hash(&self, name: &AccountName) -> Option<&str> {
        self.hashes.get(name).map(String::as_str)
    }

    pub fn names(&self) -> impl Iterator<Item = &AccountName> {
        self.hashes.keys()
    }
}

/// Name and rest of a line that is neither empty nor a comment.
fn entry(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    Some(line.split_once(':').unwrap_or((line, "")))
}

/// Why the file was not changed.
#[derive(Debug)]
pub enum EditError {
    Exists,
    NoSuchAccount,
    Busy,
    Io(std::io::Error),
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

impl From<std::io::Error> for EditError {
    fn from(error: std::io::Error) -> EditError {
        EditError::Io(error)
    }
}

/// Changes to the file: it is written anew beside the old one, which it replaces at once; comments stay.
pub mod edit {
    use super::*;

    pub fn add(path: &Path, name: &AccountName, hash: &str) -> Result<(), EditError> {
        rewrite(path, |lines| match find(lines, name) {
            Some(_) => Err(EditError::Exists),
            None => {
                lines.push(format!("{name}:{hash}"));
                Ok(())
            }
        })
    }

    pub fn set_password(path: &Path, name: &AccountName, hash: &str) -> Result<(), EditError> {
        rewrite(path, |lines| {
            let at = find(lines, name).ok_or(EditError::NoSuchAccount)?;
            let more =
                entry(&lines[at]).and_then(|(_, rest)| rest.split_once(':')).map(|(_, more)| format!(":{more}"));
            lines[at] = format!("{name}:{hash}{}", more.unwrap_or_default());
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

    fn find(lines: &[String], name: &AccountName) -> Option<usize> {
        lines.iter().position(|line| {
            entry(line).and_then(|(known, _)| AccountName::new(known)).is_some_and(|known| known == *name)
        })
    }

    fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<String>) -> Result<(), EditError>) -> Result<(), EditError> {
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        if !sys::lock_exclusive(&lock)? {
            return Err(EditError::Busy);
        }
        let text = std::fs::read_to_string(path)?;
        let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
        change(&mut lines)?;
        let mut text = lines.join("\n");
        text.push('\n');
        let new = path.with_extension(format!("new-{}", std::process::id()));
        write_new(&new, &lock, &text)?;
        std::fs::rename(&new, path)?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory)?.sync_all()?;
        Ok(())
    }

    /// With the mode and, where root does it, the owner of the old file.
    fn write_new(new: &Path, old: &File, text: &str) -> Result<(), EditError> {
        let metadata = old.metadata()?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(new)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(std::fs::Permissions::from_mode(metadata.mode() & 0o777))?;
        if sys::is_root() {
            std::os::unix::fs::chown(new, Some(metadata.uid()), Some(metadata.gid()))?;
        }
        file.sync_all()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_and_changed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("passwd");
        let name = |name: &str| AccountName::new(name).unwrap();
        std::fs::write(&path, "# people\nJoe:{PLAIN}a:1:2::/home\n\nann@x.org:{PLAIN}b:c\n").unwrap();
        let passwd = Passwd::load(&path).unwrap();
        assert_eq!(passwd.hash(&name("joe")), Some("{PLAIN}a"));
        assert_eq!(passwd.hash(&name("ann@x.org")), Some("{PLAIN}b:c"));

        edit::add(&path, &name("bob"), "{PLAIN}z").unwrap();
        assert!(matches!(edit::add(&path, &name("joe"), "x"), Err(EditError::Exists)));
        edit::set_password(&path, &name("joe"), "{PLAIN}new").unwrap();
        edit::remove(&path, &name("ann@x.org")).unwrap();
        assert!(matches!(edit::remove(&path, &name("ann@x.org")), Err(EditError::NoSuchAccount)));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "# people\njoe:{PLAIN}new:1:2::/home\n\nbob:{PLAIN}z\n");
    }

    #[test]
    fn errors_name_the_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("passwd");
        for (text, want) in [
            ("a:{FOO}x\n", ":1: a: unknown scheme"),
            ("\na b:{PLAIN}x", ":2: 'a b' is no account name"),
            ("a:{PLAIN}x\na:{PLAIN}y", ":2: 'a' stands"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Passwd::load(&path).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
    }
}

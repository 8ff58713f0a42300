//! The passwd file: `name:{SCHEME}hash:uid:gid:gecos:home:shell:extra`, an account a line.
//!
//! It is Dovecot's passwd-file. All behind the hash may be missing and means nothing here; a colon always ends the
//! hash. Empty lines and lines that begin with `#` say nothing. Octets that are not UTF-8 may stand in what is ignored.

use std::fmt;
use std::path::{Path, PathBuf};

use super::scheme::Hash;
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

struct Entry {
    hash: Hash,
    line: usize,
}

/// The accounts of a file.
#[derive(Default)]
pub struct Passwd {
    /// By name.
    entries: Vec<(AccountName, Entry)>,
}

impl Passwd {
    pub fn load(path: &Path) -> Result<Passwd, PasswdError> {
        let wrong = |line, reason| PasswdError { file: path.to_path_buf(), line, reason };
        let octets = std::fs::read(path).map_err(|error| wrong(0, error.to_string()))?;
        Passwd::parse(&octets).map_err(|(line, reason)| wrong(line, reason))
    }

    /// Or the first line that is wrong, and why.
    fn parse(octets: &[u8]) -> Result<Passwd, (usize, String)> {
        let mut entries: Vec<(AccountName, Entry)> = Vec::new();
        for (at, line) in octets.split(|octet| *octet == b'\n').enumerate() {
            if let Some(fields) = fields(line) {
                let (name, hash) = account(&fields).map_err(|reason| (at + 1, reason))?;
                entries.push((name, Entry { hash, line: at + 1 }));
            }
        }
        // Stable: of two lines of a name the first in the file stays first.
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        for ((name, first), (other, again)) in entries.iter().zip(entries.iter().skip(1)) {
            if name == other {
                return Err((again.line, format!("'{name}' stands in line {} already", first.line)));
            }
        }
        Ok(Passwd { entries })
    }

    pub(super) fn hash(&self, name: &AccountName) -> Option<&Hash> {
        let at = self.entries.binary_search_by(|(known, _)| known.cmp(name)).ok()?;
        self.entries.get(at).map(|(_, entry)| &entry.hash)
    }

    /// Some account's hash, always the same for a number; `None` where there are no accounts.
    pub(super) fn any_hash(&self, number: u64) -> Option<&Hash> {
        let at = number.checked_rem(self.entries.len() as u64)?;
        self.entries.get(at as usize).map(|(_, entry)| &entry.hash)
    }

    pub fn names(&self) -> impl Iterator<Item = &AccountName> {
        self.entries.iter().map(|(name, _)| name)
    }
}

/// A line that speaks of an account, as its octets have it.
pub(super) struct Fields<'a> {
    pub(super) name: &'a [u8],
    pub(super) hash: &'a [u8],
    /// All behind the hash, with the colon that ends it.
    pub(super) more: &'a [u8],
}

impl Fields<'_> {
    pub(super) fn account(&self) -> Option<AccountName> {
        AccountName::new(std::str::from_utf8(self.name).ok()?)
    }
}

/// `None` for a line that is empty or a comment.
pub(super) fn fields(line: &[u8]) -> Option<Fields<'_>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.trim_ascii().is_empty() || line.trim_ascii_start().starts_with(b"#") {
        return None;
    }
    let colon = |octets: &[u8]| octets.iter().position(|octet| *octet == b':').unwrap_or(octets.len());
    let (name, rest) = line.split_at(colon(line));
    let rest = rest.strip_prefix(b":").unwrap_or(rest);
    let (hash, more) = rest.split_at(colon(rest));
    Some(Fields { name, hash, more })
}

fn account(fields: &Fields) -> Result<(AccountName, Hash), String> {
    let shown = || String::from_utf8_lossy(fields.name).escape_debug().to_string();
    let name = fields.account().ok_or_else(|| format!("'{}' is no account name: user or user@domain", shown()))?;
    let hash = std::str::from_utf8(fields.hash).map_err(|_| format!("{name}: the hash is not UTF-8"))?;
    match Hash::parse(hash) {
        Ok(hash) => Ok((name, hash)),
        Err(reason) => Err(format!("{name}: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &[u8]) -> (usize, String) {
        Passwd::parse(text).err().unwrap_or_else(|| panic!("{text:?} is no error"))
    }

    #[test]
    fn a_file_of_dovecot() {
        let text = b"# people\n\nJoe:{PLAIN}a:1000:1000:J\xf6e:/home/joe:/bin/sh:quota=1G\r\n\
                     ann@x.org:{plain}b\n  # last\nbob:{PLAIN}:::\n";
        let passwd = Passwd::parse(text).unwrap_or_else(|error| panic!("{error:?}"));
        let names: Vec<&str> = passwd.names().map(AccountName::as_str).collect();
        assert_eq!(names, ["ann@x.org", "bob", "joe"]);
        let hash = |name: &str| passwd.hash(&AccountName::new(name).unwrap()).map(Hash::as_str);
        assert_eq!(hash("JOE"), Some("a"));
        assert_eq!(hash("ann@x.org"), Some("b"));
        assert_eq!(hash("bob"), Some(""));
        assert_eq!((hash("ann"), hash("joe@x.org")), (None, None), "a name is matched whole");
    }

    #[test]
    fn a_number_always_picks_the_same_account() {
        let passwd = Passwd::parse(b"a:{PLAIN}1\nb:{PLAIN}2\n").unwrap_or_default();
        let picked: Vec<_> = (0..4).filter_map(|n| passwd.any_hash(n)).map(Hash::as_str).collect();
        assert_eq!(picked, ["1", "2", "1", "2"]);
        assert!(Passwd::default().any_hash(7).is_none());
    }

    #[test]
    fn errors_name_the_line() {
        for (text, line, want) in [
            ("a:{FOO}x\n", 1, "a: unknown scheme {FOO}; known are ARGON2ID, SHA512-CRYPT, BLF-CRYPT, PLAIN"),
            ("\na b:{PLAIN}x", 2, "'a b' is no account name: user or user@domain"),
            (":{PLAIN}x", 1, "'' is no account name: user or user@domain"),
            ("joe", 1, "joe: the hash has no {SCHEME} before it"),
            ("#\na:{PLAIN}x\nA:{PLAIN}y", 3, "'a' stands in line 2 already"),
            ("a:{BLF-CRYPT}x", 1, "a: the hash is not one of {BLF-CRYPT}"),
        ] {
            assert_eq!(error(text.as_bytes()), (line, want.to_string()), "{text:?}");
        }
        assert_eq!((error(b"\xff:{PLAIN}x").0, error(b"\na:{PLAIN}\xff").0), (1, 2));
        let missing = Passwd::load(Path::new("/nowhere/passwd")).err().unwrap().to_string();
        assert!(missing.starts_with("/nowhere/passwd: "), "{missing}");
    }
}

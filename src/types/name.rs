//! Names of accounts and mailboxes.                RFC 9051 5.1

use std::fmt;
use std::sync::Arc;

/// Separates the levels of a mailbox name, as in CommuniGate Pro.
pub const DELIMITER: char = '/';

/// Why a string is no mailbox name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    Empty,
    /// More than `MailboxName::BYTES_MAX` octets or `MailboxName::LEVELS_MAX` levels.
    TooLong,
    /// A level without a name: a delimiter at the beginning, or two in a row.
    EmptyLevel,
    /// A control character, or one of LIST's wildcards `*` and `%`.
    BadCharacter(char),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Empty => f.write_str("a mailbox name cannot be empty"),
            NameError::TooLong => write!(
                f,
                "a mailbox name has at most {} octets and {} levels",
                MailboxName::BYTES_MAX,
                MailboxName::LEVELS_MAX
            ),
            NameError::EmptyLevel => f.write_str("a level of a mailbox name cannot be empty"),
            NameError::BadCharacter(c) => write!(f, "a mailbox name cannot contain U+{:04X}", *c as u32),
        }
    }
}

/// A mailbox name within its account: UTF-8, levels separated by `/`, neither beginning nor ending with one.
/// `INBOX`, and as the first level of a longer name, is always in capitals. A copy shares the text, as trees of names are
/// copied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxName(Arc<str>);

impl MailboxName {
    /// Longer names break clients that keep mail in files, and LIST lines.
    pub const BYTES_MAX: usize = 1000;
    /// Deeper trees break clients that recurse.
    pub const LEVELS_MAX: usize = 64;

    pub fn new(name: &str) -> Result<MailboxName, NameError> {
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.len() > MailboxName::BYTES_MAX || name.split(DELIMITER).count() > MailboxName::LEVELS_MAX {
            return Err(NameError::TooLong);
        }
        if name.split(DELIMITER).any(str::is_empty) {
            return Err(NameError::EmptyLevel);
        }
        if let Some(c) = name.chars().find(|c| c.is_control() || matches!(c, '*' | '%' | '\u{2028}' | '\u{2029}')) {
            return Err(NameError::BadCharacter(c));
        }
        Ok(MailboxName(fold_inbox(name).into()))
    }

    pub fn inbox() -> MailboxName {
        MailboxName("INBOX".into())
    }

    pub fn is_inbox(&self) -> bool {
        &*self.0 == "INBOX"
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name one level up; `None` at the top.
    pub fn parent(&self) -> Option<MailboxName> {
        self.0.rfind(DELIMITER).map(|at| MailboxName(self.0[..at].into()))
    }

    /// All names above this one, the topmost first.
    pub fn ancestors(&self) -> impl Iterator<Item = MailboxName> + '_ {
        self.0.match_indices(DELIMITER).map(|(at, _)| MailboxName(self.0[..at].into()))
    }

    /// Whether this name is inside `other`, at any depth.
    pub fn is_below(&self, other: &MailboxName) -> bool {
        self.0.strip_prefix(&*other.0).is_some_and(|rest| rest.starts_with(DELIMITER))
    }

    /// This name, of `from` or below it, moved to the same place at or below `to`.
    pub fn moved(&self, from: &MailboxName, to: &MailboxName) -> Result<MailboxName, NameError> {
        let rest = self.0.strip_prefix(&*from.0).unwrap_or("");
        MailboxName::new(&format!("{}{rest}", to.0))
    }
}

/// Names sort as their text does.
impl std::borrow::Borrow<str> for MailboxName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `name` with a first level that says INBOX in any case put in capitals.
pub(super) fn fold_inbox(name: &str) -> String {
    match name.get(..5) {
        Some(first)
            if first.eq_ignore_ascii_case("inbox") && matches!(name[5..].chars().next(), None | Some(DELIMITER)) =>
        {
            format!("INBOX{}", &name[5..])
        }
        _ => name.to_string(),
    }
}

/// The name of an account: `user` or `user@domain`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(Box<str>);

impl AccountName {
    pub const BYTES_MAX: usize = 255;

    /// `None` unless the name can stand in a passwd file and in a mailbox name: no control characters, spaces,
    /// `:`, `/`, `*`, `%`; at most one `@`, with something on both sides; not beginning with `~`, `#` or `-`.
    pub fn new(name: &str) -> Option<AccountName> {
        let allowed = |c: char| !c.is_control() && !c.is_whitespace() && !":/*%\\\"".contains(c);
        let sides = name.split('@').all(|side| !side.is_empty()) && name.split('@').count() <= 2;
        let good = sides
            && name.len() <= AccountName::BYTES_MAX
            && name.chars().all(allowed)
            && !name.starts_with(['~', '#', '-']);
        good.then(|| AccountName(name.to_lowercase().into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn domain(&self) -> Option<&str> {
        self.0.split_once('@').map(|(_, domain)| domain)
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(MailboxName::new("inbox/Sub").unwrap().as_str(), "INBOX/Sub");
        assert_eq!(MailboxName::new("inboxes").unwrap().as_str(), "inboxes");
        for bad in ["", "/a", "a/", "a//b", "a*", "a%b", "a\nb", "a\0"] {
            assert!(MailboxName::new(bad).is_err(), "{bad:?}");
        }
        let name = MailboxName::new("a/b/c").unwrap();
        assert_eq!(name.ancestors().map(|n| n.to_string()).collect::<Vec<_>>(), ["a", "a/b"]);
        assert!(name.is_below(&MailboxName::new("a").unwrap()));
        assert!(!MailboxName::new("ab").unwrap().is_below(&MailboxName::new("a").unwrap()));
    }
}

//! Names of annotations, and classes of mailboxes.  RFC 5464 3.2; CommuniGate Pro

use std::cmp::Ordering;
use std::fmt;

/// `/private/comment`: compared without regard to case, shown as it was spelled. RFC 5464 3.2
#[derive(Clone, Debug)]
pub struct EntryName(Box<str>);

/// Whose an annotation is. RFC 5464 3.3
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryScope {
    /// Each user has a value of their own.
    Private,
    Shared,
}

/// How far below an entry GETMETADATA looks. RFC 5464 4.2.2
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    #[default]
    Zero,
    One,
    Infinity,
}

impl EntryName {
    /// Longer ones name nothing: the alias of a mailbox with the longest name is shorter.
    pub const BYTES_MAX: usize = 4000;

    /// `None` for what can be no entry: not below `/private` or `/shared`, an empty component, `*`, `%`, or what is not
    /// printable ASCII.
    pub fn new(name: &str) -> Option<EntryName> {
        let printable = |b: u8| matches!(b, b' '..=b'~') && !matches!(b, b'*' | b'%');
        let mut components = name.strip_prefix('/')?.split('/');
        let scope = components.next()?;
        let good = (scope.eq_ignore_ascii_case("private") || scope.eq_ignore_ascii_case("shared"))
            && components.all(|component| !component.is_empty())
            && name.bytes().all(printable)
            && name.len() <= EntryName::BYTES_MAX;
        good.then(|| EntryName(name.into()))
    }

    /// As the client spelled it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In small letters: the same for all spellings.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    pub fn scope(&self) -> EntryScope {
        match self.0.as_bytes().get(1) {
            Some(b'p' | b'P') => EntryScope::Private,
            _ => EntryScope::Shared,
        }
    }

    /// Whether it can have a value: two components at least, those of vendors four. RFC 5464 3.2
    pub fn is_complete(&self) -> bool {
        let mut components = self.0[1..].split('/').skip(1);
        match components.next() {
            None => false,
            Some(second) if second.eq_ignore_ascii_case("vendor") => components.count() >= 2,
            Some(_) => true,
        }
    }

    /// What stands behind `prefix` and a slash, as it was spelled.
    pub fn below(&self, prefix: &str) -> Option<&str> {
        let (head, tail) = self.0.split_at_checked(prefix.len())?;
        tail.strip_prefix('/').filter(|_| head.eq_ignore_ascii_case(prefix))
    }

    /// Whether a look at `base`, so deep, shows this entry.
    pub fn is_within(&self, base: &EntryName, depth: Depth) -> bool {
        match (self == base, depth, self.below(&base.0)) {
            (true, ..) => true,
            (_, Depth::One, Some(rest)) => !rest.contains('/'),
            (_, Depth::Infinity, Some(_)) => true,
            _ => false,
        }
    }
}

impl PartialEq for EntryName {
    fn eq(&self, other: &EntryName) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for EntryName {}

impl PartialOrd for EntryName {
    fn partial_cmp(&self, other: &EntryName) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EntryName {
    fn cmp(&self, other: &EntryName) -> Ordering {
        let folded = |name: &'_ EntryName| name.0.bytes().map(|b| b.to_ascii_lowercase()).collect::<Vec<u8>>();
        folded(self).cmp(&folded(other))
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a mailbox holds, by MAPI's name: `IPF.Contact`. CommuniGate Pro
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxClass(Box<str>);

impl MailboxClass {
    /// MAPI's own are shorter.
    pub const BYTES_MAX: usize = 255;
    /// The class of a mailbox that has been given none.
    pub const MAIL: &str = "IPF.Note";

    /// `None` unless it is printable ASCII, which can stand in a quoted string.
    pub fn new(name: &str) -> Option<MailboxClass> {
        let good =
            (1..=MailboxClass::BYTES_MAX).contains(&name.len()) && name.bytes().all(|b| matches!(b, b' '..=b'~'));
        good.then(|| MailboxClass(name.into()))
    }

    pub fn mail() -> MailboxClass {
        MailboxClass(MailboxClass::MAIL.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether mailboxes of it hold mail; those of MAPI's subclasses of mail do.
    pub fn is_mail(&self) -> bool {
        match self.0.split_at_checked(MailboxClass::MAIL.len()) {
            Some((head, tail)) => {
                head.eq_ignore_ascii_case(MailboxClass::MAIL) && (tail.is_empty() || tail.starts_with('.'))
            }
            None => false,
        }
    }
}

impl fmt::Display for MailboxClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries() {
        for good in ["/private/comment", "/Shared/a b", "/private", "/shared/vendor/x/y"] {
            assert!(EntryName::new(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "/",
            "comment",
            "/comment",
            "/private/",
            "/private//x",
            "/private/a*",
            "/private/%",
            "/private/é",
            "/private/a\n",
        ] {
            assert!(EntryName::new(bad).is_none(), "{bad}");
        }
        let entry = |name| EntryName::new(name).unwrap();
        assert_eq!(entry("/Private/Comment"), entry("/private/comment"));
        for bare in ["/private", "/shared/vendor", "/shared/VENDOR/x"] {
            assert!(!entry(bare).is_complete(), "{bare}");
        }
        assert!(entry("/shared/vendor/x/y").is_complete());
        let (base, child, grandchild) = (entry("/private/a"), entry("/PRIVATE/A/b"), entry("/private/a/b/c"));
        assert!(base.is_within(&base, Depth::Zero) && !child.is_within(&base, Depth::Zero));
        assert!(child.is_within(&base, Depth::One) && !grandchild.is_within(&base, Depth::One));
        assert!(grandchild.is_within(&base, Depth::Infinity) && !base.is_within(&child, Depth::Infinity));
        assert!(!entry("/private/ab").is_within(&base, Depth::Infinity));
    }

    #[test]
    fn classes() {
        let class = |name| MailboxClass::new(name).unwrap();
        assert!(class("ipf.note").is_mail() && class("IPF.Note.Foo").is_mail());
        assert!(!class("IPF.StickyNote").is_mail() && !class("IPF.Notes").is_mail() && !class("x").is_mail());
        assert!(
            MailboxClass::new("").is_none() && MailboxClass::new("é").is_none() && MailboxClass::new("a\r").is_none()
        );
    }
}

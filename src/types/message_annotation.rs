//! Names of the annotations of messages.            RFC 5257 3.2, 5
//!
//! Not those of mailboxes and of the server (`metadata`): an entry here belongs to one message or to a part of one, and
//! each of its attributes has a private and a shared value.

use std::fmt;
use std::sync::Arc;

use super::fetch::PartPath;
use super::metadata::EntryScope;

/// `/comment`, `/1.2/flags/seen`: in one spelling only, unlike the names of METADATA. RFC 5257 3.2.1
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageEntry(Arc<str>);

impl MessageEntry {
    /// No client has longer ones, and what matches them takes time by their length.
    pub const BYTES_MAX: usize = 255;

    /// `None` for what can be no entry: without `/` before it, an empty component, `*`, `%`, NUL, what is not ASCII, a part
    /// that is no number of one, or a name below `/flags`, which nobody may use. RFC 5257 3.5
    pub fn new(name: &str) -> Option<MessageEntry> {
        let first = name.strip_prefix('/')?.split('/').next()?;
        let good = !name.contains(['*', '%']) && is_spelled(name) && first != "flags" && part_of(first).is_some();
        good.then(|| MessageEntry(name.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part that it is about; empty for the whole message.
    pub fn part(&self) -> PartPath {
        self.components().next().and_then(part_of).unwrap_or_default()
    }

    /// Whether it can have attributes: what only stands above others has none. RFC 5257 3.2.1
    pub fn is_complete(&self) -> bool {
        let (in_part, mut rest) = (!self.part().0.is_empty(), self.components());
        let first = if in_part { rest.nth(1) } else { rest.next() };
        match first {
            None => false,
            Some("vendor") => rest.next().is_some(),
            Some("flags") => rest.next().is_some(),
            Some(_) => true,
        }
    }

    /// Whether the value can be `1`, `0` or nothing alone: flags of a part. RFC 5257 3.2.1
    pub fn is_flag(&self) -> bool {
        !self.part().0.is_empty() && self.components().nth(1) == Some("flags")
    }

    fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').skip(1)
    }
}

impl fmt::Display for MessageEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_spelled(name: &str) -> bool {
    let octets = name.bytes().all(|b| b.is_ascii() && b != 0);
    octets && !name.contains("//") && !name.ends_with('/') && name.len() <= MessageEntry::BYTES_MAX
}

/// The part that a first component names, none where it is another name; `None` where it begins as a part does and is
/// none.
fn part_of(component: &str) -> Option<PartPath> {
    if !component.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(PartPath::default());
    }
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| !text.starts_with(['0', '+']));
    let numbers: Option<Vec<u32>> = component.split('.').map(number).collect();
    numbers.filter(|numbers| numbers.len() <= PART_LEVELS_MAX).map(PartPath)
}

/// Parts in the path to a body part: as deep as messages are parsed.
const PART_LEVELS_MAX: usize = 100;

/// `entry-match`: an entry, or a pattern in which `*` stands for anything and `%` for anything but `/`. RFC 5257 4.3
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryMatch {
    Entry(MessageEntry),
    Pattern(Arc<str>),
}

impl EntryMatch {
    /// `None` for what can match no entry by its spelling.
    pub fn new(text: &str) -> Option<EntryMatch> {
        if !text.contains(['*', '%']) {
            return MessageEntry::new(text).map(EntryMatch::Entry);
        }
        let good = is_spelled(text) && text.starts_with(['/', '*', '%']) && pattern_part(text).is_some();
        good.then(|| EntryMatch::Pattern(text.into()))
    }

    /// The part that all entries which match are about; empty where there is no such part.
    pub fn part(&self) -> PartPath {
        match self {
            EntryMatch::Entry(entry) => entry.part(),
            EntryMatch::Pattern(pattern) => pattern_part(pattern).unwrap_or_default(),
        }
    }

    /// Takes time in proportion to the product of the two lengths at the worst.
    pub fn matches(&self, entry: &MessageEntry) -> bool {
        match self {
            EntryMatch::Entry(own) => own == entry,
            EntryMatch::Pattern(pattern) => matches(pattern.as_bytes(), entry.as_str().as_bytes()),
        }
    }
}

/// As `part_of`, of a pattern whose first component has no wildcard.
fn pattern_part(pattern: &str) -> Option<PartPath> {
    match pattern.strip_prefix('/').and_then(|rest| rest.split_once('/')) {
        Some((first, _)) if !first.contains(['*', '%']) => part_of(first),
        _ => Some(PartPath::default()),
    }
}

/// A wildcard stands for one character at least. RFC 5257 4.3
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // `states[i]`: the first i octets of the pattern match what has been read of the name.
    let mut states = vec![false; pattern.len() + 1];
    states[0] = true;
    for octet in name {
        let mut next = vec![false; states.len()];
        for (i, wanted) in pattern.iter().enumerate().filter(|(i, _)| states[*i]) {
            let (fits, repeats) = match wanted {
                b'*' => (true, true),
                b'%' => (*octet != b'/', true),
                wanted => (wanted == octet, false),
            };
            next[i] |= fits && repeats;
            next[i + 1] |= fits;
        }
        states = next;
    }
    states[pattern.len()]
}

/// RFC 5257 3.2.2
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    Value,
    /// Octets of the value; the server's.
    Size,
}

/// `value.priv`: an attribute, and whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributeName {
    pub attribute: Attribute,
    pub scope: EntryScope,
}

impl AttributeName {
    /// What a name stands for: without a suffix both the private and the shared one. `None` for a name that no RFC has.
    pub fn parse(name: &str) -> Option<(Attribute, Option<EntryScope>)> {
        let (attribute, scope) = match (name.strip_suffix(".priv"), name.strip_suffix(".shared")) {
            (Some(attribute), _) => (attribute, Some(EntryScope::Private)),
            (_, Some(attribute)) => (attribute, Some(EntryScope::Shared)),
            _ => (name, None),
        };
        match attribute {
            "value" => Some((Attribute::Value, scope)),
            "size" => Some((Attribute::Size, scope)),
            _ => None,
        }
    }
}

impl fmt::Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.attribute {
            Attribute::Value => "value",
            Attribute::Size => "size",
        })?;
        f.write_str(match self.scope {
            EntryScope::Private => ".priv",
            EntryScope::Shared => ".shared",
        })
    }
}

/// What FETCH asks of a message's annotations. RFC 5257 4.3
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnotationItem {
    pub entries: Vec<EntryMatch>,
    pub attributes: Vec<AttributeName>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries() {
        for good in
            ["/comment", "/vendor/x/y.z", "/1/comment", "/1.2.3/flags/seen", "/a b", "/Flags", "/flagsx", "/1"]
        {
            assert!(MessageEntry::new(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "/",
            "comment",
            "/comment/",
            "//comment",
            "/a//b",
            "/a*",
            "/a%b",
            "/é",
            "/a\0",
            "/flags",
            "/flags/seen",
            "/0/comment",
            "/1./comment",
            "/1.0/comment",
            "/01/comment",
            "/1a/comment",
            "/1.+2/comment",
            "/4294967296/comment",
        ] {
            assert!(MessageEntry::new(bad).is_none(), "{bad}");
        }
        let entry = |name: &str| MessageEntry::new(name).unwrap();
        assert!(MessageEntry::new(&format!("/{}", "a".repeat(MessageEntry::BYTES_MAX))).is_none());
        assert!(MessageEntry::new(&format!("/1{}/x", ".1".repeat(100))).is_none());
        assert_ne!(entry("/Comment"), entry("/comment"));
        assert_eq!((entry("/1.2/comment").part().0, entry("/comment").part().0), (vec![1, 2], vec![]));
        for bare in ["/vendor", "/1", "/1/flags", "/1/vendor"] {
            assert!(!entry(bare).is_complete(), "{bare}");
        }
        for whole in ["/comment", "/vendor/x", "/1/comment", "/1/flags/seen", "/1/vendor/x"] {
            assert!(entry(whole).is_complete(), "{whole}");
        }
        assert!(entry("/1/flags/seen").is_flag() && !entry("/1/comment").is_flag() && !entry("/x/flags/y").is_flag());
    }

    #[test]
    fn patterns() {
        let is =
            |pattern: &str, name: &str| EntryMatch::new(pattern).unwrap().matches(&MessageEntry::new(name).unwrap());
        for (pattern, name) in [
            ("/%", "/comment"),
            ("/*", "/1/comment"),
            ("*", "/a/b"),
            ("/comment", "/comment"),
            ("/**t", "/a/t"),
            ("/com*", "/comment"),
        ] {
            assert!(is(pattern, name), "{pattern} {name}");
        }
        assert!(is("/%/comment", "/1.2/comment") && is("/1/*", "/1/flags/seen") && is("/a*b%c", "/a/x/b.c"));
        for (pattern, name) in [
            ("/%", "/1/comment"),
            ("/Comment", "/comment"),
            ("%", "/a"),
            ("/1/*", "/1.1/x"),
            ("/comment*", "/comment"),
            ("/%comment", "/comment"),
            ("/**", "/a"),
        ] {
            assert!(!is(pattern, name), "{pattern} {name}");
        }
        for bad in ["", "/a*//b", "/*/", "a*", "/0/*", "/1a/%", "/é*"] {
            assert!(EntryMatch::new(bad).is_none(), "{bad}");
        }
        let part = |pattern: &str| EntryMatch::new(pattern).unwrap().part().0;
        assert_eq!((part("/2/*"), part("/2*"), part("/%/x"), part("/2.1/x")), (vec![2], vec![], vec![], vec![2, 1]));
    }

    #[test]
    fn attributes() {
        let priv_ = Some((Attribute::Value, Some(EntryScope::Private)));
        assert_eq!(AttributeName::parse("value.priv"), priv_);
        assert_eq!(AttributeName::parse("size"), Some((Attribute::Size, None)));
        for bad in ["", "Value", "value.", "value.private", "value.priv.shared", ".shared", "comment"] {
            assert_eq!(AttributeName::parse(bad), None, "{bad}");
        }
        let name = AttributeName { attribute: Attribute::Size, scope: EntryScope::Shared };
        assert_eq!(name.to_string(), "size.shared");
    }
}

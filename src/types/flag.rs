//! Flags and keywords.                              RFC 9051 2.3.2

use std::fmt;
use std::sync::Arc;

use super::visibility::Class;

/// A system flag that is kept. `\Recent` is not: it belongs to a session, not to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SystemFlag {
    Answered = 0,
    Flagged = 1,
    Deleted = 2,
    Seen = 3,
    Draft = 4,
}

impl SystemFlag {
    pub const ALL: [SystemFlag; 5] =
        [SystemFlag::Answered, SystemFlag::Flagged, SystemFlag::Deleted, SystemFlag::Seen, SystemFlag::Draft];

    pub const fn name(self) -> &'static str {
        match self {
            SystemFlag::Answered => "\\Answered",
            SystemFlag::Flagged => "\\Flagged",
            SystemFlag::Deleted => "\\Deleted",
            SystemFlag::Seen => "\\Seen",
            SystemFlag::Draft => "\\Draft",
        }
    }

    /// By its name with the backslash, whatever its case.
    pub fn from_name(name: &str) -> Option<SystemFlag> {
        SystemFlag::ALL.into_iter().find(|flag| flag.name().eq_ignore_ascii_case(name))
    }
}

/// A keyword: an atom, compared without regard to case, shown as first written. RFC 9051 2.3.2
#[derive(Clone, Debug)]
pub struct Keyword(Arc<str>);

impl Keyword {
    /// Octets of the longest keyword: keeps the FLAGS line of a mailbox with many of them readable by clients.
    pub const BYTES_MAX: usize = 250;

    /// `None` unless `name` is an RFC 9051 `flag-keyword`: an atom, not beginning with a backslash.
    pub fn new(name: &str) -> Option<Keyword> {
        let atom_char = |b: u8| b > b' ' && b < 0x7f && !br#"(){%*"\]"#.contains(&b);
        (!name.is_empty() && name.len() <= Keyword::BYTES_MAX && name.bytes().all(atom_char))
            .then(|| Keyword(name.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Keyword) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Keyword {}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A keyword that means something to the server. It has a bit of its own, the same in every mailbox, and every mailbox
/// has it: that a client is told its name tells nothing about what is there. CommuniGate Pro
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKeyword {
    /// Shown to sessions that have said ENABLE EXTENSIONS alone.
    Service = 5,
    /// Shown to those alone who have the right to administer the mailbox.
    Hidden = 6,
    /// Sound or pictures, as voice mail: UNSEENMEDIA counts them.
    Media = 7,
}

impl ServerKeyword {
    pub const ALL: [ServerKeyword; 3] = [ServerKeyword::Service, ServerKeyword::Hidden, ServerKeyword::Media];

    pub const fn name(self) -> &'static str {
        match self {
            ServerKeyword::Service => "$Service",
            ServerKeyword::Hidden => "$Hidden",
            ServerKeyword::Media => "$Media",
        }
    }

    /// By its name, whatever its case.
    pub fn from_name(name: &str) -> Option<ServerKeyword> {
        ServerKeyword::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name))
    }
}

/// A flag as a client names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flag {
    System(SystemFlag),
    Keyword(Keyword),
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flag::System(flag) => f.write_str(flag.name()),
            Flag::Keyword(keyword) => keyword.fmt(f),
        }
    }
}

/// The place of a keyword in its mailbox's keyword table; a place is never given to another keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeywordId(pub u16);

/// The flags of one message, as bits: the system flags first, then the keywords of the server, then the first ones of the
/// mailbox.
///
/// Bit `n` below 5 is `SystemFlag n`, below 8 `ServerKeyword n`; bit `8 + k` is `KeywordId(k)`; the last one says that the
/// message has keywords that have no bit (`Flags`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FlagBits(pub u128);

impl FlagBits {
    pub const NONE: FlagBits = FlagBits(0);
    /// How many keywords of a mailbox have a bit.
    pub const KEYWORDS: usize = 119;
    /// There are others.
    pub const FURTHER: FlagBits = FlagBits(1 << 127);

    pub const fn system(flag: SystemFlag) -> FlagBits {
        FlagBits(1 << flag as u32)
    }

    pub const fn server(keyword: ServerKeyword) -> FlagBits {
        FlagBits(1 << keyword as u32)
    }

    /// `None` for a keyword that has no bit.
    pub fn keyword(id: KeywordId) -> Option<FlagBits> {
        (usize::from(id.0) < FlagBits::KEYWORDS).then(|| FlagBits(1 << (8 + u32::from(id.0))))
    }

    pub const fn has(self, flag: SystemFlag) -> bool {
        self.0 & FlagBits::system(flag).0 != 0
    }

    pub const fn contains(self, other: FlagBits) -> bool {
        self.0 & other.0 == other.0
    }

    pub const fn with(self, other: FlagBits) -> FlagBits {
        FlagBits(self.0 | other.0)
    }

    pub const fn without(self, other: FlagBits) -> FlagBits {
        FlagBits(self.0 & !other.0)
    }

    /// Which of $Service and $Hidden are set.
    pub const fn class(self) -> Class {
        Class((self.0 >> ServerKeyword::Service as u32) as u8 & 3)
    }

    /// Has $Media and not \Seen.
    pub const fn is_unseen_media(self) -> bool {
        self.contains(FlagBits::server(ServerKeyword::Media)) && !self.has(SystemFlag::Seen)
    }

    pub const fn has_further(self) -> bool {
        self.contains(FlagBits::FURTHER)
    }

    /// The keywords of the mailbox whose bits are set, in the order of its table.
    pub fn keywords(self) -> impl Iterator<Item = KeywordId> {
        let mut rest = self.without(FlagBits::FURTHER).0 >> 8;
        std::iter::from_fn(move || {
            (rest != 0).then(|| {
                let id = rest.trailing_zeros() as u16;
                rest &= rest - 1;
                KeywordId(id)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_atoms() {
        assert!(Keyword::new("$Forwarded").is_some());
        for bad in ["", "a b", "\\Seen", "x]", "é", "a\"b", "(", "a\x7f"] {
            assert!(Keyword::new(bad).is_none(), "{bad:?}");
        }
        assert_eq!(Keyword::new("Junk"), Keyword::new("junk"));
    }

    #[test]
    fn bits() {
        let bits = FlagBits::system(SystemFlag::Seen).with(FlagBits::keyword(KeywordId(118)).unwrap());
        assert!(bits.has(SystemFlag::Seen) && !bits.has(SystemFlag::Draft));
        assert_eq!(bits.keywords().collect::<Vec<_>>(), [KeywordId(118)]);
        assert!(FlagBits::keyword(KeywordId(119)).is_none());
    }
}

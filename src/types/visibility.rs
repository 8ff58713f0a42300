//! Who sees which messages: CommuniGate Pro's $Service and $Hidden.

use super::flag::{FlagBits, ServerKeyword};

/// What a message has of $Service (1) and $Hidden (2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Class(pub(super) u8);

impl Class {
    /// Of messages that everybody sees.
    pub const ORDINARY: Class = Class(0);
    pub const ALL: [Class; 4] = [Class(0), Class(1), Class(2), Class(3)];
    /// Of messages that not everybody sees.
    pub const APART: [Class; 3] = [Class(1), Class(2), Class(3)];

    /// Its place in a table of all classes.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What somebody sees of a mailbox: all messages, or all but those with $Service, with $Hidden, or with either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visibility {
    /// A class that has any of these bits is not seen.
    hides: u8,
}

impl Visibility {
    /// Everything.
    pub const ALL: Visibility = Visibility { hides: 0 };

    /// This, without the messages that have $Service.
    pub const fn without_service(self) -> Visibility {
        Visibility { hides: self.hides | Visibility::bit(ServerKeyword::Service) }
    }

    /// This, without the messages that have $Hidden.
    pub const fn without_hidden(self) -> Visibility {
        Visibility { hides: self.hides | Visibility::bit(ServerKeyword::Hidden) }
    }

    const fn bit(keyword: ServerKeyword) -> u8 {
        FlagBits::server(keyword).class().0
    }

    pub const fn sees(self, class: Class) -> bool {
        self.hides & class.0 == 0
    }

    /// Its place in a table of those that do not see everything; `None` for the one that does.
    pub const fn index(self) -> Option<usize> {
        (self.hides as usize).checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sees_what() {
        let of = |keywords: &[ServerKeyword]| {
            keywords.iter().fold(FlagBits::NONE, |bits, keyword| bits.with(FlagBits::server(*keyword))).class()
        };
        let (service, hidden) = (of(&[ServerKeyword::Service]), of(&[ServerKeyword::Hidden]));
        let both = of(&[ServerKeyword::Service, ServerKeyword::Hidden]);
        assert_eq!(of(&[ServerKeyword::Media]), Class::ORDINARY);
        assert_eq!([Class::ORDINARY, service, hidden, both], Class::ALL);
        let seen = |visibility: Visibility| Class::ALL.map(|class| visibility.sees(class));
        assert_eq!(seen(Visibility::ALL), [true; 4]);
        assert_eq!(seen(Visibility::ALL.without_service()), [true, false, true, false]);
        assert_eq!(seen(Visibility::ALL.without_hidden()), [true, true, false, false]);
        assert_eq!(seen(Visibility::ALL.without_hidden().without_service()), [true, false, false, false]);
        assert_eq!(Visibility::ALL.index(), None);
        assert_eq!(Visibility::ALL.without_hidden().without_service().index(), Some(2));
    }
}

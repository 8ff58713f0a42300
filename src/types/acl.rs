//! Rights of access control lists.                  RFC 4314 2.1; RFC 2086 3; RFC 5257 3.4
//!
//! Kept as RFC 4314 has them; `c` and `d` of RFC 2086, and of CommuniGate Pro, stand for several of them.

use std::fmt;

/// One right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// `l`: the mailbox exists for the client.
    Lookup = 0,
    /// `r`: SELECT, FETCH, STATUS.
    Read = 1,
    /// `s`: \Seen is set and kept.
    Seen = 2,
    /// `w`: flags other than \Seen and \Deleted.
    Write = 3,
    /// `i`: APPEND, COPY into it.
    Insert = 4,
    /// `p`: mail may be sent to it.
    Post = 5,
    /// `k`: mailboxes may be made below it.
    CreateMailboxes = 6,
    /// `x`: it may be deleted and renamed.
    DeleteMailbox = 7,
    /// `t`: \Deleted.
    DeleteMessages = 8,
    /// `e`: EXPUNGE.
    Expunge = 9,
    /// `a`: the list itself.
    Administer = 10,
    /// `n`: shared annotations of messages. RFC 5257 3.4
    Annotate = 11,
}

/// Letters in the order of `Right`.
const LETTERS: [char; 12] = ['l', 'r', 's', 'w', 'i', 'p', 'k', 'x', 't', 'e', 'a', 'n'];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights(pub u16);

impl Rights {
    pub const NONE: Rights = Rights(0);
    pub const ALL: Rights = Rights((1 << LETTERS.len()) - 1);
    /// `c`
    const CREATE: Rights = Rights(1 << Right::CreateMailboxes as u16);
    /// `d`
    const DELETE: Rights =
        Rights(1 << Right::DeleteMailbox as u16 | 1 << Right::DeleteMessages as u16 | 1 << Right::Expunge as u16);

    /// `None` for a letter that is no right. RFC 4314 2.1.1
    pub fn parse(letters: &str) -> Option<Rights> {
        letters.chars().try_fold(Rights::NONE, |rights, letter| {
            let more = match letter {
                'c' => Rights::CREATE,
                'd' => Rights::DELETE,
                letter => Rights(1 << LETTERS.iter().position(|known| *known == letter)?),
            };
            Some(rights.with(more))
        })
    }

    pub const fn has(self, right: Right) -> bool {
        self.0 & 1 << right as u16 != 0
    }

    /// Whether any of them is there.
    pub fn has_any(self, rights: &[Right]) -> bool {
        rights.iter().any(|right| self.has(*right))
    }

    pub const fn with(self, other: Rights) -> Rights {
        Rights(self.0 | other.0)
    }

    pub const fn without(self, other: Rights) -> Rights {
        Rights(self.0 & !other.0)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// All letters, those of RFC 2086 last, so that clients of either RFC find theirs.
impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = LETTERS.iter().enumerate().filter(|(at, _)| self.0 & 1 << at != 0).map(|(_, letter)| *letter);
        let old = [('c', Rights::CREATE), ('d', Rights::DELETE)];
        let old = old.iter().filter(|(_, rights)| self.0 & rights.0 != 0).map(|(letter, _)| *letter);
        own.chain(old).try_for_each(|letter| write!(f, "{letter}"))
    }
}

/// What SETACL does with the rights that are there. RFC 4314 3.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModifyRights {
    Replace(Rights),
    Add(Rights),
    Remove(Rights),
}

impl ModifyRights {
    pub fn apply(self, before: Rights) -> Rights {
        match self {
            ModifyRights::Replace(rights) => rights,
            ModifyRights::Add(rights) => before.with(rights),
            ModifyRights::Remove(rights) => before.without(rights),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_vocabularies() {
        assert_eq!(Rights::parse("lrswipkxtean"), Some(Rights::ALL));
        assert_eq!(Rights::parse("lrswipcdan"), Some(Rights::ALL));
        assert_eq!(Rights::ALL.to_string(), "lrswipkxteancd");
        assert_eq!(Rights::parse("t").unwrap().to_string(), "td");
        assert_eq!(Rights::parse("lq"), None);
        assert_eq!(Rights::parse(""), Some(Rights::NONE));
        let rights = ModifyRights::Remove(Rights::parse("d").unwrap()).apply(Rights::ALL);
        assert!(!rights.has_any(&[Right::Expunge, Right::DeleteMessages, Right::DeleteMailbox]));
        assert!(rights.has(Right::Lookup));
    }
}

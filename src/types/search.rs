//! The keys and results of SEARCH.                  RFC 9051 6.4.4; RFC 7162 3.1.5; RFC 9394

use std::fmt;
use std::ops::Range;

use super::{CivilDate, EntryMatch, EntryScope, Flag, ModSeq, NumberSet};

/// One search key. The parser bounds the depth of the tree, so that whoever walks it may recurse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchKey {
    All,
    /// All of them; an empty list matches everything.
    And(Vec<SearchKey>),
    Or(Box<SearchKey>, Box<SearchKey>),
    Not(Box<SearchKey>),
    /// Its strings match words that are alike. RFC 6203
    Fuzzy(Box<SearchKey>),
    Seqs(NumberSet),
    Uids(NumberSet),
    /// ANSWERED, KEYWORD x and their like; UNSEEN is `Not(Flag(\Seen))`.
    Flag(Flag),
    /// RFC 3501: in this session only.
    Recent,
    /// Strings are UTF-8, whatever the CHARSET of the command was.
    Bcc(String),
    Cc(String),
    From(String),
    Subject(String),
    To(String),
    /// Field name; a string to find in its decoded body, empty for "has such a field".
    Header(String, String),
    Body(String),
    Text(String),
    Before(CivilDate),
    On(CivilDate),
    Since(CivilDate),
    SentBefore(CivilDate),
    SentOn(CivilDate),
    SentSince(CivilDate),
    /// Octets.
    Larger(u64),
    Smaller(u64),
    /// At least this mod-sequence.
    ModSeq(ModSeq),
    /// Seconds before now. RFC 5032
    Younger(u32),
    Older(u32),
    /// RFC 8514 4.3
    SavedBefore(CivilDate),
    SavedOn(CivilDate),
    SavedSince(CivilDate),
    /// RFC 8474 5.3
    EmailId(String),
    ThreadId(String),
    /// A string in the value of an annotation of the message, private or shared or either; `None` for there being no such
    /// value. RFC 5257 4.8
    Annotation {
        entries: EntryMatch,
        scope: Option<EntryScope>,
        value: Option<String>,
    },
    /// What is stored under this name stands in its place. RFC 5466 3.1
    Filter(FilterName),
}

/// `filter-name = 1*<any ATOM-CHAR except "/">`. RFC 5466 4
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterName(Box<str>);

impl FilterName {
    pub fn new(name: &str) -> Option<FilterName> {
        let allowed = |b: u8| b.is_ascii_graphic() && !br#"(){%*"\]/"#.contains(&b);
        (!name.is_empty() && name.bytes().all(allowed)).then(|| FilterName(name.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SearchKey {
    /// Whether any key in it, itself included, is of a kind.
    pub fn any(&self, is: &dyn Fn(&SearchKey) -> bool) -> bool {
        is(self)
            || match self {
                SearchKey::And(keys) => keys.iter().any(|key| key.any(is)),
                SearchKey::Or(a, b) => a.any(is) || b.any(is),
                SearchKey::Not(key) | SearchKey::Fuzzy(key) => key.any(is),
                _ => false,
            }
    }
}

/// A return option of SEARCH. RFC 9051 6.4.4; RFC 4731
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchReturn {
    Min,
    Max,
    All,
    Count,
    Save,
    /// RFC 9394 3.1
    Partial(ResultRange),
    /// More searches of this kind will follow: a hint. RFC 5267 4.2
    Context,
    /// The client is told when the results change. RFC 5267 4.3
    Update,
    /// How relevant each result is. RFC 6203 4
    Relevancy,
}

/// Which mailboxes a command means. RFC 5465 6; RFC 7377 2.2
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailboxFilter {
    Selected,
    /// Those that mail is delivered to.
    Inboxes,
    Personal,
    Subscribed,
    /// With all that are below.
    Subtree(Vec<String>),
    /// With those one level below.
    SubtreeOne(Vec<String>),
    Mailboxes(Vec<String>),
}

/// The end that results are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultEnd {
    First,
    /// `-1` is the last result.
    Last,
}

/// `partial-range`: results by their place in the requested order, from 1. RFC 9394 4
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultRange {
    end: ResultEnd,
    /// As written: in either order.
    ends: (u32, u32),
}

impl ResultRange {
    /// `None` for zero, which is no place.
    pub fn new(end: ResultEnd, a: u32, b: u32) -> Option<ResultRange> {
        (a > 0 && b > 0).then_some(ResultRange { end, ends: (a, b) })
    }

    /// Those of `count` results that are in the range, by index.
    pub fn of(self, count: usize) -> Range<usize> {
        let (low, high) = (self.ends.0.min(self.ends.1) as usize, self.ends.0.max(self.ends.1) as usize);
        let (before, until) = ((low - 1).min(count), high.min(count));
        match self.end {
            ResultEnd::First => before..until,
            ResultEnd::Last => count - until..count - before,
        }
    }
}

/// As it was written.
impl fmt::Display for ResultRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minus = if self.end == ResultEnd::Last { "-" } else { "" };
        write!(f, "{minus}{}:{minus}{}", self.ends.0, self.ends.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_results() {
        let first = |a, b| ResultRange::new(ResultEnd::First, a, b).unwrap();
        let last = |a, b| ResultRange::new(ResultEnd::Last, a, b).unwrap();
        assert_eq!(
            (first(1, 3).of(5), first(3, 1).of(5), first(4, 9).of(5), first(6, 9).of(5)),
            (0..3, 0..3, 3..5, 5..5)
        );
        assert_eq!(
            (last(1, 2).of(5), last(2, 1).of(5), last(4, 9).of(5), last(6, 9).of(5)),
            (3..5, 3..5, 0..2, 0..0)
        );
        assert_eq!(last(1, u32::MAX).of(0), 0..0);
        assert!(ResultRange::new(ResultEnd::First, 0, 1).is_none());
        assert_eq!((first(5, 4).to_string(), last(1, 100).to_string()), ("5:4".into(), "-1:-100".into()));
    }
}

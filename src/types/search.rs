//! The keys and results of SEARCH.                  RFC 9051 6.4.4; RFC 7162 3.1.5

use super::{CivilDate, Flag, ModSeq, NumberSet};

/// One search key. The parser bounds the depth of the tree, so that whoever walks it may recurse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchKey {
    All,
    /// All of them; an empty list matches everything.
    And(Vec<SearchKey>),
    Or(Box<SearchKey>, Box<SearchKey>),
    Not(Box<SearchKey>),
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
}

/// A return option of SEARCH. RFC 9051 6.4.4; RFC 4731
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchReturn {
    Min,
    Max,
    All,
    Count,
    Save,
}

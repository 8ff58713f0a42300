//! The nouns of the RFCs as values.                 RFC 9051 2, 4, 6.4.4, 6.4.5, 7.5.2
//!
//! Everything that two rooms must agree on has its type here: numbers that cannot be mixed up, sets of
//! them, flags, names, dates, the keys of SEARCH and the items of FETCH. A value of a type is valid by
//! construction: what does not satisfy the RFC cannot be built.
//!
//! This room does no I/O, takes no lock, asks no clock, and imports no other room.

mod acl;
mod comparator;
mod counted;
mod date;
mod fetch;
mod flag;
mod flags;
mod id;
mod keywords;
mod list;
mod message_annotation;
mod metadata;
mod name;
mod notify;
mod number;
mod pattern;
mod search;
mod set;
pub mod seven_bits;
mod sort;
pub mod utf7;
mod utf8;
mod visibility;
mod wildcard;

pub use acl::{ModifyRights, Right, Rights};
pub use comparator::Comparator;
pub use counted::Counted;
pub use date::{CivilDate, InternalDate};
pub use fetch::{FetchItem, PartPath, Partial, Priority, Section, SectionText};
pub use flag::{Flag, FlagBits, Keyword, KeywordId, ServerKeyword, SystemFlag};
pub use flags::Flags;
pub use id::{AccountId, BlobId, MailboxId};
pub use keywords::KeywordTable;
pub use list::{ListReturn, ListSelect, QuotaResource, SpecialUse, StatusItem};
pub use message_annotation::{AnnotationItem, Attribute, AttributeName, EntryMatch, MessageEntry};
pub use metadata::{Depth, EntryName, EntryScope, MailboxClass};
pub use name::{AccountName, DELIMITER, MailboxName, NameError};
pub use notify::{Event, EventGroup, WatchFilter};
pub use number::{By, ModSeq, Seq, Uid, UidValidity};
pub use pattern::Pattern;
pub use search::{FilterName, MailboxFilter, ResultEnd, ResultRange, SearchKey, SearchReturn};
pub use set::{NumberSet, SequenceSet, UidSet};
pub use sort::{AnnotationOrder, SortKey, SortOrder, ThreadAlgorithm};
pub use utf8::Utf8;
pub use visibility::{Class, Visibility};
pub use wildcard::Wildcard;

//! What SORT and THREAD order by.                   RFC 5256; RFC 5957; RFC 5257 4.9

use super::{EntryScope, MessageEntry};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// The internal date.
    Arrival,
    Cc,
    /// The sent date.
    Date,
    From,
    Size,
    Subject,
    To,
    /// The name of the sender, else the address. RFC 5957
    DisplayFrom,
    DisplayTo,
    /// The most relevant first. RFC 6203 6
    Relevancy,
    Annotation(AnnotationOrder),
}

/// The value of an annotation to order by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnotationOrder {
    pub entry: MessageEntry,
    pub scope: EntryScope,
    /// The charset that the command names: of values that are not UTF-8.
    pub charset: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortOrder {
    Ascending,
    Reverse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadAlgorithm {
    OrderedSubject,
    References,
    /// As References, without joining threads of one subject, ordered by their newest message. Dovecot
    Refs,
}

//! What SORT and THREAD order by.                   RFC 5256; RFC 5957

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

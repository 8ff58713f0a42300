//! Messages of a mailbox by ranges of their UIDs: pages, as they are stored, and leaves, as they are read.

use super::super::sums::NO_DATE;
use super::message::{FlagRecord, MessageRecord};
use crate::types::{Class, ModSeq, SystemFlag, Uid};

/// UIDs to a page, of message records and of flags alike; a power of two.
pub const PAGE_UIDS: u32 = 128;

/// The page that holds a UID: `(uid - 1) / PAGE_UIDS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageNo(pub u32);

impl PageNo {
    pub fn of(uid: Uid) -> PageNo {
        PageNo((uid.get() - 1) / PAGE_UIDS)
    }

    /// The smallest UID that the page can hold.
    pub fn first(self) -> Uid {
        Uid::new(self.0 * PAGE_UIDS + 1).unwrap_or(Uid::MAX)
    }

    /// The largest.
    pub fn last(self) -> Uid {
        Uid::new(self.first().get().saturating_add(PAGE_UIDS - 1)).unwrap_or(Uid::MAX)
    }
}

/// The messages at the end of a mailbox that stand each by itself, beside their page: all from one UID to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tail(Option<(Uid, Uid)>);

impl Tail {
    /// `first` to `last`, which are of one page.
    pub fn new(first: Uid, last: Uid) -> Tail {
        Tail(Some((first, last)))
    }

    pub fn is_empty(self) -> bool {
        self.0.is_none()
    }

    pub fn page(self) -> Option<PageNo> {
        self.0.map(|(first, _)| PageNo::of(first))
    }

    /// The same, up to `last`.
    pub fn until(self, last: Uid) -> Tail {
        Tail(self.0.map(|(first, _)| (first, last)))
    }

    pub fn uids(self) -> impl Iterator<Item = Uid> {
        let range = self.0.map(|(first, last)| first.get()..=last.get());
        range.into_iter().flatten().filter_map(Uid::new)
    }
}

/// UIDs to a leaf: the part of a mailbox that is read into memory at once. Large enough that the list of leaves is short,
/// small enough to be copied at each change.
pub const LEAF_UIDS: u32 = 1024;

/// The leaf that holds a UID: `(uid - 1) / LEAF_UIDS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafNo(pub u32);

impl LeafNo {
    pub fn of(uid: Uid) -> LeafNo {
        LeafNo((uid.get() - 1) / LEAF_UIDS)
    }

    /// The smallest UID that the leaf can hold.
    pub fn first(self) -> Uid {
        Uid::new(self.0.saturating_mul(LEAF_UIDS).saturating_add(1)).unwrap_or(Uid::MAX)
    }

    /// The largest.
    pub fn last(self) -> Uid {
        Uid::new(self.first().get().saturating_add(LEAF_UIDS - 1)).unwrap_or(Uid::MAX)
    }
}

/// What a mailbox knows of a leaf before it has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeafEntry {
    pub messages: u16,
    pub unseen: u16,
    /// 0 where there are no messages.
    pub last_uid: u32,
    /// Of its messages.
    pub highest_mod_seq: ModSeq,
    /// Its messages that not everybody sees.
    pub apart: u16,
    /// The earliest internal date of its messages of each class; `NO_DATE` where there are none.
    pub oldest_secs: [i64; 4],
}

impl Default for LeafEntry {
    fn default() -> LeafEntry {
        let (messages, unseen, last_uid, highest_mod_seq) = (0, 0, 0, ModSeq::ZERO);
        LeafEntry { messages, unseen, last_uid, highest_mod_seq, apart: 0, oldest_secs: [NO_DATE; 4] }
    }
}

impl LeafEntry {
    /// Counts a message above all others in.
    pub fn add(&mut self, record: &MessageRecord, flags: &FlagRecord) {
        let bits = flags.flags.bits();
        let class = bits.class();
        self.messages += 1;
        self.unseen += u16::from(!bits.has(SystemFlag::Seen));
        self.last_uid = record.uid.get();
        self.highest_mod_seq = self.highest_mod_seq.max(flags.mod_seq);
        self.apart += u16::from(class != Class::ORDINARY);
        let oldest = &mut self.oldest_secs[class.index()];
        *oldest = (*oldest).min(record.internal_date.secs);
    }
}

//! What a mailbox's header says of its messages, for each class of them, so that STATUS tells anybody of what they see.

use super::model::MessageRecord;
use crate::types::{Class, FlagBits, ServerKeyword, SystemFlag, Visibility};

/// Stands for the internal date of no message: later than any.
pub const NO_DATE: i64 = i64::MAX;

/// Sums over messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    pub messages: u32,
    pub unseen: u32,
    pub deleted: u32,
    pub bytes: u64,
    /// Of those marked \Deleted. RFC 9208 4.1.4
    pub deleted_bytes: u64,
    /// Messages with $Media and without \Seen.
    pub unseen_media: u32,
    /// The earliest internal date; `NO_DATE` where there are no messages.
    pub oldest_secs: i64,
}

impl Default for Sums {
    fn default() -> Sums {
        Sums { messages: 0, unseen: 0, deleted: 0, bytes: 0, deleted_bytes: 0, unseen_media: 0, oldest_secs: NO_DATE }
    }
}

impl Sums {
    /// Whether a message whose flags change in this way changes any sum.
    pub fn change_with(before: FlagBits, after: FlagBits) -> bool {
        let system = [SystemFlag::Seen, SystemFlag::Deleted].map(FlagBits::system);
        let told = system.into_iter().chain(ServerKeyword::ALL.map(FlagBits::server));
        let mask = told.fold(FlagBits::NONE, FlagBits::with);
        (before.0 ^ after.0) & mask.0 != 0
    }

    /// Counts one message in.
    pub fn add(&mut self, bytes: u32, date_secs: i64, flags: FlagBits) {
        *self = self.plus(Sums::of(bytes, date_secs, flags));
    }

    /// Counts one message out; which is the oldest then, the caller knows.
    pub fn remove(&mut self, bytes: u32, flags: FlagBits) {
        let gone = Sums::of(bytes, NO_DATE, flags);
        *self = Sums {
            messages: self.messages.saturating_sub(gone.messages),
            unseen: self.unseen.saturating_sub(gone.unseen),
            deleted: self.deleted.saturating_sub(gone.deleted),
            bytes: self.bytes.saturating_sub(gone.bytes),
            deleted_bytes: self.deleted_bytes.saturating_sub(gone.deleted_bytes),
            unseen_media: self.unseen_media.saturating_sub(gone.unseen_media),
            oldest_secs: self.oldest_secs,
        };
    }

    fn of(bytes: u32, date_secs: i64, flags: FlagBits) -> Sums {
        let deleted = flags.has(SystemFlag::Deleted);
        Sums {
            messages: 1,
            unseen: u32::from(!flags.has(SystemFlag::Seen)),
            deleted: u32::from(deleted),
            bytes: bytes.into(),
            deleted_bytes: if deleted { bytes.into() } else { 0 },
            unseen_media: u32::from(flags.is_unseen_media()),
            oldest_secs: date_secs,
        }
    }

    /// What the store may have told is not to be trusted: nothing overflows.
    fn plus(self, other: Sums) -> Sums {
        Sums {
            messages: self.messages.saturating_add(other.messages),
            unseen: self.unseen.saturating_add(other.unseen),
            deleted: self.deleted.saturating_add(other.deleted),
            bytes: self.bytes.saturating_add(other.bytes),
            deleted_bytes: self.deleted_bytes.saturating_add(other.deleted_bytes),
            unseen_media: self.unseen_media.saturating_add(other.unseen_media),
            oldest_secs: self.oldest_secs.min(other.oldest_secs),
        }
    }
}

/// Sums over the messages of each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassSums([Sums; 4]);

impl ClassSums {
    /// Over all messages, as they are stored.
    pub fn all(&self) -> Sums {
        self.seen(Visibility::ALL)
    }

    /// Over the messages that somebody sees.
    pub fn seen(&self, visibility: Visibility) -> Sums {
        let seen = Class::ALL.into_iter().filter(|class| visibility.sees(*class));
        seen.fold(Sums::default(), |sums, class| sums.plus(self.0[class.index()]))
    }

    pub fn of(&self, class: Class) -> Sums {
        self.0[class.index()]
    }

    pub fn of_mut(&mut self, class: Class) -> &mut Sums {
        &mut self.0[class.index()]
    }

    /// Whether there is anything that somebody does not see.
    pub fn has_unseen_by(&self, visibility: Visibility) -> bool {
        Class::APART.into_iter().any(|class| !visibility.sees(class) && self.of(class).messages > 0)
    }

    /// Whether there is anything that not everybody sees.
    pub fn has_apart(&self) -> bool {
        Class::APART.into_iter().any(|class| self.of(class).messages > 0)
    }

    /// These, without what somebody does not see.
    pub fn only(mut self, visibility: Visibility) -> ClassSums {
        for class in Class::APART.into_iter().filter(|class| !visibility.sees(*class)) {
            *self.of_mut(class) = Sums::default();
        }
        self
    }

    /// Counts a message in.
    pub fn add(&mut self, record: &MessageRecord, flags: FlagBits) {
        self.of_mut(flags.class()).add(record.size, record.internal_date.secs, flags);
    }

    /// Sets the oldest date of each class.
    pub fn set_oldest(&mut self, oldest_secs: [i64; 4]) {
        Class::ALL.into_iter().for_each(|class| self.of_mut(class).oldest_secs = oldest_secs[class.index()]);
    }
}

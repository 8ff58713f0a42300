//! What a client has been told of a mailbox that is not selected, and what there is to tell it.         RFC 5465 5.1 to 5.3

use crate::mailbox::{Latest, Mailbox, MailboxError, MailboxHeader, View};
use crate::types::{ModSeq, StatusItem, UidValidity, Visibility};

/// Which changes of messages a client hears of in a mailbox. RFC 5465 5.1
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kinds {
    pub(super) flags: bool,
    pub(super) annotations: bool,
}

impl Kinds {
    pub(super) fn any(self) -> bool {
        self.flags || self.annotations
    }

    /// Whether one of them is newer than what the client has been told. What nothing is known of may be either.
    pub(super) fn are_new(self, told: ModSeq, now: ModSeq, latest: Latest) -> bool {
        let (annotations, others) = (latest.annotations > told, latest.others > told);
        let flags = now != told && (others || !annotations);
        let annotations = annotations || now != told && !others;
        self.flags && flags || self.annotations && annotations
    }
}

/// What a client has been told of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    uid_validity: Option<UidValidity>,
    pub(super) messages: u32,
    pub(super) uid_next: u32,
    pub(super) mod_seq: ModSeq,
    unseen: u32,
}

impl Told {
    /// Of a mailbox that it has not known.
    pub(super) const NOTHING: Told =
        Told { uid_validity: None, messages: 0, uid_next: 1, mod_seq: ModSeq::ZERO, unseen: 0 };

    /// All that somebody who sees so much of a mailbox can be told.
    pub(super) fn all(mailbox: &Mailbox, visibility: Visibility) -> Result<Told, MailboxError> {
        Ok(Told::of(&mailbox.header()?, visibility))
    }

    pub(super) fn shown(view: &View) -> Told {
        Told::of(view.shown().header(), view.visibility())
    }

    fn of(header: &MailboxHeader, visibility: Visibility) -> Told {
        let sums = header.sums.seen(visibility);
        Told {
            uid_validity: Some(header.uid_validity),
            messages: sums.messages,
            uid_next: header.uid_next,
            mod_seq: header.highest_mod_seq,
            unseen: sums.unseen,
        }
    }

    /// Whether the mailbox has as many messages as it had: what else is new may be of messages that the client does not see.
    pub(super) fn counts_as(&self, before: &Told) -> bool {
        let counts = |told: &Told| (told.uid_validity, told.messages, told.unseen);
        counts(self) == counts(before)
    }

    /// What has to be told of a mailbox. RFC 5465 5.1 to 5.3
    pub(super) fn items_since(&self, before: &Told, kinds: Kinds, changed: bool, condstore: bool) -> Vec<StatusItem> {
        let another = kinds.any() && before.uid_validity != self.uid_validity;
        let count = before.messages != self.messages || before.uid_next != self.uid_next || another;
        let changed = changed && condstore;
        let seen = kinds.flags && before.unseen != self.unseen;
        let mut items = Vec::new();
        if count {
            items.extend([StatusItem::Messages, StatusItem::UidNext]);
        }
        if another || (!count && (changed || seen)) {
            items.push(StatusItem::UidValidity);
        }
        items.extend(seen.then_some(StatusItem::Unseen));
        items.extend(((count || changed) && condstore).then_some(StatusItem::HighestModSeq));
        items
    }
}

//! What can be done to a mailbox, and what comes of it.          RFC 9051 6.4.3, 6.4.6, 6.3.12
//!
//! A change is planned on a `Draft`.

use std::sync::Arc;

use super::message_annotations::NewAnnotation;
use super::new_summary::NewSummary;
use crate::store::{ExpungedMessage, NewBlob, Pin, Value};
use crate::types::{Flag, FlagBits, Flags, InternalDate, ModSeq, Uid, UidSet, Visibility};

/// How STORE combines the given flags with those that are there. RFC 9051 6.4.6
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreMode {
    Replace,
    Add,
    Remove,
}

/// A message on its way into a mailbox: its octets are in `blob`, or in the store already.
#[derive(Clone, Debug)]
pub struct NewMessage {
    pub blob: NewBlob,
    pub size: u32,
    pub internal_date: InternalDate,
    pub sent_date: InternalDate,
    pub flags: Vec<Flag>,
    pub summary: NewSummary,
    pub annotations: Vec<NewAnnotation>,
    /// Keeps octets that are in the store until the commit is done; nobody need look for them.
    pub pin: Option<Arc<Pin>>,
}

#[derive(Clone, Debug)]
pub enum Change {
    /// All of them or none.
    Append(Vec<NewMessage>),
    Store {
        uids: UidSet,
        mode: StoreMode,
        flags: Vec<Flag>,
        /// Messages with a later MODSEQ are left alone and reported. RFC 7162 3.1.3
        unchanged_since: Option<ModSeq>,
        /// Messages that have been hidden from the author meanwhile are left alone, as if they had been expunged.
        visibility: Visibility,
    },
    /// Sets annotations of messages: all of them or none. RFC 5257 4.5
    Annotate { uids: UidSet, new: Vec<NewAnnotation>, unchanged_since: Option<ModSeq>, visibility: Visibility },
    /// Removes what is marked \Deleted and is seen by the author: all of it, or those among the given.
    Expunge { among: Option<UidSet>, visibility: Visibility },
    /// Brings expunged messages back, under new UIDs, each with its summary.
    Undelete(Vec<(ExpungedMessage, Value)>),
    /// Gives up messages that were kept.
    Purge(Vec<ExpungedMessage>),
}

/// What a change has done.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// UIDs of appended messages, in the order of the messages.
    pub appended: Vec<Uid>,
    /// MODSEQ of the change; that of the mailbox where nothing changed.
    pub mod_seq: ModSeq,
    /// Messages that STORE left alone for UNCHANGEDSINCE.
    pub modified: UidSet,
    /// Messages that STORE has hidden from its author.
    pub hidden: UidSet,
    pub expunged: UidSet,
}

impl StoreMode {
    pub(super) fn combine_bits(self, before: FlagBits, given: FlagBits) -> FlagBits {
        match self {
            StoreMode::Replace => given,
            StoreMode::Add => before.with(given),
            StoreMode::Remove => before.without(given),
        }
    }

    pub fn combine(self, before: &Flags, given: &Flags) -> Flags {
        match self {
            StoreMode::Replace => given.clone(),
            StoreMode::Add => before.with(given),
            StoreMode::Remove => before.without(given),
        }
    }
}

//! A leaf as it was when its snapshot was loaded, after another server has changed it.
//!
//! Nobody here has looked at the leaf: what clients know of it is how many messages there are, and what they have kept from
//! another day. Its messages are those of today, and those that the change log says have vanished since; what has other
//! flags now is given a MODSEQ of before, so that it differs from the leaf of today and clients hear of it.

use std::collections::BTreeMap;

use super::leaf::{Leaf, Source};
use crate::store::{FlagRecord, MessageRecord, Store, StoreError};
use crate::types::{BlobId, Flags, InternalDate, ModSeq, Uid};

type Messages = BTreeMap<Uid, (MessageRecord, FlagRecord)>;

impl Leaf {
    /// The leaf's messages, in the store as it is at one moment.
    pub(super) fn as_it_was(&self, source: &Source) -> Result<Leaf, StoreError> {
        let store = source.store.frozen()?;
        let (records, flags) = store.leaf(source.account, source.mailbox, self.no)?;
        let now = Leaf::with_messages(self.no, &records, &flags);
        if now.entry() == self.entry() {
            return Ok(now);
        }
        if store.leaf_entry(source.account, source.mailbox, self.no)? == Some(self.entry()) {
            return Err(store.corrupt_leaf(source.account, source.mailbox, self.no));
        }
        let last = self.entry().last_uid;
        let flags = flags.into_iter().map(|flags| self.flags_before(flags));
        let there = records.into_iter().zip(flags).filter(|(record, _)| record.uid.get() <= last);
        let mut messages: Messages = there.map(|(record, flags)| (record.uid, (record, flags))).collect();
        self.add_vanished(&store, source, &mut messages)?;
        let (records, flags): (Vec<_>, Vec<_>) = messages.into_values().unzip();
        let before = Leaf::with_messages(self.no, &records, &flags);
        match before.len() == self.len() {
            true => Ok(before),
            false => Err(StoreError::Changed),
        }
    }

    fn flags_before(&self, flags: FlagRecord) -> FlagRecord {
        FlagRecord { mod_seq: flags.mod_seq.min(self.entry().highest_mod_seq), ..flags }
    }

    /// Of those that are not kept the UIDs alone are known.
    fn add_vanished(&self, store: &Store, source: &Source, messages: &mut Messages) -> Result<(), StoreError> {
        let vanished = store.vanished(source.account, source.mailbox, source.mod_seq)?;
        let here = |uid: &Uid| (self.no.first().get()..=self.entry().last_uid).contains(&uid.get());
        for uid in vanished.uids().filter(here) {
            messages.insert(uid, (unknown(uid), FlagRecord { uid, flags: Flags::default(), mod_seq: ModSeq::ZERO }));
        }
        for kept in store.expunged(source.account, source.mailbox, 0, i64::MAX)? {
            if let Some(message) = messages.get_mut(&kept.record.uid).filter(|(record, _)| record.size == 0) {
                *message = (kept.record, self.flags_before(kept.flags));
            }
        }
        Ok(())
    }
}

/// A message that is gone for good.
fn unknown(uid: Uid) -> MessageRecord {
    let date = InternalDate { secs: 0, zone_mins: 0 };
    MessageRecord { uid, blob: BlobId([0; 32]), size: 0, internal_date: date, sent_date: date, saved_secs: 0 }
}

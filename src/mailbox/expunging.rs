//! Messages that leave a draft: expunged, or gone to where others came for them.          RFC 9051 6.4.3; RFC 6851

use super::change::Outcome;
use super::draft::{Draft, Keeping};
use super::walk::Message;
use crate::store::{ExpungedMessage, FlagRecord, MessageRecord, PageNo, StoreError};
use crate::types::{SystemFlag, UidSet, Visibility};

impl Draft {
    pub(super) fn expunge(&mut self, among: Option<&UidSet>, visibility: Visibility) -> Result<Outcome, StoreError> {
        let deleted = |message: &Message<'_>| {
            message.flags().has(SystemFlag::Deleted) && visibility.sees(message.flags().class())
        };
        let uids: UidSet = match among {
            Some(uids) => self.snapshot.in_uids(uids).filter(deleted).map(|m| m.uid()).collect(),
            None if !self.has_deleted(visibility) => UidSet::new(),
            None => self.snapshot.messages().filter(deleted).map(|m| m.uid()).collect(),
        };
        self.remove(&uids, self.keeping)
    }

    /// Removes messages for which others have come: a MOVE, or a REPLACE.
    pub(super) fn leave(&mut self, uids: &UidSet) -> Result<Outcome, StoreError> {
        self.remove(uids, self.keeping)
    }

    fn remove(&mut self, uids: &UidSet, keeping: Keeping) -> Result<Outcome, StoreError> {
        let gone: Vec<(MessageRecord, FlagRecord)> =
            self.snapshot.in_uids(uids).map(|m| (m.record(), m.flag_record())).collect();
        if gone.is_empty() {
            return Ok(self.unchanged());
        }
        let expunged: UidSet = gone.iter().map(|(record, _)| record.uid).collect();
        self.snapshot.remove(&expunged);
        let expunged_secs = crate::sys::now_secs();
        for (record, flags) in gone {
            self.forget(ExpungedMessage { expunged_secs, record, flags }, keeping)?;
        }
        self.snapshot.header.sums.set_oldest(self.snapshot.oldest_secs());
        expunged.ranges().iter().for_each(|&(low, high)| self.vanished.push_range(low, high));
        Ok(Outcome { mod_seq: self.next_mod_seq(), expunged, ..Outcome::default() })
    }

    fn forget(&mut self, message: ExpungedMessage, keeping: Keeping) -> Result<(), StoreError> {
        let (record, flags) = (message.record, message.flags.flags.bits());
        self.snapshot.header.sums.of_mut(flags.class()).remove(record.size, flags);
        self.records.insert(PageNo::of(record.uid));
        self.flags.insert(PageNo::of(record.uid));
        // A message that came and went within one commit was never there.
        self.structures.retain(|(uid, _)| *uid != record.uid);
        let new = [&mut self.added, &mut self.shared].into_iter();
        let mut taken =
            new.filter_map(|new| Some(new.swap_remove(new.iter().position(|(uid, _)| *uid == record.uid)?)));
        let taken = taken.next();
        match keeping == Keeping::Kept && taken.is_none() {
            true => self.snapshot.keep_annotations(record.uid)?,
            false => self.snapshot.forget_annotations(record.uid, &mut self.annotations)?,
        }
        match taken {
            Some(_) => {}
            None if keeping == Keeping::Kept => {
                self.snapshot.header.kept_messages += 1;
                self.snapshot.header.kept_bytes += u64::from(record.size);
                self.kept.push(message);
            }
            None => self.removed.push((record.uid, record.blob)),
        }
        Ok(())
    }
}

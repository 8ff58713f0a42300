//! Messages that leave a draft: expunged, or gone to where others came for them.          RFC 9051 6.4.3; RFC 6851

use std::collections::HashSet;

use super::change::Outcome;
use super::draft::{Draft, Keeping};
use super::walk::Message;
use crate::store::{ExpungedMessage, FlagRecord, MessageRecord, PageNo, StoreError};
use crate::types::{SystemFlag, Uid, UidSet, Visibility};

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
        let brought = self.take_back(&expunged);
        let (expunged_secs, mod_seq) = (crate::sys::now_secs(), self.next_mod_seq());
        for (record, flags) in gone {
            self.snapshot.latest.has_gone(flags.flags.bits().class(), mod_seq);
            let message = ExpungedMessage { expunged_secs, record, flags };
            match brought.contains(&record.uid) {
                true => self.forget(&message)?,
                false => self.expunged(message, keeping)?,
            }
        }
        self.snapshot.header.sums.set_oldest(self.snapshot.oldest_secs());
        expunged.ranges().iter().for_each(|&(low, high)| self.vanished.push_range(low, high));
        Ok(Outcome { mod_seq, expunged, ..Outcome::default() })
    }

    /// Messages that come and go within one commit were never there; which of them came with it.
    fn take_back(&mut self, expunged: &UidSet) -> HashSet<Uid> {
        self.traffic.structures.retain(|(uid, _)| !expunged.contains(uid.get()));
        let mut brought = HashSet::new();
        for new in [&mut self.traffic.added, &mut self.traffic.shared] {
            new.retain(|(uid, _)| {
                let stays = !expunged.contains(uid.get());
                if !stays {
                    brought.insert(*uid);
                }
                stays
            });
        }
        brought
    }

    fn expunged(&mut self, message: ExpungedMessage, keeping: Keeping) -> Result<(), StoreError> {
        if keeping == Keeping::Gone {
            self.traffic.removed.push((message.record.uid, message.record.blob));
            return self.forget(&message);
        }
        self.leave_pages(&message);
        self.snapshot.keep_annotations(message.record.uid)?;
        self.snapshot.header.kept_messages += 1;
        self.snapshot.header.kept_bytes += u64::from(message.record.size);
        self.traffic.kept.push(message);
        Ok(())
    }

    /// Nothing is kept of it.
    fn forget(&mut self, message: &ExpungedMessage) -> Result<(), StoreError> {
        self.leave_pages(message);
        self.snapshot.forget_annotations(message.record.uid, &mut self.annotations)
    }

    fn leave_pages(&mut self, message: &ExpungedMessage) {
        let (record, flags) = (message.record, message.flags.flags.bits());
        self.snapshot.header.sums.of_mut(flags.class()).remove(record.size, flags);
        self.records.insert(PageNo::of(record.uid));
        self.flags.insert(PageNo::of(record.uid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::change::Change;
    use crate::mailbox::draft::Bounds;
    use crate::mailbox::message_annotations::AnnotationBounds;
    use crate::mailbox::sample::Sample;
    use crate::types::{Flag, InternalDate};

    /// Of a message that comes and goes within one commit nothing is written, nor kept.
    #[test]
    fn what_was_never_there_leaves_nothing() {
        let inbox = Sample::new();
        let mut intake = inbox.account.intake(&inbox.mailbox).unwrap();
        let (flags, date) = (vec![Flag::System(SystemFlag::Deleted)], InternalDate { secs: 0, zone_mins: 0 });
        let mut message = intake.take(Sample::octets("x"), flags, date).unwrap();
        message.make_summary();
        let annotations = AnnotationBounds { entries_max: 0, cost_max: 0 };
        let bounds = Bounds { keywords_max: 0, annotations };
        let mut draft = Draft::new(&inbox.mailbox.snapshot().unwrap(), Keeping::Kept, bounds);
        draft.apply(&Change::Append(vec![message])).unwrap();
        assert_eq!((draft.traffic.added.len(), draft.traffic.structures.len()), (1, 1));
        let gone = draft.apply(&Change::Expunge { among: None, visibility: Visibility::ALL }).unwrap();
        assert_eq!(gone.expunged.count(), 1);
        let traffic = &draft.traffic;
        assert!(traffic.added.is_empty() && traffic.structures.is_empty());
        assert!(traffic.removed.is_empty() && !draft.keeps());
        assert_eq!(draft.snapshot.header.kept_messages, 0);
    }
}

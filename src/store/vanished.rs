//! What a mailbox remembers of UIDs that have vanished, and how it is kept from growing for ever. RFC 7162 3.2.5.1
//!
//! Each commit that expunges leaves its UIDs under its MODSEQ. The last `APART` of these stay as they are. Older ones become
//! one, under the MODSEQ of the latest of them: neighbours grow together, so that there are never more ranges than messages
//! in the mailbox between them, however many have been expunged in all.
//!
//! 1. Nobody is told less: a UID is never put under a MODSEQ below its own.
//! 2. Who was here before the latest of those that have become one may be told of UIDs that he knows to be gone, or has never
//!    known; who was here later is told exactly what has vanished since.
//! 3. A UID that has vanished never comes back, so that nobody is told that a message has gone which is there.

use super::engine::{Batch, Partition, Reader};
use super::error::StoreError;
use super::facade::Store;
use super::found::Found;
use super::layout::{self, decode};
use super::model::{VanishedTogether, Version};
use crate::types::{AccountId, MailboxId, ModSeq, UidSet};

/// Commits whose UIDs stay apart.
const APART: usize = 1024;

/// So many are read at a time: what earlier versions have left becomes one in steps.
const READ_MAX: usize = 4 * APART;

impl Store {
    /// UIDs that vanished after `since`, and maybe some that did before.
    pub fn vanished(&self, a: AccountId, m: MailboxId, since: ModSeq) -> Result<UidSet, StoreError> {
        let mut ranges = Vec::new();
        let start = layout::numbered_long(b'x', since.0.saturating_add(1));
        self.reader().scan(Partition::Mailbox(a, m), &start, b"y", &mut |_, value| {
            decode(|| what(a, m), &value, |c| layout::read_vanished(c, &mut ranges))
        })?;
        Ok(UidSet::from_ranges(ranges))
    }

    /// What is to become one, where twice as many stand apart as should.
    pub fn vanished_together(&self, a: AccountId, m: MailboxId) -> Result<Option<VanishedTogether>, StoreError> {
        let mut found: Vec<(ModSeq, usize)> = Vec::new();
        let mut ranges = Vec::new();
        let scanned = self.reader().scan(Partition::Mailbox(a, m), b"x", b"y", &mut |key, value| {
            if found.len() >= READ_MAX {
                return Err(StoreError::Stopped);
            }
            let mod_seq = layout::Cursor(&key[1..]).u64().ok_or_else(|| StoreError::Corrupt(what(a, m)))?;
            decode(|| what(a, m), &value, |c| layout::read_vanished(c, &mut ranges))?;
            found.push((ModSeq(mod_seq), ranges.len()));
            Ok(())
        });
        match scanned {
            Ok(()) | Err(StoreError::Stopped) => {}
            Err(error) => return Err(error),
        }
        if found.len() <= 2 * APART {
            return Ok(None);
        }
        found.truncate(found.len() - APART);
        ranges.truncate(found.last().map_or(0, |(_, ranges)| *ranges));
        let mod_seqs = found.into_iter().map(|(mod_seq, _)| mod_seq).collect();
        Ok(Some(VanishedTogether { mod_seqs, uids: UidSet::from_ranges(ranges) }))
    }
}

fn what(a: AccountId, m: MailboxId) -> String {
    format!("vanished messages of mailbox {}/{}", a.0, m.0)
}

impl Found {
    /// What is remembered can be read, and names no message that is there.
    pub(super) fn vanished(&mut self, reader: &dyn Reader) -> Result<(), StoreError> {
        let there: UidSet = self.records.iter().map(|record| record.uid).collect();
        let mut wrong = Vec::new();
        reader.scan(self.partition, b"x", b"y", &mut |key, value| {
            let mut ranges = Vec::new();
            match decode(String::new, &value, |c| layout::read_vanished(c, &mut ranges)) {
                Ok(()) => {
                    let said = UidSet::from_ranges(ranges);
                    if !said.intersection(&there).is_empty() {
                        wrong.push((key.to_vec(), said.difference(&there)));
                    }
                }
                // All that are not there: rather too many than too few.
                Err(_) => {
                    let mut all = UidSet::new();
                    let last = there.last().unwrap_or(0);
                    all.push_range(1, self.header.map_or(last, |header| header.uid_next.wrapping_sub(1)).max(1));
                    wrong.push((key.to_vec(), all.difference(&there)));
                }
            }
            Ok(())
        })?;
        if !wrong.is_empty() {
            let what = "what is remembered of expunged messages cannot be read, or names messages that are there";
            self.wrong.push((what.into(), true));
            wrong.into_iter().for_each(|(key, right)| self.mend.put(key, layout::vanished(&right)));
        }
        Ok(())
    }
}

/// The oldest go, and the latest of them has the UIDs of all.
pub(super) fn batch(a: AccountId, m: MailboxId, guard: Version, together: VanishedTogether) -> Batch {
    let mut batch = Batch::new(Partition::Mailbox(a, m), guard);
    if let Some((last, others)) = together.mod_seqs.split_last() {
        others.iter().for_each(|mod_seq| batch.remove(layout::numbered_long(b'x', mod_seq.0)));
        batch.put(layout::numbered_long(b'x', last.0), layout::vanished(&together.uids));
    }
    batch
}

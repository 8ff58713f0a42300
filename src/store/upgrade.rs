//! From an earlier format of the store to this one.
//!
//! Done when the store is opened, mailbox by mailbox, each in one commit that a second run recognises; the format is
//! written last. A crash between leaves a store that is upgraded when it is opened again.
//!
//! * 1 to 2: message records got the time when the message was saved (RFC 8514): the internal date stands in for it; each
//!   leaf of a mailbox got its entry; the header got more sums.
//! * 2 to 3: summaries may have previews (`mime::Summary`, version 2); one without gets it when it is asked for;
//!   an account may have a certificate. An older daemon would leave annotations and classes behind that belong to
//!   nothing.

use std::collections::BTreeMap;

use super::engine::{Batch, Partition, Value};
use super::error::StoreError;
use super::facade::Store;
use super::layout::{self, Cursor, decode};
use super::model::{FlagRecord, LeafEntry, LeafNo, MailboxHeader, MessageRecord, NO_DATE};
use crate::types::{AccountId, FlagBits, MailboxId, SystemFlag};

/// Octets of a header of format 1.
const HEADER_BYTES_1: usize = 53;

/// Octets of a message record of format 1.
const RECORD_BYTES_1: usize = 60;

impl Store {
    pub(super) fn upgrade(&self, found: u32) -> Result<(), StoreError> {
        log::info!("upgrading the store from format {found} to {}", layout::FORMAT);
        for (name, account) in self.accounts()? {
            for node in self.account_image(account)?.nodes {
                if let Some(mailbox) = node.id {
                    log::info!("upgrading mailbox {} of {name}", node.name);
                    self.upgrade_mailbox(account, mailbox)?;
                }
            }
        }
        self.alone(Partition::Server, |batch| {
            batch.put(layout::key(b'f'), layout::FORMAT.to_be_bytes().to_vec());
            Ok(())
        })?;
        log::info!("the store has format {} now", layout::FORMAT);
        Ok(())
    }

    fn upgrade_mailbox(&self, a: AccountId, m: MailboxId) -> Result<(), StoreError> {
        let partition = Partition::Mailbox(a, m);
        self.alone(partition, |batch| {
            let header = self.reader().get(partition, b"h")?.map_or(0, |header| header.len());
            if header == HEADER_BYTES_1 { self.plan_upgrade(a, m, batch) } else { Ok(()) }
        })
    }

    fn plan_upgrade(&self, a: AccountId, m: MailboxId, batch: &mut Batch) -> Result<(), StoreError> {
        let (partition, what) = (batch.partition, || format!("messages of mailbox {}/{}", a.0, m.0));
        let (mut records, mut flags) = (Vec::new(), Vec::new());
        self.reader().scan(partition, b"r", b"s", &mut |key, value| {
            let page = records_1(&value).ok_or_else(|| StoreError::Corrupt(what()))?;
            batch.put(key.to_vec(), layout::records(&page));
            records.extend(page);
            Ok(())
        })?;
        self.reader().scan(partition, b"v", b"w", &mut |_, value| {
            decode(what, &value, |c| layout::read_flags(c, &mut flags))
        })?;
        let old = self.reader().get(partition, b"h")?.unwrap_or_else(|| Value::from(&[][..]));
        let mut header = header_1(&old).ok_or_else(|| StoreError::Corrupt(what()))?;
        sum(&mut header, &records, &flags, None);
        batch.put(layout::key(b'h'), layout::header(&header));
        for (leaf, entry) in entries(&records, &flags) {
            batch.put(layout::numbered(b'd', leaf.0), layout::leaf_entry(&entry));
        }
        Ok(())
    }
}

/// A header of format 1: that of format 2 without its last sums, and five octets of zero.
fn header_1(value: &[u8]) -> Option<MailboxHeader> {
    let longer = [value.get(..HEADER_BYTES_1 - 5)?, &[0; 32]].concat();
    layout::read_header(&mut Cursor(&longer))
}

/// What a header says of the messages. `media` is the bit of $Media, where the mailbox knows it.
pub(super) fn sum(
    header: &mut MailboxHeader,
    records: &[MessageRecord],
    flags: &[FlagRecord],
    media: Option<FlagBits>,
) {
    let unseen = |record: &&FlagRecord| !record.flags.has(SystemFlag::Seen);
    let media = |record: &&FlagRecord| media.is_some_and(|media| record.flags.contains(media));
    let deleted = |(_, flags): &(&MessageRecord, &FlagRecord)| flags.flags.has(SystemFlag::Deleted);
    let bytes = |record: &MessageRecord| u64::from(record.size);
    header.messages = records.len() as u32;
    header.unseen = flags.iter().filter(unseen).count() as u32;
    header.deleted = flags.iter().filter(|record| record.flags.has(SystemFlag::Deleted)).count() as u32;
    header.bytes = records.iter().map(bytes).sum();
    header.deleted_bytes = records.iter().zip(flags).filter(deleted).map(|(record, _)| bytes(record)).sum();
    header.unseen_media = flags.iter().filter(unseen).filter(media).count() as u32;
    header.oldest_secs = records.iter().map(|record| record.internal_date.secs).min().unwrap_or(NO_DATE);
}

/// A page of records of format 1: those of format 2 without the last eight octets.
fn records_1(value: &[u8]) -> Option<Vec<MessageRecord>> {
    let mut records = Vec::new();
    for record in value.chunks(RECORD_BYTES_1) {
        let longer = [record, &[0; 8]].concat();
        layout::read_records(&mut Cursor(&longer), &mut records)?;
        let last = records.last_mut()?;
        last.saved_secs = last.internal_date.secs;
    }
    Some(records)
}

/// The entries of all leaves.
pub(super) fn entries(records: &[MessageRecord], flags: &[FlagRecord]) -> BTreeMap<LeafNo, LeafEntry> {
    let mut entries: BTreeMap<LeafNo, LeafEntry> = BTreeMap::new();
    for (record, flags) in records.iter().zip(flags) {
        let entry = entries.entry(LeafNo::of(record.uid)).or_default();
        entry.messages += 1;
        entry.unseen += u16::from(!flags.flags.has(SystemFlag::Seen));
        entry.last_uid = record.uid.get();
        entry.highest_mod_seq = entry.highest_mod_seq.max(flags.mod_seq);
        entry.oldest_secs = entry.oldest_secs.min(record.internal_date.secs);
    }
    entries
}

//! A mailbox is read for a check, page by page: one that cannot be read costs no other. What is lost of its records is made
//! again from the references to the octets of its messages, and from those.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::check::{Check, Mode};
use super::engine::{Batch, Partition, Reference};
use super::error::StoreError;
use super::found::Found;
use super::layout::{self, decode};
use super::model::*;
use crate::types::{InternalDate, KeywordTable, MailboxId, Uid};

impl Check<'_> {
    /// Reads page by page: one that cannot be read costs no other.
    pub(super) fn read(&mut self, id: MailboxId) -> Result<Found, StoreError> {
        let partition = Partition::Mailbox(self.id, id);
        let version = self.reader().version(partition)?;
        let mut found = Found {
            partition,
            version,
            header: None,
            records: Vec::new(),
            flags: BTreeMap::new(),
            beside: BTreeMap::new(),
            entries: BTreeMap::new(),
            keywords: KeywordTable::default(),
            kept: None,
            kept_uids: Vec::new(),
            broken: BTreeSet::new(),
            wrong: Vec::new(),
            must_fold: false,
            mend: Batch::new(partition, version),
        };
        let header = self.reader().get(partition, b"h")?.ok_or_else(|| StoreError::Missing("its header".into()));
        match header.and_then(|value| decode(|| "its header".into(), &value, layout::read_header)) {
            Ok(header) => found.header = Some(header),
            Err(error) => found.wrong.push((self.checked.describe(&error), true)),
        }
        match self.store.keywords(self.id, id) {
            Ok(keywords) => found.keywords = keywords,
            Err(error) => found.wrong.push((self.checked.describe(&error), false)),
        }
        self.pages(&mut found)?;
        Ok(found)
    }

    fn pages(&self, found: &mut Found) -> Result<(), StoreError> {
        let Found { partition, records, flags, beside, entries, wrong, broken, .. } = found;
        self.reader().scan(*partition, b"r", b"s", &mut |key, value| {
            if decode(String::new, &value, |c| layout::read_records(c, records)).is_err() {
                broken.extend(layout::Cursor(&key[1..]).u32().map(PageNo));
            }
            Ok(())
        })?;
        self.reader().scan(*partition, b"v", b"w", &mut |key, value| {
            let mut page = Vec::new();
            if decode(String::new, &value, |c| layout::read_flags(c, &mut page)).is_err() {
                wrong.push((format!("a page of flags cannot be read ({} octets)", key.len() + value.len()), true));
            }
            flags.extend(page.into_iter().map(|record| (record.uid, record)));
            Ok(())
        })?;
        self.reader().scan(*partition, b"a", b"b", &mut |key, value| {
            let Some(page) = layout::uid_of(key).map(PageNo::of) else { return Ok(()) };
            beside.entry(page).or_default().push(key.to_vec());
            match layout::read_message(&value) {
                Some((record, of)) => {
                    records.push(record);
                    flags.insert(of.uid, of);
                }
                None => drop(broken.insert(page)),
            }
            Ok(())
        })?;
        self.reader().scan(*partition, b"d", b"e", &mut |key, value| {
            if let (Some(no), Ok(entry)) =
                (layout::Cursor(&key[1..]).u32(), decode(String::new, &value, layout::read_leaf_entry))
            {
                entries.insert(LeafNo(no), entry);
            }
            Ok(())
        })?;
        records.sort_by_key(|record| record.uid);
        Ok(())
    }

    /// Digests of pages that have no messages.
    pub(super) fn digests(&self, found: &mut Found) -> Result<(), StoreError> {
        let pages: HashSet<PageNo> = found.records.iter().map(|record| PageNo::of(record.uid)).collect();
        let mut stray = Vec::new();
        self.reader().scan(found.partition, b"c", b"d", &mut |key, _| {
            let page = layout::Cursor(&key[1..]).u32().map(PageNo);
            if page.is_none_or(|page| !pages.contains(&page)) {
                stray.push(key.to_vec());
            }
            Ok(())
        })?;
        if !stray.is_empty() {
            found.wrong.push((format!("{} digests are of no messages", stray.len()), true));
            stray.into_iter().for_each(|key| found.mend.remove(key));
        }
        Ok(())
    }

    /// What is missing of pages that cannot be read, and in a doubtful mailbox of any page.
    pub(super) fn rebuild(&mut self, id: MailboxId, found: &mut Found) -> Result<(), StoreError> {
        let is_doubtful = self.checked.doubtful.contains(&(self.id, id)) && matches!(self.mode, Mode::Repair(_));
        if is_doubtful {
            self.strays(found)?;
        } else if found.broken.is_empty() {
            return Ok(());
        }
        found.records.retain(|record| !found.broken.contains(&PageNo::of(record.uid)));
        let there = found.records.iter().map(|record| record.uid);
        let known: HashSet<Uid> = there.chain(found.kept_uids.iter().copied()).collect();
        let mut missing: BTreeMap<PageNo, Vec<Reference>> =
            found.broken.iter().map(|page| (*page, Vec::new())).collect();
        self.reader().references(self.id, &mut |reference| {
            let page = PageNo::of(reference.uid);
            let is_missing = reference.mailbox == id && !known.contains(&reference.uid);
            if is_missing && (is_doubtful || found.broken.contains(&page)) {
                missing.entry(page).or_default().push(reference);
            }
            Ok(())
        })?;
        for (page, references) in missing {
            self.rebuild_page(page, references, found)?;
        }
        found.records.sort_by_key(|record| record.uid);
        Ok(())
    }

    /// Message records from the references to their octets; the dates from the messages themselves. Nothing is rebuilt while
    /// octets cannot be read that may be there.
    fn rebuild_page(
        &mut self,
        page: PageNo,
        references: Vec<Reference>,
        found: &mut Found,
    ) -> Result<(), StoreError> {
        let first = page.first().get();
        let what = format!("the records of messages {first} to {} cannot be read", first + PAGE_UIDS - 1);
        found.wrong.push((what, true));
        let Mode::Repair(describe) = self.mode else { return Ok(()) };
        for Reference { uid, blob, .. } in references {
            let described = match describe(&|take| self.octets(blob, take)) {
                Ok(described) => described,
                Err(error @ StoreError::Engine(_)) => return Err(error),
                Err(error) => {
                    found.wrong.push((format!("message UID {uid}: {}", self.checked.describe(&error)), false));
                    continue;
                }
            };
            let date = described.sent_date.unwrap_or(InternalDate { secs: 0, zone_mins: 0 });
            let size = described.size as u32;
            let saved_secs = date.secs;
            found.records.push(MessageRecord { uid, blob, size, internal_date: date, sent_date: date, saved_secs });
        }
        if found.beside.contains_key(&page) {
            return Ok(());
        }
        let mut of_page: Vec<MessageRecord> =
            found.records.iter().filter(|record| PageNo::of(record.uid) == page).copied().collect();
        of_page.sort_by_key(|record| record.uid);
        found.mend.put(layout::numbered(b'r', page.0), layout::records(&of_page));
        Ok(())
    }

    /// In a doubtful mailbox, what may have been made of other messages: UIDs may be given out again in it.
    fn strays(&self, found: &mut Found) -> Result<(), StoreError> {
        let known: HashSet<Uid> = found.records.iter().map(|record| record.uid).collect();
        found.must_fold = true;
        let Found { partition, mend, .. } = found;
        self.reader().scan(*partition, b"c", b"d", &mut |key, _| {
            mend.remove(key.to_vec());
            Ok(())
        })?;
        self.reader().scan(*partition, b"t", b"u", &mut |key, _| {
            if layout::uid_of(key).is_none_or(|uid| !known.contains(&uid)) {
                mend.remove(key.to_vec());
            }
            Ok(())
        })
    }
}

//! Verifies what is kept, and repairs what can be rebuilt.
//!
//! For each account: the tree and every mailbox decode; entries and counts agree with the messages; every message's octets are
//! there, hash to their name and are referred to, and its summary, where it has one, is not empty; no reference is without
//! its message, no digest without its messages, no annotation without its mailbox or its message. The account is checked as it is at one moment,
//! while the daemon goes on.
//!
//! A repair commits what it has rebuilt for a mailbox at once, and only if the mailbox is still as it was read.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::engine::{Batch, Partition, Reader, Reference, Value};
use super::error::StoreError;
use super::facade::Store;
use super::layout::{self, decode};
use super::model::*;
use super::upgrade::{entries, sums};
use crate::types::{
    AccountId, AccountName, BlobId, Flags, InternalDate, KeywordId, KeywordTable, MailboxId, MailboxName, ModSeq,
    Uid, UidValidity,
};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub account: AccountName,
    pub mailbox: Option<MailboxName>,
    /// A sentence for the admin.
    pub what: String,
    pub repaired: bool,
}

/// What a check has seen.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    pub accounts: u64,
    pub mailboxes: u64,
    pub messages: u64,
    pub bytes: u64,
    pub findings: Vec<Finding>,
}

/// What a parser makes of a message: for what must be rebuilt.
pub struct Described {
    pub structure: Value,
    pub sent_date: Option<InternalDate>,
    pub size: u64,
}

/// Gives the octets of a message piece by piece.
pub type Octets<'a> = &'a dyn Fn(&mut dyn FnMut(&[u8])) -> Result<(), StoreError>;

/// Parses a message.
pub type Describe = fn(Octets<'_>) -> Result<Described, StoreError>;

/// Whether a check may write.
#[derive(Clone, Copy)]
pub enum Mode {
    Verify,
    Repair(Describe),
}

impl Store {
    /// Checks one account; `progress` hears the messages looked at so far.
    pub fn check_account(
        &self,
        name: &AccountName,
        id: AccountId,
        mode: Mode,
        checked: &mut Checked,
        progress: &mut dyn FnMut(&Checked),
    ) -> Result<(), StoreError> {
        checked.accounts += 1;
        let store = self.frozen()?;
        let image = match store.account_image(id) {
            Ok(image) => image,
            Err(error) => return Ok(checked.findings.push(finding(name, None, error.to_string()))),
        };
        let (seen, expected) = (HashSet::new(), HashSet::new());
        let mut check = Check { store: &store, name, id, mode, seen, expected, checked, progress };
        let named = image.nodes.iter().filter_map(|node| Some((&node.name, node.id?, Life::Alive)));
        let deleted = image.deleted.iter().map(|deleted| (&deleted.name, deleted.id, Life::Deleted));
        for (mailbox, id, life) in named.chain(deleted) {
            check.mailbox(mailbox, id, life)?;
        }
        check.annotations(&image)?;
        check.references(&image)
    }
}

fn finding(account: &AccountName, mailbox: Option<&MailboxName>, what: String) -> Finding {
    Finding { account: account.clone(), mailbox: mailbox.cloned(), what, repaired: false }
}

struct Check<'a> {
    /// As it was when the check of the account began.
    store: &'a Store,
    name: &'a AccountName,
    id: AccountId,
    mode: Mode,
    /// Blobs whose octets have been found good.
    seen: HashSet<BlobId>,
    expected: HashSet<(BlobId, MailboxId, u32)>,
    checked: &'a mut Checked,
    progress: &'a mut dyn FnMut(&Checked),
}

/// A mailbox as far as it can be read, and what would mend the rest.
struct Found {
    partition: Partition,
    version: Version,
    header: Option<MailboxHeader>,
    records: Vec<MessageRecord>,
    flags: BTreeMap<Uid, FlagRecord>,
    /// Keys of records and flags beside their pages.
    beside: BTreeMap<PageNo, Vec<Vec<u8>>>,
    entries: BTreeMap<LeafNo, LeafEntry>,
    keywords: KeywordTable,
    /// Kept messages and their octets.
    kept: (u32, u64),
    kept_uids: Vec<Uid>,
    /// Sentences, and whether a repair can do something about each.
    wrong: Vec<(String, bool)>,
    must_fold: bool,
    mend: Batch,
}

impl Check<'_> {
    fn reader(&self) -> &dyn Reader {
        &**self.store.reader()
    }

    fn mailbox(&mut self, name: &MailboxName, id: MailboxId, life: Life) -> Result<(), StoreError> {
        self.checked.mailboxes += 1;
        let mut found = self.read(id)?;
        if life == Life::Alive && self.reader().get(found.partition, b"z")?.is_some() {
            found.wrong.push(("it has a name, and says that it is deleted".into(), true));
            found.mend.remove(layout::key(b'z'));
        }
        for record in found.records.clone() {
            self.message(id, &record, &mut found)?;
            self.checked.messages += 1;
            self.checked.bytes += u64::from(record.size);
            if self.checked.messages.is_multiple_of(64) {
                (self.progress)(self.checked);
            }
        }
        match self.store.expunged(self.id, id, 0, i64::MAX) {
            Ok(kept) => {
                found.kept_uids = kept.iter().map(|kept| kept.record.uid).collect();
                found.kept = (kept.len() as u32, kept.iter().map(|kept| u64::from(kept.record.size)).sum());
                let references = kept.iter().map(|kept| (kept.record.blob, id, kept.record.uid.get()));
                self.expected.extend(references);
            }
            Err(error) => found.wrong.push((error.to_string(), false)),
        }
        self.message_annotations(&mut found)?;
        found.flags();
        found.entries();
        found.header();
        found.fold();
        self.conclude(name, found);
        Ok(())
    }

    /// Reads page by page: one that cannot be read costs no other.
    fn read(&self, id: MailboxId) -> Result<Found, StoreError> {
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
            kept: (0, 0),
            kept_uids: Vec::new(),
            wrong: Vec::new(),
            must_fold: false,
            mend: Batch::new(partition, version),
        };
        let header = self.reader().get(partition, b"h")?.ok_or_else(|| StoreError::Missing("its header".into()));
        match header.and_then(|value| decode(|| "its header".into(), &value, layout::read_header)) {
            Ok(header) => found.header = Some(header),
            Err(error) => found.wrong.push((error.to_string(), true)),
        }
        match self.store.keywords(self.id, id) {
            Ok(keywords) => found.keywords = keywords,
            Err(error) => found.wrong.push((error.to_string(), false)),
        }
        self.pages(id, &mut found)?;
        Ok(found)
    }

    fn pages(&self, id: MailboxId, found: &mut Found) -> Result<(), StoreError> {
        let Found { partition, records, flags, beside, entries, wrong, .. } = found;
        let mut broken = BTreeSet::new();
        let mut note = |key: &[u8]| match layout::read_page_key(key) {
            Some((page, Some(_))) => beside.entry(page).or_default().push(key.to_vec()),
            _ => {}
        };
        self.reader().scan(*partition, b"r", b"s", &mut |key, value| {
            note(key);
            if decode(String::new, &value, |c| layout::read_records(c, records)).is_err() {
                broken.extend(layout::read_page_key(key).map(|(page, _)| page));
            }
            Ok(())
        })?;
        self.reader().scan(*partition, b"v", b"w", &mut |key, value| {
            note(key);
            let mut page = Vec::new();
            if decode(String::new, &value, |c| layout::read_flags(c, &mut page)).is_err() {
                wrong.push((format!("a page of flags cannot be read ({} octets)", key.len() + value.len()), true));
            }
            flags.extend(page.into_iter().map(|record| (record.uid, record)));
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
        for page in broken {
            self.rebuild_page(id, page, found)?;
        }
        found.records.sort_by_key(|record| record.uid);
        found.tail();
        self.digests(found)
    }

    /// Digests of pages that have no messages.
    fn digests(&self, found: &mut Found) -> Result<(), StoreError> {
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

    /// Message records from the references to their octets; the dates from the messages themselves.
    fn rebuild_page(&self, id: MailboxId, page: PageNo, found: &mut Found) -> Result<(), StoreError> {
        let first = page.first().get();
        let what = format!("the records of messages {first} to {} cannot be read", first + PAGE_UIDS - 1);
        found.wrong.push((what, true));
        let Mode::Repair(describe) = self.mode else { return Ok(()) };
        found.records.retain(|record| PageNo::of(record.uid) != page);
        let mut references = Vec::new();
        self.reader().references(self.id, &mut |reference| {
            if reference.mailbox == id && PageNo::of(reference.uid) == page {
                references.push(reference);
            }
            Ok(())
        })?;
        references.sort_by_key(|reference| reference.uid);
        let mut rebuilt = Vec::new();
        for reference in references {
            let described = describe(&|take| self.octets(reference.blob, take))?;
            let date = described.sent_date.unwrap_or(InternalDate { secs: 0, zone_mins: 0 });
            rebuilt.push(MessageRecord {
                uid: reference.uid,
                blob: reference.blob,
                size: described.size as u32,
                internal_date: date,
                sent_date: date,
                saved_secs: date.secs,
            });
        }
        if !found.beside.contains_key(&page) {
            found.mend.put(layout::numbered(b'r', page.0), layout::records(&rebuilt));
        }
        found.records.extend(rebuilt);
        Ok(())
    }

    fn octets(&self, blob: BlobId, take: &mut dyn FnMut(&[u8])) -> Result<(), StoreError> {
        let (mut reader, mut at) = (self.store.blob(self.id, blob), 0u64);
        loop {
            let piece = reader.read_at(at)?;
            if piece.is_empty() {
                return Ok(());
            }
            take(&piece);
            at += piece.len() as u64;
        }
    }

    fn message(&mut self, id: MailboxId, record: &MessageRecord, found: &mut Found) -> Result<(), StoreError> {
        self.expected.insert((record.blob, id, record.uid.get()));
        let octets = match self.seen.contains(&record.blob) {
            true => Ok(()),
            false => self.verify(record),
        };
        match octets {
            Ok(()) => drop(self.seen.insert(record.blob)),
            Err(what) => return Ok(found.wrong.push((format!("message UID {}: {what}", record.uid), false))),
        }
        let key = layout::numbered(b't', record.uid.get());
        let summary = self.reader().get(found.partition, &key);
        match &summary {
            Ok(Some(value)) if !value.is_empty() => return Ok(()),
            // It may be on its way, or have been when the server was killed: who asks for it has it made.
            Ok(None) => {}
            _ => found.wrong.push((format!("message UID {}: its summary cannot be read", record.uid), true)),
        }
        if let Mode::Repair(describe) = self.mode {
            let described = describe(&|take| self.octets(record.blob, take))?;
            found.mend.writes.push((key, Some(described.structure)));
        }
        Ok(())
    }

    fn verify(&self, record: &MessageRecord) -> Result<(), String> {
        let (mut hasher, mut size) = (blake3::Hasher::new(), 0u64);
        let mut take = |piece: &[u8]| {
            hasher.update(piece);
            size += piece.len() as u64;
        };
        self.octets(record.blob, &mut take).map_err(|error| error.to_string())?;
        match size == u64::from(record.size) && hasher.finalize().as_bytes() == &record.blob.0 {
            true => Ok(()),
            false => Err("its octets are not what was stored; restore it from a backup".into()),
        }
    }

    /// Annotations that cannot be read, or whose message is neither there nor kept.
    fn message_annotations(&self, found: &mut Found) -> Result<(), StoreError> {
        let there = found.records.iter().map(|record| record.uid);
        let live: HashSet<Uid> = there.chain(found.kept_uids.iter().copied()).collect();
        let stray = self.store.stray_message_annotations(found.partition, &live)?;
        if !stray.is_empty() {
            let what = format!("{} annotations of messages cannot be read, or belong to no message", stray.len());
            found.wrong.push((what, true));
            stray.into_iter().for_each(|key| found.mend.remove(key));
        }
        Ok(())
    }

    /// Commits what mends the mailbox, and reports.
    fn conclude(&mut self, name: &MailboxName, found: Found) {
        let mut mended = false;
        if matches!(self.mode, Mode::Repair(_)) && !found.mend.writes.is_empty() {
            mended = self.store.write(vec![found.mend], Durability::Synced).is_ok();
        }
        for (what, can_be_mended) in found.wrong {
            let repaired = mended && can_be_mended;
            self.checked.findings.push(Finding { repaired, ..finding(self.name, Some(name), what) });
        }
    }

    /// Annotations that belong to nothing.
    fn annotations(&mut self, image: &AccountImage) -> Result<(), StoreError> {
        let stray = self.store.stray_annotations(self.id, image)?;
        if stray.is_empty() {
            return Ok(());
        }
        let what = format!("{} annotations cannot be read, or belong to no mailbox", stray.len());
        let mut found = finding(self.name, None, what);
        if matches!(self.mode, Mode::Repair(_)) {
            let mut batch = Batch::new(Partition::Account(self.id), image.version);
            stray.into_iter().for_each(|key| batch.remove(key));
            found.repaired = self.store.write(vec![batch], Durability::Synced).is_ok();
        }
        self.checked.findings.push(found);
        Ok(())
    }

    /// References without a message, and messages without a reference.
    fn references(&mut self, image: &AccountImage) -> Result<(), StoreError> {
        let mut missing = std::mem::take(&mut self.expected);
        let mut stray: Vec<Reference> = Vec::new();
        let live: HashSet<MailboxId> = image.mailboxes().collect();
        self.reader().references(self.id, &mut |reference| {
            let known = missing.remove(&(reference.blob, reference.mailbox, reference.uid.get()));
            if !known && live.contains(&reference.mailbox) {
                stray.push(reference);
            }
            Ok(())
        })?;
        if missing.is_empty() && stray.is_empty() {
            return Ok(());
        }
        let what =
            format!("{} messages without a reference, {} references without a message", missing.len(), stray.len());
        let mut found = finding(self.name, None, what);
        if matches!(self.mode, Mode::Repair(_)) {
            let mut batch = Batch::new(Partition::Account(self.id), image.version);
            let refer = |&(blob, mailbox, uid): &(BlobId, MailboxId, u32)| {
                Some(Reference { blob, account: self.id, mailbox, uid: Uid::new(uid)? })
            };
            batch.added = missing.iter().filter_map(refer).collect();
            batch.removed = stray;
            found.repaired = self.store.write(vec![batch], Durability::Synced).is_ok();
        }
        self.checked.findings.push(found);
        Ok(())
    }
}

impl Found {
    /// Messages beside their page are the last of the mailbox, and none is in it as well.
    fn tail(&mut self) {
        let next = self.header.map_or(0, |header| header.uid_next);
        let last = Uid::new(next.wrapping_sub(1)).map(PageNo::of);
        let strayed = self.beside.keys().any(|page| Some(*page) != last);
        let before = self.records.len();
        self.records.dedup_by_key(|record| record.uid);
        if before > self.records.len() || self.header.is_some() && strayed {
            self.wrong.push(("messages stand beside their page that should be in it".into(), true));
            self.must_fold = true;
        }
    }

    /// Where anything is mended, all messages get into their pages.
    fn fold(&mut self) {
        if self.mend.writes.is_empty() && !self.must_fold {
            return;
        }
        for (page, keys) in std::mem::take(&mut self.beside) {
            keys.into_iter().for_each(|key| self.mend.remove(key));
            let here = |uid: Uid| PageNo::of(uid) == page;
            let records: Vec<_> = self.records.iter().filter(|record| here(record.uid)).copied().collect();
            let flags: Vec<_> = self.flags.values().filter(|flags| here(flags.uid)).cloned().collect();
            self.mend.put(layout::numbered(b'r', page.0), layout::records(&records));
            self.mend.put(layout::numbered(b'v', page.0), layout::flags(&flags));
        }
    }

    /// Each message has its flags, and no flags are without a message.
    fn flags(&mut self) {
        let uids: HashSet<Uid> = self.records.iter().map(|record| record.uid).collect();
        let lost = self.records.iter().filter(|record| !self.flags.contains_key(&record.uid)).count();
        let stray = self.flags.keys().filter(|uid| !uids.contains(uid)).count();
        let nameless = |id: KeywordId| self.keywords.get(id).is_none();
        if self.flags.values().any(|record| record.flags.keywords().any(nameless)) {
            self.wrong.push(("messages have keywords that have no name".into(), false));
        }
        if lost + stray == 0 {
            return;
        }
        self.wrong.push((format!("{lost} messages without flags, {stray} flags without a message"), true));
        // Above all that was given out, so that clients hear of them.
        let header = self.header.map_or(ModSeq::ZERO, |header| header.highest_mod_seq.max(header.mod_seq_reserved));
        let mod_seq = self.flags.values().map(|record| record.mod_seq).fold(header, ModSeq::max).next();
        self.flags.retain(|uid, _| uids.contains(uid));
        for record in &self.records {
            let none = FlagRecord { uid: record.uid, flags: Flags::default(), mod_seq };
            self.flags.entry(record.uid).or_insert(none);
        }
        let mut pages: BTreeMap<PageNo, Vec<FlagRecord>> = BTreeMap::new();
        self.flags.values().for_each(|record| pages.entry(PageNo::of(record.uid)).or_default().push(record.clone()));
        for (page, flags) in pages.into_iter().filter(|(page, _)| !self.beside.contains_key(page)) {
            self.mend.put(layout::numbered(b'v', page.0), layout::flags(&flags));
        }
    }

    fn entries(&mut self) {
        let flags: Vec<FlagRecord> = self.flags.values().cloned().collect();
        let right = entries(&self.records, &flags);
        if right == self.entries {
            return;
        }
        self.wrong.push(("the index does not agree with the messages".into(), true));
        let stale = self.entries.keys().filter(|no| !right.contains_key(no));
        stale.for_each(|no| self.mend.remove(layout::numbered(b'd', no.0)));
        for (no, entry) in right {
            self.mend.put(layout::numbered(b'd', no.0), layout::leaf_entry(&entry));
        }
    }

    fn header(&mut self) {
        let highest = self.flags.values().map(|record| record.mod_seq).max().unwrap_or_default();
        let next = self.records.last().map_or(1, |record| record.uid.get().saturating_add(1));
        // A mailbox that has lost its header begins a new life: clients read it anew.
        let born = UidValidity::new(crate::sys::now_secs() as u32).unwrap_or(UidValidity::MIN);
        let base = self.header.unwrap_or(MailboxHeader { recent_from: next, ..MailboxHeader::new(born) });
        let mut right = MailboxHeader {
            uid_next: if base.uid_next == 0 { 0 } else { base.uid_next.max(next) },
            highest_mod_seq: base.highest_mod_seq.max(highest),
            mod_seq_reserved: base.mod_seq_reserved.max(highest),
            kept_messages: self.kept.0,
            kept_bytes: self.kept.1,
            ..base
        };
        let flags: Vec<FlagRecord> = self.flags.values().cloned().collect();
        right.sums = sums(&self.records, &flags);
        if Some(right) != self.header {
            if self.header.is_some() {
                self.wrong.push(("the counts do not agree with the messages".into(), true));
            }
            self.mend.put(layout::key(b'h'), layout::header(&right));
        }
        debug_assert_eq!(self.mend.guard, self.version);
    }
}

//! The summaries of messages, in memory by pages.
//!
//! FETCH of a structure, SEARCH of a header and their like read the message's summary, never the message. A page of
//! summaries is read by one scan of the store and kept in a cache that all mailboxes share and that is bounded in
//! octets. A summary never changes, but that one of an earlier version may get what it lacks; a page that was read before its
//! last messages arrived is read again.

use std::collections::BTreeSet;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::change::Change;
use super::digest::{Digest, Digests, ReadPage};
use super::error::MailboxError;
use super::mailbox::Mailbox;
use super::page::Page;
use super::ranks::{RankedBy, Ranks};
use super::sorting::TextKey;
use crate::mime::{Field, Parser, Summary, SummaryRef};
use crate::search::{Needle, Slots};
use crate::store::{Commit, CommitFailure, Described, Durability, PageNo, StoreError, Value, Version};
use crate::types::{AccountId, BlobId, Comparator, MailboxId, Uid, UidSet};

type Key = (AccountId, MailboxId, PageNo);

/// A value of a page keeps the whole page in memory, and a copied message's stays in a memory table for a while. After so many
/// of a page it is worth that.
const RUN: usize = 16;

/// Digests that one commit brings into the store.
const KEPT_AT_ONCE: usize = 64;

#[derive(Clone)]
struct Octets;

impl Weighter<Key, Arc<Page>> for Octets {
    fn weight(&self, _: &Key, page: &Arc<Page>) -> u64 {
        page.bytes() as u64 + 100
    }
}

impl Weighter<(AccountId, MailboxId, RankedBy), Arc<Ranks>> for Octets {
    fn weight(&self, _: &(AccountId, MailboxId, RankedBy), ranks: &Arc<Ranks>) -> u64 {
        ranks.bytes() + 100
    }
}

impl Weighter<Key, Weighed> for Octets {
    fn weight(&self, _: &Key, digest: &Weighed) -> u64 {
        digest.bytes
    }
}

/// A digest and what it took when it was put into the cache: it grows, and the cache counts on a weight that does not.
#[derive(Clone)]
struct Weighed {
    digest: Arc<Digest>,
    bytes: u64,
}

impl From<Arc<Digest>> for Weighed {
    fn from(digest: Arc<Digest>) -> Weighed {
        let bytes = digest.bytes();
        Weighed { digest, bytes }
    }
}

pub struct SummaryCache {
    pages: Cache<Key, Arc<Page>, Octets>,
    digests: Cache<Key, Weighed, Octets>,
    ranks: Cache<(AccountId, MailboxId, RankedBy), Arc<Ranks>, Octets>,
}

impl SummaryCache {
    pub fn new(bytes_max: u64) -> SummaryCache {
        // A digest is about a third of its page, and worth more: it is what searches come back to.
        let of_digests = bytes_max / 8 * 3;
        // Of common mail a page is about 200 KB.
        let count = |bytes: u64, each: u64| (bytes / each).max(16) as usize;
        let of_ranks = bytes_max / 8;
        let of_pages = bytes_max - of_digests - of_ranks;
        SummaryCache {
            pages: Cache::with_weighter(count(of_pages, 200_000), of_pages, Octets),
            digests: Cache::with_weighter(count(of_digests, 60_000), of_digests, Octets),
            // Those of a key in a mailbox of ten thousand.
            ranks: Cache::with_weighter(count(of_ranks, 160_000), of_ranks, Octets),
        }
    }
}

/// Reads summaries of one mailbox, best in order of UID: it holds on to the page that it has read last.
pub struct Summaries {
    mailbox: Arc<Mailbox>,
    page: Arc<Page>,
    /// Where in the page a walk is, or expects to go on.
    slot: usize,
    /// Summaries of the page that stand side by side and were given as values before this one.
    run: usize,
    digest: Option<(PageNo, Arc<Digest>)>,
    /// The page that a digest was last made of.
    scanned: Option<(PageNo, Arc<Page>)>,
}

impl Summaries {
    pub(super) fn new(mailbox: Arc<Mailbox>) -> Summaries {
        Summaries { mailbox, page: Arc::default(), slot: 0, run: 0, digest: None, scanned: None }
    }

    /// The summary of one message; `None` where it has been expunged.
    ///
    /// The page is not read for it: a client that fetches one new message shall not cost a scan.
    pub fn one(&mut self, uid: Uid) -> Result<Option<Value>, StoreError> {
        let mailbox = &self.mailbox;
        let key = (mailbox.account, mailbox.id, PageNo::of(uid));
        if let Some(page) = mailbox.summaries.pages.get(&key)
            && let Some(value) = page.get(uid)
        {
            return Ok(Some(alone(value)));
        }
        match mailbox.store.structure(mailbox.account, mailbox.id, uid)? {
            Some(value) => Ok(Some(value)),
            None => {
                self.lacking(mailbox.there(uid, uid)?).map(|made| made.into_iter().next().map(|(_, value)| value))
            }
        }
    }

    /// As `one`, for a walk over many messages, of which one needs the summary as a value.
    pub fn next(&mut self, uid: Uid) -> Result<Option<Value>, StoreError> {
        let before = (Arc::as_ptr(&self.page), self.slot);
        if !self.go_to(uid)? {
            return Ok(None);
        }
        let goes_on = before.0 == Arc::as_ptr(&self.page) && before.1 + 1 == self.slot;
        self.run = if goes_on { self.run + 1 } else { 0 };
        let value = self.page.at(self.slot);
        Ok(value.map(|value| if self.run >= RUN { value.clone() } else { alone(value) }))
    }

    /// Goes to the summary of a message, `here`; `false` where it has been expunged. Its page is read anew where it is known
    /// without this message.
    #[inline]
    pub fn go_to(&mut self, uid: Uid) -> Result<bool, StoreError> {
        let slot = match self.page.slot_near(self.slot + 1, uid) {
            Some(slot) => Some(slot),
            None => {
                self.page = self.read(PageNo::of(uid), uid)?;
                self.page.slot(uid)
            }
        };
        self.slot = slot.unwrap_or_default();
        Ok(slot.is_some())
    }

    /// The summary that was gone to.
    #[inline]
    pub fn here(&self) -> &[u8] {
        self.page.at(self.slot).map_or(b"", |value| value)
    }

    /// One of those behind it in its page: where a walk goes next.
    #[inline]
    pub fn ahead(&self, steps: usize) -> Option<&[u8]> {
        self.page.at(self.slot + steps).map(|value| &**value)
    }

    fn read(&self, no: PageNo, uid: Uid) -> Result<Arc<Page>, StoreError> {
        let mailbox = &self.mailbox;
        let key = (mailbox.account, mailbox.id, no);
        if let Some(page) = mailbox.summaries.pages.get(&key)
            && page.get(uid).is_some()
        {
            return Ok(page);
        }
        let page = self.scan(no)?;
        let page = Arc::new(page);
        mailbox.summaries.pages.insert(key, page.clone());
        Ok(page)
    }
}

impl Summaries {
    fn key(&self, no: PageNo) -> Key {
        (self.mailbox.account, self.mailbox.id, no)
    }

    /// The digest of a message's page, where it is in memory and knows the message.
    pub(super) fn known_digest(&mut self, uid: Uid) -> Option<&Arc<Digest>> {
        let no = PageNo::of(uid);
        let held = matches!(&self.digest, Some((at, digest)) if *at == no && digest.slot(uid).is_some());
        if !held {
            let digest = self.mailbox.summaries.digests.get(&self.key(no))?.digest;
            digest.slot(uid)?;
            self.digest = Some((no, digest));
        }
        self.digest.as_ref().map(|(_, digest)| digest)
    }

    /// The digest of a message's page, made where it is known without this message.
    fn digest(&mut self, uid: Uid) -> Result<Arc<Digest>, StoreError> {
        if let Some(digest) = self.known_digest(uid) {
            return Ok(digest.clone());
        }
        let no = PageNo::of(uid);
        let digest = match self.stored_digest(no)?.filter(|digest| digest.slot(uid).is_some()) {
            Some(digest) => digest,
            None => Digest::new(self.whole_page(no, uid)?.as_ref()),
        };
        let digest = Arc::new(digest);
        self.mailbox.summaries.digests.insert(self.key(no), digest.clone().into());
        self.digest = Some((no, digest.clone()));
        Ok(digest)
    }

    fn stored_digest(&self, no: PageNo) -> Result<Option<Digest>, StoreError> {
        let mailbox = &self.mailbox;
        match mailbox.store.digest(mailbox.account, mailbox.id, no) {
            Ok(record) => Ok(record.and_then(|record| Digest::of_record(&record))),
            // It can be made of the summaries.
            Err(StoreError::Corrupt(what)) => {
                log::warn!("a digest of mailbox {}: {what}", mailbox.object_id());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// A page for a digest: not kept, where it was not, as the digest is to be asked instead.
    fn whole_page(&mut self, no: PageNo, uid: Uid) -> Result<Arc<Page>, StoreError> {
        let knows = |page: &Arc<Page>| page.get(uid).is_some();
        if let Some((_, page)) = self.scanned.as_ref().filter(|(at, page)| *at == no && knows(page)) {
            return Ok(page.clone());
        }
        let page = match self.mailbox.summaries.pages.get(&self.key(no)).filter(knows) {
            Some(page) => page,
            None => Arc::new(self.scan(no)?),
        };
        self.scanned = Some((no, page.clone()));
        Ok(page)
    }

    /// Asks a digest, which may have to be made, or to grow.
    fn ask<T>(
        &mut self,
        uid: Uid,
        ask: impl FnOnce(&Digest, ReadPage<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (no, digest) = (PageNo::of(uid), self.digest(uid)?);
        let answer = ask(&digest, &mut || self.whole_page(no, uid))?;
        if digest.take_grown() {
            self.mailbox.summaries.digests.insert(self.key(no), digest.clone().into());
            self.mailbox.grown.lock().insert(no, Arc::downgrade(&digest));
        }
        Ok(answer)
    }

    /// The digest of a message's page, and in which of its messages a field holds a string.
    pub(super) fn holding(
        &mut self,
        uid: Uid,
        field: Field,
        needle: &Needle,
    ) -> Result<(Arc<Digest>, Slots), StoreError> {
        let held = self.ask(uid, |digest, page| Ok(digest.column(field, page)?.holds(needle)))?;
        Ok((self.digest(uid)?, held))
    }

    /// The values of a key to order by.
    pub(super) fn text(&mut self, uid: Uid, key: TextKey, comparator: Comparator) -> Result<Box<str>, StoreError> {
        self.ask(uid, |digest, page| {
            let texts = digest.texts(key, comparator, page)?;
            Ok(digest.slot(uid).map(|slot| texts[slot].clone()).unwrap_or_default())
        })
    }

    /// The digests of messages, ascending; `make` makes what is wanted of each, from its page.
    pub(super) fn digests(
        &mut self,
        uids: &[Uid],
        make: impl Fn(&Digest, ReadPage<'_>) -> Result<(), StoreError>,
    ) -> Result<Digests, StoreError> {
        let mut digests = Digests::default();
        for uid in uids {
            if !digests.add(*uid) {
                self.ask(*uid, |digest, page| make(digest, page))?;
                digests.add_with(*uid, self.digest(*uid)?);
            }
        }
        Ok(digests)
    }

    fn ranks_key(&self, by: RankedBy) -> (AccountId, MailboxId, RankedBy) {
        (self.mailbox.account, self.mailbox.id, by)
    }

    /// The ranks that are kept of the mailbox's texts.
    pub(super) fn ranks(&self, by: RankedBy) -> Option<Arc<Ranks>> {
        self.mailbox.summaries.ranks.get(&self.ranks_key(by))
    }

    pub(super) fn keep_ranks(&self, by: RankedBy, ranks: Ranks) {
        self.mailbox.summaries.ranks.insert(self.ranks_key(by), Arc::new(ranks));
    }
}

impl Summaries {
    /// A page as it is in the store.
    fn scan(&self, no: PageNo) -> Result<Page, StoreError> {
        let mailbox = &self.mailbox;
        // Before: what comes meanwhile brings its summary along.
        let mut there = mailbox.there(no.first(), no.last())?;
        let mut summaries: Vec<(Uid, Value)> = Vec::new();
        mailbox.store.structures(mailbox.account, mailbox.id, no.first(), no.last(), &mut |uid, value| {
            summaries.push((uid, value));
            Ok(())
        })?;
        there.retain(|(uid, _)| summaries.binary_search_by_key(uid, |(uid, _)| *uid).is_err());
        if !there.is_empty() {
            summaries.append(&mut self.lacking(there)?);
            summaries.sort_unstable_by_key(|(uid, _)| *uid);
        }
        Ok(Page::of(summaries))
    }

    /// The summaries of messages that the store has none of: those that wait to be written, or made anew. What is made is
    /// kept.
    fn lacking(&self, messages: Vec<(Uid, BlobId)>) -> Result<Vec<(Uid, Value)>, StoreError> {
        let (mailbox, owed) = (&self.mailbox, &self.mailbox.shared.owed);
        let (mut found, mut made) = (Vec::new(), Vec::new());
        for (uid, blob) in messages {
            match owed.find(mailbox.key(), uid) {
                Some(value) => found.push((uid, value)),
                None => match self.rebuild(blob) {
                    Ok(value) => made.push((uid, value)),
                    // Without its octets a message has nothing to be found by.
                    Err(MailboxError::Store(StoreError::Missing(_)) | MailboxError::Refused(_)) => {}
                    Err(MailboxError::Store(error)) => return Err(error),
                },
            }
        }
        owed.give(mailbox, &made);
        found.append(&mut made);
        found.sort_unstable_by_key(|(uid, _)| *uid);
        Ok(found)
    }
}

impl Mailbox {
    /// The messages of a range of UIDs, as they are now.
    fn there(&self, low: Uid, high: Uid) -> Result<Vec<(Uid, BlobId)>, StoreError> {
        let snapshot = match self.snapshot() {
            Ok(snapshot) => snapshot,
            Err(MailboxError::Store(error)) => return Err(error),
            Err(MailboxError::Refused(_)) => return Ok(Vec::new()),
        };
        let uids = UidSet::from_ranges(vec![(low.get(), high.get())]);
        snapshot.load(&uids)?;
        Ok(snapshot.in_uids(&uids).map(|message| (message.uid(), message.blob())).collect())
    }
}

/// A value that keeps none of its neighbours in memory.
fn alone(value: &Value) -> Value {
    Value::from(&value[..])
}

/// What the store gave for a summary.
pub fn summary_of(value: &[u8]) -> Result<SummaryRef<'_>, StoreError> {
    SummaryRef::new(value).ok_or_else(|| StoreError::Corrupt("the summary of a message".into()))
}

impl Summaries {
    /// Parses a message anew whose summary is gone: it has been expunged, or the store has lost it.
    pub fn rebuild(&self, blob: BlobId) -> Result<Value, MailboxError> {
        let octets = |take: &mut dyn FnMut(&[u8])| {
            let mut all = |piece: &[u8]| {
                take(piece);
                true
            };
            self.mailbox.octets(blob, 0..u64::MAX, &mut all)
        };
        Ok(describe(octets)?.structure)
    }
}

impl Mailbox {
    /// Writes into the store what has been made of messages since it was last asked to, of pages that no more can come to.
    /// It changes nothing that anybody sees, and what is lost of it is made again: for housekeeping.
    pub(super) fn keep_digests(&self) {
        let grown = std::mem::take(&mut *self.grown.lock());
        let there: Vec<_> = grown.into_iter().filter_map(|(no, digest)| Some((no, digest.upgrade()?))).collect();
        for step in there.chunks(KEPT_AT_ONCE) {
            if let Err(error) = self.keep_some(step) {
                return log::debug!("keeping what was made of messages: {error}");
            }
        }
    }

    fn keep_some(&self, digests: &[(PageNo, Arc<Digest>)]) -> Result<(), StoreError> {
        let mut writer = self.writer.lock();
        if self.is_gone() {
            return Ok(());
        }
        let uid_next = self.load_locked(&mut writer)?.header().uid_next;
        let full = digests.iter().filter(|(no, _)| uid_next == 0 || no.last().get() < uid_next);
        let pages: Vec<_> = full.filter_map(|(no, digest)| Some((*no, digest.record()?))).collect();
        if pages.is_empty() {
            return Ok(());
        }
        let commit = Commit::Digests { account: self.account, mailbox: self.id, guard: writer.version, pages };
        match self.store.commit(vec![commit], Durability::Relaxed) {
            Ok(()) => writer.version = Version(writer.version.0 + 1),
            Err(CommitFailure::Conflict) => self.forget_loaded(),
            Err(CommitFailure::Store(error)) => return Err(self.failed(error)),
        }
        Ok(())
    }

    /// Keeps summaries that were made anew in the place of others.
    pub fn describe_anew(&self, summaries: Vec<(Uid, Value)>) -> Result<(), MailboxError> {
        let pages: BTreeSet<PageNo> = summaries.iter().map(|(uid, _)| PageNo::of(*uid)).collect();
        self.commit(Change::Describe(summaries))?;
        for key in pages.into_iter().map(|no| (self.account, self.id, no)) {
            self.summaries.pages.remove(&key);
            self.summaries.digests.remove(&key);
        }
        Ok(())
    }
}

/// What the store keeps of a message beside its octets, which `read` gives piece by piece.
pub fn describe<E>(read: impl FnOnce(&mut dyn FnMut(&[u8])) -> Result<(), E>) -> Result<Described, E> {
    let mut parser = Parser::new();
    read(&mut |piece| parser.feed(piece))?;
    let message = parser.finish();
    let structure = Summary::encode(&message);
    let sent_date = SummaryRef::new(&structure).and_then(|summary| summary.sent_date());
    Ok(Described { structure: structure.into(), sent_date, size: message.size() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::{Access, Account, Asked, Limits, Manager, NewMessage, Scores, View};
    use crate::store::{PAGE_UIDS, Store};
    use crate::sys::Bell;
    use crate::types::{AccountName, InternalDate, MailboxName, SearchKey, UidSet, Visibility};

    /// The cache counts what digests have grown to, and no more when others have come for them.
    #[test]
    fn digests_are_counted_as_they_grow() {
        let manager = Manager::new(Store::memory(), Limits::default());
        let account = manager.account(&AccountName::new("joe").unwrap()).unwrap();
        let mailbox = account.mailbox(&MailboxName::inbox()).unwrap();
        let append = |text: &str| {
            let octets = format!("Subject: {text}\r\n\r\n").into_bytes();
            let date = InternalDate { secs: 0, zone_mins: 0 };
            let message = account.intake(&mailbox).unwrap().take(octets, Vec::new(), date).unwrap();
            mailbox.commit(Change::Append(vec![message])).unwrap();
        };
        let counted = || mailbox.summaries.digests.weight();
        let bytes = || {
            let no = PageNo::of(Uid::new(1).unwrap());
            let kept = mailbox.summaries.digests.get(&(mailbox.account, mailbox.id, no)).unwrap();
            (kept.digest.bytes(), kept.digest.uids().len())
        };
        (0..60).for_each(|_| append(&"long ".repeat(200)));
        for messages in 60..64 {
            let bell = Arc::new(Bell::new().unwrap());
            let view = View::open(mailbox.clone(), Access::ReadOnly, Visibility::ALL, bell).unwrap();
            let (key, saved) = (SearchKey::Header("subject".into(), "o".into()), UidSet::new());
            let (comparator, scores) = (Comparator::UnicodeCasemap, Scores::Unwanted);
            view.search(&Asked { key: &key, saved: &saved, comparator, scores }, &mut |_, _| {}).unwrap();
            assert_eq!((counted(), messages), bytes());
            assert!(counted() > 60_000, "the subjects are not counted");
            append("short");
        }
    }

    fn uid(n: u32) -> Uid {
        Uid::new(n).unwrap()
    }

    fn append(account: &Account, mailbox: &Mailbox, numbers: std::ops::RangeInclusive<u32>) {
        let mut intake = account.intake(mailbox).unwrap();
        let date = InternalDate { secs: 0, zone_mins: 0 };
        let octets = |n: u32| format!("Subject: number {n}\r\n\r\ntext\r\n").into_bytes();
        let messages: Vec<NewMessage> = numbers.map(|n| intake.take(octets(n), Vec::new(), date).unwrap()).collect();
        mailbox.commit(Change::Append(messages)).unwrap();
    }

    fn number(summary: &[u8]) -> u32 {
        summary_of(summary).unwrap().field(Field::Subject).unwrap()[7..].parse().unwrap()
    }

    #[test]
    fn each_message_has_its_own() {
        let manager = Manager::new(Store::memory(), Limits::default());
        let account = manager.account(&AccountName::new("joe").unwrap()).unwrap();
        let mailbox = account.mailbox(&MailboxName::inbox()).unwrap();
        append(&account, &mailbox, 1..=PAGE_UIDS + 5);
        let mut summaries = Summaries::new(mailbox.clone());
        let mut next = |n| summaries.next(uid(n)).unwrap().map(|value| number(&value));
        // In order, in none, again, and with messages that come to the page that is held.
        let orders = [(1..=PAGE_UIDS + 5).collect(), vec![3, 2, 2, PAGE_UIDS + 1, 1, PAGE_UIDS + 2, PAGE_UIDS, 40]];
        for n in orders.concat() {
            assert_eq!(next(n), Some(n));
        }
        assert_eq!(next(PAGE_UIDS + 6), None);
        append(&account, &mailbox, PAGE_UIDS + 6..=PAGE_UIDS + 7);
        for n in [PAGE_UIDS + 5, PAGE_UIDS + 6, PAGE_UIDS + 7, 1] {
            assert_eq!(next(n), Some(n));
        }
        assert!(summaries.go_to(uid(PAGE_UIDS - 1)).unwrap());
        assert_eq!(number(summaries.here()), PAGE_UIDS - 1);
        assert_eq!(summaries.ahead(1).map(number), Some(PAGE_UIDS));
        assert_eq!(summaries.ahead(2), None);
        assert!(!summaries.go_to(uid(PAGE_UIDS * 9)).unwrap());
        assert_eq!(summaries.one(uid(7)).unwrap().map(|value| number(&value)), Some(7));
    }

    /// Who takes few messages of a page keeps no more than those in memory.
    #[test]
    fn values_share_their_page_where_many_are_taken() {
        let manager = Manager::new(Store::memory(), Limits::default());
        let account = manager.account(&AccountName::new("joe").unwrap()).unwrap();
        let mailbox = account.mailbox(&MailboxName::inbox()).unwrap();
        append(&account, &mailbox, 1..=PAGE_UIDS * 2);
        let mut summaries = Summaries::new(mailbox);
        let mut shared = |uids: &mut dyn Iterator<Item = u32>| {
            let mut is_shared = |n| {
                let value = summaries.next(uid(n)).unwrap().unwrap();
                value.as_ptr() == summaries.here().as_ptr()
            };
            uids.filter(|n| is_shared(*n)).collect::<Vec<u32>>()
        };
        let run = RUN as u32;
        assert!(shared(&mut (1..=PAGE_UIDS).step_by(2)).is_empty());
        assert!(shared(&mut (PAGE_UIDS + 1..=PAGE_UIDS + run)).is_empty());
        assert_eq!(shared(&mut (1..=PAGE_UIDS + run)), (run + 1..=PAGE_UIDS).collect::<Vec<_>>());
    }
}

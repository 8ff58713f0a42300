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
use super::digest::Digest;
use super::error::MailboxError;
use super::mailbox::Mailbox;
use super::sorting::{Ids, TextKey};
use crate::mime::{Parser, Summary, SummaryRef};
use crate::store::{Described, PAGE_UIDS, PageNo, StoreError, Value};
use crate::types::{AccountId, BlobId, Comparator, MailboxId, Uid};

type Key = (AccountId, MailboxId, PageNo);

pub(super) struct Page {
    uids: Vec<Uid>,
    values: Vec<Value>,
}

impl Page {
    fn get(&self, uid: Uid) -> Option<&Value> {
        self.slot(uid).map(|at| &self.values[at])
    }

    pub(super) fn uids(&self) -> &[Uid] {
        &self.uids
    }

    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }

    fn slot(&self, uid: Uid) -> Option<usize> {
        self.uids.binary_search(&uid).ok()
    }

    /// What `of` makes of the summaries of these messages. A damaged one, or one that is gone, gives what an empty one does;
    /// whoever reads it is told.
    pub(super) fn by_uids<T: Default>(&self, uids: &[Uid], of: impl Fn(&SummaryRef<'_>) -> T) -> Vec<T> {
        let summary = |uid: &Uid| self.get(*uid).and_then(|value| summary_of(value).ok());
        uids.iter().map(|uid| summary(uid).map(|summary| of(&summary)).unwrap_or_default()).collect()
    }
}

#[derive(Clone)]
struct Octets;

impl Weighter<Key, Arc<Page>> for Octets {
    fn weight(&self, _: &Key, page: &Arc<Page>) -> u64 {
        page.values.iter().map(|value| value.len() as u64 + 40).sum::<u64>() + 700
    }
}

impl Weighter<Key, Arc<Digest>> for Octets {
    fn weight(&self, _: &Key, digest: &Arc<Digest>) -> u64 {
        digest.bytes()
    }
}

pub struct SummaryCache {
    pages: Cache<Key, Arc<Page>, Octets>,
    digests: Cache<Key, Arc<Digest>, Octets>,
}

impl SummaryCache {
    pub fn new(bytes_max: u64) -> SummaryCache {
        // A digest is about a third of its page, and worth more: it is what searches come back to.
        let of_digests = bytes_max / 8 * 3;
        // Of common mail a page is about 200 KB.
        let count = |bytes: u64, each: u64| (bytes / each).max(16) as usize;
        let of_pages = bytes_max - of_digests;
        SummaryCache {
            pages: Cache::with_weighter(count(of_pages, 200_000), of_pages, Octets),
            digests: Cache::with_weighter(count(of_digests, 60_000), of_digests, Octets),
        }
    }
}

/// Reads summaries of one mailbox, best in order of UID: it holds on to the page it read last.
pub struct Summaries {
    mailbox: Arc<Mailbox>,
    page: Option<(PageNo, Arc<Page>)>,
    digest: Option<(PageNo, Arc<Digest>)>,
}

impl Summaries {
    pub(super) fn new(mailbox: Arc<Mailbox>) -> Summaries {
        Summaries { mailbox, page: None, digest: None }
    }

    /// The summary of one message; `None` where it has been expunged.
    ///
    /// The page is not read for it: a client that fetches one new message shall not cost a scan.
    pub fn one(&mut self, uid: Uid) -> Result<Option<Value>, StoreError> {
        let mailbox = &self.mailbox;
        let key = (mailbox.account, mailbox.id, PageNo::of(uid));
        if let Some(value) = mailbox.summaries.pages.get(&key).and_then(|page| page.get(uid).cloned()) {
            return Ok(Some(value));
        }
        mailbox.store.structure(mailbox.account, mailbox.id, uid)
    }

    /// As `one`, for a walk over many messages.
    pub fn next(&mut self, uid: Uid) -> Result<Option<Value>, StoreError> {
        Ok(self.page(uid)?.get(uid).cloned())
    }

    /// The page of a message, which is read anew where it is known without this message.
    pub(super) fn page(&mut self, uid: Uid) -> Result<&Arc<Page>, StoreError> {
        let no = PageNo::of(uid);
        let held = matches!(&self.page, Some((at, page)) if *at == no && page.slot(uid).is_some());
        let page = match self.page.take().filter(|_| held) {
            Some((_, page)) => page,
            None => self.read(no, uid)?,
        };
        Ok(&self.page.insert((no, page)).1)
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
            let digest = self.mailbox.summaries.digests.get(&self.key(no))?;
            digest.slot(uid)?;
            self.digest = Some((no, digest));
        }
        self.digest.as_ref().map(|(_, digest)| digest)
    }

    /// The digest of a message's page, made where it is known without this message.
    pub(super) fn digest(&mut self, uid: Uid) -> Result<&Arc<Digest>, StoreError> {
        if self.known_digest(uid).is_none() {
            let no = PageNo::of(uid);
            let digest = Arc::new(Digest::new(self.whole_page(no, uid)?.as_ref()));
            self.mailbox.summaries.digests.insert(self.key(no), digest.clone());
            self.digest = Some((no, digest));
        }
        match &self.digest {
            Some((_, digest)) => Ok(digest),
            None => Err(StoreError::Missing("the digest of a page".into())),
        }
    }

    /// A page for a digest: not kept, where it was not, as the digest is to be asked instead.
    fn whole_page(&self, no: PageNo, uid: Uid) -> Result<Arc<Page>, StoreError> {
        let known = self.mailbox.summaries.pages.get(&self.key(no)).filter(|page| page.get(uid).is_some());
        match known {
            Some(page) => Ok(page),
            None => self.scan(no).map(Arc::new),
        }
    }

    /// The values of a key to order by.
    pub(super) fn text(&mut self, uid: Uid, key: TextKey, comparator: Comparator) -> Result<Box<str>, StoreError> {
        let digest = self.digest(uid)?.clone();
        let texts = digest.texts(key, comparator, || self.whole_page(PageNo::of(uid), uid))?;
        Ok(digest.slot(uid).map(|slot| texts[slot].clone()).unwrap_or_default())
    }

    /// Calls `with` with the hashes of the Message-IDs of a message.
    pub(super) fn with_ids<T>(&mut self, uid: Uid, with: impl FnOnce(&Ids) -> T) -> Result<T, StoreError> {
        let digest = self.digest(uid)?.clone();
        let ids = digest.threading(|| self.whole_page(PageNo::of(uid), uid))?;
        match digest.slot(uid) {
            Some(slot) => Ok(with(&ids[slot])),
            None => Ok(with(&Ids::default())),
        }
    }
}

impl Summaries {
    /// A page as it is in the store.
    fn scan(&self, no: PageNo) -> Result<Page, StoreError> {
        let mailbox = &self.mailbox;
        let mut page = Page { uids: Vec::new(), values: Vec::new() };
        let last = Uid::new(no.first().get().saturating_add(PAGE_UIDS - 1)).unwrap_or(Uid::MAX);
        mailbox.store.structures(mailbox.account, mailbox.id, no.first(), last, &mut |uid, value| {
            page.uids.push(uid);
            page.values.push(value);
            Ok(())
        })?;
        Ok(page)
    }
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
    /// Keeps summaries that were made anew in the place of others.
    pub fn describe_anew(&self, summaries: Vec<(Uid, Value)>) -> Result<(), MailboxError> {
        let pages: BTreeSet<PageNo> = summaries.iter().map(|(uid, _)| PageNo::of(*uid)).collect();
        self.commit(Change::Describe(summaries))?;
        pages.into_iter().for_each(|no| drop(self.summaries.pages.remove(&(self.account, self.id, no))));
        Ok(())
    }
}

/// What the store keeps of a message beside its octets, which `read` gives piece by piece.
pub fn describe<E>(read: impl FnOnce(&mut dyn FnMut(&[u8])) -> Result<(), E>) -> Result<Described, E> {
    let mut parser = Parser::new();
    read(&mut |piece| parser.feed(piece))?;
    let message = parser.finish();
    Ok(Described {
        structure: Summary::encode(&message).into(),
        sent_date: message.sent_date(),
        size: message.size(),
    })
}

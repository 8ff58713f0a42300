//! The summaries of messages, in memory by pages.
//!
//! FETCH of a structure, SEARCH of a header and their like read the message's summary, never the message. A page of
//! summaries is read by one scan of the store and kept in a cache that all mailboxes share and that is bounded in
//! octets. A summary never changes, but that one of an earlier version may get what it lacks; a page that was read before its
//! last messages arrived is read again.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::change::Change;
use super::column::Column;
use super::error::MailboxError;
use super::mailbox::Mailbox;
use super::sorting::Orders;
use crate::mime::{Field, Parser, Summary, SummaryRef};
use crate::store::{Described, PAGE_UIDS, PageNo, StoreError, Value};
use crate::types::{AccountId, BlobId, MailboxId, Uid};

type Key = (AccountId, MailboxId, PageNo);

pub(super) struct Page {
    uids: Vec<Uid>,
    values: Vec<Value>,
    columns: [OnceLock<Column>; Field::COUNT],
    orders: Orders,
}

impl Page {
    fn get(&self, uid: Uid) -> Option<&Value> {
        self.slot(uid).map(|at| &self.values[at])
    }

    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }

    pub(super) fn orders(&self) -> &Orders {
        &self.orders
    }

    pub(super) fn slot(&self, uid: Uid) -> Option<usize> {
        self.uids.binary_search(&uid).ok()
    }

    /// One field of all messages of the page; made when it is first searched.
    pub(super) fn column(&self, field: Field) -> &Column {
        self.columns[field.number()].get_or_init(|| Column::new(&self.values, field))
    }
}

#[derive(Clone)]
struct Octets;

impl Weighter<Key, Arc<Page>> for Octets {
    fn weight(&self, _: &Key, page: &Arc<Page>) -> u64 {
        // With what columns and orders may add: a quarter.
        page.values.iter().map(|value| value.len() as u64 * 5 / 4 + 40).sum::<u64>() + 700
    }
}

pub struct SummaryCache {
    pages: Cache<Key, Arc<Page>, Octets>,
}

impl SummaryCache {
    pub fn new(bytes_max: u64) -> SummaryCache {
        // A page of common mail is about 200 KB.
        let pages = (bytes_max / 200_000).max(16) as usize;
        SummaryCache { pages: Cache::with_weighter(pages, bytes_max, Octets) }
    }
}

/// Reads summaries of one mailbox, best in order of UID: it holds on to the page it read last.
pub struct Summaries {
    mailbox: Arc<Mailbox>,
    page: Option<(PageNo, Arc<Page>)>,
}

impl Summaries {
    pub(super) fn new(mailbox: Arc<Mailbox>) -> Summaries {
        Summaries { mailbox, page: None }
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
        let mut page =
            Page { uids: Vec::new(), values: Vec::new(), columns: Default::default(), orders: Orders::default() };
        let last = Uid::new(no.first().get().saturating_add(PAGE_UIDS - 1)).unwrap_or(Uid::MAX);
        mailbox.store.structures(mailbox.account, mailbox.id, no.first(), last, &mut |uid, value| {
            page.uids.push(uid);
            page.values.push(value);
            Ok(())
        })?;
        let page = Arc::new(page);
        mailbox.summaries.pages.insert(key, page.clone());
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

//! What SEARCH, SORT and THREAD ask of messages most, by pages.
//!
//! A digest is made of a page of summaries and is a fraction of it: the fields that are searched, prepared to be looked into
//! at once, the keys to order by and the hashes of Message-IDs; each made when it is first asked for. Digests are kept in a
//! cache of their own, so that a large mailbox can be searched again and again without its summaries in memory, and in the
//! store (`digest_record`), so that the first search after a start need not read them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::column::{Column, Columns, columns};
use super::message_ids::Ids;
use super::page::Page;
use super::text_key::TextKey;
use crate::mime::Field;
use crate::store::StoreError;
use crate::types::{Comparator, Uid};

const COMPARATORS: usize = Comparator::ALL.len();

/// Octets of a message in a digest that is not made yet, of common mail.
const MESSAGE_BYTES: usize = 400;

/// What a digest has of a key to order by.
pub(super) type Texts = Vec<Box<str>>;

#[derive(Default)]
pub(super) struct Digest {
    pub(super) uids: Vec<Uid>,
    pub(super) columns: OnceLock<Columns>,
    pub(super) texts: [[OnceLock<Texts>; COMPARATORS]; TextKey::COUNT],
    pub(super) threading: OnceLock<Vec<Ids>>,
    /// Something has been made that housekeeping does not know of.
    grown: AtomicBool,
}

/// Gives a page that has all messages of a digest that are there still.
pub(super) type ReadPage<'a> = &'a mut dyn FnMut() -> Result<Arc<Page>, StoreError>;

/// The digests of the pages of messages, and where each message is in them.
#[derive(Default)]
pub(super) struct Digests {
    pages: Vec<Arc<Digest>>,
    /// Page and slot; no slot for a message that is not in its page any more.
    places: Vec<(usize, Option<usize>)>,
}

impl Digests {
    /// Adds a message of the page that was added last; `false` where that does not know it.
    pub(super) fn add(&mut self, uid: Uid) -> bool {
        let slot = self.pages.last().and_then(|page| page.slot(uid));
        if slot.is_some() {
            self.places.push((self.pages.len() - 1, slot));
        }
        slot.is_some()
    }

    /// Adds a message with its page.
    pub(super) fn add_with(&mut self, uid: Uid, page: Arc<Digest>) {
        self.places.push((self.pages.len(), page.slot(uid)));
        self.pages.push(page);
    }

    /// What `of` takes of each message's digest, in order.
    pub(super) fn each<'d, T: Default>(
        &'d self,
        of: impl Fn(&'d Digest, usize) -> T + 'd,
    ) -> impl ExactSizeIterator<Item = T> + 'd {
        self.places.iter().map(move |(page, slot)| slot.map(|slot| of(&self.pages[*page], slot)).unwrap_or_default())
    }
}

impl Digest {
    pub(super) fn new(page: &Page) -> Digest {
        Digest::of(page.uids().to_vec())
    }

    /// Of which nothing is made yet.
    pub(super) fn of(uids: Vec<Uid>) -> Digest {
        Digest { uids, ..Digest::default() }
    }

    /// Octets that it takes now, or soon.
    pub(super) fn bytes(&self) -> u64 {
        let columns = self.columns.get().map_or(0, |columns| columns.iter().map(Column::bytes).sum::<usize>());
        let texts = self.texts.iter().flatten().filter_map(OnceLock::get).flatten();
        let texts: usize = texts.map(|text| text.len() + size_of_val(text)).sum();
        let ids = self.threading.get().into_iter().flatten();
        let ids: usize = ids.map(|ids| size_of_val(ids) + size_of_val(ids.references.as_slice())).sum();
        (columns.max(self.uids.len() * MESSAGE_BYTES) + texts + ids + size_of::<Digest>()) as u64
    }

    pub(super) fn uids(&self) -> &[Uid] {
        &self.uids
    }

    pub(super) fn slot(&self, uid: Uid) -> Option<usize> {
        self.uids.binary_search(&uid).ok()
    }

    /// Whether something has been made since this was last asked.
    pub(super) fn take_grown(&self) -> bool {
        self.grown.load(Ordering::Relaxed) && self.grown.swap(false, Ordering::Relaxed)
    }

    fn known<'a, T>(
        &self,
        known: &'a OnceLock<T>,
        make: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<&'a T, StoreError> {
        if let Some(value) = known.get() {
            return Ok(value);
        }
        let made = make()?;
        self.grown.store(true, Ordering::Relaxed);
        Ok(known.get_or_init(|| made))
    }

    /// A field of all messages; `page` is read where the fields have not been taken from it yet.
    pub(super) fn column(&self, field: Field, page: ReadPage<'_>) -> Result<&Column, StoreError> {
        let columns = self.known(&self.columns, || Ok(columns(&page()?.aligned(&self.uids))))?;
        Ok(&columns[field.number()])
    }

    /// The values of a key, by slot.
    pub(super) fn texts(
        &self,
        key: TextKey,
        comparator: Comparator,
        page: ReadPage<'_>,
    ) -> Result<&Texts, StoreError> {
        let known = &self.texts[key.number()][comparator.number()];
        let text =
            |page: Arc<Page>| page.by_uids(&self.uids, |summary| key.text(summary, comparator).into_boxed_str());
        self.known(known, || page().map(text))
    }

    /// One of `texts`; empty where they have not been made.
    pub(super) fn text(&self, key: TextKey, comparator: Comparator, slot: usize) -> &str {
        let texts = self.texts[key.number()][comparator.number()].get();
        texts.and_then(|texts| texts.get(slot)).map_or("", |text| text)
    }

    /// One of `threading`, where they have been made.
    pub(super) fn ids(&self, slot: usize) -> Option<&Ids> {
        self.threading.get().and_then(|ids| ids.get(slot))
    }

    /// The Message-IDs, by slot.
    pub(super) fn threading(&self, page: ReadPage<'_>) -> Result<&Vec<Ids>, StoreError> {
        self.known(&self.threading, || page().map(|page| page.by_uids(&self.uids, Ids::of)))
    }
}

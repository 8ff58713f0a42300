//! What SEARCH, SORT and THREAD ask of messages most, by pages.
//!
//! A digest is made of a page of summaries and is a fraction of it: the fields that are searched, prepared to be looked into
//! at once, the keys to order by and the hashes of Message-IDs; each made when it is first asked for. Digests are kept in a
//! cache of their own, so that a large mailbox can be searched again and again without its summaries in memory, and in the
//! store (`digest_record`), so that the first search after a start need not read them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::column::{Column, Columns, columns};
use super::digest_record::Record;
use super::message_ids::{Ids, IdsRef, Threading};
use super::page::Page;
use super::text_key::TextKey;
use super::texts::Texts;
use crate::mime::Field;
use crate::store::StoreError;
use crate::types::{Comparator, Uid};

const COMPARATORS: usize = Comparator::ALL.len();

/// Octets of a message in a digest that is not made yet, of common mail.
const MESSAGE_BYTES: usize = 400;

#[derive(Default)]
pub(super) struct Digest {
    pub(super) uids: Vec<Uid>,
    pub(super) columns: OnceLock<Columns>,
    pub(super) texts: [[OnceLock<Texts>; COMPARATORS]; TextKey::COUNT],
    pub(super) threading: OnceLock<Threading>,
    /// Of one that the store had.
    pub(super) record: Option<Record>,
    /// Something has been made that housekeeping does not know of.
    grown: AtomicBool,
}

/// Gives a page that has all messages of a digest.
pub(super) type ReadPage<'a> = &'a mut dyn FnMut() -> Result<Arc<Page>, Unmade>;

/// Why nothing is made of a digest's messages.
#[derive(Debug)]
pub(super) enum Unmade {
    /// Some of them are gone; this page has the others.
    Of(Arc<Page>),
    Store(StoreError),
}

impl From<StoreError> for Unmade {
    fn from(error: StoreError) -> Unmade {
        Unmade::Store(error)
    }
}

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
        let record = self.record.as_ref().map_or(0, Record::bytes);
        // Those of a record are slices of it.
        let columns = match record {
            0 => self.columns.get().map_or(0, |columns| columns.iter().map(Column::bytes).sum::<usize>()),
            _ => size_of::<Columns>(),
        };
        let texts: usize = self.texts.iter().flatten().filter_map(OnceLock::get).map(Texts::bytes).sum();
        let ids = self.threading.get().map_or(0, Threading::bytes);
        let all = (columns + record).max(self.uids.len() * MESSAGE_BYTES) + texts + ids;
        (all + size_of::<Digest>()) as u64
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

    /// What has been read from the record, or made.
    fn known<'a, T>(
        &self,
        known: &'a OnceLock<T>,
        stored: impl FnOnce(&Record) -> Option<T>,
        make: impl FnOnce() -> Result<T, Unmade>,
    ) -> Result<&'a T, Unmade> {
        if let Some(value) = known.get() {
            return Ok(value);
        }
        if let Some(stored) = self.record.as_ref().and_then(stored) {
            return Ok(known.get_or_init(|| stored));
        }
        let made = make()?;
        self.grown.store(true, Ordering::Relaxed);
        Ok(known.get_or_init(|| made))
    }

    /// A field of all messages; `page` is read where the fields have not been taken from it yet.
    pub(super) fn column(&self, field: Field, page: ReadPage<'_>) -> Result<&Column, Unmade> {
        let make = || Ok(columns(&page()?.aligned(&self.uids)));
        let columns = self.known(&self.columns, Record::columns, make)?;
        Ok(&columns[field.number()])
    }

    /// The values of a key, by slot.
    pub(super) fn texts(&self, key: TextKey, comparator: Comparator, page: ReadPage<'_>) -> Result<&Texts, Unmade> {
        let known = &self.texts[key.number()][comparator.number()];
        let make = |page: Arc<Page>| page.by_uids(&self.uids, |summary| key.text(summary, comparator)).collect();
        self.known(known, |record| record.texts(key, comparator, self.uids.len()), || page().map(make))
    }

    /// One of `texts`; empty where they have not been made.
    pub(super) fn text(&self, key: TextKey, comparator: Comparator, slot: usize) -> &[u8] {
        let texts = self.texts[key.number()][comparator.number()].get();
        texts.map_or(&[], |texts| texts.get(slot))
    }

    /// One of `threading`, where they have been made.
    pub(super) fn ids(&self, slot: usize) -> Option<IdsRef<'_>> {
        self.threading.get().and_then(|ids| ids.get(slot))
    }

    /// The Message-IDs, by slot.
    pub(super) fn threading(&self, page: ReadPage<'_>) -> Result<&Threading, Unmade> {
        let make = |page: Arc<Page>| page.by_uids(&self.uids, Ids::of).collect();
        self.known(&self.threading, |record| record.threading(self.uids.len()), || page().map(make))
    }
}

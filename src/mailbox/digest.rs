//! What SEARCH, SORT and THREAD ask of messages most, by pages.
//!
//! A digest is made of a page of summaries and is a fraction of it: the fields that are searched, prepared to be looked into
//! at once, and, made when they are first asked for, the keys to order by and the hashes of Message-IDs. Digests are kept in
//! a cache of their own, so that a large mailbox can be searched again and again without its summaries in memory.

use std::sync::{Arc, OnceLock};

use super::column::{Column, Columns, columns};
use super::sorting::{Ids, TextKey};
use super::summaries::Page;
use crate::mime::Field;
use crate::store::StoreError;
use crate::types::{Comparator, Uid};

const COMPARATORS: usize = Comparator::ALL.len();

pub(super) struct Digest {
    uids: Vec<Uid>,
    columns: Columns,
    texts: [[OnceLock<Vec<Box<str>>>; COMPARATORS]; TextKey::COUNT],
    threading: OnceLock<Vec<Ids>>,
    bytes: u64,
}

impl Digest {
    pub(super) fn new(page: &Page) -> Digest {
        let columns = columns(page.values());
        let bytes = columns.iter().map(Column::bytes).sum::<usize>();
        // With what keys may add: those of a message are about a hundred octets.
        let bytes = (bytes + page.values().len() * 130 + size_of::<Digest>()) as u64;
        let (texts, threading) = Default::default();
        Digest { uids: page.uids().to_vec(), columns, texts, threading, bytes }
    }

    /// Octets that it takes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn uids(&self) -> &[Uid] {
        &self.uids
    }

    pub(super) fn slot(&self, uid: Uid) -> Option<usize> {
        self.uids.binary_search(&uid).ok()
    }

    pub(super) fn column(&self, field: Field) -> &Column {
        &self.columns[field.number()]
    }

    /// The values of a key, by slot; `page` is read where they have not been made yet.
    pub(super) fn texts(
        &self,
        key: TextKey,
        comparator: Comparator,
        page: impl FnOnce() -> Result<Arc<Page>, StoreError>,
    ) -> Result<&[Box<str>], StoreError> {
        let known = &self.texts[key.number()][comparator.number()];
        if let Some(texts) = known.get() {
            return Ok(texts);
        }
        let texts = page()?.by_uids(&self.uids, |summary| key.text(summary, comparator).into_boxed_str());
        Ok(known.get_or_init(|| texts))
    }

    /// As `texts`, for Message-IDs.
    pub(super) fn threading(
        &self,
        page: impl FnOnce() -> Result<Arc<Page>, StoreError>,
    ) -> Result<&[Ids], StoreError> {
        if let Some(ids) = self.threading.get() {
            return Ok(ids);
        }
        let ids = page()?.by_uids(&self.uids, Ids::of);
        Ok(self.threading.get_or_init(|| ids))
    }
}

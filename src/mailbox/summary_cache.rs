//! What is kept in memory of summaries, of all mailboxes together, bounded in octets.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::digest::Digest;
use super::page::Page;
use super::ranks::{RankedBy, Ranks};
use crate::store::PageNo;
use crate::types::{AccountId, MailboxId};

pub(super) type Key = (AccountId, MailboxId, PageNo);

#[derive(Clone)]
pub(super) struct Octets;

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
pub(super) struct Weighed {
    pub(super) digest: Arc<Digest>,
    bytes: u64,
}

impl From<Arc<Digest>> for Weighed {
    fn from(digest: Arc<Digest>) -> Weighed {
        let bytes = digest.bytes();
        Weighed { digest, bytes }
    }
}

pub struct SummaryCache {
    pub(super) pages: Cache<Key, Arc<Page>, Octets>,
    pub(super) digests: Cache<Key, Weighed, Octets>,
    pub(super) ranks: Cache<(AccountId, MailboxId, RankedBy), Arc<Ranks>, Octets>,
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

//! Entries that all accounts share of the server itself: what others make of them is told here too.
//!                                                   RFC 5464 4.4; RFC 5465 5.7
//!
//! They stand in the server's partition. Where other servers may write there, a digest of each value is known: what differs when
//! a hint has come is what another server has set. The administrator's address is the configuration's.

use std::collections::BTreeMap;

use super::annotations::{ADMIN, NewValue, entry};
use super::locks::KnownServerAnnotations;
use super::manager::{Manager, Shared};
use super::suspicion::Suspicion;
use crate::store::{Relaxed, Store, StoreError};
use crate::types::EntryName;

pub(super) type Digests = BTreeMap<EntryName, u128>;

#[derive(Default)]
pub(super) struct ServerAnnotations {
    /// `None` where nobody else writes, and at first.
    known: KnownServerAnnotations,
    /// Another server may have set some.
    pub(super) suspicion: Suspicion,
}

fn digests(store: &Store) -> Result<Digests, StoreError> {
    let there = store.server_annotations()?;
    Ok(there.into_iter().map(|of| (of.entry, Store::annotation_digest(&of.value))).collect())
}

impl ServerAnnotations {
    /// Reads what stands there, where it may change unseen. What is there before anybody listens is no news.
    pub(super) fn load(&self, store: &Store) -> Result<(), StoreError> {
        if store.relaxed() != Relaxed::MayBeLost {
            *self.known.lock() = Some(digests(store)?);
        }
        Ok(())
    }

    /// Has `set` commit these values. What this server sets is no news, and nobody looks in between.
    pub(super) fn set<E>(&self, values: &[NewValue], set: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let mut known = self.known.lock();
        set()?;
        if let Some(known) = known.as_mut() {
            for (entry, value) in values {
                match value {
                    Some(value) => known.insert(entry.clone(), Store::annotation_digest(value)),
                    None => known.remove(entry),
                };
            }
        }
        Ok(())
    }

    /// The entries that another server has set, or taken away, since this was last asked.
    fn set_by_others(&self, store: &Store) -> Result<Vec<EntryName>, StoreError> {
        let Some(raised) = self.suspicion.stands() else { return Ok(Vec::new()) };
        let mut known = self.known.lock();
        let now = digests(store)?;
        self.suspicion.settle(raised);
        let Some(before) = known.replace(now.clone()) else { return Ok(Vec::new()) };
        let differs = |entry: &&EntryName| before.get(*entry) != now.get(*entry);
        let gone = before.keys().filter(|entry| !now.contains_key(*entry));
        Ok(now.keys().chain(gone).filter(differs).cloned().collect())
    }
}

impl Shared {
    /// Has those who listen hear of what another server has set.
    pub(super) fn look_for_server_annotations(&self) -> Result<(), StoreError> {
        let set = self.server_annotations.set_by_others(&self.store)?;
        self.annotation_feed.server_changed(&set);
        Ok(())
    }
}

impl Manager {
    /// The administrator can be reached elsewhere.
    pub(super) fn contact_changed(&self) {
        self.shared().annotation_feed.server_changed(&[entry(ADMIN)]);
    }
}

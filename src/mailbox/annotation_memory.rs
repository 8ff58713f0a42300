//! What another server does to annotations.         RFC 5464 4.4.2; RFC 5465 5.6, 5.7
//!
//! A hint says that an account's partition has changed, not what. Where other servers may write, an account in use knows of each
//! annotation of its mailboxes a digest of the value: what differs when the tree is read anew is what another server has set, and
//! those who listen here hear of it. Entries that all accounts share of the server itself are in another partition
//! (`server_annotations`).

use std::collections::{BTreeMap, BTreeSet};

use super::account::Account;
use super::annotations::{CLASS, SPECIAL_USE, alias_entry, entry};
use super::planning::Plan;
use super::tree::Tree;
use crate::store::{AccountChange, Annotate, Annotated, AnnotationDigests, Relaxed, Store, StoreError};
use crate::types::{AccountId, EntryName, MailboxName};

/// Entries of one place, of one user or of all.
type Changed = BTreeMap<(Annotated, Option<AccountId>), BTreeSet<EntryName>>;

impl Account {
    /// Reads what stands there, as long as the account is in use. It is watched already.
    pub(super) fn know_annotations(&self) {
        if self.shared.store.relaxed() == Relaxed::MayBeLost {
            // Nobody else writes.
            return;
        }
        match self.shared.store.annotation_digests(self.id) {
            Ok(digests) => *self.known_annotations.lock() = Some(digests),
            Err(error) => log::warn!("reading the annotations of {}: {error}", self.name()),
        }
    }

    /// After a commit of this server, while no other of it can be made: what has been set here is no news.
    pub(super) fn follow_annotations(&self, plan: &Plan) {
        let mut known = self.known_annotations.lock();
        let Some(digests) = known.as_mut() else { return };
        for change in &plan.changes {
            match change {
                AccountChange::Annotate(Annotate { at, user, entry, value }) => {
                    let key = (at.clone(), *user, entry.clone());
                    match value {
                        Some(value) => digests.insert(key, Store::annotation_digest(value)),
                        None => digests.remove(&key),
                    };
                }
                AccountChange::Purge(id) => digests.retain(|(at, ..), _| *at != Annotated::Mailbox(*id)),
                AccountChange::DropAnnotations(from) => digests.retain(|(at, ..), _| at != from),
                AccountChange::CopyAnnotations { from, to } => {
                    let of_from = digests.iter().filter(|((at, ..), _)| at == from);
                    let copies: Vec<_> = of_from
                        .map(|((_, user, entry), digest)| ((to.clone(), *user, entry.clone()), *digest))
                        .collect();
                    digests.extend(copies);
                }
                _ => {}
            }
        }
    }

    /// Has those who listen hear of what another server has made of annotations. The caller holds the writer's lock.
    pub(super) fn tell_foreign_annotations(&self, before: &Tree, after: &Tree) -> Result<(), StoreError> {
        let known = self.known_annotations.lock().take();
        let Some(known) = known else { return Ok(self.know_annotations()) };
        let now = match self.shared.store.annotation_digests(self.id) {
            Ok(now) => now,
            Err(error) => {
                *self.known_annotations.lock() = Some(known);
                return Err(error);
            }
        };
        let mut changed = differences(&known, &now);
        *self.known_annotations.lock() = Some(now);
        self.add_settings(before, after, &mut changed);
        for ((at, user), entries) in changed {
            let names: Vec<Option<&MailboxName>> = match &at {
                Annotated::Account => vec![None],
                Annotated::Mailbox(id) => {
                    after.nodes().filter(|(_, node)| node.id == Some(*id)).map(|(name, _)| Some(name)).collect()
                }
                Annotated::Holder(name) => after.node(name).map(|_| Some(name)).into_iter().collect(),
            };
            for name in names {
                self.shared.annotation_feed.changed_elsewhere(self, name, user, entries.iter());
            }
        }
        Ok(())
    }

    /// Entries that stand for something else than a value of their own.
    fn add_settings(&self, before: &Tree, after: &Tree, changed: &mut Changed) {
        for (name, node) in after.nodes() {
            let Some((id, known)) = node.id.zip(before.node(name)).filter(|(id, known)| known.id == Some(*id)) else {
                continue;
            };
            if node.special_use != known.special_use {
                let of_owner = changed.entry((Annotated::Mailbox(id), Some(self.id))).or_default();
                of_owner.insert(entry(SPECIAL_USE));
            }
            if after.class(id) != before.class(id) {
                changed.entry((Annotated::Mailbox(id), None)).or_default().insert(entry(CLASS));
            }
        }
        let (old, new) = (before.aliases(), after.aliases());
        let is_other = |alias: &&MailboxName| old.get(*alias) != new.get(*alias);
        let aliases: BTreeSet<&MailboxName> = old.keys().chain(new.keys()).filter(is_other).collect();
        let entries: Vec<EntryName> = aliases.into_iter().filter_map(alias_entry).collect();
        if !entries.is_empty() {
            changed.entry((Annotated::Account, Some(self.id))).or_default().extend(entries);
        }
    }
}

fn differences(before: &AnnotationDigests, after: &AnnotationDigests) -> Changed {
    let other = |(key, digest): &(&_, &_), of: &AnnotationDigests| of.get(*key) != Some(*digest);
    let set = after.iter().filter(|of| other(of, before));
    let gone = before.iter().filter(|(key, _)| !after.contains_key(*key));
    let mut changed = Changed::new();
    for ((at, user, entry), _) in set.chain(gone) {
        changed.entry((at.clone(), *user)).or_default().insert(entry.clone());
    }
    changed
}

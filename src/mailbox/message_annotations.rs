//! Annotations of messages.                         RFC 5257
//!
//! Which messages have which entries the index knows (`annotation_index`), from the first moment that somebody asks: a
//! mailbox that has none costs one look, and its messages nothing. Values are read when they are asked for.
//!
//! Invariants:
//! 1. Snapshots share one index until a commit changes it; who changes it has read it before, so that an earlier snapshot
//!    shows what was there.
//! 2. What a message had stays in the store while the message is kept, and counts for nothing meanwhile.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::annotation_index::{AnnotationIndex, Held};
use super::error::{MailboxError, Refusal};
use super::snapshot::Snapshot;
use super::view::{Changes, View};
use crate::store::{MessageAnnotationId, Store, StoreError, Value};
use crate::types::{AccountId, EntryMatch, EntryScope, MessageEntry, ModSeq, Right, Rights, Uid, UidSet};

/// An annotation that a message is to have; `None` takes it away.
#[derive(Clone, Debug)]
pub struct NewAnnotation {
    /// Whose value it is; `None` for a shared one.
    pub user: Option<AccountId>,
    pub entry: MessageEntry,
    pub value: Option<Value>,
}

/// An entry of a message, as a user sees it: octets of the private and of the shared value, where there are any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryFound {
    pub entry: MessageEntry,
    pub private: Option<u32>,
    pub shared: Option<u32>,
}

impl EntryFound {
    pub fn bytes(&self, scope: EntryScope) -> Option<u32> {
        match scope {
            EntryScope::Private => self.private,
            EntryScope::Shared => self.shared,
        }
    }
}

/// An entry, and which of its values is another.
pub type ChangedEntry = (MessageEntry, EntryScope);

/// What a draft has done to annotations, for the store.
#[derive(Default)]
pub(super) struct AnnotationWrites(BTreeMap<MessageAnnotationId, Option<(ModSeq, Value)>>);

impl AnnotationWrites {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self) -> Vec<(MessageAnnotationId, Option<(ModSeq, Value)>)> {
        std::mem::take(&mut self.0).into_iter().collect()
    }
}

/// Bounds of annotations of messages. RFC 5257 4.1
#[derive(Clone, Copy, Debug)]
pub(super) struct AnnotationBounds {
    /// Entries of one message that are shared, and again of each user.
    pub(super) entries_max: usize,
    /// What all shared ones of a mailbox count for, and again those of each user.
    pub(super) cost_max: u64,
}

impl Snapshot {
    pub(super) fn annotation_index(&self) -> Result<&AnnotationIndex, StoreError> {
        self.annotations.index(self.source.as_deref())
    }

    /// What was known of annotations before another server's commits is known of this snapshot too, and which of the messages'
    /// changes was the latest, where there has been none; whether it had to be read.
    pub(super) fn follow_annotations(&mut self, before: &Snapshot) -> Result<bool, StoreError> {
        if self.header.highest_mod_seq == before.header.highest_mod_seq {
            (self.annotations, self.latest) = (before.annotations.clone(), before.latest);
            return Ok(false);
        }
        let known = before.annotations.is_read();
        if known {
            self.load_annotations()?;
        }
        Ok(known)
    }

    /// Makes sure that the annotations can be looked at and changed.
    pub(super) fn load_annotations(&self) -> Result<(), StoreError> {
        self.annotation_index().map(drop)
    }

    fn annotations_mut(&mut self) -> &mut AnnotationIndex {
        Arc::make_mut(&mut self.annotations).read_before()
    }

    /// Whether a message would become another by these annotations.
    pub(super) fn annotations_change(&self, uid: Uid, new: &[NewAnnotation]) -> Result<bool, StoreError> {
        let index = self.annotation_index()?;
        Ok(new.iter().any(|new| new.value.is_some() || index.get(uid, new.user, &new.entry).is_some()))
    }

    /// Refuses more annotations than there may be; fewer never are. Each message comes with what it is to get.
    pub(super) fn check_annotations<'a>(
        &self,
        messages: impl Iterator<Item = (Option<Uid>, &'a [NewAnnotation])>,
        bounds: AnnotationBounds,
    ) -> Result<(), MailboxError> {
        let index = self.annotation_index()?;
        let mut growth: HashMap<Option<AccountId>, i64> = HashMap::new();
        for (uid, new) in messages {
            let there = uid.map_or(&[][..], |uid| index.of(uid));
            check_count(there, new, bounds.entries_max)?;
            for new in new {
                let before = there.iter().find(|held| held.user == new.user && held.entry == new.entry);
                let after = new.value.as_ref().map_or(0, |value| cost(new, value));
                *growth.entry(new.user).or_default() += after as i64 - before.map_or(0, Held::cost) as i64;
            }
        }
        let total = |user| index.costs.get(&user).copied().unwrap_or(0);
        let over = |(user, growth): (Option<AccountId>, i64)| {
            growth > 0 && total(user).saturating_add_signed(growth) > bounds.cost_max
        };
        match growth.into_iter().any(over) {
            true => Err(Refusal::TooManyMessageAnnotations.into()),
            false => Ok(()),
        }
    }

    /// Sets annotations of a message, which it has from this MODSEQ on.
    pub(super) fn annotate(
        &mut self,
        uid: Uid,
        new: impl IntoIterator<Item = NewAnnotation>,
        mod_seq: ModSeq,
        writes: &mut AnnotationWrites,
    ) {
        for NewAnnotation { user, entry, value } in new {
            let id = MessageAnnotationId { uid, user, entry };
            self.annotations_mut().set(&id, value.as_ref().map(|value| (mod_seq, value.len() as u32)));
            writes.0.insert(id, value.map(|value| (mod_seq, value)));
        }
    }

    /// Takes away all annotations of a message that goes for good. Where nothing is known of any, nothing is done.
    pub(super) fn forget_annotations(&mut self, uid: Uid, writes: &mut AnnotationWrites) -> Result<(), StoreError> {
        if self.annotation_index()?.of(uid).is_empty() {
            return Ok(());
        }
        for held in self.annotations_mut().forget(uid) {
            writes.0.insert(MessageAnnotationId { uid, user: held.user, entry: held.entry }, None);
        }
        Ok(())
    }

    /// A message is there no more, and kept with its annotations.
    pub(super) fn keep_annotations(&mut self, uid: Uid) -> Result<(), StoreError> {
        if !self.annotation_index()?.of(uid).is_empty() {
            self.annotations_mut().keep(uid);
        }
        Ok(())
    }

    /// All annotations of a message, whosever they are, with their values.
    pub fn all_annotations(&self, uid: Uid) -> Result<Vec<NewAnnotation>, StoreError> {
        let (Some(source), false) = (&self.source, self.annotation_index()?.of(uid).is_empty()) else {
            return Ok(Vec::new());
        };
        let found = source.store.annotations_of_message(source.account, source.mailbox, uid)?;
        let as_new = |found: crate::store::MessageAnnotation| NewAnnotation {
            user: found.id.user,
            entry: found.id.entry,
            value: Some(found.value),
        };
        Ok(found.into_iter().map(as_new).collect())
    }
}

fn cost(new: &NewAnnotation, value: &Value) -> u64 {
    Store::message_annotation_cost(&new.entry, value.len() as u64)
}

fn check_count(there: &[Held], new: &[NewAnnotation], most: usize) -> Result<(), Refusal> {
    let mut counts: HashMap<Option<AccountId>, (usize, usize)> = HashMap::new();
    for new in new {
        let of_user = there.iter().filter(|held| held.user == new.user).count();
        let (_, after) = counts.entry(new.user).or_insert((of_user, of_user));
        let known = there.iter().any(|held| held.user == new.user && held.entry == new.entry);
        match (known, &new.value) {
            (false, Some(_)) => *after += 1,
            (true, None) => *after -= 1,
            _ => {}
        }
    }
    match counts.values().any(|(before, after)| after > before && *after > most) {
        true => Err(Refusal::TooManyMessageAnnotations),
        false => Ok(()),
    }
}

impl NewAnnotation {
    pub fn scope(&self) -> EntryScope {
        if self.user.is_some() { EntryScope::Private } else { EntryScope::Shared }
    }
}

impl View {
    /// Messages that have annotations, whosever.
    pub fn annotated(&self) -> Result<UidSet, MailboxError> {
        Ok(self.shown().annotation_index()?.uids())
    }

    /// The entries of a message that match, by their names; those that are named in full whether they are there or not.
    pub fn annotations(&self, uid: Uid, entries: &[EntryMatch]) -> Result<Vec<EntryFound>, MailboxError> {
        let mut found: BTreeMap<&MessageEntry, EntryFound> = BTreeMap::new();
        let none = |entry: &MessageEntry| EntryFound { entry: entry.clone(), private: None, shared: None };
        for entry in entries {
            if let EntryMatch::Entry(entry) = entry {
                found.entry(entry).or_insert_with(|| none(entry));
            }
        }
        let index = self.shown().annotation_index()?;
        for held in index.of(uid).iter().filter(|held| held.is_seen_by(self.user())) {
            if entries.iter().any(|wanted| wanted.matches(&held.entry)) {
                let of = found.entry(&held.entry).or_insert_with(|| none(&held.entry));
                match held.user {
                    Some(_) => of.private = Some(held.bytes),
                    None => of.shared = Some(held.bytes),
                }
            }
        }
        Ok(found.into_values().collect())
    }

    /// The value of an entry; `None` where there is none, or none any more.
    pub fn annotation_value(
        &self,
        uid: Uid,
        entry: &MessageEntry,
        scope: EntryScope,
    ) -> Result<Option<Value>, MailboxError> {
        let user = match scope {
            EntryScope::Shared => None,
            EntryScope::Private => match self.user() {
                Some(user) => Some(user),
                None => return Ok(None),
            },
        };
        let mailbox = self.mailbox();
        let id = MessageAnnotationId { uid, user, entry: entry.clone() };
        Ok(mailbox.store.message_annotation(mailbox.account, mailbox.id, &id)?)
    }

    /// Calls `take` with the values of a message's entries that match, until it says `false`.
    pub(super) fn annotation_values(
        &self,
        uid: Uid,
        entries: &EntryMatch,
        scope: Option<EntryScope>,
        take: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), MailboxError> {
        for found in self.annotations(uid, std::slice::from_ref(entries))? {
            for of in [EntryScope::Private, EntryScope::Shared] {
                if scope.is_some_and(|scope| scope != of) || found.bytes(of).is_none() {
                    continue;
                }
                if let Some(value) = self.annotation_value(uid, &found.entry, of)?
                    && !take(&value)
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// What of a message's annotations goes with a copy of it: the shared ones and the user's own, as far as the target's
    /// list permits and values are not too large for it. RFC 5257 4.6
    pub(super) fn annotations_to_copy(&self, uid: Uid, rights: Rights) -> Result<Vec<NewAnnotation>, MailboxError> {
        let index = self.shown().annotation_index()?;
        let most = self.mailbox().shared.limits.annotations.value_bytes_max;
        let mut copies = Vec::new();
        for held in index.of(uid).iter().filter(|held| held.is_seen_by(self.user())) {
            let (scope, right) = match held.user {
                Some(_) => (EntryScope::Private, Right::Read),
                None => (EntryScope::Shared, Right::Annotate),
            };
            if rights.has(right) && u64::from(held.bytes) <= most {
                let value = self.annotation_value(uid, &held.entry, scope)?;
                copies.extend(value.map(|value| NewAnnotation {
                    user: held.user,
                    entry: held.entry.clone(),
                    value: Some(value),
                }));
            }
        }
        Ok(copies)
    }

    /// The entries that are others than they were `before`.
    pub(super) fn changed_annotations(
        &self,
        before: &Snapshot,
        changes: &Changes,
    ) -> Result<Vec<(Uid, Vec<ChangedEntry>)>, StoreError> {
        let shown = self.shown();
        if Arc::ptr_eq(&before.annotations, &shown.annotations) {
            return Ok(Vec::new());
        }
        let (old, new) = (before.annotation_index()?, shown.annotation_index()?);
        let flags: UidSet = changes.flags.iter().copied().collect();
        let uids = flags.union(&changes.others.iter().copied().collect());
        let changed = uids.uids().map(|uid| (uid, old.changed(new, uid, self.user())));
        Ok(changed.filter(|(_, entries)| !entries.is_empty()).collect())
    }

    /// Whether an entry of a message is as a change of this MODSEQ has left it.
    pub fn is_annotated_by(&self, uid: Uid, new: &NewAnnotation, mod_seq: ModSeq) -> Result<bool, MailboxError> {
        let held = self.shown().annotation_index()?.get(uid, new.user, &new.entry);
        Ok(match &new.value {
            Some(_) => held.is_some_and(|held| held.mod_seq == mod_seq),
            None => held.is_none(),
        })
    }
}

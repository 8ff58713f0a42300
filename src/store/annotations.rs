//! Annotations of mailboxes, of accounts and of the server.         RFC 5464
//!
//! They stand in the partition of the mailbox's owner, whoever's they are, so that they go with the mailbox; those of the
//! server that all share stand in the server's. They are read when they are asked for, and kept in no memory.

use std::collections::{BTreeMap, HashMap, HashSet};

use xxhash_rust::xxh3::xxh3_128;

use super::engine::{Batch, Partition};
use super::error::StoreError;
use super::facade::Store;
use super::keys::after;
use super::layout::{self, decode};
use super::model::{AccountImage, Annotated, Annotation};
use crate::types::{AccountId, EntryName, MailboxId};

/// Where each stands, whose it is, its name, and a digest of its value.
pub type AnnotationDigests = BTreeMap<(Annotated, Option<AccountId>, EntryName), u128>;

impl Store {
    /// All that stand there for a user, or that are shared there, in the order of their names.
    pub fn annotations(
        &self,
        account: AccountId,
        at: &Annotated,
        user: Option<AccountId>,
    ) -> Result<Vec<Annotation>, StoreError> {
        let mut found = Vec::new();
        let prefix = layout::annotated_for(at, user);
        self.reader().scan(Partition::Account(account), &prefix, &after(&prefix), &mut |_, value| {
            found.push(decode(|| what(account), &value, layout::read_annotation)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// All that stand there, with whose they are; those that are shared are nobody's.
    pub fn all_annotations(
        &self,
        account: AccountId,
        at: &Annotated,
    ) -> Result<Vec<(Option<AccountId>, Annotation)>, StoreError> {
        let mut found = Vec::new();
        let prefix = layout::annotated(at);
        self.reader().scan(Partition::Account(account), &prefix, &after(&prefix), &mut |key, value| {
            let (_, user) = layout::read_annotation_key(key).ok_or_else(|| StoreError::Corrupt(what(account)))?;
            found.push((user, decode(|| what(account), &value, layout::read_annotation)?));
            Ok(())
        })?;
        Ok(found)
    }

    pub fn annotation(
        &self,
        account: AccountId,
        at: &Annotated,
        user: Option<AccountId>,
        entry: &EntryName,
    ) -> Result<Option<Annotation>, StoreError> {
        let value = self.reader().get(Partition::Account(account), &layout::annotation_key(at, user, entry))?;
        value.map(|value| decode(|| what(account), &value, layout::read_annotation)).transpose()
    }

    /// Octets of all annotations of an account's mailboxes by user; the shared ones under `None`.
    pub fn annotation_bytes(&self, account: AccountId) -> Result<HashMap<Option<AccountId>, u64>, StoreError> {
        let mut sums = HashMap::new();
        for (low, high) in [(b"m", b"n"), (b"o", b"p")] {
            self.reader().scan(Partition::Account(account), low, high, &mut |key, value| {
                let corrupt = || StoreError::Corrupt(what(account));
                let (_, user) = layout::read_annotation_key(key).ok_or_else(corrupt)?;
                *sums.entry(user).or_default() += value.len() as u64;
                Ok(())
            })?;
        }
        Ok(sums)
    }

    /// All annotations of an account's mailboxes, and of the account, as far as they can be read.
    pub fn annotation_digests(&self, account: AccountId) -> Result<AnnotationDigests, StoreError> {
        let mut found = AnnotationDigests::new();
        for (low, high) in [(b"m", b"n"), (b"o", b"p")] {
            self.reader().scan(Partition::Account(account), low, high, &mut |key, value| {
                let annotation = decode(String::new, &value, layout::read_annotation).ok();
                if let Some(((at, user), Annotation { entry, value })) =
                    layout::read_annotation_key(key).zip(annotation)
                {
                    found.insert((at, user, entry), Store::annotation_digest(&value));
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// By which a value is known from another.
    pub fn annotation_digest(value: &[u8]) -> u128 {
        xxh3_128(value)
    }

    /// Octets that an annotation takes in the sums.
    pub fn annotation_cost(entry: &EntryName, value: &[u8]) -> u64 {
        layout::annotation(entry, value).len() as u64
    }

    /// Those of the server that all share.
    pub fn server_annotations(&self) -> Result<Vec<Annotation>, StoreError> {
        let mut found = Vec::new();
        self.reader().scan(Partition::Server, b"m", b"n", &mut |_, value| {
            found.push(decode(|| "an annotation of the server".into(), &value, layout::read_annotation)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Keys of annotations and classes that cannot be read, or belong to no mailbox and no name of the account.
    pub(super) fn stray_annotations(
        &self,
        account: AccountId,
        image: &AccountImage,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let live: HashSet<MailboxId> = image.mailboxes().collect();
        let belongs = |at: &Annotated| match at {
            Annotated::Account => true,
            Annotated::Mailbox(id) => live.contains(id),
            Annotated::Holder(name) => image.nodes.iter().any(|node| node.name == *name && node.id.is_none()),
        };
        let mut stray = Vec::new();
        for (low, high) in [(b"m", b"n"), (b"o", b"p")] {
            self.reader().scan(Partition::Account(account), low, high, &mut |key, value| {
                let known = layout::read_annotation_key(key).is_some_and(|(at, _)| belongs(&at));
                if !known || decode(String::new, &value, layout::read_annotation).is_err() {
                    stray.push(key.to_vec());
                }
                Ok(())
            })?;
        }
        let lost = image.classes.iter().filter(|(id, _)| !live.contains(id));
        stray.extend(lost.map(|(id, _)| layout::numbered_long(b'k', id.0)));
        Ok(stray)
    }

    pub(super) fn copy_annotations(
        &self,
        account: AccountId,
        from: &Annotated,
        to: &Annotated,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let (prefix, target) = (layout::annotated(from), layout::annotated(to));
        self.reader().scan(Partition::Account(account), &prefix, &after(&prefix), &mut |key, value| {
            batch.writes.push(([&target, &key[prefix.len()..]].concat(), Some(value)));
            Ok(())
        })
    }

    pub(super) fn drop_annotations(
        &self,
        account: AccountId,
        at: &Annotated,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let prefix = layout::annotated(at);
        self.reader().scan(Partition::Account(account), &prefix, &after(&prefix), &mut |key, _| {
            batch.remove(key.to_vec());
            Ok(())
        })
    }
}

fn what(account: AccountId) -> String {
    format!("an annotation of account {}", account.0)
}

#[cfg(test)]
mod tests {
    use super::super::check::{Checked, Mode};
    use super::super::model::{AccountChange, AccountCommit, Annotate, Commit, Durability};
    use super::*;
    use crate::types::{AccountName, MailboxClass, MailboxName};

    fn annotate(store: &Store, account: AccountId, at: Annotated, name: &str) {
        let guard = store.account_image(account).unwrap().version;
        let entry = EntryName::new(name).unwrap();
        let change = AccountChange::Annotate(Annotate { at, user: None, entry, value: Some(b"x".to_vec()) });
        let class = AccountChange::Class(MailboxId(8), MailboxClass::new("IPF.Task"));
        let commit = AccountCommit { account, guard, changes: vec![change, class] };
        store.commit(vec![Commit::Account(commit)], Durability::Synced).unwrap();
    }

    #[test]
    fn a_check_finds_what_belongs_to_nothing() {
        let store = Store::memory();
        let name = AccountName::new("joe").unwrap();
        let account = store.account_create(&name).unwrap();
        annotate(&store, account, Annotated::Account, "/private/a");
        annotate(&store, account, Annotated::Mailbox(MailboxId(7)), "/shared/a");
        annotate(&store, account, Annotated::Holder(MailboxName::new("gone").unwrap()), "/shared/a");
        let check = |mode| {
            let mut checked = Checked::default();
            store.check_account(&name, account, mode, &mut checked, &mut |_| Ok(())).unwrap();
            checked.findings
        };
        let found = check(Mode::Verify);
        assert_eq!(found.len(), 1);
        assert!(found[0].what.starts_with("3 annotations") && !found[0].repaired, "{found:?}");
        let describe = |_: super::super::check::Octets<'_>| Err(StoreError::Changed);
        assert!(check(Mode::Repair(describe))[0].repaired);
        assert!(check(Mode::Verify).is_empty());
        assert_eq!(store.annotations(account, &Annotated::Account, None).unwrap().len(), 1);
    }

    #[test]
    fn they_are_copied_and_dropped_with_their_keys() {
        let store = Store::memory();
        let account = store.account_create(&AccountName::new("joe").unwrap()).unwrap();
        let (from, to) = (Annotated::Mailbox(MailboxId(7)), Annotated::Mailbox(MailboxId(9)));
        annotate(&store, account, from.clone(), "/shared/Spelled");
        let apply = |change| {
            let guard = store.account_image(account).unwrap().version;
            let commit = AccountCommit { account, guard, changes: vec![change] };
            store.commit(vec![Commit::Account(commit)], Durability::Synced).unwrap();
        };
        let names = |at: &Annotated| -> Vec<String> {
            let found = store.annotations(account, at, None).unwrap();
            found.into_iter().map(|annotation| annotation.entry.to_string()).collect()
        };
        apply(AccountChange::CopyAnnotations { from: from.clone(), to: to.clone() });
        assert_eq!((names(&from), names(&to)), (vec!["/shared/Spelled".into()], vec!["/shared/Spelled".into()]));
        apply(AccountChange::Purge(MailboxId(7)));
        assert_eq!((names(&from).len(), names(&to).len()), (0, 1));
        let holder = Annotated::Holder(MailboxName::new("a").unwrap());
        apply(AccountChange::MoveAnnotations { from: to.clone(), to: holder.clone() });
        assert_eq!((names(&to).len(), names(&holder).len()), (0, 1));
        // Of a name that begins alike nothing goes.
        apply(AccountChange::DropAnnotations(Annotated::Holder(MailboxName::new("ab").unwrap())));
        assert_eq!(names(&holder).len(), 1);
        assert_eq!(store.annotation_bytes(account).unwrap().len(), 1);
    }
}

//! Annotations of messages.                         RFC 5257
//!
//! They stand in the partition of their mailbox, a key each, under the UID of the message, and are written by the commit
//! that changes the message. Those of a message that was expunged and is kept stay until it is given up.

use std::collections::HashSet;

use super::engine::{Partition, Value};
use super::error::StoreError;
use super::facade::Store;
use super::keys::after;
use super::layout;
use super::model::{MessageAnnotation, MessageAnnotationId};
use crate::types::{AccountId, MailboxId, MessageEntry, ModSeq, Uid};

impl Store {
    /// Calls `visit` with each annotation of a mailbox's messages, in order of their UIDs: its MODSEQ, and the octets of its
    /// value.
    pub fn message_annotations(
        &self,
        a: AccountId,
        m: MailboxId,
        visit: &mut dyn FnMut(MessageAnnotationId, ModSeq, u32),
    ) -> Result<(), StoreError> {
        self.reader().scan(Partition::Mailbox(a, m), b"n", b"o", &mut |key, value| {
            let id = layout::read_message_annotation_key(key).ok_or_else(|| corrupt(a, m))?;
            let mod_seq = layout::Cursor(&value).u64().map(ModSeq).ok_or_else(|| corrupt(a, m))?;
            visit(id, mod_seq, value.len() as u32 - 8);
            Ok(())
        })
    }

    /// Those of one message.
    pub fn annotations_of_message(
        &self,
        a: AccountId,
        m: MailboxId,
        uid: Uid,
    ) -> Result<Vec<MessageAnnotation>, StoreError> {
        let (prefix, mut found) = (layout::numbered(b'n', uid.get()), Vec::new());
        self.reader().scan(Partition::Mailbox(a, m), &prefix, &after(&prefix), &mut |key, value| {
            found.push(read(key, &value).ok_or_else(|| corrupt(a, m))?);
            Ok(())
        })?;
        Ok(found)
    }

    /// The value of one.
    pub fn message_annotation(
        &self,
        a: AccountId,
        m: MailboxId,
        id: &MessageAnnotationId,
    ) -> Result<Option<Value>, StoreError> {
        let key = layout::message_annotation_key(id);
        let Some(value) = self.reader().get(Partition::Mailbox(a, m), &key)? else { return Ok(None) };
        let (_, value) = layout::read_message_annotation(&value).ok_or_else(|| corrupt(a, m))?;
        Ok(Some(value))
    }

    /// Keys of annotations that cannot be read, or are of none of these messages.
    pub(super) fn stray_message_annotations(
        &self,
        partition: Partition,
        live: &HashSet<Uid>,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut stray = Vec::new();
        self.reader().scan(partition, b"n", b"o", &mut |key, value| {
            if read(key, &value).is_none_or(|annotation| !live.contains(&annotation.id.uid)) {
                stray.push(key.to_vec());
            }
            Ok(())
        })?;
        Ok(stray)
    }

    /// Octets that an annotation counts for: what a small one costs in memory and on the disk is more than its value.
    pub fn message_annotation_cost(entry: &MessageEntry, value_bytes: u64) -> u64 {
        entry.as_str().len() as u64 + value_bytes + 64
    }
}

fn read(key: &[u8], value: &Value) -> Option<MessageAnnotation> {
    let id = layout::read_message_annotation_key(key)?;
    let (mod_seq, value): (ModSeq, Value) = layout::read_message_annotation(value)?;
    Some(MessageAnnotation { id, mod_seq, value })
}

fn corrupt(a: AccountId, m: MailboxId) -> StoreError {
    StoreError::Corrupt(format!("annotations of messages of mailbox {}/{}", a.0, m.0))
}

#[cfg(test)]
mod tests {
    use super::super::check::{Checked, Mode};
    use super::super::model::{AccountChange, AccountCommit, Commit, Durability, MailboxCommit, MailboxHeader};
    use super::super::model::{MailboxNode, Version};
    use super::*;
    use crate::types::{AccountName, MailboxName, UidValidity};

    fn id(uid: u32, user: Option<u64>, entry: &str) -> MessageAnnotationId {
        let entry = MessageEntry::new(entry).unwrap();
        MessageAnnotationId { uid: Uid::new(uid).unwrap(), user: user.map(AccountId), entry }
    }

    #[test]
    fn keys_and_values() {
        for id in [id(1, None, "/comment"), id(u32::MAX, Some(7), "/1.2/flags/seen"), id(9, None, "/a (b)/\u{1}")] {
            assert_eq!(layout::read_message_annotation_key(&layout::message_annotation_key(&id)), Some(id));
        }
        for bad in [&b"n"[..], b"n\0\0\0\x01", b"n\0\0\0\0\0\0\0\0\0\0\0\0/a", b"n\0\0\0\x01\0\0\0\0\0\0\0\0a"] {
            assert_eq!(layout::read_message_annotation_key(bad), None);
        }
        let value = Value::from(layout::message_annotation(ModSeq(5), b"a\0b"));
        assert_eq!(layout::read_message_annotation(&value), Some((ModSeq(5), Value::from(&b"a\0b"[..]))));
        assert_eq!(layout::read_message_annotation(&Value::from(&[0; 7][..])), None);
    }

    #[test]
    fn a_check_finds_what_belongs_to_no_message() {
        let store = Store::memory();
        let name = AccountName::new("joe").unwrap();
        let account = store.account_create(&name).unwrap();
        let mailbox = MailboxId(1);
        let node = MailboxNode { name: MailboxName::inbox(), id: Some(mailbox), special_use: Vec::new() };
        let changes = vec![AccountChange::PutNode(node)];
        let tree = AccountCommit { account, guard: Version(0), changes };
        let set = |uid, entry| (id(uid, None, entry), Some((ModSeq(2), Value::from(&b"x"[..]))));
        let header = MailboxHeader::new(UidValidity::MIN);
        let mut commit = MailboxCommit::of_header(account, mailbox, Version(0), header);
        commit.annotations = vec![set(3, "/comment"), set(3, "/a"), set(4, "/a")];
        store.commit(vec![Commit::Account(tree), Commit::Mailbox(commit)], Durability::Synced).unwrap();
        assert_eq!(store.annotations_of_message(account, mailbox, Uid::new(3).unwrap()).unwrap().len(), 2);
        let value = store.message_annotation(account, mailbox, &id(4, None, "/a")).unwrap();
        assert_eq!(value.as_deref(), Some(&b"x"[..]));
        assert_eq!(store.message_annotation(account, mailbox, &id(4, Some(1), "/a")).unwrap(), None);
        let check = |mode| {
            let mut checked = Checked::default();
            store.check_account(&name, account, mode, &mut checked, &mut |_| Ok(())).unwrap();
            checked.findings
        };
        let found = check(Mode::Verify);
        assert!(found.len() == 1 && found[0].what.starts_with("3 annotations of messages"), "{found:?}");
        let describe = |_: super::super::check::Octets<'_>| Err(StoreError::Changed);
        assert!(check(Mode::Repair(describe))[0].repaired);
        assert!(check(Mode::Verify).is_empty());
    }
}

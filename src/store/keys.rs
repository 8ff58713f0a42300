//! How engines lay partitions, references and blobs into one ordered space of keys.
//!
//! | key                                             | value |
//! |-------------------------------------------------|-------|
//! | u64 account, u64 mailbox, 0x00                  | u64 version of the partition |
//! | u64 account, u64 mailbox, key of the partition  | its value |
//! | u64 account, u64 max, `r`, hash, u64 mailbox, u32 uid | empty: a reference to a blob |
//! | u64 0, u64 max, `d`, u64 account, hash          | u64 seconds since 1970: lost a reference then |
//!
//! Account and mailbox 0 stand for the server and for the account itself. Chunks have a space of their own:
//! u64 account, hash, u32 chunk.

use super::engine::{Partition, Reference};
use crate::types::{AccountId, BlobId, MailboxId, Uid};

pub(super) const PREFIX_BYTES: usize = 16;

pub(super) fn prefix(partition: Partition) -> [u8; PREFIX_BYTES] {
    let (account, mailbox) = match partition {
        Partition::Server => (0, 0),
        Partition::Account(account) => (account.0, 0),
        Partition::Mailbox(account, mailbox) => (account.0, mailbox.0),
    };
    let mut prefix = [0; PREFIX_BYTES];
    prefix[..8].copy_from_slice(&account.to_be_bytes());
    prefix[8..].copy_from_slice(&mailbox.to_be_bytes());
    prefix
}

pub(super) fn within(partition: Partition, key: &[u8]) -> Vec<u8> {
    [&prefix(partition), key].concat()
}

pub(super) fn version(partition: Partition) -> Vec<u8> {
    within(partition, &[0])
}

/// The beginning of all references of an account, or to one blob of it.
pub(super) fn references(account: AccountId, blob: Option<BlobId>) -> Vec<u8> {
    let mut key = account.0.to_be_bytes().to_vec();
    key.extend(u64::MAX.to_be_bytes());
    key.push(b'r');
    key.extend(blob.iter().flat_map(|blob| blob.0));
    key
}

pub(super) fn reference(of: &Reference) -> [u8; 61] {
    let mut key = [0xff; 61];
    key[..8].copy_from_slice(&of.account.0.to_be_bytes());
    key[16] = b'r';
    key[17..49].copy_from_slice(&of.blob.0);
    key[49..57].copy_from_slice(&of.mailbox.0.to_be_bytes());
    key[57..].copy_from_slice(&of.uid.get().to_be_bytes());
    key
}

pub(super) fn read_reference(key: &[u8]) -> Option<Reference> {
    let account = AccountId(u64::from_be_bytes(key.get(..8)?.try_into().ok()?));
    let blob = BlobId(key.get(17..49)?.try_into().ok()?);
    let mailbox = MailboxId(u64::from_be_bytes(key.get(49..57)?.try_into().ok()?));
    let uid = Uid::new(u32::from_be_bytes(key.get(57..61)?.try_into().ok()?))?;
    Some(Reference { blob, account, mailbox, uid })
}

/// The beginning of the list of blobs that may have no reference any more.
pub(super) fn candidates() -> Vec<u8> {
    [&[0; 8][..], &u64::MAX.to_be_bytes(), b"d"].concat()
}

pub(super) fn candidate(account: AccountId, blob: BlobId) -> Vec<u8> {
    let mut key = candidates();
    key.extend(account.0.to_be_bytes());
    key.extend(blob.0);
    key
}

pub(super) fn read_candidate(key: &[u8]) -> Option<(AccountId, BlobId)> {
    let account = AccountId(u64::from_be_bytes(key.get(17..25)?.try_into().ok()?));
    Some((account, BlobId(key.get(25..57)?.try_into().ok()?)))
}

pub(super) fn chunk(account: AccountId, blob: BlobId, chunk: u32) -> [u8; 44] {
    let mut key = [0; 44];
    key[..8].copy_from_slice(&account.0.to_be_bytes());
    key[8..40].copy_from_slice(&blob.0);
    key[40..].copy_from_slice(&chunk.to_be_bytes());
    key
}

/// The first key that does not begin with `prefix`; none of ours is all 0xff.
pub(super) fn after(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    end
}

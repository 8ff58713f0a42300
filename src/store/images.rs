//! What is read of the store as values: an account's tree, a mailbox's index, its leaves.

use super::account_items::{LISTED, SINGLE};
use super::engine::{Partition, Value};
use super::error::StoreError;
use super::facade::Store;
use super::layout::{self, decode};
use super::model::*;
use crate::types::{AccountId, KeywordTable, MailboxId, Uid};

impl Store {
    /// What is read of a partition that nobody changed meanwhile.
    fn unmoved<T>(
        &self,
        partition: Partition,
        read: impl Fn(Version) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut version = self.reader().version(partition)?;
        loop {
            let found = read(version);
            let after = self.reader().version(partition)?;
            if after == version {
                return found;
            }
            version = after;
        }
    }

    pub fn mailbox_version(&self, a: AccountId, m: MailboxId) -> Result<Version, StoreError> {
        self.reader().version(Partition::Mailbox(a, m))
    }

    pub fn account_version(&self, id: AccountId) -> Result<Version, StoreError> {
        self.reader().version(Partition::Account(id))
    }

    /// An account's tree; empty for an account that has never been used.
    pub fn account_image(&self, id: AccountId) -> Result<AccountImage, StoreError> {
        self.unmoved(Partition::Account(id), |version| self.read_account(id, version))
    }

    fn read_account(&self, id: AccountId, version: Version) -> Result<AccountImage, StoreError> {
        let partition = Partition::Account(id);
        let corrupt = || StoreError::Corrupt(format!("mailbox tree of account {}", id.0));
        let mut image = AccountImage::empty(version);
        for kind in LISTED {
            self.reader().scan(partition, &[kind], &[kind + 1], &mut |key, value| {
                image.add_item(key, &value).ok_or_else(corrupt)
            })?;
        }
        for kind in SINGLE {
            if let Some(value) = self.reader().get(partition, &[kind])? {
                image.set_item(kind, value).ok_or_else(corrupt)?;
            }
        }
        Ok(image)
    }

    pub fn mailbox_header(&self, a: AccountId, m: MailboxId) -> Result<Option<MailboxHeader>, StoreError> {
        let partition = Partition::Mailbox(a, m);
        let Some(value) = self.reader().get(partition, b"h")? else { return Ok(None) };
        decode(|| format!("header of mailbox {}/{}", a.0, m.0), &value, layout::read_header).map(Some)
    }

    /// `None` of a mailbox that is deleted, kept or not.
    pub fn mailbox_image(&self, a: AccountId, m: MailboxId) -> Result<Option<MailboxImage>, StoreError> {
        self.unmoved(Partition::Mailbox(a, m), |version| self.read_mailbox(a, m, version))
    }

    fn read_mailbox(&self, a: AccountId, m: MailboxId, version: Version) -> Result<Option<MailboxImage>, StoreError> {
        let partition = Partition::Mailbox(a, m);
        let Some(header) = self.mailbox_header(a, m)? else { return Ok(None) };
        if self.reader().get(partition, b"z")?.is_some() {
            return Ok(None);
        }
        let what = || format!("index of mailbox {}/{}", a.0, m.0);
        let keywords = self.keywords(a, m)?;
        let mut leaves = Vec::new();
        self.reader().scan(partition, b"d", b"e", &mut |key, value| {
            let no = layout::Cursor(&key[1..]).u32().ok_or_else(|| StoreError::Corrupt(what()))?;
            leaves.push((LeafNo(no), decode(what, &value, layout::read_leaf_entry)?));
            Ok(())
        })?;
        let tail = self.tail(partition, header.uid_next)?;
        let messages: u64 = leaves.iter().map(|(_, entry)| u64::from(entry.messages)).sum();
        match messages == u64::from(header.sums.all().messages) {
            true => Ok(Some(MailboxImage { version, header, keywords, leaves, tail })),
            false => Err(StoreError::Corrupt(what())),
        }
    }

    /// The messages beside the page of the last UID.
    fn tail(&self, partition: Partition, uid_next: u32) -> Result<Tail, StoreError> {
        let last = Uid::new(uid_next.wrapping_sub(1)).unwrap_or(Uid::MIN);
        let low = layout::numbered(b'a', PageNo::of(last).first().get());
        let mut tail = Tail::default();
        self.reader().scan(partition, &low, b"b", &mut |key, _| {
            if let Some(uid) = layout::uid_of(key) {
                tail = if tail.is_empty() { Tail::new(uid, uid) } else { tail.until(uid) };
            }
            Ok(())
        })?;
        Ok(tail)
    }

    pub(super) fn keywords(&self, a: AccountId, m: MailboxId) -> Result<KeywordTable, StoreError> {
        let mut keywords = KeywordTable::default();
        self.reader().scan(Partition::Mailbox(a, m), b"k", b"l", &mut |key, value| {
            let put = layout::read_keyword(key, &value).is_some_and(|(id, keyword)| keywords.put(id, keyword));
            let what = || StoreError::Corrupt(format!("keywords of mailbox {}/{}", a.0, m.0));
            put.then_some(()).ok_or_else(what)
        })?;
        Ok(keywords)
    }

    /// The messages of a leaf by UID, ascending; the two run in parallel.
    pub fn leaf(
        &self,
        a: AccountId,
        m: MailboxId,
        no: LeafNo,
    ) -> Result<(Vec<MessageRecord>, Vec<FlagRecord>), StoreError> {
        let partition = Partition::Mailbox(a, m);
        let pages = (PageNo::of(no.first()).0, PageNo::of(no.last()).0 + 1);
        let what = || format!("messages {} to {} of mailbox {}/{}", no.first(), no.last(), a.0, m.0);
        let (mut records, mut flags) = (Vec::new(), Vec::new());
        let range = |kind| (layout::numbered(kind, pages.0), layout::numbered(kind, pages.1));
        let (low, high) = range(b'r');
        self.reader().scan(partition, &low, &high, &mut |_, value| {
            decode(what, &value, |c| layout::read_records(c, &mut records))
        })?;
        let (low, high) = range(b'v');
        self.reader().scan(partition, &low, &high, &mut |_, value| {
            decode(what, &value, |c| layout::read_flags(c, &mut flags))
        })?;
        let end = no.last().next().map_or(layout::key(b'b'), |next| layout::numbered(b'a', next.get()));
        self.reader().scan(partition, &layout::numbered(b'a', no.first().get()), &end, &mut |_, value| {
            let (record, of) = layout::read_message(&value).ok_or_else(|| StoreError::Corrupt(what()))?;
            records.push(record);
            flags.push(of);
            Ok(())
        })?;
        let parallel = records.len() == flags.len() && records.iter().zip(&flags).all(|(r, f)| r.uid == f.uid);
        match parallel && records.is_sorted_by(|a, b| a.uid < b.uid) {
            true => Ok((records, flags)),
            false => Err(self.corrupt_leaf(a, m, no)),
        }
    }

    pub fn leaf_entry(&self, a: AccountId, m: MailboxId, no: LeafNo) -> Result<Option<LeafEntry>, StoreError> {
        let value = self.reader().get(Partition::Mailbox(a, m), &layout::numbered(b'd', no.0))?;
        let what = || format!("index of mailbox {}/{}", a.0, m.0);
        value.map(|value| decode(what, &value, layout::read_leaf_entry)).transpose()
    }

    /// The error of a leaf whose messages do not agree with its entry.
    pub fn corrupt_leaf(&self, a: AccountId, m: MailboxId, no: LeafNo) -> StoreError {
        let (first, last) = (no.first(), no.last());
        StoreError::Corrupt(format!("messages {first} to {last} of mailbox {}/{}", a.0, m.0))
    }

    /// The summary of one message.
    pub fn structure(&self, a: AccountId, m: MailboxId, uid: Uid) -> Result<Option<Value>, StoreError> {
        self.reader().get(Partition::Mailbox(a, m), &layout::numbered(b't', uid.get()))
    }

    /// The digest of a page, where one is kept.
    pub fn digest(&self, a: AccountId, m: MailboxId, page: PageNo) -> Result<Option<Value>, StoreError> {
        self.reader().get(Partition::Mailbox(a, m), &layout::numbered(b'c', page.0))
    }

    /// The summaries of the messages from `low` to `high`, in order.
    pub fn structures(
        &self,
        a: AccountId,
        m: MailboxId,
        low: Uid,
        high: Uid,
        visit: &mut dyn FnMut(Uid, Value) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let end = high.next().map_or(layout::key(b'u'), |next| layout::numbered(b't', next.get()));
        let start = layout::numbered(b't', low.get());
        self.reader().scan(Partition::Mailbox(a, m), &start, &end, &mut |key, value| {
            let what = || StoreError::Corrupt(format!("a summary of mailbox {}/{}", a.0, m.0));
            visit(layout::uid_of(key).ok_or_else(what)?, value)
        })
    }

    /// Whether a message that was expunged is kept still.
    pub fn is_kept(&self, a: AccountId, m: MailboxId, message: &ExpungedMessage) -> Result<bool, StoreError> {
        Ok(self.reader().get(Partition::Mailbox(a, m), &layout::expunged_key(message))?.is_some())
    }

    /// Messages of a mailbox that were expunged from `since_secs` until before `until_secs` and are kept.
    pub fn expunged(
        &self,
        a: AccountId,
        m: MailboxId,
        since_secs: i64,
        until_secs: i64,
    ) -> Result<Vec<ExpungedMessage>, StoreError> {
        let mut found = Vec::new();
        let bound = |secs: i64| layout::numbered_long(b'e', secs.max(0) as u64);
        self.reader().scan(Partition::Mailbox(a, m), &bound(since_secs), &bound(until_secs), &mut |key, value| {
            let what = || StoreError::Corrupt(format!("an expunged message of mailbox {}/{}", a.0, m.0));
            found.push(layout::read_expunged(key, &value).ok_or_else(what)?);
            Ok(())
        })?;
        Ok(found)
    }
}

//! Verifies what is kept, and repairs what can be rebuilt.
//!
//! For each account: the tree and every mailbox decode; entries and counts agree with the messages; every message's octets are
//! there, those of kept ones too, hash to their name and are referred to, and its summary, where it has one, is not empty; no
//! reference is without its message, no digest without its messages, no annotation without its mailbox or its message; what is
//! remembered of expunged messages names none that is there. The account is checked as it is at one moment, while the daemon
//! goes on.
//!
//! A repair commits what it has rebuilt for a mailbox at once, and only if the mailbox is still as it was read.

use std::collections::{BTreeSet, HashSet};

use super::engine::{Batch, Partition, Reader, Reference, Value};
use super::error::{Stopped, StoreError};
use super::facade::Store;
use super::found::Found;
use super::layout;
use super::model::*;
use crate::types::{AccountId, AccountName, BlobId, InternalDate, MailboxId, MailboxName, Uid};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `None` where it is of no one account.
    pub account: Option<AccountName>,
    pub mailbox: Option<MailboxName>,
    /// A sentence for the admin.
    pub what: String,
    /// Whether a repair can do something about it.
    pub mendable: bool,
    pub repaired: bool,
}

/// What a check has seen.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    pub accounts: u64,
    pub mailboxes: u64,
    pub messages: u64,
    pub bytes: u64,
    pub findings: Vec<Finding>,
    /// What a file of the store has is not what was written there: only while nobody has the store open it can be mended.
    pub broken: bool,
    /// Mailboxes that may be in part as they were earlier (`Store::open_mended`): what is referred to of their messages
    /// is theirs.
    pub doubtful: BTreeSet<(AccountId, MailboxId)>,
}

/// What a parser makes of a message: for what must be rebuilt.
pub struct Described {
    pub structure: Value,
    pub sent_date: Option<InternalDate>,
    pub size: u64,
}

/// Gives the octets of a message piece by piece.
pub type Octets<'a> = &'a dyn Fn(&mut dyn FnMut(&[u8])) -> Result<(), StoreError>;

/// Parses a message.
pub type Describe = fn(Octets<'_>) -> Result<Described, StoreError>;

/// Whether a check may write.
#[derive(Clone, Copy)]
pub enum Mode {
    Verify,
    Repair(Describe),
}

impl Store {
    /// Checks one account; `progress` hears again and again what has been looked at so far, and may stop it. What has been
    /// repaired by then stays so.
    pub fn check_account(
        &self,
        name: &AccountName,
        id: AccountId,
        mode: Mode,
        checked: &mut Checked,
        progress: &mut dyn FnMut(&Checked) -> Result<(), Stopped>,
    ) -> Result<(), StoreError> {
        checked.accounts += 1;
        let store = self.frozen()?;
        let image = match store.account_image(id) {
            Ok(image) => image,
            Err(error) => return Ok(checked.unreadable(name, None, &error)),
        };
        let (seen, expected, unread) = (HashSet::new(), HashSet::new(), HashSet::new());
        let mut check = Check { store: &store, name, id, mode, seen, expected, unread, checked, progress };
        let named = image.nodes.iter().filter_map(|node| Some((&node.name, node.id?, Life::Alive)));
        let deleted = image.deleted.iter().map(|deleted| (&deleted.name, deleted.id, Life::Deleted));
        for (mailbox, id, life) in named.chain(deleted) {
            match check.mailbox(mailbox, id, life) {
                Err(StoreError::Stopped) => return Err(StoreError::Stopped),
                Err(error) => {
                    check.unread.insert(id);
                    check.checked.unreadable(name, Some(mailbox), &error);
                }
                Ok(()) => {}
            }
        }
        match check.annotations(&image).and_then(|()| check.references(&image)) {
            Err(StoreError::Stopped) => Err(StoreError::Stopped),
            Err(error) => Ok(check.checked.unreadable(name, None, &error)),
            Ok(()) => Ok(()),
        }
    }
}

pub(super) fn finding(account: &AccountName, mailbox: Option<&MailboxName>, what: String) -> Finding {
    Finding { account: Some(account.clone()), mailbox: mailbox.cloned(), what, mendable: false, repaired: false }
}

impl Checked {
    fn note(&mut self, error: &StoreError) {
        self.broken |= matches!(error, StoreError::Broken(_));
    }

    /// What an error says of what was to be read.
    pub(super) fn describe(&mut self, error: &StoreError) -> String {
        self.note(error);
        match error {
            StoreError::Broken(how) => format!("a file of the store is damaged: {how}"),
            StoreError::Corrupt(what) => format!("it is not what was stored: {what}"),
            StoreError::Missing(what) => format!("it is lost: {what}"),
            error => error.to_string(),
        }
    }

    /// A part of an account or a mailbox cannot be read.
    fn unreadable(&mut self, account: &AccountName, mailbox: Option<&MailboxName>, error: &StoreError) {
        let what = format!("a part of it cannot be read: {}", self.describe(error));
        self.findings.push(finding(account, mailbox, what));
    }
}

pub(super) struct Check<'a> {
    /// As it was when the check of the account began.
    pub(super) store: &'a Store,
    name: &'a AccountName,
    pub(super) id: AccountId,
    pub(super) mode: Mode,
    /// Blobs whose octets have been found good.
    seen: HashSet<BlobId>,
    expected: HashSet<(BlobId, MailboxId, u32)>,
    /// Mailboxes of which not all messages are known: what refers to octets for them may be right.
    unread: HashSet<MailboxId>,
    pub(super) checked: &'a mut Checked,
    progress: &'a mut dyn FnMut(&Checked) -> Result<(), Stopped>,
}

impl Check<'_> {
    pub(super) fn reader(&self) -> &dyn Reader {
        &**self.store.reader()
    }

    fn mailbox(&mut self, name: &MailboxName, id: MailboxId, life: Life) -> Result<(), StoreError> {
        self.checked.mailboxes += 1;
        (self.progress)(self.checked)?;
        let mut found = self.read(id)?;
        if life == Life::Alive && self.reader().get(found.partition, b"z")?.is_some() {
            found.wrong.push(("it has a name, and says that it is deleted".into(), true));
            found.mend.remove(layout::key(b'z'));
        }
        match self.store.expunged(self.id, id, 0, i64::MAX) {
            Ok(kept) => {
                found.kept_uids = kept.iter().map(|kept| kept.record.uid).collect();
                found.kept = Some((kept.len() as u32, kept.iter().map(|kept| u64::from(kept.record.size)).sum()));
                let references = kept.iter().map(|kept| (kept.record.blob, id, kept.record.uid.get()));
                self.expected.extend(references);
                self.kept(&kept, &mut found)?;
            }
            Err(error) => {
                self.unread.insert(id);
                found.wrong.push((self.checked.describe(&error), false));
            }
        }
        self.rebuild(id, &mut found)?;
        found.tail();
        self.digests(&mut found)?;
        for record in found.records.clone() {
            self.message(id, &record, &mut found)?;
            self.checked.messages += 1;
            self.checked.bytes += u64::from(record.size);
            (self.progress)(self.checked)?;
        }
        self.message_annotations(&mut found)?;
        found.flags();
        found.entries();
        found.header();
        found.vanished(self.store.reader().as_ref())?;
        found.fold();
        self.conclude(name, found);
        Ok(())
    }

    pub(super) fn octets(&self, blob: BlobId, take: &mut dyn FnMut(&[u8])) -> Result<(), StoreError> {
        let (mut reader, mut at) = (self.store.blob(self.id, blob), 0u64);
        loop {
            let piece = reader.read_at(at)?;
            if piece.is_empty() {
                return Ok(());
            }
            take(&piece);
            at += piece.len() as u64;
        }
    }

    /// What is kept has octets; its summary is made when it comes back.
    fn kept(&mut self, kept: &[ExpungedMessage], found: &mut Found) -> Result<(), Stopped> {
        for record in kept.iter().map(|kept| &kept.record) {
            if let Err(what) = self.good_octets(record) {
                found.wrong.push((format!("message UID {}, expunged and kept: {what}", record.uid), false));
            }
            (self.progress)(self.checked)?;
        }
        Ok(())
    }

    fn good_octets(&mut self, record: &MessageRecord) -> Result<(), String> {
        if !self.seen.contains(&record.blob) {
            self.verify(record)?;
            self.seen.insert(record.blob);
        }
        Ok(())
    }

    fn message(&mut self, id: MailboxId, record: &MessageRecord, found: &mut Found) -> Result<(), StoreError> {
        self.expected.insert((record.blob, id, record.uid.get()));
        if let Err(what) = self.good_octets(record) {
            return Ok(found.wrong.push((format!("message UID {}: {what}", record.uid), false)));
        }
        let key = layout::numbered(b't', record.uid.get());
        let summary = self.reader().get(found.partition, &key);
        match &summary {
            Ok(Some(value)) if !value.is_empty() => return Ok(()),
            // It may be on its way, or have been when the server was killed: who asks for it has it made.
            Ok(None) => {}
            unread => {
                if let Err(error) = unread {
                    self.checked.note(error);
                }
                found.wrong.push((format!("message UID {}: its summary cannot be read", record.uid), true));
            }
        }
        if let Mode::Repair(describe) = self.mode {
            let described = describe(&|take| self.octets(record.blob, take))?;
            found.mend.writes.push((key, Some(described.structure)));
        }
        Ok(())
    }

    fn verify(&mut self, record: &MessageRecord) -> Result<(), String> {
        let (mut hasher, mut size) = (blake3::Hasher::new(), 0u64);
        let mut take = |piece: &[u8]| {
            hasher.update(piece);
            size += piece.len() as u64;
        };
        if let Err(error) = self.octets(record.blob, &mut take) {
            let said = self.checked.describe(&error);
            return Err(match error {
                StoreError::Missing(_) => "its octets are lost".into(),
                StoreError::Broken(_) => "its octets are damaged".into(),
                _ => said,
            });
        }
        match size == u64::from(record.size) && hasher.finalize().as_bytes() == &record.blob.0 {
            true => Ok(()),
            false => Err("its octets are not what was stored".into()),
        }
    }

    /// Annotations that cannot be read, or whose message is neither there nor kept.
    fn message_annotations(&self, found: &mut Found) -> Result<(), StoreError> {
        if found.kept.is_none() {
            return Ok(());
        }
        let there = found.records.iter().map(|record| record.uid);
        let live: HashSet<Uid> = there.chain(found.kept_uids.iter().copied()).collect();
        let stray = self.store.stray_message_annotations(found.partition, &live)?;
        if !stray.is_empty() {
            let what = format!("{} annotations of messages cannot be read, or belong to no message", stray.len());
            found.wrong.push((what, true));
            stray.into_iter().for_each(|key| found.mend.remove(key));
        }
        Ok(())
    }

    /// Commits what mends the mailbox, and reports.
    fn conclude(&mut self, name: &MailboxName, found: Found) {
        let mut mended = false;
        if matches!(self.mode, Mode::Repair(_)) && !found.mend.writes.is_empty() {
            mended = self.store.write(vec![found.mend], Durability::Synced).is_ok();
        }
        for (what, can_be_mended) in found.wrong {
            let repaired = mended && can_be_mended;
            self.checked.findings.push(Finding {
                repaired,
                mendable: can_be_mended,
                ..finding(self.name, Some(name), what)
            });
        }
    }

    /// Annotations that belong to nothing.
    fn annotations(&mut self, image: &AccountImage) -> Result<(), StoreError> {
        let stray = self.store.stray_annotations(self.id, image)?;
        if stray.is_empty() {
            return Ok(());
        }
        let what = format!("{} annotations cannot be read, or belong to no mailbox", stray.len());
        let mut found = Finding { mendable: true, ..finding(self.name, None, what) };
        if matches!(self.mode, Mode::Repair(_)) {
            let mut batch = Batch::new(Partition::Account(self.id), image.version);
            stray.into_iter().for_each(|key| batch.remove(key));
            found.repaired = self.store.write(vec![batch], Durability::Synced).is_ok();
        }
        self.checked.findings.push(found);
        Ok(())
    }

    /// References without a message, and messages without a reference.
    fn references(&mut self, image: &AccountImage) -> Result<(), StoreError> {
        let mut missing = std::mem::take(&mut self.expected);
        let mut stray: Vec<Reference> = Vec::new();
        let live: HashSet<MailboxId> = image.mailboxes().collect();
        self.store.reader().references(self.id, &mut |reference| {
            (self.progress)(self.checked)?;
            let known = missing.remove(&(reference.blob, reference.mailbox, reference.uid.get()));
            if !known && live.contains(&reference.mailbox) && !self.unread.contains(&reference.mailbox) {
                stray.push(reference);
            }
            Ok(())
        })?;
        // A message whose octets are lost is named as such, and keeps no other from its reference.
        missing.retain(|(blob, _, _)| !matches!(self.reader().read_chunk(self.id, *blob, 0), Ok(None)));
        if missing.is_empty() && stray.is_empty() {
            return Ok(());
        }
        let what =
            format!("{} messages without a reference, {} references without a message", missing.len(), stray.len());
        let mut found = Finding { mendable: true, ..finding(self.name, None, what) };
        if matches!(self.mode, Mode::Repair(_)) {
            let mut batch = Batch::new(Partition::Account(self.id), image.version);
            let refer = |&(blob, mailbox, uid): &(BlobId, MailboxId, u32)| {
                Some(Reference { blob, account: self.id, mailbox, uid: Uid::new(uid)? })
            };
            batch.added = missing.iter().filter_map(refer).collect();
            batch.removed = stray;
            found.repaired = self.store.write(vec![batch], Durability::Synced).is_ok();
        }
        self.checked.findings.push(found);
        Ok(())
    }
}

//! Doubtful partitions are made such that nobody takes them for what they were.
//!
//! Something newer of them is lost, so that older values have come forth: a message that was expunged, a name that was another's,
//! numbers that have been given out. So
//!
//! 1. a mailbox gets a new UIDVALIDITY: what a client remembers of it is of another mailbox;
//! 2. no number of an account, of a mailbox or of an alert is given out again that is in use anywhere in the store;
//! 3. mailboxes and accounts that have lost their names get others, `Recovered-N` and `recovered-N`;
//! 4. a partition's version is one that it never had: no copy takes it for the one that it holds.
//!
//! Done on the engine's tables, before anybody opens the store.

use std::collections::BTreeSet;
use std::ops::Bound;

use fjall::{OwnedWriteBatch, PersistMode};

use super::doubtful::{self, Doubtful, Prefix};
use super::engine::{Partition, Value};
use super::error::StoreError;
use super::keys::{self, PREFIX_BYTES};
use super::layout::{self, Cursor};
use super::model::MailboxNode;
use super::ordered::read_version;
use super::tables::{Tables, engine, unbroken};
use crate::types::{AccountId, MailboxId, MailboxName, UidValidity};

/// No partition is committed to so often between a backup and the damage.
const VERSIONS_AHEAD: u64 = 1 << 32;

/// Renews what is doubtful; which partitions that were.
pub(super) fn renew(tables: &Tables, doubtful: &Doubtful, now_secs: u32) -> Result<Vec<Partition>, StoreError> {
    let found = doubtful.ranges().iter().map(|(low, high)| partitions(tables, *low, *high));
    let mut found: BTreeSet<Partition> = found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    // An account knows the UIDVALIDITY that the last of its mailboxes got.
    let accounts: Vec<AccountId> = doubtful::mailboxes(&found.iter().copied().collect::<Vec<_>>())
        .into_iter()
        .map(|(account, _)| account)
        .collect();
    let named: BTreeSet<Partition> = found.clone();
    found.extend(accounts.into_iter().map(Partition::Account));
    let mut renewal = Renewal { tables, now_secs, batch: tables.db.batch() };
    for partition in &found {
        match *partition {
            Partition::Server => renewal.server()?,
            Partition::Account(account) => renewal.account(account, doubtful)?,
            Partition::Mailbox(account, mailbox) => renewal.mailbox(account, mailbox)?,
        }
        renewal.version(*partition)?;
    }
    renewal.batch.durability(Some(PersistMode::SyncAll)).commit().map_err(engine)?;
    Ok(named.into_iter().collect())
}

/// The partitions that have keys, between two prefixes.
fn partitions(tables: &Tables, low: Prefix, high: Prefix) -> Result<Vec<Partition>, StoreError> {
    let (mut found, mut from) = (Vec::new(), low);
    while let Some(prefix) = first(tables, &from)?.filter(|prefix| *prefix <= high) {
        found.extend(doubtful::partition(&prefix));
        match u128::from_be_bytes(prefix).checked_add(1) {
            Some(next) => from = next.to_be_bytes(),
            None => break,
        }
    }
    Ok(found)
}

/// The prefix of the first key from `from` on.
fn first(tables: &Tables, from: &Prefix) -> Result<Option<Prefix>, StoreError> {
    let range = (Bound::Included(from.to_vec()), Bound::Unbounded);
    let key = unbroken(|| tables.index.range(range).next().map(|entry| entry.key().map_err(engine)).transpose())?;
    Ok(key.and_then(|key| key.first_chunk::<PREFIX_BYTES>().copied()))
}

struct Renewal<'a> {
    tables: &'a Tables,
    now_secs: u32,
    batch: OwnedWriteBatch,
}

impl Renewal<'_> {
    fn get(&self, partition: Partition, key: &[u8]) -> Result<Option<Value>, StoreError> {
        unbroken(|| self.tables.index.get(keys::within(partition, key)).map_err(engine))
    }

    fn put(&mut self, partition: Partition, key: &[u8], value: Vec<u8>) {
        self.batch.insert(&self.tables.index, keys::within(partition, key), value);
    }

    fn scan(&self, partition: Partition, kind: u8) -> Result<Vec<(Vec<u8>, Value)>, StoreError> {
        let mut entries = self.tables.index.prefix(keys::within(partition, &[kind]));
        let mut next = || unbroken(|| entries.next().map(|entry| entry.into_inner().map_err(engine)).transpose());
        let mut found = Vec::new();
        while let Some((key, value)) = next()? {
            found.push((key[PREFIX_BYTES..].to_vec(), value));
        }
        Ok(found)
    }

    fn number(&self, partition: Partition, key: &[u8]) -> Result<u64, StoreError> {
        Ok(self.get(partition, key)?.and_then(|value| Cursor(&value).u64()).unwrap_or(0))
    }

    fn version(&mut self, partition: Partition) -> Result<(), StoreError> {
        let version =
            self.get(partition, &[0])?.map_or(Ok(0), |value| read_version(&value).map(|version| version.0))?;
        self.put(partition, &[0], (version + VERSIONS_AHEAD).to_be_bytes().to_vec());
        Ok(())
    }

    fn server(&mut self) -> Result<(), StoreError> {
        let names = self.scan(Partition::Server, b'a')?;
        let known: BTreeSet<u64> = names.iter().filter_map(|(_, value)| Cursor(value).u64()).collect();
        let (mut highest, mut from) = (0, keys::prefix(Partition::Account(AccountId(1))));
        while let Some(prefix) = first(self.tables, &from)? {
            let account = Cursor(&prefix).u64().unwrap_or(u64::MAX);
            let partition = Partition::Account(AccountId(account));
            if !known.contains(&account) && self.get(partition, b"z")?.is_none() {
                self.put(
                    Partition::Server,
                    format!("arecovered-{account}").as_bytes(),
                    account.to_be_bytes().to_vec(),
                );
            }
            highest = account;
            from = match account.checked_add(1) {
                Some(next) => keys::prefix(Partition::Account(AccountId(next))),
                None => break,
            };
        }
        let next = self.number(Partition::Server, b"i")?.max(highest.saturating_add(1)).max(1);
        self.put(Partition::Server, b"i", next.to_be_bytes().to_vec());
        let alerts = self.scan(Partition::Server, b'w')?;
        let last = alerts.iter().filter_map(|(key, _)| Cursor(key.get(1..)?).u64()).max().unwrap_or(0);
        let last = self.number(Partition::Server, b"j")?.max(last);
        self.put(Partition::Server, b"j", last.to_be_bytes().to_vec());
        Ok(())
    }

    fn account(&mut self, account: AccountId, doubtful: &Doubtful) -> Result<(), StoreError> {
        let partition = Partition::Account(account);
        if self.get(partition, b"z")?.is_some() {
            return Ok(());
        }
        let (low, high) =
            (Partition::Mailbox(account, MailboxId(1)), Partition::Mailbox(account, MailboxId(u64::MAX - 1)));
        let of_account = partitions(self.tables, keys::prefix(low), keys::prefix(high))?;
        let mailboxes: Vec<MailboxId> =
            doubtful::mailboxes(&of_account).into_iter().map(|(_, mailbox)| mailbox).collect();
        let counters = self.get(partition, b"c")?;
        let mut counters = Cursor(counters.as_deref().unwrap_or_default());
        let (next, last) = (counters.u64().unwrap_or(1), counters.u32().unwrap_or(0));
        let next = mailboxes.last().map_or(next, |highest| next.max(highest.0 + 1));
        let mut last = last.max(self.now_secs);
        let mut unnamed = self.named(partition)?;
        for mailbox in &mailboxes {
            let header = self.get(Partition::Mailbox(account, *mailbox), b"h")?;
            let Some(validity) = header.and_then(|header| Cursor(&header).u32()) else {
                unnamed.insert(mailbox.0);
                continue;
            };
            last = last.max(validity.saturating_add(1));
        }
        self.put(partition, b"c", [&next.to_be_bytes()[..], &last.to_be_bytes()].concat());
        if doubtful.has(partition) {
            for mailbox in mailboxes.iter().filter(|mailbox| !unnamed.contains(&mailbox.0)) {
                if self.get(Partition::Mailbox(account, *mailbox), b"z")?.is_none() {
                    self.name(partition, *mailbox);
                }
            }
        }
        Ok(())
    }

    /// The mailboxes that have names, or are deleted.
    fn named(&self, partition: Partition) -> Result<BTreeSet<u64>, StoreError> {
        let mut found = BTreeSet::new();
        found.extend(self.scan(partition, b'n')?.iter().filter_map(|(_, value)| Cursor(value).u64()));
        for kind in *b"gp" {
            found.extend(self.scan(partition, kind)?.iter().filter_map(|(key, _)| Cursor(key.get(1..)?).u64()));
        }
        Ok(found)
    }

    fn name(&mut self, partition: Partition, mailbox: MailboxId) {
        let name = format!("Recovered-{}", mailbox.0);
        if let Ok(name) = MailboxName::new(&name) {
            let node = MailboxNode { name: name.clone(), id: Some(mailbox), special_use: Vec::new() };
            self.put(partition, &layout::named(b'n', name.as_str()), layout::node(&node));
        }
    }

    fn mailbox(&mut self, account: AccountId, mailbox: MailboxId) -> Result<(), StoreError> {
        let partition = Partition::Mailbox(account, mailbox);
        let Some(value) = self.get(partition, b"h")? else { return Ok(()) };
        let Some(mut header) = layout::read_header(&mut Cursor(&value)) else { return Ok(()) };
        let validity = header.uid_validity.get().saturating_add(1).max(self.now_secs);
        header.uid_validity = UidValidity::new(validity).unwrap_or(header.uid_validity);
        self.put(partition, b"h", layout::header(&header));
        Ok(())
    }
}

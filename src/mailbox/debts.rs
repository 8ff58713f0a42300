//! Which summaries are owed to which mailbox, and in which order they are written.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::mailbox::Mailbox;
use super::new_summary::Due;
use crate::store::Value;
use crate::types::{AccountId, MailboxId, Uid};

/// Summaries of one commit.
const STEP: usize = 256;

pub(super) type Key = (AccountId, MailboxId);

/// What is written next, of one mailbox.
pub(super) type Step = (Arc<Mailbox>, Vec<(Uid, Due)>);

#[derive(Default)]
pub(super) struct Debts {
    /// By mailbox. What waits stays until it has been written.
    debts: BTreeMap<Key, Debt>,
    /// Which mailbox was served last: the next is the one behind it.
    served: Option<Key>,
    bytes: usize,
}

struct Debt {
    mailbox: Arc<Mailbox>,
    due: BTreeMap<Uid, Due>,
}

impl Debts {
    /// Octets that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.debts.is_empty()
    }

    pub(super) fn get(&self, mailbox: Key, uid: Uid) -> Option<&Due> {
        self.debts.get(&mailbox)?.due.get(&uid)
    }

    pub(super) fn add(&mut self, mailbox: &Arc<Mailbox>, uid: Uid, due: Due) {
        let new = || Debt { mailbox: mailbox.clone(), due: BTreeMap::new() };
        let debt = self.debts.entry(mailbox.key()).or_insert_with(new);
        self.bytes += due.bytes();
        if let Some(before) = debt.due.insert(uid, due) {
            self.bytes -= before.bytes();
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Key, Uid)> {
        self.debts.iter().flat_map(|(key, debt)| debt.due.keys().map(|uid| (*key, *uid)))
    }

    /// The first that wait for the mailbox whose turn it is.
    pub(super) fn next(&mut self) -> Option<Step> {
        let behind = self.served.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.debts.range((behind, Bound::Unbounded)).next().or_else(|| self.debts.first_key_value());
        let (key, debt) = next?;
        let due = debt.due.iter().take(STEP).map(|(uid, due)| (*uid, due.clone())).collect();
        self.served = Some(*key);
        Some((debt.mailbox.clone(), due))
    }

    /// That has been written, or cannot be.
    pub(super) fn strike(&mut self, key: Key, written: &[(Uid, Due)]) {
        let Some(debt) = self.debts.get_mut(&key) else { return };
        for due in written.iter().filter_map(|(uid, _)| debt.due.remove(uid)) {
            self.bytes -= due.bytes();
        }
        if debt.due.is_empty() {
            self.debts.remove(&key);
        }
    }

    /// What has been made of a message meanwhile: whoever asks next, or writes it, does not make it again.
    pub(super) fn learn(&mut self, mailbox: Key, uid: Uid, summary: &Value) {
        let due = self.debts.get_mut(&mailbox).and_then(|debt| debt.due.get_mut(&uid));
        if let Some(due @ Due::Of(_)) = due {
            self.bytes = self.bytes - due.bytes() + summary.len();
            *due = Due::Made(summary.clone());
        }
    }
}

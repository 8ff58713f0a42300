//! Quotas: what an account has, and what it may have.            RFC 9208; RFC 2087
//!
//! An account is a quota root of its own. Its usage is the sum of its mailboxes' headers, which every commit keeps right,
//! so that it is exact after any crash; it is summed up when it is first asked for, and kept up with each commit then, of
//! this server and of others. Messages that are on their way at the same moment, here or there, do not know of each other:
//! together they may go beyond what there may be.
//!
//! Annotations do not count. RFC 5257 leaves it open, RFC 9208 5.4 has a resource of its own for those of messages; Cyrus counts
//! them in that alone, Dovecot's quotas know nothing but mail. Some in a mailbox are other users' own: counted, they would
//! let them use up what its owner may have. What bounds them is `AnnotationLimits`.

use std::collections::HashMap;

use parking_lot::RwLock;

use super::account::Account;
use super::error::{MailboxError, Refusal};
use super::locks::{SuspectedMailboxes, UsageLock};
use super::planning::Plan;
use super::tree::Tree;
use crate::store::{AccountChange, AlertScope, MailboxHeader, QuotaLimits, StoreError};
use crate::types::MailboxId;

/// From here on the user is warned.
const WARN_PERCENT: u64 = 90;

/// What the configuration says of quotas; another one may come while the server runs.
#[derive(Clone, Debug, Default)]
pub struct QuotaPolicy {
    /// Where nothing nearer says otherwise.
    pub all: QuotaLimits,
    /// By domain, in small letters.
    pub domains: HashMap<String, QuotaLimits>,
    pub counts_expunged: bool,
}

pub(super) type Policy = RwLock<QuotaPolicy>;

/// What mailboxes have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    bytes: u64,
    messages: u64,
    kept_bytes: u64,
    kept_messages: u64,
}

impl Sums {
    fn of(header: &MailboxHeader) -> Sums {
        let all = header.sums.all();
        Sums {
            bytes: all.bytes,
            messages: all.messages.into(),
            kept_bytes: header.kept_bytes,
            kept_messages: header.kept_messages.into(),
        }
    }

    /// Of a mailbox that is deleted and kept.
    fn of_deleted(header: &MailboxHeader) -> Sums {
        let Sums { bytes, messages, kept_bytes, kept_messages } = Sums::of(header);
        Sums { bytes: 0, messages: 0, kept_bytes: kept_bytes + bytes, kept_messages: kept_messages + messages }
    }

    fn add(&mut self, other: &Sums) {
        self.bytes += other.bytes;
        self.messages += other.messages;
        self.kept_bytes += other.kept_bytes;
        self.kept_messages += other.kept_messages;
    }

    fn remove(&mut self, other: &Sums) {
        self.bytes -= other.bytes;
        self.messages -= other.messages;
        self.kept_bytes -= other.kept_bytes;
        self.kept_messages -= other.kept_messages;
    }
}

/// What each mailbox of an account has, and all of them.
#[derive(Default)]
pub(super) struct Summed {
    all: Sums,
    by_mailbox: HashMap<MailboxId, Sums>,
}

impl Summed {
    fn set(&mut self, id: MailboxId, sums: Sums) {
        self.all.add(&sums);
        if let Some(before) = self.by_mailbox.insert(id, sums) {
            self.all.remove(&before);
        }
    }
}

/// The sums of an account; nothing until somebody asks.
///
/// Invariant: a mailbox of which they may be old is suspected. Who is told by another server's hint that a mailbox has changed,
/// or publishes what another server may have gone beyond, says so, and who asks for the sums reads it anew.
#[derive(Default)]
pub(super) struct Usage {
    summed: UsageLock,
    suspected: SuspectedMailboxes,
}

impl Usage {
    /// Publishes a mailbox's new state; nobody sums up meanwhile.
    pub(super) fn change(&self, id: MailboxId, after: &MailboxHeader, publish: impl FnOnce()) {
        let mut summed = self.summed.lock();
        publish();
        if let Some(summed) = &mut *summed {
            summed.set(id, Sums::of(after));
        }
    }

    /// Another server may have changed a mailbox.
    pub(super) fn suspect(&self, id: MailboxId) {
        self.suspected.lock().insert(id);
    }

    /// Mailboxes have come or gone: it is summed up anew.
    pub(super) fn forget(&self) {
        *self.summed.lock() = None;
    }
}

/// One resource of a quota root. RFC 9208 5
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    pub used: u64,
    /// `None` where there is no limit.
    pub limit: Option<u64>,
}

/// Usage and limits of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// In octets.
    pub storage: Resource,
    pub messages: Resource,
    pub mailboxes: Resource,
}

impl Account {
    pub fn quota(&self) -> Result<Quota, StoreError> {
        let (sums, limits, counts) = (self.sums()?, self.limits(), self.shared.quota.read().counts_expunged);
        let limit = |limit: Option<u64>| limit.filter(|limit| *limit != 0);
        let kept = if counts { (sums.kept_bytes, sums.kept_messages) } else { (0, 0) };
        Ok(Quota {
            storage: Resource { used: sums.bytes + kept.0, limit: limit(limits.storage_bytes) },
            messages: Resource { used: sums.messages + kept.1, limit: limit(limits.messages) },
            mailboxes: Resource { used: self.tree().mailbox_count() as u64, limit: limit(limits.mailboxes) },
        })
    }

    /// Whether messages of so many octets may come. Costs nothing where there is no limit.
    pub fn check_quota(&self, messages: u64, bytes: u64) -> Result<(), MailboxError> {
        let limits = self.limits();
        let unlimited = |limit: Option<u64>| limit.is_none_or(|limit| limit == 0);
        if unlimited(limits.storage_bytes) && unlimited(limits.messages) {
            return Ok(());
        }
        let quota = self.quota()?;
        let over = |of: Resource, more: u64| of.limit.is_some_and(|limit| of.used.saturating_add(more) > limit);
        if over(quota.storage, bytes) || over(quota.messages, messages) {
            return Err(Refusal::OverQuota.into());
        }
        for (resource, more) in [(quota.storage, bytes), (quota.messages, messages)] {
            self.warn(resource, more)?;
        }
        Ok(())
    }

    /// As `check_quota`, for a message in the place of one of the account's own: only what it has more is counted, unless
    /// what is expunged counts as long as it is kept. RFC 8508 3.4
    pub fn check_quota_replacing(&self, before: u64, bytes: u64) -> Result<(), MailboxError> {
        let still_counts = self.shared.quota.read().counts_expunged && self.shared.limits.keep_expunged_secs > 0;
        match still_counts {
            true => self.check_quota(1, bytes),
            false if bytes > before => self.check_quota(0, bytes - before),
            false => Ok(()),
        }
    }

    /// Posts an alert when a resource passes `WARN_PERCENT` of its limit.
    fn warn(&self, of: Resource, more: u64) -> Result<(), MailboxError> {
        let percent = |used: u64| of.limit.map_or(0, |limit| used.saturating_mul(100) / limit);
        if percent(of.used) < WARN_PERCENT && percent(of.used + more) >= WARN_PERCENT {
            let text = format!("Your mail takes {}% of what it may; delete some messages", percent(of.used + more));
            let scope = AlertScope::Account(self.name().clone());
            self.shared.alerts.post(&self.shared.store, scope, &text)?;
        }
        Ok(())
    }

    /// The account's own limits, its domain's, or those of all.
    fn limits(&self) -> QuotaLimits {
        let policy = self.shared.quota.read();
        let domain = self.name().domain().and_then(|domain| policy.domains.get(domain)).copied().unwrap_or_default();
        self.tree().quota().or(domain).or(policy.all)
    }

    /// Mailboxes that the account may have by its quota.
    pub(super) fn mailboxes_limit(&self) -> Option<u64> {
        self.limits().mailboxes.filter(|limit| *limit != 0)
    }

    /// Sets the account's own limits.
    pub fn set_quota(&self, limits: QuotaLimits) -> Result<(), MailboxError> {
        self.change_quota(|_| limits)
    }

    /// Sets some of the account's own limits, given those that it has.
    pub fn change_quota(&self, change: impl Fn(QuotaLimits) -> QuotaLimits) -> Result<(), MailboxError> {
        self.change(|tree| {
            let changes = vec![AccountChange::Quota(change(tree.quota()))];
            Ok(Plan { changes, ..Plan::default() })
        })
    }

    /// Sums up anew.
    pub fn recount(&self) -> Result<Quota, StoreError> {
        self.usage.forget();
        self.quota()
    }

    fn sums(&self) -> Result<Sums, StoreError> {
        let tree = self.tree();
        let mut held = self.usage.summed.lock();
        // What is suspected from here on is for whoever asks next.
        let suspected = std::mem::take(&mut *self.usage.suspected.lock());
        let summed = match held.take() {
            Some(summed) if suspected.is_empty() => summed,
            Some(mut summed) => {
                let known: Vec<MailboxId> =
                    suspected.into_iter().filter(|id| summed.by_mailbox.contains_key(id)).collect();
                self.sum_up(&tree, known.into_iter(), &mut summed)?;
                summed
            }
            None => {
                let mut summed = Summed::default();
                let named = tree.nodes().filter_map(|(_, node)| node.id);
                self.sum_up(&tree, named.chain(tree.deleted().values().map(|deleted| deleted.id)), &mut summed)?;
                summed
            }
        };
        let all = summed.all;
        *held = Some(summed);
        Ok(all)
    }

    /// Reads what these mailboxes have.
    fn sum_up(
        &self,
        tree: &Tree,
        mailboxes: impl Iterator<Item = MailboxId>,
        summed: &mut Summed,
    ) -> Result<(), StoreError> {
        for id in mailboxes {
            let sums = match tree.deleted().contains_key(&id) {
                true => self.shared.store.mailbox_header(self.id, id)?.as_ref().map(Sums::of_deleted),
                false => self.mailbox_of(id).header_now()?.as_ref().map(Sums::of),
            };
            summed.set(id, sums.unwrap_or_default());
        }
        Ok(())
    }
}

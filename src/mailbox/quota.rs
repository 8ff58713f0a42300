//! Quotas: what an account has, and what it may have.            RFC 9208; RFC 2087
//!
//! An account is a quota root of its own. Its usage is the sum of its mailboxes' headers, which every commit keeps right,
//! so that it is exact after any crash; it is summed up when it is first asked for, and kept up with each commit then.

use std::collections::HashMap;

use parking_lot::{Mutex, RwLock};

use super::account::Account;
use super::error::{MailboxError, Refusal};
use super::tree::Plan;
use crate::store::{AccountChange, AlertScope, MailboxHeader, QuotaLimits, StoreError};

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

/// Sums over the mailboxes of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    bytes: u64,
    messages: u64,
    kept_bytes: u64,
    kept_messages: u64,
}

impl Sums {
    fn add(&mut self, header: &MailboxHeader) {
        let all = header.sums.all();
        self.bytes += all.bytes;
        self.messages += u64::from(all.messages);
        self.kept_bytes += header.kept_bytes;
        self.kept_messages += u64::from(header.kept_messages);
    }

    fn remove(&mut self, header: &MailboxHeader) {
        let all = header.sums.all();
        self.bytes = self.bytes.saturating_sub(all.bytes);
        self.messages = self.messages.saturating_sub(all.messages.into());
        self.kept_bytes = self.kept_bytes.saturating_sub(header.kept_bytes);
        self.kept_messages = self.kept_messages.saturating_sub(header.kept_messages.into());
    }
}

/// The sums of an account; nothing until somebody asks.
#[derive(Default)]
pub(super) struct Usage(Mutex<Option<Sums>>);

impl Usage {
    /// Publishes a mailbox's new state; nobody sums up meanwhile.
    pub(super) fn change(&self, before: Option<MailboxHeader>, after: &MailboxHeader, publish: impl FnOnce()) {
        let mut sums = self.0.lock();
        publish();
        match (&mut *sums, before) {
            (Some(sums), Some(before)) => {
                sums.add(after);
                sums.remove(&before);
            }
            (sums, _) => *sums = None,
        }
    }

    /// Mailboxes have come or gone: it is summed up anew.
    pub(super) fn forget(&self) {
        *self.0.lock() = None;
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
        self.change(|_| Ok(Plan { changes: vec![AccountChange::Quota(limits)], ..Plan::default() }))
    }

    /// The account's own limits, as set.
    pub fn own_quota(&self) -> QuotaLimits {
        self.tree().quota()
    }

    /// Sums up anew.
    pub fn recount(&self) -> Result<Quota, StoreError> {
        self.usage.forget();
        self.quota()
    }

    fn sums(&self) -> Result<Sums, StoreError> {
        let tree = self.tree();
        let mut held = self.usage.0.lock();
        if let Some(sums) = *held {
            return Ok(sums);
        }
        let mut sums = Sums::default();
        for id in tree.nodes().filter_map(|(_, node)| node.id) {
            if let Some(header) = self.mailbox_of(id).header_now()? {
                sums.add(&header);
            }
        }
        for deleted in tree.deleted().values() {
            if let Some(header) = self.shared.store.mailbox_header(self.id, deleted.id)? {
                let all = header.sums.all();
                sums.kept_bytes += all.bytes + header.kept_bytes;
                sums.kept_messages += u64::from(all.messages) + u64::from(header.kept_messages);
            }
        }
        *held = Some(sums);
        Ok(sums)
    }
}

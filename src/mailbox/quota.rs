//! Quotas: what an account has, and what it may have.            RFC 9208; RFC 2087
//!
//! An account is a quota root of its own. Its usage is the sum of its mailboxes' headers, which every commit keeps right,
//! so that it is exact after any crash; it is summed up when it is first asked for, and kept up with each commit then, of
//! this server and of others. Messages that are on their way at the same moment on two servers do not know of each other:
//! together they may go beyond what there may be. A commit's guard would only tell where they go to one mailbox; for several
//! each APPEND would have to write a key of the account's as well, and all servers would wait for each other there.
//!
//! Annotations do not count. RFC 5257 leaves it open, RFC 9208 5.4 has a resource of its own for those of messages; Cyrus counts
//! them in that alone, Dovecot's quotas know nothing but mail. Some in a mailbox are other users' own: counted, they would
//! let them use up what its owner may have. What bounds them is `AnnotationLimits`.

use std::collections::HashMap;

use parking_lot::RwLock;

use super::account::Account;
use super::error::{MailboxError, Refusal};
use super::planning::Plan;
use super::tree::Tree;
use super::usage::{Need, Room, Summed, Sums, UsageState};
use crate::store::{AccountChange, AlertScope, QuotaLimits, StoreError};
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
        self.tree();
        let used = self.used(&mut self.usage.lock())?;
        Ok(self.quota_of(used, self.limits()))
    }

    fn quota_of(&self, used: Need, limits: QuotaLimits) -> Quota {
        let limit = |limit: Option<u64>| limit.filter(|limit| *limit != 0);
        Quota {
            storage: Resource { used: used.bytes, limit: limit(limits.storage_bytes) },
            messages: Resource { used: used.messages, limit: limit(limits.messages) },
            mailboxes: Resource { used: self.tree().mailbox_count() as u64, limit: limit(limits.mailboxes) },
        }
    }

    /// Room for messages of so many octets, until it is dropped: when they have been committed, or do not come. Costs
    /// nothing, and is none, where there is no limit.
    pub fn take_room(&self, messages: u64, bytes: u64) -> Result<Option<Room<'_>>, MailboxError> {
        let limits = self.limits();
        let unlimited = |limit: Option<u64>| limit.is_none_or(|limit| limit == 0);
        if unlimited(limits.storage_bytes) && unlimited(limits.messages) {
            return Ok(None);
        }
        // What is not needed has room.
        let within =
            |all: u64, more: u64, limit| more == 0 || unlimited(limit) || limit.is_some_and(|limit| all <= limit);
        let fits = |all: Need| {
            within(all.bytes, bytes, limits.storage_bytes) && within(all.messages, messages, limits.messages)
        };
        let room = self.usage.take_room(Need { messages, bytes }, |state| self.used(state), fits)?;
        let room = room.ok_or(Refusal::OverQuota)?;
        let quota = self.quota_of(room.before(), limits);
        for (resource, more) in [(quota.storage, bytes), (quota.messages, messages)] {
            self.warn(resource, more)?;
        }
        Ok(Some(room))
    }

    /// As `take_room`, for a message in the place of one of the account's own: only what it has more is counted, unless
    /// what is expunged counts as long as it is kept. RFC 8508 3.4
    pub fn take_room_replacing(&self, before: u64, bytes: u64) -> Result<Option<Room<'_>>, MailboxError> {
        let still_counts = self.shared.quota.read().counts_expunged && self.shared.limits.keep_expunged_secs > 0;
        match still_counts {
            true => self.take_room(1, bytes),
            false if bytes > before => self.take_room(0, bytes - before),
            false => Ok(None),
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

    /// What counts. The caller has looked whether the tree is another, before the lock.
    fn used(&self, state: &mut UsageState) -> Result<Need, StoreError> {
        // As it is here, and no older than what has been forgotten for it.
        let tree = self.tree.read().clone();
        let suspected = self.usage.take_suspected();
        // Where it fails nothing is known.
        let summed = match state.summed.take() {
            Some(mut summed) => {
                let known: Vec<MailboxId> = suspected.filter(|id| summed.knows(*id)).collect();
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
        let Sums { bytes, messages, kept_bytes, kept_messages } = summed.all;
        state.summed = Some(summed);
        let kept = match self.shared.quota.read().counts_expunged {
            true => Need { messages: kept_messages, bytes: kept_bytes },
            false => Need::default(),
        };
        Ok(Need { messages, bytes }.and(kept))
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

//! The accounts that are in use.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::RwLock;

use super::account::Account;
use super::alerts::Alerts;
use super::annotation_watch::AnnotationFeed;
use super::annotations::AnnotationLimits;
use super::error::MailboxError;
use super::locks::{AccountTable, MailboxPolicyLock};
use super::others::Others;
use super::owed::Owed;
use super::quota::{Policy, QuotaPolicy};
use super::server_annotations::ServerAnnotations;
use super::summary_cache::SummaryCache;
use crate::store::{Partition, Store, StoreError};
use crate::types::{AccountId, AccountName};

/// Bounds that the configuration sets.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Mailboxes, and subscriptions, of one account.
    pub mailboxes_max: usize,
    /// Keywords of one mailbox.
    pub keywords_max: usize,
    /// Octets of one message.
    pub message_bytes_max: u32,
    /// Octets of summaries kept in memory for all mailboxes together.
    pub summary_cache_bytes: u64,
    /// How long expunged messages and deleted mailboxes are kept; 0 for not at all.
    pub keep_expunged_secs: u64,
    /// Where messages are that are being encrypted.
    pub spool_directory: PathBuf,
    pub annotations: AnnotationLimits,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            mailboxes_max: 10_000,
            keywords_max: 10_000,
            message_bytes_max: 256 << 20,
            summary_cache_bytes: 256 << 20,
            keep_expunged_secs: 7 * 86_400,
            spool_directory: std::env::temp_dir(),
            annotations: AnnotationLimits::default(),
        }
    }
}

/// What every account and mailbox needs.
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) summaries: Arc<SummaryCache>,
    pub(super) limits: Limits,
    pub(super) quota: Policy,
    pub(super) alerts: Alerts,
    pub(super) policy: MailboxPolicyLock,
    pub(super) annotation_feed: AnnotationFeed,
    pub(super) server_annotations: ServerAnnotations,
    pub(super) others: Arc<Others>,
    pub(super) owed: Arc<Owed>,
}

pub struct Manager {
    shared: Arc<Shared>,
    accounts: AccountTable,
}

impl Manager {
    pub fn new(store: Store, limits: Limits) -> Manager {
        let summaries = Arc::new(SummaryCache::new(limits.summary_cache_bytes));
        let (quota, alerts, policy, annotation_feed, server_annotations, others, owed) = Default::default();
        let shared = Shared {
            store,
            summaries,
            limits,
            quota,
            alerts,
            policy,
            annotation_feed,
            server_annotations,
            others,
            owed,
        };
        Manager { shared: Arc::new(shared), accounts: RwLock::new(HashMap::new()) }
    }

    pub fn set_quota_policy(&self, policy: QuotaPolicy) {
        *self.shared.quota.write() = policy;
    }

    /// The account of a user who has logged in; made where there is none yet.
    pub fn account(&self, name: &AccountName) -> Result<Arc<Account>, MailboxError> {
        if let Some(account) = self.account_in_use(name) {
            return Ok(account);
        }
        self.living(name)?;
        let mut accounts = self.accounts.write();
        if let Some(account) = accounts.get(name) {
            return Ok(account.clone());
        }
        let id = match self.shared.store.account(name)? {
            Some(id) => id,
            None => self.shared.store.account_create(name)?,
        };
        let account = Account::open(id, name.clone(), self.shared.clone())?;
        accounts.insert(name.clone(), account.clone());
        Ok(account)
    }

    /// The account, where it has mail here already.
    pub fn existing_account(&self, name: &AccountName) -> Result<Option<Arc<Account>>, MailboxError> {
        if let Some(account) = self.account_in_use(name) {
            return Ok(Some(account));
        }
        match self.living(name)? {
            Some(_) => self.account(name).map(Some),
            None => Ok(None),
        }
    }

    /// One that another server has removed is forgotten.
    fn account_in_use(&self, name: &AccountName) -> Option<Arc<Account>> {
        let account = self.accounts.read().get(name).cloned()?;
        if account.is_removed() {
            self.forget_account(&account);
            return None;
        }
        Some(account)
    }

    pub(super) fn forget_account(&self, account: &Arc<Account>) {
        self.accounts.write().retain(|_, known| !Arc::ptr_eq(known, account));
    }

    /// What the store has under a name. A removal that has been interrupted is finished.
    fn living(&self, name: &AccountName) -> Result<Option<AccountId>, StoreError> {
        loop {
            match self.shared.store.account(name)? {
                Some(id) if self.shared.store.is_removed(id)? => self.shared.store.account_remove(id, name)?,
                found => return Ok(found),
            }
        }
    }

    /// Removes all mail of an account; whether there was any, be it what an interrupted removal has left. The caller has
    /// ended its sessions.
    pub fn remove_account(&self, name: &AccountName) -> Result<bool, MailboxError> {
        // Whoever gets the name next is not to see them.
        self.remove_alerts_of(name)?;
        let Some(id) = self.shared.store.account(name)? else { return Ok(false) };
        // No lock is held meanwhile, as there may be much mail: who has the account in use meets conflicts.
        self.shared.store.account_remove(id, name)?;
        let account = self.accounts.read().get(name).cloned();
        if let Some(account) = account.filter(|account| account.id == id) {
            account.suspect(Partition::Account(id));
            self.forget_account(&account);
        }
        Ok(true)
    }

    /// Names of all accounts that have mail here.
    pub fn accounts(&self) -> Result<Vec<AccountName>, StoreError> {
        Ok(self.shared.store.accounts()?.into_iter().map(|(name, _)| name).collect())
    }

    /// Has the store keep what searches have made of messages, so that none makes it again after a start; for the server's
    /// housekeeping, and for its end.
    pub fn keep_digests(&self) {
        let accounts: Vec<_> = self.accounts.read().values().cloned().collect();
        accounts.iter().for_each(|account| account.keep_digests());
    }

    /// Waits until what is written behind changes is written: before the store is looked at as a whole, and at the end.
    pub fn settle(&self) {
        self.shared.owed.settle();
    }

    /// Frees what no session uses; for the server's housekeeping, every few minutes.
    pub fn unload_idle(&self) {
        let accounts: Vec<_> = self.accounts.read().values().cloned().collect();
        accounts.iter().for_each(|account| account.unload_idle());
        drop(accounts);
        self.accounts.write().retain(|_, account| Arc::strong_count(account) > 1);
    }

    /// Octets of one message.
    pub fn message_bytes_max(&self) -> u32 {
        self.shared.limits.message_bytes_max
    }

    /// Octets of one annotation.
    pub fn annotation_bytes_max(&self) -> u64 {
        self.shared.limits.annotations.value_bytes_max
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(super) fn shared_arc(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    pub(super) fn keep_expunged_secs(&self) -> u64 {
        self.shared.limits.keep_expunged_secs
    }

    pub fn store(&self) -> &Store {
        &self.shared.store
    }
}

/// Its threads end with it; whoever opens the store next finds all of it.
impl Drop for Manager {
    fn drop(&mut self) {
        self.shared.others.end();
        self.shared.owed.end();
    }
}

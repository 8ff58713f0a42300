//! Alerts: what an administrator has to say to those who are connected, or when they come.       RFC 9051 7.1 (ALERT)
//!
//! An alert for an account is gone once it has been delivered; one for a domain or for the server is shown once to each
//! session until it is removed. All of them are in memory; there are never many. What another server posts is read when its
//! hint comes; of several servers that would give one to a session one is told that it was there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::RwLock;

use super::error::{MailboxError, Refusal};
use super::manager::Manager;
use super::suspicion::Suspicion;
use crate::store::{Alert, AlertScope, Realm, Store, StoreError, Watching};
use crate::types::AccountName;

/// Octets of one: it stands in one line, and in a window on a screen.
const TEXT_BYTES_MAX: usize = 900;

#[derive(Default)]
pub(super) struct Alerts {
    all: RwLock<Vec<Alert>>,
    /// The number of the newest that there ever was: a look at it tells whether there can be anything new.
    newest: AtomicU64,
    bell: OnceLock<Bell>,
    /// Another server may have posted or removed some.
    suspicion: Suspicion,
    watching: OnceLock<Watching>,
}

/// Rings for those whom a new alert concerns.
type Bell = Box<dyn Fn(&AlertScope) + Send + Sync>;

impl Alerts {
    fn load(&self, store: &Store) -> Result<(), StoreError> {
        let mut all = self.all.write();
        *all = store.alerts()?;
        let newest = all.last().map_or(0, |alert| alert.id);
        self.newest.fetch_max(newest, Ordering::AcqRel);
        Ok(())
    }

    /// Reads what another server has made of them, and rings for what is new.
    fn look_again(&self, store: &Store) -> Result<(), StoreError> {
        let Some(raised) = self.suspicion.stands() else { return Ok(()) };
        let before = self.newest.load(Ordering::Acquire);
        self.load(store)?;
        self.suspicion.settle(raised);
        let new: Vec<AlertScope> =
            self.all.read().iter().filter(|alert| alert.id > before).map(|alert| alert.scope.clone()).collect();
        if let Some(ring) = self.bell.get() {
            new.iter().for_each(ring);
        }
        Ok(())
    }

    pub(super) fn post(&self, store: &Store, scope: AlertScope, text: &str) -> Result<u64, MailboxError> {
        if text.is_empty() || text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(Refusal::BadAlert.into());
        }
        let id = store.alert_put(&scope, text)?;
        self.load(store)?;
        self.newest.fetch_max(id, Ordering::AcqRel);
        if let Some(ring) = self.bell.get() {
            ring(&scope);
        }
        Ok(id)
    }

    fn remove(&self, store: &Store, id: u64) -> Result<bool, StoreError> {
        let mut all = self.all.write();
        let Some(at) = all.iter().position(|alert| alert.id == id) else { return Ok(false) };
        let was_there = store.alert_remove(id)?;
        all.remove(at);
        Ok(was_there)
    }
}

/// Whether an alert is for an account.
pub fn concerns(scope: &AlertScope, account: &AccountName) -> bool {
    match scope {
        AlertScope::Server => true,
        AlertScope::Domain(domain) => account.domain() == Some(domain),
        AlertScope::Account(name) => name == account,
    }
}

impl Manager {
    /// Reads the alerts that have been posted before, and what else the server has of its own.
    pub fn load_server(&self) -> Result<(), StoreError> {
        let alerts = &self.shared().alerts;
        // Before they are read: none comes between.
        alerts.watching.get_or_init(|| {
            let shared = Arc::downgrade(&self.shared_arc());
            let hear = move |_| {
                shared.upgrade().iter().for_each(|shared| {
                    shared.alerts.suspicion.raise();
                    shared.server_annotations.suspicion.raise();
                    shared.others.have_seen_server();
                });
            };
            self.store().watch(Realm::Server, Arc::new(hear))
        });
        alerts.load(self.store())?;
        self.shared().server_annotations.load(self.store())
    }

    pub(super) fn look_for_alerts(&self) -> Result<(), StoreError> {
        self.shared().alerts.look_again(self.store())
    }

    /// Says, once, who rings for those whom a new alert concerns, wherever it comes from.
    pub fn on_alert(&self, ring: impl Fn(&AlertScope) + Send + Sync + 'static) {
        let set = self.shared().alerts.bell.set(Box::new(ring));
        debug_assert!(set.is_ok(), "who rings for alerts is said once");
    }

    /// Its number.
    pub fn post_alert(&self, scope: AlertScope, text: &str) -> Result<u64, MailboxError> {
        self.shared().alerts.post(self.store(), scope, text)
    }

    pub fn alerts(&self) -> Result<Vec<Alert>, StoreError> {
        self.look_for_alerts()?;
        Ok(self.shared().alerts.all.read().clone())
    }

    /// Whether there was one of this number.
    pub fn remove_alert(&self, id: u64) -> Result<bool, StoreError> {
        self.look_for_alerts()?;
        self.shared().alerts.remove(self.store(), id)
    }

    /// Those for one account alone.
    pub(super) fn remove_alerts_of(&self, name: &AccountName) -> Result<(), StoreError> {
        let of_account = |alert: &Alert| matches!(&alert.scope, AlertScope::Account(of) if of == name);
        let alerts = self.alerts()?;
        alerts.iter().filter(|alert| of_account(alert)).try_for_each(|alert| self.remove_alert(alert.id).map(drop))
    }

    /// What a session that has seen all up to `seen` has to be told now; `seen` moves on. What is for the account alone is
    /// given to one session and is gone then.
    pub fn new_alerts(&self, account: &AccountName, seen: &AtomicU64) -> Result<Vec<String>, StoreError> {
        let alerts = &self.shared().alerts;
        let newest = alerts.newest.load(Ordering::Acquire);
        let before = seen.swap(newest, Ordering::AcqRel);
        if before >= newest {
            return Ok(Vec::new());
        }
        let new = |alert: &&Alert| alert.id > before && concerns(&alert.scope, account);
        let found: Vec<Alert> = alerts.all.read().iter().filter(new).cloned().collect();
        let mut texts = Vec::new();
        for alert in found {
            let is_own = matches!(alert.scope, AlertScope::Account(_));
            if !is_own || alerts.remove(self.store(), alert.id)? {
                texts.push(alert.text);
            }
        }
        Ok(texts)
    }
}

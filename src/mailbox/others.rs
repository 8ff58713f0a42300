//! What other servers on the same engine do that somebody here must see at once, and not when he next looks: a user who waits
//! is to be told of an alert, and one whose account has been removed is to go.
//!
//! A hint of the engine looks at nothing, as it comes under its committer's locks. It is put down, and a thread looks. Where
//! nobody else writes to the store the thread sleeps for ever.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use parking_lot::Condvar;

use super::account::Account;
use super::locks::OthersLock;
use super::manager::Manager;
use crate::types::{AccountId, AccountName};

/// What the thread's calls need: a tree is read, alerts are, and bells are rung.
const STACK_BYTES: usize = 512 * 1024;

/// Before it is looked again at what could not be seen.
const PAUSE: Duration = Duration::from_secs(1);

/// What has not been looked at yet.
#[derive(Default)]
pub(super) struct Unseen {
    /// Alerts, and entries of the server.
    server: bool,
    /// At most those that are in use.
    accounts: BTreeMap<AccountId, Weak<Account>>,
    ended: bool,
}

/// Is told of an account that another server has removed.
type OnRemoved = Box<dyn Fn(&AccountName) + Send + Sync>;

#[derive(Default)]
pub(super) struct Others {
    unseen: OthersLock,
    woken: Condvar,
    on_removed: OnceLock<OnRemoved>,
}

impl Others {
    /// An account's tree may have been changed.
    pub(super) fn have_seen(&self, account: &Arc<Account>) {
        self.unseen.lock().accounts.insert(account.id, Arc::downgrade(account));
        self.woken.notify_one();
    }

    /// The server's own partition may have been changed.
    pub(super) fn have_seen_server(&self) {
        self.unseen.lock().server = true;
        self.woken.notify_one();
    }

    pub(super) fn end(&self) {
        self.unseen.lock().ended = true;
        self.woken.notify_one();
    }

    /// Waits until there is something; `None` at the end.
    fn wait(&self) -> Option<Unseen> {
        let mut unseen = self.unseen.lock();
        while !unseen.ended && !unseen.server && unseen.accounts.is_empty() {
            self.woken.wait(&mut unseen);
        }
        (!unseen.ended).then(|| std::mem::take(&mut *unseen))
    }
}

impl Manager {
    /// Says, once, who ends the sessions of an account that another server has removed.
    pub fn on_removed(&self, end: impl Fn(&AccountName) + Send + Sync + 'static) {
        let set = self.shared().others.on_removed.set(Box::new(end));
        debug_assert!(set.is_ok(), "who ends sessions is said once");
    }

    /// Looks from now on, in a thread of its own, at what others do, as long as there is the manager.
    pub fn attend(self: &Arc<Manager>) -> io::Result<()> {
        let (others, manager) = (self.shared().others.clone(), Arc::downgrade(self));
        let look = move || {
            while let Some(unseen) = others.wait() {
                let Some(manager) = manager.upgrade() else { return };
                manager.see(unseen);
            }
        };
        std::thread::Builder::new().name("others".into()).stack_size(STACK_BYTES).spawn(look).map(drop)
    }

    fn see(&self, unseen: Unseen) {
        let others = &self.shared().others;
        let mut failed = false;
        let look = || self.look_for_alerts().and_then(|()| self.shared().look_for_server_annotations());
        if unseen.server
            && let Err(error) = look()
        {
            log::error!("reading what another server has to say: {error}");
            others.have_seen_server();
            failed = true;
        }
        for account in unseen.accounts.into_values().filter_map(|account| account.upgrade()) {
            if account.is_removed() {
                self.see_removed(&account);
            } else if account.is_suspected() {
                // The store does not answer, or whoever changes the tree has not come to an end.
                others.have_seen(&account);
                failed = true;
            }
        }
        if failed {
            std::thread::sleep(PAUSE);
        }
    }

    fn see_removed(&self, account: &Arc<Account>) {
        log::info!("{}: another server has removed the account", account.name());
        self.forget_account(account);
        if let Some(end) = self.shared().others.on_removed.get() {
            end(account.name());
        }
    }
}

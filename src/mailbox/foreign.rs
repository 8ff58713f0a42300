//! What another server does to an account: hints of it, and looking into the store.
//!
//! A hint raises a suspicion, and rings for those who listen; whoever wants the tree next reads it anew, where it is another.

use std::sync::Arc;
use std::time::Duration;

use super::account::Account;
use super::happenings::differences;
use super::tree::Tree;
use crate::store::{Partition, Realm, StoreError, Watching};

/// How long a reader waits for who is reading the tree.
const LOOK_WAIT: Duration = Duration::from_secs(1);

impl Account {
    /// The newest tree, complete and unchanging.
    pub fn tree(&self) -> Arc<Tree> {
        // Who is looking already is waited for, so that all see what has been acknowledged; not for ever, as a mailbox's
        // writer may ask.
        if self.suspicion.stands().is_some()
            && let Some(_writer) = self.writer.try_lock_for(LOOK_WAIT)
            && let Err(error) = self.look_again()
        {
            log::warn!("reading the mailboxes of {}: {error}", self.name());
        }
        self.tree.read().clone()
    }

    /// Whether this or another server has removed it, as far as is known.
    pub(super) fn is_removed(&self) -> bool {
        self.tree().is_removed()
    }

    /// Another server may have changed the tree, and nobody has read it since.
    pub(super) fn is_suspected(&self) -> bool {
        self.suspicion.stands().is_some()
    }

    pub(super) fn watch_store(account: &Arc<Account>) -> Watching {
        let itself = Arc::downgrade(account);
        let hear = move |partition| itself.upgrade().iter().for_each(|account| account.suspect(partition));
        account.shared.store.watch(Realm::Account(account.id), Arc::new(hear))
    }

    /// Another server may have changed the tree, or a mailbox: those who listen shall look.
    pub(super) fn suspect(self: &Arc<Account>, partition: Partition) {
        let Partition::Mailbox(_, id) = partition else {
            self.suspicion.raise();
            self.shared.others.have_seen(self);
            return self.listeners.ring();
        };
        self.usage.suspect(id);
        let loaded = self.mailboxes.read().get(&id).cloned();
        match loaded {
            Some(mailbox) => mailbox.suspect(),
            None => self.listeners.changed(self.id, id),
        }
    }

    /// Reads what another server has made of the tree. The caller holds the writer's lock.
    pub(super) fn look_again(&self) -> Result<(), StoreError> {
        let Some(raised) = self.suspicion.stands() else { return Ok(()) };
        let before = self.tree.read().clone();
        if self.shared.store.account_version(self.id)? == before.version {
            self.suspicion.settle(raised);
            return Ok(());
        }
        let tree = Arc::new(Tree::new(self.shared.store.account_image(self.id)?));
        *self.tree.write() = tree.clone();
        self.suspicion.settle(raised);
        *self.annotation_bytes.lock() = None;
        let gone = tree.mailboxes_gone_since(&before);
        for mailbox in gone.iter().filter_map(|id| self.mailboxes.write().remove(id)) {
            mailbox.vanish(&mut mailbox.writer.lock());
        }
        self.usage.forget();
        if !tree.has_keys_of(&before) {
            self.ring_all();
        }
        if self.listeners.are_there() {
            self.listeners.tell_foreign(differences(&before, &tree));
        }
        self.tell_foreign_annotations(&before, &tree)
    }
}

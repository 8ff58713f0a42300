//! One account: its tree of names and the mailboxes of it that are in use.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, ReentrantMutex, RwLock};

use super::error::{MailboxError, Refusal};
use super::happenings::happenings;
use super::locks::{AnnotationBytes, KnownAnnotations, MailboxTable, Published, TreeWriter};
use super::mailbox::Mailbox;
use super::manager::Shared;
use super::planning::{Fate, Plan};
use super::suspicion::Suspicion;
use super::tree::Tree;
use super::usage::Usage;
use super::watch::Listeners;
use crate::store::{
    AccountChange, AccountCommit, Commit, CommitFailure, Durability, MailboxCommit, MailboxHeader, StoreError,
    Watching,
};
use crate::types::{AccountId, AccountName, MailboxClass, MailboxId, MailboxName, SpecialUse};

pub struct Account {
    pub(super) id: AccountId,
    name: AccountName,
    pub(super) shared: Arc<Shared>,
    pub(super) writer: TreeWriter,
    pub(super) tree: Published<Arc<Tree>>,
    pub(super) mailboxes: MailboxTable,
    pub(super) usage: Arc<Usage>,
    /// Of the annotations of its mailboxes; nothing until somebody sets one.
    pub(super) annotation_bytes: AnnotationBytes,
    /// Nothing where nobody else writes.
    pub(super) known_annotations: KnownAnnotations,
    pub(super) listeners: Arc<Listeners>,
    /// Another server may have changed the tree since it was read: whoever looks next looks into the store.
    pub(super) suspicion: Suspicion,
    watching: OnceLock<Watching>,
}

impl Account {
    /// Reads the account's tree; a new account gets its INBOX.
    pub(super) fn open(id: AccountId, name: AccountName, shared: Arc<Shared>) -> Result<Arc<Account>, MailboxError> {
        // What cannot be given up now is in nobody's way.
        if let Err(error) = shared.store.finish_purges(id) {
            log::error!("{name}: emptying a deleted mailbox: {error}");
        }
        let tree = Tree::new(shared.store.account_image(id)?);
        let account = Arc::new(Account {
            id,
            name,
            shared,
            writer: ReentrantMutex::new(()),
            tree: RwLock::new(Arc::new(tree)),
            mailboxes: RwLock::new(HashMap::new()),
            usage: Arc::default(),
            annotation_bytes: Mutex::default(),
            known_annotations: Mutex::default(),
            listeners: Arc::default(),
            // It may have changed before it is watched.
            suspicion: Suspicion::standing(),
            watching: OnceLock::new(),
        });
        account.watching.get_or_init(|| Account::watch_store(&account));
        account.know_annotations();
        if account.tree().node(&MailboxName::inbox()).is_none() {
            match account.create(&MailboxName::inbox(), &[]) {
                // Another server was first.
                Err(MailboxError::Refused(Refusal::AlreadyExists)) => {}
                created => created?,
            }
        }
        Ok(account)
    }

    pub fn name(&self) -> &AccountName {
        &self.name
    }

    pub fn id(&self) -> AccountId {
        self.id
    }

    pub fn mailbox(&self, name: &MailboxName) -> Result<Arc<Mailbox>, MailboxError> {
        loop {
            let tree = self.tree();
            let node = tree.node(name).ok_or(Refusal::NonExistent)?;
            let mailbox = self.mailbox_of(node.id.ok_or(Refusal::NoSelect)?);
            // Who deletes it from here on finds it, and says so to all who have it; before, it may have been deleted.
            if Arc::ptr_eq(&tree, &self.tree()) {
                return Ok(mailbox);
            }
        }
    }

    pub(super) fn mailbox_of(&self, id: MailboxId) -> Arc<Mailbox> {
        if let Some(mailbox) = self.mailboxes.read().get(&id).filter(|mailbox| !mailbox.is_gone()) {
            return mailbox.clone();
        }
        let new = || Mailbox::new(self, id);
        let mut mailboxes = self.mailboxes.write();
        // One that has gone may have come back.
        mailboxes.retain(|known, mailbox| *known != id || !mailbox.is_gone());
        mailboxes.entry(id).or_insert_with(new).clone()
    }

    pub fn create(&self, name: &MailboxName, special_use: &[SpecialUse]) -> Result<(), MailboxError> {
        self.create_of_class(name, special_use, None)
    }

    pub fn create_of_class(
        &self,
        name: &MailboxName,
        special_use: &[SpecialUse],
        class: Option<&MailboxClass>,
    ) -> Result<(), MailboxError> {
        self.change(|tree| {
            if tree.mailbox_count() >= self.shared.limits.mailboxes_max {
                return Err(Refusal::TooManyMailboxes);
            }
            if self.mailboxes_limit().is_some_and(|limit| tree.mailbox_count() as u64 >= limit) {
                return Err(Refusal::OverQuota);
            }
            tree.create(name, special_use, class, now_secs())
        })
    }

    /// Makes a name that only holds others.
    pub fn create_holder(&self, name: &MailboxName) -> Result<(), MailboxError> {
        self.change(|tree| tree.create_holder(name))
    }

    pub fn delete(&self, name: &MailboxName) -> Result<(), MailboxError> {
        self.change(|tree| tree.delete(name, self.fate()))
    }

    fn fate(&self) -> Fate {
        match self.shared.limits.keep_expunged_secs {
            0 => Fate::Purged,
            _ => Fate::Kept { now_secs: crate::sys::now_secs() },
        }
    }

    pub fn rename(&self, from: &MailboxName, to: &MailboxName) -> Result<(), MailboxError> {
        self.change(|tree| tree.rename(from, to, now_secs()))
    }

    /// Makes a name that stands for a mailbox, for clients that know nothing of other accounts.
    pub fn put_alias(&self, alias: &MailboxName, name: &str) -> Result<(), MailboxError> {
        self.change(|tree| tree.put_alias(alias, name))
    }

    pub fn remove_alias(&self, alias: &MailboxName) -> Result<(), MailboxError> {
        self.change(|tree| tree.remove_alias(alias))
    }

    /// Any name can be subscribed to, whether such a mailbox exists or not.
    pub fn subscribe(&self, name: &str) -> Result<(), MailboxError> {
        self.change(|tree| {
            let known = tree.subscriptions().contains(name);
            if !known && tree.subscriptions().len() >= self.shared.limits.mailboxes_max {
                return Err(Refusal::TooManyMailboxes);
            }
            let changes = (!known).then(|| AccountChange::Subscribe(name.to_string()));
            Ok(Plan { changes: changes.into_iter().collect(), ..Plan::default() })
        })
    }

    pub fn unsubscribe(&self, name: &str) -> Result<(), MailboxError> {
        self.change(|tree| {
            let change = tree.subscriptions().contains(name).then(|| AccountChange::Unsubscribe(name.to_string()));
            Ok(Plan { changes: change.into_iter().collect(), ..Plan::default() })
        })
    }

    /// Plans on the newest tree, commits, publishes; plans again where another writer was first.
    pub(super) fn change(&self, plan: impl Fn(&Tree) -> Result<Plan, Refusal>) -> Result<(), MailboxError> {
        self.change_with(|tree| Ok(plan(tree)?), || Ok(None))
    }

    /// As `change`, together with a commit of something else.
    pub(super) fn change_with(
        &self,
        plan: impl Fn(&Tree) -> Result<Plan, MailboxError>,
        beside: impl Fn() -> Result<Option<Commit>, MailboxError>,
    ) -> Result<(), MailboxError> {
        let _writer = self.writer.lock();
        loop {
            self.look_again()?;
            let tree = self.tree();
            if tree.is_removed() {
                return Err(Refusal::NoAccount.into());
            }
            let (plan, beside) = (plan(&tree)?, beside()?);
            if plan.changes.is_empty() && beside.is_none() {
                return Ok(());
            }
            let dying = plan.death.map(|id| self.mailbox_of(id));
            let mut dying_writer = dying.as_ref().map(|mailbox| mailbox.writer.lock());
            match self.commit(&tree, &plan, beside) {
                Ok(()) => {
                    let _half = plan.changes_mailboxes().then(|| self.usage.by_half());
                    if !plan.changes.is_empty() {
                        *self.tree.write() = Arc::new(tree.after(&plan.changes));
                    }
                    if let (Some(mailbox), Some(writer)) = (&dying, &mut dying_writer) {
                        mailbox.vanish(writer);
                        self.mailboxes.write().remove(&mailbox.id());
                    }
                    drop(dying_writer);
                    if plan.changes_mailboxes() {
                        self.usage.forget();
                    }
                    self.annotations_changed(&plan);
                    self.follow_annotations(&plan);
                    if self.listeners.are_there() {
                        self.listeners.tell(happenings(&tree, &plan));
                    }
                    return Ok(());
                }
                Err(CommitFailure::Conflict) => self.suspicion.raise(),
                Err(CommitFailure::Store(error)) => {
                    if matches!(error, StoreError::Unsettled) {
                        self.suspicion.raise();
                    }
                    return Err(error.into());
                }
            }
        }
    }

    fn commit(&self, tree: &Tree, plan: &Plan, beside: Option<Commit>) -> Result<(), CommitFailure> {
        let mut commits: Vec<Commit> = beside.into_iter().collect();
        if !plan.changes.is_empty() {
            let changes = plan.changes.clone();
            commits.push(Commit::Account(AccountCommit { account: self.id, guard: tree.version, changes }));
        }
        if let Some(birth) = plan.birth {
            // A commit that was not done may have left a version there.
            let guard = self.shared.store.mailbox_version(self.id, birth.id)?;
            commits.push(Commit::Mailbox(MailboxCommit::of_header(
                self.id,
                birth.id,
                guard,
                MailboxHeader::new(birth.uid_validity),
            )));
        }
        if let (Some(mailbox), true) = (plan.death, plan.buries()) {
            commits.push(self.shared.due(self.id, mailbox)?);
        }
        if let Some((mailbox, life)) = plan.life() {
            let guard = self.shared.store.mailbox_version(self.id, mailbox)?;
            commits.push(Commit::Life { account: self.id, mailbox, guard, life });
        }
        self.shared.store.commit(commits, Durability::Synced)
    }

    /// Rings the bells of all sessions that have a mailbox of this account open.
    pub(super) fn ring_all(&self) {
        let mailboxes: Vec<Arc<Mailbox>> = self.mailboxes.read().values().cloned().collect();
        mailboxes.iter().for_each(|mailbox| mailbox.ring());
    }

    pub(super) fn keep_digests(&self) {
        let mailboxes: Vec<Arc<Mailbox>> = self.mailboxes.read().values().cloned().collect();
        mailboxes.iter().for_each(|mailbox| mailbox.keep_digests());
    }

    /// Forgets what no session has open.
    pub(super) fn unload_idle(&self) {
        self.mailboxes.write().retain(|_, mailbox| {
            mailbox.unload();
            Arc::strong_count(mailbox) > 1
        });
    }
}

/// Seconds since 1970, for UIDVALIDITY; 1 where the clock is wrong.
pub(super) fn now_secs() -> u32 {
    crate::sys::now_secs().clamp(1, u32::MAX.into()) as u32
}

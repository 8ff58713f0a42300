//! Expunged messages and deleted mailboxes: kept for `Keep Expunged`, brought back, purged.
//!
//! What is kept stands in its mailbox's partition, the messages of a deleted mailbox as they were. A list by day, in the
//! server's partition, says where something is kept, so that a purge looks nowhere else.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use super::account::Account;
use super::change::Change;
use super::error::{MailboxError, Refusal};
use super::mailbox::Mailbox;
use super::manager::{Manager, Shared};
use crate::store::{Commit, CommitFailure, Due, Stopped, StoreError};
use crate::sys::now_secs;
use crate::types::{AccountId, AccountName, Counted, MailboxId, MailboxName};

const DAY_SECS: i64 = 86_400;

/// Messages that one commit brings back or gives up.
const STEP: usize = 200;

/// What an undelete has brought back.
#[derive(Clone, Debug, Default)]
pub struct Undeleted {
    /// Deleted mailboxes, under the names that they have now.
    pub mailboxes: Vec<MailboxName>,
    pub messages: u64,
    /// Messages that stay where they are, as their octets cannot be read.
    pub unread: u64,
}

impl Shared {
    /// Says in the list of what is kept that this mailbox has something since today.
    pub(super) fn due(&self, account: AccountId, mailbox: MailboxId) -> Result<Commit, CommitFailure> {
        let due = Due { day: today(), account, mailbox };
        Ok(Commit::Due { guard: self.store.due_guard()?, due })
    }

    /// As `due`, where the mailbox does not stand in the list of today yet.
    pub(super) fn due_once(&self, mailbox: &Mailbox) -> Result<Option<Commit>, CommitFailure> {
        match mailbox.due_day.load(Ordering::Relaxed) == today() {
            true => Ok(None),
            false => self.due(mailbox.account, mailbox.id).map(Some),
        }
    }
}

fn today() -> u32 {
    (now_secs() / DAY_SECS) as u32
}

impl Account {
    /// Brings back the mailboxes and messages that were deleted since then: all, or those of one mailbox. `progress` hears
    /// again and again what is back, which stays so when it stops the rest.
    pub fn undelete(
        &self,
        only: Option<&MailboxName>,
        since_secs: i64,
        progress: &mut dyn FnMut(&Undeleted) -> Result<(), Stopped>,
    ) -> Result<Undeleted, MailboxError> {
        let mut undeleted = Undeleted::default();
        let wanted = |name: &MailboxName| only.is_none_or(|only| only == name);
        let tree = self.tree();
        let is_known = tree.deleted().values().any(|deleted| wanted(&deleted.name))
            || tree.nodes().any(|(name, node)| node.id.is_some() && wanted(name));
        if !is_known {
            return Err(Refusal::NonExistent.into());
        }
        for deleted in tree.deleted().values() {
            if deleted.deleted_secs >= since_secs && wanted(&deleted.name) {
                self.change(|tree| tree.undelete(deleted))?;
                let tree = self.tree();
                // Somebody else may have been first, or may have deleted it again.
                let name = tree.nodes().find(|(_, node)| node.id == Some(deleted.id)).map(|(name, _)| name.clone());
                undeleted.mailboxes.extend(name);
            }
        }
        for (name, node) in self.tree().nodes() {
            let Some(id) = node.id else { continue };
            if wanted(name) || undeleted.mailboxes.contains(name) {
                self.undelete_messages((name, id), since_secs, &mut undeleted, progress)?;
            }
        }
        Ok(undeleted)
    }

    fn undelete_messages(
        &self,
        (name, id): (&MailboxName, MailboxId),
        since_secs: i64,
        undeleted: &mut Undeleted,
        progress: &mut dyn FnMut(&Undeleted) -> Result<(), Stopped>,
    ) -> Result<(), MailboxError> {
        let kept = self.shared.store.expunged(self.id, id, since_secs, i64::MAX)?;
        let mailbox = self.mailbox_of(id);
        for step in kept.chunks(STEP) {
            let mut described = Vec::with_capacity(step.len());
            for message in step {
                progress(undeleted).map_err(StoreError::from)?;
                match mailbox.summary_anew(message.record.blob) {
                    Ok(summary) => described.push((message.clone(), summary)),
                    Err(MailboxError::Store(error @ (StoreError::Missing(_) | StoreError::Broken(_)))) => {
                        log::error!("{}: {name}: expunged UID {}: {error}", self.name(), message.record.uid);
                        undeleted.unread += 1;
                    }
                    Err(error) => return Err(error),
                }
            }
            undeleted.messages += mailbox.commit(Change::Undelete(described))?.appended.len() as u64;
        }
        Ok(())
    }

    /// Gives up for good what was deleted before then.
    fn purge(&self, id: MailboxId, before_secs: i64) -> Result<(), MailboxError> {
        if self.tree().deleted().contains_key(&id) {
            return self.change(|tree| Ok(tree.purge(id, before_secs)));
        }
        if !self.tree().nodes().any(|(_, node)| node.id == Some(id)) {
            return Ok(());
        }
        let mailbox = self.mailbox_of(id);
        for step in self.shared.store.expunged(self.id, id, 0, before_secs)?.chunks(STEP) {
            mailbox.commit(Change::Purge(step.to_vec()))?;
        }
        Ok(())
    }
}

impl Manager {
    /// Gives up for good what has been kept, at this time, for longer than `Keep Expunged`. Costs what is due, wherever
    /// it is. What cannot be given up now keeps nothing else from it: the error is that of the last.
    pub fn purge(&self, now_secs: i64) -> Result<(), MailboxError> {
        let before_secs = now_secs - self.keep_expunged_secs() as i64;
        let due = self.store().due((before_secs / DAY_SECS).max(0) as u32)?;
        if due.is_empty() {
            return Ok(());
        }
        let names: HashMap<AccountId, AccountName> =
            self.store().accounts()?.into_iter().map(|(name, id)| (id, name)).collect();
        let (mut done, mut failed) = (0, None);
        for entry in &due {
            match self.purge_due(names.get(&entry.account), entry, before_secs) {
                Ok(()) => done += 1,
                Err(error) => failed = Some(error),
            }
        }
        log::info!("purged what was deleted in {}", Counted(done, "mailbox"));
        failed.map_or(Ok(()), Err)
    }

    fn purge_due(&self, name: Option<&AccountName>, due: &Due, before_secs: i64) -> Result<(), MailboxError> {
        if let Some(name) = name {
            self.account(name)?.purge(due.mailbox, before_secs)?;
        }
        Ok(self.store().due_done(std::slice::from_ref(due))?)
    }
}

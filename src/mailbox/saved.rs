//! What a backup has of an account beside its messages, in terms that mean the same on any server.
//!
//! Accounts are named here: their numbers are each server's own, and may be somebody else's on another. Keys that URLs are
//! authorised by are not among it: one that came back would authorise anew what has been revoked, and messages that have
//! got the UIDs of others. Nor is what was deleted and kept: it was deleted.

use std::collections::HashMap;

use super::account::Account;
use super::error::{MailboxError, Refusal};
use crate::store::{AccountSettings, Acl, Annotated, QuotaLimits, Value};
use crate::types::{
    AccountId, AccountName, EntryName, MailboxClass, MailboxId, MailboxName, SpecialUse, UidValidity,
};

/// The accounts of the server that a backup is of.
pub type AccountNames = HashMap<AccountId, AccountName>;

/// An annotation, and the account that it is of; none for a shared one.
#[derive(Clone, Debug)]
pub struct SavedAnnotation {
    pub user: Option<AccountName>,
    pub entry: EntryName,
    pub value: Vec<u8>,
}

/// A name of an account.
#[derive(Clone, Debug)]
pub struct SavedName {
    pub name: MailboxName,
    /// `None` for a name that only holds others.
    pub mailbox: Option<SavedMailbox>,
    pub annotations: Vec<SavedAnnotation>,
    /// Annotations of accounts that were gone already.
    pub of_nobody: usize,
}

#[derive(Clone, Debug)]
pub struct SavedMailbox {
    /// What tells it from a later one of the same name.
    pub was: (AccountId, MailboxId, UidValidity),
    pub special_use: Vec<SpecialUse>,
    pub class: Option<MailboxClass>,
    pub acl: Acl,
}

/// What an account has beside its names.
#[derive(Clone, Debug, Default)]
pub struct SavedAccount {
    pub quota: QuotaLimits,
    pub settings: AccountSettings,
    /// S/MIME, in DER.
    pub certificate: Option<Value>,
    pub aliases: Vec<(MailboxName, String)>,
    pub subscriptions: Vec<String>,
    pub annotations: Vec<SavedAnnotation>,
}

impl Account {
    /// What is to be saved of a name.
    pub fn saved_name(&self, name: &MailboxName, accounts: &AccountNames) -> Result<SavedName, MailboxError> {
        let tree = self.tree();
        let node = tree.node(name).ok_or(Refusal::NonExistent)?;
        let mailbox = |id| -> Result<SavedMailbox, MailboxError> {
            Ok(SavedMailbox {
                was: (self.id, id, self.mailbox_of(id).header()?.uid_validity),
                special_use: node.special_use.clone(),
                class: tree.class(id).cloned(),
                acl: tree.acl(id).cloned().unwrap_or_default(),
            })
        };
        let at = node.id.map_or_else(|| Annotated::Holder(name.clone()), Annotated::Mailbox);
        let (annotations, of_nobody) = self.saved_annotations(&at, accounts)?;
        Ok(SavedName { name: name.clone(), mailbox: node.id.map(mailbox).transpose()?, annotations, of_nobody })
    }

    pub fn saved_account(&self, accounts: &AccountNames) -> Result<SavedAccount, MailboxError> {
        let tree = self.tree();
        let (annotations, _) = self.saved_annotations(&Annotated::Account, accounts)?;
        Ok(SavedAccount {
            quota: tree.quota(),
            settings: tree.settings(),
            certificate: tree.certificate().cloned(),
            aliases: tree.aliases().iter().map(|(alias, name)| (alias.clone(), name.clone())).collect(),
            subscriptions: tree.subscriptions().iter().cloned().collect(),
            annotations,
        })
    }

    /// Whosever they are; and how many are of accounts without a name.
    fn saved_annotations(
        &self,
        at: &Annotated,
        accounts: &AccountNames,
    ) -> Result<(Vec<SavedAnnotation>, usize), MailboxError> {
        let (mut found, mut of_nobody) = (Vec::new(), 0);
        for (user, annotation) in self.shared.store.all_annotations(self.id, at)? {
            let user = match user {
                Some(user) => match accounts.get(&user) {
                    Some(name) => Some(name.clone()),
                    None => {
                        of_nobody += 1;
                        continue;
                    }
                },
                None => None,
            };
            found.push(SavedAnnotation { user, entry: annotation.entry, value: annotation.value });
        }
        Ok((found, of_nobody))
    }
}

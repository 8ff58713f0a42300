//! What comes back of an account from a backup, beside its messages.
//!
//! What the account has stays as it is, what it does not have comes back. Rights are more careful than that: the list of a
//! mailbox that is still the one of the backup is what its owner has made of it since, and nobody who was struck off gets
//! rights again. Who is meant by a name is who has it on this server; whether there is somebody, the caller has seen.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::account::{Account, now_secs};
use super::error::{MailboxError, Refusal};
use super::manager::Manager;
use super::planning::Plan;
use super::saved::{SavedAccount, SavedAnnotation, SavedMailbox, SavedName};
use super::tree::{Node, Tree};
use crate::smime;
use crate::store::{AccountChange, Annotate, Annotated};
use crate::sys;
use crate::types::{AccountId, AccountName, EntryName, MailboxId, MailboxName, SpecialUse};

/// What does not come back, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// An alias has the mailbox's name, or one above it.
    Aliased(MailboxName),
    /// A mailbox has the alias's name.
    Alias(MailboxName),
    /// The list has been changed since the backup, or is another mailbox's.
    AccessList(MailboxName),
    /// Another mailbox has it.
    SpecialUse(MailboxName, SpecialUse),
    /// More, or larger ones, than there may be.
    Annotations(MailboxName),
    ServerAnnotations,
    MessageAnnotations(MailboxName),
    /// More than there may be.
    Subscriptions,
    /// It cannot be read.
    Certificate,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeftOut::Aliased(name) => write!(f, "{name}: an alias has the name, or one above it"),
            LeftOut::Alias(name) => write!(f, "the alias {name}: a mailbox has the name"),
            LeftOut::AccessList(name) => write!(f, "{name}: its access list stays as it is now"),
            LeftOut::SpecialUse(name, of) => write!(f, "{name}: another mailbox is {}", of.name()),
            LeftOut::Annotations(name) => write!(f, "{name}: annotations beyond what there may be"),
            LeftOut::ServerAnnotations => f.write_str("annotations of the server beyond what there may be"),
            LeftOut::MessageAnnotations(name) => {
                write!(f, "{name}: annotations of messages beyond what there may be")
            }
            LeftOut::Subscriptions => f.write_str("subscriptions beyond what there may be"),
            LeftOut::Certificate => f.write_str("the S/MIME certificate, which cannot be read"),
        }
    }
}

/// A plan in the making.
struct Restoring<'a> {
    account: &'a Account,
    /// Of this server.
    users: &'a HashMap<AccountName, AccountId>,
    tree: &'a Tree,
    plan: Plan,
    left_out: Vec<LeftOut>,
}

impl Manager {
    /// Brings back what an account does not have of a name: the mailbox, or what is known of it beside its messages.
    pub fn restore_name(&self, account: &Account, saved: &SavedName) -> Result<Vec<LeftOut>, MailboxError> {
        let left_out = self.restore(account, &saved.annotations, |restoring| restoring.name(saved))?;
        account.tell_restored(Some(&saved.name), &saved.annotations);
        Ok(left_out)
    }

    /// Brings back what an account does not have beside its names.
    pub fn restore_account(&self, account: &Account, saved: &SavedAccount) -> Result<Vec<LeftOut>, MailboxError> {
        let left_out = self.restore(account, &saved.annotations, |restoring| restoring.account(saved))?;
        account.tell_restored(None, &saved.annotations);
        Ok(left_out)
    }

    fn restore(
        &self,
        account: &Account,
        annotations: &[SavedAnnotation],
        plan: impl Fn(&mut Restoring<'_>) -> Result<(), MailboxError>,
    ) -> Result<Vec<LeftOut>, MailboxError> {
        // Before the tree is planned on: accounts are looked up first.
        let mut users = HashMap::from([(account.name().clone(), account.id)]);
        for user in annotations.iter().filter_map(|annotation| annotation.user.as_ref()) {
            if !users.contains_key(user) {
                users.insert(user.clone(), self.account(user)?.id());
            }
        }
        let left_out = RefCell::new(Vec::new());
        let planned = |tree: &Tree| {
            let mut restoring =
                Restoring { account, users: &users, tree, plan: Plan::default(), left_out: Vec::new() };
            plan(&mut restoring)?;
            *left_out.borrow_mut() = restoring.left_out;
            Ok(restoring.plan)
        };
        account.change_with(planned, || Ok(None))?;
        Ok(left_out.into_inner())
    }
}

impl Account {
    fn tell_restored(&self, name: Option<&MailboxName>, annotations: &[SavedAnnotation]) {
        let mut by_user: HashMap<&AccountName, Vec<&EntryName>> = HashMap::new();
        for SavedAnnotation { user, entry, .. } in annotations {
            by_user.entry(user.as_ref().unwrap_or(self.name())).or_default().push(entry);
        }
        for (user, entries) in by_user {
            self.shared.annotation_feed.changed(self, name, user, entries.into_iter(), None);
        }
    }
}

impl Restoring<'_> {
    fn name(&mut self, saved: &SavedName) -> Result<(), MailboxError> {
        if self.tree.is_aliased(&saved.name) {
            self.left_out.push(LeftOut::Aliased(saved.name.clone()));
            return Ok(());
        }
        let node = self.tree.node(&saved.name).cloned();
        // Where its annotations stand, and where they will.
        let holder = Annotated::Holder(saved.name.clone());
        let (from, at) = match (&node, &saved.mailbox) {
            (Some(Node { id: Some(id), .. }), _) => (Annotated::Mailbox(*id), Annotated::Mailbox(*id)),
            (_, Some(mailbox)) => (holder, Annotated::Mailbox(self.birth(&saved.name, mailbox)?)),
            (None, None) => {
                self.plan = self.tree.create_holder(&saved.name)?;
                (holder.clone(), holder)
            }
            (Some(_), None) => (holder.clone(), holder),
        };
        if let (Some(node), Some(mailbox)) = (&node, &saved.mailbox)
            && let Some(id) = node.id
        {
            self.special_uses(&saved.name, node, mailbox);
            self.access_list(&saved.name, id, mailbox)?;
            let may_be = mailbox.class.as_ref().is_some_and(|class| class.is_mail() || !saved.name.is_inbox());
            if self.tree.class(id).is_none() && may_be {
                self.plan.changes.push(AccountChange::Class(id, mailbox.class.clone()));
            }
        }
        if !self.annotations(&from, &at, &saved.annotations)? {
            self.left_out.push(LeftOut::Annotations(saved.name.clone()));
        }
        Ok(())
    }

    /// Makes the mailbox as it was. What an account may have by its quota is not asked: it had it.
    fn birth(&mut self, name: &MailboxName, saved: &SavedMailbox) -> Result<MailboxId, MailboxError> {
        if self.tree.mailbox_count() >= self.account.shared.limits.mailboxes_max {
            return Err(Refusal::TooManyMailboxes.into());
        }
        let uses = self.free_uses(name, &saved.special_use);
        self.plan = self.tree.create(name, &uses, saved.class.as_ref(), now_secs())?;
        let id = self.plan.birth.map(|birth| birth.id).ok_or(Refusal::AlreadyExists)?;
        // In the place of what it would inherit.
        self.plan.changes.retain(|change| !matches!(change, AccountChange::Acl(..)));
        if !saved.acl.0.is_empty() {
            self.plan.changes.push(AccountChange::Acl(id, saved.acl.clone()));
        }
        Ok(id)
    }

    fn free_uses(&mut self, name: &MailboxName, wanted: &[SpecialUse]) -> Vec<SpecialUse> {
        let (free, taken): (Vec<_>, Vec<_>) = wanted.iter().partition(|of| self.tree.is_free(**of));
        self.left_out.extend(taken.into_iter().map(|of| LeftOut::SpecialUse(name.clone(), of)));
        free
    }

    fn special_uses(&mut self, name: &MailboxName, node: &Node, saved: &SavedMailbox) {
        let missing: Vec<SpecialUse> =
            saved.special_use.iter().filter(|of| !node.special_use.contains(of)).copied().collect();
        let free = self.free_uses(name, &missing);
        if !free.is_empty() {
            let uses = node.special_use.iter().copied().chain(free).collect();
            self.plan.changes.push(Tree::put(name, node.id, uses));
        }
    }

    /// The list of a mailbox that is there: only one that is another than that of the backup, and has none, gets it.
    fn access_list(&mut self, name: &MailboxName, id: MailboxId, saved: &SavedMailbox) -> Result<(), MailboxError> {
        let list = self.tree.acl(id).cloned().unwrap_or_default();
        if list == saved.acl || saved.acl.0.is_empty() {
            return Ok(());
        }
        let uid_validity = self.account.mailbox_of(id).header()?.uid_validity;
        let is_the_same = saved.was == (self.account.id, id, uid_validity);
        match list.0.is_empty() && !is_the_same {
            true => self.plan.changes.push(AccountChange::Acl(id, saved.acl.clone())),
            false => self.left_out.push(LeftOut::AccessList(name.clone())),
        }
        Ok(())
    }

    /// Adds the entries that are not there; `false` where some are beyond what there may be.
    fn annotations(
        &mut self,
        from: &Annotated,
        at: &Annotated,
        saved: &[SavedAnnotation],
    ) -> Result<bool, MailboxError> {
        let mut by_user: BTreeMap<Option<AccountId>, Vec<&SavedAnnotation>> = BTreeMap::new();
        for annotation in saved {
            let user = match &annotation.user {
                None => None,
                Some(name) => match self.users.get(name) {
                    Some(user) => Some(*user),
                    None => continue,
                },
            };
            by_user.entry(user).or_default().push(annotation);
        }
        let mut all = true;
        for (user, of_user) in by_user {
            all &= self.annotations_of(user, from, at, &of_user)?;
        }
        Ok(all)
    }

    fn annotations_of(
        &mut self,
        user: Option<AccountId>,
        from: &Annotated,
        at: &Annotated,
        saved: &[&SavedAnnotation],
    ) -> Result<bool, MailboxError> {
        let there = self.account.shared.store.annotations(self.account.id, from, user)?;
        let is_there = |entry: &EntryName| there.iter().any(|known| known.entry == *entry);
        let (mut growth, mut count, mut all) = (0, there.len(), true);
        for SavedAnnotation { entry, value, .. } in saved.iter().filter(|saved| !is_there(&saved.entry)) {
            let Some(cost) = self.account.annotation_room(user, count, growth, entry, value)? else {
                all = false;
                continue;
            };
            (growth, count) = (growth + cost, count + 1);
            let (at, entry, value) = (at.clone(), entry.clone(), Some(value.clone()));
            self.plan.changes.push(AccountChange::Annotate(Annotate { at, user, entry, value }));
        }
        self.plan.annotation_growth.push((user, growth));
        Ok(all)
    }

    fn account(&mut self, saved: &SavedAccount) -> Result<(), MailboxError> {
        let (tree, changes) = (self.tree, &mut self.plan.changes);
        let quota = tree.quota().or(saved.quota);
        if quota != tree.quota() {
            changes.push(AccountChange::Quota(quota));
        }
        let mut settings = tree.settings();
        settings.show_non_mail = settings.show_non_mail.or(saved.settings.show_non_mail);
        if settings != tree.settings() {
            changes.push(AccountChange::Settings(settings));
        }
        match saved.certificate.as_ref().filter(|_| tree.certificate().is_none()) {
            Some(der) if smime::Description::of(der, sys::now_secs()).is_err() => {
                self.left_out.push(LeftOut::Certificate);
            }
            Some(der) => changes.push(AccountChange::Certificate(Some(der.clone()))),
            None => {}
        }
        self.aliases(saved);
        self.subscriptions(saved);
        if !self.annotations(&Annotated::Account, &Annotated::Account, &saved.annotations)? {
            self.left_out.push(LeftOut::ServerAnnotations);
        }
        Ok(())
    }

    fn aliases(&mut self, saved: &SavedAccount) {
        for (alias, name) in saved.aliases.iter().filter(|(alias, _)| !self.tree.aliases().contains_key(alias)) {
            match self.tree.put_alias(alias, name) {
                Ok(plan) => self.plan.changes.extend(plan.changes),
                Err(_) => self.left_out.push(LeftOut::Alias(alias.clone())),
            }
        }
    }

    fn subscriptions(&mut self, saved: &SavedAccount) {
        let known = self.tree.subscriptions();
        let room = self.account.shared.limits.mailboxes_max.saturating_sub(known.len());
        let missing: Vec<&String> =
            saved.subscriptions.iter().filter(|name| !known.contains(name.as_str())).collect();
        if missing.len() > room {
            self.left_out.push(LeftOut::Subscriptions);
        }
        let taken = missing.into_iter().take(room);
        self.plan.changes.extend(taken.map(|name| AccountChange::Subscribe(name.clone())));
    }
}

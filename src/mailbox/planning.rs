//! What CREATE, DELETE, RENAME and their like do to the names of an account.       RFC 9051 6.3.4, 6.3.5, 6.3.6
//!
//! A plan is made on a tree, and changes nothing: it says what the store must be told, and what of it is a mailbox's affair.

use super::error::Refusal;
use super::tree::Tree;
use crate::store::{AccountChange, Acl, Annotated, DeletedMailbox, Life, MailboxNode};
use crate::types::utf7;
use crate::types::{AccountId, MailboxClass, MailboxId, MailboxName, SpecialUse, UidValidity};

/// A mailbox to be made: its header is committed together with its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Birth {
    pub(super) id: MailboxId,
    pub(super) uid_validity: UidValidity,
}

/// What becomes of the messages of a mailbox that is deleted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Kept { now_secs: i64 },
    Purged,
}

/// What an operation on the tree comes to.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) changes: Vec<AccountChange>,
    pub(super) birth: Option<Birth>,
    /// The mailbox that goes.
    pub(super) death: Option<MailboxId>,
    /// Octets by which annotations of users, and the shared ones, become more.
    pub(super) annotation_growth: Vec<(Option<AccountId>, i64)>,
    /// A name that has become another, with all names below.
    pub(super) renamed: Option<(MailboxName, MailboxName)>,
}

impl Plan {
    /// Whether it makes, removes or renames mailboxes, kept ones included.
    pub(super) fn changes_mailboxes(&self) -> bool {
        let other = |change: &AccountChange| {
            matches!(
                change,
                AccountChange::Annotate(_)
                    | AccountChange::Class(..)
                    | AccountChange::Settings(_)
                    | AccountChange::Acl(..)
                    | AccountChange::PutAlias(..)
                    | AccountChange::RemoveAlias(_)
                    | AccountChange::Subscribe(_)
                    | AccountChange::Unsubscribe(_)
            )
        };
        !self.changes.iter().all(other)
    }

    /// The mailbox that goes, or that comes back.
    pub(super) fn life(&self) -> Option<(MailboxId, Life)> {
        let back = |change: &AccountChange| match change {
            AccountChange::Exhume(id) => Some((*id, Life::Alive)),
            _ => None,
        };
        self.death.map(|id| (id, Life::Deleted)).or_else(|| self.changes.iter().find_map(back))
    }

    /// Whether the mailbox that goes is kept.
    pub(super) fn buries(&self) -> bool {
        self.changes.iter().any(|change| matches!(change, AccountChange::Bury(_)))
    }
}

impl Tree {
    pub(super) fn put(name: &MailboxName, id: Option<MailboxId>, special_use: Vec<SpecialUse>) -> AccountChange {
        AccountChange::PutNode(MailboxNode { name: name.clone(), id, special_use })
    }

    /// Puts holders where the names above `name` are missing.
    fn put_ancestors(&self, name: &MailboxName, plan: &mut Plan) {
        let missing = name.ancestors().filter(|above| !self.nodes.contains_key(above));
        plan.changes.extend(missing.map(|above| Tree::put(&above, None, Vec::new())));
    }

    /// A new mailbox under `name`. UIDVALIDITY grows with each mailbox, so that no two of one name ever share it.
    fn put_mailbox(&self, name: &MailboxName, special_use: Vec<SpecialUse>, now_secs: u32, plan: &mut Plan) {
        let last_uid_validity = self.last_uid_validity.saturating_add(1).max(now_secs);
        let uid_validity = UidValidity::new(last_uid_validity).unwrap_or(UidValidity::MIN);
        let id = MailboxId(self.next_mailbox);
        plan.changes.push(Tree::put(name, Some(id), special_use));
        plan.changes.extend(self.inherited(name).map(|acl| AccountChange::Acl(id, acl.clone())));
        plan.changes.push(AccountChange::Counters { next_mailbox: self.next_mailbox + 1, last_uid_validity });
        plan.birth = Some(Birth { id, uid_validity });
    }

    /// A new mailbox has the list of the nearest mailbox above it. CommuniGate Pro
    fn inherited(&self, name: &MailboxName) -> Option<&Acl> {
        let above: Vec<MailboxName> = name.ancestors().collect();
        let nearest = above.iter().rev().find_map(|above| self.node(above)?.id);
        nearest.and_then(|id| self.acl(id))
    }

    /// CREATE of a mailbox. RFC 9051 6.3.4, RFC 6154 3
    pub(super) fn create(
        &self,
        name: &MailboxName,
        special_use: &[SpecialUse],
        class: Option<&MailboxClass>,
        now_secs: u32,
    ) -> Result<Plan, Refusal> {
        if self.node(name).is_some_and(|node| node.id.is_some()) || self.is_aliased(name) {
            return Err(Refusal::AlreadyExists);
        }
        self.check_special_use(special_use)?;
        let mut plan = Plan::default();
        self.put_ancestors(name, &mut plan);
        self.put_mailbox(name, special_use.to_vec(), now_secs, &mut plan);
        if let (Some(class), Some(birth)) = (class, &plan.birth) {
            plan.changes.push(AccountChange::Class(birth.id, Some(class.clone())));
        }
        // What was said of the name that only held others is said of the mailbox.
        if let (true, Some(birth)) = (self.nodes.contains_key(name), &plan.birth) {
            let (from, to) = (Annotated::Holder(name.clone()), Annotated::Mailbox(birth.id));
            plan.changes.push(AccountChange::MoveAnnotations { from, to });
        }
        Ok(plan)
    }

    fn check_special_use(&self, wanted: &[SpecialUse]) -> Result<(), Refusal> {
        match wanted.iter().all(|of| self.is_free(*of)) {
            true => Ok(()),
            false => Err(Refusal::UseAttr),
        }
    }

    /// One mailbox for each use; \All and \Flagged would be views of other mailboxes, which Gatepost does not have.
    pub(super) fn is_free(&self, of: SpecialUse) -> bool {
        let taken = || self.nodes.values().any(|node| node.special_use.contains(&of));
        !matches!(of, SpecialUse::All | SpecialUse::Flagged) && !taken()
    }

    /// Whether what is done to this name is done to what an alias stands for.
    pub(super) fn is_aliased(&self, name: &MailboxName) -> bool {
        !self.aliases.is_empty() && name.ancestors().chain([name.clone()]).any(|at| self.aliases.contains_key(&at))
    }

    /// CREATE of a name that only holds others.
    pub(super) fn create_holder(&self, name: &MailboxName) -> Result<Plan, Refusal> {
        if self.nodes.contains_key(name) {
            return Err(Refusal::AlreadyExists);
        }
        if self.is_aliased(name) {
            return Err(Refusal::AlreadyExists);
        }
        let mut plan = Plan::default();
        self.put_ancestors(name, &mut plan);
        plan.changes.push(Tree::put(name, None, Vec::new()));
        Ok(plan)
    }

    /// DELETE: a name that holds others stays as a holder.
    pub(super) fn delete(&self, name: &MailboxName, fate: Fate) -> Result<Plan, Refusal> {
        if name.is_inbox() {
            return Err(Refusal::Inbox);
        }
        let node = self.node(name).ok_or(Refusal::NonExistent)?;
        let mut plan = Plan { death: node.id, ..Plan::default() };
        match (self.has_children(name), node.id) {
            (true, None) => return Err(Refusal::HasChildren),
            (true, Some(_)) => plan.changes.push(Tree::put(name, None, Vec::new())),
            (false, id) => {
                plan.changes.push(AccountChange::RemoveNode(name.clone()));
                if id.is_none() {
                    plan.changes.push(AccountChange::DropAnnotations(Annotated::Holder(name.clone())));
                }
            }
        }
        plan.changes.extend(node.id.map(|id| match fate {
            Fate::Purged => AccountChange::Purge(id),
            Fate::Kept { now_secs } => AccountChange::Bury(DeletedMailbox {
                id,
                deleted_secs: now_secs,
                name: name.clone(),
                special_use: node.special_use.clone(),
            }),
        }));
        Ok(plan)
    }

    /// Gives a deleted mailbox its name again, or one beside it where that is taken. Nothing where it is back already, or gone.
    pub(super) fn undelete(&self, deleted: &DeletedMailbox) -> Result<Plan, Refusal> {
        if !self.deleted.contains_key(&deleted.id) {
            return Ok(Plan::default());
        }
        let taken = |name: &MailboxName| self.node(name).is_some_and(|node| node.id.is_some());
        let mut name = deleted.name.clone();
        for n in 1.. {
            if !taken(&name) {
                break;
            }
            let beside = format!("{} (undeleted {n})", deleted.name.as_str());
            name = MailboxName::new(&beside).map_err(Refusal::BadName)?;
        }
        let free = |of: &&SpecialUse| !self.nodes.values().any(|node| node.special_use.contains(of));
        let special_use = deleted.special_use.iter().filter(free).copied().collect();
        let mut plan = Plan::default();
        self.put_ancestors(&name, &mut plan);
        plan.changes.push(Tree::put(&name, Some(deleted.id), special_use));
        plan.changes.push(AccountChange::Exhume(deleted.id));
        if self.nodes.contains_key(&name) {
            let (from, to) = (Annotated::Holder(name), Annotated::Mailbox(deleted.id));
            plan.changes.push(AccountChange::MoveAnnotations { from, to });
        }
        Ok(plan)
    }

    /// Gives a mailbox up that was deleted before then. Nothing where it is back.
    pub(super) fn purge(&self, id: MailboxId, before_secs: i64) -> Plan {
        let due = self.deleted.get(&id).filter(|deleted| deleted.deleted_secs < before_secs);
        Plan { changes: due.map(|_| AccountChange::Purge(id)).into_iter().collect(), ..Plan::default() }
    }

    /// RENAME, with all names below; INBOX leaves its messages to the new name and stays, empty.
    pub(super) fn rename(&self, from: &MailboxName, to: &MailboxName, now_secs: u32) -> Result<Plan, Refusal> {
        let node = self.node(from).ok_or(Refusal::NonExistent)?;
        if self.nodes.contains_key(to) {
            return Err(Refusal::AlreadyExists);
        }
        if to.is_below(from) && !from.is_inbox() {
            return Err(Refusal::BelowItself);
        }
        let mut plan = Plan { renamed: Some((from.clone(), to.clone())), ..Plan::default() };
        self.put_ancestors(to, &mut plan);
        if from.is_inbox() {
            plan.changes.push(Tree::put(to, node.id, Vec::new()));
            self.put_mailbox(from, node.special_use.clone(), now_secs, &mut plan);
            // Both have its annotations. RFC 5464 4.1
            if let (Some(old), Some(birth)) = (node.id, &plan.birth) {
                let (from, to) = (Annotated::Mailbox(old), Annotated::Mailbox(birth.id));
                plan.changes.push(AccountChange::CopyAnnotations { from, to });
            }
            return Ok(plan);
        }
        for (name, node) in self.below(from).chain([(from, node)]) {
            let moved = name.moved(from, to).map_err(Refusal::BadName)?;
            plan.changes.push(AccountChange::RemoveNode(name.clone()));
            plan.changes.push(Tree::put(&moved, node.id, node.special_use.clone()));
            if node.id.is_none() {
                let (from, to) = (Annotated::Holder(name.clone()), Annotated::Holder(moved));
                plan.changes.push(AccountChange::MoveAnnotations { from, to });
            }
        }
        Ok(plan)
    }

    /// A name that stands for a mailbox of this account or of another.
    pub(super) fn put_alias(&self, alias: &MailboxName, name: &str) -> Result<Plan, Refusal> {
        if alias.is_inbox() || self.nodes.contains_key(alias) {
            return Err(Refusal::AlreadyExists);
        }
        let changes = vec![AccountChange::PutAlias(alias.clone(), name.to_string())];
        Ok(Plan { changes, ..Plan::default() })
    }

    pub(super) fn remove_alias(&self, alias: &MailboxName) -> Result<Plan, Refusal> {
        match self.aliases.contains_key(alias) {
            true => Ok(Plan { changes: vec![AccountChange::RemoveAlias(alias.clone())], ..Plan::default() }),
            false => Err(Refusal::NonExistent),
        }
    }

    /// Sets the special uses of a mailbox as `/private/specialuse` says them, checked as CREATE checks them. RFC 6154 4
    pub(super) fn plan_uses(&self, name: &MailboxName, value: Option<&[u8]>, plan: &mut Plan) -> Result<(), Refusal> {
        let node = self.node(name).ok_or(Refusal::NonExistent)?;
        let text = std::str::from_utf8(value.unwrap_or_default()).map_err(|_| Refusal::UseAttr)?;
        let mut uses = Vec::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let wanted = SpecialUse::from_name(word).ok_or(Refusal::UseAttr)?;
            if !uses.contains(&wanted) {
                uses.push(wanted);
            }
        }
        let new: Vec<SpecialUse> = uses.iter().filter(|of| !node.special_use.contains(of)).copied().collect();
        self.check_special_use(&new)?;
        if node.id.is_none() && !uses.is_empty() {
            return Err(Refusal::UseAttr);
        }
        plan.changes.push(Tree::put(name, node.id, uses));
        Ok(())
    }

    /// Sets the class of a mailbox; no value for mail.
    pub(super) fn plan_class(
        &self,
        name: &MailboxName,
        id: Option<MailboxId>,
        value: Option<&[u8]>,
        plan: &mut Plan,
    ) -> Result<(), Refusal> {
        let class = |value| std::str::from_utf8(value).ok().and_then(MailboxClass::new).ok_or(Refusal::BadClass);
        let class = value.map(class).transpose()?;
        let id = id.ok_or(Refusal::BadClass)?;
        if name.is_inbox() && class.as_ref().is_some_and(|class| !class.is_mail()) {
            return Err(Refusal::BadClass);
        }
        plan.changes.push(AccountChange::Class(id, class));
        Ok(())
    }

    /// Sets or removes an alias; its name is in modified UTF-7, as entries are ASCII.
    pub(super) fn plan_alias(&self, alias: &str, value: Option<&[u8]>, plan: &mut Plan) -> Result<(), Refusal> {
        let alias = utf7::decode(alias).and_then(|alias| MailboxName::new(&alias).ok()).ok_or(Refusal::BadAlias)?;
        let more = match value {
            Some(value) => {
                let name = std::str::from_utf8(value).ok().and_then(|name| MailboxName::new(name).ok());
                self.put_alias(&alias, name.ok_or(Refusal::BadAlias)?.as_str())?
            }
            None if self.aliases.contains_key(&alias) => self.remove_alias(&alias)?,
            None => Plan::default(),
        };
        plan.changes.extend(more.changes);
        Ok(())
    }
}

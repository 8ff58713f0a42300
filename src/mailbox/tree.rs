//! The names of an account: what CREATE, DELETE and RENAME do to them.       RFC 9051 6.3.4, 6.3.5, 6.3.6
//!
//! A tree is a value: an operation gives the changes that the store must make, and a new tree once it has made them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::Refusal;
use super::sorted::{SortedMap, SortedSet};
use crate::store::{
    AccountChange, AccountImage, AccountSettings, Acl, Annotated, DeletedMailbox, Life, MailboxNode, QuotaLimits,
    UrlKey, Value, Version,
};
use crate::types::utf7;
use crate::types::{AccountId, MailboxClass, MailboxId, MailboxName, SpecialUse, UidValidity};

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `None` for a name that only holds others.
    pub id: Option<MailboxId>,
    pub special_use: Vec<SpecialUse>,
}

/// Its parts are shared with the trees before and after it that have the same.
#[derive(Clone)]
pub struct Tree {
    pub(super) version: Version,
    /// The account is no more.
    removed: bool,
    nodes: SortedMap<MailboxName, Node>,
    /// Nodes that are mailboxes.
    mailboxes: usize,
    subscriptions: SortedSet<String>,
    deleted: SortedMap<MailboxId, DeletedMailbox>,
    quota: QuotaLimits,
    settings: AccountSettings,
    acls: SortedMap<MailboxId, Acl>,
    aliases: Arc<BTreeMap<MailboxName, String>>,
    /// Of the mailboxes that hold something else than mail, or say so.
    classes: SortedMap<MailboxId, MailboxClass>,
    certificate: Option<Value>,
    url_keys: BTreeMap<(AccountId, MailboxId), UrlKey>,
    next_mailbox: u64,
    last_uid_validity: u32,
}

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
    pub(super) fn new(image: AccountImage) -> Tree {
        let node = |node: MailboxNode| (node.name, Node { id: node.id, special_use: node.special_use });
        Tree {
            version: image.version,
            removed: image.removed,
            mailboxes: image.nodes.iter().filter(|node| node.id.is_some()).count(),
            nodes: image.nodes.into_iter().map(node).collect(),
            subscriptions: image.subscriptions.into_iter().collect(),
            deleted: image.deleted.into_iter().map(|mailbox| (mailbox.id, mailbox)).collect(),
            quota: image.quota,
            settings: image.settings,
            acls: image.acls.into_iter().collect(),
            aliases: Arc::new(image.aliases.into_iter().collect()),
            classes: image.classes.into_iter().collect(),
            certificate: image.certificate,
            url_keys: image.url_keys.into_iter().collect(),
            next_mailbox: image.next_mailbox,
            last_uid_validity: image.last_uid_validity,
        }
    }

    pub(super) fn is_removed(&self) -> bool {
        self.removed
    }

    pub fn node(&self, name: &MailboxName) -> Option<&Node> {
        self.nodes.get(name)
    }

    /// All names, in order: INBOX among the others.
    pub fn nodes(&self) -> impl Iterator<Item = (&MailboxName, &Node)> {
        self.nodes.iter()
    }

    /// The names that begin so, in order.
    pub(super) fn beginning<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a MailboxName> {
        let names = self.nodes.from(prefix).map(|(name, _)| name);
        names.take_while(move |name| name.as_str().starts_with(prefix))
    }

    /// Subscribed names, whether such a mailbox exists or not.
    pub fn subscriptions(&self) -> &SortedSet<String> {
        &self.subscriptions
    }

    /// Mailboxes that were deleted and can be brought back.
    pub fn deleted(&self) -> &SortedMap<MailboxId, DeletedMailbox> {
        &self.deleted
    }

    /// Mailboxes that were in an earlier tree and are not in this one.
    pub(super) fn mailboxes_gone_since(&self, before: &Tree) -> BTreeSet<MailboxId> {
        let ids = |tree: &Tree| tree.nodes.values().filter_map(|node| node.id).collect::<BTreeSet<_>>();
        &ids(before) - &ids(self)
    }

    pub(super) fn acl(&self, id: MailboxId) -> Option<&Acl> {
        self.acls.get(&id)
    }

    /// Aliases and the names that they stand for.
    pub fn aliases(&self) -> &BTreeMap<MailboxName, String> {
        &self.aliases
    }

    /// The nodes that `sees` is true of; names above them stay as holders, subscriptions are the owner's.
    pub(super) fn pruned(&self, sees: impl Fn(&MailboxName) -> bool) -> Tree {
        let seen: BTreeSet<&MailboxName> = self.nodes().map(|(name, _)| name).filter(|name| sees(name)).collect();
        let above: BTreeSet<MailboxName> = seen.iter().flat_map(|name| name.ancestors()).collect();
        let shown = |(name, node): (&MailboxName, &Node)| {
            let id = node.id.filter(|_| seen.contains(name));
            // Special uses are the owner's own. RFC 6154 4
            let shown = seen.contains(name) || above.contains(name);
            shown.then(|| (name.clone(), Node { id, special_use: Vec::new() }))
        };
        let nodes: SortedMap<MailboxName, Node> = self.nodes().filter_map(shown).collect();
        let mailboxes = nodes.values().filter(|node| node.id.is_some()).count();
        Tree { nodes, mailboxes, subscriptions: SortedSet::default(), ..self.clone() }
    }

    pub(super) fn url_key(&self, entry: (AccountId, MailboxId)) -> Option<UrlKey> {
        self.url_keys.get(&entry).cloned()
    }

    /// Whether URLs are authorised by the same keys as in another tree.
    pub(super) fn has_keys_of(&self, other: &Tree) -> bool {
        self.url_keys == other.url_keys
    }

    /// The mailboxes that the account has keys for.
    pub(super) fn url_keys(&self) -> impl Iterator<Item = (AccountId, MailboxId)> {
        self.url_keys.keys().copied()
    }

    /// The S/MIME certificate of the account, in DER.
    pub(super) fn certificate(&self) -> Option<&Value> {
        self.certificate.as_ref()
    }

    /// `None` where the mailbox has been given none: mail.
    pub fn class(&self, id: MailboxId) -> Option<&MailboxClass> {
        self.classes.get(&id)
    }

    /// What the account says otherwise than its domain.
    pub fn settings(&self) -> AccountSettings {
        self.settings
    }

    /// The account's own limits.
    pub(super) fn quota(&self) -> QuotaLimits {
        self.quota
    }

    pub(super) fn has_children(&self, name: &MailboxName) -> bool {
        self.below(name).next().is_some()
    }

    /// The names inside `name`, at any depth.
    pub(super) fn below<'a>(&'a self, name: &'a MailboxName) -> impl Iterator<Item = (&'a MailboxName, &'a Node)> {
        // `name/` is the first string that a name below can begin with, though others (`name!`) sort between.
        self.nodes
            .from(name)
            .skip_while(move |(other, _)| *other == name)
            .take_while(move |(other, _)| other.as_str().starts_with(name.as_str()))
            .filter(move |(other, _)| other.is_below(name))
    }

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

    /// This tree after `changes`, one version later.
    pub(super) fn after(&self, changes: &[AccountChange]) -> Tree {
        let mut tree = self.clone();
        tree.version = Version(tree.version.0 + 1);
        changes.iter().for_each(|change| tree.apply(change));
        tree
    }

    fn apply(&mut self, change: &AccountChange) {
        match change {
            AccountChange::PutNode(node) => {
                self.uncount(&node.name);
                self.mailboxes += usize::from(node.id.is_some());
                let value = Node { id: node.id, special_use: node.special_use.clone() };
                self.nodes.insert(node.name.clone(), value);
            }
            AccountChange::RemoveNode(name) => {
                self.uncount(name);
                self.nodes.remove(name);
            }
            AccountChange::Subscribe(name) => self.subscriptions.insert(name.clone()),
            AccountChange::Unsubscribe(name) => self.subscriptions.remove(name),
            AccountChange::Counters { next_mailbox, last_uid_validity } => {
                (self.next_mailbox, self.last_uid_validity) = (*next_mailbox, *last_uid_validity);
            }
            AccountChange::Quota(limits) => self.quota = *limits,
            AccountChange::PutUrlKey(entry, key) => drop(self.url_keys.insert(*entry, key.clone())),
            AccountChange::RemoveUrlKey(entry) => drop(self.url_keys.remove(entry)),
            AccountChange::Certificate(der) => self.certificate = der.clone(),
            AccountChange::Acl(id, acl) if acl.0.is_empty() => self.acls.remove(id),
            AccountChange::Acl(id, acl) => self.acls.insert(*id, acl.clone()),
            AccountChange::PutAlias(alias, name) => {
                drop(Arc::make_mut(&mut self.aliases).insert(alias.clone(), name.clone()));
            }
            AccountChange::RemoveAlias(alias) => drop(Arc::make_mut(&mut self.aliases).remove(alias)),
            AccountChange::Bury(mailbox) => self.deleted.insert(mailbox.id, mailbox.clone()),
            AccountChange::Exhume(id) => self.deleted.remove(id),
            AccountChange::Purge(id) => {
                self.deleted.remove(id);
                self.acls.remove(id);
                self.classes.remove(id);
            }
            AccountChange::Class(id, Some(class)) => self.classes.insert(*id, class.clone()),
            AccountChange::Class(id, None) => self.classes.remove(id),
            AccountChange::Settings(settings) => self.settings = *settings,
            // They are in no memory.
            AccountChange::Annotate(_)
            | AccountChange::MoveAnnotations { .. }
            | AccountChange::CopyAnnotations { .. }
            | AccountChange::DropAnnotations(_) => {}
        }
    }

    /// A name goes, or becomes something else.
    fn uncount(&mut self, name: &MailboxName) {
        self.mailboxes -= usize::from(self.node(name).is_some_and(|node| node.id.is_some()));
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

    /// Mailboxes, names that only hold others aside.
    pub(super) fn mailbox_count(&self) -> usize {
        self.mailboxes
    }
}

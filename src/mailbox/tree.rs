//! The names of an account, and what is known of them.
//!
//! A tree is a value: an operation gives the changes that the store must make (`planning`), and a new tree once it has made
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::sorted::{SortedMap, SortedSet};
use crate::store::{
    AccountChange, AccountImage, AccountSettings, Acl, DeletedMailbox, MailboxNode, QuotaLimits, UrlKey, Value,
    Version,
};
use crate::types::{AccountId, MailboxClass, MailboxId, MailboxName, SpecialUse};

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
    pub(super) nodes: SortedMap<MailboxName, Node>,
    /// Nodes that are mailboxes.
    mailboxes: usize,
    subscriptions: SortedSet<String>,
    pub(super) deleted: SortedMap<MailboxId, DeletedMailbox>,
    quota: QuotaLimits,
    settings: AccountSettings,
    pub(super) acls: SortedMap<MailboxId, Acl>,
    pub(super) aliases: Arc<BTreeMap<MailboxName, String>>,
    /// Of the mailboxes that hold something else than mail, or say so.
    pub(super) classes: SortedMap<MailboxId, MailboxClass>,
    certificate: Option<Value>,
    url_keys: BTreeMap<(AccountId, MailboxId), UrlKey>,
    pub(super) next_mailbox: u64,
    pub(super) last_uid_validity: u32,
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

    /// Mailboxes, names that only hold others aside.
    pub(super) fn mailbox_count(&self) -> usize {
        self.mailboxes
    }
}

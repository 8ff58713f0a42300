//! Annotations of mailboxes and of the server.      RFC 5464; RFC 6154 4
//!
//! `Account::annotation` and its neighbours are the door for all who read or set entries: what a user may is asked of
//! the access control list before, by `may_annotate` and `may_set`. Some entries are computed: special uses, classes,
//! aliases, the administrator's address.

use super::account::Account;
use super::annotation_watch::AnnotationWatch;
use super::error::{MailboxError, Refusal};
use super::planning::Plan;
use super::sealing::ENCRYPT_TO;
use super::tree::Tree;
use crate::store::{AccountChange, Annotate, Annotated, Annotation, Commit, Store, StoreError};
use crate::types::utf7;
use crate::types::{
    AccountId, Depth, EntryName, EntryScope, MailboxClass, MailboxId, MailboxName, Right, Rights, SpecialUse,
};

/// Bounds of annotations. RFC 5464 4.1
#[derive(Clone, Debug)]
pub struct AnnotationLimits {
    /// Octets of one value.
    pub value_bytes_max: u64,
    /// Entries of one user, and shared ones, of a mailbox or of the server.
    pub entries_max: usize,
    /// Octets of all entries of one user, and of all shared ones, in the mailboxes of an account.
    pub total_bytes_max: u64,
}

impl Default for AnnotationLimits {
    fn default() -> AnnotationLimits {
        AnnotationLimits { value_bytes_max: 64 << 10, entries_max: 200, total_bytes_max: 16 << 20 }
    }
}

/// Entries that stand for something else that is kept.
pub(super) const SPECIAL_USE: &str = "/private/specialuse";
pub(super) const CLASS: &str = "/shared/vendor/gatepost/class";
const ALIASES: &str = "/private/vendor/gatepost/alias";
pub(super) const ADMIN: &str = "/shared/admin";
/// What says how the server treats a mailbox is for those who administer it.
const OURS: &str = "/shared/vendor/gatepost";

/// An entry and its new value; `None` takes it away.
pub type NewValue = (EntryName, Option<Vec<u8>>);

pub(super) fn entry(name: &str) -> EntryName {
    EntryName::new(name).unwrap_or_else(|| unreachable!("{name} is an entry"))
}

/// Whether annotations can be read and set with these rights. RFC 5464 3.3
pub fn may_annotate(rights: Rights) -> bool {
    rights.has(Right::Lookup) && rights.has_any(&[Right::Read, Right::Seen, Right::Write, Right::Insert, Right::Post])
}

/// Whether this entry can be set by who may annotate.
pub fn may_set(rights: Rights, entry: &EntryName) -> bool {
    entry.below(OURS).is_none() || rights.has(Right::Administer)
}

/// What stands at a name.
struct Spot {
    at: Annotated,
    id: Option<MailboxId>,
    uses: Vec<SpecialUse>,
    class: Option<MailboxClass>,
}

fn spot(tree: &Tree, name: &MailboxName) -> Result<Spot, Refusal> {
    let node = tree.node(name).ok_or(Refusal::NonExistent)?;
    let at = node.id.map_or_else(|| Annotated::Holder(name.clone()), Annotated::Mailbox);
    let class = node.id.and_then(|id| tree.class(id)).cloned();
    Ok(Spot { at, id: node.id, uses: node.special_use.clone(), class })
}

impl Account {
    /// The value of an entry of a mailbox for a user: of the user's own, or shared.
    pub fn annotation(
        &self,
        mailbox: &MailboxName,
        user: &Account,
        entry: &EntryName,
    ) -> Result<Option<Vec<u8>>, MailboxError> {
        let found = self.annotations(mailbox, user, std::slice::from_ref(entry), Depth::Zero)?;
        Ok(found.into_iter().next().map(|annotation| annotation.value))
    }

    /// The entries of these names, where they have values, and those below them, in the order of their names.
    pub fn annotations(
        &self,
        mailbox: &MailboxName,
        user: &Account,
        bases: &[EntryName],
        depth: Depth,
    ) -> Result<Vec<Annotation>, MailboxError> {
        let spot = spot(&self.tree(), mailbox)?;
        let mut found = self.stored(&spot.at, user, bases, depth)?;
        if user.id == self.id && !spot.uses.is_empty() {
            let uses: Vec<&str> = spot.uses.iter().map(|of| of.name()).collect();
            found.push(Annotation { entry: entry(SPECIAL_USE), value: uses.join(" ").into() });
        }
        if let Some(class) = &spot.class {
            found.push(Annotation { entry: entry(CLASS), value: class.as_str().into() });
        }
        Ok(within(found, bases, depth))
    }

    /// Those that stand in the account's partition.
    fn stored(
        &self,
        at: &Annotated,
        user: &Account,
        bases: &[EntryName],
        depth: Depth,
    ) -> Result<Vec<Annotation>, StoreError> {
        let store = &self.shared.store;
        let mut found = Vec::new();
        if depth == Depth::Zero {
            for entry in bases {
                found.extend(store.annotation(self.id, at, owner(entry, user.id), entry)?);
            }
            return Ok(found);
        }
        for of in [Some(user.id), None] {
            if bases.iter().any(|entry| owner(entry, user.id) == of) {
                found.extend(store.annotations(self.id, at, of)?);
            }
        }
        Ok(found)
    }

    /// As `annotations`, of the server as this account's user sees it.
    pub fn server_annotations(&self, bases: &[EntryName], depth: Depth) -> Result<Vec<Annotation>, MailboxError> {
        let (private, shared): (Vec<EntryName>, Vec<EntryName>) =
            bases.iter().cloned().partition(|entry| entry.scope() == EntryScope::Private);
        let mut found = self.stored(&Annotated::Account, self, &private, depth)?;
        if !shared.is_empty() {
            found.extend(self.shared.store.server_annotations()?);
        }
        if let Some(contact) = &self.shared.policy.read().contact {
            found.push(Annotation { entry: entry(ADMIN), value: contact.as_bytes().into() });
        }
        let alias = |(alias, name): (&MailboxName, &String)| {
            Some(Annotation { entry: alias_entry(alias)?, value: name.as_bytes().into() })
        };
        found.extend(self.tree().aliases().iter().filter_map(alias));
        Ok(within(found, bases, depth))
    }

    /// The value of an entry of the server, for this account's user.
    pub fn server_annotation(&self, entry: &EntryName) -> Result<Option<Vec<u8>>, MailboxError> {
        let found = self.server_annotations(std::slice::from_ref(entry), Depth::Zero)?;
        Ok(found.into_iter().next().map(|annotation| annotation.value))
    }

    /// Sets entries of a mailbox for a user: all of them or none. The session that does it does not hear of it.
    pub fn annotate(
        &self,
        mailbox: &MailboxName,
        user: &Account,
        values: &[NewValue],
        by: Option<&AnnotationWatch>,
    ) -> Result<(), MailboxError> {
        let plan = |tree: &Tree| {
            let spot = spot(tree, mailbox)?;
            let mut plan = Plan::default();
            let mut plain = Vec::new();
            for (entry, value) in values {
                match entry.folded().as_str() {
                    SPECIAL_USE if user.id != self.id => return Err(Refusal::NoPrivate.into()),
                    SPECIAL_USE => tree.plan_uses(mailbox, value.as_deref(), &mut plan)?,
                    ENCRYPT_TO => {
                        // What cannot be encrypted for would keep all mail away.
                        value.as_deref().map(|value| self.seal_by(value)).transpose()?;
                        plain.push((entry.clone(), value.clone()));
                    }
                    CLASS => tree.plan_class(mailbox, spot.id, value.as_deref(), &mut plan)?,
                    _ => plain.push((entry.clone(), value.clone())),
                }
            }
            self.plan_values(&spot.at, user.id, plain, &mut plan)?;
            Ok(plan)
        };
        self.change_with(plan, || Ok(None))?;
        let entries = values.iter().map(|(entry, _)| entry);
        self.shared.annotation_feed.changed(self, Some(mailbox), user.name(), entries, by);
        Ok(())
    }

    /// What a mailbox holds. CommuniGate Pro
    pub fn class(&self, mailbox: &MailboxName) -> Result<MailboxClass, MailboxError> {
        Ok(spot(&self.tree(), mailbox)?.class.unwrap_or_else(MailboxClass::mail))
    }

    pub fn set_class(&self, mailbox: &MailboxName, class: &MailboxClass) -> Result<(), MailboxError> {
        self.annotate(mailbox, self, &[(entry(CLASS), Some(class.as_str().into()))], None)
    }

    /// Sets entries of the server, as this account's user sees it: all of them or none. Who may set shared ones is for the
    /// caller to know.
    pub fn annotate_server(&self, values: &[NewValue], by: Option<&AnnotationWatch>) -> Result<(), MailboxError> {
        let (private, shared): (Vec<_>, Vec<_>) =
            values.iter().cloned().partition(|(entry, _)| entry.scope() == EntryScope::Private);
        if shared.iter().any(|(name, _)| *name == entry(ADMIN)) {
            return Err(Refusal::ReadOnlyEntry.into());
        }
        // Both or neither: the server's goes along with the account's.
        let set = || {
            self.change_with(
                |tree| {
                    let (mut plan, mut plain) = (Plan::default(), Vec::new());
                    for (name, value) in &private {
                        match name.below(ALIASES) {
                            Some(alias) => tree.plan_alias(alias, value.as_deref(), &mut plan)?,
                            None => plain.push((name.clone(), value.clone())),
                        }
                    }
                    self.plan_values(&Annotated::Account, self.id, plain, &mut plan)?;
                    Ok(plan)
                },
                || self.plan_server(&shared),
            )
        };
        match shared.is_empty() {
            true => set()?,
            false => self.shared.server_annotations.set(&shared, set)?,
        }
        let entries = values.iter().map(|(entry, _)| entry);
        self.shared.annotation_feed.changed(self, None, self.name(), entries, by);
        Ok(())
    }

    fn plan_server(&self, values: &[NewValue]) -> Result<Option<Commit>, MailboxError> {
        if values.is_empty() {
            return Ok(None);
        }
        let guard = self.shared.store.server_guard()?;
        let there = self.shared.store.server_annotations()?;
        self.check_count(there, values)?;
        self.check_sizes(values)?;
        Ok(Some(Commit::Server { guard, entries: values.to_vec() }))
    }

    /// The changes that set entries which stand for nothing else.
    fn plan_values(
        &self,
        at: &Annotated,
        user: AccountId,
        values: Vec<NewValue>,
        plan: &mut Plan,
    ) -> Result<(), MailboxError> {
        self.check_sizes(&values)?;
        for of in [Some(user), None] {
            let of_it: Vec<NewValue> = values.iter().filter(|(entry, _)| owner(entry, user) == of).cloned().collect();
            if of_it.is_empty() {
                continue;
            }
            let there = self.shared.store.annotations(self.id, at, of)?;
            let growth = growth(&there, &of_it);
            self.check_count(there, &of_it)?;
            self.check_total(of, growth)?;
            plan.annotation_growth.push((of, growth));
            plan.changes.extend(
                of_it.into_iter().map(|(entry, value)| {
                    AccountChange::Annotate(Annotate { at: at.clone(), user: of, entry, value })
                }),
            );
        }
        Ok(())
    }

    fn check_sizes(&self, values: &[NewValue]) -> Result<(), Refusal> {
        let max = self.shared.limits.annotations.value_bytes_max;
        let too_big = |value: &Option<Vec<u8>>| value.as_ref().is_some_and(|value| value.len() as u64 > max);
        match values.iter().any(|(_, value)| too_big(value)) {
            true => Err(Refusal::AnnotationTooBig(max)),
            false => Ok(()),
        }
    }

    /// More entries than there may be are refused; fewer never are.
    fn check_count(&self, there: Vec<Annotation>, values: &[NewValue]) -> Result<(), Refusal> {
        let before = there.len();
        let mut names: Vec<EntryName> = there.into_iter().map(|annotation| annotation.entry).collect();
        for (entry, value) in values {
            names.retain(|known| known != entry);
            if value.is_some() {
                names.push(entry.clone());
            }
        }
        match names.len() > self.shared.limits.annotations.entries_max && names.len() > before {
            true => Err(Refusal::TooManyAnnotations),
            false => Ok(()),
        }
    }

    /// Octets by which a new entry makes a user's, or the shared ones, more, where there is room for it beside so many others
    /// there and so much more already.
    pub(super) fn annotation_room(
        &self,
        of: Option<AccountId>,
        entries: usize,
        more: i64,
        entry: &EntryName,
        value: &[u8],
    ) -> Result<Option<i64>, MailboxError> {
        let limits = &self.shared.limits.annotations;
        if entries >= limits.entries_max || value.len() as u64 > limits.value_bytes_max {
            return Ok(None);
        }
        let cost = Store::annotation_cost(entry, value) as i64;
        match self.check_total(of, more + cost) {
            Ok(()) => Ok(Some(cost)),
            Err(MailboxError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn check_total(&self, of: Option<AccountId>, growth: i64) -> Result<(), MailboxError> {
        let mut held = self.annotation_bytes.lock();
        if held.is_none() {
            *held = Some(self.shared.store.annotation_bytes(self.id)?);
        }
        let total = held.as_ref().and_then(|sums| sums.get(&of)).copied().unwrap_or(0);
        let over = total.saturating_add_signed(growth) > self.shared.limits.annotations.total_bytes_max;
        if growth > 0 && over { Err(Refusal::TooManyAnnotations.into()) } else { Ok(()) }
    }

    /// After a commit, while no other can be made: the sums are kept up, or forgotten.
    pub(super) fn annotations_changed(&self, plan: &Plan) {
        let mut held = self.annotation_bytes.lock();
        let moved = |change: &AccountChange| {
            matches!(
                change,
                AccountChange::Purge(_) | AccountChange::CopyAnnotations { .. } | AccountChange::DropAnnotations(_)
            )
        };
        if plan.changes.iter().any(moved) {
            *held = None;
        }
        for (of, growth) in &plan.annotation_growth {
            if let Some(sums) = held.as_mut() {
                let sum = sums.entry(*of).or_default();
                *sum = sum.saturating_add_signed(*growth);
            }
        }
    }
}

/// Whose value an entry has: the user's, or that of all.
fn owner(entry: &EntryName, user: AccountId) -> Option<AccountId> {
    match entry.scope() {
        EntryScope::Private => Some(user),
        EntryScope::Shared => None,
    }
}

/// The entry that an alias is, where its name can be one.
pub(super) fn alias_entry(alias: &MailboxName) -> Option<EntryName> {
    EntryName::new(&format!("{ALIASES}/{}", utf7::encode(alias.as_str())))
}

fn growth(there: &[Annotation], values: &[NewValue]) -> i64 {
    let cost = |entry: &EntryName, value: &[u8]| Store::annotation_cost(entry, value) as i64;
    let before = |entry: &EntryName| {
        let known = there.iter().find(|annotation| annotation.entry == *entry);
        known.map_or(0, |annotation| cost(&annotation.entry, &annotation.value))
    };
    let after = |(entry, value): &NewValue| value.as_ref().map_or(0, |value| cost(entry, value));
    values.iter().map(|value| after(value) - before(&value.0)).sum()
}

fn within(mut found: Vec<Annotation>, bases: &[EntryName], depth: Depth) -> Vec<Annotation> {
    found.retain(|annotation| bases.iter().any(|base| annotation.entry.is_within(base, depth)));
    found.sort_by(|a, b| a.entry.cmp(&b.entry));
    found
}

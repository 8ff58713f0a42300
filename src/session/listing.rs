//! The names that LIST and LSUB show to a session.  RFC 9051 6.3.9; RFC 5258 3; CommuniGate Pro
//!
//! Of the own account, with its aliases and what is below them; what is subscribed to, wherever it leads; and for a
//! pattern that begins with `~` the mailboxes of the account that it names, as far as they may be seen. Where it names
//! none, of the accounts that the user's subscriptions and aliases lead to, and of `public`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::core::Core;
use super::place::{FOREIGN, foreign};
use super::reply::Failure;
use crate::mailbox::{Account, Listed, Shown, Sight, Subscribed, Tree, Who};
use crate::proto::ListCommand;
use crate::types::{AccountName, DELIMITER, ListReturn, ListSelect, MailboxName, Pattern};

pub(super) struct Listing<'a> {
    core: &'a Core,
    account: &'a Arc<Account>,
    own: Arc<Tree>,
    shown: Shown,
    /// Of the accounts that have been looked at: what the user may see of them.
    others: RefCell<HashMap<AccountName, Option<Arc<Tree>>>>,
}

/// Whether the client asks for mailboxes of all classes.
fn names_class(command: &ListCommand) -> bool {
    command.select.contains(&ListSelect::Class) || command.returns.contains(&ListReturn::Class)
}

impl<'a> Listing<'a> {
    pub(super) fn new(core: &'a Core, account: &'a Arc<Account>, command: Option<&ListCommand>) -> Listing<'a> {
        let all = core.dialect.extensions || command.is_some_and(names_class) || account.shows_non_mail();
        let shown = if all { Shown::All } else { Shown::Mail };
        Listing { core, account, own: account.tree(), shown, others: RefCell::default() }
    }

    /// In the order of the names, own ones first.
    pub(super) fn list(&self, command: &ListCommand) -> Result<Vec<Listed>, Failure> {
        let whole = command.patterns.iter().map(|text| format!("{}{text}", command.reference));
        let (foreign, own): (Vec<String>, Vec<String>) = whole.partition(|text| text.starts_with(FOREIGN));
        // Subscriptions are one's own, to whatever mailboxes they are.
        let subscribed = command.select.contains(&ListSelect::Subscribed);
        let here = own.iter().chain(foreign.iter().filter(|_| subscribed));
        let patterns: Vec<Pattern> = here.map(|text| Pattern::new("", text)).collect();
        let mut listed = self.sight(&|name| self.hides(name), |sight| sight.list(&patterns, &command.select));
        listed.iter_mut().filter(|name| !name.exists).for_each(|name| self.resolve(name));
        self.mark_remote(&mut listed);
        // What is on another server is for those who ask. RFC 2193 4; RFC 5258 3.1
        listed.retain(|name| !name.remote || command.select.contains(&ListSelect::Remote));
        if !subscribed {
            if command.select.contains(&ListSelect::Remote) {
                let all: Vec<Pattern> = own.iter().chain(&foreign).map(|text| Pattern::new("", text)).collect();
                listed.extend(self.remote(&all));
            }
            self.add_aliases(&patterns, &command.select, &mut listed);
            let mut seen = BTreeSet::new();
            for text in &foreign {
                let more = self.of_others(text, &command.select)?;
                listed.extend(more.into_iter().filter(|name| seen.insert(name.name.clone())));
            }
        }
        Ok(listed)
    }

    pub(super) fn lsub(&self, pattern: &Pattern) -> Vec<Subscribed> {
        let names = self.sight(&|name| self.hides(name), |sight| sight.lsub(pattern));
        names.into_iter().filter(|name| self.core.remote_url(self.account, &name.name).is_none()).collect()
    }

    fn sight<T>(&self, hides: &dyn Fn(&str) -> bool, look: impl FnOnce(&Sight<'_>) -> T) -> T {
        look(&Sight { tree: &self.own, shown: self.shown, hides })
    }

    /// What may be seen of an account, by its own name; nothing where there is no such account.
    fn tree_of(&self, owner: &AccountName) -> Result<Option<Arc<Tree>>, Failure> {
        if owner == self.account.name() {
            return Ok(Some(self.own.clone()));
        }
        if let Some(known) = self.others.borrow().get(owner) {
            return Ok(known.clone());
        }
        let who = Who { account: self.account.name().clone(), groups: self.core.groups.clone() };
        let other = self.core.service.manager.existing_account(owner)?;
        let tree = other.map(|other| Arc::new(other.visible_tree(&who)));
        self.others.borrow_mut().insert(owner.clone(), tree.clone());
        Ok(tree)
    }

    /// Where a name that is not of the account's tree leads to, by alias or by its owner; nowhere where nothing may be seen.
    fn leads_to(&self, text: &str) -> Option<(Arc<Tree>, MailboxName)> {
        let place = self.core.place(self.account, text).ok()?;
        let tree = self.tree_of(place.account.name()).ok()??;
        tree.node(&place.name)?;
        Some((tree, place.name))
    }

    /// Whether a name leads to a mailbox that this client is not shown.
    fn hides(&self, text: &str) -> bool {
        self.leads_to(text).is_some_and(|(tree, name)| tree.listed(&name, self.shown).is_none())
    }

    /// Says of a subscribed name what is known of it where it leads to.
    fn resolve(&self, listed: &mut Listed) {
        let found = self.leads_to(&listed.name).and_then(|(tree, name)| tree.listed(&name, self.shown));
        if let Some(found) = found {
            let (name, subscribed) = (std::mem::take(&mut listed.name), listed.subscribed);
            let child_subscribed = listed.child_subscribed;
            *listed = Listed { name, subscribed, child_subscribed, special_use: Vec::new(), ..found };
        }
    }

    fn mark_remote(&self, listed: &mut [Listed]) {
        for name in listed.iter_mut().filter(|name| !name.exists) {
            name.remote = self.core.remote_url(self.account, &name.name).is_some();
            name.exists = name.remote;
        }
    }

    /// Names that are known here of mailboxes that are on other servers: those subscribed to, and aliases.
    fn remote(&self, patterns: &[Pattern]) -> Vec<Listed> {
        let subscriptions = self.own.subscriptions();
        let names = subscriptions.iter().map(String::as_str);
        let names: BTreeSet<&str> = names.chain(self.own.aliases().keys().map(|alias| alias.as_str())).collect();
        let known = |name: &str| Listed {
            name: name.to_string(),
            subscribed: subscriptions.contains(name),
            ..Listed::default()
        };
        let matching = names.into_iter().filter(|name| patterns.iter().any(|pattern| pattern.matches(name)));
        let mut listed: Vec<Listed> = matching.map(known).collect();
        self.mark_remote(&mut listed);
        listed.retain(|name| name.remote);
        listed
    }

    /// Aliases, with what is below the mailboxes that they stand for; and the names above them, where there are none.
    fn add_aliases(&self, patterns: &[Pattern], select: &[ListSelect], listed: &mut Vec<Listed>) {
        if self.own.aliases().is_empty() || select.contains(&ListSelect::SpecialUse) {
            return;
        }
        let mut found: BTreeMap<String, Listed> = BTreeMap::new();
        for alias in self.own.aliases().keys() {
            let Some((tree, top)) = self.leads_to(alias.as_str()) else { continue };
            for name in tree.listed_from(&top, self.shown) {
                let shown = format!("{alias}{}", &name.name[top.as_str().len()..]);
                let subscribed = self.own.subscriptions().contains(&shown);
                let renamed = Listed { name: shown.clone(), subscribed, special_use: Vec::new(), ..name };
                found.insert(shown, renamed);
            }
            for above in alias.ancestors().filter(|above| self.own.node(above).is_none()) {
                let name = above.to_string();
                let holder = Listed { name: name.clone(), exists: true, has_children: true, ..Listed::default() };
                found.entry(name).or_insert(holder);
            }
        }
        for name in listed.iter_mut().filter(|name| !name.has_children) {
            let known = MailboxName::new(&name.name).ok();
            name.has_children =
                known.is_some_and(|name| self.own.aliases().keys().any(|alias| alias.is_below(&name)));
        }
        listed.extend(found.into_values().filter(|name| patterns.iter().any(|pattern| pattern.matches(&name.name))));
        listed.sort_by(|a, b| a.name.cmp(&b.name));
    }

    /// What a pattern that begins with `~` shows.
    fn of_others(&self, text: &str, select: &[ListSelect]) -> Result<Vec<Listed>, Failure> {
        let named = &text[..text.find(DELIMITER).unwrap_or(text.len())];
        let owners: BTreeSet<String> = match named.contains(['*', '%']) || named == text {
            true => self.known_owners(),
            false => BTreeSet::from([named.to_string()]),
        };
        let pattern = Pattern::new("", text);
        let mut listed = Vec::new();
        for owner in owners {
            let Some((Some(account), _)) = foreign(&format!("{owner}{DELIMITER}"), self.account) else { continue };
            let Ok(Some(account)) = self.core.owner(&account) else { continue };
            let Some(tree) = self.tree_of(&account)? else { continue };
            let whole = |name: &str| format!("{owner}{DELIMITER}{name}");
            let names = tree.nodes().map(|(name, _)| name).filter(|name| pattern.matches(&whole(name.as_str())));
            let root =
                pattern.matches(&owner) && tree.nodes().any(|(name, _)| tree.listed(name, self.shown).is_some());
            let root =
                root.then(|| Listed { name: owner.clone(), exists: true, has_children: true, ..Listed::default() });
            listed.extend(root.filter(|_| !select.contains(&ListSelect::SpecialUse)));
            for name in names.filter_map(|name| tree.listed(name, self.shown)) {
                let shown = whole(&name.name);
                let subscribed = self.own.subscriptions().contains(&shown);
                listed.push(Listed { name: shown, subscribed, ..name });
            }
        }
        if select.contains(&ListSelect::SpecialUse) {
            listed.retain(|name| !name.special_use.is_empty());
        }
        Ok(listed)
    }

    /// `~account` for the accounts that subscriptions and aliases lead to, and for `public`.
    fn known_owners(&self) -> BTreeSet<String> {
        let subscribed = self.own.subscriptions().iter();
        let names = subscribed.chain(self.own.aliases().values()).filter(|name| name.starts_with(FOREIGN));
        let owners = names.filter_map(|name| Some(name.split_once(DELIMITER)?.0.to_string()));
        owners.chain(["~public".to_string()]).collect()
    }
}

//! Names, subscriptions and access under NOTIFY.       RFC 5465 5.4, 5.5, 5.9, 6

use std::collections::BTreeSet;
use std::sync::Arc;

use super::core::Core;
use super::notify::{Notify, Since};
use super::place::{FOREIGN, Place};
use super::reply::Failure;
use crate::mailbox::{Account, Acl, Author, Happening, Listed, Shown, Who, rights};
use crate::proto::response as wire;
use crate::types::{DELIMITER, Event, EventGroup, MailboxName, Right, WatchFilter};

/// A name as `covers` takes it: INBOX in capitals.
pub(super) fn canonical(core: &Core, own: &Arc<Account>, text: &str) -> String {
    match core.place(own, text) {
        Ok(place) if text.starts_with(FOREIGN) => {
            format!("{}{}", &text[..text.len().saturating_sub(place.name.as_str().len())], place.name.as_str())
        }
        _ => MailboxName::new(text).map_or_else(|_| text.to_string(), |name| name.as_str().to_string()),
    }
}

/// Whether a group is about the mailbox of this name. RFC 5465 6
pub(super) fn covers(filter: &WatchFilter, own: &Account, name: &str) -> bool {
    match filter {
        WatchFilter::Selected | WatchFilter::SelectedDelayed => false,
        WatchFilter::Personal => !name.starts_with(FOREIGN),
        WatchFilter::Subscribed => own.tree().subscriptions().contains(name),
        WatchFilter::Subtree(tops) => tops.iter().any(|top| {
            name.strip_prefix(top.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(DELIMITER))
        }),
        WatchFilter::Mailboxes(names) => names.iter().any(|known| known == name),
    }
}

/// Names that may be of mailboxes to be watched.
pub(super) fn candidates(
    core: &Core,
    own: &Arc<Account>,
    groups: &[EventGroup],
) -> Result<BTreeSet<String>, Failure> {
    let (mut names, tree) = (BTreeSet::new(), own.tree());
    for group in groups {
        match &group.filter {
            WatchFilter::Selected | WatchFilter::SelectedDelayed => {}
            WatchFilter::Personal => {
                names.extend(tree.nodes().map(|(name, _)| name.as_str().to_string()));
                names.extend(tree.aliases().keys().map(|alias| alias.as_str().to_string()));
            }
            WatchFilter::Subscribed => names.extend(tree.subscriptions().iter().cloned()),
            WatchFilter::Mailboxes(wanted) => names.extend(wanted.iter().cloned()),
            WatchFilter::Subtree(tops) => {
                let distinct: BTreeSet<&String> = tops.iter().collect();
                for top in distinct {
                    names.extend(subtree(core, own, top)?);
                }
            }
        }
    }
    Ok(names)
}

/// The name and all below it that the client may see.
fn subtree(core: &Core, own: &Arc<Account>, top: &str) -> Result<Vec<String>, Failure> {
    let place = match core.place(own, top) {
        Ok(place) => place,
        Err(Failure::Refused(_)) => return Ok(Vec::new()),
        Err(gone) => return Err(gone),
    };
    let below = |name: &&MailboxName| **name == place.name || name.is_below(&place.name);
    let shown = |name: &MailboxName| format!("{top}{}", &name.as_str()[place.name.as_str().len()..]);
    let mut names: Vec<String> = visible(&place).nodes().map(|(name, _)| name).filter(below).map(shown).collect();
    // An account of which nothing can be seen yet is listened to all the same.
    names.push(top.to_string());
    if place.is_own() {
        names.extend(own.tree().aliases().keys().filter(below).map(shown));
    }
    Ok(names)
}

fn visible(place: &Place) -> Arc<crate::mailbox::Tree> {
    match place.is_own() {
        true => place.account.tree(),
        false => Arc::new(place.account.visible_tree(&place.who)),
    }
}

/// Why a name is said.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Change,
    /// It is no mailbox any more, or none that can be seen.
    Deletion,
}

/// A name as it is now, with all that LIST would say of it.
pub(super) fn listed(core: &Core, own: &Arc<Account>, name: &str) -> Listed {
    let all = core.dialect.extensions || own.shows_non_mail();
    let shown = if all { Shown::All } else { Shown::Mail };
    let found = core.place(own, name).ok().and_then(|place| visible(&place).listed(&place.name, shown));
    let subscribed = own.tree().subscriptions().contains(name);
    Listed { name: name.to_string(), subscribed, ..found.unwrap_or_default() }
}

/// `* LIST (\HasNoChildren) "/" new ("OLDNAME" (old))`
pub(super) fn say(core: &Core, listed: &Listed, old: Option<&str>, cause: Cause) -> Result<(), Failure> {
    let mut attributes: Vec<&str> = Vec::with_capacity(4);
    match listed.mailbox {
        Some(_) => {}
        None if !listed.exists || cause == Cause::Deletion => attributes.push("\\NonExistent"),
        None => attributes.push("\\Noselect"),
    }
    attributes.extend(listed.subscribed.then_some("\\Subscribed"));
    attributes.push(if listed.has_children { "\\HasChildren" } else { "\\HasNoChildren" });
    attributes.extend(listed.special_use.iter().map(|of| of.name()));
    line(core, &attributes.join(" "), &listed.name, old)
}

/// The client may know of the mailbox, and not hear of it. RFC 5465 3.1, 5.9
pub(super) fn no_access(core: &Core, shown: &str) -> Result<(), Failure> {
    line(core, "\\NoAccess", shown, None)
}

fn line(core: &Core, attributes: &str, name: &str, old: Option<&str>) -> Result<(), Failure> {
    core.output.say(|out| {
        wire::text(out, format_args!("* LIST ({attributes}) \"/\" "));
        wire::mailbox(out, name, core.dialect);
        if let Some(old) = old {
            out.extend_from_slice(b" (\"OLDNAME\" (");
            wire::mailbox(out, old, core.dialect);
            out.extend_from_slice(b"))");
        }
        out.extend_from_slice(b"\r\n");
    })?;
    Ok(())
}

/// What has happened in an account, told where the client wants to hear it; what is watched there is looked at anew.
pub(super) fn happened(
    notify: &mut Notify,
    core: &Core,
    own: &Arc<Account>,
    account: usize,
    author: Author,
    happening: Happening,
) -> Result<(), Failure> {
    let mut teller = Teller { notify, core, own, account, author };
    match happening {
        Happening::Created { name, acl } => {
            // Where it could not be seen yet its list has been changed since, and that is told of.
            let seen = teller.saw(&acl);
            teller.created(&name, seen)
        }
        Happening::Deleted { name, acl } => {
            let seen = teller.saw(&acl);
            teller.deleted(&name, seen)
        }
        Happening::Renamed { from, to } => teller.renamed(&from, &to),
        Happening::Subscription(name) if account == 0 => teller.subscription(&name),
        Happening::Subscription(_) => Ok(()),
        Happening::Acl { name, before } => {
            let seen = rights(&before, &teller.who(), teller.owner().name()).has(Right::Lookup);
            teller.access(&name, seen)
        }
    }
}

struct Teller<'a> {
    notify: &'a mut Notify,
    core: &'a Core,
    own: &'a Arc<Account>,
    account: usize,
    author: Author,
}

impl Teller<'_> {
    fn owner(&self) -> Arc<Account> {
        self.notify.watched.heard[self.account].listening.account().clone()
    }

    fn of_own(&self) -> bool {
        self.account == 0
    }

    fn who(&self) -> Who {
        Who { account: self.own.name().clone(), groups: self.core.groups.clone() }
    }

    /// How the client names what is of this account.
    fn shown(&self, name: &MailboxName) -> Vec<String> {
        let prefixes = &self.notify.watched.heard[self.account].prefixes;
        let foreign = |prefix: &&String| self.of_own() || !prefix.is_empty();
        prefixes.iter().filter(foreign).map(|prefix| format!("{prefix}{}", name.as_str())).collect()
    }

    /// Says a name, where the client wants to hear of it.
    fn name(&self, shown: &str, old: Option<&str>, cause: Cause) -> Result<(), Failure> {
        let wanted = |name: &str| self.notify.groups.wants(self.own, name, &Event::MailboxName);
        if self.author == Author::Oneself || !(wanted(shown) || old.is_some_and(wanted)) {
            return Ok(());
        }
        let listed = listed(self.core, self.own, shown);
        match listed.exists || cause == Cause::Deletion {
            true => say(self.core, &listed, old, cause),
            false => Ok(()),
        }
    }

    /// Whether the client could see a mailbox by the list that it had.
    fn saw(&self, acl: &Acl) -> bool {
        self.of_own() || rights(acl, &self.who(), self.owner().name()).has(Right::Lookup)
    }

    fn sees(&self, name: &MailboxName) -> bool {
        self.of_own() || self.owner().rights(name, &self.who()).has(Right::Lookup)
    }

    /// The name and the one above it: that has a child now, or lacks one. RFC 5465 5.4
    fn names(&self, name: &MailboxName, cause: Cause) -> Result<(), Failure> {
        if cause == Cause::Change && !self.sees(name) {
            return Ok(());
        }
        for shown in self.shown(name) {
            self.name(&shown, None, cause)?;
        }
        for shown in name.parent().into_iter().flat_map(|parent| self.shown(&parent)) {
            self.name(&shown, None, Cause::Change)?;
        }
        Ok(())
    }

    /// What others have made, or made to be watched, the client has not been told of.
    fn since(&self) -> Since {
        if self.author == Author::Oneself { Since::Now } else { Since::Untold }
    }

    fn consider(&mut self, name: &MailboxName) -> Result<(), Failure> {
        let since = self.since();
        let mut all: BTreeSet<String> = self.shown(name).into_iter().collect();
        let leading = self.notify.watched.leading_to(self.account, name);
        all.extend(leading.into_iter().filter(|(_, led)| led == name).map(|(shown, _)| shown));
        all.iter().try_for_each(|shown| self.notify.consider(self.core, self.own, shown, since))
    }

    fn created(&mut self, name: &MailboxName, seen: bool) -> Result<(), Failure> {
        if seen {
            self.names(name, Cause::Change)?;
        }
        self.consider(name)
    }

    fn deleted(&mut self, name: &MailboxName, seen: bool) -> Result<(), Failure> {
        if seen {
            self.names(name, Cause::Deletion)?;
        }
        self.consider(name)
    }

    /// One event, whatever is below the name. RFC 5465 5.4
    fn renamed(&mut self, from: &MailboxName, to: &MailboxName) -> Result<(), Failure> {
        for (new, old) in self.shown(to).iter().zip(self.shown(from)) {
            self.name(new, Some(&old), Cause::Change)?;
        }
        let prefixes = self.shown(from).into_iter().zip(self.shown(to));
        let prefixes: Vec<(String, String)> = prefixes.collect();
        // INBOX leaves what is below it where it is.
        let moves = |name: &MailboxName| !from.is_inbox() || name == from;
        for (shown, name) in self.notify.watched.leading_to(self.account, from) {
            let Ok(moved) = name.moved(from, to) else { continue };
            let of =
                prefixes.iter().find_map(|(old, new)| Some(format!("{new}{}", shown.strip_prefix(old.as_str())?)));
            if let Some(new) = of.filter(|_| moves(&name)) {
                self.notify.watched.rename(&shown, new, moved);
            }
        }
        let tree = self.owner().tree();
        let below = |name: &&MailboxName| *name == to || name.is_below(to) || *name == from;
        let names: Vec<MailboxName> = tree.nodes().map(|(name, _)| name).filter(below).cloned().collect();
        names.iter().chain([from]).try_for_each(|name| self.consider(name))
    }

    fn subscription(&mut self, name: &str) -> Result<(), Failure> {
        let subscribed = self.own.tree().subscriptions().contains(name);
        let wanted = self.notify.groups.wants(self.own, name, &Event::SubscriptionChange)
            || (!subscribed && self.notify.groups.wants_of_subscribed(&Event::SubscriptionChange));
        if wanted && self.author == Author::Others {
            say(self.core, &listed(self.core, self.own, name), None, Cause::Change)?;
        }
        let since = self.since();
        self.notify.consider(self.core, self.own, name, since)
    }

    /// Gaining or losing the right to see a mailbox is its coming or going. RFC 5465 5.4, 5.9
    fn access(&mut self, name: &MailboxName, seen: bool) -> Result<(), Failure> {
        match (seen, self.sees(name)) {
            (false, true) => self.names(name, Cause::Change)?,
            (true, false) => {
                self.names(name, Cause::Deletion)?;
                let told = |shown: &&String| !self.notify.groups.wants(self.own, shown, &Event::MailboxName);
                let lost: Vec<String> = self.shown(name);
                for shown in lost.iter().filter(|shown| self.notify.watched.is_watched(shown)).filter(told) {
                    no_access(self.core, shown)?;
                }
            }
            _ => {}
        }
        self.consider(name)
    }
}

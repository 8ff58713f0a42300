//! Which names LIST and LSUB show, and with which attributes.     RFC 9051 6.3.9; RFC 5258; RFC 6154; RFC 3501 6.3.9

use std::collections::BTreeSet;
use std::ops::Bound;

use super::tree::{Node, Tree};
use crate::types::{DELIMITER, ListSelect, MailboxClass, MailboxId, MailboxName, Pattern, SpecialUse};

/// Which mailboxes a client is shown. CommuniGate Pro
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Those that hold mail.
    Mail,
    All,
}

/// A name that a LIST command shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    /// The mailbox, where there is one to be selected.
    pub mailbox: Option<MailboxId>,
    pub exists: bool,
    /// On another server: nothing else is known of it. RFC 5258 3.1 (\Remote)
    pub remote: bool,
    pub has_children: bool,
    pub subscribed: bool,
    pub special_use: Vec<SpecialUse>,
    /// `None` for mail.
    pub class: Option<MailboxClass>,
    /// A name below this one is subscribed: CHILDINFO ("SUBSCRIBED"). Only with RECURSIVEMATCH.
    pub child_subscribed: bool,
}

/// What a session looks at.
pub struct Sight<'a> {
    pub tree: &'a Tree,
    pub shown: Shown,
    /// Whether a subscribed name that is not of the tree leads to a mailbox that is not shown.
    pub hides: &'a dyn Fn(&str) -> bool,
}

impl Tree {
    /// Whether a name is shown for its own sake: one that holds others is where it holds none.
    fn is_shown(&self, name: &MailboxName, node: &Node, shown: Shown) -> bool {
        match node.id {
            _ if shown == Shown::All => true,
            Some(id) => self.class(id).is_none_or(MailboxClass::is_mail),
            None => !self.has_children(name),
        }
    }

    /// What LIST says of a name; `None` where it is not there, or not shown. What is not shown and has names below that are
    /// is as a name that only holds others.
    pub fn listed(&self, name: &MailboxName, shown: Shown) -> Option<Listed> {
        let node = self.node(name)?;
        let is_shown = self.is_shown(name, node, shown);
        let has_children = self.below(name).any(|(name, node)| self.is_shown(name, node, shown));
        if !is_shown && !has_children {
            return None;
        }
        let id = node.id.filter(|_| is_shown);
        Some(Listed {
            name: name.to_string(),
            mailbox: id,
            exists: true,
            remote: false,
            has_children,
            subscribed: self.subscriptions().contains(name.as_str()),
            special_use: if is_shown { node.special_use.clone() } else { Vec::new() },
            class: id.and_then(|id| self.class(id)).cloned(),
            child_subscribed: false,
        })
    }

    /// A name and all below it, as LIST shows them.
    pub fn listed_from(&self, top: &MailboxName, shown: Shown) -> Vec<Listed> {
        let names = std::iter::once(top).chain(self.below(top).map(|(name, _)| name));
        names.filter_map(|name| self.listed(name, shown)).collect()
    }
}

impl<'a> Sight<'a> {
    /// The names that match one of the patterns and all of the selection options.
    pub fn list(&self, patterns: &[Pattern], select: &[ListSelect]) -> Vec<Listed> {
        let matching = |name: &str| patterns.iter().any(|pattern| pattern.matches(name));
        let special = |listed: &Listed| !select.contains(&ListSelect::SpecialUse) || !listed.special_use.is_empty();
        if !select.contains(&ListSelect::Subscribed) {
            // A pattern that names one mailbox, or what is below it, costs no look at the others.
            let prefixes: Vec<String> = patterns.iter().map(Pattern::prefix).collect();
            let names: BTreeSet<&MailboxName> =
                prefixes.iter().flat_map(|prefix| self.tree.beginning(prefix)).collect();
            let names = names.into_iter().filter(|name| matching(name.as_str()));
            return names.filter_map(|name| self.tree.listed(name, self.shown)).filter(special).collect();
        }
        let subscribed = self.subscribed();
        let recursive = select.contains(&ListSelect::RecursiveMatch);
        let parents = if recursive { parents(&subscribed) } else { BTreeSet::new() };
        // A name that is shown for those below it alone says nothing where all of these are shown. RFC 9051 6.3.9.6
        let tells = |name: &str| subscribed.contains(name) || any_below(&subscribed, name, |name| !matching(name));
        let names: BTreeSet<&str> = subscribed.iter().chain(&parents).copied().collect();
        let names = names.into_iter().filter(|name| matching(name) && tells(name));
        let listed = |name: &str| {
            let known = MailboxName::new(name).ok().and_then(|name| self.tree.listed(&name, self.shown));
            let child_subscribed = parents.contains(name);
            let subscribed = subscribed.contains(name);
            let other = || Listed { name: name.to_string(), ..Listed::default() };
            Listed { child_subscribed, subscribed, ..known.unwrap_or_else(other) }
        };
        names.map(listed).filter(special).collect()
    }

    /// Subscribed names that match, and for a pattern that ends in `%` the parents of those that lie deeper. RFC 3501 6.3.9
    pub fn lsub(&self, pattern: &Pattern) -> Vec<Subscribed> {
        let subscribed = self.subscribed();
        let parents = parents(&subscribed);
        let deeper = parents.into_iter().filter(|name| pattern.ends_in_level() && !subscribed.contains(*name));
        let names: BTreeSet<&str> = subscribed.iter().copied().chain(deeper).collect();
        let shown = names.into_iter().filter(|name| pattern.matches(name));
        shown.map(|name| Subscribed { name: name.to_string(), subscribed: subscribed.contains(name) }).collect()
    }

    /// Subscribed names that are shown.
    fn subscribed(&self) -> BTreeSet<&'a str> {
        let known = |name: &str| MailboxName::new(name).ok().filter(|name| self.tree.node(name).is_some());
        let is_shown = |name: &&str| match known(name) {
            _ if self.shown == Shown::All => true,
            Some(name) => self.tree.listed(&name, self.shown).is_some(),
            None => !(self.hides)(name),
        };
        self.tree.subscriptions().iter().map(String::as_str).filter(is_shown).collect()
    }
}

/// All names that have one of these below them.
fn parents<'a>(names: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    names.iter().flat_map(|name| name.match_indices(DELIMITER).map(|(at, _)| &name[..at])).collect()
}

/// Whether one of the names that lie below another is such.
fn any_below(names: &BTreeSet<&str>, parent: &str, is_such: impl Fn(&str) -> bool) -> bool {
    let prefix = format!("{parent}{DELIMITER}");
    let below = names.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded));
    below.take_while(|name| name.starts_with(&prefix)).any(|name| is_such(name))
}

/// A name that LSUB shows; not `subscribed` where only names below it are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    pub name: String,
    pub subscribed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{AccountImage, MailboxNode, Version};

    /// The tree of RFC 5258's example 9, INBOX added.
    fn example() -> Tree {
        let names = [
            "INBOX",
            "foo2",
            "foo2/bar1",
            "foo2/bar2",
            "baz2",
            "baz2/bar2",
            "baz2/bar22",
            "baz2/bar222",
            "eps2",
            "eps2/mamba",
        ];
        let node = |name: &&str| MailboxNode {
            name: MailboxName::new(name).unwrap(),
            id: Some(MailboxId(1)),
            special_use: vec![],
        };
        let subscribed =
            ["foo2/bar1", "foo2/bar2", "baz2/bar2", "baz2/bar22", "baz2/bar222", "eps2", "eps2/mamba", "qux2/bar2"];
        Tree::new(AccountImage {
            deleted: Vec::new(),
            quota: Default::default(),
            acls: Vec::new(),
            aliases: Vec::new(),
            certificate: None,
            url_keys: Vec::new(),
            classes: Vec::new(),
            settings: Default::default(),
            removed: false,
            version: Version(1),
            nodes: names.iter().map(node).collect(),
            subscriptions: subscribed.iter().map(|name| name.to_string()).collect(),
            next_mailbox: 2,
            last_uid_validity: 1,
        })
    }

    fn sight(tree: &Tree, shown: Shown) -> Sight<'_> {
        Sight { tree, shown, hides: &|_| false }
    }

    fn names(listed: &[Listed]) -> Vec<String> {
        let mark = |l: &Listed| {
            format!("{}{}{}", l.name, if l.child_subscribed { "+" } else { "" }, if l.exists { "" } else { "?" })
        };
        listed.iter().map(mark).collect()
    }

    #[test]
    fn recursive_match() {
        let select = [ListSelect::RecursiveMatch, ListSelect::Subscribed];
        let tree = example();
        let sight = sight(&tree, Shown::Mail);
        let got = sight.list(&[Pattern::new("", "*2")], &select);
        let want = ["baz2/bar2", "baz2/bar22", "baz2/bar222", "eps2+", "foo2+", "foo2/bar2", "qux2/bar2?"];
        assert_eq!(names(&got), want);
        let got = sight.list(&[Pattern::new("", "%")], &[]);
        assert_eq!(names(&got), ["INBOX", "baz2", "eps2", "foo2"]);
        assert!(got[1].has_children && !got[0].has_children);
    }

    #[test]
    fn lsub_shows_parents() {
        let tree = example();
        let got = sight(&tree, Shown::Mail).lsub(&Pattern::new("", "%"));
        let got: Vec<_> = got.iter().map(|s| (s.name.as_str(), s.subscribed)).collect();
        assert_eq!(got, [("baz2", false), ("eps2", true), ("foo2", false), ("qux2", false)]);
        assert_eq!(sight(&tree, Shown::Mail).lsub(&Pattern::new("", "*")).len(), 8);
    }
}

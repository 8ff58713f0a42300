//! Which names LIST and LSUB show, and with which attributes.     RFC 9051 6.3.9; RFC 5258; RFC 6154; RFC 3501 6.3.9

use std::collections::BTreeSet;

use super::tree::{Node, Tree};
use crate::types::{DELIMITER, ListSelect, MailboxId, MailboxName, Pattern, SpecialUse};

/// A name that a LIST command shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    /// The mailbox, where there is one to be selected.
    pub mailbox: Option<MailboxId>,
    pub exists: bool,
    pub has_children: bool,
    pub subscribed: bool,
    pub special_use: Vec<SpecialUse>,
    /// A name below this one is subscribed: CHILDINFO ("SUBSCRIBED"). Only with RECURSIVEMATCH.
    pub child_subscribed: bool,
}

/// The names of `tree` that match one of the patterns and all of the selection options.
pub fn list(tree: &Tree, patterns: &[Pattern], select: &[ListSelect]) -> Vec<Listed> {
    let matching = |name: &str| patterns.iter().any(|pattern| pattern.matches(name));
    let recursive = select.contains(&ListSelect::RecursiveMatch);
    let parents = if recursive { subscribed_parents(tree) } else { BTreeSet::new() };
    let mut names: BTreeSet<&str> = match select.contains(&ListSelect::Subscribed) {
        true => tree.subscriptions().iter().map(String::as_str).collect(),
        false => tree.nodes().map(|(name, _)| name.as_str()).collect(),
    };
    names.extend(&parents);
    let special = |listed: &Listed| !select.contains(&ListSelect::SpecialUse) || !listed.special_use.is_empty();
    let shown = names.into_iter().filter(|name| matching(name));
    shown.map(|name| listed(tree, name, parents.contains(name))).filter(special).collect()
}

/// All names that have a subscribed name below them.
fn subscribed_parents(tree: &Tree) -> BTreeSet<&str> {
    let above = |name: &'_ str| name.match_indices(DELIMITER).map(|(at, _)| at).collect::<Vec<_>>();
    tree.subscriptions().iter().flat_map(|name| above(name).into_iter().map(|at| &name[..at])).collect()
}

fn listed(tree: &Tree, name: &str, child_subscribed: bool) -> Listed {
    let known = MailboxName::new(name).ok();
    let node: Option<&Node> = known.as_ref().and_then(|name| tree.node(name));
    Listed {
        name: name.to_string(),
        mailbox: node.and_then(|node| node.id),
        exists: node.is_some(),
        has_children: known.as_ref().is_some_and(|name| tree.has_children(name)),
        subscribed: tree.subscriptions().contains(name),
        special_use: node.map_or(Vec::new(), |node| node.special_use.clone()),
        child_subscribed,
    }
}

/// A name that LSUB shows; not `subscribed` where only names below it are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    pub name: String,
    pub subscribed: bool,
}

/// Subscribed names that match, and for a pattern that ends in `%` the parents of those that lie deeper. RFC 3501 6.3.9
pub fn lsub(tree: &Tree, pattern: &Pattern) -> Vec<Subscribed> {
    let subscribed = tree.subscriptions();
    let parents = subscribed_parents(tree);
    let deeper = parents.into_iter().filter(|name| pattern.ends_in_level() && !subscribed.contains(*name));
    let names: BTreeSet<&str> = subscribed.iter().map(String::as_str).chain(deeper).collect();
    let shown = names.into_iter().filter(|name| pattern.matches(name));
    shown.map(|name| Subscribed { name: name.to_string(), subscribed: subscribed.contains(name) }).collect()
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
            classes: Vec::new(),
            settings: Default::default(),
            version: Version(1),
            nodes: names.iter().map(node).collect(),
            subscriptions: subscribed.iter().map(|name| name.to_string()).collect(),
            next_mailbox: 2,
            last_uid_validity: 1,
        })
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
        let got = list(&example(), &[Pattern::new("", "*2")], &select);
        let want = [
            "baz2+",
            "baz2/bar2",
            "baz2/bar22",
            "baz2/bar222",
            "eps2+",
            "foo2+",
            "foo2/bar2",
            "qux2+?",
            "qux2/bar2?",
        ];
        assert_eq!(names(&got), want);
        let got = list(&example(), &[Pattern::new("", "%")], &[]);
        assert_eq!(names(&got), ["INBOX", "baz2", "eps2", "foo2"]);
        assert!(got[1].has_children && !got[0].has_children);
    }

    #[test]
    fn lsub_shows_parents() {
        let got = lsub(&example(), &Pattern::new("", "%"));
        let got: Vec<_> = got.iter().map(|s| (s.name.as_str(), s.subscribed)).collect();
        assert_eq!(got, [("baz2", false), ("eps2", true), ("foo2", false), ("qux2", false)]);
        assert_eq!(lsub(&example(), &Pattern::new("", "*")).len(), 8);
    }
}

//! What a change of an account's tree is to those who listen.            RFC 5465 5.4, 5.5

use super::planning::Plan;
use super::tree::{Node, Tree};
use super::watch::Happening;
use crate::store::{AccountChange, Acl, MailboxNode};
use crate::types::{MailboxId, MailboxName};

/// What the plan, carried out, does to the names of `before`.
pub(super) fn happenings(before: &Tree, plan: &Plan) -> Vec<Happening> {
    let moved = |name: &MailboxName| {
        let tops = plan.renamed.iter().flat_map(|(from, to)| [from, to]);
        tops.into_iter().any(|top| name == top || name.is_below(top))
    };
    let of_change = |change: &AccountChange| match change {
        AccountChange::PutNode(node) if !moved(&node.name) => put(before, node, plan),
        AccountChange::RemoveNode(name) if !moved(name) => Some(deleted(before, name)),
        AccountChange::Subscribe(name) | AccountChange::Unsubscribe(name) => {
            Some(Happening::Subscription(name.clone()))
        }
        AccountChange::Acl(id, _) => acl(before, *id),
        AccountChange::PutAlias(name, _) => Some(Happening::Created { name: name.clone(), acl: Acl::default() }),
        AccountChange::RemoveAlias(name) => Some(deleted(before, name)),
        _ => None,
    };
    let renamed = plan.renamed.iter().map(|(from, to)| Happening::Renamed { from: from.clone(), to: to.clone() });
    plan.changes.iter().filter_map(of_change).chain(renamed).collect()
}

/// What another server has done to the names, as far as the trees before and after tell: a rename is a deletion and a
/// creation.
pub(super) fn differences(before: &Tree, after: &Tree) -> Vec<Happening> {
    let is_new = |name: &MailboxName| before.node(name).is_none() && before.aliases().get(name).is_none();
    let is_gone = |name: &MailboxName| after.node(name).is_none() && after.aliases().get(name).is_none();
    let names = |tree: &Tree, of: &dyn Fn(&MailboxName) -> bool| {
        let nodes = tree.nodes().map(|(name, _)| name).chain(tree.aliases().keys());
        nodes.filter(|name| of(name)).cloned().collect::<Vec<_>>()
    };
    let other = |a: &Tree, b: &Tree| {
        let subscriptions = a.subscriptions().iter().filter(|name| !b.subscriptions().contains(name.as_str()));
        subscriptions.cloned().map(Happening::Subscription).collect::<Vec<_>>()
    };
    let gone = names(before, &is_gone).into_iter().map(|name| deleted(before, &name));
    let acl_of = |name: &MailboxName| after.node(name).and_then(|node| node.id).and_then(|id| after.acl(id)).cloned();
    let new = names(after, &is_new).into_iter();
    let new = new.map(|name| Happening::Created { acl: acl_of(&name).unwrap_or_default(), name });
    let acl = |(name, node): (&MailboxName, &Node)| {
        let (id, known) = (node.id?, before.node(name)?.id);
        let before = before.acl(id).cloned().unwrap_or_default();
        let is_other = known == Some(id) && after.acl(id).cloned().unwrap_or_default() != before;
        is_other.then(|| Happening::Acl { name: name.clone(), before })
    };
    let subscriptions = other(before, after).into_iter().chain(other(after, before));
    gone.chain(new).chain(subscriptions).chain(after.nodes().filter_map(acl)).collect()
}

/// A name that comes, or that only holds others from now on, or not any more.
fn put(before: &Tree, node: &MailboxNode, plan: &Plan) -> Option<Happening> {
    match (before.node(&node.name), node.id) {
        (None, _) | (Some(Node { id: None, .. }), Some(_)) => {
            let acl = node.id.and_then(|id| first_acl(before, id, plan)).cloned().unwrap_or_default();
            Some(Happening::Created { name: node.name.clone(), acl })
        }
        (Some(Node { id: Some(_), .. }), None) => Some(deleted(before, &node.name)),
        _ => None,
    }
}

/// The list that a mailbox has when it comes, or comes back.
fn first_acl<'a>(before: &'a Tree, id: MailboxId, plan: &'a Plan) -> Option<&'a Acl> {
    let given = plan.changes.iter().rev().find_map(|change| match change {
        AccountChange::Acl(of, acl) if *of == id => Some(acl),
        _ => None,
    });
    given.or_else(|| before.acl(id))
}

fn deleted(before: &Tree, name: &MailboxName) -> Happening {
    let acl = before.node(name).and_then(|node| node.id).and_then(|id| before.acl(id));
    Happening::Deleted { name: name.clone(), acl: acl.cloned().unwrap_or_default() }
}

/// The list of a mailbox that has been there before.
fn acl(before: &Tree, id: MailboxId) -> Option<Happening> {
    let (name, _) = before.nodes().find(|(_, node)| node.id == Some(id))?;
    Some(Happening::Acl { name: name.clone(), before: before.acl(id).cloned().unwrap_or_default() })
}

//! Who may do what with whose mailboxes.            RFC 4314; RFC 2086
//!
//! An identifier is the name of an account, `#group`, `anyone` (every account of the server), `anyone@` (of the owner's
//! domain) or `anyone@domain`; with `-` before it, it takes rights away. The owner always has all rights.

use super::account::Account;
use super::error::{MailboxError, Refusal};
use super::planning::Plan;
use super::tree::Tree;
use crate::store::{AccountChange, Acl};
use crate::types::{AccountName, MailboxId, MailboxName, ModifyRights, Right, Rights};

/// Somebody who has logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    pub account: AccountName,
    /// The groups that the account is in, in small letters.
    pub groups: Vec<String>,
}

/// Entries of one list: no honest list is longer.
const ENTRIES_MAX: usize = 1000;

/// Octets of the longest identifier.
const IDENTIFIER_BYTES_MAX: usize = 255;

/// An identifier in its normal form; `None` for what can be none. An account without a domain is of the owner's.
pub fn identifier(text: &str, owner: &AccountName) -> Option<String> {
    let (minus, name) = match text.strip_prefix('-') {
        Some(name) => ("-", name),
        None => ("", text),
    };
    let name = name.to_lowercase();
    let domain = |name: &str| name == "anyone" || name.strip_prefix("anyone@").is_some_and(|d| !d.contains('@'));
    let group = |name: &str| name.strip_prefix('#').is_some_and(|group| AccountName::new(group).is_some());
    if (domain(&name) || group(&name)) && name.len() < IDENTIFIER_BYTES_MAX {
        return Some(format!("{minus}{name}"));
    }
    let name = match (owner.domain(), name.contains('@')) {
        (Some(domain), false) => format!("{name}@{domain}"),
        _ => name,
    };
    AccountName::new(&name).map(|name| format!("{minus}{name}")).filter(|name| name.len() <= IDENTIFIER_BYTES_MAX)
}

/// Whether an identifier, without its `-`, means somebody.
fn means(identifier: &str, who: &Who, owner: &AccountName) -> bool {
    match identifier {
        "anyone" => true,
        "anyone@" => who.account.domain() == owner.domain(),
        other => match (other.strip_prefix("anyone@"), other.strip_prefix('#')) {
            (Some(domain), _) => who.account.domain() == Some(domain),
            (_, Some(group)) => who.groups.iter().any(|known| known == group),
            _ => who.account.as_str() == other,
        },
    }
}

/// What a list gives to somebody: all that is given, less all that is taken away.
pub fn rights(acl: &Acl, who: &Who, owner: &AccountName) -> Rights {
    let (mut given, mut taken) = (Rights::NONE, Rights::NONE);
    for (identifier, rights) in &acl.0 {
        match identifier.strip_prefix('-') {
            Some(name) if means(name, who, owner) => taken = taken.with(*rights),
            None if means(identifier, who, owner) => given = given.with(*rights),
            _ => {}
        }
    }
    given.without(taken)
}

impl Account {
    /// What somebody may do with the mailbox of this name; nothing where there is none.
    pub fn rights(&self, name: &MailboxName, who: &Who) -> Rights {
        if who.account == *self.name() {
            return Rights::ALL;
        }
        let tree = self.tree();
        let acl = tree.node(name).and_then(|node| node.id).and_then(|id| tree.acl(id));
        acl.map_or(Rights::NONE, |acl| rights(acl, who, self.name()))
    }

    /// As `rights`, whatever the mailbox is called by now; nothing where it has been deleted.
    pub fn rights_to(&self, id: MailboxId, who: &Who) -> Rights {
        match who.account == *self.name() {
            true => Rights::ALL,
            false => self.tree().acl(id).map_or(Rights::NONE, |acl| rights(acl, who, self.name())),
        }
    }

    /// The list of a mailbox; the owner does not stand in it.
    pub fn acl(&self, name: &MailboxName) -> Result<Acl, MailboxError> {
        let tree = self.tree();
        Ok(tree.acl(mailbox_id(&tree, name)?).cloned().unwrap_or_default())
    }

    /// Changes an identifier's rights; one without rights does not stand in the list.
    pub fn set_acl(&self, name: &MailboxName, identifier: &str, modify: ModifyRights) -> Result<(), MailboxError> {
        self.change(|tree| {
            let id = mailbox_id(tree, name)?;
            let mut acl = tree.acl(id).cloned().unwrap_or_default();
            let before = acl.0.iter().find(|(known, _)| known == identifier).map(|(_, rights)| *rights);
            let after = modify.apply(before.unwrap_or_default());
            acl.0.retain(|(known, _)| known != identifier);
            if !after.is_empty() {
                acl.0.push((identifier.to_string(), after));
            }
            match acl.0.len() > ENTRIES_MAX {
                true => Err(Refusal::TooManyEntries),
                false => Ok(Plan { changes: vec![AccountChange::Acl(id, acl)], ..Plan::default() }),
            }
        })
    }

    /// The names that somebody may see: names above them stay as holders.
    pub fn visible_tree(&self, who: &Who) -> Tree {
        let sees = |name: &MailboxName| self.rights(name, who).has(Right::Lookup);
        self.tree().pruned(sees)
    }
}

fn mailbox_id(tree: &Tree, name: &MailboxName) -> Result<MailboxId, Refusal> {
    tree.node(name).ok_or(Refusal::NonExistent)?.id.ok_or(Refusal::NoSelect)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> AccountName {
        AccountName::new(name).unwrap()
    }

    #[test]
    fn identifiers() {
        let owner = account("joe@example.com");
        let normal = |text| identifier(text, &owner);
        assert_eq!(normal("Ann").as_deref(), Some("ann@example.com"));
        assert_eq!(normal("-ann@other.org").as_deref(), Some("-ann@other.org"));
        assert_eq!(normal("#Sales").as_deref(), Some("#sales"));
        assert_eq!(normal("anyone@").as_deref(), Some("anyone@"));
        assert_eq!(normal("-anyone").as_deref(), Some("-anyone"));
        for bad in ["", "-", "#", "a b", "a@b@c", "anyone@a@b"] {
            assert_eq!(normal(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_given_and_taken() {
        let owner = account("joe@example.com");
        let who = |name: &str, groups: &[&str]| Who {
            account: account(name),
            groups: groups.iter().map(ToString::to_string).collect(),
        };
        let r = |letters| Rights::parse(letters).unwrap();
        let entries =
            [("anyone", "l"), ("anyone@", "lr"), ("#sales", "lrsi"), ("-ann@example.com", "i"), ("bob", "a")];
        let acl = Acl(entries.iter().map(|(name, letters)| (name.to_string(), r(letters))).collect());
        let of = |who: &Who| rights(&acl, who, &owner);
        assert_eq!(of(&who("x@other.org", &[])), r("l"));
        assert_eq!(of(&who("x@example.com", &[])), r("lr"));
        assert_eq!(of(&who("x@other.org", &["sales"])), r("lrsi"));
        assert_eq!(of(&who("ann@example.com", &["sales"])), r("lrs"));
        assert_eq!(of(&who("bob", &[])), r("la"));
    }
}

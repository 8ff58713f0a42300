//! Where a mailbox name leads: to a mailbox of the user's, by an alias, or to one of another account.
//!
//! `~account/mailbox` is CommuniGate Pro's form for the mailboxes of others; an account without a domain is of the user's.
//! The Router may say that the account has another name, or is on another server. What may not be seen answers exactly
//! as what does not exist.

use std::sync::Arc;

use super::core::Core;
use super::referral;
use super::reply::{Failure, Reply};
use crate::mailbox::{Account, Mailbox, MailboxError, Refusal, Who};
use crate::proto::ResponseCode;
use crate::types::{AccountName, DELIMITER, MailboxName, Right, Rights};

/// What names of other accounts' mailboxes begin with.
pub(super) const FOREIGN: char = '~';

/// A name, and the account that it is of.
pub(super) struct Place {
    pub(super) account: Arc<Account>,
    pub(super) name: MailboxName,
    /// As the client names it.
    pub(super) shown: String,
    pub(super) who: Who,
}

/// Splits `~account/mailbox`; `None` for a name that is not of that form.
pub(super) fn foreign<'a>(text: &'a str, own: &Account) -> Option<(Option<AccountName>, &'a str)> {
    let (owner, rest) = text.strip_prefix(FOREIGN)?.split_once(DELIMITER)?;
    let full = match (own.name().domain(), owner.contains('@')) {
        (Some(domain), false) => AccountName::new(&format!("{owner}@{domain}")),
        _ => AccountName::new(owner),
    };
    Some((full, rest))
}

impl Core {
    /// Finds the place of a name that a client has sent; whether there is a mailbox is not looked at.
    pub(super) fn place(&self, own: &Arc<Account>, text: &str) -> Result<Place, Failure> {
        self.place_of(own, self.groups.clone(), text)
    }

    /// As `place`, for an account that need not be the user's.
    pub(super) fn place_of(&self, own: &Arc<Account>, groups: Vec<String>, text: &str) -> Result<Place, Failure> {
        let who = Who { account: own.name().clone(), groups };
        let at = |account: Arc<Account>, name: &str| -> Result<Place, Failure> {
            let name = MailboxName::new(name).map_err(Refusal::BadName)?;
            Ok(Place { account, name, shown: text.to_string(), who: who.clone() })
        };
        match self.by_alias(own, text) {
            Some(target) => self.direct(own, &target, at),
            None => self.direct(own, text, at),
        }
    }

    fn direct(
        &self,
        own: &Arc<Account>,
        text: &str,
        at: impl Fn(Arc<Account>, &str) -> Result<Place, Failure>,
    ) -> Result<Place, Failure> {
        if !text.starts_with(FOREIGN) {
            return at(own.clone(), text);
        }
        let (owner, name) = foreign(text, own).ok_or(Refusal::NonExistent)?;
        let named = owner.ok_or(Refusal::NonExistent)?;
        let Ok(owner) = self.owner(&named) else {
            return Err(referral::to_mailboxes(self.remote_url(own, text).into_iter().collect()));
        };
        let owner = owner.ok_or(Refusal::NonExistent)?;
        if owner == *own.name() {
            return at(own.clone(), name);
        }
        match self.service.manager.existing_account(&owner)? {
            Some(account) => at(account, name),
            None => Err(Refusal::NonExistent.into()),
        }
    }

    /// What an alias, or a name below one, stands for, where no mailbox has the name.
    pub(super) fn by_alias(&self, own: &Account, text: &str) -> Option<String> {
        let tree = own.tree();
        if tree.aliases().is_empty() {
            return None;
        }
        let name = MailboxName::new(text).ok()?;
        let (alias, target) = tree.aliases().iter().find(|(alias, _)| name == **alias || name.is_below(alias))?;
        Some(format!("{target}{}", &name.as_str()[alias.as_str().len()..]))
    }
}

impl Place {
    pub(super) fn is_own(&self) -> bool {
        self.account.name() == &self.who.account
    }

    pub(super) fn rights(&self) -> Rights {
        self.account.rights(&self.name, &self.who)
    }

    /// Refuses what the client may not do here; as if nothing were here where it may not see it.
    pub(super) fn require(&self, right: Right) -> Result<(), Failure> {
        let rights = self.rights();
        match (rights.has(Right::Lookup), rights.has(right)) {
            _ if self.is_own() => Ok(()),
            (false, _) => Err(Refusal::NonExistent.into()),
            (true, false) => Err(not_permitted()),
            (true, true) => Ok(()),
        }
    }

    /// The mailbox, for who has this right.
    pub(super) fn mailbox(&self, right: Right) -> Result<Arc<Mailbox>, Failure> {
        self.require(right)?;
        Ok(self.account.mailbox(&self.name)?)
    }

    /// As `mailbox`, for one that messages are to be put into: TRYCREATE for an own one that is not there.
    /// RFC 9051 6.3.12, 6.4.7
    pub(super) fn to_be_filled(&self) -> Result<Arc<Mailbox>, Failure> {
        self.require(Right::Insert)?;
        match self.account.mailbox(&self.name) {
            // A name that only holds others can become a mailbox.
            Err(MailboxError::Refused(Refusal::NonExistent | Refusal::NoSelect)) if self.is_own() => {
                Err(Reply::no(ResponseCode::TryCreate, "No such mailbox; CREATE it first").into())
            }
            other => Ok(other?),
        }
    }

    /// Whether mailboxes may be made where this name is: by the right on the nearest mailbox above.
    pub(super) fn require_creation(&self) -> Result<(), Failure> {
        if self.is_own() {
            return Ok(());
        }
        let above: Vec<MailboxName> = self.name.ancestors().collect();
        let tree = self.account.tree();
        let nearest = above.iter().rev().find(|above| tree.node(above).is_some_and(|node| node.id.is_some()));
        let rights = nearest.map_or(Rights::NONE, |above| self.account.rights(above, &self.who));
        match (rights.has(Right::Lookup), rights.has(Right::CreateMailboxes)) {
            (false, _) => Err(Refusal::NonExistent.into()),
            (true, false) => Err(not_permitted()),
            (true, true) => Ok(()),
        }
    }
}

pub(super) fn not_permitted() -> Failure {
    Reply::no(ResponseCode::NoPerm, "The access control list does not permit this").into()
}

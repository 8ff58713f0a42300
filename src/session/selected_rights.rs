//! What the client may do with the selected mailbox, which its owner may change while it is selected.   RFC 4314 4
//!
//! It is looked at anew with every command, and before anything is told: whose right to read is taken away hears and
//! does nothing more there. The mailbox stays selected, as one stays that others have deleted.

use super::core::{Core, Selected};
use super::place::not_permitted;
use super::reply::Failure;
use crate::mailbox::{Refusal, Who};
use crate::types::Right;

impl Core {
    /// Groups may have been given other members since the login.
    pub(super) fn renew_groups(&mut self) {
        if let Some(user) = &self.user {
            self.groups = self.service.settings().groups.of(user);
        }
    }
}

impl Selected {
    /// Looks anew what the client may do here; whether it may still read.
    pub(super) fn renew_rights(&mut self, core: &Core) -> bool {
        // What has been deleted has no list any more: what was there is told to be gone.
        if self.view.mailbox().is_of(&self.own) || self.view.mailbox().is_gone() {
            return true;
        }
        let name = self.own.name();
        let who = Who { account: name.clone(), groups: core.service.settings().groups.of(name) };
        let rights = self.owner.rights_to(self.view.mailbox().id(), &who);
        if rights != self.rights {
            self.rights = rights;
            self.view.set_visibility(core.visibility(rights));
        }
        rights.has(Right::Lookup) && rights.has(Right::Read)
    }

    /// Refuses whom the mailbox is closed to by now; as if nothing were here where it may not be seen either.
    pub(super) fn require_read(&mut self, core: &Core) -> Result<(), Failure> {
        match (self.renew_rights(core), self.rights.has(Right::Lookup)) {
            (true, _) => Ok(()),
            (false, true) => Err(not_permitted()),
            (false, false) => Err(Refusal::NonExistent.into()),
        }
    }
}

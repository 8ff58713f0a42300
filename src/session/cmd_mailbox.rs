//! CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE.     RFC 9051 6.3.4 to 6.3.8; RFC 6154 3
//!
//! `CREATE a/` makes a name that only holds others, as CommuniGate Pro has it.

use std::sync::Arc;

use super::core::Core;
use super::place::Place;
use super::reply::{Handled, Reply};
use crate::mailbox::{Account, Refusal};
use crate::proto::ResponseCode;
use crate::proto::response as wire;
use crate::types::{DELIMITER, MailboxClass, MailboxName, Right, SpecialUse};

pub(super) fn create(
    core: &Core,
    own: &Arc<Account>,
    wanted: &str,
    uses: &[SpecialUse],
    class: Option<&MailboxClass>,
) -> Handled {
    let trimmed = wanted.strip_suffix(DELIMITER);
    let place = core.place(own, trimmed.unwrap_or(wanted))?;
    place.require_creation()?;
    if !uses.is_empty() && !place.is_own() {
        return Err(Reply::no(ResponseCode::UseAttr, "Special uses are those of the mailbox's owner").into());
    }
    let (account, name) = (&place.account, &place.name);
    match trimmed {
        None => {
            account.create_of_class(name, uses, class)?;
            let id = account.mailbox(name)?.object_id();
            return Ok(Reply::ok("CREATE completed").with(ResponseCode::MailboxId(id)));
        }
        Some(_) if uses.is_empty() && class.is_none() => account.create_holder(name)?,
        Some(_) if uses.is_empty() => return Err(Refusal::BadClass.into()),
        Some(_) => {
            return Err(Reply::no(ResponseCode::UseAttr, "A name that only holds others has no special use").into());
        }
    }
    Ok(Reply::ok("CREATE completed"))
}

/// Another's mailbox: with the right to delete it, and to make mailboxes where it is. CommuniGate Pro
pub(super) fn delete(place: &Place) -> Handled {
    place.require(Right::DeleteMailbox)?;
    place.require_creation()?;
    place.account.delete(&place.name)?;
    Ok(Reply::ok("DELETE completed"))
}

/// Rev2 is told the new name with its old one. RFC 9051 6.3.6, 7.3.1
pub(super) fn rename(core: &Core, from: &Place, to: &Place) -> Handled {
    from.require(Right::DeleteMailbox)?;
    to.require_creation()?;
    if from.account.name() != to.account.name() {
        return Err(Reply::no(ResponseCode::Cannot, "A mailbox stays in its account; copy its messages").into());
    }
    from.account.rename(&from.name, &to.name)?;
    if core.dialect.rev2 && !from.name.is_inbox() {
        core.output.say(|out| {
            out.extend_from_slice(b"* LIST () \"/\" ");
            wire::mailbox(out, &to.shown, core.dialect);
            out.extend_from_slice(b" (\"OLDNAME\" (");
            wire::mailbox(out, &from.shown, core.dialect);
            out.extend_from_slice(b"))\r\n");
        })?;
    }
    Ok(Reply::ok("RENAME completed"))
}

/// Any name, of this account or another, whether there is such a mailbox or not.
pub(super) fn subscribe(account: &Account, name: &str) -> Handled {
    let name = MailboxName::new(name).map_err(Refusal::BadName)?;
    account.subscribe(name.as_str())?;
    Ok(Reply::ok("SUBSCRIBE completed"))
}

pub(super) fn unsubscribe(account: &Account, name: &str) -> Handled {
    let name = MailboxName::new(name).map_err(Refusal::BadName)?;
    account.unsubscribe(name.as_str())?;
    Ok(Reply::ok("UNSUBSCRIBE completed"))
}

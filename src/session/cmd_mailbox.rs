//! CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE.     RFC 9051 6.3.4 to 6.3.8; RFC 6154 3
//!
//! `CREATE a/` makes a name that only holds others, as CommuniGate Pro has it.

use super::core::Core;
use super::reply::{Handled, Reply};
use crate::mailbox::Account;
use crate::proto::ResponseCode;
use crate::proto::response as wire;
use crate::types::{DELIMITER, MailboxName, SpecialUse};

pub(super) fn create(account: &Account, wanted: &str, uses: &[SpecialUse]) -> Handled {
    let trimmed = wanted.strip_suffix(DELIMITER);
    let name = MailboxName::new(trimmed.unwrap_or(wanted)).map_err(crate::mailbox::Refusal::BadName)?;
    match trimmed {
        None => {
            account.create(&name, uses)?;
            let id = account.mailbox(&name)?.object_id();
            return Ok(Reply::ok("CREATE completed").with(ResponseCode::MailboxId(id)));
        }
        Some(_) if uses.is_empty() => account.create_holder(&name)?,
        Some(_) => {
            return Err(Reply::no(ResponseCode::UseAttr, "A name that only holds others has no special use").into());
        }
    }
    Ok(Reply::ok("CREATE completed"))
}

pub(super) fn delete(account: &Account, name: &MailboxName) -> Handled {
    account.delete(name)?;
    Ok(Reply::ok("DELETE completed"))
}

/// Rev2 is told the new name with its old one. RFC 9051 6.3.6, 7.3.1
pub(super) fn rename(core: &mut Core, account: &Account, from: &MailboxName, to: &MailboxName) -> Handled {
    account.rename(from, to)?;
    if core.dialect.rev2 && !from.is_inbox() {
        core.output.say(|out| {
            out.extend_from_slice(b"* LIST () \"/\" ");
            wire::mailbox(out, to.as_str(), core.dialect);
            out.extend_from_slice(b" (\"OLDNAME\" (");
            wire::mailbox(out, from.as_str(), core.dialect);
            out.extend_from_slice(b"))\r\n");
        })?;
    }
    Ok(Reply::ok("RENAME completed"))
}

pub(super) fn subscribe(account: &Account, name: &MailboxName) -> Handled {
    account.subscribe(name.as_str())?;
    Ok(Reply::ok("SUBSCRIBE completed"))
}

pub(super) fn unsubscribe(account: &Account, name: &MailboxName) -> Handled {
    account.unsubscribe(name.as_str())?;
    Ok(Reply::ok("UNSUBSCRIBE completed"))
}

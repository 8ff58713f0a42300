//! SETACL, DELETEACL, GETACL, LISTRIGHTS and MYRIGHTS.            RFC 4314 3; RFC 2086 4

use std::sync::Arc;

use super::core::Core;
use super::place::{Place, not_permitted};
use super::reply::{Failure, Handled, Reply};
use crate::mailbox::{Account, identifier};
use crate::proto::response as wire;
use crate::types::{ModifyRights, Right, Rights};

/// Finds the mailbox; its list is for those who have the right `a`.
fn administered(core: &Core, account: &Arc<Account>, mailbox: &str) -> Result<Place, Failure> {
    let place = core.place(account, mailbox)?;
    place.mailbox(Right::Administer)?;
    Ok(place)
}

fn normal(place: &Place, text: &str) -> Result<String, Failure> {
    let wrong =
        || Reply::bad("An identifier is an account, #group, anyone, anyone@ or anyone@domain, - before it or not");
    identifier(text, place.account.name()).ok_or_else(|| wrong().into())
}

pub(super) fn setacl(
    core: &mut Core,
    account: &Arc<Account>,
    mailbox: &str,
    text: &str,
    modify: ModifyRights,
) -> Handled {
    let place = administered(core, account, mailbox)?;
    let identifier = normal(&place, text)?;
    // The owner's rights cannot be less than all.
    if identifier != place.account.name().as_str() {
        place.account.set_acl(&place.name, &identifier, modify)?;
    }
    Ok(Reply::ok("SETACL completed"))
}

pub(super) fn deleteacl(core: &mut Core, account: &Arc<Account>, mailbox: &str, text: &str) -> Handled {
    let place = administered(core, account, mailbox)?;
    let identifier = normal(&place, text)?;
    place.account.set_acl(&place.name, &identifier, ModifyRights::Replace(Rights::NONE))?;
    Ok(Reply::ok("DELETEACL completed"))
}

/// `* ACL INBOX joe lrswipkxteancd anyone lr`
pub(super) fn getacl(core: &mut Core, account: &Arc<Account>, mailbox: &str) -> Handled {
    let place = administered(core, account, mailbox)?;
    let acl = place.account.acl(&place.name)?;
    core.output.say(|out| {
        out.extend_from_slice(b"* ACL ");
        wire::mailbox(out, &place.shown, core.dialect);
        let owner = (place.account.name().to_string(), Rights::ALL);
        for (identifier, rights) in std::iter::once(&owner).chain(&acl.0) {
            out.push(b' ');
            wire::astring(out, identifier);
            wire::text(out, format_args!(" {rights}"));
        }
        out.extend_from_slice(b"\r\n");
    })?;
    Ok(Reply::ok("GETACL completed"))
}

/// The owner has all rights; of others each right can be given or not, with those of RFC 2086. RFC 4314 3.4
pub(super) fn listrights(core: &mut Core, account: &Arc<Account>, mailbox: &str, text: &str) -> Handled {
    let place = administered(core, account, mailbox)?;
    let identifier = normal(&place, text)?;
    let rights = match identifier == place.account.name().as_str() {
        true => Rights::ALL.to_string(),
        false => "\"\" l r s w i p k x t e a n c d".to_string(),
    };
    core.output.say(|out| {
        out.extend_from_slice(b"* LISTRIGHTS ");
        wire::mailbox(out, &place.shown, core.dialect);
        out.push(b' ');
        // As the client has it, so that it knows which answer this is. RFC 4314 3.4
        wire::astring(out, text);
        wire::text(out, format_args!(" {rights}\r\n"));
    })?;
    Ok(Reply::ok("LISTRIGHTS completed"))
}

/// For who has any right that needs to be known: others hear nothing. RFC 4314 4
pub(super) fn myrights(core: &mut Core, account: &Arc<Account>, mailbox: &str) -> Handled {
    let place = core.place(account, mailbox)?;
    place.mailbox(Right::Lookup)?;
    let rights = place.rights();
    if rights.is_empty() {
        return Err(not_permitted());
    }
    say_rights(core, &place.shown, rights)?;
    Ok(Reply::ok("MYRIGHTS completed"))
}

/// `* MYRIGHTS INBOX lrs`, also for LIST. RFC 8440
pub(super) fn say_rights(core: &Core, shown: &str, rights: Rights) -> Result<(), Failure> {
    core.output.say(|out| {
        out.extend_from_slice(b"* MYRIGHTS ");
        wire::mailbox(out, shown, core.dialect);
        wire::text(out, format_args!(" {rights}\r\n"));
    })?;
    Ok(())
}

//! LIST, LSUB and NAMESPACE.          RFC 9051 6.3.9, 6.3.10; RFC 5258; RFC 5819; RFC 3348; RFC 6154; RFC 3501 6.3.9
//!
//! \HasChildren and \HasNoChildren are always said, they cost nothing; \Subscribed where it was asked for; the special
//! uses where they were asked for and in a plain LIST, where clients of RFC 6154 expect them.

use super::cmd_status;
use super::core::Core;
use super::reply::{Failure, Handled, Reply};
use crate::mailbox::{Account, Listed, list as names, lsub as subscribed};
use crate::proto::{ListCommand, response as wire};
use crate::types::{ListReturn, ListSelect, Pattern, StatusItem};

pub(super) fn list(core: &mut Core, account: &Account, command: &ListCommand) -> Handled {
    // The empty pattern asks for the delimiter alone. RFC 9051 6.3.9
    if !command.extended && command.patterns.iter().all(String::is_empty) {
        core.output.say(|out| out.extend_from_slice(b"* LIST (\\Noselect) \"/\" \"\"\r\n"))?;
        return Ok(Reply::ok("LIST completed"));
    }
    let patterns: Vec<Pattern> = command.patterns.iter().map(|text| Pattern::new(&command.reference, text)).collect();
    let tree = account.tree();
    let wanted = Wanted::new(command);
    for listed in names(&tree, &patterns, &command.select) {
        core.output.say(|out| line(out, core, &listed, &wanted))?;
        if let (Some(items), Some(_)) = (wanted.status, listed.mailbox) {
            status(core, account, &listed, items)?;
        }
    }
    Ok(Reply::ok("LIST completed"))
}

/// What a LIST response shows beside the name.
struct Wanted<'a> {
    subscribed: bool,
    special_use: bool,
    status: Option<&'a [StatusItem]>,
}

impl Wanted<'_> {
    fn new(command: &ListCommand) -> Wanted<'_> {
        let selects = |option| command.select.contains(&option);
        let returns = |option| command.returns.contains(&option);
        let status = command.returns.iter().find_map(|option| match option {
            ListReturn::Status(items) => Some(items.as_slice()),
            _ => None,
        });
        Wanted {
            subscribed: selects(ListSelect::Subscribed) || returns(ListReturn::Subscribed),
            special_use: !command.extended || selects(ListSelect::SpecialUse) || returns(ListReturn::SpecialUse),
            status,
        }
    }
}

fn line(out: &mut Vec<u8>, core: &Core, listed: &Listed, wanted: &Wanted<'_>) {
    let mut attributes: Vec<&str> = Vec::with_capacity(4);
    if !listed.exists {
        attributes.push("\\NonExistent");
    } else if listed.mailbox.is_none() {
        attributes.push("\\Noselect");
    }
    if wanted.subscribed && listed.subscribed {
        attributes.push("\\Subscribed");
    }
    attributes.push(if listed.has_children { "\\HasChildren" } else { "\\HasNoChildren" });
    if wanted.special_use {
        attributes.extend(listed.special_use.iter().map(|of| of.name()));
    }
    out.extend_from_slice(b"* LIST (");
    out.extend_from_slice(attributes.join(" ").as_bytes());
    out.extend_from_slice(b") \"/\" ");
    wire::mailbox(out, &listed.name, core.dialect);
    if listed.child_subscribed {
        out.extend_from_slice(b" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
    }
    out.extend_from_slice(b"\r\n");
}

/// A mailbox that went meanwhile has no STATUS. RFC 5819 2
fn status(core: &Core, account: &Account, listed: &Listed, items: &[StatusItem]) -> Result<(), Failure> {
    let Ok(name) = crate::types::MailboxName::new(&listed.name) else { return Ok(()) };
    match account.mailbox(&name) {
        Ok(mailbox) => cmd_status::write(core, &listed.name, &mailbox, items),
        Err(_) => Ok(()),
    }
}

pub(super) fn lsub(core: &mut Core, account: &Account, reference: &str, pattern: &str) -> Handled {
    if pattern.is_empty() {
        core.output.say(|out| out.extend_from_slice(b"* LSUB (\\Noselect) \"/\" \"\"\r\n"))?;
        return Ok(Reply::ok("LSUB completed"));
    }
    for name in subscribed(&account.tree(), &Pattern::new(reference, pattern)) {
        core.output.say(|out| {
            let attributes = if name.subscribed { "" } else { "\\Noselect" };
            out.extend_from_slice(format!("* LSUB ({attributes}) \"/\" ").as_bytes());
            wire::mailbox(out, &name.name, core.dialect);
            out.extend_from_slice(b"\r\n");
        })?;
    }
    Ok(Reply::ok("LSUB completed"))
}

/// One personal namespace, at the root. RFC 9051 6.3.10
pub(super) fn namespace(core: &mut Core) -> Handled {
    core.output.say(|out| out.extend_from_slice(b"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"))?;
    Ok(Reply::ok("NAMESPACE completed"))
}

//! LIST, LSUB and NAMESPACE.          RFC 9051 6.3.9, 6.3.10; RFC 5258; RFC 5819; RFC 3348; RFC 6154; RFC 3501 6.3.9
//!
//! \HasChildren and \HasNoChildren are always said, they cost nothing; \Subscribed where it was asked for; the special
//! uses where they were asked for and in a plain LIST, where clients of RFC 6154 expect them.

use std::sync::Arc;

use super::core::Core;
use super::place::{FOREIGN, foreign};
use super::reply::{Failure, Handled, Reply};
use super::{cmd_acl, cmd_status};
use crate::mailbox::{Account, Listed, Who, list as names, lsub as subscribed};
use crate::proto::{ListCommand, response as wire};
use crate::types::{ListReturn, ListSelect, Pattern, Right, StatusItem};

pub(super) fn list(core: &mut Core, account: &Arc<Account>, command: &ListCommand) -> Handled {
    // The empty pattern asks for the delimiter alone. RFC 9051 6.3.9
    if !command.extended && command.patterns.iter().all(String::is_empty) {
        core.output.say(|out| out.extend_from_slice(b"* LIST (\\Noselect) \"/\" \"\"\r\n"))?;
        return Ok(Reply::ok("LIST completed"));
    }
    let wanted = Wanted::new(command);
    for listed in found(core, account, command)? {
        core.output.say(|out| line(out, core, &listed, &wanted))?;
        if listed.mailbox.is_some() {
            beside(core, account, &listed, &wanted)?;
        }
    }
    Ok(Reply::ok("LIST completed"))
}

/// The names that a LIST command shows: of the own account, its aliases, and for a pattern that begins with `~` of the
/// account that it names.
fn found(core: &Core, account: &Arc<Account>, command: &ListCommand) -> Result<Vec<Listed>, Failure> {
    let whole = command.patterns.iter().map(|text| format!("{}{text}", command.reference));
    let (foreign, own): (Vec<String>, Vec<String>) = whole.partition(|text| text.starts_with(FOREIGN));
    // Subscriptions are one's own, to whatever mailboxes they are.
    let subscribed = command.select.contains(&ListSelect::Subscribed);
    let here: Vec<&String> = own.iter().chain(foreign.iter().filter(|_| subscribed)).collect();
    let patterns: Vec<Pattern> = here.iter().map(|text| Pattern::new("", text)).collect();
    let mut listed = names(&account.tree(), &patterns, &command.select);
    for name in &mut listed {
        resolve(core, account, name);
    }
    // What is on another server is for RLIST. RFC 2193 4
    listed.retain(|name| name.exists || core.remote_url(account, &name.name).is_none());
    if !subscribed && !command.select.contains(&ListSelect::SpecialUse) {
        for alias in
            account.tree().aliases().keys().filter(|alias| patterns.iter().any(|p| p.matches(alias.as_str())))
        {
            listed.extend(aliased(core, account, alias.as_str()));
        }
        listed.sort_by(|a, b| a.name.cmp(&b.name));
    }
    for text in foreign.iter().filter(|_| !subscribed) {
        listed.extend(of_other(core, account, text, &command.select)?);
    }
    Ok(listed)
}

/// A subscribed name of another account, or an alias: what it leads to is known there alone.
fn resolve(core: &Core, account: &Arc<Account>, listed: &mut Listed) {
    if listed.exists {
        return;
    }
    if let Some(found) = aliased(core, account, &listed.name) {
        (listed.exists, listed.mailbox) = (true, found.mailbox);
    }
}

/// A name that is not of the account's tree and leads to a mailbox all the same.
fn aliased(core: &Core, account: &Arc<Account>, name: &str) -> Option<Listed> {
    let place = core.place(account, name).ok()?;
    place.require(Right::Lookup).ok()?;
    let mailbox = place.account.tree().node(&place.name)?.id?;
    Some(Listed {
        name: name.to_string(),
        mailbox: Some(mailbox),
        exists: true,
        has_children: false,
        subscribed: account.tree().subscriptions().contains(name),
        special_use: Vec::new(),
        child_subscribed: false,
    })
}

/// What may be seen of another account; nothing where there is no such account, or nothing to be seen.
fn of_other(core: &Core, account: &Arc<Account>, text: &str, select: &[ListSelect]) -> Result<Vec<Listed>, Failure> {
    let Some((Some(named), rest)) = foreign(text, account) else { return Ok(Vec::new()) };
    let Ok(Some(owner)) = core.owner(&named) else { return Ok(Vec::new()) };
    let prefix = &text[..text.len() - rest.len()];
    let who = Who { account: account.name().clone(), groups: core.groups.clone() };
    let tree = match owner == *account.name() {
        true => account.tree(),
        false => match core.service.manager.existing_account(&owner)? {
            Some(other) => Arc::new(other.visible_tree(&who)),
            None => return Ok(Vec::new()),
        },
    };
    let mut listed = names(&tree, &[Pattern::new("", rest)], select);
    for name in &mut listed {
        name.name = format!("{prefix}{}", name.name);
        name.subscribed = account.tree().subscriptions().contains(&name.name);
    }
    Ok(listed)
}

/// What a LIST response shows beside the name.
struct Wanted<'a> {
    subscribed: bool,
    special_use: bool,
    my_rights: bool,
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
            my_rights: returns(ListReturn::MyRights),
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

/// STATUS and MYRIGHTS behind the name; not of a mailbox that went meanwhile, nor of what may not be read. RFC 5819 2
fn beside(core: &Core, account: &Arc<Account>, listed: &Listed, wanted: &Wanted<'_>) -> Result<(), Failure> {
    let Ok(place) = core.place(account, &listed.name) else { return Ok(()) };
    if wanted.my_rights {
        cmd_acl::say_rights(core, &listed.name, place.rights())?;
    }
    match (wanted.status, place.mailbox(Right::Read)) {
        (Some(items), Ok(mailbox)) => {
            cmd_status::write(core, &listed.name, &mailbox, core.visibility(place.rights()), items)
        }
        _ => Ok(()),
    }
}

pub(super) fn lsub(core: &mut Core, account: &Account, reference: &str, pattern: &str) -> Handled {
    if pattern.is_empty() {
        core.output.say(|out| out.extend_from_slice(b"* LSUB (\\Noselect) \"/\" \"\"\r\n"))?;
        return Ok(Reply::ok("LSUB completed"));
    }
    let names = subscribed(&account.tree(), &Pattern::new(reference, pattern));
    for name in names.into_iter().filter(|name| core.remote_url(account, &name.name).is_none()) {
        core.output.say(|out| {
            let attributes = if name.subscribed { "" } else { "\\Noselect" };
            out.extend_from_slice(format!("* LSUB ({attributes}) \"/\" ").as_bytes());
            wire::mailbox(out, &name.name, core.dialect);
            out.extend_from_slice(b"\r\n");
        })?;
    }
    Ok(Reply::ok("LSUB completed"))
}

/// The own mailboxes, those of others, and those of the account `public`, where there is one. RFC 9051 6.3.10
pub(super) fn namespace(core: &Core, account: &Account) -> Handled {
    let public = foreign("~public/x", account).and_then(|(owner, _)| owner);
    let public = match public {
        Some(public) => core.service.manager.existing_account(&public)?.is_some(),
        None => false,
    };
    let shared = if public { "((\"~public/\" \"/\"))" } else { "NIL" };
    core.output.say(|out| {
        wire::text(out, format_args!("* NAMESPACE ((\"\" \"/\")) ((\"~\" \"/\")) {shared}\r\n"));
    })?;
    Ok(Reply::ok("NAMESPACE completed"))
}

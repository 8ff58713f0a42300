//! LIST, LSUB, XLIST and NAMESPACE.          RFC 9051 6.3.9, 6.3.10; RFC 5258; RFC 5819; RFC 3348; RFC 6154; RFC 8440;
//! RFC 9590; RFC 3501 6.3.9
//!
//! \HasChildren and \HasNoChildren are always said, they cost nothing; \Subscribed where it was asked for; the special
//! uses where they were asked for and in a plain LIST, where clients of RFC 6154 expect them. CLASS, \UNSEEN and
//! \INTERNALSIZE are CommuniGate Pro's; with them \Marked and \Unmarked are said, as the mailbox is looked at anyway.

use std::sync::Arc;

use super::cmd_metadata;
use super::core::Core;
use super::listing::Listing;
use super::place::foreign;
use super::reply::{Failure, Handled, Reply};
use super::{cmd_acl, cmd_status};
use crate::mailbox::{Account, Listed};
use crate::proto::{ListCommand, ResponseCode, response as wire};
use crate::types::{EntryName, ListReturn, ListSelect, MailboxClass, Pattern, Right, SpecialUse, StatusItem};

pub(super) fn list(core: &mut Core, account: &Arc<Account>, command: &ListCommand) -> Handled {
    answer(core, account, command, Form::List)?;
    Ok(Reply::ok("LIST completed"))
}

/// As LIST, for clients that know special uses by Gmail's names only.
pub(super) fn xlist(core: &mut Core, account: &Arc<Account>, command: &ListCommand) -> Handled {
    answer(core, account, command, Form::Xlist)?;
    Ok(Reply::ok("XLIST completed"))
}

/// Which command is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    List,
    Xlist,
}

impl Form {
    fn word(self) -> &'static str {
        match self {
            Form::List => "LIST",
            Form::Xlist => "XLIST",
        }
    }

    /// What a special use is called.
    fn special_use(self, of: SpecialUse) -> &'static str {
        match (self, of) {
            (Form::Xlist, SpecialUse::All) => "\\AllMail",
            (Form::Xlist, SpecialUse::Flagged) => "\\Starred",
            (Form::Xlist, SpecialUse::Junk) => "\\Spam",
            (_, of) => of.name(),
        }
    }
}

fn answer(core: &Core, account: &Arc<Account>, command: &ListCommand, form: Form) -> Result<(), Failure> {
    // The empty pattern asks for the delimiter alone. RFC 9051 6.3.9
    if !command.extended && command.patterns.iter().all(String::is_empty) {
        core.output.say(|out| wire::text(out, format_args!("* {} (\\Noselect) \"/\" \"\"\r\n", form.word())))?;
        return Ok(());
    }
    let wanted = Wanted::new(command, form);
    for mut listed in Listing::new(core, account, Some(command)).list(command)? {
        let status = status(core, account, &mut listed, &wanted)?;
        let sums = if wanted.sums() { sums(core, account, &listed, &wanted)? } else { Vec::new() };
        core.output.say(|out| line(out, core, &listed, &wanted, &sums))?;
        if listed.exists {
            beside(core, account, &listed, &wanted)?;
            core.output.say(|out| out.extend_from_slice(&status))?;
        }
    }
    Ok(())
}

/// What a LIST response shows beside the name.
struct Wanted<'a> {
    form: Form,
    subscribed: bool,
    special_use: bool,
    class: bool,
    unseen: bool,
    internal_size: bool,
    my_rights: bool,
    status: Option<&'a [StatusItem]>,
    metadata: Option<&'a [EntryName]>,
}

impl Wanted<'_> {
    fn new(command: &ListCommand, form: Form) -> Wanted<'_> {
        let selects = |option| command.select.contains(&option);
        let returns = |option| command.returns.contains(&option);
        Wanted {
            form,
            subscribed: selects(ListSelect::Subscribed) || returns(ListReturn::Subscribed),
            special_use: !command.extended || selects(ListSelect::SpecialUse) || returns(ListReturn::SpecialUse),
            class: selects(ListSelect::Class) || returns(ListReturn::Class),
            unseen: selects(ListSelect::Unseen) || returns(ListReturn::Unseen),
            internal_size: selects(ListSelect::InternalSize) || returns(ListReturn::InternalSize),
            my_rights: returns(ListReturn::MyRights),
            status: command.status(),
            metadata: command.metadata(),
        }
    }

    /// Whether the mailbox itself must be looked at for its line.
    fn sums(&self) -> bool {
        self.class || self.unseen || self.internal_size
    }
}

/// The STATUS response that stands behind the name. A mailbox whose STATUS cannot be had cannot be selected: one that has
/// gone meanwhile, or may not be read. RFC 5819 2
fn status(core: &Core, account: &Arc<Account>, listed: &mut Listed, wanted: &Wanted<'_>) -> Result<Vec<u8>, Failure> {
    let (Some(items), true) = (wanted.status, listed.mailbox.is_some()) else { return Ok(Vec::new()) };
    let line = || {
        let place = core.place(account, &listed.name)?;
        let mailbox = place.mailbox(Right::Read)?;
        cmd_status::line(core, &listed.name, &mailbox, core.visibility(place.rights()), items)
    };
    match line() {
        Err(Failure::Refused(reply)) if reply.code != Some(ResponseCode::Unavailable) => {
            listed.mailbox = None;
            Ok(Vec::new())
        }
        // The world's fault costs this STATUS alone.
        Err(Failure::Refused(_)) => Ok(Vec::new()),
        done => done,
    }
}

/// `CLASS("IPF.Contact") \UNSEEN(14) \INTERNALSIZE(2345678) \Unmarked`; sums of what may be read alone. CommuniGate Pro
fn sums(core: &Core, account: &Arc<Account>, listed: &Listed, wanted: &Wanted<'_>) -> Result<Vec<String>, Failure> {
    let mut attributes = Vec::new();
    if listed.mailbox.is_none() {
        return Ok(attributes);
    }
    if wanted.class {
        let mut class = b"CLASS(".to_vec();
        wire::quoted(&mut class, listed.class.as_ref().map_or(MailboxClass::MAIL, MailboxClass::as_str).as_bytes());
        class.push(b')');
        attributes.push(String::from_utf8_lossy(&class).into_owned());
    }
    let Ok(place) = core.place(account, &listed.name) else { return Ok(attributes) };
    let Ok(mailbox) = place.mailbox(Right::Read) else { return Ok(attributes) };
    let visibility = core.visibility(place.rights());
    let sums = mailbox.header()?.sums.seen(visibility);
    if wanted.unseen {
        attributes.push(format!("\\UNSEEN({})", sums.unseen));
    }
    if wanted.internal_size {
        attributes.push(format!("\\INTERNALSIZE({})", sums.bytes));
    }
    let marked = mailbox.has_new(visibility)?;
    attributes.push(if marked { "\\Marked" } else { "\\Unmarked" }.to_string());
    Ok(attributes)
}

fn line(out: &mut Vec<u8>, core: &Core, listed: &Listed, wanted: &Wanted<'_>, sums: &[String]) {
    let mut attributes: Vec<&str> = Vec::with_capacity(4);
    if !listed.exists {
        attributes.push("\\NonExistent");
    } else if listed.remote {
        attributes.push("\\Remote");
    } else if listed.mailbox.is_none() {
        attributes.push("\\Noselect");
    }
    if wanted.subscribed && listed.subscribed {
        attributes.push("\\Subscribed");
    }
    match (listed.remote, listed.has_children) {
        // The other server knows.
        (true, _) => {}
        (false, true) => attributes.push("\\HasChildren"),
        (false, false) => attributes.push("\\HasNoChildren"),
    }
    if wanted.form == Form::Xlist && listed.name == "INBOX" {
        attributes.push("\\Inbox");
    }
    if wanted.special_use {
        attributes.extend(listed.special_use.iter().map(|of| wanted.form.special_use(*of)));
    }
    attributes.extend(sums.iter().map(String::as_str));
    wire::text(out, format_args!("* {} ({}) \"/\" ", wanted.form.word(), attributes.join(" ")));
    wire::mailbox(out, &listed.name, core.dialect);
    if listed.child_subscribed {
        out.extend_from_slice(b" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
    }
    out.extend_from_slice(b"\r\n");
}

/// What else stands behind the name in responses of its own: rights (RFC 8440 3) and annotations (RFC 9590 3). Nothing of a
/// mailbox that went meanwhile, nor of what may not be seen.
fn beside(core: &Core, account: &Arc<Account>, listed: &Listed, wanted: &Wanted<'_>) -> Result<(), Failure> {
    if !wanted.my_rights && wanted.metadata.is_none() {
        return Ok(());
    }
    let Ok(place) = core.place(account, &listed.name) else { return Ok(()) };
    if wanted.my_rights && listed.mailbox.is_some() {
        cmd_acl::say_rights(core, &listed.name, place.rights())?;
    }
    if let Some(entries) = wanted.metadata {
        cmd_metadata::list(core, account, &place, entries)?;
    }
    Ok(())
}

pub(super) fn lsub(core: &mut Core, account: &Arc<Account>, reference: &str, pattern: &str) -> Handled {
    if pattern.is_empty() {
        core.output.say(|out| out.extend_from_slice(b"* LSUB (\\Noselect) \"/\" \"\"\r\n"))?;
        return Ok(Reply::ok("LSUB completed"));
    }
    for name in Listing::new(core, account, None).lsub(&Pattern::new(reference, pattern)) {
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

//! GETMETADATA, SETMETADATA, and what others have changed.          RFC 5464 4
//!
//! The empty name stands for the server, whose shared entries the administrators set.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use super::cmd_quota::is_administrator;
use super::core::Core;
use super::filters;
use super::output::Gone;
use super::place::{Place, not_permitted};
use super::reply::{Failure, Handled, Reply, internal};
use crate::mailbox::{Account, Annotation, NewValue, Who, may_annotate, may_set};
use crate::proto::response::{self as wire, untagged_ok};
use crate::proto::{GetMetadata, Literal, MetadataValues, ResponseCode};
use crate::types::{AccountName, Depth, EntryName, EntryScope, MailboxName, Right};

/// Octets of values that one METADATA response gathers.
const RESPONSE_BYTES: usize = 32 * 1024;

pub(super) fn getmetadata(core: &Core, account: &Arc<Account>, command: &GetMetadata) -> Handled {
    let GetMetadata { mailbox, size_max, depth, entries } = command;
    let found = match mailbox.is_empty() {
        true => account.server_annotations(entries, *depth)?,
        false => {
            let place = annotated(core, account, mailbox)?;
            place.account.annotations(&place.name, account, entries, *depth)?
        }
    };
    let too_long = |annotation: &&Annotation| size_max.is_some_and(|max| annotation.value.len() as u64 > max);
    let longest = found.iter().filter(too_long).map(|annotation| annotation.value.len() as u64).max();
    let shown = found.iter().filter(|annotation| !too_long(annotation));
    let shown = shown.map(|annotation| (annotation.entry.as_str(), Some(annotation.value.as_slice())));
    let nil = without(entries.iter().filter(|_| *depth == Depth::Zero), &found);
    say(core, mailbox, shown.chain(nil))?;
    let reply = Reply::ok("GETMETADATA completed");
    Ok(match longest {
        Some(octets) => reply.with(ResponseCode::MetadataLongEntries(octets)),
        None => reply,
    })
}

/// Entries that were asked for by name and have no value.
fn without<'a>(
    entries: impl Iterator<Item = &'a EntryName>,
    found: &[Annotation],
) -> impl Iterator<Item = (&'a str, Option<&'a [u8]>)> {
    entries.filter(|entry| !found.iter().any(|known| known.entry == **entry)).map(|entry| (entry.as_str(), None))
}

/// For LIST: what GETMETADATA would answer; nothing where it would refuse. RFC 9590 3
pub(super) fn list(core: &Core, account: &Account, place: &Place, entries: &[EntryName]) -> Result<(), Failure> {
    if !place.is_own() && !may_annotate(place.rights()) {
        return Ok(());
    }
    let Ok(found) = place.account.annotations(&place.name, account, entries, Depth::Zero) else { return Ok(()) };
    let shown = found.iter().map(|annotation| (annotation.entry.as_str(), Some(annotation.value.as_slice())));
    say(core, &place.shown, shown.chain(without(entries.iter(), &found)))
}

/// Of a mailbox, or a name that only holds others, whose annotations the client may see. RFC 5464 3.3
fn annotated(core: &Core, account: &Arc<Account>, mailbox: &str) -> Result<Place, Failure> {
    let place = core.place(account, mailbox)?;
    place.require(Right::Lookup)?;
    match place.is_own() || may_annotate(place.rights()) {
        true => Ok(place),
        false => Err(not_permitted()),
    }
}

/// `* METADATA "INBOX" (/private/comment "My own comment")`
fn say<'a>(
    core: &Core,
    mailbox: &str,
    entries: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>,
) -> Result<(), Failure> {
    let mut line: Vec<u8> = Vec::new();
    for (entry, value) in entries {
        if line.is_empty() {
            line.extend_from_slice(b"* METADATA ");
            wire::mailbox(&mut line, mailbox, core.dialect);
            line.extend_from_slice(b" (");
        } else {
            line.push(b' ');
        }
        wire::astring(&mut line, entry);
        line.push(b' ');
        wire::value(&mut line, value);
        if line.len() >= RESPONSE_BYTES {
            line.extend_from_slice(b")\r\n");
            core.output.respond(|response| response.octets(&line))?;
            line.clear();
        }
    }
    if !line.is_empty() {
        line.extend_from_slice(b")\r\n");
        core.output.respond(|response| response.octets(&line))?;
    }
    Ok(())
}

/// All of the entries are set, or none. RFC 5464 4.3
pub(super) fn setmetadata(core: &Core, account: &Arc<Account>, mailbox: &str, values: MetadataValues) -> Handled {
    let by = core.annotations.as_ref();
    match mailbox.is_empty() {
        true => {
            let shared = values.iter().any(|(entry, _)| entry.scope() == EntryScope::Shared);
            if shared && !is_administrator(core, account) {
                let text = "Shared annotations of the server are set by the administrators";
                return Err(Reply::no(ResponseCode::NoPerm, text).into());
            }
            let values = octets(core, values)?;
            for (entry, value) in &values {
                value.as_ref().map_or(Ok(()), |value| filters::check(entry, value))?;
            }
            account.annotate_server(&values, by)?;
        }
        false => {
            let place = annotated(core, account, mailbox)?;
            if !values.iter().all(|(entry, _)| place.is_own() || may_set(place.rights(), entry)) {
                return Err(not_permitted());
            }
            place.account.annotate(&place.name, account, &octets(core, values)?, by)?;
        }
    }
    Ok(Reply::ok("SETMETADATA completed"))
}

/// The values themselves; one that is too large is not read.
fn octets(core: &Core, values: MetadataValues) -> Result<Vec<NewValue>, Failure> {
    let max = core.service.manager.annotation_bytes_max();
    let octets = |value: Literal| match value {
        value if value.len() > max => Err(Failure::from(crate::mailbox::Refusal::AnnotationTooBig(max))),
        Literal::Memory(octets) => Ok(octets),
        Literal::Spool(mut file, length) => {
            let mut octets = Vec::with_capacity(length as usize);
            file.read_to_end(&mut octets).map_err(|error| internal(&error))?;
            Ok(octets)
        }
    };
    values.into_iter().map(|(entry, value)| Ok((entry, value.map(octets).transpose()?))).collect()
}

impl Core {
    /// Begins to tell the client of annotations that others change. RFC 5464 4.1
    pub(super) fn watch_annotations(&mut self, account: &Account) {
        if self.annotations.is_none() {
            let who = Who { account: account.name().clone(), groups: self.groups.clone() };
            self.annotations = Some(self.service.manager.watch_annotations(who, account, self.bell.clone()));
        }
    }

    /// `* METADATA "INBOX" /shared/comment /private/comment`: what others have changed since it was last said, in any
    /// state and at any time; under NOTIFY what that asks for. RFC 5464 4.4.2; RFC 5465 5.6, 5.7
    pub(super) fn changed_annotations(&self) -> Result<(), Failure> {
        let (Some(watch), Some(user)) = (&self.annotations, &self.user) else { return Ok(()) };
        let news = watch.take();
        for changed in &news.changed {
            let mailbox = changed.mailbox.as_ref();
            let names = match &self.notify {
                Some(notify) => notify.annotated(mailbox),
                None => vec![mailbox.map_or(String::new(), |(owner, name)| shown(user, owner, name))],
            };
            names.iter().try_for_each(|name| self.say_entries(name, &changed.entries))?;
        }
        if news.overflow {
            let text = "More annotations have changed than could be remembered; ask for them anew";
            self.output.say(|out| untagged_ok(out, Some(&ResponseCode::NotificationOverflow), &self.said(text)))?;
        }
        Ok(())
    }
}

impl Core {
    fn say_entries(&self, mailbox: &str, entries: &BTreeSet<EntryName>) -> Result<(), Gone> {
        self.output.say(|out| {
            out.extend_from_slice(b"* METADATA ");
            wire::mailbox(out, mailbox, self.dialect);
            for entry in entries {
                out.push(b' ');
                wire::astring(out, entry.as_str());
            }
            out.extend_from_slice(b"\r\n");
        })
    }
}

/// The name that a mailbox has for a user.
fn shown(user: &AccountName, owner: &AccountName, name: &MailboxName) -> String {
    if user == owner {
        return name.to_string();
    }
    let local = owner.as_str().split_once('@').map_or(owner.as_str(), |(local, _)| local);
    match user.domain() == owner.domain() {
        true => format!("~{local}/{name}"),
        false => format!("~{owner}/{name}"),
    }
}

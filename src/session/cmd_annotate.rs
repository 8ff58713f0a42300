//! Annotations of messages: STORE ANNOTATION, and what FETCH and APPEND have of them.         RFC 5257 4.3 to 4.7
//!
//! STORE is silent by itself: the client knows what it has set. Others that have selected the mailbox with ANNOTATE hear
//! the names of entries, never values.

use std::io::Read;
use std::sync::Arc;

use super::cmd_store;
use super::content::Missing;
use super::core::{Core, Selected};
use super::limits;
use super::place::not_permitted;
use super::reply::{Failure, Handled, Reply, internal};
use super::report;
use crate::mailbox::{
    Account, Change, ChangedEntry, Changes, EntryFound, NewAnnotation, Refusal, Value, View, summary_of,
};
use crate::proto::response as wire;
use crate::proto::{AnnotationValues, Literal};
use crate::types::{
    AnnotationItem, Attribute, By, EntryScope, FetchItem, MessageEntry, ModSeq, NumberSet, PartPath, Right, Rights,
    Uid, UidSet,
};

/// The values themselves, for somebody who has these rights; one that is too large is not read.
pub(super) fn taken(
    core: &Core,
    own: &Account,
    rights: Rights,
    values: AnnotationValues,
) -> Result<Vec<NewAnnotation>, Failure> {
    let max = core.service.manager.annotation_bytes_max();
    let mut taken = Vec::with_capacity(values.len());
    for value in values {
        // RFC 5257 3.4
        let (user, right) = match value.scope {
            EntryScope::Private => (Some(own.id()), Right::Read),
            EntryScope::Shared => (None, Right::Annotate),
        };
        if !rights.has(right) {
            return Err(not_permitted());
        }
        let octets = value.value.map(|value| octets(value, max)).transpose()?;
        taken.push(NewAnnotation { user, entry: value.entry, value: octets });
    }
    Ok(taken)
}

fn octets(value: Literal, max: u64) -> Result<Value, Failure> {
    match value {
        value if value.len() > max => Err(Refusal::MessageAnnotationTooBig(max).into()),
        Literal::Memory(octets) => Ok(octets.into()),
        Literal::Spool(mut file, length) => {
            let mut octets = Vec::with_capacity(length as usize);
            file.read_to_end(&mut octets).map_err(|error| internal(&error))?;
            Ok(octets.into())
        }
    }
}

/// Refuses an entry about a part that a message does not have. RFC 5257 3.2.1
pub(super) fn check_parts(summary: &[u8], parts: &[PartPath]) -> Result<(), Failure> {
    let summary = summary_of(summary)?;
    match parts.iter().find(|part| summary.part(part).is_none()) {
        Some(_) => Err(Reply::bad("An entry is about a part that the message does not have").into()),
        None => Ok(()),
    }
}

/// The parts that entries are about, the message itself aside.
pub(super) fn parts<'a>(of: impl Iterator<Item = PartPath> + 'a) -> Vec<PartPath> {
    let mut parts: Vec<PartPath> = of.filter(|part| !part.0.is_empty()).collect();
    parts.dedup();
    parts
}

/// The same for all messages of a set.
fn check_parts_of(view: &View, uids: &UidSet, parts: &[PartPath]) -> Result<(), Failure> {
    if parts.is_empty() {
        return Ok(());
    }
    let mut summaries = view.summaries();
    for uid in uids.uids() {
        if summaries.go_to(uid)? {
            check_parts(summaries.here(), parts)?;
        }
    }
    Ok(())
}

/// Refuses a FETCH of entries about parts that one of the messages does not have, before anything is answered.
pub(super) fn check_items(view: &View, uids: &UidSet, items: &[FetchItem]) -> Result<(), Failure> {
    let of_item = |item: &'_ FetchItem| match item {
        FetchItem::Annotation(item) => item.entries.iter().map(|entries| entries.part()).collect(),
        _ => Vec::new(),
    };
    let parts = parts(items.iter().flat_map(of_item));
    check_parts_of(view, uids, &parts)
}

pub(super) fn store(
    core: &mut Core,
    own: &Arc<Account>,
    selected: &mut Selected,
    set: &NumberSet,
    by: By,
    values: AnnotationValues,
    unchanged_since: Option<ModSeq>,
) -> Handled {
    selected.require_annotations()?;
    let new = taken(core, own, selected.rights, values)?;
    if unchanged_since.is_some() {
        core.enable_condstore(Some(selected))?;
    }
    let (uids, limited) = limits::highest(core, selected.resolve(set, by)?);
    check_parts_of(&selected.view, &uids, &parts(new.iter().map(|new| new.entry.part())))?;
    let running = core.running();
    let visibility = selected.view.visibility();
    let change = Change::Annotate { uids: uids.clone(), new: new.clone(), unchanged_since, visibility };
    let outcome = selected.view.mailbox().commit(change)?;
    drop(running);
    let mut changes = report::sync(core, selected)?;
    forget_own(&selected.view, &mut changes, &uids, &new, outcome.mod_seq)?;
    // Silent, but for the MODSEQ, which a client of CONDSTORE hears however silent it is. RFC 5257 4.5; RFC 7162 3.1.3
    if !report::hears_flags(core) {
        changes.flags.retain(|uid| uids.contains(uid.get()));
        changes.others.retain(|uid| uids.contains(uid.get()));
    }
    add(&mut changes.flags, &outcome.modified);
    if unchanged_since.is_some() {
        let told: UidSet = changes.flags.iter().copied().collect();
        add(&mut changes.others, &uids.difference(&told));
    }
    report::changes(core, selected, &changes, by)?;
    let reply = cmd_store::completed(&selected.view, outcome.modified, by);
    Ok(limits::finish(core, reply, limited)?)
}

fn add(uids: &mut Vec<Uid>, more: &UidSet) {
    let known: UidSet = uids.iter().copied().collect();
    *uids = known.union(more).uids().collect();
}

/// What the client itself has set it is not told.
fn forget_own(
    view: &View,
    changes: &mut Changes,
    uids: &UidSet,
    new: &[NewAnnotation],
    mod_seq: ModSeq,
) -> Result<(), Failure> {
    let is_own = |uid: Uid, (entry, scope): &ChangedEntry| -> Result<bool, Failure> {
        let set = new.iter().find(|new| new.entry == *entry && new.scope() == *scope);
        Ok(match set.filter(|_| uids.contains(uid.get())) {
            Some(set) => view.is_annotated_by(uid, set, mod_seq)?,
            None => false,
        })
    };
    for (uid, entries) in &mut changes.annotations {
        let mut others = Vec::new();
        for entry in std::mem::take(entries) {
            if !is_own(*uid, &entry)? {
                others.push(entry);
            }
        }
        *entries = others;
    }
    changes.annotations.retain(|(_, entries)| !entries.is_empty());
    Ok(())
}

/// ANNOTATION of a FETCH response; nothing where no entry matches, which the grammar has no words for.
pub(super) fn fetched(view: &View, uid: Uid, item: &AnnotationItem) -> Result<Option<Vec<u8>>, Missing> {
    let found = view.annotations(uid, &item.entries)?;
    if found.is_empty() {
        return Ok(None);
    }
    let mut out = b"ANNOTATION (".to_vec();
    for (at, entry) in found.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        write_entry(&mut out, view, uid, entry, item)?;
    }
    out.push(b')');
    Ok(Some(out))
}

/// `/comment (value.priv "My comment" size.priv "10")`
fn write_entry(
    out: &mut Vec<u8>,
    view: &View,
    uid: Uid,
    found: &EntryFound,
    item: &AnnotationItem,
) -> Result<(), Missing> {
    wire::astring(out, found.entry.as_str());
    out.extend_from_slice(b" (");
    for (at, name) in item.attributes.iter().enumerate() {
        let separator = if at > 0 { " " } else { "" };
        wire::text(out, format_args!("{separator}{name} "));
        let bytes = found.bytes(name.scope);
        match (name.attribute, bytes) {
            (Attribute::Size, bytes) => wire::text(out, format_args!("\"{}\"", bytes.unwrap_or(0))),
            (Attribute::Value, None) => out.extend_from_slice(b"NIL"),
            (Attribute::Value, Some(_)) => {
                let value = view.annotation_value(uid, &found.entry, name.scope)?;
                wire::value(out, value.as_deref());
            }
        }
    }
    out.push(b')');
    Ok(())
}

/// ` ANNOTATION (/comment /altsubject)`: what others have changed, without values. RFC 5257 4.4
pub(super) fn write_changed(out: &mut Vec<u8>, entries: &[ChangedEntry]) {
    let mut names: Vec<&MessageEntry> = entries.iter().map(|(entry, _)| entry).collect();
    names.dedup();
    out.extend_from_slice(b"ANNOTATION (");
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        wire::astring(out, name.as_str());
    }
    out.push(b')');
}

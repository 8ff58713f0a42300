//! GETMETADATA and SETMETADATA.                     RFC 5464 4.2, 4.3, 5

use pest::iterators::Pair;

use super::arguments::Args;
use super::command::{CommandBody, GetMetadata, MetadataValues};
use super::frame::Literal;
use super::grammar::Rule;
use super::lower::{Lowered, number, wrong};
use crate::types::{Depth, EntryName};

/// Entries that one command may name: no client names more.
const ENTRIES_MAX: usize = 1000;

pub(super) fn getmetadata(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let mut command = GetMetadata { mailbox: String::new(), size_max: None, depth: Depth::Zero, entries: Vec::new() };
    let before = args.next_if(Rule::metadata_options);
    command.mailbox = args.mailbox()?;
    let behind = args.next_if(Rule::metadata_options);
    for option in before.into_iter().chain(behind).flat_map(Pair::into_inner) {
        let value = option.clone().into_inner().next().map_or("", |value| value.as_str());
        match option.as_rule() {
            Rule::metadata_maxsize => command.size_max = Some(number(value)?),
            _ => command.depth = depth(value),
        }
    }
    let pair = args.next()?;
    command.entries = entries(args, pair)?;
    Ok(CommandBody::GetMetadata(command))
}

fn depth(text: &str) -> Depth {
    match text {
        "0" => Depth::Zero,
        "1" => Depth::One,
        _ => Depth::Infinity,
    }
}

/// `entries`, each of them once.
pub(super) fn entries<'a>(args: &mut Args<'a>, pair: Pair<'a, Rule>) -> Lowered<Vec<EntryName>> {
    let mut entries: Vec<EntryName> = Vec::new();
    for pair in pair.into_inner() {
        let entry = entry(args, &pair)?;
        if !entries.contains(&entry) {
            entries.push(entry);
        }
        if entries.len() > ENTRIES_MAX {
            return wrong("There are more than 1000 entries");
        }
    }
    Ok(entries)
}

fn entry<'a>(args: &mut Args<'a>, pair: &Pair<'a, Rule>) -> Lowered<EntryName> {
    let found = EntryName::new(&args.text(pair)?);
    found.map_or_else(|| wrong("An entry begins with /private/ or /shared/, and is ASCII without * and %"), Ok)
}

pub(super) fn setmetadata(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let mailbox = args.mailbox()?;
    let mut values = MetadataValues::new();
    for pair in args.rest() {
        let mut parts = pair.into_inner();
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { return wrong("An entry has no value") };
        let name = entry(args, &name)?;
        if !name.is_complete() {
            return wrong("An entry has two components at least, one of a vendor four");
        }
        if values.len() >= ENTRIES_MAX || values.iter().any(|(known, _)| *known == name) {
            return wrong("An entry stands there twice, or there are more than 1000");
        }
        let value = match value.as_rule() {
            Rule::nil => None,
            Rule::quoted => Some(Literal::Memory(args.octets(&value)?)),
            _ => Some(args.literal()?),
        };
        values.push((name, value));
    }
    Ok(CommandBody::SetMetadata { mailbox, values })
}

//! Annotations of messages, from what pest has found.                  RFC 5257 4, 5

use pest::iterators::Pair;

use super::arguments::Args;
use super::command::{AnnotationValue, AnnotationValues};
use super::frame::Literal;
use super::grammar::Rule;
use super::lower::{Lowered, wrong};
use crate::types::{
    AnnotationItem, AnnotationOrder, Attribute, AttributeName, EntryMatch, EntryScope, MessageEntry, SearchKey,
};

/// Entries that one item or list may name: no client names more.
const ENTRIES_MAX: usize = 100;

const BAD_ENTRY: &str = "An entry is as /comment or /1.2/comment, in ASCII without * and %, and not below /flags";

fn entry<'a>(args: &mut Args<'a>, pair: &Pair<'a, Rule>) -> Lowered<MessageEntry> {
    MessageEntry::new(&args.text(pair)?).map_or_else(|| wrong(BAD_ENTRY), Ok)
}

fn entry_match<'a>(args: &mut Args<'a>, pair: &Pair<'a, Rule>) -> Lowered<EntryMatch> {
    EntryMatch::new(&args.text(pair)?).map_or_else(|| wrong(BAD_ENTRY), Ok)
}

fn attribute<'a>(args: &mut Args<'a>, pair: &Pair<'a, Rule>) -> Lowered<(Attribute, Option<EntryScope>)> {
    let found = AttributeName::parse(&args.text(pair)?);
    found.map_or_else(|| wrong("An attribute is value or size, with .priv or .shared behind it or not"), Ok)
}

/// `att-annotate`: what STORE and APPEND set.
pub(super) fn values<'a>(args: &mut Args<'a>, pair: Pair<'a, Rule>) -> Lowered<AnnotationValues> {
    let mut values = AnnotationValues::new();
    for pair in pair.into_inner() {
        let mut parts = pair.into_inner();
        let Some(name) = parts.next() else { return wrong("An entry is missing") };
        let entry = entry(args, &name)?;
        if !entry.is_complete() {
            return wrong("An entry that only stands above others has no value");
        }
        for pair in parts {
            let value = att_value(args, &entry, pair)?;
            let is_same = |known: &AnnotationValue| known.entry == value.entry && known.scope == value.scope;
            if values.iter().any(is_same) || values.len() >= ENTRIES_MAX {
                return wrong("An attribute stands there twice, or there are more than 100");
            }
            values.push(value);
        }
    }
    Ok(values)
}

fn att_value<'a>(args: &mut Args<'a>, entry: &MessageEntry, pair: Pair<'a, Rule>) -> Lowered<AnnotationValue> {
    let mut parts = pair.into_inner();
    let (Some(name), Some(value)) = (parts.next(), parts.next()) else { return wrong("An attribute has no value") };
    let scope = match attribute(args, &name)? {
        (Attribute::Value, Some(scope)) => scope,
        (Attribute::Value, None) => return wrong("Only value.priv and value.shared can be set"),
        (Attribute::Size, _) => return wrong("The size is set by the server"),
    };
    let value = literal(args, &value)?;
    let is_flag_value =
        |value: &Literal| matches!(value, Literal::Memory(octets) if octets == b"0" || octets == b"1");
    if entry.is_flag() && value.as_ref().is_some_and(|value| !is_flag_value(value)) {
        return wrong("A flag of a part is \"1\", \"0\" or NIL");
    }
    Ok(AnnotationValue { entry: entry.clone(), scope, value })
}

fn literal<'a>(args: &mut Args<'a>, value: &Pair<'a, Rule>) -> Lowered<Option<Literal>> {
    Ok(match value.as_rule() {
        Rule::nil => None,
        Rule::quoted => Some(Literal::Memory(args.octets(value)?)),
        _ => Some(args.literal()?),
    })
}

/// ANNOTATION of FETCH. RFC 5257 4.3
pub(super) fn fetch_annotation<'a>(args: &mut Args<'a>, item: Pair<'a, Rule>) -> Lowered<AnnotationItem> {
    let mut wanted = AnnotationItem { entries: Vec::new(), attributes: Vec::new() };
    for list in item.into_inner() {
        let of_entries = list.as_rule() == Rule::annotation_entries;
        for pair in list.into_inner() {
            match of_entries {
                true => wanted.entries.push(entry_match(args, &pair)?),
                false => add(&mut wanted.attributes, attribute(args, &pair)?),
            }
        }
    }
    match wanted.entries.len() > ENTRIES_MAX {
        true => wrong("There are more than 100 entries"),
        false => Ok(wanted),
    }
}

/// Both values where the client does not say which. RFC 5257 3.2.2
fn add(attributes: &mut Vec<AttributeName>, (attribute, scope): (Attribute, Option<EntryScope>)) {
    for of in [EntryScope::Private, EntryScope::Shared] {
        let name = AttributeName { attribute, scope: of };
        if scope.is_none_or(|scope| scope == of) && !attributes.contains(&name) {
            attributes.push(name);
        }
    }
}

/// ANNOTATION of SEARCH. RFC 5257 4.8
pub(super) fn search_annotation<'a>(args: &mut Args<'a>, key: Pair<'a, Rule>) -> Lowered<SearchKey> {
    let parts: Vec<Pair<'a, Rule>> = key.into_inner().collect();
    let [entries, name, value] = parts.as_slice() else { return wrong("A search key is cut short") };
    let entries = entry_match(args, entries)?;
    // As the ABNF has it: in any case.
    let scope = match args.text(name)?.to_ascii_lowercase().as_str() {
        "value" => None,
        "value.priv" => Some(EntryScope::Private),
        "value.shared" => Some(EntryScope::Shared),
        _ => return wrong("Annotations are searched by value, value.priv or value.shared"),
    };
    let value = match value.as_rule() {
        Rule::nil => None,
        Rule::literal8 => match args.literal()? {
            Literal::Memory(octets) => Some(args.in_charset(octets)?),
            Literal::Spool(..) => return wrong("A literal is too long for an argument"),
        },
        _ => Some(args.search_text(value)?),
    };
    Ok(SearchKey::Annotation { entries, scope, value })
}

/// ANNOTATION of SORT; the charset is named behind it. RFC 5257 4.9
pub(super) fn sort_annotation<'a>(args: &mut Args<'a>, key: Pair<'a, Rule>) -> Lowered<AnnotationOrder> {
    let parts: Vec<Pair<'a, Rule>> = key.into_inner().collect();
    let [name, attribute] = parts.as_slice() else { return wrong("A key to sort by is cut short") };
    let entry = entry(args, name)?;
    let scope = match args.text(attribute)?.to_ascii_lowercase().as_str() {
        "value.priv" => EntryScope::Private,
        "value.shared" => EntryScope::Shared,
        _ => return wrong("Annotations are sorted by value.priv or value.shared"),
    };
    Ok(AnnotationOrder { entry, scope, charset: None })
}

//! FETCH, from what pest has found to its items.    RFC 9051 6.4.5

use pest::iterators::Pair;

use super::arguments::Args;
use super::command::{CommandBody, FetchModifiers};
use super::grammar::Rule;
use super::lower::{Lowered, number, wrong};
use super::lower_annotate;
use super::lower_search::partial_range;
use crate::types::{By, FetchItem, ModSeq, PartPath, Partial, Priority, Section, SectionText};

/// Parts in the path to a body part: as deep as messages are parsed.
const PART_LEVELS_MAX: usize = 100;

pub(super) fn fetch(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let set = args.set()?;
    let (mut items, mut modifiers) = (Vec::new(), FetchModifiers::default());
    for pair in args.rest() {
        match pair.as_rule() {
            Rule::fetch_changed_since => modifiers.changed_since = Some(changed_since(pair)?),
            Rule::fetch_vanished => modifiers.vanished = true,
            Rule::fetch_partial if args.by == By::Seq || modifiers.partial.is_some() => {
                return wrong("PARTIAL is for UID FETCH, and once");
            }
            Rule::fetch_partial => modifiers.partial = Some(partial_range(pair)?),
            Rule::fetch_macro => items.extend(fetch_macro(pair.as_str())),
            _ => items.push(fetch_item(args, pair)?),
        }
    }
    if modifiers.vanished && (args.by == By::Seq || modifiers.changed_since.is_none()) {
        return wrong("VANISHED is for UID FETCH, beside CHANGEDSINCE");
    }
    // RFC 7162 3.1.4.1
    items.extend(modifiers.changed_since.map(|_| FetchItem::ModSeq));
    let mut unique: Vec<FetchItem> = Vec::with_capacity(items.len());
    for item in items {
        if !unique.contains(&item) {
            unique.push(item);
        }
    }
    Ok(CommandBody::Fetch { by: args.by, set, items: unique, modifiers })
}

fn changed_since(pair: Pair<'_, Rule>) -> Lowered<ModSeq> {
    match pair.into_inner().next() {
        Some(pair) => number(pair.as_str()).map(ModSeq),
        None => wrong("CHANGEDSINCE needs a mod-sequence"),
    }
}

fn fetch_macro(word: &str) -> Vec<FetchItem> {
    let fast = [FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size];
    let more: &[FetchItem] = match word.to_ascii_uppercase().as_str() {
        "FAST" => &[],
        "ALL" => &[FetchItem::Envelope],
        _ => &[FetchItem::Envelope, FetchItem::Body],
    };
    fast.into_iter().chain(more.iter().cloned()).collect()
}

pub(super) fn fetch_item<'a>(args: &mut Args<'a>, pair: Pair<'a, Rule>) -> Lowered<FetchItem> {
    let Some(item) = pair.into_inner().next() else { return wrong("An item is missing") };
    match item.as_rule() {
        Rule::fetch_annotation => lower_annotate::fetch_annotation(args, item).map(FetchItem::Annotation),
        Rule::fetch_body => fetch_body(args, item),
        Rule::fetch_binary => fetch_binary(item),
        Rule::fetch_preview => Ok(FetchItem::Preview(match item.into_inner().next() {
            Some(_) => Priority::Lazy,
            None => Priority::Normal,
        })),
        Rule::fetch_binary_size => Ok(FetchItem::BinarySize(part_path(item.into_inner().next())?)),
        _ => fetch_word(item.as_str()),
    }
}

fn fetch_word(word: &str) -> Lowered<FetchItem> {
    Ok(match word.to_ascii_uppercase().as_str() {
        "UID" => FetchItem::Uid,
        "FLAGS" => FetchItem::Flags,
        "MODSEQ" => FetchItem::ModSeq,
        "EMAILID" => FetchItem::EmailId,
        "THREADID" => FetchItem::ThreadId,
        "SAVEDATE" => FetchItem::SaveDate,
        "INTERNALDATE" => FetchItem::InternalDate,
        "RFC822.SIZE" => FetchItem::Size,
        "ENVELOPE" => FetchItem::Envelope,
        "BODY" => FetchItem::Body,
        "BODYSTRUCTURE" => FetchItem::BodyStructure,
        "RFC822" => FetchItem::Rfc822,
        "RFC822.HEADER" => FetchItem::Rfc822Header,
        "RFC822.TEXT" => FetchItem::Rfc822Text,
        _ => return wrong("An unknown item to fetch"),
    })
}

fn fetch_body<'a>(args: &mut Args<'a>, item: Pair<'a, Rule>) -> Lowered<FetchItem> {
    let mut peek = false;
    let mut section = Section { part: PartPath::default(), text: SectionText::Whole };
    let mut partial_ = None;
    for pair in item.into_inner() {
        match pair.as_rule() {
            Rule::fetch_body_word => peek = pair.as_str().len() > 4,
            Rule::section_spec => section = section_spec(args, pair)?,
            _ => partial_ = Some(partial(pair)?),
        }
    }
    Ok(FetchItem::BodySection { section, partial: partial_, peek })
}

pub(super) fn section_spec<'a>(args: &mut Args<'a>, spec: Pair<'a, Rule>) -> Lowered<Section> {
    let mut section = Section { part: PartPath::default(), text: SectionText::Whole };
    for pair in spec.into_inner() {
        match pair.as_rule() {
            Rule::section_part => section.part = part_path(Some(pair))?,
            _ => section.text = section_text(args, pair)?,
        }
    }
    if section.text == SectionText::Mime && section.part.0.is_empty() {
        return wrong("MIME needs a part number before it");
    }
    Ok(section)
}

fn section_text<'a>(args: &mut Args<'a>, pair: Pair<'a, Rule>) -> Lowered<SectionText> {
    let Some(inner) = pair.into_inner().next() else { return wrong("A section is cut short") };
    if inner.as_rule() == Rule::section_word {
        return Ok(match inner.as_str().to_ascii_uppercase().as_str() {
            "HEADER" => SectionText::Header,
            "TEXT" => SectionText::Text,
            _ => SectionText::Mime,
        });
    }
    let mut not = false;
    let mut names = Vec::new();
    for pair in inner.into_inner() {
        match (pair.as_rule(), pair.clone().into_inner().next()) {
            (Rule::section_fields_word, _) => not = pair.as_str().len() > "HEADER.FIELDS".len(),
            (_, Some(name)) => names.push(args.text(&name)?),
            (_, None) => {}
        }
    }
    if names.iter().any(|name| name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic() && b != b':')) {
        return wrong("A header field name has characters that no field name can have");
    }
    Ok(if not { SectionText::HeaderFieldsNot(names) } else { SectionText::HeaderFields(names) })
}

fn fetch_binary(item: Pair<'_, Rule>) -> Lowered<FetchItem> {
    let (mut peek, mut part, mut partial_) = (false, PartPath::default(), None);
    for pair in item.into_inner() {
        match pair.as_rule() {
            Rule::fetch_binary_word => peek = pair.as_str().len() > "BINARY".len(),
            Rule::section_part => part = part_path(Some(pair))?,
            _ => partial_ = Some(partial(pair)?),
        }
    }
    Ok(FetchItem::Binary { part, partial: partial_, peek })
}

fn part_path(pair: Option<Pair<'_, Rule>>) -> Lowered<PartPath> {
    let Some(pair) = pair else { return Ok(PartPath::default()) };
    if pair.as_str().bytes().filter(|b| *b == b'.').count() >= PART_LEVELS_MAX {
        return wrong("A part number has too many levels");
    }
    let numbers: Result<Vec<u32>, _> = pair.as_str().split('.').map(str::parse).collect();
    numbers.map(PartPath).or_else(|_| wrong("A part number has more than 32 bits"))
}

fn partial(pair: Pair<'_, Rule>) -> Lowered<Partial> {
    let numbers: Vec<u64> = pair.into_inner().map(|pair| number(pair.as_str())).collect::<Lowered<_>>()?;
    match numbers.as_slice() {
        &[offset, count] if count > 0 => Ok(Partial { offset, count }),
        _ => wrong("A partial fetch needs a length above zero"),
    }
}

//! SORT and THREAD, from what pest has found to their criteria.      RFC 5256 3; RFC 5257 4.9; RFC 5957

use pest::iterators::Pair;

use super::arguments::Args;
use super::command::CommandBody;
use super::grammar::Rule;
use super::lower::{Lowered, wrong};
use super::lower_annotate::sort_annotation;
use super::lower_search::{charset_named, search_keys, search_returns};
use crate::types::{SortKey, SortOrder, ThreadAlgorithm};

pub(super) fn sort(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let returns = search_returns(args)?;
    let pairs = args.next()?.into_inner();
    let mut criteria = pairs.map(|pair| criterion(args, pair)).collect::<Lowered<Vec<_>>>()?;
    charset_named(args)?;
    for (key, _) in &mut criteria {
        if let SortKey::Annotation(order) = key {
            order.charset = args.charset.map(|charset| charset.name());
        }
    }
    let key = search_keys(args)?;
    Ok(CommandBody::Sort { by: args.by, returns, criteria, key, update: std::mem::take(&mut args.update) })
}

fn criterion<'a>(args: &mut Args<'a>, pair: Pair<'a, Rule>) -> Lowered<(SortKey, SortOrder)> {
    let (mut order, mut key) = (SortOrder::Ascending, None);
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::sort_reverse => order = SortOrder::Reverse,
            Rule::sort_annotation => key = Some(SortKey::Annotation(sort_annotation(args, part)?)),
            _ => key = sort_key(part.as_str()),
        }
    }
    match key {
        Some(key) => Ok((key, order)),
        None => wrong("An unknown key to sort by"),
    }
}

fn sort_key(word: &str) -> Option<SortKey> {
    Some(match word.to_ascii_uppercase().as_str() {
        "ARRIVAL" => SortKey::Arrival,
        "CC" => SortKey::Cc,
        "DATE" => SortKey::Date,
        "FROM" => SortKey::From,
        "SIZE" => SortKey::Size,
        "SUBJECT" => SortKey::Subject,
        "TO" => SortKey::To,
        "DISPLAYFROM" => SortKey::DisplayFrom,
        "DISPLAYTO" => SortKey::DisplayTo,
        "RELEVANCY" => SortKey::Relevancy,
        _ => return None,
    })
}

pub(super) fn thread(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let algorithm = match args.next()?.as_str().to_ascii_uppercase().as_str() {
        "ORDEREDSUBJECT" => ThreadAlgorithm::OrderedSubject,
        "REFERENCES" => ThreadAlgorithm::References,
        "REFS" => ThreadAlgorithm::Refs,
        _ => return wrong("An unknown algorithm"),
    };
    charset_named(args)?;
    let key = search_keys(args)?;
    Ok(CommandBody::Thread { by: args.by, algorithm, key })
}

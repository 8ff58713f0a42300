//! LIST and its like, and STATUS.       RFC 9051 6.3.9, 6.3.11; RFC 5258

use pest::iterators::Pair;

use super::arguments::Args;
use super::command::{CommandBody, ListCommand};
use super::grammar::Rule;
use super::lower::{Lowered, wrong};
use super::lower_metadata;
use crate::types::{ListReturn, ListSelect, StatusItem};

/// No mailbox name has it.
const NO_NAME: &str = "\0";

pub(super) fn lsub(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let (reference, pattern) = reference_and_pattern(args)?;
    Ok(CommandBody::Lsub { reference, pattern })
}

pub(super) fn rlist(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let (reference, pattern) = reference_and_pattern(args)?;
    Ok(CommandBody::Rlist { reference, pattern })
}

pub(super) fn rlsub(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let (reference, pattern) = reference_and_pattern(args)?;
    Ok(CommandBody::Rlsub { reference, pattern })
}

pub(super) fn xlist(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let (reference, pattern) = reference_and_pattern(args)?;
    Ok(CommandBody::Xlist(ListCommand::plain(&reference, &pattern)))
}

pub(super) fn list(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let select_opts = args.next_if(Rule::list_select_opts);
    let mut extended = select_opts.is_some();
    let select: Vec<ListSelect> = match select_opts {
        Some(pair) => pair.into_inner().map(list_select).collect::<Lowered<_>>()?,
        None => Vec::new(),
    };
    if select.contains(&ListSelect::RecursiveMatch) && !select.contains(&ListSelect::Subscribed) {
        return wrong("RECURSIVEMATCH needs SUBSCRIBED beside it");
    }
    let reference = args.next()?;
    let reference = pattern(args, reference)?;
    let patterns_pair = args.next()?;
    extended |= patterns_pair.as_str().starts_with('(');
    let mut patterns = Vec::new();
    for pair in patterns_pair.into_inner() {
        patterns.push(pattern(args, pair)?);
    }
    let mut returns = Vec::new();
    if let Some(pair) = args.next_if(Rule::list_return_opts) {
        extended = true;
        returns = pair.into_inner().map(|pair| list_return(args, pair)).collect::<Lowered<_>>()?;
    }
    Ok(CommandBody::List(ListCommand { reference, patterns, select, returns, extended }))
}

fn reference_and_pattern<'a>(args: &mut Args<'a>) -> Lowered<(String, String)> {
    let (reference, text) = (args.next()?, args.next()?);
    Ok((pattern(args, reference)?, pattern(args, text)?))
}

/// A reference or a pattern; one that is no name in any encoding matches nothing, and is no error. RFC 9051 6.3.9
fn pattern<'a>(args: &mut Args<'a>, pair: Pair<'a, Rule>) -> Lowered<String> {
    let Some(inner) = pair.into_inner().next() else { return wrong("A mailbox name is missing") };
    let text = args.text(&inner)?;
    if text.contains('\0') {
        return wrong("A pattern has NUL");
    }
    Ok(args.in_name_encoding(text).unwrap_or_else(|_| NO_NAME.to_string()))
}

fn list_select(pair: Pair<'_, Rule>) -> Lowered<ListSelect> {
    match pair.as_str().to_ascii_uppercase().as_str() {
        "SUBSCRIBED" => Ok(ListSelect::Subscribed),
        "REMOTE" => Ok(ListSelect::Remote),
        "RECURSIVEMATCH" => Ok(ListSelect::RecursiveMatch),
        "SPECIAL-USE" => Ok(ListSelect::SpecialUse),
        "CLASS" => Ok(ListSelect::Class),
        "UNSEEN" => Ok(ListSelect::Unseen),
        "INTERNALSIZE" => Ok(ListSelect::InternalSize),
        _ => wrong("An unknown selection option"),
    }
}

fn list_return<'a>(args: &mut Args<'a>, pair: Pair<'a, Rule>) -> Lowered<ListReturn> {
    let Some(inner) = pair.into_inner().next() else { return wrong("An unknown return option") };
    if inner.as_rule() == Rule::return_status {
        return match inner.into_inner().next() {
            Some(atts) => Ok(ListReturn::Status(status_items(atts)?)),
            None => wrong("STATUS without items"),
        };
    }
    if inner.as_rule() == Rule::return_metadata {
        return match inner.into_inner().next() {
            Some(pair) => Ok(ListReturn::Metadata(lower_metadata::entries(args, pair)?)),
            None => wrong("METADATA without entries"),
        };
    }
    match inner.as_str().to_ascii_uppercase().as_str() {
        "CLASS" => Ok(ListReturn::Class),
        "UNSEEN" => Ok(ListReturn::Unseen),
        "INTERNALSIZE" => Ok(ListReturn::InternalSize),
        "SUBSCRIBED" => Ok(ListReturn::Subscribed),
        "CHILDREN" => Ok(ListReturn::Children),
        "SPECIAL-USE" => Ok(ListReturn::SpecialUse),
        "MYRIGHTS" => Ok(ListReturn::MyRights),
        _ => wrong("An unknown return option"),
    }
}

pub(super) fn status(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let mailbox = args.mailbox()?;
    let items = status_items(args.next()?)?;
    Ok(CommandBody::Status { mailbox, items })
}

fn status_items(pair: Pair<'_, Rule>) -> Lowered<Vec<StatusItem>> {
    let item = |pair: Pair<'_, Rule>| match pair.as_str().to_ascii_uppercase().as_str() {
        "MESSAGES" => Ok(StatusItem::Messages),
        "RECENT" => Ok(StatusItem::Recent),
        "UIDNEXT" => Ok(StatusItem::UidNext),
        "UIDVALIDITY" => Ok(StatusItem::UidValidity),
        "UNSEEN" => Ok(StatusItem::Unseen),
        "DELETED" => Ok(StatusItem::Deleted),
        "SIZE" => Ok(StatusItem::Size),
        "HIGHESTMODSEQ" => Ok(StatusItem::HighestModSeq),
        "APPENDLIMIT" => Ok(StatusItem::AppendLimit),
        "DELETED-STORAGE" => Ok(StatusItem::DeletedStorage),
        "MAILBOXID" => Ok(StatusItem::MailboxId),
        "INTERNALSIZE" => Ok(StatusItem::InternalSize),
        "OLDEST" => Ok(StatusItem::Oldest),
        "UNSEENMEDIA" => Ok(StatusItem::UnseenMedia),
        _ => wrong("An unknown status item"),
    };
    let mut items = Vec::new();
    for pair in pair.into_inner() {
        let item = item(pair)?;
        // Said again it says no more.
        if !items.contains(&item) {
            items.push(item);
        }
    }
    Ok(items)
}

//! NOTIFY, from what pest has found to its groups of events.           RFC 5465 5, 6, 8

use pest::iterators::Pair;

use super::arguments::Args;
use super::command::{CommandBody, NotifySet};
use super::grammar::Rule;
use super::lower::{LowerError, Lowered, wrong};
use super::lower_fetch::fetch_item;
use crate::types::{Event, EventGroup, WatchFilter};

pub(super) fn notify(args: &mut Args<'_>) -> Lowered<CommandBody> {
    if args.next_if(Rule::notify_none).is_some() {
        return Ok(CommandBody::Notify(None));
    }
    let status = args.next_if(Rule::status_indicator).is_some();
    let pairs = args.rest();
    let groups: Vec<EventGroup> = pairs.into_iter().map(|pair| event_group(args, pair)).collect::<Lowered<_>>()?;
    match groups.iter().filter(|group| group.filter.is_selected()).count() > 1 {
        true => wrong("SELECTED or SELECTED-DELAYED stands there once"),
        false => Ok(CommandBody::Notify(Some(NotifySet { status, groups }))),
    }
}

fn event_group<'a>(args: &mut Args<'a>, pair: Pair<'a, Rule>) -> Lowered<EventGroup> {
    let mut parts = pair.into_inner();
    let Some(filter) = parts.next() else { return wrong("Mailboxes are missing") };
    let filter = mailbox_filter(args, filter)?;
    let events = parts.filter(|pair| pair.as_rule() == Rule::event);
    let events = events.map(|pair| event(args, pair)).collect::<Lowered<Vec<_>>>()?;
    check(&filter, &events)?;
    Ok(EventGroup { filter, events })
}

fn mailbox_filter<'a>(args: &mut Args<'a>, pair: Pair<'a, Rule>) -> Lowered<WatchFilter> {
    if pair.as_rule() == Rule::filter_word {
        return Ok(match pair.as_str().to_ascii_uppercase().as_str() {
            "SELECTED" => WatchFilter::Selected,
            "SELECTED-DELAYED" => WatchFilter::SelectedDelayed,
            "SUBSCRIBED" => WatchFilter::Subscribed,
            _ => WatchFilter::Personal,
        });
    }
    let (mut subtree, mut names) = (false, Vec::new());
    for pair in pair.into_inner() {
        match (pair.as_rule(), pair.clone().into_inner().next()) {
            (Rule::mailbox, Some(name)) => names.push(args.mailbox_name(&name)?),
            _ => subtree = pair.as_str().eq_ignore_ascii_case("SUBTREE"),
        }
    }
    Ok(if subtree { WatchFilter::Subtree(names) } else { WatchFilter::Mailboxes(names) })
}

fn event<'a>(args: &mut Args<'a>, pair: Pair<'a, Rule>) -> Lowered<Event> {
    let Some(inner) = pair.into_inner().next() else { return wrong("An event is missing") };
    match inner.as_rule() {
        Rule::event_new => {
            let items = inner.into_inner().map(|pair| fetch_item(args, pair)).collect::<Lowered<_>>()?;
            Ok(Event::MessageNew(items))
        }
        _ => Ok(Event::from_name(inner.as_str())),
    }
}

/// Which events go together, and with which mailboxes. RFC 5465 5, 6.1, 8
fn check(filter: &WatchFilter, events: &[Event]) -> Lowered<()> {
    let has = |wanted: fn(&Event) -> bool| events.iter().any(wanted);
    let new = has(|event| matches!(event, Event::MessageNew(_)));
    let expunge = has(|event| *event == Event::MessageExpunge);
    let changes = has(|event| matches!(event, Event::FlagChange | Event::AnnotationChange));
    let fails = |reason: &str| Err(LowerError::Reason(reason.into()));
    if new != expunge {
        return fails("MessageNew and MessageExpunge go together");
    }
    if changes && !new {
        return fails("FlagChange and AnnotationChange need MessageNew and MessageExpunge");
    }
    if filter.is_selected() {
        return match events.iter().all(Event::is_of_messages) {
            true => Ok(()),
            false => fails("SELECTED takes events of messages alone"),
        };
    }
    match has(|event| matches!(event, Event::MessageNew(items) if !items.is_empty())) {
        true => fails("MessageNew takes items to fetch for SELECTED alone"),
        false => Ok(()),
    }
}

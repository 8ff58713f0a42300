//! What a client has asked NOTIFY to be told of.       RFC 5465 5, 6

use super::notify_names::covers;
use crate::mailbox::Account;
use crate::types::{Event, EventGroup, FetchItem, WatchFilter};

/// SELECTED tells of an EXPUNGE at once, SELECTED-DELAYED when a command permits it. RFC 5465 6.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delay {
    None,
    Expunges,
}

/// What a client hears of the mailbox that is selected, whichever that is.
pub(super) struct OfSelected {
    pub(super) delay: Delay,
    /// To be fetched of new messages.
    pub(super) items: Vec<FetchItem>,
    pub(super) flags: bool,
    pub(super) annotations: bool,
}

impl OfSelected {
    pub(super) fn new(group: &EventGroup) -> Option<OfSelected> {
        let items = group.events.iter().find_map(|event| match event {
            Event::MessageNew(items) => Some(items.clone()),
            _ => None,
        })?;
        let delay = if group.filter == WatchFilter::Selected { Delay::None } else { Delay::Expunges };
        let (flags, annotations) =
            (group.events.contains(&Event::FlagChange), group.events.contains(&Event::AnnotationChange));
        Some(OfSelected { delay, items, flags, annotations })
    }
}

/// What it hears of mailboxes that are not selected.
pub(super) struct Groups(pub(super) Vec<EventGroup>);

impl Groups {
    /// Those of the mailbox of this name.
    pub(super) fn events<'a>(&'a self, own: &'a Account, name: &'a str) -> impl Iterator<Item = &'a Event> {
        let covering = move |group: &&EventGroup| covers(&group.filter, own, name);
        self.0.iter().filter(covering).flat_map(|group| &group.events)
    }

    pub(super) fn wants(&self, own: &Account, name: &str, event: &Event) -> bool {
        self.events(own, name).any(|wanted| wanted == event)
    }

    /// Whether an event of what is subscribed to is wanted.
    pub(super) fn wants_of_subscribed(&self, event: &Event) -> bool {
        let of = |group: &EventGroup| group.filter == WatchFilter::Subscribed && group.events.contains(event);
        self.0.iter().any(of)
    }

    /// Whether the client hears of annotations of any mailbox or of the server.
    pub(super) fn wants_annotations(&self) -> bool {
        let of = |event: &Event| matches!(event, Event::MailboxMetadataChange | Event::ServerMetadataChange);
        self.0.iter().any(|group| group.events.iter().any(of))
    }

    /// Whether an event of any of the mailboxes is wanted, or of the server.
    pub(super) fn wants_anywhere(&self, event: &Event) -> bool {
        self.0.iter().any(|group| group.events.contains(event))
    }
}

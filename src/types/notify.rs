//! What a client wants to hear of.                  RFC 5465 5, 6

use super::FetchItem;

/// Mailboxes of which it wants to hear. RFC 5465 6
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchFilter {
    Selected,
    SelectedDelayed,
    /// Mail may be delivered to any mailbox: INBOXES is the same. RFC 5465 6.3
    Personal,
    Subscribed,
    /// With all names below these.
    Subtree(Vec<String>),
    Mailboxes(Vec<String>),
}

impl WatchFilter {
    pub fn is_selected(&self) -> bool {
        matches!(self, WatchFilter::Selected | WatchFilter::SelectedDelayed)
    }
}

/// RFC 5465 5
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// With what is to be fetched of a new message.
    MessageNew(Vec<FetchItem>),
    MessageExpunge,
    FlagChange,
    AnnotationChange,
    MailboxName,
    SubscriptionChange,
    MailboxMetadataChange,
    ServerMetadataChange,
    /// One that no RFC has.
    Unknown,
}

impl Event {
    /// All that there are, for BADEVENT.
    pub const NAMES: [&str; 8] = [
        "MessageNew",
        "MessageExpunge",
        "FlagChange",
        "AnnotationChange",
        "MailboxName",
        "SubscriptionChange",
        "MailboxMetadataChange",
        "ServerMetadataChange",
    ];

    pub fn from_name(name: &str) -> Event {
        let events = [
            Event::MessageNew(Vec::new()),
            Event::MessageExpunge,
            Event::FlagChange,
            Event::AnnotationChange,
            Event::MailboxName,
            Event::SubscriptionChange,
            Event::MailboxMetadataChange,
            Event::ServerMetadataChange,
        ];
        let at = Event::NAMES.iter().position(|known| known.eq_ignore_ascii_case(name));
        at.and_then(|at| events.into_iter().nth(at)).unwrap_or(Event::Unknown)
    }

    pub fn is_of_messages(&self) -> bool {
        use Event::{AnnotationChange, FlagChange, MessageExpunge, MessageNew, Unknown};
        matches!(self, MessageNew(_) | MessageExpunge | FlagChange | AnnotationChange | Unknown)
    }
}

/// Events of mailboxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventGroup {
    pub filter: WatchFilter,
    /// None for NONE.
    pub events: Vec<Event>,
}

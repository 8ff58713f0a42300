//! The summary of a message that comes: made at once and committed with it, or owed.

use super::change::{Change, NewMessage};
use super::describing::{describe, summary_of};
use crate::mime::Glance;
use crate::store::{StoreError, Value};

/// Where the `mime::Summary` of a message that comes is from.
#[derive(Clone, Debug)]
pub enum NewSummary {
    /// It is committed with the message.
    With(Value),
    /// It is written behind the message. (`owed`)
    Behind(Due),
}

/// What is to be written.
#[derive(Clone, Debug)]
pub enum Due {
    Made(Value),
    /// Of a message with these octets.
    Of(Value),
}

impl Due {
    pub(super) fn made(&self) -> Value {
        match self {
            Due::Made(summary) => summary.clone(),
            Due::Of(octets) => describe_octets(octets),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let (Due::Made(octets) | Due::Of(octets)) = self;
        octets.len()
    }
}

fn describe_octets(octets: &[u8]) -> Value {
    let read = |take: &mut dyn FnMut(&[u8])| -> Result<(), std::convert::Infallible> {
        take(octets);
        Ok(())
    };
    let Ok(described) = describe(read);
    described.structure
}

impl NewSummary {
    /// What is committed with the message.
    pub(super) fn with(&self) -> Option<Value> {
        match self {
            NewSummary::With(summary) => Some(summary.clone()),
            NewSummary::Behind(_) => None,
        }
    }

    fn due(&self) -> Option<Due> {
        match self {
            NewSummary::With(_) => None,
            NewSummary::Behind(due) => Some(due.clone()),
        }
    }
}

impl Change {
    /// What will be owed of each message that it brings, when it is done.
    pub(super) fn due(&self) -> Vec<Option<Due>> {
        match self {
            Change::Append(messages) => messages.iter().map(NewMessage::due).collect(),
            _ => Vec::new(),
        }
    }
}

impl NewMessage {
    /// Its summary, made at once and committed with the message.
    pub fn make_summary(&mut self) -> Value {
        let summary = match &self.summary {
            NewSummary::With(summary) => summary.clone(),
            NewSummary::Behind(due) => due.made(),
        };
        self.summary = NewSummary::With(summary.clone());
        summary
    }

    /// Whether the message's own header has octets that are not ASCII.
    pub fn is_header_eight_bit(&self) -> Result<bool, StoreError> {
        match &self.summary {
            NewSummary::Behind(Due::Of(octets)) => Ok(Glance::of(octets).is_header_eight_bit()),
            NewSummary::With(summary) | NewSummary::Behind(Due::Made(summary)) => {
                Ok(summary_of(summary)?.is_header_eight_bit())
            }
        }
    }

    pub(super) fn due(&self) -> Option<Due> {
        self.summary.due()
    }
}

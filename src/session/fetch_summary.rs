//! The summaries of the messages that a FETCH answers for.             RFC 8970 3.2, 8

use std::ops::Deref;

use super::content::Missing;
use super::faults::refer;
use crate::mailbox::{MailboxError, Message, Refusal, StoreError, Summaries, Value, View, summary_of};
use crate::mime::SummaryRef;
use crate::sys;
use crate::types::{AccountName, FetchItem, Priority, Uid};

/// From this many messages on, summaries are read by pages.
const MANY: u64 = 8;

/// Summaries made anew, for their previews, that are kept at once.
const RENEWED_MAX: usize = 100;

/// What of summaries is asked for: of many it is brought near while the message before is answered for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Fields,
    Structure,
    Other,
}

pub(super) struct FetchSummaries<'a> {
    view: &'a View,
    summaries: Summaries,
    many: bool,
    asked: Asked,
    /// A summary of an earlier version must be made anew: its preview is asked for.
    needs_preview: bool,
    renewed: Vec<(Uid, Value)>,
}

/// A summary: one of its page, or one of its own.
pub(super) enum Stored<'a> {
    Shared(&'a [u8]),
    Own(Value),
}

impl Deref for Stored<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Stored::Shared(octets) => octets,
            Stored::Own(value) => value,
        }
    }
}

impl<'a> FetchSummaries<'a> {
    pub(super) fn new(view: &'a View, items: &[FetchItem], messages: u64, asked: Asked) -> FetchSummaries<'a> {
        FetchSummaries {
            view,
            summaries: view.summaries(),
            many: messages >= MANY,
            asked,
            needs_preview: items.contains(&FetchItem::Preview(Priority::Normal)),
            renewed: Vec::new(),
        }
    }

    #[inline(always)]
    pub(super) fn of(&mut self, message: &Message<'_>) -> Result<Stored<'_>, Missing> {
        let shared = self.many && self.summaries.go_to(message.uid()).map_err(MailboxError::from)?;
        if shared && (!self.needs_preview || has_preview(self.summaries.here())?) {
            self.bring_next();
            return Ok(Stored::Shared(self.summaries.here()));
        }
        self.own(message).map(Stored::Own)
    }

    fn own(&mut self, message: &Message<'_>) -> Result<Value, Missing> {
        match self.summaries.one(message.uid()).map_err(MailboxError::from)? {
            // A summary that was made before there were previews is made anew, and kept.
            Some(value) if self.needs_preview && !has_preview(&value)? => {
                let renewed = self.summaries.rebuild(message.blob())?;
                self.renewed.push((message.uid(), renewed.clone()));
                Ok(renewed)
            }
            Some(value) => Ok(value),
            None => Err(untold(self.summaries.untold(message.uid()))),
        }
    }

    /// Has what will be asked of the next summary brought near: half of the time would go by waiting for it.
    #[inline(always)]
    fn bring_next(&self) {
        let Some(next) = self.summaries.ahead(1) else { return };
        // Its front, which says where what is asked is, is here since the message before.
        if let Some(front) = self.summaries.ahead(2).and_then(|octets| octets.get(..1)) {
            sys::prefetch(front);
        }
        match self.asked {
            Asked::Fields => SummaryRef::picked(next).iter().for_each(|octets| sys::prefetch(octets)),
            Asked::Structure => SummaryRef::described(next).iter().for_each(|octets| sys::prefetch(octets)),
            Asked::Other => {}
        }
    }

    /// Keeps the summaries that were made anew, when there are many of them; no response is being written.
    pub(super) fn keep(&mut self, user: &AccountName) {
        if self.renewed.len() >= RENEWED_MAX {
            self.keep_all(user);
        }
    }

    /// Where they cannot be kept they are made again when they are next asked for. RFC 8970 8 wants a log of who asks.
    pub(super) fn keep_all(&mut self, user: &AccountName) {
        if self.renewed.is_empty() {
            return;
        }
        log::info!("{user}: {} previews were made for messages of earlier versions", self.renewed.len());
        if let Err(error) = self.view.mailbox().describe_anew(std::mem::take(&mut self.renewed)) {
            refer(&format!("previews are not kept: {error}"));
        }
    }
}

fn untold(error: MailboxError) -> Missing {
    match error {
        MailboxError::Refused(Refusal::Expunged) => Missing::Message,
        MailboxError::Store(error @ StoreError::Missing(_)) => {
            log::error!("{error}");
            Missing::Octets
        }
        error => error.into(),
    }
}

fn has_preview(summary: &[u8]) -> Result<bool, MailboxError> {
    Ok(summary_of(summary)?.preview().is_some())
}

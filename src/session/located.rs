//! What an IMAP URL leads to.                       RFC 5092 6; RFC 4469 3
//!
//! Looked at through a view of its own, read-only: no flag changes, and the selected mailbox stays as it is.

use super::content::{Missing, Prepared, Source, cut, is_whole};
use super::core::Core;
use super::place::Place;
use super::reply::Failure;
use crate::mailbox::{Access, MailboxError, Value, View, summary_of};
use crate::proto::{MessageUrl, ResponseCode};
use crate::types::{Right, UidSet};

/// A part of a message that can be read.
pub(super) struct Located {
    pub(super) source: Source,
    pub(super) summary: Value,
    pub(super) content: Prepared,
    /// Octets of the content that are meant. RFC 5550 5
    pub(super) range: std::ops::Range<u64>,
}

impl Located {
    pub(super) fn len(&self) -> u64 {
        self.range.end - self.range.start
    }
}

impl Core {
    /// `None` where the URL leads to nothing that may be read at `place`; errors are the server's own.
    pub(super) fn locate(&self, place: &Place, url: &MessageUrl) -> Result<Option<Located>, Failure> {
        match self.locate_or_refuse(place, url) {
            Ok(located) => Ok(located),
            Err(Failure::Refused(reply)) if reply.code != Some(ResponseCode::Unavailable) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn locate_or_refuse(&self, place: &Place, url: &MessageUrl) -> Result<Option<Located>, Failure> {
        let mailbox = place.mailbox(Right::Read)?;
        let view = View::open(mailbox.clone(), Access::ReadOnly, self.visibility(place.rights()), self.bell.clone())?;
        let shown = view.shown();
        // A mailbox of another UIDVALIDITY is another mailbox. RFC 5092 5
        if url.uid_validity.is_some_and(|wanted| wanted != u64::from(shown.header().uid_validity.get())) {
            return Ok(None);
        }
        shown.load(&[url.uid].into_iter().collect::<UidSet>()).map_err(MailboxError::from)?;
        let Some(message) = shown.by_uid(url.uid) else { return Ok(None) };
        let mut summaries = view.summaries();
        let summary = summaries.one(url.uid)?.ok_or_else(|| summaries.untold(url.uid))?;
        let source = Source::new(&mailbox, message.blob());
        let content = match is_whole(&url.section) {
            true => Prepared::Range(0..message.size().into()),
            false => match source.section(&url.section, &summary_of(&summary)?) {
                Ok(Prepared::Nil) | Err(Missing::Message | Missing::Octets) => return Ok(None),
                Ok(content) => content,
                Err(Missing::Refused(failure)) => return Err(failure),
            },
        };
        let range = cut(0..content.len(), url.partial);
        Ok(Some(Located { source, summary, content, range }))
    }
}

//! One FETCH response.                              RFC 9051 7.5.2, 6.4.5.1; RFC 3516 4.3

use std::ops::Range;

use super::output::{Gone, Response};
use super::reply::{Failure, Reply};
use super::report::FlagWriter;
use crate::mailbox::{Mailbox, MailboxError, Message, Summaries, View};
use crate::mime::{Content, Include, SummaryRef, TransferDecoder, filter_fields, section_content};
use crate::proto::response as wire;
use crate::proto::{Dialect, ResponseCode};
use crate::types::{BlobId, FetchItem, PartPath, Partial, Section, SectionText};

/// Why a message has no response.
pub(super) enum Missing {
    /// It has been expunged and is gone.
    Message,
    Refused(Failure),
}

impl<E: Into<Failure>> From<E> for Missing {
    fn from(error: E) -> Missing {
        Missing::Refused(error.into())
    }
}

/// From this many messages on, summaries are read by pages.
const MANY: u64 = 8;

pub(super) struct Fetcher<'a> {
    view: &'a View,
    items: &'a [FetchItem],
    dialect: Dialect,
    summaries: Summaries,
    flags: FlagWriter<'a>,
    many: bool,
    needs_summary: bool,
}

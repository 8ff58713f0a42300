//! What a client that knows ASCII alone is given of a message with headers in UTF-8.       RFC 9755 8, 9; RFC 6858
//!
//! The same message with other headers, its own and those of its parts: all that is fetched of it agrees, but RFC822.SIZE,
//! which stays what it is (RFC 6858 4). It is made when it is asked for and not kept.

use std::ops::Range;

use super::content::Source;
use crate::mailbox::MailboxError;
use crate::mime::{HEADERS_BYTES_MAX, Parser, Summary, SummaryRef, downgrade};

enum Segment {
    Original(Range<u64>),
    Header(Vec<u8>),
}

impl Segment {
    fn len(&self) -> u64 {
        match self {
            Segment::Original(range) => range.end - range.start,
            Segment::Header(octets) => octets.len() as u64,
        }
    }
}

pub(super) struct Surrogate {
    segments: Vec<Segment>,
    /// `mime::Summary` of the surrogate.
    pub(super) summary: Vec<u8>,
}

impl Surrogate {
    /// `None` where no header has to be changed.
    pub(super) fn of(source: &Source, summary: &SummaryRef<'_>) -> Result<Option<Surrogate>, MailboxError> {
        let (mut segments, mut at, mut read) = (Vec::new(), 0, 0);
        for part in summary.parts() {
            let Range { start, end } = part.header;
            read += end - start;
            if start < at || read > HEADERS_BYTES_MAX as u64 {
                continue;
            }
            if let Some(header) = downgrade(&source.read(start..end)?) {
                segments.extend([Segment::Original(at..start), Segment::Header(header)]);
                at = end;
            }
        }
        if segments.is_empty() {
            return Ok(None);
        }
        segments.push(Segment::Original(at..summary.size()));
        let (mut surrogate, mut parser) = (Surrogate { segments, summary: Vec::new() }, Parser::new());
        surrogate.read(source, 0..u64::MAX, &mut |piece| {
            parser.feed(piece);
            true
        })?;
        surrogate.summary = Summary::encode(&parser.finish());
        Ok(Some(surrogate))
    }

    pub(super) fn size(&self) -> u64 {
        self.segments.iter().map(Segment::len).sum()
    }

    /// Gives octets of the surrogate to `take` until that says `false`.
    pub(super) fn read(
        &self,
        source: &Source,
        range: Range<u64>,
        take: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), MailboxError> {
        let (mut at, mut go_on) = (0, true);
        for segment in &self.segments {
            let end = at + segment.len();
            let (from, to) = (range.start.clamp(at, end) - at, range.end.clamp(at, end) - at);
            at = end;
            if from == to || !go_on {
                continue;
            }
            match segment {
                Segment::Header(octets) => go_on = take(&octets[from as usize..to as usize]),
                Segment::Original(Range { start, .. }) => {
                    source.original(start + from..start + to, &mut |piece| {
                        go_on = take(piece);
                        go_on
                    })?;
                }
            }
        }
        Ok(())
    }
}

//! BODY[section]: which octets of the message.      RFC 9051 6.4.5.1; RFC 3501 6.4.5

use std::ops::Range;

use super::parser::HEADERS_BYTES_MAX;
use super::summary_ref::{PartRef, SummaryRef};
use crate::types::{Section, SectionText};

/// Where the content of a section is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Octets of the message.
    Range(Range<u64>),
    /// A header block, of which some fields are wanted: `filter_fields` finds them. Small enough to be read at once.
    Fields(Range<u64>),
    /// There is no such part, or it has no such section: NIL.
    Nil,
}

pub fn section(summary: &SummaryRef<'_>, section: &Section) -> Content {
    let whole = section.part.0.is_empty();
    let Some(part) = summary.part(&section.part) else { return Content::Nil };
    match &section.text {
        SectionText::Whole if whole => Content::Range(0..summary.size()),
        SectionText::Whole => Content::Range(part.body),
        SectionText::Mime => Content::Range(part.header),
        text => match message_of(summary, part, whole) {
            Some(root) => in_message(root, text),
            None => Content::Nil,
        },
    }
}

/// HEADER and TEXT are those of the message itself, or of the one in a message/rfc822 part.
fn message_of(summary: &SummaryRef<'_>, part: PartRef, whole: bool) -> Option<PartRef> {
    match whole {
        true => Some(part),
        false if part.is_message => summary.child(&part, 0),
        false => None,
    }
}

fn in_message(root: PartRef, text: &SectionText) -> Content {
    match text {
        SectionText::Header => Content::Range(root.header),
        SectionText::Text => Content::Range(root.body),
        _ => {
            let Range { start, end } = root.header;
            Content::Fields(start..end.min(start.saturating_add(HEADERS_BYTES_MAX as u64)))
        }
    }
}

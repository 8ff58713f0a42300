//! What the items of a FETCH need, as is known before there is a message.        RFC 9051 6.4.5

use super::content::is_whole;
use super::fetch_summary::Asked;
use crate::types::{FetchItem, SectionText};

/// Whether an item is answered from the index, without the message's summary or octets.
pub(super) fn is_indexed(item: &FetchItem) -> bool {
    matches!(
        item,
        FetchItem::Uid
            | FetchItem::Flags
            | FetchItem::InternalDate
            | FetchItem::Size
            | FetchItem::ModSeq
            | FetchItem::EmailId
            | FetchItem::ThreadId
            | FetchItem::SaveDate
    )
}

/// Whether `Wanted::prepare` has anything to do for an item.
pub(super) fn is_prepared(item: &FetchItem) -> bool {
    use FetchItem::{Binary, BinarySize, BodySection, Rfc822Header, Rfc822Text};
    matches!(item, BodySection { .. } | Binary { .. } | BinarySize(_) | Rfc822Header | Rfc822Text)
}

/// Whether an item shows what stands in a header.
pub(super) fn shows_headers(item: &FetchItem) -> bool {
    use FetchItem::{Body, BodyStructure, Envelope, Rfc822};
    is_prepared(item) || matches!(item, Envelope | Body | BodyStructure | Rfc822)
}

/// What the items ask of summaries.
pub(super) fn asked(items: &[FetchItem]) -> Asked {
    let of = |item: &FetchItem| match item {
        FetchItem::BodySection { section, .. } if matches!(section.text, SectionText::HeaderFields(_)) => {
            Asked::Fields
        }
        FetchItem::Envelope | FetchItem::BodyStructure => Asked::Structure,
        _ => Asked::Other,
    };
    items.iter().map(of).find(|asked| *asked != Asked::Other).unwrap_or(Asked::Other)
}

/// Whether an item is answered from the message's summary, or by it from its octets.
pub(super) fn needs_summary(item: &FetchItem) -> bool {
    match item {
        FetchItem::Rfc822 => false,
        FetchItem::BodySection { section, .. } => !is_whole(section),
        FetchItem::Annotation(_) => false,
        item => !is_indexed(item),
    }
}

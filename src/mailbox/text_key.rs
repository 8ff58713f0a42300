//! The texts that messages are sorted by.             RFC 5256 3; RFC 5957 3

use std::borrow::Cow;

use crate::mime::{Address, Field, Include, SummaryRef, addresses, decode_field, header_fields, prepare};
use crate::search::base_subject;
use crate::types::{Comparator, SortKey};

/// A key that is text, and where it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum TextKey {
    Cc,
    From,
    To,
    Subject,
    DisplayFrom,
    DisplayTo,
}

impl TextKey {
    pub(super) fn of(key: &SortKey) -> Option<TextKey> {
        Some(match key {
            SortKey::Cc => TextKey::Cc,
            SortKey::From => TextKey::From,
            SortKey::To => TextKey::To,
            SortKey::Subject => TextKey::Subject,
            SortKey::DisplayFrom => TextKey::DisplayFrom,
            SortKey::DisplayTo => TextKey::DisplayTo,
            SortKey::Arrival | SortKey::Date | SortKey::Size | SortKey::Relevancy | SortKey::Annotation(_) => {
                return None;
            }
        })
    }

    pub(super) const COUNT: usize = 6;

    pub(super) fn number(self) -> usize {
        self as usize
    }

    /// Prepared for the comparator.
    pub(super) fn text(self, summary: &SummaryRef<'_>, comparator: Comparator) -> String {
        let text = match self {
            TextKey::Subject => base_subject(&subject(summary, comparator)).0,
            TextKey::Cc => first_address(summary, "Cc").map(mailbox_part).unwrap_or_default(),
            TextKey::From => first_address(summary, "From").map(mailbox_part).unwrap_or_default(),
            TextKey::To => first_address(summary, "To").map(mailbox_part).unwrap_or_default(),
            TextKey::DisplayFrom => first_address(summary, "From").map(display).unwrap_or_default(),
            TextKey::DisplayTo => first_address(summary, "To").map(display).unwrap_or_default(),
        };
        prepare(comparator, &text).into_owned()
    }
}

/// Folded, where the comparator cannot tell it from what it was.
fn subject<'a>(summary: &SummaryRef<'a>, comparator: Comparator) -> Cow<'a, str> {
    match comparator {
        Comparator::UnicodeCasemap => summary.field(Field::Subject).unwrap_or_default(),
        _ => body(summary, "Subject").map(|body| decode_field(&body)).unwrap_or_default().into(),
    }
}

/// As ENVELOPE has it: a group is an address whose mailbox is its name.
fn first_address(summary: &SummaryRef<'_>, name: &str) -> Option<Address> {
    addresses(&body(summary, name)?).into_iter().next()
}

/// RFC 5256 3: the addr-mailbox of the first address.
fn mailbox_part(address: Address) -> String {
    String::from_utf8_lossy(&address.mailbox.unwrap_or_default()).into_owned()
}

/// The name, decoded, else the address. RFC 5957 3
fn display(address: Address) -> String {
    if let Some(name) = address.name.filter(|name| !name.is_empty()) {
        return decode_field(&name);
    }
    let [mailbox, host] = [address.mailbox, address.host].map(Option::unwrap_or_default);
    String::from_utf8_lossy(&[mailbox, host].join(&b'@')).into_owned()
}

/// The body of the first field of a name, where the summary has it.
pub(super) fn body(summary: &SummaryRef<'_>, name: &str) -> Option<Vec<u8>> {
    let fields = summary.header_fields(&[name], Include::Only)?;
    header_fields(&fields).next().map(|field| field.body.to_vec())
}

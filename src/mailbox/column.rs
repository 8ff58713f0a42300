//! One header field of the messages of a page, decoded and folded, in one piece: a string is looked for in all of them
//! at once.

use super::summaries::summary_of;
use crate::mime::Field;
use crate::search::Needle;
use crate::store::{PAGE_UIDS, Value};

/// The slots of a page.
pub(super) type Slots = u128;

const _: () = assert!(PAGE_UIDS <= Slots::BITS);

pub(super) struct Column {
    /// The texts, each ended by NUL, which none of them has.
    text: String,
    /// Where each text ends.
    ends: Vec<u32>,
    /// Who has the field at all.
    present: Slots,
}

impl Column {
    pub(super) fn new(summaries: &[Value], field: Field) -> Column {
        let mut column = Column { text: String::new(), ends: Vec::with_capacity(summaries.len()), present: 0 };
        for (slot, value) in summaries.iter().enumerate() {
            // A damaged summary has no fields; whoever reads it is told.
            if let Some(text) = summary_of(value).ok().and_then(|summary| summary.field(field)) {
                column.present |= 1 << slot;
                column.text.extend(text.chars().filter(|c| *c != '\0'));
            }
            column.text.push('\0');
            column.ends.push(column.text.len() as u32);
        }
        column
    }

    /// Whose field holds the needle; any field holds the empty one.
    pub(super) fn holds(&self, needle: &Needle) -> Slots {
        if needle.is_empty() {
            return self.present;
        }
        if needle.has_nul() {
            return 0;
        }
        let (mut slots, mut from) = (0, 0);
        while let Some(at) = needle.find_folded(&self.text[from..]) {
            let slot = self.ends.partition_point(|end| *end as usize <= from + at);
            slots |= 1 << slot;
            from = self.ends[slot] as usize;
        }
        slots
    }
}

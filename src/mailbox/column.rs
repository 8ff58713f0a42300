//! One header field of the messages of a page, decoded and prepared by i;unicode-casemap, in one piece: a string is looked
//! for in all of them at once.

use super::describing::summary_of;
use crate::mime::{Field, prepare};
use crate::search::{Needle, Slots};
use crate::store::{PAGE_UIDS, Value};
use crate::types::Comparator;

const _: () = assert!(PAGE_UIDS <= Slots::BITS);

#[derive(Default)]
pub(super) struct Column {
    /// The texts, each ended by NUL, which none of them has.
    text: String,
    /// Where each text ends.
    ends: Vec<u32>,
    /// Who has the field at all.
    present: Slots,
}

pub(super) type Columns = [Column; Field::COUNT];

/// The columns of these messages. A damaged summary has no fields; whoever reads it is told.
pub(super) fn columns(summaries: &[Value]) -> Columns {
    let mut columns = Columns::default();
    for (slot, value) in summaries.iter().enumerate() {
        for (field, text) in summary_of(value).iter().flat_map(|summary| summary.fields()) {
            let column = &mut columns[field.number()];
            if column.present & 1 << slot == 0 {
                column.fill(slot);
                column.present |= 1 << slot;
                let prepared = prepare(Comparator::UnicodeCasemap, text);
                column.text.extend(prepared.split('\0'));
                column.fill(slot + 1);
            }
        }
    }
    for column in &mut columns {
        column.fill(summaries.len());
        column.text.shrink_to_fit();
    }
    columns
}

impl Column {
    /// Ends the text of each message before `slot`.
    fn fill(&mut self, slot: usize) {
        while self.ends.len() < slot {
            self.text.push('\0');
            self.ends.push(self.text.len() as u32);
        }
    }

    /// The texts, and who has the field: all that a column is made of.
    pub(super) fn parts(&self) -> (&str, Slots) {
        (&self.text, self.present)
    }

    /// A column of so many messages out of its parts.
    pub(super) fn of_parts(text: &str, present: Slots, messages: usize) -> Option<Column> {
        let ends: Vec<u32> = memchr::memchr_iter(0, text.as_bytes()).map(|at| at as u32 + 1).collect();
        let whole = ends.len() == messages && ends.last().map_or(0, |end| *end as usize) == text.len();
        whole.then(|| Column { text: text.into(), ends, present })
    }

    /// Octets that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * 4 + size_of::<Column>()
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
        while let Some(at) = needle.find_prepared(&self.text[from..]) {
            let slot = self.ends.partition_point(|end| *end as usize <= from + at);
            slots |= 1 << slot;
            from = self.ends[slot] as usize;
        }
        slots
    }
}

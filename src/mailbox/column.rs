//! One header field of the messages of a page, decoded and prepared by i;unicode-casemap, in one piece: a string is looked
//! for in all of them at once.

use super::describing::summary_of;
use super::stretch::Stretch;
use crate::mime::{Field, prepare};
use crate::search::{Needle, Slots};
use crate::store::{PAGE_UIDS, Value};
use crate::types::Comparator;

const _: () = assert!(PAGE_UIDS <= Slots::BITS);

pub(super) struct Column {
    /// The texts, each ended by NUL, which none of them has.
    text: Stretch,
    /// Who has the field at all.
    present: Slots,
}

/// A column that is being made.
#[derive(Default)]
struct Made {
    text: String,
    messages: usize,
    present: Slots,
}

pub(super) type Columns = [Column; Field::COUNT];

/// The columns of these messages. A damaged summary has no fields; whoever reads it is told.
pub(super) fn columns(summaries: &[Value]) -> Columns {
    let mut made: [Made; Field::COUNT] = Default::default();
    for (slot, value) in summaries.iter().enumerate() {
        for (field, text) in summary_of(value).iter().flat_map(|summary| summary.fields()) {
            let column = &mut made[field.number()];
            if column.present & 1 << slot == 0 {
                column.end_each_before(slot);
                column.present |= 1 << slot;
                let prepared = prepare(Comparator::UnicodeCasemap, &text);
                column.text.extend(prepared.split('\0'));
                column.end_each_before(slot + 1);
            }
        }
    }
    made.map(|mut column| {
        column.end_each_before(summaries.len());
        Column { text: column.text.into_bytes().into(), present: column.present }
    })
}

impl Made {
    fn end_each_before(&mut self, slot: usize) {
        while self.messages < slot {
            self.text.push('\0');
            self.messages += 1;
        }
    }
}

impl Column {
    /// The texts, and who has the field: all that a column is made of.
    pub(super) fn parts(&self) -> (&[u8], Slots) {
        (&self.text, self.present)
    }

    pub(super) fn of_parts(text: Stretch, present: Slots) -> Column {
        Column { text, present }
    }

    /// Octets that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + size_of::<Column>()
    }

    /// Whose field holds the needle; any field holds the empty one.
    pub(super) fn holds(&self, needle: &Needle) -> Slots {
        if needle.is_empty() {
            return self.present;
        }
        if needle.has_nul() {
            return 0;
        }
        let (mut slots, mut rest, mut slot) = (0, &self.text[..], 0);
        while let Some(at) = needle.find_prepared(rest) {
            slot += memchr::memchr_iter(0, &rest[..at]).count();
            // Beyond the last there is none, whatever a record says.
            slots |= Slots::from(1u8).checked_shl(slot as u32).unwrap_or(0);
            // The rest of this one has been answered for.
            let Some(end) = memchr::memchr(0, &rest[at..]) else { break };
            (rest, slot) = (&rest[at + end + 1..], slot + 1);
        }
        slots & self.present
    }
}

//! What the criteria of a SORT say of messages, and which of two messages comes first by them.          RFC 5256 3

use std::cmp::Ordering;

use super::ranks::Rank;
use super::walk::Message;
use crate::types::{SortKey, SortOrder};

/// The values of one criterion, by place among the messages.
pub(super) enum SortValues {
    Numbers(Vec<i64>),
    /// Of a few messages; of many the ranks of their texts are the numbers.
    Texts(Vec<Box<str>>),
}

impl SortValues {
    /// Numbers that are in the index.
    pub(super) fn indexed(messages: &[Message<'_>], key: &SortKey) -> SortValues {
        let number = |message: &Message<'_>| match key {
            SortKey::Arrival => message.internal_date().secs,
            SortKey::Size => message.size().into(),
            // The internal date where there is no other. RFC 5256 2.2
            _ => message.sent_date().secs,
        };
        SortValues::Numbers(messages.iter().map(number).collect())
    }

    /// Numbers in the same order as the ranks are.
    pub(super) fn ranked(ranks: impl IntoIterator<Item = Rank>) -> SortValues {
        SortValues::Numbers(ranks.into_iter().map(|rank| (rank ^ 1 << 63).cast_signed()).collect())
    }

    /// Whether there is a text and it is empty: the message has none, or has been expunged.
    pub(super) fn lacks_text(&self) -> bool {
        matches!(self, SortValues::Texts(texts) if texts.iter().any(|text| text.is_empty()))
    }

    pub(super) fn compare(&self, a: usize, b: usize) -> Ordering {
        match self {
            SortValues::Numbers(numbers) => numbers[a].cmp(&numbers[b]),
            SortValues::Texts(texts) => texts[a].cmp(&texts[b]),
        }
    }

    pub(super) fn compare_to(&self, a: usize, other: &SortValues, b: usize) -> Ordering {
        match (self, other) {
            (SortValues::Numbers(numbers), SortValues::Numbers(others)) => numbers[a].cmp(&others[b]),
            (SortValues::Texts(texts), SortValues::Texts(others)) => texts[a].cmp(&others[b]),
            // Two kinds of values stand under one criterion for a message that is not there alone.
            (SortValues::Numbers(_), SortValues::Texts(_)) => Ordering::Less,
            (SortValues::Texts(_), SortValues::Numbers(_)) => Ordering::Greater,
        }
    }
}

/// By the first criterion that tells two messages apart.
pub(super) fn compared(criteria: &[(SortKey, SortOrder)], by: impl Fn(usize) -> Ordering) -> Ordering {
    let ordered = criteria.iter().enumerate().map(|(at, (_, order))| match order {
        SortOrder::Ascending => by(at),
        SortOrder::Reverse => by(at).reverse(),
    });
    ordered.into_iter().find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
}

/// The values of the first criterion, in their order: they are what most messages are told apart by.
pub(super) fn heads(values: &[SortValues], criteria: &[(SortKey, SortOrder)]) -> Box<dyn Iterator<Item = i64>> {
    match (values, criteria) {
        ([SortValues::Numbers(numbers), ..], [(_, SortOrder::Ascending), ..]) => {
            Box::new(numbers.clone().into_iter())
        }
        ([SortValues::Numbers(numbers), ..], [(_, SortOrder::Reverse), ..]) => {
            Box::new(numbers.clone().into_iter().map(|number| !number))
        }
        _ => Box::new(std::iter::repeat(0)),
    }
}

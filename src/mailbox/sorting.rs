//! SORT over a view.                                 RFC 5256; RFC 5957
//!
//! What it orders by is taken from the summaries once for each page of a mailbox, and kept in its digest.

use std::cmp::Ordering;
use std::ops::Range;

use super::error::MailboxError;
use super::searching::Found;
use super::sort_values::{SortValues, compared, heads};
use super::text_key::TextKey;
use super::view::View;
use super::walk::Message;
use crate::mime::{Encoding, TextDecoder, prepare};
use crate::types::{AnnotationOrder, Comparator, EntryMatch, Seq, SortKey, SortOrder, Uid, UidSet};

/// Messages above which it is cheaper to sort all anew than to put them into their places one by one.
const SORTED_ANEW: u64 = 100;

/// What SORT orders by.
#[derive(Clone, Debug)]
pub struct Order {
    pub criteria: Vec<(SortKey, SortOrder)>,
    pub comparator: Comparator,
}

/// UTF-8, else text in the charset that the command names.
fn decoded(value: &[u8], charset: Option<&str>) -> String {
    let (mut decoder, mut text) = (TextDecoder::new(Encoding::Identity, charset), String::new());
    match std::str::from_utf8(value) {
        Ok(utf8) => text.push_str(utf8),
        Err(_) => {
            decoder.feed(value, &mut text);
            decoder.finish(&mut text);
        }
    }
    text
}

impl View {
    /// The found messages in the order that is asked for; messages that are alike in order of their numbers.
    pub fn sort(&self, found: &Found, order: &Order) -> Result<Vec<(Seq, Uid)>, MailboxError> {
        let criteria = &order.criteria;
        let mut messages: Vec<Message<'_>> = Vec::new();
        self.shown().runs_in(&found.uids).for_each(|run| messages.extend(run));
        if let Some(sorted) = self.sorted_before(&messages, order) {
            return Ok(sorted);
        }
        let values = |(key, _): &(SortKey, SortOrder)| match (key, TextKey::of(key)) {
            (SortKey::Relevancy, _) => {
                let of = |message: &Message<'_>| -i64::from(found.score(message.uid()));
                Ok(SortValues::Numbers(messages.iter().map(of).collect()))
            }
            (_, Some(key)) => {
                let uids: Vec<Uid> = messages.iter().map(Message::uid).collect();
                let ranks = self.ranks(&uids, (key, order.comparator))?;
                Ok(SortValues::ranked(ranks))
            }
            (key, None) => self.sort_values(&messages, key, order.comparator),
        };
        let values = criteria.iter().map(values).collect::<Result<Vec<_>, MailboxError>>()?;
        // What is alike stays in order.
        let mut places: Vec<(i64, usize)> = heads(&values, criteria).zip(0..messages.len()).collect();
        match values.as_slice() {
            [SortValues::Numbers(_)] => places.sort_unstable(),
            _ => {
                let all = |a: usize, b: usize| compared(criteria, |at| values[at].compare(a, b));
                places.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| all(a.1, b.1)).then(a.1.cmp(&b.1)));
            }
        }
        Ok(places.into_iter().map(|(_, at)| (messages[at].seq(), messages[at].uid())).collect())
    }

    /// The same where the order of all these texts is kept.
    fn sorted_before(&self, messages: &[Message<'_>], order: &Order) -> Option<Vec<(Seq, Uid)>> {
        let [(key, direction)] = order.criteria.as_slice() else { return None };
        let key = TextKey::of(key)?;
        let uids: Vec<Uid> = messages.iter().map(Message::uid).collect();
        let ranks = self.ranks_of(&uids, (key, order.comparator))?;
        let number = |at: u32| (messages[at as usize].seq(), uids[at as usize]);
        Some(match direction {
            SortOrder::Ascending => ranks.order().iter().map(|at| number(*at)).collect(),
            SortOrder::Reverse => ranks.order_reversed().map(number).collect(),
        })
    }

    /// Puts messages where they belong among others that stand in order; costs the new ones, not the others.
    pub fn sort_into(&self, sorted: &mut Vec<Uid>, new: &UidSet, order: &Order) -> Result<(), MailboxError> {
        if new.count() > SORTED_ANEW {
            let mut all: Vec<Uid> = new.uids().chain(sorted.iter().copied()).collect();
            all.sort_unstable();
            let all = self.sort(&Found::of(all.into_iter().collect()), order)?;
            *sorted = all.into_iter().map(|(_, uid)| uid).collect();
            return Ok(());
        }
        let criteria = &order.criteria;
        for uid in new.uids() {
            let key = self.key_of(uid, order)?;
            let (mut low, mut high) = (0, sorted.len());
            while low < high {
                let middle = (low + high) / 2;
                let Some((at, other)) = self.next_comparable(sorted, middle..high, order)? else {
                    high = middle;
                    continue;
                };
                let compared = compared(criteria, |at| key[at].compare_to(0, &other[at], 0));
                match compared.then(uid.cmp(&sorted[at])) {
                    Ordering::Less => high = middle,
                    _ => low = at + 1,
                }
            }
            sorted.insert(low, uid);
        }
        Ok(())
    }

    /// The first of these places whose message can be compared, and its values. What others expunged long ago and is shown still
    /// has no texts any more: it keeps its place until it goes, and tells nothing of others'.
    fn next_comparable(
        &self,
        sorted: &[Uid],
        places: Range<usize>,
        order: &Order,
    ) -> Result<Option<(usize, Vec<SortValues>)>, MailboxError> {
        for at in places {
            let key = self.key_of(sorted[at], order)?;
            if !key.iter().any(SortValues::lacks_text) || self.mailbox().is_there(sorted[at])? {
                return Ok(Some((at, key)));
            }
        }
        Ok(None)
    }

    /// The values of one message.
    fn key_of(&self, uid: Uid, order: &Order) -> Result<Vec<SortValues>, MailboxError> {
        let criteria = &order.criteria;
        let messages: Vec<Message<'_>> = self.shown().by_uid(uid).into_iter().collect();
        // A message that is not there has no values, and sorts as one without any.
        match messages.is_empty() {
            true => Ok(criteria.iter().map(|_| SortValues::Numbers(vec![i64::MIN])).collect()),
            false => criteria.iter().map(|(key, _)| self.sort_values(&messages, key, order.comparator)).collect(),
        }
    }

    fn sort_values(
        &self,
        messages: &[Message<'_>],
        key: &SortKey,
        comparator: Comparator,
    ) -> Result<SortValues, MailboxError> {
        match (key, TextKey::of(key)) {
            (_, Some(key)) => {
                let mut summaries = self.summaries();
                let text = |message: &Message<'_>| summaries.text(message.uid(), key, comparator);
                Ok(SortValues::Texts(messages.iter().map(text).collect::<Result<_, _>>()?))
            }
            (SortKey::Annotation(by), _) => {
                let text = |message: &Message<'_>| self.annotation_text(message.uid(), by, comparator);
                Ok(SortValues::Texts(messages.iter().map(text).collect::<Result<_, _>>()?))
            }
            _ => Ok(SortValues::indexed(messages, key)),
        }
    }

    /// The value to order a message by, prepared for the comparator; nothing where there is none. RFC 5257 4.9
    fn annotation_text(
        &self,
        uid: Uid,
        by: &AnnotationOrder,
        comparator: Comparator,
    ) -> Result<Box<str>, MailboxError> {
        let mut text = String::new();
        let entries = EntryMatch::Entry(by.entry.clone());
        self.annotation_values(uid, &entries, Some(by.scope), &mut |value| {
            text = decoded(value, by.charset);
            false
        })?;
        Ok(prepare(comparator, &text).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::Expunges;
    use crate::mailbox::sample::Sample;

    /// Others expunge while the results of a SORT are kept up to date.
    #[test]
    fn what_is_gone_and_shown_still_keeps_nothing_from_its_place() {
        let inbox = Sample::new();
        let first = inbox.append(&["c", "e", "g", "i", "k", "", "m"]);
        let mut view = inbox.view();
        let order = Order {
            criteria: vec![(SortKey::Subject, SortOrder::Ascending)],
            comparator: Comparator::UnicodeCasemap,
        };
        let [c, e, g, i, k, none, m] = first[..] else { panic!("{first:?}") };
        let mut sorted = vec![none, c, e, g, i, k, m];
        inbox.expunge(&[g, i, m]);
        let new = inbox.append(&["d", "j", "l", "b"]);
        view.sync(Expunges::Hold).unwrap();
        view.sort_into(&mut sorted, &new.iter().copied().collect(), &order).unwrap();
        sorted.retain(|uid| ![g, i, m].contains(uid));
        let [d, j, l, b] = new[..] else { panic!("{new:?}") };
        assert_eq!(sorted, [none, b, c, d, e, j, k, l]);
    }
}

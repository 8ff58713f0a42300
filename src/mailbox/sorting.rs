//! SORT and THREAD over a view.                      RFC 5256; RFC 5957
//!
//! What they order by is taken from the summaries once for each page of a mailbox, and kept in its digest.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::digest::Digests;
use super::error::MailboxError;
use super::ranks::Rank;
use super::searching::Found;
use super::view::View;
use super::walk::Message;
use crate::mime::{
    Address, Encoding, Field, Include, SummaryRef, TextDecoder, addresses, decode_field, header_fields, prepare,
};
use crate::search::{Threadable, Threads, base_subject, threads};
use crate::types::{
    AnnotationOrder, By, Comparator, EntryMatch, Seq, SortKey, SortOrder, ThreadAlgorithm, Uid, UidSet,
};

/// Message-IDs of one message that are looked at: no honest list of references is longer.
const REFERENCES_MAX: usize = 1000;

/// Messages above which it is cheaper to sort all anew than to put them into their places one by one.
const SORTED_ANEW: u64 = 100;

/// What SORT orders by.
#[derive(Clone, Debug)]
pub struct Order {
    pub criteria: Vec<(SortKey, SortOrder)>,
    pub comparator: Comparator,
}

/// Hashes of Message-IDs.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    pub(super) id: Option<u128>,
    pub(super) references: Vec<u128>,
    pub(super) is_reply: bool,
}

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
    fn of(key: &SortKey) -> Option<TextKey> {
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
        Comparator::UnicodeCasemap => summary.field(Field::Subject).unwrap_or("").into(),
        _ => body(summary, "Subject").map(|body| decode_field(&body)).unwrap_or_default().into(),
    }
}

/// The body of the first field of a name, where the summary has it.
fn body(summary: &SummaryRef<'_>, name: &str) -> Option<Vec<u8>> {
    let fields = summary.header_fields(&[name], Include::Only)?;
    header_fields(&fields).next().map(|field| field.body.to_vec())
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

/// The Message-IDs of a field, `<` and `>` taken off.
fn ids(body: &[u8]) -> Vec<u128> {
    let mut found = Vec::new();
    let mut rest = body;
    while let Some(open) = memchr::memchr(b'<', rest) {
        let Some((id, behind)) = normal_id(&rest[open + 1..]) else { break };
        found.push(hash(&id));
        rest = behind;
        if found.len() >= REFERENCES_MAX {
            break;
        }
    }
    found
}

/// An identifier up to its `>`, and what is behind that. Quoting does not count, nor does white space: two spellings of
/// one identifier are the same. RFC 5256 3 (REFERENCES)
fn normal_id(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (mut id, mut quoted, mut escaped) = (Vec::with_capacity(64), false, false);
    for (at, &octet) in text.iter().enumerate() {
        match octet {
            _ if escaped => {
                id.push(octet);
                escaped = false;
            }
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some((id, &text[at + 1..])),
            octet if octet.is_ascii_whitespace() && !quoted => {}
            octet => id.push(octet),
        }
    }
    // A quote that is never closed is a character like others.
    let end = memchr::memchr(b'>', text)?;
    let plain = text[..end].iter().copied().filter(|b| !b.is_ascii_whitespace() && *b != b'"').collect();
    Some((plain, &text[end + 1..]))
}

fn hash(id: &[u8]) -> u128 {
    let mut octets = [0; 16];
    octets.copy_from_slice(&blake3::hash(id).as_bytes()[..16]);
    u128::from_le_bytes(octets)
}

impl Ids {
    /// RFC 5256 3 (REFERENCES), step 1: References, and In-Reply-To where there are none.
    pub(super) fn of(summary: &SummaryRef<'_>) -> Ids {
        let of = |name| body(summary, name).map(|body| ids(&body)).unwrap_or_default();
        let mut references = of("References");
        if references.is_empty() {
            references = of("In-Reply-To").into_iter().take(1).collect();
        }
        let is_reply = base_subject(summary.field(Field::Subject).unwrap_or("")).1;
        Ids { id: of("Message-ID").first().copied(), references, is_reply }
    }
}

/// The values of one criterion, by place among the messages.
enum Column {
    Numbers(Vec<i64>),
    /// Of a few messages; of many the ranks of their texts are the numbers.
    Texts(Vec<Box<str>>),
}

impl Column {
    fn compare(&self, a: usize, b: usize) -> Ordering {
        match self {
            Column::Numbers(numbers) => numbers[a].cmp(&numbers[b]),
            Column::Texts(texts) => texts[a].cmp(&texts[b]),
        }
    }

    fn compare_to(&self, a: usize, other: &Column, b: usize) -> Ordering {
        match (self, other) {
            (Column::Numbers(numbers), Column::Numbers(others)) => numbers[a].cmp(&others[b]),
            (Column::Texts(texts), Column::Texts(others)) => texts[a].cmp(&others[b]),
            // Two kinds of values stand under one criterion for a message that is not there alone.
            (Column::Numbers(_), Column::Texts(_)) => Ordering::Less,
            (Column::Texts(_), Column::Numbers(_)) => Ordering::Greater,
        }
    }
}

/// By the first criterion that tells two messages apart.
fn compared(criteria: &[(SortKey, SortOrder)], by: impl Fn(usize) -> Ordering) -> Ordering {
    let ordered = criteria.iter().enumerate().map(|(at, (_, order))| match order {
        SortOrder::Ascending => by(at),
        SortOrder::Reverse => by(at).reverse(),
    });
    ordered.into_iter().find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
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
        let column = |(key, _): &(SortKey, SortOrder)| match (key, TextKey::of(key)) {
            (SortKey::Relevancy, _) => {
                let of = |message: &Message<'_>| -i64::from(found.score(message.uid()));
                Ok(Column::Numbers(messages.iter().map(of).collect()))
            }
            (_, Some(key)) => {
                let uids: Vec<Uid> = messages.iter().map(Message::uid).collect();
                let ranks = self.ranks(&uids, (key, order.comparator))?;
                Ok(Column::Numbers(ranks.into_iter().map(rank_number).collect()))
            }
            (key, None) => self.column(&messages, key, order.comparator),
        };
        let columns = criteria.iter().map(column).collect::<Result<Vec<_>, MailboxError>>()?;
        // What is alike stays in order.
        let mut places: Vec<(i64, usize)> = heads(&columns, criteria).zip(0..messages.len()).collect();
        match columns.as_slice() {
            [Column::Numbers(_)] => places.sort_unstable(),
            _ => {
                let all = |a: usize, b: usize| compared(criteria, |at| columns[at].compare(a, b));
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
                let other = self.key_of(sorted[middle], order)?;
                let compared = compared(criteria, |at| key[at].compare_to(0, &other[at], 0));
                match compared.then(uid.cmp(&sorted[middle])) {
                    Ordering::Less => high = middle,
                    _ => low = middle + 1,
                }
            }
            sorted.insert(low, uid);
        }
        Ok(())
    }

    /// The values of one message.
    fn key_of(&self, uid: Uid, order: &Order) -> Result<Vec<Column>, MailboxError> {
        let criteria = &order.criteria;
        let messages: Vec<Message<'_>> = self.shown().by_uid(uid).into_iter().collect();
        // A message that is not there has no values, and sorts as one without any.
        match messages.is_empty() {
            true => Ok(criteria.iter().map(|_| Column::Numbers(vec![i64::MIN])).collect()),
            false => criteria.iter().map(|(key, _)| self.column(&messages, key, order.comparator)).collect(),
        }
    }

    fn column(
        &self,
        messages: &[Message<'_>],
        key: &SortKey,
        comparator: Comparator,
    ) -> Result<Column, MailboxError> {
        match (key, TextKey::of(key)) {
            (_, Some(key)) => {
                let mut summaries = self.summaries();
                let text = |message: &Message<'_>| summaries.text(message.uid(), key, comparator);
                Ok(Column::Texts(messages.iter().map(text).collect::<Result<_, _>>()?))
            }
            (SortKey::Annotation(by), _) => {
                let text = |message: &Message<'_>| self.annotation_text(message.uid(), by, comparator);
                Ok(Column::Texts(messages.iter().map(text).collect::<Result<_, _>>()?))
            }
            _ => Ok(numbers(messages, key)),
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

    pub fn thread(
        &self,
        found: &UidSet,
        algorithm: ThreadAlgorithm,
        comparator: Comparator,
        by: By,
    ) -> Result<Threads, MailboxError> {
        let shown: Vec<Message<'_>> = self.shown().in_uids(found).collect();
        let uids: Vec<Uid> = shown.iter().map(Message::uid).collect();
        let subjects = self.ranks(&uids, (TextKey::Subject, comparator))?;
        let digests = match algorithm {
            ThreadAlgorithm::OrderedSubject => Digests::default(),
            _ => self.summaries().digests(&uids, |digest, page| digest.threading(page).map(drop))?,
        };
        let mut ids = digests.each(|digest, slot| digest.ids(slot));
        let messages: Vec<Threadable<'_>> = shown
            .iter()
            .zip(subjects)
            .map(|(message, subject)| {
                let ids = ids.next().flatten();
                Threadable {
                    number: if by == By::Uid { message.uid().get() } else { message.seq().get() },
                    date_secs: message.sent_date().secs,
                    id: ids.and_then(|ids| ids.id),
                    references: ids.map_or(&[], |ids| &ids.references),
                    subject,
                    is_reply: ids.is_some_and(|ids| ids.is_reply),
                }
            })
            .collect();
        Ok(threads(&messages, algorithm))
    }
}

/// Numbers that are in the index.
fn numbers(messages: &[Message<'_>], key: &SortKey) -> Column {
    let number = |message: &Message<'_>| match key {
        SortKey::Arrival => message.internal_date().secs,
        SortKey::Size => message.size().into(),
        // The internal date where there is no other. RFC 5256 2.2
        _ => message.sent_date().secs,
    };
    Column::Numbers(messages.iter().map(number).collect())
}

/// In the same order as ranks are.
fn rank_number(rank: Rank) -> i64 {
    (rank ^ 1 << 63).cast_signed()
}

/// The first column's values, in their order: they are what most messages are told apart by.
fn heads(columns: &[Column], criteria: &[(SortKey, SortOrder)]) -> Box<dyn Iterator<Item = i64>> {
    match (columns, criteria) {
        ([Column::Numbers(numbers), ..], [(_, SortOrder::Ascending), ..]) => Box::new(numbers.clone().into_iter()),
        ([Column::Numbers(numbers), ..], [(_, SortOrder::Reverse), ..]) => {
            Box::new(numbers.clone().into_iter().map(|number| !number))
        }
        _ => Box::new(std::iter::repeat(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_normalised() {
        let one = ids(b"<01KF@xxx.yyy.com>");
        for same in [
            &b"<\"01KF\"@xxx.yyy.com>"[..],
            b"x <01\r\n KF@xxx.yyy.com>",
            b"<\"0\\1KF\"@xxx.yyy.com>",
            b"<\"01KF@xxx.yyy.com>",
        ] {
            assert_eq!(ids(same), one, "{}", String::from_utf8_lossy(same));
        }
        assert_eq!(ids(b"<a@b> <\"x>y\"@c>, <d@e").len(), 2);
        assert_ne!(ids(b"<\"a b\"@c>"), ids(b"<ab@c>"));
        assert_eq!(ids(&b"<\"".repeat(50_000)).len(), 0);
        assert!(ids(&b"<a>".repeat(50_000)).len() == REFERENCES_MAX);
    }
}

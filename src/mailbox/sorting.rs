//! SORT and THREAD over a view.                      RFC 5256; RFC 5957
//!
//! What they order by is taken from the summaries once for each page of a mailbox, and kept with it.

use std::cmp::Ordering;
use std::sync::OnceLock;

use super::error::MailboxError;
use super::snapshot::Message;
use super::summaries::{Page, summary_of};
use super::view::View;
use crate::mime::{Address, Field, Include, SummaryRef, addresses, decode_field, fold, header_fields};
use crate::search::{Threadable, Threads, base_subject, threads};
use crate::store::Value;
use crate::types::{By, SortKey, SortOrder, ThreadAlgorithm, Uid, UidSet};

/// Message-IDs of one message that are looked at: no honest list of references is longer.
const REFERENCES_MAX: usize = 1000;

/// Messages above which it is cheaper to sort all anew than to put them into their places one by one.
const SORTED_ANEW: u64 = 100;

/// What the messages of a page are ordered by; each made when it is first asked for.
#[derive(Default)]
pub(super) struct Orders {
    texts: [OnceLock<Vec<Box<str>>>; 6],
    threading: OnceLock<Vec<Ids>>,
}

/// Hashes of Message-IDs.
#[derive(Clone, Debug, Default)]
struct Ids {
    id: Option<u128>,
    references: Vec<u128>,
    is_reply: bool,
}

/// A key that is text, and where it is kept.
#[derive(Clone, Copy)]
enum TextKey {
    Cc,
    From,
    To,
    Subject,
    DisplayFrom,
    DisplayTo,
}

impl TextKey {
    fn of(key: SortKey) -> Option<TextKey> {
        Some(match key {
            SortKey::Cc => TextKey::Cc,
            SortKey::From => TextKey::From,
            SortKey::To => TextKey::To,
            SortKey::Subject => TextKey::Subject,
            SortKey::DisplayFrom => TextKey::DisplayFrom,
            SortKey::DisplayTo => TextKey::DisplayTo,
            SortKey::Arrival | SortKey::Date | SortKey::Size => return None,
        })
    }

    fn text(self, summary: &SummaryRef<'_>) -> String {
        match self {
            TextKey::Subject => base_subject(summary.field(Field::Subject).unwrap_or("")).0,
            TextKey::Cc => first_address(summary, "Cc").map(mailbox_part).unwrap_or_default(),
            TextKey::From => first_address(summary, "From").map(mailbox_part).unwrap_or_default(),
            TextKey::To => first_address(summary, "To").map(mailbox_part).unwrap_or_default(),
            TextKey::DisplayFrom => first_address(summary, "From").map(display).unwrap_or_default(),
            TextKey::DisplayTo => first_address(summary, "To").map(display).unwrap_or_default(),
        }
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
    fold(&String::from_utf8_lossy(&address.mailbox.unwrap_or_default()))
}

/// The name, decoded, else the address. RFC 5957 3
fn display(address: Address) -> String {
    if let Some(name) = address.name.filter(|name| !name.is_empty()) {
        return fold(&decode_field(&name));
    }
    let [mailbox, host] = [address.mailbox, address.host].map(Option::unwrap_or_default);
    fold(&String::from_utf8_lossy(&[mailbox, host].join(&b'@')))
}

/// The Message-IDs of a field, `<` and `>` taken off.
fn ids(body: &[u8]) -> Vec<u128> {
    let mut found = Vec::new();
    let mut rest = body;
    while let Some(open) = memchr::memchr(b'<', rest) {
        let Some(close) = memchr::memchr(b'>', &rest[open..]) else { break };
        let id: Vec<u8> = rest[open + 1..open + close].iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
        found.push(hash(&id));
        rest = &rest[open + close..];
        if found.len() >= REFERENCES_MAX {
            break;
        }
    }
    found
}

fn hash(id: &[u8]) -> u128 {
    let mut octets = [0; 16];
    octets.copy_from_slice(&blake3::hash(id).as_bytes()[..16]);
    u128::from_le_bytes(octets)
}

/// RFC 5256 3 (REFERENCES), step 1: References, and In-Reply-To where there are none.
fn ids_of(summary: &SummaryRef<'_>) -> Ids {
    let of = |name| body(summary, name).map(|body| ids(&body)).unwrap_or_default();
    let mut references = of("References");
    if references.is_empty() {
        references = of("In-Reply-To").into_iter().take(1).collect();
    }
    let is_reply = base_subject(summary.field(Field::Subject).unwrap_or("")).1;
    Ids { id: of("Message-ID").first().copied(), references, is_reply }
}

/// A damaged summary is ordered as an empty one; whoever reads it is told.
fn each<T: Default>(values: &[Value], of: impl Fn(&SummaryRef<'_>) -> T) -> Vec<T> {
    values.iter().map(|value| summary_of(value).map(|summary| of(&summary)).unwrap_or_default()).collect()
}

impl Page {
    fn text(&self, key: TextKey) -> &[Box<str>] {
        // i;unicode-casemap compares capitals: `[` and `_` sort behind letters. RFC 5051 2
        let texts = || each(self.values(), |summary| key.text(summary).to_uppercase().into_boxed_str());
        self.orders().texts[key as usize].get_or_init(texts)
    }

    fn threading(&self) -> &[Ids] {
        self.orders().threading.get_or_init(|| each(self.values(), ids_of))
    }
}

/// The values of one criterion, by place among the messages.
enum Column {
    Numbers(Vec<i64>),
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
    pub fn sort(&self, found: &UidSet, criteria: &[(SortKey, SortOrder)]) -> Result<Vec<Uid>, MailboxError> {
        let messages: Vec<Message<'_>> = self.shown().in_uids(found).collect();
        let columns = criteria.iter().map(|(key, _)| self.column(&messages, *key)).collect::<Result<Vec<_>, _>>()?;
        let mut order: Vec<usize> = (0..messages.len()).collect();
        // Stable: what is alike stays in order.
        order.sort_by(|a, b| compared(criteria, |at| columns[at].compare(*a, *b)));
        Ok(order.into_iter().map(|at| messages[at].uid()).collect())
    }

    /// Puts messages where they belong among others that stand in order; costs the new ones, not the others.
    pub fn sort_into(
        &self,
        sorted: &mut Vec<Uid>,
        new: &UidSet,
        criteria: &[(SortKey, SortOrder)],
    ) -> Result<(), MailboxError> {
        if new.count() > SORTED_ANEW {
            let all: UidSet = new.uids().chain(sorted.iter().copied()).collect();
            *sorted = self.sort(&all, criteria)?;
            return Ok(());
        }
        for uid in new.uids() {
            let key = self.key_of(uid, criteria)?;
            let (mut low, mut high) = (0, sorted.len());
            while low < high {
                let middle = (low + high) / 2;
                let other = self.key_of(sorted[middle], criteria)?;
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
    fn key_of(&self, uid: Uid, criteria: &[(SortKey, SortOrder)]) -> Result<Vec<Column>, MailboxError> {
        let messages: Vec<Message<'_>> = self.shown().by_uid(uid).into_iter().collect();
        // A message that is not there has no values, and sorts as one without any.
        match messages.is_empty() {
            true => Ok(criteria.iter().map(|_| Column::Numbers(vec![i64::MIN])).collect()),
            false => criteria.iter().map(|(key, _)| self.column(&messages, *key)).collect(),
        }
    }

    fn column(&self, messages: &[Message<'_>], key: SortKey) -> Result<Column, MailboxError> {
        let numbers = |of: fn(&Message<'_>) -> i64| Ok(Column::Numbers(messages.iter().map(of).collect()));
        match (key, TextKey::of(key)) {
            (_, Some(key)) => {
                let mut summaries = self.summaries();
                let mut texts = Vec::with_capacity(messages.len());
                for message in messages {
                    let page = summaries.page(message.uid())?;
                    let text = page.slot(message.uid()).map(|slot| page.text(key)[slot].clone());
                    texts.push(text.unwrap_or_default());
                }
                Ok(Column::Texts(texts))
            }
            (SortKey::Arrival, _) => numbers(|message| message.internal_date().secs),
            (SortKey::Size, _) => numbers(|message| message.size().into()),
            // The internal date where there is no other. RFC 5256 2.2
            _ => numbers(|message| message.sent_date().secs),
        }
    }

    pub fn thread(&self, found: &UidSet, algorithm: ThreadAlgorithm, by: By) -> Result<Threads, MailboxError> {
        let mut summaries = self.summaries();
        let mut messages = Vec::new();
        for message in self.shown().in_uids(found) {
            let page = summaries.page(message.uid())?;
            let slot = page.slot(message.uid());
            let subject = slot.map(|slot| page.text(TextKey::Subject)[slot].to_string()).unwrap_or_default();
            let ids = match algorithm {
                ThreadAlgorithm::OrderedSubject => Ids::default(),
                _ => slot.map(|slot| page.threading()[slot].clone()).unwrap_or_default(),
            };
            messages.push(Threadable {
                number: if by == By::Uid { message.uid().get() } else { message.seq().get() },
                date_secs: message.sent_date().secs,
                id: ids.id,
                references: ids.references,
                base_subject: subject,
                is_reply: ids.is_reply,
            });
        }
        Ok(threads(&messages, algorithm))
    }
}

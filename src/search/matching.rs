//! Asks a message.

use super::compile::{Annotation, Bound, Sought, Test};
use super::fuzzy::Weight;
use super::text;
use crate::mime::{SummaryRef, prepare};
use crate::types::{Comparator, FlagBits, InternalDate, KeywordId, ModSeq, Uid};

/// A message that is being searched. What is not asked for is not read.
pub trait Subject {
    type Error;

    fn uid(&self) -> Uid;
    fn flags(&self) -> FlagBits;
    /// The keywords that have no bit, ascending.
    fn further(&self) -> &[KeywordId];
    fn mod_seq(&self) -> ModSeq;
    fn is_recent(&self) -> bool;
    fn size(&self) -> u64;
    fn internal_date(&self) -> InternalDate;
    fn sent_date(&self) -> InternalDate;
    fn save_date(&self) -> InternalDate;
    fn email_id(&self) -> String;

    /// Calls `ask` with the message's summary; a message without one, gone meanwhile, gives `false`.
    fn with_summary(
        &mut self,
        ask: &mut dyn FnMut(&SummaryRef<'_>) -> Result<bool, Self::Error>,
    ) -> Result<bool, Self::Error>;

    /// Calls `take` with the values of the message's annotations that are asked for, until it says `false`.
    fn annotations(&self, of: &Annotation, take: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Self::Error>;

    /// Reads octets of the message from `start` on, a piece at a time, until `take` says `false` or `end` is reached.
    fn read(&mut self, start: u64, end: u64, take: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Self::Error>;
}

impl Test {
    /// Of one message.
    pub fn matches<S: Subject>(&self, subject: &mut S) -> Result<bool, S::Error> {
        Ok(match self {
            Test::Always => true,
            Test::Never => false,
            Test::And(tests) => {
                for test in tests {
                    if !test.matches(subject)? {
                        return Ok(false);
                    }
                }
                true
            }
            Test::Or(tests) => {
                for test in tests {
                    if test.matches(subject)? {
                        return Ok(true);
                    }
                }
                false
            }
            Test::Not(test) => !test.matches(subject)?,
            Test::Flags(bits) => subject.flags().contains(*bits),
            Test::Further(id) => subject.flags().has_further() && subject.further().binary_search(id).is_ok(),
            Test::Recent => subject.is_recent(),
            Test::Uids(uids) => uids.contains(subject.uid().get()),
            Test::Date(Bound::Internal, from, to) => within(subject.internal_date(), *from, *to),
            Test::Date(Bound::Sent, from, to) => within(subject.sent_date(), *from, *to),
            Test::Date(Bound::Saved, from, to) => within(subject.save_date(), *from, *to),
            Test::Moment(from, to) => (*from..*to).contains(&subject.internal_date().secs),
            Test::EmailId(id) => subject.email_id() == *id,
            Test::Larger(octets) => subject.size() > *octets,
            Test::Smaller(octets) => subject.size() < *octets,
            Test::ModSeq(least) => subject.mod_seq() >= *least,
            Test::Field(field, needle) => {
                let holds = |text: &str| needle.is_empty() || needle.is_in(text);
                subject.with_summary(&mut |summary| Ok(summary.field(*field).is_some_and(|text| holds(&text))))?
            }
            Test::Header(name, needle) => text::header(subject, name, needle)?,
            Test::Text(scope, needle) => text::text(subject, *scope, needle)?,
            Test::FuzzyField(..) | Test::FuzzyHeader(..) | Test::FuzzyText(..) => self.likeness(subject)? > 0,
            Test::Annotation(annotation) => annotation.score(subject)? > 0,
        })
    }

    /// How relevant a message is that passes, 1 to 100; `None` where nothing in the test is fuzzy. Of several keys the
    /// average counts, of alternatives the best. RFC 6203 4
    pub fn score<S: Subject>(&self, subject: &mut S) -> Result<Option<u8>, S::Error> {
        Ok(match self {
            Test::And(tests) => {
                let (mut sum, mut count) = (0, 0);
                for test in tests {
                    if let Some(score) = test.score(subject)? {
                        (sum, count) = (sum + u32::from(score), count + 1);
                    }
                }
                (count > 0).then(|| (sum / count).max(1) as u8)
            }
            Test::Or(tests) => {
                let mut best = None;
                for test in tests {
                    // What matches exactly is as relevant as can be.
                    let score = match test.matches(subject)? {
                        true => Some(test.score(subject)?.unwrap_or(100)),
                        false => None,
                    };
                    best = best.max(score);
                }
                best
            }
            Test::FuzzyField(..) | Test::FuzzyHeader(..) | Test::FuzzyText(..) => Some(self.likeness(subject)?),
            Test::Annotation(annotation) if annotation.is_fuzzy() => Some(annotation.score(subject)?),
            _ => None,
        })
    }

    /// 0 where a fuzzy test does not match.
    fn likeness<S: Subject>(&self, subject: &mut S) -> Result<u8, S::Error> {
        match self {
            Test::FuzzyField(field, needle) => {
                let mut score = 0;
                subject.with_summary(&mut |summary| {
                    score = summary.field(*field).map_or(0, |text| needle.score(&text, Weight::Header));
                    Ok(true)
                })?;
                Ok(score)
            }
            Test::FuzzyHeader(name, needle) => text::fuzzy_header(subject, name, needle),
            Test::FuzzyText(scope, needle) => text::fuzzy_text(subject, *scope, needle),
            _ => Ok(0),
        }
    }
}

impl Annotation {
    fn is_fuzzy(&self) -> bool {
        matches!(self.sought, Sought::Fuzzy(_))
    }

    /// 0 where no value matches; 100 for one that does exactly.
    fn score<S: Subject>(&self, subject: &S) -> Result<u8, S::Error> {
        let mut best = 0;
        subject.annotations(self, &mut |value| {
            let text = String::from_utf8_lossy(value);
            best = best.max(match &self.sought {
                Sought::Any => 100,
                Sought::Text(needle) => 100 * u8::from(needle.is_in(&text)),
                Sought::Fuzzy(needle) => needle.score(&prepare(Comparator::UnicodeCasemap, &text), Weight::Header),
            });
            best < 100
        })?;
        Ok(best)
    }
}

fn within(date: InternalDate, from: i64, to: i64) -> bool {
    let day = i64::from(date.day().0);
    from <= day && day < to
}

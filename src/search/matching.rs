//! Asks a message.

use super::compile::{Bound, Test};
use super::needle::Needle;
use super::text;
use crate::mime::{Field, SummaryRef};
use crate::types::{FlagBits, InternalDate, ModSeq, Uid};

/// A message that is being searched. What is not asked for is not read.
pub trait Subject {
    type Error;

    fn uid(&self) -> Uid;
    fn flags(&self) -> FlagBits;
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

    /// Whether a header field holds a string, decoded and folded. Needles of one test are told apart by their address.
    fn field_holds(&mut self, field: Field, needle: &Needle) -> Result<bool, Self::Error> {
        self.with_summary(&mut |summary| Ok(summary.field(field).is_some_and(|text| needle.in_folded(text))))
    }

    /// Reads octets of the message from `start` on, a piece at a time, until `take` says `false` or `end` is reached.
    fn read(&self, start: u64, end: u64, take: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Self::Error>;
}

impl Test {
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
            Test::Field(field, needle) => subject.field_holds(*field, needle)?,
            Test::Header(name, needle) => text::header(subject, name, needle)?,
            Test::Text(scope, needle) => text::text(subject, *scope, needle)?,
        })
    }
}

fn within(date: InternalDate, from: i64, to: i64) -> bool {
    let day = i64::from(date.day().0);
    from <= day && day < to
}

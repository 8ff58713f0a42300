//! Asks many messages at once.
//!
//! A block is a page of messages; which of them pass is a set of slots. What is asked of all of them together (one field of
//! a page, say) is asked once; what is costly is asked of those alone for which it still matters.

use super::compile::Test;
use super::matching::Subject;
use super::needle::Needle;
use crate::mime::Field;

/// Messages of a block, a bit each.
pub type Slots = u128;

pub trait Block {
    type Error;
    type Subject<'a>: Subject<Error = Self::Error>
    where
        Self: 'a;

    fn subject(&mut self, slot: usize) -> Self::Subject<'_>;

    /// Whose field holds a string.
    fn holding(&mut self, field: Field, needle: &Needle) -> Result<Slots, Self::Error>;
}

/// The slots of a set, in order.
pub fn slots(set: Slots) -> impl Iterator<Item = usize> {
    let mut rest = set;
    std::iter::from_fn(move || {
        let slot = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
        rest &= rest - 1;
        Some(slot)
    })
}

impl Test {
    /// Which of these messages pass.
    pub fn passing<B: Block>(&self, block: &mut B, among: Slots) -> Result<Slots, B::Error> {
        if among == 0 {
            return Ok(0);
        }
        match self {
            Test::Always => Ok(among),
            Test::Never => Ok(0),
            Test::And(tests) => tests.iter().try_fold(among, |left, test| test.passing(block, left)),
            Test::Or(tests) => {
                let passed = |passed: Slots, test: &Test| Ok(passed | test.passing(block, among & !passed)?);
                tests.iter().try_fold(0, passed)
            }
            Test::Not(test) => Ok(among & !test.passing(block, among)?),
            Test::Field(field, needle) => Ok(among & block.holding(*field, needle)?),
            other => {
                let mut passed = 0;
                for slot in slots(among) {
                    passed |= Slots::from(other.matches(&mut block.subject(slot))?) << slot;
                }
                Ok(passed)
            }
        }
    }
}

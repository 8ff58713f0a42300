//! A stretch of octets that are shared.

use std::ops::{Deref, Range};

use crate::store::Value;

#[derive(Clone, Debug, Default)]
pub(super) struct Stretch {
    all: Value,
    at: Range<usize>,
}

impl Stretch {
    /// Of these octets what is at `at`, or nothing where they are fewer.
    pub(super) fn of(all: &Value, at: Range<usize>) -> Stretch {
        match all.get(at.clone()) {
            Some(_) => Stretch { all: all.clone(), at },
            None => Stretch::default(),
        }
    }
}

impl From<Vec<u8>> for Stretch {
    fn from(octets: Vec<u8>) -> Stretch {
        Stretch { at: 0..octets.len(), all: octets.into() }
    }
}

impl Deref for Stretch {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.all[self.at.clone()]
    }
}

//! Whether what is in memory may be older than what is in the store.
//!
//! A suspicion is raised when another server commits, and settled when what it was about has been read and published: until
//! then everybody sees that it stands. One that is raised while the store is read stands after that.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often it was raised, and up to which time it is settled.
#[derive(Debug, Default)]
pub(super) struct Suspicion {
    raised: AtomicU64,
    settled: AtomicU64,
}

/// A suspicion as it was before the store was read.
#[derive(Clone, Copy)]
pub(super) struct Raised(u64);

impl Suspicion {
    /// One that stands from the beginning.
    pub(super) fn standing() -> Suspicion {
        Suspicion { raised: AtomicU64::new(1), settled: AtomicU64::new(0) }
    }

    pub(super) fn raise(&self) {
        self.raised.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn stands(&self) -> Option<Raised> {
        let raised = self.raised.load(Ordering::Acquire);
        (self.settled.load(Ordering::Acquire) < raised).then_some(Raised(raised))
    }

    pub(super) fn settle(&self, Raised(raised): Raised) {
        self.settled.fetch_max(raised, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_raised_meanwhile_still_stands() {
        let suspicion = Suspicion::standing();
        let first = suspicion.stands().unwrap();
        suspicion.raise();
        suspicion.settle(first);
        let second = suspicion.stands().unwrap();
        suspicion.settle(second);
        suspicion.settle(first);
        assert!(suspicion.stands().is_none());
        suspicion.raise();
        assert!(suspicion.stands().is_some());
    }
}

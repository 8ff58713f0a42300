//! Faults under numbers: what a client is told of what went wrong below, and the log explains.
//!
//! Who tries again and again meets one fault again and again. It keeps its number, and the log has it once a minute with how
//! often it was met: a full disk is not filled by the log as well.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::log::Seldom;

/// Faults that are known again by their text; the oldest is forgotten for a further one.
const KNOWN_MAX: usize = 100;

struct Fault {
    number: u64,
    text: String,
    said: Seldom,
}

/// Logs a fault; its number.
pub(super) fn refer(error: &dyn std::fmt::Display) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    static KNOWN: Mutex<VecDeque<Fault>> = Mutex::new(VecDeque::new());
    let text = error.to_string();
    let mut known = KNOWN.lock();
    let at = known.iter().position(|fault| fault.text == text).unwrap_or_else(|| {
        if known.len() >= KNOWN_MAX {
            known.pop_front();
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        known.push_back(Fault { number, text: text.clone(), said: Seldom::default() });
        known.len() - 1
    });
    let (number, mut line) = (known[at].number, None);
    known[at].said.complain(|note| line = Some(format!("fault {number}: {text}{note}")));
    drop(known);
    // A log that is slow keeps nobody from a number.
    if let Some(line) = line {
        log::error!("{line}");
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_fault_keeps_its_number_until_many_others_have_come() {
        let first = refer(&"there is no room");
        assert_eq!(refer(&"there is no room"), first);
        let other = refer(&"another");
        assert_ne!(other, first);
        for n in 0..KNOWN_MAX {
            refer(&format!("fault of many, {n}"));
        }
        assert!(refer(&"there is no room") > other);
    }
}

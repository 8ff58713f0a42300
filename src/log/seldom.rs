//! Complaints that a client, or a lasting lack of something, could cause without end.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// One complaint of a kind in so long.
const EVERY: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct Seldom(Mutex<State>);

#[derive(Default)]
struct State {
    last: Option<Instant>,
    held_back: u64,
}

impl Seldom {
    pub const fn new() -> Seldom {
        Seldom(Mutex::new(State { last: None, held_back: 0 }))
    }

    /// Lets `say` complain, with a note of how often it was held back since; or holds it back.
    pub fn complain(&self, say: impl FnOnce(&str)) {
        let mut state = self.0.lock();
        if state.last.is_some_and(|last| last.elapsed() < EVERY) {
            state.held_back += 1;
            return;
        }
        let note = match std::mem::take(&mut state.held_back) {
            0 => String::new(),
            n => format!(" (and {n} times more in the last minutes)"),
        };
        state.last = Some(Instant::now());
        drop(state);
        say(&note);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_and_with_the_number_held_back() {
        let (seldom, mut said) = (Seldom::default(), Vec::new());
        for _ in 0..3 {
            seldom.complain(|note| said.push(note.to_string()));
        }
        seldom.0.lock().last = Instant::now().checked_sub(EVERY);
        seldom.complain(|note| said.push(note.to_string()));
        assert_eq!(said, ["", " (and 2 times more in the last minutes)"]);
    }
}

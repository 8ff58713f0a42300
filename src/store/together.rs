//! What many threads want done, done together by one of them.
//!
//! Whoever comes first leads: it does all that waits, its own among it, and tells the others. Before it does so it hands the
//! lead to the first of those who have come meanwhile, so that the disk is at work again while they are woken, and nobody
//! leads twice for others.
//!
//! Invariants:
//! 1. Somebody leads, or nothing waits.
//! 2. Who is told to lead is the first of those who wait.
//! 3. A panic of who leads ends the process: what it had taken is neither done nor undone.

use std::sync::Arc;
use std::thread::Thread;

use parking_lot::Mutex;

pub struct Together<T, R> {
    state: Mutex<State<T, R>>,
    /// What is done at once at most, so that the first does not wait for hundreds of others.
    most: usize,
}

struct State<T, R> {
    waiting: Vec<(T, Arc<Place<R>>)>,
    is_led: bool,
}

/// A thread that waits, and what it has been told.
struct Place<R> {
    thread: Thread,
    told: Mutex<Option<Told<R>>>,
}

enum Told<R> {
    Done(R),
    Lead,
}

impl<T, R> Together<T, R> {
    pub fn new(most: usize) -> Together<T, R> {
        Together { state: Mutex::new(State { waiting: Vec::new(), is_led: false }), most }
    }

    /// Has `work` done. `all` does what it is given, in order, and gives a result for each.
    pub fn run(&self, work: T, all: impl FnOnce(Vec<T>) -> Vec<R>) -> R {
        let place = Arc::new(Place { thread: std::thread::current(), told: Mutex::new(None) });
        let is_led = {
            let mut state = self.state.lock();
            state.waiting.push((work, place.clone()));
            std::mem::replace(&mut state.is_led, true)
        };
        if is_led && let Told::Done(result) = place.wait() {
            return result;
        }
        let _abort = AbortOnPanic;
        let (works, places): (Vec<T>, Vec<_>) = self.take().into_iter().unzip();
        let mut results = all(works).into_iter();
        self.hand_over();
        // The first is its own. Invariant 2.
        let own = results.next().expect("each has a result");
        places.iter().skip(1).zip(results).for_each(|(place, result)| place.tell(Told::Done(result)));
        own
    }

    fn take(&self) -> Vec<(T, Arc<Place<R>>)> {
        let waiting = &mut self.state.lock().waiting;
        let rest = waiting.split_off(waiting.len().min(self.most));
        std::mem::replace(waiting, rest)
    }

    fn hand_over(&self) {
        let next = {
            let mut state = self.state.lock();
            state.is_led = !state.waiting.is_empty();
            state.waiting.first().map(|(_, place)| place.clone())
        };
        if let Some(place) = next {
            place.tell(Told::Lead);
        }
    }
}

impl<R> Place<R> {
    fn tell(&self, told: Told<R>) {
        *self.told.lock() = Some(told);
        self.thread.unpark();
    }

    fn wait(&self) -> Told<R> {
        loop {
            if let Some(told) = self.told.lock().take() {
                return told;
            }
            std::thread::park();
        }
    }
}

/// Ends the process when a commit panics: memory and disk might differ.
pub struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            log::error!(target: crate::log::CRASH, "panic during a commit: the process ends, the store recovers at its next start");
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn each_gets_its_own_result_and_nobody_is_forgotten() {
        const THREADS: usize = 16;
        const EACH: usize = 500;
        let together = Together::new(5);
        let (groups, at_work) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let all = |works: Vec<usize>| {
            assert!((1..=5).contains(&works.len()));
            assert_eq!(at_work.fetch_add(1, Ordering::SeqCst), 0, "one leads at a time");
            groups.fetch_add(1, Ordering::Relaxed);
            std::thread::yield_now();
            at_work.fetch_sub(1, Ordering::SeqCst);
            works.into_iter().map(|work| work * 2).collect()
        };
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (together, all) = (&together, &all);
                scope.spawn(move || {
                    for n in (0..EACH).map(|n| thread * EACH + n) {
                        assert_eq!(together.run(n, all), n * 2);
                    }
                });
            }
        });
        let groups = groups.into_inner();
        assert!(groups < THREADS * EACH, "{groups} groups: none did anything for others");
        let state = together.state.into_inner();
        assert!(state.waiting.is_empty() && !state.is_led);
    }
}

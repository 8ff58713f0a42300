//! How many costly checks run at a time.

use parking_lot::{Condvar, Mutex};

/// A check takes a core for some tens of milliseconds and, with ARGON2ID, 19 MiB or what the hash asks for: more at a
/// time than there are cores gain nothing, and beyond this number they would take memory that the sessions need.
const CHECKS_MAX: usize = 16;

pub(super) struct Checks {
    free: Mutex<usize>,
    done: Condvar,
}

impl Checks {
    /// As many as there are cores: at least two, so that one slow hash does not stop all logins.
    pub(super) fn new() -> Checks {
        let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get());
        Checks::of(cores.clamp(2, CHECKS_MAX))
    }

    fn of(free: usize) -> Checks {
        Checks { free: Mutex::new(free), done: Condvar::new() }
    }

    /// Waits until there is room for another check, which lasts until the place is dropped.
    pub(super) fn enter(&self) -> Place<'_> {
        let mut free = self.free.lock();
        while *free == 0 {
            self.done.wait(&mut free);
        }
        *free -= 1;
        Place(self)
    }
}

pub(super) struct Place<'a>(&'a Checks);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.free.lock() += 1;
        self.0.done.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[test]
    fn no_more_than_there_are_places() {
        let (checks, running, most) = (Checks::of(3), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| {
                    let _place = checks.enter();
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(20));
                    running.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
        assert_eq!(*checks.free.lock(), 3);
    }
}

//! Who works, and who waits for work that the acceptor passes on.
//!
//! 1. A worker has a connection, waits for one at its listener's door (`door`), or has a seat among the idle. Whoever
//!    takes its seat gives it a connection: none ever waits for a worker.
//! 2. Of those who have a seat, who has had work last is the first to have some again: what it touches is in the caches
//!    still, and those whom a burst has called retire, however steady the rest of the work.
//! 3. There are never more connections than the maximum. Beside their workers a few may wait at the doors.

use std::thread::ThreadId;
use std::time::Duration;

use crossbeam_channel::Sender;

use super::pool::Job;
use crate::metrics;

/// A worker without work for so long goes away.
pub(super) const RETIRE_AFTER: Duration = Duration::from_secs(60);

/// Where a worker waits for work.
pub(super) struct Seat {
    pub(super) worker: ThreadId,
    pub(super) give: Sender<Errand>,
}

/// What a worker is given: a connection, and its seat back for afterwards.
pub(super) struct Errand {
    pub(super) job: Job,
    pub(super) seat: Seat,
}

pub(super) struct Crew {
    workers: usize,
    /// Connections, each with its worker.
    busy: usize,
    /// Who has had work last is last.
    idle: Vec<Seat>,
    retire_after: Duration,
    dismissed: bool,
}

impl Crew {
    pub(super) fn new() -> Crew {
        Crew { workers: 0, busy: 0, idle: Vec::new(), retire_after: RETIRE_AFTER, dismissed: false }
    }

    pub(super) fn busy(&self) -> usize {
        self.busy
    }

    /// A connection begins, if there are fewer than `most`.
    pub(super) fn begins(&mut self, most: usize) -> bool {
        let begins = self.busy < most;
        self.busy += usize::from(begins);
        self.tell();
        begins
    }

    /// And has ended.
    pub(super) fn ends(&mut self) {
        self.busy -= 1;
        self.tell();
    }

    /// The worker for a connection; `None` where one is to be started.
    pub(super) fn call(&mut self) -> Option<Seat> {
        self.idle.pop()
    }

    /// A worker waits for its next connection, and how long; not at all once all have been dismissed.
    pub(super) fn sit(&mut self, seat: Seat) -> Option<Duration> {
        if self.dismissed {
            return None;
        }
        self.idle.push(seat);
        Some(self.retire_after)
    }

    /// Whether a worker whose patience has ended may go; if not, a connection is on its way to it.
    pub(super) fn retires(&mut self, worker: ThreadId) -> bool {
        let Some(at) = self.idle.iter().position(|seat| seat.worker == worker) else { return false };
        self.idle.remove(at);
        true
    }

    /// A worker has been started.
    pub(super) fn comes(&mut self) {
        self.workers += 1;
        self.tell();
    }

    /// And has gone.
    pub(super) fn goes(&mut self) {
        self.workers -= 1;
        self.tell();
    }

    /// Who waits goes at once, the others when their connections end.
    pub(super) fn dismiss(&mut self) {
        self.dismissed = true;
        self.idle.clear();
    }

    fn tell(&self) {
        metrics::CONNECTIONS_OPEN.set(self.busy as u64);
        metrics::WORKERS.set(self.workers as u64);
    }

    #[cfg(test)]
    pub(super) fn workers(&self) -> usize {
        self.workers
    }

    #[cfg(test)]
    pub(super) fn retire_after(&mut self, time: Duration) {
        self.retire_after = time;
    }
}

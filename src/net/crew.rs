//! Who works, and who waits for work.
//!
//! 1. A worker has a connection, or a seat among the idle. Whoever takes its seat gives it a connection: none ever waits
//!    for a worker, and there are never more workers than the maximum.
//! 2. Who has had work last is the first to have some again: what it touches is in the caches still, and those whom a
//!    burst has called retire, however steady the rest of the work.
//! 3. Before that, it is given to somebody who ran last on the processor that takes in the connection's packets; where
//!    nobody did, and few are idle, another is started. To wake a thread on another processor that sleeps takes longer
//!    than most commands, in a virtual machine above all, and each command does it twice. Nobody is bound to a processor:
//!    where a thread runs, the kernel decides.

use std::thread::ThreadId;
use std::time::Duration;

use crossbeam_channel::Sender;

use super::pool::Job;
use crate::metrics;

/// A worker without work for so long goes away.
pub(super) const RETIRE_AFTER: Duration = Duration::from_secs(60);

/// How many of the idle are looked at, from the last on: the rest may be very many.
const LOOK_BACK: usize = 16;

/// The kernel moves threads about: with one for each processor there is soon none where one is wanted.
const SPARE_PER_CPU: usize = 2;

/// Where a worker waits for work.
pub(super) struct Seat {
    pub(super) worker: ThreadId,
    pub(super) give: Sender<Errand>,
    /// The processor on which it ran last.
    pub(super) cpu: Option<usize>,
}

/// What a worker is given: a connection, and its seat back for afterwards.
pub(super) struct Errand {
    pub(super) job: Job,
    pub(super) seat: Seat,
}

pub(super) struct Crew {
    busy: usize,
    /// Who has had work last is last.
    idle: Vec<Seat>,
    /// While fewer are idle, and none of them where a connection comes in, another is started: it may come to run there.
    spare: usize,
    retire_after: Duration,
    dismissed: bool,
}

impl Crew {
    pub(super) fn new() -> Crew {
        let spare = SPARE_PER_CPU * std::thread::available_parallelism().map_or(1, usize::from);
        Crew { busy: 0, idle: Vec::new(), spare, retire_after: RETIRE_AFTER, dismissed: false }
    }

    pub(super) fn busy(&self) -> usize {
        self.busy
    }

    pub(super) fn workers(&self) -> usize {
        self.busy + self.idle.len()
    }

    /// The worker for a connection that comes in on this processor; `None` where one is to be started.
    pub(super) fn call(&mut self, cpu: Option<usize>, workers_max: usize) -> Option<Seat> {
        let near = self.idle.iter().rev().take(LOOK_BACK).position(|seat| seat.cpu == cpu);
        match near {
            Some(back) => Some(self.idle.remove(self.idle.len() - 1 - back)),
            None if self.idle.len() < self.spare && self.workers() < workers_max => None,
            None => self.idle.pop(),
        }
    }

    /// A worker that has been called, or started, has a connection from now on.
    pub(super) fn begins(&mut self) {
        self.busy += 1;
        self.tell();
    }

    /// And has none any more.
    pub(super) fn ends(&mut self) {
        self.busy -= 1;
        self.tell();
    }

    /// A worker waits for its next connection, and how long; not at all once all have been dismissed.
    pub(super) fn sit(&mut self, seat: Seat) -> Option<Duration> {
        self.ends();
        if self.dismissed {
            return None;
        }
        self.idle.push(seat);
        self.tell();
        Some(self.retire_after)
    }

    /// Whether a worker whose patience has ended may go; if not, a connection is on its way to it.
    pub(super) fn retires(&mut self, worker: ThreadId) -> bool {
        let Some(at) = self.idle.iter().position(|seat| seat.worker == worker) else { return false };
        self.idle.remove(at);
        self.tell();
        true
    }

    /// Who waits goes at once, the others when their connections end.
    pub(super) fn dismiss(&mut self) {
        self.dismissed = true;
        self.idle.clear();
        self.tell();
    }

    fn tell(&self) {
        metrics::CONNECTIONS_OPEN.set(self.busy as u64);
        metrics::WORKERS.set(self.workers() as u64);
    }

    #[cfg(test)]
    pub(super) fn retire_after(&mut self, time: Duration) {
        self.retire_after = time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crew(cpus: &[usize]) -> Crew {
        let seat = |cpu: &usize| Seat {
            worker: std::thread::current().id(),
            give: crossbeam_channel::bounded(1).0,
            cpu: Some(*cpu),
        };
        Crew { spare: 2, idle: cpus.iter().map(seat).collect(), ..Crew::new() }
    }

    #[test]
    fn the_nearest_is_called_and_then_the_last() {
        let called = |crew: &mut Crew, cpu, max| crew.call(Some(cpu), max).map(|seat| seat.cpu.unwrap());
        let mut three = crew(&[1, 0, 2]);
        assert_eq!(called(&mut three, 0, 9), Some(0));
        assert_eq!(called(&mut three, 7, 9), Some(2), "there are enough");
        assert_eq!(called(&mut three, 7, 9), None, "another is started");
        assert_eq!(called(&mut three, 7, 1), Some(1), "there may be no more");
        assert_eq!(called(&mut three, 1, 9), None);
        let mut many = crew(&[5; 100]);
        many.idle[0].cpu = Some(6);
        assert_eq!(called(&mut many, 6, 999), Some(5), "not all of very many are looked at");
    }
}

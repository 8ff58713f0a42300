//! "Running": a sign of life during long operations.              RFC 9585
//!
//! One thread, the watchdog, looks after all sessions. An operation that may last registers itself; when it has run
//! for the period of its session the watchdog says `* OK [INPROGRESS ("tag" done goal)] Running` to that client, and
//! again each period. It also tells of alerts that come meanwhile. With no operation registered the thread sleeps without waking.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::alerting::Alerting;
use super::faults::refer;
use super::output::Output;

/// An operation in progress; dropping it ends the signs of life.
pub(super) struct Operation {
    output: Arc<Output>,
    tag: String,
    alerting: Option<Arc<Alerting>>,
    done: AtomicU64,
    /// 0 where it is not known.
    goal: AtomicU64,
    over: AtomicBool,
    period: Duration,
}

impl Operation {
    /// So many of `goal` messages or octets have been dealt with.
    pub(super) fn progress(&self, done: u64, goal: u64) {
        self.done.store(done, Ordering::Relaxed);
        self.goal.store(goal, Ordering::Relaxed);
    }

    fn line(&self) -> String {
        let goal = self.goal.load(Ordering::Relaxed);
        let number = |n: u64| if goal == 0 { "NIL".to_string() } else { n.to_string() };
        let (done, goal) = (number(self.done.load(Ordering::Relaxed).min(goal)), number(goal));
        // A tag has neither quotes nor backslashes; with a bracket it would end the code. RFC 9585 4
        let tag = if self.tag.contains(']') { "NIL".to_string() } else { format!("\"{}\"", self.tag) };
        format!("* OK [INPROGRESS ({tag} {done} {goal})] Running\r\n")
    }
}

/// Keeps an operation registered.
pub(super) struct Running(Arc<Operation>);

impl std::ops::Deref for Running {
    type Target = Operation;

    fn deref(&self) -> &Operation {
        &self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
    }
}

struct Due {
    at: Instant,
    operation: Weak<Operation>,
}

/// The watchdog's list of operations, soonest first or not: there are few.
pub struct Watchdog {
    due: Mutex<Vec<Due>>,
    wake: Condvar,
    /// Until when sessions are told of alerts that have come.
    alerted: Mutex<Option<Instant>>,
    stopped: AtomicBool,
}

impl Watchdog {
    /// Starts the thread.
    pub fn start() -> std::io::Result<Arc<Watchdog>> {
        let watchdog = Arc::new(Watchdog {
            due: Mutex::default(),
            wake: Condvar::new(),
            alerted: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let own = watchdog.clone();
        std::thread::Builder::new().name("watchdog".into()).stack_size(128 * 1024).spawn(move || own.run())?;
        Ok(watchdog)
    }

    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// There is a new alert: sessions whose command lasts are told of it, those that wait tell it themselves.
    pub fn alerted(&self) {
        // Under the list's lock: the thread is either waiting, or has yet to look.
        let _due = self.due.lock();
        *self.alerted.lock() = Some(Instant::now() + ALERT_WITHIN);
        self.wake.notify_one();
    }

    /// Looks after an operation from now on; `None` for a period of zero, `Send Running Every = Never`.
    pub(super) fn watch(
        &self,
        output: &Arc<Output>,
        tag: &str,
        alerting: Option<Arc<Alerting>>,
        period: Duration,
    ) -> Option<Running> {
        if period.is_zero() {
            return None;
        }
        let operation = Arc::new(Operation {
            output: output.clone(),
            tag: tag.to_string(),
            alerting,
            done: AtomicU64::new(0),
            goal: AtomicU64::new(0),
            over: AtomicBool::new(false),
            period,
        });
        let mut due = self.due.lock();
        // Most operations are over long before they fall due; the list is kept from growing with them.
        if due.len() >= 1024 && due.len().is_power_of_two() {
            due.retain(|entry| entry.operation.strong_count() > 0);
        }
        due.push(Due { at: Instant::now() + period, operation: Arc::downgrade(&operation) });
        if due.len() == 1 {
            self.wake.notify_one();
        }
        Some(Running(operation))
    }

    fn run(&self) {
        let mut due = self.due.lock();
        while !self.stopped.load(Ordering::Acquire) {
            due.retain(|entry| entry.operation.strong_count() > 0);
            let until = *self.alerted.lock();
            let alert = until.map(|_| Instant::now() + ALERT_EVERY).filter(|_| !due.is_empty());
            match due.iter().map(|entry| entry.at).chain(alert).min() {
                None => self.wake.wait(&mut due),
                Some(at) => drop(self.wake.wait_until(&mut due, at)),
            }
            self.tell_alerts(&mut due);
            let now = Instant::now();
            let late: Vec<Arc<Operation>> = due.iter_mut().filter_map(|entry| entry.fall_due(now)).collect();
            // No socket is written while the list is locked.
            parking_lot::MutexGuard::unlocked(&mut due, || late.iter().for_each(|operation| operation.sign()));
        }
    }
}

/// A session that is just writing a response is told of an alert when it has done so, by then.
const ALERT_WITHIN: Duration = Duration::from_secs(1);
const ALERT_EVERY: Duration = Duration::from_millis(100);

impl Watchdog {
    /// Tells of alerts that have come lately.
    fn tell_alerts(&self, due: &mut parking_lot::MutexGuard<'_, Vec<Due>>) {
        let Some(until) = *self.alerted.lock() else { return };
        if until <= Instant::now() {
            *self.alerted.lock() = None;
        }
        let operations: Vec<Arc<Operation>> = due.iter().filter_map(|entry| entry.operation.upgrade()).collect();
        parking_lot::MutexGuard::unlocked(due, || operations.iter().for_each(|operation| operation.tell_alerts()));
    }
}

impl Due {
    fn fall_due(&mut self, now: Instant) -> Option<Arc<Operation>> {
        let operation = self.operation.upgrade().filter(|_| self.at <= now)?;
        self.at = now + operation.period;
        Some(operation)
    }
}

impl Operation {
    fn sign(&self) {
        self.interject(|out| out.extend_from_slice(self.line().as_bytes()));
    }

    fn tell_alerts(&self) {
        let Some(alerting) = &self.alerting else { return };
        self.interject(|out| {
            if let Err(error) = alerting.write_new(out) {
                refer(&format!("alerts: {error}"));
            }
        });
    }

    fn interject(&self, write: impl FnOnce(&mut Vec<u8>)) {
        // Asked under the output's lock: nothing is said after the tagged response.
        let said = self.output.interject(|out| {
            if !self.over.load(Ordering::Acquire) {
                write(out);
            }
        });
        if said.is_err() {
            log::debug!("the client is gone");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpStream;
    use std::sync::mpsc;

    use super::*;
    use crate::net::{self, Mode, Options, Registry, Server};

    /// More than anything takes, also where the machine is busy or has stood still.
    const SOON: Duration = Duration::from_secs(60);

    /// What a client hears while `work` is done and the connection stands.
    fn heard(work: impl FnOnce(&Watchdog, &Arc<Output>, &TcpStream)) -> String {
        let listener = net::bind("test", "127.0.0.1:0".parse().unwrap(), Mode::Never).unwrap();
        let address = listener.address().unwrap();
        let (give, take) = mpsc::channel();
        let (done, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let handler = move |connection: net::Connection| {
            give.send(connection.stream.clone()).unwrap();
            wait.lock().recv().unwrap();
            connection.stream.close();
        };
        let write_timeout = SOON;
        let (refusal, farewell) = (Vec::new(), Vec::new());
        let options = Options { channels_max: 1, per_address_max: 1, write_timeout, refusal, farewell };
        let server = Server::start(vec![listener], options, Arc::new(Registry::default()), handler).unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        let output = Arc::new(Output::new(take.recv().unwrap()));
        let watchdog = Watchdog::start().unwrap();
        client.set_read_timeout(Some(SOON)).unwrap();
        work(&watchdog, &output, &client);
        watchdog.stop();
        done.send(()).unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert!(server.stop(SOON));
        text
    }

    /// Until the client hears something.
    fn hears(client: &TcpStream) {
        assert!(client.peek(&mut [0]).unwrap() > 0);
    }

    #[test]
    fn signs_of_life_while_it_lasts_and_not_after() {
        let text = heard(|watchdog, output, client| {
            let running = watchdog.watch(output, "a1", None, Duration::from_millis(100)).unwrap();
            running.progress(3, 7);
            hears(client);
            drop(running);
            output.say(|out| out.extend_from_slice(b"a1 OK done\r\n")).unwrap();
            output.flush().unwrap();
            std::thread::sleep(Duration::from_millis(250));
        });
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() >= 2, "{text}");
        assert_eq!(lines[0], "* OK [INPROGRESS (\"a1\" 3 7)] Running");
        assert_eq!(*lines.last().unwrap(), "a1 OK done");
    }

    #[test]
    fn alerts_are_told_while_it_lasts_and_once() {
        use crate::mailbox::{AlertScope, Limits, Manager};
        let directory = tempfile::tempdir().unwrap();
        let store = crate::store::Store::open(directory.path(), &Default::default()).unwrap();
        let manager = Arc::new(Manager::new(store, Limits::default()));
        let user = crate::types::AccountName::new("joe").unwrap();
        let alerting = Arc::new(Alerting::new(manager.clone(), user));
        let text = heard(|watchdog, output, _| {
            let running = watchdog.watch(output, "a1", Some(alerting.clone()), Duration::from_secs(60)).unwrap();
            manager.post_alert(AlertScope::Server, "for all").unwrap();
            watchdog.alerted();
            std::thread::sleep(Duration::from_millis(400));
            output.say(|out| alerting.write_new(out).unwrap()).unwrap();
            drop(running);
            manager.post_alert(AlertScope::Server, "too late").unwrap();
            watchdog.alerted();
            output.say(|out| out.extend_from_slice(b"a1 OK done\r\n")).unwrap();
            output.flush().unwrap();
            std::thread::sleep(Duration::from_millis(300));
        });
        assert_eq!(text, "* OK [ALERT] for all\r\na1 OK done\r\n");
    }

    #[test]
    fn a_tag_with_a_bracket_is_not_said() {
        let text = heard(|watchdog, output, client| {
            let _running = watchdog.watch(output, "a]1", None, Duration::from_millis(100)).unwrap();
            hears(client);
        });
        assert_eq!(text.lines().next(), Some("* OK [INPROGRESS (NIL NIL NIL)] Running"));
    }

    #[test]
    fn never_means_never_and_short_operations_are_silent() {
        const PERIOD: Duration = Duration::from_millis(100);
        // Again where the machine has stood still, so that one of them was long.
        let silent = (0..10).any(|_| {
            let mut longest = Duration::ZERO;
            let text = heard(|watchdog, output, _| {
                assert!(watchdog.watch(output, "a", None, Duration::ZERO).is_none());
                for _ in 0..3000 {
                    let began = Instant::now();
                    drop(watchdog.watch(output, "b", None, PERIOD));
                    longest = longest.max(began.elapsed());
                }
                std::thread::sleep(PERIOD * 5 / 2);
            });
            assert!(text.is_empty() || longest > PERIOD / 2, "{longest:?}: {text}");
            text.is_empty()
        });
        assert!(silent);
    }
}

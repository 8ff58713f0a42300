//! The workers.
//!
//! 1. There are never more busy workers than the maximum, nor fewer workers than busy places: whatever is handed over
//!    has a worker that comes for it. Both numbers are kept under one lock.
//! 2. A worker is started when none is idle, and retires after a while without work.

use std::io;
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use parking_lot::Mutex;

use super::acceptor;
use super::listener::{BoundListener, Mode};
use super::registry::{Registry, Ticket};
use super::seldom::Seldom;
use super::stream::Stream;
use crate::metrics;
use crate::sys::Bell;

/// A worker without work for so long goes away.
const RETIRE_AFTER: Duration = Duration::from_secs(60);

/// The stack of an acceptor, which only ever hands over.
const ACCEPTOR_STACK_BYTES: usize = 128 * 1024;

/// Sockets on their way to a worker, a listener. Each has its worker already, so few are enough.
const HAND_OVER: usize = 16;

/// What a handler gets: one connection, until it returns.
pub struct Connection {
    pub stream: Arc<Stream>,
    pub mode: Mode,
    pub ticket: Ticket,
}

pub struct Options {
    /// Connections at a time; 0 refuses all.
    pub channels_max: usize,
    pub per_address_max: usize,
    pub write_timeout: Duration,
    /// What a client hears that is not served, in the clear; over TLS it is just closed.
    pub refusal: Vec<u8>,
    /// What a client hears whose session panicked.
    pub farewell: Vec<u8>,
}

type Handler = dyn Fn(Connection) + Send + Sync;

pub(super) struct Shared {
    channels_max: AtomicUsize,
    pub(super) per_address_max: AtomicUsize,
    write_timeout: Duration,
    pub(super) refusal: Vec<u8>,
    farewell: Vec<u8>,
    pub(super) registry: Arc<Registry>,
    handler: Box<Handler>,
    crew: Mutex<Crew>,
    pub(super) stopping: AtomicBool,
    pub(super) stop: Bell,
    work: Receiver<Job>,
    pub(super) complaints: Complaints,
}

struct Crew {
    /// Places that are taken: connections that have a worker or are on their way to one.
    busy: usize,
    workers: usize,
    retire_after: Duration,
}

#[derive(Default)]
pub(super) struct Complaints {
    pub(super) accept: Seldom,
    pub(super) address: Seldom,
    full: Seldom,
    worker: Seldom,
}

pub(super) struct Job {
    pub(super) socket: TcpStream,
    pub(super) mode: Mode,
    pub(super) ticket: Ticket,
}

/// The running acceptors and workers.
pub struct Server {
    shared: Arc<Shared>,
}

impl Server {
    pub fn start(
        listeners: Vec<BoundListener>,
        options: Options,
        registry: Arc<Registry>,
        handler: impl Fn(Connection) + Send + Sync + 'static,
    ) -> io::Result<Server> {
        let (give, work) = bounded(listeners.len().max(1) * HAND_OVER);
        let shared = Arc::new(Shared {
            channels_max: AtomicUsize::new(options.channels_max),
            per_address_max: AtomicUsize::new(options.per_address_max),
            write_timeout: options.write_timeout,
            refusal: options.refusal,
            farewell: options.farewell,
            registry,
            handler: Box::new(handler),
            crew: Mutex::new(Crew { busy: 0, workers: 0, retire_after: RETIRE_AFTER }),
            stopping: AtomicBool::new(false),
            stop: Bell::new()?,
            work,
            complaints: Complaints::default(),
        });
        for listener in listeners {
            listener.socket.set_nonblocking(true)?;
            let (shared, give) = (shared.clone(), give.clone());
            let thread = std::thread::Builder::new().name(format!("accept {}", listener.name));
            thread.stack_size(ACCEPTOR_STACK_BYTES).spawn(move || acceptor::run(&listener, &shared, &give))?;
        }
        Ok(Server { shared })
    }

    /// Changes the bounds of a running server; sessions that are there stay.
    pub fn set_bounds(&self, channels_max: usize, per_address_max: usize) {
        self.shared.channels_max.store(channels_max, Ordering::Release);
        self.shared.per_address_max.store(per_address_max, Ordering::Release);
    }

    /// Connections that have a worker.
    pub fn active(&self) -> usize {
        self.shared.crew.lock().busy
    }

    /// Accepts no more, asks all sessions to end, and waits for them; whether all ended in time.
    pub fn stop(&self, timeout: Duration) -> bool {
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.stop.ring();
        self.shared.registry.end_all();
        self.shared.registry.wait_until_empty(timeout)
    }

    #[cfg(test)]
    pub(super) fn retire_after(&self, time: Duration) {
        self.shared.crew.lock().retire_after = time;
    }

    #[cfg(test)]
    pub(super) fn workers(&self) -> usize {
        self.shared.crew.lock().workers
    }
}

/// Takes a place for a connection and sees to it that there is a worker for it; `false` where there is none.
pub(super) fn take_place(shared: &Arc<Shared>) -> bool {
    let most = shared.channels_max.load(Ordering::Acquire);
    let mut crew = shared.crew.lock();
    if crew.busy >= most {
        drop(crew);
        shared.complaints.full.complain(|note| log::warn!("refused a client, all {most} channels are in use{note}"));
        return false;
    }
    if crew.workers == crew.busy {
        if let Err(error) = start_worker(shared) {
            drop(crew);
            shared.complaints.worker.complain(|note| log::error!("a worker cannot be started: {error}{note}"));
            return false;
        }
        crew.workers += 1;
    }
    crew.busy += 1;
    crew.tell();
    true
}

pub(super) fn give_place(shared: &Shared) {
    let mut crew = shared.crew.lock();
    crew.busy -= 1;
    crew.tell();
}

impl Crew {
    fn tell(&self) {
        metrics::CONNECTIONS_OPEN.set(self.busy as u64);
        metrics::WORKERS.set(self.workers as u64);
    }
}

fn start_worker(shared: &Arc<Shared>) -> io::Result<()> {
    let own = shared.clone();
    let thread = std::thread::Builder::new().name("worker".into()).stack_size(super::STACK_BYTES);
    thread.spawn(move || work(&own)).map(drop)
}

fn work(shared: &Shared) {
    loop {
        let patience = shared.crew.lock().retire_after;
        match shared.work.recv_timeout(patience) {
            Ok(job) => {
                serve(shared, job);
                give_place(shared);
            }
            // No work for long, or no listener any more.
            Err(_) => {
                let mut crew = shared.crew.lock();
                if crew.workers > crew.busy {
                    crew.workers -= 1;
                    return crew.tell();
                }
            }
        }
    }
}

fn serve(shared: &Shared, job: Job) {
    let Job { socket, mode, ticket } = job;
    let id = ticket.info.id;
    let stream = match Stream::new(socket, ticket.info.clone(), shared.write_timeout) {
        Ok(stream) => Arc::new(stream),
        Err(error) => return log::info!("session {id}: {error}"),
    };
    let connection = Connection { stream: stream.clone(), mode, ticket };
    if catch_unwind(AssertUnwindSafe(|| (shared.handler)(connection))).is_err() {
        metrics::PANICS.add(1);
        log::error!(target: crate::log::CRASH, "session {id} panicked; this is a bug, please report it with the line above");
        // Whatever it was that broke, the client may be gone as well.
        let _ = stream.write_all(&shared.farewell);
        stream.close();
    }
}

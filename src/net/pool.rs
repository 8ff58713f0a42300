//! The workers, and how they get their connections. Who works and who waits, `crew` knows.

use std::io;
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use parking_lot::Mutex;

use super::acceptor::{self, refuse, take_in};
use super::crew::{self, Crew, Errand, Seat};
use super::door::Door;
use super::listener::{BoundListener, Mode};
use super::registry::{Registry, Ticket};
use super::stream::Stream;
use crate::log::Seldom;
use crate::metrics;

/// The stack of an acceptor, which only ever hands over.
const ACCEPTOR_STACK_BYTES: usize = 128 * 1024;

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
    pub(super) complaints: Complaints,
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
    pub(super) ticket: Ticket,
    pub(super) channel: Channel,
    /// Where it came in.
    pub(super) door: Arc<Door>,
}

/// The running acceptors and workers.
pub struct Server {
    shared: Arc<Shared>,
    doors: Vec<Arc<Door>>,
}

impl Server {
    pub fn start(
        listeners: Vec<BoundListener>,
        options: Options,
        registry: Arc<Registry>,
        handler: impl Fn(Connection) + Send + Sync + 'static,
    ) -> io::Result<Server> {
        let shared = Arc::new(Shared {
            channels_max: AtomicUsize::new(options.channels_max),
            per_address_max: AtomicUsize::new(options.per_address_max),
            write_timeout: options.write_timeout,
            refusal: options.refusal,
            farewell: options.farewell,
            registry,
            handler: Box::new(handler),
            crew: Mutex::new(Crew::new()),
            complaints: Complaints::default(),
        });
        let mut doors = Vec::new();
        for listener in listeners {
            let (door, shared) = (Arc::new(Door::new(listener, crew::RETIRE_AFTER)?), shared.clone());
            doors.push(door.clone());
            let thread = std::thread::Builder::new().name(format!("accept {}", door.name()));
            thread.stack_size(ACCEPTOR_STACK_BYTES).spawn(move || acceptor::run(&door, &shared))?;
        }
        Ok(Server { shared, doors })
    }

    /// Changes the bounds of a running server; sessions that are there stay.
    pub fn set_bounds(&self, channels_max: usize, per_address_max: usize) {
        self.shared.channels_max.store(channels_max, Ordering::Release);
        self.shared.per_address_max.store(per_address_max, Ordering::Release);
    }

    /// Connections that have a worker.
    pub fn active(&self) -> usize {
        self.shared.crew.lock().busy()
    }

    /// Accepts no more, asks all sessions to end, and waits for them; whether all ended in time.
    pub fn stop(&self, timeout: Duration) -> bool {
        for door in &self.doors {
            if let Err(error) = door.close() {
                log::error!("listener {}: close: {error}", door.name());
            }
        }
        self.shared.registry.end_all();
        self.shared.crew.lock().dismiss();
        self.shared.registry.wait_until_empty(timeout)
    }

    #[cfg(test)]
    pub(super) fn retire_after(&self, time: Duration) {
        self.shared.crew.lock().retire_after(time);
        self.doors.iter().for_each(|door| door.set_patience(time).unwrap());
    }

    #[cfg(test)]
    pub(super) fn workers(&self) -> usize {
        self.shared.crew.lock().workers()
    }
}

/// A connection's place among those that the server has at a time. Dropping it gives it back.
pub(super) struct Channel(Arc<Shared>);

impl Channel {
    /// `None` where all are in use.
    pub(super) fn open(shared: &Arc<Shared>) -> Option<Channel> {
        let most = shared.channels_max.load(Ordering::Acquire);
        if shared.crew.lock().begins(most) {
            return Some(Channel(shared.clone()));
        }
        shared.complaints.full.complain(|note| log::warn!("refused a client, all {most} channels are in use{note}"));
        None
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.0.crew.lock().ends();
    }
}

/// Gives a connection to a worker that is idle, or to a new one.
pub(super) fn hand_over(shared: &Arc<Shared>, job: Job) {
    let idle = shared.crew.lock().call();
    let seat = match idle.map_or_else(|| start_worker(shared), Ok) {
        Ok(seat) => seat,
        Err(error) => {
            let say = |note: &str| log::error!("a worker cannot be started: {error}{note}");
            shared.complaints.worker.complain(say);
            return refuse(&job.socket, job.door.mode(), &shared.refusal);
        }
    };
    let give = seat.give.clone();
    if let Err(unsent) = give.send(Errand { job, seat }) {
        // Who was to serve it has gone, which only a panic outside of any session could do.
        let Errand { job, .. } = unsent.into_inner();
        refuse(&job.socket, job.door.mode(), &shared.refusal);
    }
}

fn start_worker(shared: &Arc<Shared>) -> io::Result<Seat> {
    let own = shared.clone();
    // A worker is given one connection at a time.
    let (give, errands) = bounded(1);
    let thread = std::thread::Builder::new().name("worker".into()).stack_size(super::STACK_BYTES);
    let worker = thread.spawn(move || {
        own.crew.lock().comes();
        work(&own, &errands);
        own.crew.lock().goes();
    })?;
    Ok(Seat { worker: worker.thread().id(), give })
}

fn work(shared: &Arc<Shared>, errands: &Receiver<Errand>) {
    let mut patience = crew::RETIRE_AFTER;
    loop {
        match errands.recv_timeout(patience) {
            Ok(Errand { job, seat }) => {
                let door = job.door.clone();
                serve(shared, job);
                while let Some(place) = door.place() {
                    let Some(job) = take_in(&door, shared) else { return };
                    drop(place);
                    serve(shared, job);
                }
                match shared.crew.lock().sit(seat) {
                    Some(time) => patience = time,
                    None => return,
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                if shared.crew.lock().retires(std::thread::current().id()) {
                    return;
                }
            }
        }
    }
}

fn serve(shared: &Shared, job: Job) {
    let Job { socket, ticket, door, channel: _open } = job;
    metrics::CONNECTIONS_ACCEPTED.add(1);
    let id = ticket.info.id;
    let stream = match Stream::new(socket, ticket.info.clone(), shared.write_timeout) {
        Ok(stream) => Arc::new(stream),
        Err(error) => return log::info!("session {id}: {error}"),
    };
    let connection = Connection { stream: stream.clone(), mode: door.mode(), ticket };
    if catch_unwind(AssertUnwindSafe(|| (shared.handler)(connection))).is_err() {
        metrics::PANICS.add(1);
        log::error!(target: crate::log::CRASH, "session {id} panicked; this is a bug, please report it with the line above");
        // Whatever it was that broke, the client may be gone as well.
        let _ = stream.write_all(&shared.farewell);
        stream.close();
    }
}

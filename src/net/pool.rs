//! Acceptors and workers.
//!
//! One acceptor a listener hands sockets through a bounded channel. A worker is started when none is idle and there are
//! fewer than the maximum; it retires after a while without work. The acceptor never waits for a client.

use std::io::{self, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::listener::{BoundListener, Mode};
use super::registry::{Registry, Ticket};
use super::stream::Stream;
use crate::sys::{self, Bell, For};

/// A worker without work for so long goes away.
const RETIRE_AFTER: Duration = Duration::from_secs(60);
/// After an error that will last, such as too many open files, the acceptor rests.
const REST: Duration = Duration::from_millis(200);

/// What a handler gets: one connection, until it returns.
pub struct Connection {
    pub stream: Stream,
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
}

type Handler = dyn Fn(Connection) + Send + Sync;

struct Shared {
    channels_max: AtomicUsize,
    per_address_max: AtomicUsize,
    write_timeout: Duration,
    refusal: Vec<u8>,
    registry: Arc<Registry>,
    handler: Box<Handler>,
    /// Connections that have a worker or are on their way to one.
    busy: AtomicUsize,
    workers: AtomicUsize,
    stopping: AtomicBool,
    stop: Bell,
    work: Receiver<Job>,
}

struct Job {
    socket: TcpStream,
    mode: Mode,
    ticket: Ticket,
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
        let (give, work) = bounded(listeners.len().max(1) * 16);
        let shared = Arc::new(Shared {
            channels_max: AtomicUsize::new(options.channels_max),
            per_address_max: AtomicUsize::new(options.per_address_max),
            write_timeout: options.write_timeout,
            refusal: options.refusal,
            registry,
            handler: Box::new(handler),
            busy: AtomicUsize::new(0),
            workers: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            stop: Bell::new()?,
            work,
        });
        for listener in listeners {
            listener.socket.set_nonblocking(true)?;
            let (shared, give) = (shared.clone(), give.clone());
            let thread = std::thread::Builder::new().name(format!("accept {}", listener.name));
            thread.stack_size(256 * 1024).spawn(move || accept(&listener, &shared, &give))?;
        }
        Ok(Server { shared })
    }

    /// Changes the bounds of a running server; sessions that are there stay.
    pub fn set_bounds(&self, channels_max: usize, per_address_max: usize) {
        self.shared.channels_max.store(channels_max, Ordering::Release);
        self.shared.per_address_max.store(per_address_max, Ordering::Release);
    }

    /// Accepts no more, asks all sessions to end, and waits for them; whether all ended in time.
    pub fn stop(&self, timeout: Duration) -> bool {
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.stop.ring();
        self.shared.registry.end_all();
        let deadline = Instant::now() + timeout;
        while !self.shared.registry.is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.shared.registry.is_empty()
    }
}

fn accept(listener: &BoundListener, shared: &Arc<Shared>, give: &Sender<Job>) {
    let mut complained = false;
    while !shared.stopping.load(Ordering::Acquire) {
        match listener.socket.accept() {
            Ok((socket, _)) => {
                complained = false;
                take(socket, listener, shared, give);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // The bell stays rung: it says that the server stops.
                if let Err(error) = sys::wait(listener.socket.as_raw_fd(), For::Reading, &[&shared.stop], None) {
                    log::error!("listener {}: {error}", listener.name);
                    std::thread::sleep(REST);
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut complained, true) {
                    log::error!("listener {}: accept: {error}", listener.name);
                }
                std::thread::sleep(REST);
            }
        }
    }
}

fn take(socket: TcpStream, listener: &BoundListener, shared: &Arc<Shared>, give: &Sender<Job>) {
    let (Ok(peer), Ok(bell)) = (socket.peer_addr(), Bell::new()) else { return };
    let most = shared.channels_max.load(Ordering::Acquire);
    let admitted =
        shared.busy.fetch_update(Ordering::AcqRel, Ordering::Acquire, |busy| (busy < most).then_some(busy + 1));
    if admitted.is_err() {
        log::warn!("{peer}: refused, all {most} channels are in use");
        return refuse(&socket, listener.mode, shared);
    }
    let per_address_max = shared.per_address_max.load(Ordering::Acquire);
    let Some(ticket) = shared.registry.enter(peer, Arc::new(bell), per_address_max) else {
        shared.busy.fetch_sub(1, Ordering::AcqRel);
        log::warn!("{peer}: refused, this address has {per_address_max} connections");
        return refuse(&socket, listener.mode, shared);
    };
    // Counted before the job is handed over: there is never a job without a worker to come for it.
    if shared.workers.load(Ordering::Acquire) < shared.busy.load(Ordering::Acquire) && !start_worker(shared) {
        shared.busy.fetch_sub(1, Ordering::AcqRel);
        return refuse(&socket, listener.mode, shared);
    }
    if give.send(Job { socket, mode: listener.mode, ticket }).is_err() {
        shared.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Never waits: a fresh socket's buffer has room for a line.
fn refuse(socket: &TcpStream, mode: Mode, shared: &Shared) {
    if mode != Mode::Implicit && socket.set_nonblocking(true).is_ok() {
        // The client may be gone already.
        let _ = (&*socket).write(&shared.refusal);
    }
}

fn start_worker(shared: &Arc<Shared>) -> bool {
    shared.workers.fetch_add(1, Ordering::AcqRel);
    let own = shared.clone();
    let thread = std::thread::Builder::new().name("worker".into()).stack_size(super::STACK_BYTES);
    match thread.spawn(move || work(&own)) {
        Ok(_) => true,
        Err(error) => {
            shared.workers.fetch_sub(1, Ordering::AcqRel);
            log::error!("a worker cannot be started: {error}");
            shared.workers.load(Ordering::Acquire) > 0
        }
    }
}

fn work(shared: &Shared) {
    loop {
        match shared.work.recv_timeout(RETIRE_AFTER) {
            Ok(job) => {
                serve(shared, job);
                shared.busy.fetch_sub(1, Ordering::AcqRel);
            }
            Err(_) => {
                // A job that is on its way counts as busy: the last workers stay for it.
                let spare = |workers: usize| (workers > shared.busy.load(Ordering::Acquire)).then(|| workers - 1);
                if shared.workers.fetch_update(Ordering::AcqRel, Ordering::Acquire, spare).is_ok() {
                    return;
                }
            }
        }
    }
}

fn serve(shared: &Shared, job: Job) {
    let id = job.ticket.info.id;
    match Stream::new(job.socket, shared.write_timeout) {
        Ok(stream) => {
            let connection = Connection { stream, mode: job.mode, ticket: job.ticket };
            if catch_unwind(AssertUnwindSafe(|| (shared.handler)(connection))).is_err() {
                log::error!("session {id} panicked; this is a bug, please report it with the lines above");
            }
        }
        Err(error) => log::info!("session {id}: {error}"),
    }
}

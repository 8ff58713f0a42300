//! One thread a listener: accepts, and hands over or refuses. It never waits for a client.

use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::listener::{BoundListener, Mode};
use super::pool::{Job, Shared, hand_over};
use super::stream::part_gently;
use crate::metrics;
use crate::sys::{self, Bell, For, Ready};

/// After an error that will last, such as too many open files, the acceptor rests.
const REST: Duration = Duration::from_millis(200);

/// What accept(2) says when there is nobody, or nobody any more.
const GONE: [ErrorKind; 3] = [ErrorKind::WouldBlock, ErrorKind::ConnectionAborted, ErrorKind::Interrupted];

/// Runs until the server stops; then the listening socket is closed.
pub(super) fn run(listener: &BoundListener, shared: &Arc<Shared>) {
    let complain = |what: &str, error: &io::Error| {
        shared.complaints.accept.complain(|note| log::error!("listener {}: {what}: {error}{note}", listener.name));
        std::thread::sleep(REST);
    };
    while !shared.stopping.load(Ordering::Acquire) {
        // The bell stays rung: it says that the server stops.
        match sys::wait(listener.socket.as_raw_fd(), For::Reading, Some(&shared.stop), None) {
            Ok(Ready::Socket) => {}
            Ok(_) => continue,
            Err(error) => {
                complain("wait", &error);
                continue;
            }
        }
        match listener.socket.accept() {
            Ok((socket, peer)) => admit(socket, peer, listener.mode, shared),
            // A client that went before it was accepted is its own affair.
            Err(error) if GONE.contains(&error.kind()) => {}
            Err(error) => complain("accept", &error),
        }
    }
}

fn admit(socket: TcpStream, peer: SocketAddr, mode: Mode, shared: &Arc<Shared>) {
    let refused = |socket: &TcpStream| refuse(socket, mode, &shared.refusal);
    let bell = match Bell::new() {
        Ok(bell) => Arc::new(bell),
        Err(error) => {
            shared.complaints.accept.complain(|note| log::error!("{peer}: refused: {error}{note}"));
            return refused(&socket);
        }
    };
    let per_address_max = shared.per_address_max.load(Ordering::Acquire);
    let Some(ticket) = shared.registry.enter(peer, bell, per_address_max) else {
        let say = |note: &str| log::warn!("{peer}: refused, this address has {per_address_max} connections{note}");
        shared.complaints.address.complain(say);
        return refused(&socket);
    };
    match hand_over(shared, Job { socket, mode, ticket }) {
        Ok(()) => metrics::CONNECTIONS_ACCEPTED.add(1),
        Err(job) => refused(&job.socket),
    }
}

fn refuse(socket: &TcpStream, mode: Mode, text: &[u8]) {
    metrics::CONNECTIONS_REFUSED.add(1);
    if mode != Mode::Implicit && socket.set_nonblocking(true).is_ok() {
        // Does not wait: a fresh socket's buffer has room for a line. The client may be gone already.
        let _ = (&*socket).write(text);
        part_gently(socket, Duration::ZERO);
    }
}

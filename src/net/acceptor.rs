//! One thread a listener: accepts, and hands over or refuses. It never waits for a client.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::Sender;

use super::listener::{BoundListener, Mode};
use super::pool::{self, Job, Shared};
use super::stream::part_gently;
use crate::metrics;
use crate::sys::{self, Bell, For};

/// After an error that will last, such as too many open files, the acceptor rests.
const REST: Duration = Duration::from_millis(200);

/// Runs until the server stops; then the listening socket is closed.
pub(super) fn run(listener: &BoundListener, shared: &Arc<Shared>, give: &Sender<Job>) {
    let complain = |what: &str, error: &io::Error| {
        shared.complaints.accept.complain(|note| log::error!("listener {}: {what}: {error}{note}", listener.name));
        std::thread::sleep(REST);
    };
    while !shared.stopping.load(Ordering::Acquire) {
        match listener.socket.accept() {
            Ok((socket, peer)) => admit(socket, peer, listener.mode, shared, give),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // The bell stays rung: it says that the server stops.
                if let Err(error) = sys::wait(listener.socket.as_raw_fd(), For::Reading, &[&shared.stop], None) {
                    complain("wait", &error);
                }
            }
            // A client that went before it was accepted is its own affair.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) => {}
            Err(error) => complain("accept", &error),
        }
    }
}

fn admit(socket: TcpStream, peer: SocketAddr, mode: Mode, shared: &Arc<Shared>, give: &Sender<Job>) {
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
    if pool::take_place(shared) {
        metrics::CONNECTIONS_ACCEPTED.add(1);
        // Workers keep the other end for as long as any listener lives.
        if give.send(Job { socket, mode, ticket }).is_err() {
            pool::give_place(shared);
        }
    } else {
        refused(&socket);
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

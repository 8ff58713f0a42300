//! Takes connections in, and refuses. One thread a listener waits where no worker does (`door`), and passes what it takes
//! in to the crew; it never waits for a client.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::door::Door;
use super::listener::Mode;
use super::pool::{Channel, Job, Shared, hand_over};
use super::registry::Ticket;
use super::stream::part_gently;
use crate::metrics;
use crate::sys::Bell;

/// After an error that will last, such as too many open files, who accepts rests.
const REST: Duration = Duration::from_millis(200);

/// Runs until the door is closed.
pub(super) fn run(door: &Arc<Door>, shared: &Arc<Shared>) {
    while door.wait_until_deserted() {
        if let Some(job) = take_in(door, shared) {
            hand_over(shared, job);
        }
    }
}

/// The next connection that may come in. `None` where there is none for long, or the door is closed.
pub(super) fn take_in(door: &Arc<Door>, shared: &Arc<Shared>) -> Option<Job> {
    loop {
        let admitted = match door.next() {
            Ok(None) => return None,
            Ok(Some((socket, peer))) => admit(socket, peer, door, shared),
            Err(error) => {
                let say = |note: &str| log::error!("listener {}: accept: {error}{note}", door.name());
                shared.complaints.accept.complain(say);
                std::thread::sleep(REST);
                None
            }
        };
        if admitted.is_some() {
            return admitted;
        }
    }
}

/// A client that may not come in is told so.
fn admit(socket: TcpStream, peer: SocketAddr, door: &Arc<Door>, shared: &Arc<Shared>) -> Option<Job> {
    let admitted = enter(peer, shared).and_then(|ticket| Some((ticket, Channel::open(shared)?)));
    match admitted {
        Some((ticket, channel)) => Some(Job { socket, ticket, channel, door: door.clone() }),
        None => {
            refuse(&socket, door.mode(), &shared.refusal);
            None
        }
    }
}

fn enter(peer: SocketAddr, shared: &Shared) -> Option<Ticket> {
    let bell = match Bell::new() {
        Ok(bell) => Arc::new(bell),
        Err(error) => {
            shared.complaints.accept.complain(|note| log::error!("{peer}: refused: {error}{note}"));
            return None;
        }
    };
    let per_address_max = shared.per_address_max.load(Ordering::Acquire);
    let ticket = shared.registry.enter(peer, bell, per_address_max);
    if ticket.is_none() {
        let say = |note: &str| log::warn!("{peer}: refused, this address has {per_address_max} connections{note}");
        shared.complaints.address.complain(say);
    }
    ticket
}

pub(super) fn refuse(socket: &TcpStream, mode: Mode, text: &[u8]) {
    metrics::CONNECTIONS_REFUSED.add(1);
    if mode != Mode::Implicit && socket.set_nonblocking(true).is_ok() {
        // Does not wait: a fresh socket's buffer has room for a line. The client may be gone already.
        let _ = (&*socket).write(text);
        part_gently(socket, Duration::ZERO);
    }
}

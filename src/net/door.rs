//! Where a listener's connections come in, and who waits there for them.
//!
//! 1. A worker whose connection has ended waits for the next here, if not too many do: whom it takes in it serves, and
//!    no other thread has to be woken first. Where clients come one after another, each cycle of LOGIN, SELECT and
//!    LOGOUT takes a fifth to a third less time by it.
//! 2. Where no worker is, the acceptor waits, and passes what it takes in to the crew. So somebody waits always, until
//!    the door is closed.
//! 3. Who has waited longest is the next: that is how the kernel calls those who wait in accept(2).

use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use socket2::SockRef;

use super::listener::{BoundListener, Mode};

/// How many workers wait at a door: what a machine's processors can serve at a time and some more.
const PLACES: usize = 16;

pub(super) struct Door {
    listener: BoundListener,
    inside: Mutex<Inside>,
    deserted: Condvar,
}

#[derive(Default)]
struct Inside {
    workers: usize,
    closed: bool,
}

/// A worker waits at the door as long as it has this.
pub(super) struct Place<'a>(&'a Door);

impl Door {
    /// Nobody waits longer than `patience` for one connection.
    pub(super) fn new(listener: BoundListener, patience: Duration) -> io::Result<Door> {
        let door = Door { listener, inside: Mutex::default(), deserted: Condvar::new() };
        door.set_patience(patience)?;
        Ok(door)
    }

    pub(super) fn name(&self) -> &str {
        &self.listener.name
    }

    pub(super) fn mode(&self) -> Mode {
        self.listener.mode
    }

    /// For the next who wait. Connections inherit it, and do not mind: they never block.
    pub(super) fn set_patience(&self, patience: Duration) -> io::Result<()> {
        SockRef::from(&self.listener.socket).set_read_timeout(Some(patience))
    }

    /// `None` where enough workers wait.
    pub(super) fn place(&self) -> Option<Place<'_>> {
        let mut inside = self.inside.lock();
        if inside.workers >= PLACES || inside.closed {
            return None;
        }
        inside.workers += 1;
        Some(Place(self))
    }

    /// Returns when no worker waits; whether the door is open still.
    pub(super) fn wait_until_deserted(&self) -> bool {
        let mut inside = self.inside.lock();
        while inside.workers > 0 && !inside.closed {
            self.deserted.wait(&mut inside);
        }
        !inside.closed
    }

    /// The next who comes in; `None` where nobody has for as long as one waits, or the door is closed.
    pub(super) fn next(&self) -> io::Result<Option<(TcpStream, SocketAddr)>> {
        loop {
            match self.listener.socket.accept() {
                Ok(came) => return Ok(Some(came)),
                // A client that went before it was accepted is its own affair.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock || self.is_closed() => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Whoever waits goes, and nobody comes in any more.
    pub(super) fn close(&self) -> io::Result<()> {
        self.inside.lock().closed = true;
        self.deserted.notify_all();
        SockRef::from(&self.listener.socket).shutdown(Shutdown::Both)
    }

    fn is_closed(&self) -> bool {
        self.inside.lock().closed
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut inside = self.0.inside.lock();
        inside.workers -= 1;
        if inside.workers == 0 {
            self.0.deserted.notify_one();
        }
    }
}

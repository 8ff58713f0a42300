//! Connections: listeners and who waits at their doors, the bounded pool of workers, TLS.
//!
//! A worker has one connection from its greeting to its end. Nothing queues without bound: when all workers are busy,
//! or one address has too many connections, the client is told so and closed. `registry` knows who is connected, so
//! that an admin can see and end sessions. A panic ends its own session and no other.
//!
//! This room contains no protocol word: what a client is told that is refused, or whose session broke, is handed in.

mod acceptor;
mod crew;
mod deflate;
mod door;
mod listener;
mod pool;
mod registry;
mod stream;
mod tls;
mod validity;

#[cfg(test)]
mod tests;

pub use listener::{BoundListener, Mode, bind};
pub use pool::{Connection, Options, Server};
pub use registry::{Activity, Registry, SessionInfo, Ticket};
pub use stream::{Ready, Stream, TLS_HELLO, TlsInfo};
pub use tls::{Tls, TlsError, TlsFiles, TlsVersion, domain_of};

/// The stack of a worker. What is touched of it is what it costs; the deepest use is a search nested as far as the
/// parser allows, in a build without optimisation.
pub const STACK_BYTES: usize = 1024 * 1024;

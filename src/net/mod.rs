//! Connections: listeners, the acceptors, the bounded pool of workers, TLS.
//!
//! A worker has one connection from its greeting to its end, with blocking I/O. Nothing queues without bound: when all
//! workers are busy, or one address has too many connections, the client is told so and closed. `registry` knows who is
//! connected, so that an admin can see and end sessions.
//!
//! This room contains no protocol word: what a refused client is told is handed in.

mod listener;
mod pool;
mod registry;
mod stream;
mod tls;

pub use listener::{BoundListener, Mode, bind};
pub use pool::{Connection, Options, Server};
pub use registry::{Registry, SessionInfo, Ticket};
pub use stream::{Ready, Stream};
pub use tls::{TlsError, TlsFiles, load as load_tls};

/// The stack of a worker. What is touched of it is what it costs; the deepest use is a search nested as far as the
/// parser allows, in a build without optimisation.
pub const STACK_BYTES: usize = 512 * 1024;

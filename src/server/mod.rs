//! The daemon: the order in which it comes up and goes down, and nothing else.
//!
//! Up: configuration, log, listeners (as root), another user, store, accounts, sessions, control socket.
//! Down: no new connections, BYE to every session, the last commits, exit.

mod boot;
mod checking;
mod reload;
mod serving;
mod setup;

/// What the daemon exits with when it cannot start.
pub use crate::admin::EX_CONFIG;
pub use boot::{Background, run};
pub use serving::Serving;

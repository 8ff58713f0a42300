//! What the standard library does not have of Unix: the crate's only `unsafe`.
//!
//! Thin, safe and without policy: each call says what it failed with.

mod bell;
mod files;
mod poll;
mod process;
mod signals;

pub use bell::Bell;
pub use files::{lock_exclusive, peer_uid, spool_file};
pub use poll::{For, Ready, wait};
pub use process::{become_user, daemonize, is_root, own_uid, raise_open_files, syslog};
pub use signals::{Signal, Signals};

/// Milliseconds since 1970 and the local zone's offset in minutes.
pub fn local_time() -> chrono::DateTime<chrono::Local> {
    chrono::Local::now()
}

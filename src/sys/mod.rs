//! What the standard library does not have of Unix: the crate's only `unsafe`.
//!
//! Thin, safe and without policy: each call says what it failed with.
//!
//! This room decides nothing and imports no other.

mod bell;
mod files;
mod poll;
mod prefetch;
mod process;
mod signals;

pub use bell::Bell;
pub use files::{free_bytes, hold, lock_exclusive, open_itself, peer_uid, place_of, spool_file};
pub use poll::{For, Ready, wait};
pub use prefetch::prefetch;
pub use process::{
    Parent, become_user, daemonize, give_held, give_to, is_root, own_uid, raise_open_files, set_umask, syslog,
};
pub use signals::{Signal, Signals};

/// The time of day in the local zone.
pub fn local_time() -> chrono::DateTime<chrono::Local> {
    chrono::Local::now()
}

/// A time, in seconds since 1970, in the local zone.
pub fn local_time_of(secs: i64) -> chrono::DateTime<chrono::Local> {
    chrono::DateTime::from_timestamp(secs, 0).unwrap_or_default().into()
}

/// Seconds since 1970; 0 where the clock is before.
pub fn now_secs() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}

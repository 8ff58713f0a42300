//! The store: what is kept, and that it is kept.
//!
//! `Store` is what the rooms above use: accounts, mailbox trees, mailboxes, message octets, as values (`model`).
//! Below it an `Engine` keeps keys in partitions and octets in blobs; `layout` says what stands where, to the byte.
//! A commit is done wholly or not at all, and when it returns it is as durable as was asked. Octets are stored once an
//! account, named by their BLAKE3 hash. A full disk and a failed sync are `disk`'s: reading goes on through both.
//!
//! This room knows no IMAP syntax and no MIME.

mod blobs;
mod check;
mod disk;
mod embedded;
mod engine;
mod error;
mod facade;
mod journal;
mod keys;
mod layout;
mod memory;
mod model;
mod pins;
mod space;
mod tables;
mod unfinished;

pub use blobs::{BlobReader, Pin};
pub use check::{Checked, Finding, Mode};
pub use embedded::Embedded;
pub use engine::{Batch, CHUNK_BYTES, Engine, Figures, Partition, Reference, Value, Visit};
pub use error::{CommitError, StoreError};
pub use facade::{Grace, Options, Store};
pub use layout::FORMAT;
pub use memory::Memory;
pub use model::*;

/// Seconds since 1970; 0 where the clock is before.
fn now_secs() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

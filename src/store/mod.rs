//! The store: what is kept, and that it is kept.
//!
//! `Store` is what the rooms above use: accounts, mailbox trees, mailboxes, message octets, as values (`model`).
//! Below it an `Engine` keeps keys in partitions and octets in blobs; `layout` says what stands where, to the byte.
//! A commit is done wholly or not at all, and when it returns it is as durable as was asked. Octets are stored once an
//! account, named by their BLAKE3 hash.
//!
//! This room knows no IMAP syntax and no MIME.

mod account_items;
mod ahead;
mod annotations;
mod archive;
mod aside;
mod batches;
mod blob_cache;
mod blobs;
mod blocks;
mod check;
mod commits;
mod copied_octets;
mod copy_place;
mod copying;
mod disk;
mod doubtful;
mod embedded;
mod engine;
mod error;
mod facade;
mod found;
mod images;
mod journal;
mod journal_batches;
mod keys;
mod layout;
mod mail_file;
mod manifest;
mod memory;
mod mended;
mod mending;
mod mending_journal;
mod message_annotations;
mod model;
mod one_octet;
mod ordered;
mod pins;
mod put_right;
mod reading;
mod renewal;
mod rereading;
mod room;
mod space;
mod sums;
mod suspects;
mod table_file;
mod tables;
mod together;
mod unfinished;
mod upgrade;
mod vetting;

pub use annotations::AnnotationDigests;
pub use blobs::{BlobReader, Piece, Pin};
pub use check::{Checked, Describe, Described, Finding, Mode};
pub use copy_place::{CopyPlace, WholeCopy};
pub use copying::{Copied, Unread};
pub use embedded::Embedded;
pub use engine::{
    Batch, CHUNK_BYTES, Collected, Doubt, Engine, Figures, Hear, Partition, Reader, Realm, Reference, Relaxed,
    Settled, Value, Visit, Watching, side_by_side,
};
pub use error::{CommitError, CommitFailure, Stopped, StoreError};
pub use facade::{Compression, Options, Store};
pub use layout::FORMAT;
pub use memory::Memory;
pub use mended::Mended;
pub use model::*;
pub use reading::HaveRead;
pub use space::Space;
pub use together::{AbortOnPanic, Together};

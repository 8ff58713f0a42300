//! The store: what is kept, and that it is kept.
//!
//! `Store` is what the rooms above use: accounts, mailbox trees, mailboxes, message octets, as values (`model`).
//! Below it an `Engine` keeps keys in partitions and octets in blobs; `layout` says what stands where, to the byte.
//! A commit is done wholly or not at all, and when it returns it is as durable as was asked. Octets are stored once an
//! account, named by their BLAKE3 hash.
//!
//! This room knows no IMAP syntax and no MIME.

// What the rooms above see: accounts, trees, mailboxes and octets as values.
mod account_items;
mod annotations;
mod batches;
mod blob_cache;
mod blobs;
mod commits;
mod error;
mod facade;
mod images;
mod message_annotations;
mod model;
mod space;
mod sums;
mod suspects;
mod vanished;

// What stands where, to the octet, and how an earlier format becomes this one.
mod keys;
mod layout;
mod upgrade;

// Engines: the trait, what they share, and the one in memory.
mod engine;
mod memory;
mod ordered;
mod pins;
mod together;

// The embedded engine: fjall, its journal, and a disk that fills up or fails.
mod ahead;
mod disk;
mod embedded;
mod journal;
mod room;
mod tables;
mod unfinished;

// check and --repair of what is kept.
mod check;
mod found;
mod rereading;

// Copies: backup and restore.
mod copied_octets;
mod copy_place;
mod copying;

// Damaged files: fjall's formats from outside, and how a store is made one that opens.
mod archive;
mod aside;
mod blocks;
mod doubtful;
mod journal_batches;
mod mail_file;
mod manifest;
mod mended;
mod mending;
mod mending_journal;
mod merged_tables;
mod merging;
mod one_octet;
mod put_right;
mod reading;
mod renewal;
mod table_file;
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

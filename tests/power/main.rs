//! The disk fails: its power is cut, it is full, it does not sync.
//!
//! The daemon runs on shim.c, which sees all that it does to its disk and can refuse it.

#[path = "../common/mod.rs"]
mod common;
mod contents;
mod cut;
mod full;
mod image;
mod log;
mod shim;

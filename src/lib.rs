//! Gatepost, an IMAP server: one daemon, one INI file.
//!
//! The crate is a house of rooms on six floors; a room imports rooms below it only, and `tests/tidy.rs` sees to it.
//! Each room's door says what it promises and what it never does.
//!
//! ```text
//! 5                       server                       boot order; nothing else
//! 4                   session    admin                 who speaks
//! 3                      mailbox                       what sessions share
//! 2               search   auth   store                what is known, what is kept
//! 1        config   proto   mime   smime   net         pure, or at the edge
//! 0                types   sys   log   metrics         import nothing above
//! ```
//!
//! A connection: `net` accepts it and gives it a worker; `session` reads commands, which `proto` frames and parses; a
//! handler works on a `mailbox::View`, whose mailbox commits changes through `store`; what clients ask of messages is
//! answered from what `mime` made of them when they came, and `search` tests them. Responses go back through `proto`'s
//! writers and the session's output.

pub mod admin;
pub mod auth;
pub mod config;
pub mod log;
pub mod mailbox;
pub mod metrics;
pub mod mime;
pub mod net;
pub mod proto;
pub mod search;
pub mod server;
pub mod session;
pub mod smime;
pub mod store;
pub mod sys;
pub mod types;

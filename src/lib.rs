//! Gatepost, an IMAP server.

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
pub mod store;
pub mod sys;
pub mod types;

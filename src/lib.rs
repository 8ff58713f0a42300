//! Gatepost, an IMAP server.
pub mod auth;
pub mod config;
pub mod log;
pub mod mime;
pub mod net;
pub mod proto;
pub mod search;
pub mod store;
pub mod sys;
pub mod types;

//! Gatepost, an IMAP server.
pub mod mime;
pub mod net;
pub mod proto;
pub mod store;
pub mod types;

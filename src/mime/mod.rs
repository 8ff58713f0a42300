//! Messages: structure, envelope, sections, decoding.       RFC 5322; RFC 2045 to 2047; RFC 9051 7.5.2
//!
//! Octets in, offsets and text out. `Parser` reads a message once, in whatever pieces it comes and in bounded memory;
//! `Summary` is what is kept of it beside the message, so that most of what clients ask needs the message no more.
//! Nothing that is in a message makes this room fail: what is broken is read as a reader would who wants to help.
//!
//! This room opens no files and knows no mailbox.

mod address;
mod content;
mod date;
mod decode;
mod envelope;
mod fold;
mod header;
mod parser;
mod section;
mod structure;
mod summary;
mod transfer;

pub use date::parse as parse_date;
pub use decode::{TextDecoder, decode_field};
pub use fold::fold;
pub use header::{HeaderField, Include, fields as header_fields, filter as filter_fields};
pub use parser::{Message, Parser, Part};
pub use section::{Content, section};
pub use summary::{Field, PartRef, Summary, SummaryRef};
pub use transfer::{Encoding, TransferDecoder};

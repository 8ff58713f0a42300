//! Messages: structure, envelope, sections, decoding.       RFC 5322; RFC 2045 to 2047; RFC 9051 7.5.2
//!
//! Octets in, offsets and text out. `Parser` reads a message once, in whatever pieces it comes and in bounded memory;
//! `Glance` is what must be known of it at once, `Summary` what is kept of it beside the message; `SummaryRef` answers
//! from that most of what clients ask, and `section` tells which octets of the message are the rest. `TransferDecoder`,
//! `TextDecoder` and `decode_field` turn octets into what was meant; `fold` and `prepare` make text comparable.
//!
//! Nothing that is in a message makes this room fail: what is broken is read as Dovecot reads it, or as the RFCs advise
//! where they do. What it says of a message goes to the wire as it is: well formed, without NULs, of bounded length.
//!
//! This room opens no files and knows no mailbox.

// A message, read once.
mod boundary;
mod content;
mod glance;
mod parser;
mod part;

// Header fields.
mod address;
mod date;
mod downgrade;
mod field;
mod field_names;
mod header;
mod lexer;
mod words;

// Bodies as a person reads them.
mod base64;
mod charset;
mod html;
mod quoted_printable;
mod text;
mod transfer;
mod uuencode;

// What is kept of a message, and what is answered from it.
mod envelope;
mod excerpt;
mod part_structure;
mod preview;
mod section;
mod structure;
mod summary;
mod summary_ref;
mod wire;

// Text made comparable.
mod casemap;
mod fold;

// For the fuzz targets.
pub mod fuzz;

pub use address::{Address, addresses};
pub use casemap::{prepare, unmarked};
pub use date::parse as parse_date;
pub use downgrade::downgrade;
pub use field::Field;
pub use field_names::FieldNames;
pub use fold::fold;
pub use glance::Glance;
pub use header::{Fields, HeaderField, Include, fields as header_fields, filter as filter_fields, unfold};
pub use parser::{DEPTH_MAX, HEADERS_BYTES_MAX, PARTS_MAX, Parser};
pub use part::Message;
pub use part_structure::{Undone, part_structure, undone_structure, without_global};
pub use section::{Content, section};
pub use summary::Summary;
pub use summary_ref::{PartRef, SummaryRef};
pub use text::TextDecoder;
pub use transfer::{Encoding, TransferDecoder};
pub use words::{decode_field, single_spaced};

#[cfg(test)]
mod tests;

//! IMAP's syntax: octets in, commands out; responses in octets.
//!
//! `Framer` cuts the client's octets into commands and takes literals out of them; `parse` turns a command's line into
//! a typed `Command` by the grammar in `grammar/`; `response` writes what the server says. Every limit is checked before
//! anything is kept, and every error says what was expected.
//!
//! This room knows no mailbox and no socket.

mod arguments;
mod command;
mod command_table;
mod criteria;
mod frame;
mod framer;
mod grammar;
mod literal;
mod lower;
mod lower_access;
mod lower_annotate;
mod lower_append;
mod lower_fetch;
mod lower_list;
mod lower_metadata;
mod lower_notify;
mod lower_search;
mod lower_select;
mod lower_sort;
mod lower_url;
mod mask;
mod nesting;
mod parse;
pub mod response;
mod response_code;
#[cfg(test)]
mod tests;
mod url;

pub use crate::types::utf7::{decode as utf7_decode, encode as utf7_encode};
pub use command::{
    AnnotationValue, AnnotationValues, AppendCommand, AppendData, AppendMessage, CatPart, Command, CommandBody,
    Dialect, Echo, EncryptFor, FetchModifiers, GetMetadata, ListCommand, MetadataValues, NotifySet, Qresync,
    ReplaceCommand, Secret, SelectCommand, StoreOp, UrlData, UrlFetchArg,
};
pub use command_table::{Stage, command_names};
pub use criteria::criteria;
pub use frame::{Frame, Limits, Literal, LiteralProgress, Refusal, Step, Why};
pub use framer::Framer;
pub use literal::Spool;
pub use mask::mask;
pub use parse::{Malformed, parse};
pub use response_code::ResponseCode;
pub use url::{MessageUrl, UrlAccess, UrlAuthorization, UrlServer, UrlVerifier};

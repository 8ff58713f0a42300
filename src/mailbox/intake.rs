//! A message on its way in: APPEND, delivery, import.             RFC 9051 6.3.12
//!
//! Octets are hashed, parsed and stored as they come, in bounded memory however large the message is.

use std::sync::Arc;

use super::account::Account;
use super::change::NewMessage;
use super::error::{MailboxError, Refusal};
use crate::mime::{Parser, Summary};
use crate::store::{BlobWriter, NewBlob};
use crate::types::{BlobId, Flag, InternalDate};

/// A message up to this size travels in the commit that names it, at the cost of no sync of its own.
const INLINE_BYTES_MAX: usize = 512 * 1024;

enum Place {
    Memory(Vec<u8>),
    Store(BlobWriter),
}

/// Takes the octets of one message.
pub struct Intake<'a> {
    account: &'a Account,
    parser: Parser,
    place: Place,
    size: u64,
}

impl<'a> Intake<'a> {
    pub fn new(account: &'a Account) -> Intake<'a> {
        Intake { account, parser: Parser::new(), place: Place::Memory(Vec::new()), size: 0 }
    }

    pub fn write(&mut self, octets: &[u8]) -> Result<(), MailboxError> {
        self.size += octets.len() as u64;
        if self.size > u64::from(self.account.shared.limits.message_bytes_max) {
            return Err(Refusal::TooBig.into());
        }
        self.parser.feed(octets);
        match &mut self.place {
            Place::Memory(held) if held.len() + octets.len() > INLINE_BYTES_MAX => {
                let mut writer = self.account.shared.store.blob_writer(self.account.id)?;
                writer.write(held)?;
                writer.write(octets)?;
                self.place = Place::Store(writer);
            }
            Place::Memory(held) => held.extend_from_slice(octets),
            Place::Store(writer) => writer.write(octets)?,
        }
        Ok(())
    }

    /// The message, ready for `Change::Append`.
    pub fn finish(self, flags: Vec<Flag>, internal_date: InternalDate) -> Result<NewMessage, MailboxError> {
        let message = self.parser.finish();
        let sent_date = message.sent_date().unwrap_or(internal_date);
        let structure: Arc<[u8]> = Summary::encode(&message).into();
        let blob = match self.place {
            Place::Memory(held) => {
                NewBlob { id: BlobId(*blake3::hash(&held).as_bytes()), bytes: Some(held.into()) }
            }
            Place::Store(writer) => NewBlob { id: writer.finish()?, bytes: None },
        };
        Ok(NewMessage { blob, size: self.size as u32, internal_date, sent_date, flags, structure })
    }
}

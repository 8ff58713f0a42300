//! A message on its way in: APPEND, import, delivery.             RFC 9051 6.3.12
//!
//! A message is hashed and parsed in one pass. A small one travels in the commit that names it, at the cost of no sync
//! of its own; a large one is read a second time, chunk by chunk, into the store.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use super::account::Account;
use super::change::NewMessage;
use super::error::{MailboxError, Refusal};
use crate::mime::{Message, Parser, Summary};
use crate::store::{CHUNK_BYTES, NewBlob, StoreError};
use crate::types::{BlobId, Flag, InternalDate};

impl Account {
    /// A message in memory, ready for `Change::Append`.
    pub fn take(&self, octets: Vec<u8>, flags: Vec<Flag>, date: InternalDate) -> Result<NewMessage, MailboxError> {
        self.check_size(octets.len() as u64)?;
        if octets.len() > CHUNK_BYTES {
            return self.take_large(&mut std::io::Cursor::new(octets), flags, date);
        }
        let mut parser = Parser::new();
        parser.feed(&octets);
        let id = BlobId(*blake3::hash(&octets).as_bytes());
        let blob = NewBlob { id, bytes: Some(octets.into()) };
        Ok(new_message(blob, &parser.finish(), flags, date))
    }

    /// A message in a spool file, from its beginning.
    pub fn take_file(
        &self,
        mut file: File,
        flags: Vec<Flag>,
        date: InternalDate,
    ) -> Result<NewMessage, MailboxError> {
        let size = file.metadata().map_err(unreadable)?.len();
        self.check_size(size)?;
        if size <= CHUNK_BYTES as u64 {
            let mut octets = Vec::with_capacity(size as usize);
            file.read_to_end(&mut octets).map_err(unreadable)?;
            return self.take(octets, flags, date);
        }
        self.take_large(&mut file, flags, date)
    }

    fn take_large(
        &self,
        source: &mut (impl Read + Seek),
        flags: Vec<Flag>,
        date: InternalDate,
    ) -> Result<NewMessage, MailboxError> {
        let (mut parser, mut hasher) = (Parser::new(), blake3::Hasher::new());
        let mut piece = vec![0; CHUNK_BYTES];
        loop {
            let length = source.read(&mut piece).map_err(unreadable)?;
            if length == 0 {
                break;
            }
            parser.feed(&piece[..length]);
            hasher.update(&piece[..length]);
        }
        drop(piece);
        source.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        let id = BlobId(*hasher.finalize().as_bytes());
        let pin = self.shared.store.write_blob(self.id, id, source)?;
        let mut message = new_message(NewBlob { id, bytes: None }, &parser.finish(), flags, date);
        message.pin = Some(Arc::new(pin));
        Ok(message)
    }

    fn check_size(&self, size: u64) -> Result<(), Refusal> {
        match size > u64::from(self.shared.limits.message_bytes_max) {
            true => Err(Refusal::TooBig),
            false => Ok(()),
        }
    }
}

fn unreadable(error: std::io::Error) -> StoreError {
    StoreError::Engine(format!("reading the message: {error}"))
}

fn new_message(blob: NewBlob, message: &Message, flags: Vec<Flag>, internal_date: InternalDate) -> NewMessage {
    NewMessage {
        blob,
        // Bounded by `message_bytes_max`.
        size: message.size() as u32,
        internal_date,
        sent_date: message.sent_date().unwrap_or(internal_date),
        flags,
        structure: Summary::encode(message).into(),
        pin: None,
    }
}

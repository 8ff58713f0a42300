//! A message on its way in: APPEND, import, delivery, and what COPY brings from elsewhere.        RFC 9051 6.3.12
//!
//! A small message travels in the commit that names it, at the cost of no sync of its own; its summary is made behind that.
//! A large one, and small ones when there are many, is hashed and parsed in one pass, and read a second time, chunk by
//! chunk, into the store.
//! Where the mailbox has all its mail encrypted, or the command asks for it, nothing of the message is kept in the
//! clear.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use super::account::Account;
use super::change::NewMessage;
use super::describing::describe;
use super::error::{MailboxError, Refusal};
use super::mailbox::Mailbox;
use super::new_summary::{Due, NewSummary};
use super::sealing::{HEAD_BYTES, Pieces, Seal, Sealed};
use super::usage::Room;
use crate::mime::Glance;
use crate::store::{CHUNK_BYTES, NewBlob, StoreError, Value};
use crate::types::{BlobId, Flag, InternalDate};

/// Octets that the messages of one commit bring along in memory.
const HELD_BYTES_MAX: usize = 8 << 20;

/// Who asks for encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SealedBy {
    Mailbox,
    Command,
}

/// The way into a mailbox, for the messages of one commit; dropped when they have been committed.
pub struct Intake<'a> {
    account: &'a Account,
    seal: Option<Seal>,
    sealed_by: SealedBy,
    /// Octets that the messages so far have in memory.
    held_bytes: usize,
    room: Option<Room<'a>>,
}

impl Account {
    /// The way into a mailbox of this account. Where all its mail is to be encrypted and cannot be, there is none.
    pub fn intake(&self, mailbox: &Mailbox) -> Result<Intake<'_>, MailboxError> {
        let seal = self.seal_of(mailbox.id())?;
        Ok(Intake { account: self, seal, sealed_by: SealedBy::Mailbox, held_bytes: 0, room: None })
    }

    /// The way back into a mailbox, for messages that were in it: they are as they were.
    pub fn intake_again(&self) -> Intake<'_> {
        Intake { account: self, seal: None, sealed_by: SealedBy::Command, held_bytes: 0, room: None }
    }
}

impl Intake<'_> {
    /// Encrypts the messages, whatever the mailbox asks for itself.
    pub fn sealed(self, seal: Seal) -> Self {
        Intake { seal: Some(seal), sealed_by: SealedBy::Command, ..self }
    }

    /// Whether messages are encrypted here.
    pub fn is_sealed(&self) -> bool {
        self.seal.is_some()
    }

    /// Whether it is the mailbox that asks for it.
    pub(super) fn is_by_mailbox(&self) -> bool {
        self.is_sealed() && self.sealed_by == SealedBy::Mailbox
    }

    /// Whether messages are encrypted for the same certificate.
    pub(super) fn seals_as(&self, other: &Seal) -> bool {
        self.seal.as_ref().is_some_and(|seal| seal.is_same(other))
    }

    /// Takes room for messages of so many octets, as long as the way is there. Of messages that are to be encrypted it is
    /// asked when they have been.
    pub fn take_room(&mut self, messages: u64, bytes: u64) -> Result<(), MailboxError> {
        if !self.is_sealed() {
            self.room = self.account.take_room(messages, bytes)?;
        }
        Ok(())
    }

    /// As `take_room`, for messages that have been encrypted.
    pub fn take_room_sealed<'m>(
        &mut self,
        messages: impl Iterator<Item = &'m NewMessage> + Clone,
    ) -> Result<(), MailboxError> {
        if self.is_sealed() {
            let bytes = messages.clone().map(|message| u64::from(message.size)).sum();
            self.room = self.account.take_room(messages.count() as u64, bytes)?;
        }
        Ok(())
    }

    /// A message in memory, ready for `Change::Append`.
    pub fn take(
        &mut self,
        octets: Vec<u8>,
        flags: Vec<Flag>,
        date: InternalDate,
    ) -> Result<NewMessage, MailboxError> {
        self.check_size(octets.len() as u64)?;
        if self.seal.is_none() {
            return self.keep(octets, flags, date);
        }
        let head = &octets[..octets.len().min(HEAD_BYTES)];
        let mut pieces = |take: &mut dyn FnMut(&[u8])| -> Result<(), MailboxError> {
            octets.chunks(CHUNK_BYTES).for_each(take);
            Ok(())
        };
        self.take_pieces(head, octets.len() as u64, &mut pieces, flags, date)
    }

    /// A message in a spool file, from its beginning.
    pub fn take_file(
        &mut self,
        mut file: File,
        flags: Vec<Flag>,
        date: InternalDate,
    ) -> Result<NewMessage, MailboxError> {
        let size = file.metadata().map_err(unreadable)?.len();
        self.check_size(size)?;
        if self.seal.is_none() {
            return self.keep_file(file, flags, date);
        }
        let mut head = Vec::new();
        (&file).take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(unreadable)?;
        file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        let mut pieces = |take: &mut dyn FnMut(&[u8])| Ok(in_pieces(&mut file, take)?);
        self.take_pieces(&head, size, &mut pieces, flags, date)
    }

    /// A message that comes in pieces; `head` is its beginning.
    pub(super) fn take_pieces(
        &mut self,
        head: &[u8],
        size: u64,
        pieces: Pieces<'_>,
        flags: Vec<Flag>,
        date: InternalDate,
    ) -> Result<NewMessage, MailboxError> {
        let Some(seal) = &self.seal else {
            let mut octets = Vec::with_capacity(size.min(u32::MAX.into()) as usize);
            pieces(&mut |piece| octets.extend_from_slice(piece))?;
            return self.keep(octets, flags, date);
        };
        match seal.envelope(&self.account.shared.limits.spool_directory, head, size, pieces)? {
            Sealed::Memory(octets) => self.keep(octets, flags, date),
            Sealed::Spool(file) => self.keep_file(file, flags, date),
        }
    }

    fn keep(&mut self, octets: Vec<u8>, flags: Vec<Flag>, date: InternalDate) -> Result<NewMessage, MailboxError> {
        self.held_bytes += octets.len();
        if octets.len() > CHUNK_BYTES || self.held_bytes > HELD_BYTES_MAX {
            self.held_bytes -= octets.len();
            return self.keep_large(&mut std::io::Cursor::new(octets), flags, date);
        }
        let id = BlobId(*blake3::hash(&octets).as_bytes());
        let octets = Value::from(octets);
        Ok(NewMessage {
            size: octets.len() as u32,
            internal_date: date,
            sent_date: Glance::of(&octets).sent_date().unwrap_or(date),
            flags,
            summary: NewSummary::Behind(Due::Of(octets.clone())),
            blob: NewBlob { id, bytes: Some(octets) },
            annotations: Vec::new(),
            pin: None,
        })
    }

    fn keep_file(
        &mut self,
        mut file: File,
        flags: Vec<Flag>,
        date: InternalDate,
    ) -> Result<NewMessage, MailboxError> {
        let size = file.metadata().map_err(unreadable)?.len();
        if size <= CHUNK_BYTES as u64 {
            let mut octets = Vec::with_capacity(size as usize);
            file.read_to_end(&mut octets).map_err(unreadable)?;
            return self.keep(octets, flags, date);
        }
        self.keep_large(&mut file, flags, date)
    }

    fn keep_large(
        &self,
        source: &mut (impl Read + Seek),
        flags: Vec<Flag>,
        date: InternalDate,
    ) -> Result<NewMessage, MailboxError> {
        let mut hasher = blake3::Hasher::new();
        let described = describe(|take| {
            in_pieces(source, &mut |piece| {
                take(piece);
                hasher.update(piece);
            })
        })?;
        source.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        let id = BlobId(*hasher.finalize().as_bytes());
        let pin = self.account.shared.store.write_blob(self.account.id, id, source)?;
        Ok(NewMessage {
            blob: NewBlob { id, bytes: None },
            size: u32::try_from(described.size).map_err(|_| Refusal::TooBig)?,
            internal_date: date,
            sent_date: described.sent_date.unwrap_or(date),
            flags,
            summary: NewSummary::With(described.structure),
            annotations: Vec::new(),
            pin: Some(Arc::new(pin)),
        })
    }

    /// Of a message as it comes: its envelope may be larger.
    fn check_size(&self, size: u64) -> Result<(), Refusal> {
        match size > u64::from(self.account.shared.limits.message_bytes_max) {
            true => Err(Refusal::TooBig),
            false => Ok(()),
        }
    }
}

fn in_pieces(source: &mut impl Read, take: &mut dyn FnMut(&[u8])) -> Result<(), StoreError> {
    let mut piece = vec![0; CHUNK_BYTES];
    loop {
        match source.read(&mut piece).map_err(unreadable)? {
            0 => return Ok(()),
            length => take(&piece[..length]),
        }
    }
}

fn unreadable(error: std::io::Error) -> StoreError {
    StoreError::Engine(format!("reading the message: {error}"))
}

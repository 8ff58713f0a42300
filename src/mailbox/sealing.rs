//! Messages that are encrypted on their way in.                   CommuniGate Pro (COPY ... ENCRYPTED); RFC 8551
//!
//! A message is encrypted as it is read: what is in memory of it at a time has a bound, the rest is in a spool file, and
//! that holds nothing but what is encrypted.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;

use super::account::Account;
use super::error::{MailboxError, Refusal};
use super::planning::Plan;
use crate::mime::header_fields;
use crate::smime::{self, Certificate, Envelope, OUTER_FIELDS};
use crate::store::{AccountChange, Annotated, CHUNK_BYTES, StoreError, Value};
use crate::sys;
use crate::types::{EntryName, MailboxId};

/// Octets of a message in which the fields are looked for that stay outside.
pub(super) const HEAD_BYTES: usize = 256 * 1024;
/// Octets of one such field, and of all: a list of thousands of addresses is read inside.
const FIELD_BYTES_MAX: usize = 16 * 1024;
const FIELDS_BYTES_MAX: usize = 64 * 1024;

/// The annotation of a mailbox that has all its mail encrypted.
pub(super) const ENCRYPT_TO: &str = "/shared/vendor/gatepost/encrypt-to";

fn encrypt_to() -> EntryName {
    EntryName::new(ENCRYPT_TO).unwrap_or_else(|| unreachable!("{ENCRYPT_TO} is an entry"))
}

/// Gives a message's octets in pieces.
pub(super) type Pieces<'a> = &'a mut dyn FnMut(&mut dyn FnMut(&[u8])) -> Result<(), MailboxError>;

/// Whom messages are encrypted for.
#[derive(Clone, Debug)]
pub struct Seal(Certificate);

impl Seal {
    /// By a certificate in PEM, DER or base64, which must be good now.
    pub fn of(text: &[u8]) -> Result<Seal, Refusal> {
        Seal::of_der(&smime::decode(text)?)
    }

    fn of_der(der: &[u8]) -> Result<Seal, Refusal> {
        Ok(Seal(Certificate::from_der(der, sys::now_secs())?))
    }

    /// The enveloped message. `head` is the beginning of the message.
    pub(super) fn envelope(
        &self,
        spool: &Path,
        head: &[u8],
        size: u64,
        pieces: Pieces<'_>,
    ) -> Result<Sealed, MailboxError> {
        let mut sealed = Spool { directory: spool, sealed: Sealed::Memory(Vec::new()), failed: None };
        let mut out = Vec::new();
        let mut envelope = Envelope::begin(&self.0, &outer_fields(head), size, &mut out).map_err(Refusal::from)?;
        pieces(&mut |piece| {
            envelope.feed(piece, &mut out);
            sealed.take(&mut out);
        })?;
        envelope.finish(&mut out).ok_or_else(|| StoreError::Missing("the end of a message".into()))?;
        sealed.take(&mut out);
        sealed.done()
    }
}

impl Seal {
    pub(super) fn is_same(&self, other: &Seal) -> bool {
        self.0.is_same(&other.0)
    }

    /// Whether a message that begins so has been encrypted for the same certificate.
    pub(super) fn recognises(&self, head: &[u8]) -> bool {
        self.0.recognises(head)
    }
}

/// The fields of a message that stay outside, each once, as the message has them.
fn outer_fields(head: &[u8]) -> Vec<&[u8]> {
    let mut found: Vec<(&str, &[u8])> = Vec::new();
    let mut left = FIELDS_BYTES_MAX;
    for field in header_fields(head) {
        let kept = OUTER_FIELDS.into_iter().find(|name| field.is(name));
        let Some(name) = kept.filter(|name| !found.iter().any(|(known, _)| known == name)) else { continue };
        if field.raw.len() <= FIELD_BYTES_MAX.min(left) {
            left -= field.raw.len();
            found.push((name, field.raw));
        }
    }
    found.into_iter().map(|(_, raw)| raw).collect()
}

/// An enveloped message, as large as it is.
pub(super) enum Sealed {
    Memory(Vec<u8>),
    Spool(File),
}

struct Spool<'a> {
    directory: &'a Path,
    sealed: Sealed,
    failed: Option<std::io::Error>,
}

impl Spool<'_> {
    fn take(&mut self, out: &mut Vec<u8>) {
        let written = match &mut self.sealed {
            Sealed::Memory(octets) if octets.len() + out.len() <= CHUNK_BYTES => {
                octets.append(out);
                Ok(())
            }
            Sealed::Memory(octets) => {
                let octets = std::mem::take(octets);
                sys::spool_file(self.directory).and_then(|mut file| {
                    file.write_all(&octets)?;
                    file.write_all(out)?;
                    self.sealed = Sealed::Spool(file);
                    Ok(())
                })
            }
            Sealed::Spool(file) => file.write_all(out),
        };
        out.clear();
        self.failed = self.failed.take().or(written.err());
    }

    fn done(self) -> Result<Sealed, MailboxError> {
        let failed = |error: std::io::Error| StoreError::Engine(format!("{}: {error}", self.directory.display()));
        match (self.failed, self.sealed) {
            (Some(error), _) if error.kind() == std::io::ErrorKind::StorageFull => Err(StoreError::Full.into()),
            (Some(error), _) => Err(failed(error).into()),
            (None, Sealed::Spool(mut file)) => {
                file.rewind().map_err(failed)?;
                Ok(Sealed::Spool(file))
            }
            (None, sealed) => Ok(sealed),
        }
    }
}

impl Account {
    /// The account's S/MIME certificate, in DER.
    pub fn certificate(&self) -> Option<Value> {
        self.tree().certificate().cloned()
    }

    /// Sets the certificate from PEM, DER or base64, where it is good now, or takes it away.
    pub fn set_certificate(&self, text: Option<&[u8]>) -> Result<(), MailboxError> {
        let der = text.map(smime::decode).transpose().map_err(Refusal::from)?;
        if let Some(der) = &der {
            Seal::of_der(der)?;
        }
        let change = AccountChange::Certificate(der.map(Value::from));
        self.change(|_| Ok(Plan { changes: vec![change.clone()], ..Plan::default() }))
    }

    /// Whom all mail of a mailbox is encrypted for, by its annotation; nobody where it has none.
    pub(super) fn seal_of(&self, mailbox: MailboxId) -> Result<Option<Seal>, MailboxError> {
        let at = Annotated::Mailbox(mailbox);
        let value = self.shared.store.annotation(self.id, &at, None, &encrypt_to())?;
        Ok(value.map(|annotation| self.seal_by(&annotation.value)).transpose()?)
    }

    /// By the value of the annotation: a certificate, or `*` for the account's own.
    pub(super) fn seal_by(&self, value: &[u8]) -> Result<Seal, Refusal> {
        match value.trim_ascii() {
            b"*" => self.seal(),
            text => Seal::of(text),
        }
    }

    /// What the account's certificate is, for its administrator.
    pub fn describe_certificate(&self) -> Result<smime::Description, Refusal> {
        let der = self.certificate().ok_or(Refusal::NoCertificate)?;
        Ok(smime::Description::of(&der, sys::now_secs())?)
    }

    /// Encrypts for the account's own certificate.
    pub fn seal(&self) -> Result<Seal, Refusal> {
        let der = self.certificate().ok_or(Refusal::NoCertificate)?;
        Seal::of_der(&der)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_outside() {
        let head =
            b"Received: x\r\nSUBJECT: a\r\n b\r\nFrom: x@y\nBcc: z\nfrom: second\r\nDate : d\r\n\r\nTo: body\r\n";
        let fields = outer_fields(head);
        assert_eq!(fields, [&b"SUBJECT: a\r\n b\r\n"[..], b"From: x@y\n", b"Date : d\r\n"]);
        let long = [b"To: ".to_vec(), vec![b'x'; FIELD_BYTES_MAX], b"\r\nCc: y\r\n".to_vec()].concat();
        assert_eq!(outer_fields(&long), [b"Cc: y\r\n"]);
    }
}

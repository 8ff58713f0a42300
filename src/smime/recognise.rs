//! Envelopes of this room's own making, known by their beginning.
//!
//! Whoever writes mail can imitate one: this tells what need not be encrypted again among what was encrypted before, not
//! what is safe to be kept.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::certificate::Certificate;
use super::envelope::MIME_FIELDS;

/// Characters of base64 in which the recipient stands; an RSA key of 16384 bits takes less.
const OPENING_MAX: usize = 16 * 1024;

impl Certificate {
    pub fn is_same(&self, other: &Certificate) -> bool {
        self.issuer_and_serial == other.issuer_and_serial
    }

    /// Whether a message that begins so has been encrypted for this certificate.
    pub fn recognises(&self, head: &[u8]) -> bool {
        let Some(at) = memchr::memmem::find(head, b"\r\n\r\n") else { return false };
        let (header, body) = head.split_at(at + 4);
        if !header.ends_with(MIME_FIELDS) {
            return false;
        }
        let packed: Vec<u8> =
            body.iter().copied().filter(|octet| !matches!(octet, b'\r' | b'\n')).take(OPENING_MAX).collect();
        let whole = packed.len() - packed.len() % 4;
        let Ok(opening) = STANDARD.decode(&packed[..whole]) else { return false };
        memchr::memmem::find(&opening, &self.issuer_and_serial).is_some()
    }
}

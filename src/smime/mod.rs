//! S/MIME: a certificate and a message in, an enveloped message out. RFC 8551; RFC 5652; RFC 5753; RFC 8418; RFC 5280
//!
//! What is enveloped is the whole message, octet by octet, so that whoever has the key gets back exactly what was there;
//! outside stay the header fields that a list of messages is made of. Content is encrypted by AES-256 in CBC mode, its
//! key to RSA by PKCS #1 v1.5, which every mail program reads, or by OAEP where the certificate says so, and to P-256,
//! P-384, P-521 and X25519 by ephemeral-static Diffie-Hellman. Memory does not grow with the message.
//!
//! A certificate is taken when it is valid now and its key may encrypt mail. Whom it belongs to is not looked at, nor who
//! has signed it: it encrypts for the key that is in it, and who names it decides that.
//!
//! This room opens no files, keeps no key, decrypts nothing, and asks no clock.

mod agreement;
mod certificate;
mod der;
mod description;
mod envelope;
mod lines;
mod oaep;
mod recipient;
mod recognise;

pub use certificate::{Certificate, Unusable, decode};
pub use description::Description;
pub use envelope::{Envelope, OUTER_FIELDS};

//! S/MIME: a certificate and a message in, an enveloped message out.          RFC 8551; RFC 5652; RFC 5753; RFC 5280
//!
//! What is enveloped is the whole message, octet by octet, so that whoever has the key gets back exactly what was there;
//! outside stay the header fields that a list of messages is made of. Content is encrypted by AES-256 in CBC mode, its
//! key to RSA by PKCS #1 v1.5 and to P-256 and P-384 by ephemeral-static Diffie-Hellman: what every mail program reads.
//! Memory does not grow with the message.
//!
//! A certificate is taken when it is valid now and its key may encrypt mail. Whom it belongs to is not looked at, nor who
//! has signed it: it encrypts for the key that is in it, and who names it decides that.
//!
//! This room opens no files, keeps no key, decrypts nothing, and asks no clock.

mod certificate;
mod der;
mod description;
mod envelope;
mod lines;
mod recipient;
mod recognise;

pub use certificate::{Certificate, Unusable, decode};
pub use description::Description;
pub use envelope::{Envelope, OUTER_FIELDS};

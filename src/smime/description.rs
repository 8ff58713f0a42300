//! What an administrator is shown of a certificate.

use ring::digest;
use rsa::traits::PublicKeyParts;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use super::agreement::Curve;
use super::certificate::{Certificate, Key, Unusable};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    pub subject: String,
    pub issuer: String,
    /// Seconds since 1970.
    pub not_before_secs: i64,
    pub not_after_secs: i64,
    /// As `RSA 2048`, `EC 256` or `X25519`.
    pub key: String,
    /// In hexadecimal digits.
    pub sha256: String,
    /// Why mail cannot be encrypted for it, if so.
    pub unusable: Option<Unusable>,
}

impl Description {
    /// Of DER, at a time in seconds since 1970.
    pub fn of(der: &[u8], now_secs: i64) -> Result<Description, Unusable> {
        let (_, parsed) = X509Certificate::from_der(der).map_err(|_| Unusable::Malformed)?;
        let usable = Certificate::from_der(der, parsed.validity().not_before.timestamp());
        let key = match (usable.map(|usable| usable.key), parsed.public_key().parsed()) {
            (Ok(Key::Rsa(key, Some(_))), _) => format!("RSA {}, OAEP", key.size() * 8),
            (Ok(Key::Ec(Curve::P521, _)), _) => "EC 521".to_string(),
            (Ok(Key::Ec(Curve::X25519, _)), _) => "X25519".to_string(),
            (_, Ok(PublicKey::RSA(key))) => format!("RSA {}", key.key_size()),
            (_, Ok(PublicKey::EC(point))) => format!("EC {}", point.key_size()),
            _ => "of another kind".to_string(),
        };
        let hash = digest::digest(&digest::SHA256, der);
        Ok(Description {
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            not_before_secs: parsed.validity().not_before.timestamp(),
            not_after_secs: parsed.validity().not_after.timestamp(),
            key,
            sha256: hash.as_ref().iter().map(|octet| format!("{octet:02x}")).collect(),
            unusable: Certificate::from_der(der, now_secs).err(),
        })
    }
}

//! Certificates: read, and judged whether mail may be encrypted for them.     RFC 5280 4; RFC 8550 4.4

use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rsa::{BigUint, RsaPublicKey};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

use super::agreement::Curve;
use super::oaep::{Oaep, RSAES_OAEP_TEXT};

/// Octets of one; those with pictures in them are smaller.
const BYTES_MAX: usize = 64 * 1024;

/// What is weaker was broken, or may be soon. RFC 8551 4.3
const RSA_BITS_MIN: usize = 2048;
/// A larger one would only cost time.
const RSA_BITS_MAX: usize = 16_384;

const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";
const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const P521: &str = "1.3.132.0.35";
const X25519: &str = "1.3.101.110";

/// Why mail cannot be encrypted for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    NotBase64,
    Malformed,
    TooLarge,
    NotYetValid,
    Expired,
    /// The key, by the certificate's own word, is for something else.
    KeyUsage,
    /// A critical extension that is not known here. RFC 5280 4.2
    CriticalExtension,
    TooWeak,
    Algorithm,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unusable::NotBase64 => "The certificate is not base64",
            Unusable::Malformed => "This is no X.509 certificate",
            Unusable::TooLarge => "The certificate is larger than 64 kilobytes",
            Unusable::NotYetValid => "The certificate is not valid yet",
            Unusable::Expired => "The certificate has expired",
            Unusable::KeyUsage => "The certificate's key is not for the encryption of mail",
            Unusable::CriticalExtension => "The certificate has a critical extension that is not known here",
            Unusable::TooWeak => "The certificate's key is too weak; RSA needs 2048 bits",
            Unusable::Algorithm => {
                "The certificate's key is neither RSA of at most 16384 bits nor of the curve P-256, P-384, P-521 or X25519"
            }
        })
    }
}

impl std::error::Error for Unusable {}

/// The key of a certificate that can be encrypted for.
#[derive(Clone, Debug)]
pub(super) enum Key {
    /// By PKCS #1 v1.5 where nothing else is said.
    Rsa(RsaPublicKey, Option<Oaep>),
    /// An uncompressed point; of X25519 its 32 octets.
    Ec(Curve, Vec<u8>),
}

/// A certificate that mail can be encrypted for.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// IssuerAndSerialNumber, encoded as the certificate has it. RFC 5652 10.2.4
    pub(super) issuer_and_serial: Vec<u8>,
    pub(super) key: Key,
}

impl Certificate {
    /// Of DER, at a time in seconds since 1970.
    pub fn from_der(der: &[u8], now_secs: i64) -> Result<Certificate, Unusable> {
        if der.len() > BYTES_MAX {
            return Err(Unusable::TooLarge);
        }
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|_| Unusable::Malformed)?;
        if !rest.is_empty() {
            return Err(Unusable::Malformed);
        }
        let validity = parsed.validity();
        if now_secs < validity.not_before.timestamp() {
            return Err(Unusable::NotYetValid);
        }
        if now_secs > validity.not_after.timestamp() {
            return Err(Unusable::Expired);
        }
        let key = key(&parsed)?;
        check_extensions(&parsed, &key)?;
        let serial = super::der::element(super::der::INTEGER, &[parsed.raw_serial()]);
        let issuer_and_serial = super::der::element(super::der::SEQUENCE, &[parsed.issuer().as_raw(), &serial]);
        Ok(Certificate { issuer_and_serial, key })
    }
}

fn key(parsed: &X509Certificate<'_>) -> Result<Key, Unusable> {
    let info = parsed.public_key();
    let octets = info.subject_public_key.data.as_ref();
    match info.algorithm.algorithm.to_id_string().as_str() {
        RSA_ENCRYPTION => Ok(Key::Rsa(rsa_key(octets)?, Oaep::of_capabilities(parsed))),
        RSAES_OAEP_TEXT => {
            let oaep = Oaep::of_key(info.algorithm.parameters.as_ref()).ok_or(Unusable::Algorithm)?;
            Ok(Key::Rsa(rsa_key(octets)?, Some(oaep)))
        }
        X25519 if octets.len() == 32 => Ok(Key::Ec(Curve::X25519, octets.to_vec())),
        EC_PUBLIC_KEY => {
            let curve = info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
            match (curve.map(|oid| oid.to_id_string()).as_deref(), octets) {
                (Some(P256), [4, point @ ..]) if point.len() == 64 => Ok(Key::Ec(Curve::P256, octets.to_vec())),
                (Some(P384), [4, point @ ..]) if point.len() == 96 => Ok(Key::Ec(Curve::P384, octets.to_vec())),
                (Some(P521), [4, point @ ..]) if point.len() == 132 => Ok(Key::Ec(Curve::P521, octets.to_vec())),
                _ => Err(Unusable::Algorithm),
            }
        }
        _ => Err(Unusable::Algorithm),
    }
}

fn rsa_key(octets: &[u8]) -> Result<RsaPublicKey, Unusable> {
    let numbers = rsa::pkcs1::RsaPublicKey::try_from(octets).map_err(|_| Unusable::Malformed)?;
    let modulus = BigUint::from_bytes_be(numbers.modulus.as_bytes());
    let exponent = BigUint::from_bytes_be(numbers.public_exponent.as_bytes());
    match modulus.bits() {
        bits if bits < RSA_BITS_MIN => return Err(Unusable::TooWeak),
        bits if bits > RSA_BITS_MAX => return Err(Unusable::Algorithm),
        _ => {}
    }
    // An even modulus, an exponent of 1 and the like are refused here.
    RsaPublicKey::new_with_max_size(modulus, exponent, RSA_BITS_MAX).map_err(|_| Unusable::Malformed)
}

/// What the certificate says that its key is for. RFC 8550 4.4.2, 4.4.4
fn check_extensions(parsed: &X509Certificate<'_>, key: &Key) -> Result<(), Unusable> {
    for extension in parsed.extensions() {
        let permitted = match extension.parsed_extension() {
            ParsedExtension::KeyUsage(usage) => match key {
                Key::Rsa(..) => usage.key_encipherment(),
                Key::Ec(..) => usage.key_agreement(),
            },
            ParsedExtension::ExtendedKeyUsage(usage) => usage.email_protection || usage.any,
            ParsedExtension::UnsupportedExtension { .. } | ParsedExtension::Unparsed if extension.critical => {
                return Err(Unusable::CriticalExtension);
            }
            ParsedExtension::ParseError { .. } => return Err(Unusable::Malformed),
            _ => true,
        };
        if !permitted {
            return Err(Unusable::KeyUsage);
        }
    }
    Ok(())
}

/// The DER of a certificate that is given as PEM, as DER, or as base64 with white space in it or not.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, Unusable> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    const END: &[u8] = b"-----END CERTIFICATE-----";
    if text.len() > 2 * BYTES_MAX {
        return Err(Unusable::TooLarge);
    }
    // A SEQUENCE; base64 of one begins with M.
    if text.first() == Some(&0x30) {
        return Ok(text.to_vec());
    }
    let inner = match memchr::memmem::find(text, BEGIN) {
        Some(at) => {
            let behind = &text[at + BEGIN.len()..];
            &behind[..memchr::memmem::find(behind, END).ok_or(Unusable::Malformed)?]
        }
        None => text,
    };
    let packed: Vec<u8> = inner.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    match GeneralPurpose::new(&ALPHABET, config).decode(packed) {
        Ok(der) if !der.is_empty() => Ok(der),
        _ => Err(Unusable::NotBase64),
    }
}

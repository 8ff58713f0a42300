//! Ephemeral-static Diffie-Hellman: the key that wraps a content's key.          RFC 5753 3.1, 7.2; RFC 8418
//!
//! Our key is made for one message and forgotten; theirs is refused where it is no point of its curve.

use p521::ecdh::EphemeralSecret;
use p521::{EncodedPoint, PublicKey};
use ring::agreement::{self, ECDH_P256, ECDH_P384, EphemeralPrivateKey, UnparsedPublicKey, X25519};
use ring::digest::{self, SHA256, SHA384, SHA512};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::SystemRandom;
use rsa::rand_core::OsRng;

use super::certificate::Unusable;
use super::der::{OCTET_STRING, SEQUENCE, element, oid, tagged};

/// 1.2.840.10045.2.1
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.3.101.110
const ID_X25519: &[u8] = &[0x2b, 0x65, 0x6e];
/// 2.16.840.1.101.3.4.1.45
const AES256_WRAP: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2d];
/// dhSinglePass-stdDH-sha256kdf-scheme, 1.3.132.1.11.1
const STD_DH_SHA256: &[u8] = &[0x2b, 0x81, 0x04, 0x01, 0x0b, 0x01];
/// dhSinglePass-stdDH-sha384kdf-scheme, 1.3.132.1.11.2
const STD_DH_SHA384: &[u8] = &[0x2b, 0x81, 0x04, 0x01, 0x0b, 0x02];
/// dhSinglePass-stdDH-sha512kdf-scheme, 1.3.132.1.11.3
const STD_DH_SHA512: &[u8] = &[0x2b, 0x81, 0x04, 0x01, 0x0b, 0x03];
/// dhSinglePass-stdDH-hkdf-sha256-scheme, 1.2.840.113549.1.9.16.3.19
const STD_DH_HKDF_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x03, 0x13];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
    X25519,
}

/// What our key and theirs have come to.
pub(super) struct Agreed {
    pub(super) our_point: Vec<u8>,
    /// The key that wraps the content's.
    pub(super) kek: [u8; 32],
}

impl Curve {
    pub(super) fn agree(self, theirs: &[u8]) -> Result<Agreed, Unusable> {
        match self {
            Curve::P256 => by_ring(&ECDH_P256, theirs, |shared| x963(&SHA256, shared)),
            Curve::P384 => by_ring(&ECDH_P384, theirs, |shared| x963(&SHA384, shared)),
            Curve::P521 => on_p521(theirs),
            Curve::X25519 => by_ring(&X25519, theirs, hkdf),
        }
    }

    /// AlgorithmIdentifier of our key. RFC 5753 7.1.2, RFC 8418 3
    pub(super) fn key_algorithm(self) -> Vec<u8> {
        let id = if self == Curve::X25519 { ID_X25519 } else { EC_PUBLIC_KEY };
        element(SEQUENCE, &[&oid(id)])
    }

    /// AlgorithmIdentifier of the agreement, with that of the wrapping in it. RFC 5753 7.1.4, RFC 8418 2.2
    pub(super) fn scheme(self) -> Vec<u8> {
        let id = match self {
            Curve::P256 => STD_DH_SHA256,
            Curve::P384 => STD_DH_SHA384,
            Curve::P521 => STD_DH_SHA512,
            Curve::X25519 => STD_DH_HKDF_SHA256,
        };
        element(SEQUENCE, &[&oid(id), &wrap()])
    }
}

fn by_ring(
    curve: &'static agreement::Algorithm,
    theirs: &[u8],
    derive: impl FnOnce(&[u8]) -> Result<[u8; 32], Unusable>,
) -> Result<Agreed, Unusable> {
    let ours = EphemeralPrivateKey::generate(curve, &SystemRandom::new()).map_err(|_| Unusable::Algorithm)?;
    let our_point = ours.compute_public_key().map_err(|_| Unusable::Algorithm)?;
    let kek = agreement::agree_ephemeral(ours, &UnparsedPublicKey::new(curve, theirs), derive)
        .map_err(|_| Unusable::Malformed)??;
    Ok(Agreed { our_point: our_point.as_ref().to_vec(), kek })
}

fn on_p521(theirs: &[u8]) -> Result<Agreed, Unusable> {
    let theirs = PublicKey::from_sec1_bytes(theirs).map_err(|_| Unusable::Malformed)?;
    let ours = EphemeralSecret::random(&mut OsRng);
    let our_point = EncodedPoint::from(ours.public_key());
    let kek = x963(&SHA512, ours.diffie_hellman(&theirs).raw_secret_bytes())?;
    Ok(Agreed { our_point: our_point.as_bytes().to_vec(), kek })
}

fn wrap() -> Vec<u8> {
    element(SEQUENCE, &[&oid(AES256_WRAP)])
}

/// ECC-CMS-SharedInfo. RFC 5753 7.2
fn shared_info() -> Vec<u8> {
    const BITS: [u8; 4] = 256_u32.to_be_bytes();
    element(SEQUENCE, &[&wrap(), &element(tagged(2), &[&element(OCTET_STRING, &[&BITS])])])
}

/// One round of X9.63, as each of the hashes is as long as the key or longer. RFC 5753 7.2
fn x963(hash: &'static digest::Algorithm, shared: &[u8]) -> Result<[u8; 32], Unusable> {
    let mut context = digest::Context::new(hash);
    [shared, &1_u32.to_be_bytes(), &shared_info()].iter().for_each(|part| context.update(part));
    let mut kek = [0; 32];
    kek.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    Ok(kek)
}

/// The length of a key that wraps.
struct KekLength;

impl KeyType for KekLength {
    fn len(&self) -> usize {
        32
    }
}

/// Without a salt. RFC 8418 2.2
fn hkdf(shared: &[u8]) -> Result<[u8; 32], Unusable> {
    let mut kek = [0; 32];
    let of_secret = Salt::new(HKDF_SHA256, &[]).extract(shared);
    let expanded = of_secret.expand(&[&shared_info()], KekLength).and_then(|key| key.fill(&mut kek));
    expanded.map_err(|_| Unusable::Algorithm)?;
    Ok(kek)
}

//! The content's key, for the one who may read.     RFC 5652 6.2; RFC 5753 3.1; RFC 3370 4.2.1

use aes_kw::KekAes256;
use ring::agreement::{self, ECDH_P256, ECDH_P384, EphemeralPrivateKey, UnparsedPublicKey};
use ring::digest::{self, SHA256, SHA384};
use rsa::Pkcs1v15Encrypt;
use rsa::rand_core::OsRng;

use super::certificate::{Certificate, Key, Unusable};
use super::der::{self, BIT_STRING, INTEGER, NULL, OCTET_STRING, SEQUENCE, element, oid, tagged};

/// 1.2.840.113549.1.1.1
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.10045.2.1
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 2.16.840.1.101.3.4.1.45
const AES256_WRAP: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2d];
/// dhSinglePass-stdDH-sha256kdf-scheme, 1.3.132.1.11.1
const STD_DH_SHA256: &[u8] = &[0x2b, 0x81, 0x04, 0x01, 0x0b, 0x01];
/// dhSinglePass-stdDH-sha384kdf-scheme, 1.3.132.1.11.2
const STD_DH_SHA384: &[u8] = &[0x2b, 0x81, 0x04, 0x01, 0x0b, 0x02];

pub(super) type ContentKey = [u8; 32];

/// RecipientInfo, and the version that EnvelopedData has with it. RFC 5652 6.1
pub(super) struct RecipientInfo {
    pub(super) version: u8,
    pub(super) der: Vec<u8>,
}

pub(super) fn recipient_info(certificate: &Certificate, content_key: &ContentKey) -> Result<RecipientInfo, Unusable> {
    let id = &certificate.issuer_and_serial;
    match &certificate.key {
        Key::Rsa(key) => {
            let encrypted = key.encrypt(&mut OsRng, Pkcs1v15Encrypt, content_key).map_err(|_| Unusable::Algorithm)?;
            Ok(key_transport(id, &encrypted))
        }
        Key::P256(point) => {
            key_agreement(id, point, &Curve { ecdh: &ECDH_P256, hash: &SHA256, scheme: STD_DH_SHA256 }, content_key)
        }
        Key::P384(point) => {
            key_agreement(id, point, &Curve { ecdh: &ECDH_P384, hash: &SHA384, scheme: STD_DH_SHA384 }, content_key)
        }
    }
}

/// KeyTransRecipientInfo. RFC 5652 6.2.1
fn key_transport(id: &[u8], encrypted: &[u8]) -> RecipientInfo {
    let algorithm = element(SEQUENCE, &[&oid(RSA_ENCRYPTION), NULL]);
    let version = element(INTEGER, &[&[0]]);
    let der = element(SEQUENCE, &[&version, id, &algorithm, &element(OCTET_STRING, &[encrypted])]);
    RecipientInfo { version: 0, der }
}

struct Curve {
    ecdh: &'static agreement::Algorithm,
    hash: &'static digest::Algorithm,
    scheme: &'static [u8],
}

/// KeyAgreeRecipientInfo, with a key of our own for this message alone. RFC 5652 6.2.2, RFC 5753 3.1.1
fn key_agreement(
    id: &[u8],
    point: &[u8],
    curve: &Curve,
    content_key: &ContentKey,
) -> Result<RecipientInfo, Unusable> {
    let random = ring::rand::SystemRandom::new();
    let ours = EphemeralPrivateKey::generate(curve.ecdh, &random).map_err(|_| Unusable::Algorithm)?;
    let our_point = ours.compute_public_key().map_err(|_| Unusable::Algorithm)?;
    let wrap = element(SEQUENCE, &[&oid(AES256_WRAP)]);
    let theirs = UnparsedPublicKey::new(curve.ecdh, point);
    // A point that is not on the curve is refused here.
    let kek = agreement::agree_ephemeral(ours, &theirs, |shared| derive(curve.hash, shared, &wrap))
        .map_err(|_| Unusable::Malformed)?;
    let mut wrapped = [0; 40];
    KekAes256::from(kek).wrap(content_key, &mut wrapped).map_err(|_| Unusable::Algorithm)?;

    let bits = element(BIT_STRING, &[&[0], our_point.as_ref()]);
    let public_key = element(tagged(1), &[&element(SEQUENCE, &[&oid(EC_PUBLIC_KEY)]), &bits]);
    let originator = element(tagged(0), &[&public_key]);
    let scheme = element(SEQUENCE, &[&oid(curve.scheme), &wrap]);
    let key = element(SEQUENCE, &[id, &element(OCTET_STRING, &[&wrapped])]);
    let version = element(INTEGER, &[&[3]]);
    let der = element(tagged(1), &[&version, &originator, &scheme, &element(SEQUENCE, &[&key])]);
    Ok(RecipientInfo { version: 2, der })
}

/// The key that wraps the content's: one round of X9.63, as either hash is as long as it or longer. RFC 5753 7.2
fn derive(hash: &'static digest::Algorithm, shared: &[u8], wrap: &[u8]) -> [u8; 32] {
    const BITS: [u8; 4] = 256_u32.to_be_bytes();
    let length = element(tagged(2), &[&element(OCTET_STRING, &[&BITS])]);
    let shared_info = element(der::SEQUENCE, &[wrap, &length]);
    let mut context = digest::Context::new(hash);
    [shared, &1_u32.to_be_bytes(), &shared_info].iter().for_each(|part| context.update(part));
    let mut kek = [0; 32];
    kek.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    kek
}

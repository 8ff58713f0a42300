//! The content's key, for the one who may read.     RFC 5652 6.2; RFC 5753 3.1; RFC 3370 4.2.1; RFC 3560

use aes_kw::KekAes256;
use rsa::rand_core::OsRng;
use rsa::{Pkcs1v15Encrypt, RsaPublicKey};

use super::agreement::Curve;
use super::certificate::{Certificate, Key, Unusable};
use super::der::{BIT_STRING, INTEGER, NULL, OCTET_STRING, SEQUENCE, element, oid, tagged};
use super::oaep::Oaep;

/// 1.2.840.113549.1.1.1
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

pub(super) type ContentKey = [u8; 32];

/// RecipientInfo, and the version that EnvelopedData has with it. RFC 5652 6.1
pub(super) struct RecipientInfo {
    pub(super) version: u8,
    pub(super) der: Vec<u8>,
}

pub(super) fn recipient_info(certificate: &Certificate, content_key: &ContentKey) -> Result<RecipientInfo, Unusable> {
    let id = &certificate.issuer_and_serial;
    match &certificate.key {
        Key::Rsa(key, oaep) => key_transport(id, key, *oaep, content_key),
        Key::Ec(curve, point) => key_agreement(id, *curve, point, content_key),
    }
}

/// KeyTransRecipientInfo. RFC 5652 6.2.1
fn key_transport(
    id: &[u8],
    key: &RsaPublicKey,
    oaep: Option<Oaep>,
    content_key: &ContentKey,
) -> Result<RecipientInfo, Unusable> {
    let (algorithm, encrypted) = match oaep {
        Some(oaep) => (oaep.algorithm(), key.encrypt(&mut OsRng, oaep.padding(), content_key)),
        None => {
            (element(SEQUENCE, &[&oid(RSA_ENCRYPTION), NULL]), key.encrypt(&mut OsRng, Pkcs1v15Encrypt, content_key))
        }
    };
    let encrypted = encrypted.map_err(|_| Unusable::Algorithm)?;
    let version = element(INTEGER, &[&[0]]);
    let der = element(SEQUENCE, &[&version, id, &algorithm, &element(OCTET_STRING, &[&encrypted])]);
    Ok(RecipientInfo { version: 0, der })
}

/// KeyAgreeRecipientInfo, with a key of our own for this message alone. RFC 5652 6.2.2, RFC 5753 3.1.1
fn key_agreement(id: &[u8], curve: Curve, point: &[u8], content_key: &ContentKey) -> Result<RecipientInfo, Unusable> {
    let agreed = curve.agree(point)?;
    let mut wrapped = [0; 40];
    KekAes256::from(agreed.kek).wrap(content_key, &mut wrapped).map_err(|_| Unusable::Algorithm)?;

    let bits = element(BIT_STRING, &[&[0], &agreed.our_point]);
    let originator = element(tagged(0), &[&element(tagged(1), &[&curve.key_algorithm(), &bits])]);
    let key = element(SEQUENCE, &[id, &element(OCTET_STRING, &[&wrapped])]);
    let version = element(INTEGER, &[&[3]]);
    let der = element(tagged(1), &[&version, &originator, &curve.scheme(), &element(SEQUENCE, &[&key])]);
    Ok(RecipientInfo { version: 2, der })
}

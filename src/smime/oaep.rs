//! RSAES-OAEP with the hashes that a certificate asks for.             RFC 4055 4; RFC 3560; RFC 4262
//!
//! A key that says by its algorithm that it is for OAEP alone gets nothing else, and whoever says among the capabilities in
//! its certificate that it reads OAEP gets that; all others get PKCS #1 v1.5, which every mail program reads.

use rsa::Oaep as Padding;
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::{Any, FromDer, Oid, Sequence};
use x509_parser::signature_algorithm::RsaAesOaepParams;

use super::der::{NULL, SEQUENCE, element, oid, tagged};

/// 1.2.840.113549.1.1.7
const RSAES_OAEP: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07];
/// 1.2.840.113549.1.1.8
const MGF1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08];
/// 1.2.840.113549.1.1.9
const P_SPECIFIED: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x09];

pub(super) const RSAES_OAEP_TEXT: &str = "1.2.840.113549.1.1.7";
const SMIME_CAPABILITIES_TEXT: &str = "1.2.840.113549.1.9.15";

/// Capabilities of one certificate that are looked at.
const CAPABILITIES_MAX: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    const ALL: [(Hash, &'static [u8]); 4] = [
        (Hash::Sha1, &[0x2b, 0x0e, 0x03, 0x02, 0x1a]),
        (Hash::Sha256, &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01]),
        (Hash::Sha384, &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02]),
        (Hash::Sha512, &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03]),
    ];

    fn by_oid(oid: &Oid<'_>) -> Option<Hash> {
        Hash::ALL.iter().find(|(_, arcs)| *arcs == oid.as_bytes()).map(|(hash, _)| *hash)
    }

    fn algorithm(self) -> Vec<u8> {
        let arcs = Hash::ALL.iter().find(|(hash, _)| *hash == self).map_or(&b""[..], |(_, arcs)| arcs);
        element(SEQUENCE, &[&oid(arcs), NULL])
    }
}

/// The hash of the label, which is empty, and that of the mask are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Oaep(Hash);

impl Oaep {
    /// By the parameters of a key's algorithm. Where there are none the sender may choose. RFC 4055 4.1
    pub(super) fn of_key(parameters: Option<&Any<'_>>) -> Option<Oaep> {
        match parameters {
            None => Some(Oaep(Hash::Sha256)),
            Some(parameters) => Oaep::by(parameters),
        }
    }

    /// The first one that is among the capabilities in a certificate. RFC 4262 2, RFC 3560 4
    pub(super) fn of_capabilities(parsed: &X509Certificate<'_>) -> Option<Oaep> {
        let is_it = |extension: &&x509_parser::extensions::X509Extension<'_>| {
            extension.oid.to_id_string() == SMIME_CAPABILITIES_TEXT
        };
        let (_, list) = Sequence::from_der(parsed.extensions().iter().find(is_it)?.value).ok()?;
        let mut rest = list.content.as_ref();
        for _ in 0..CAPABILITIES_MAX {
            let (behind, capability) = Sequence::from_der(rest).ok()?;
            let (parameters, id) = Oid::from_der(&capability.content).ok()?;
            if id.as_bytes() == RSAES_OAEP
                && let Ok((_, parameters)) = Any::from_der(parameters)
                && let Some(oaep) = Oaep::by(&parameters)
            {
                return Some(oaep);
            }
            rest = behind;
        }
        None
    }

    /// `None` for what is of two hashes, or has a label, or is not understood.
    fn by(parameters: &Any<'_>) -> Option<Oaep> {
        let parameters = RsaAesOaepParams::try_from(parameters).ok()?;
        let hash = Hash::by_oid(parameters.hash_algorithm_oid())?;
        let mask = parameters.mask_gen_algorithm().ok()?;
        let source = parameters.p_source_alg();
        let unlabelled = source.algorithm.as_bytes() == P_SPECIFIED
            && source.parameters.as_ref().is_none_or(|label| label.data.is_empty());
        let one = mask.mgf.as_bytes() == MGF1 && Hash::by_oid(&mask.hash) == Some(hash);
        (one && unlabelled).then_some(Oaep(hash))
    }

    pub(super) fn padding(self) -> Padding {
        match self.0 {
            Hash::Sha1 => Padding::new::<sha1::Sha1>(),
            Hash::Sha256 => Padding::new::<sha2::Sha256>(),
            Hash::Sha384 => Padding::new::<sha2::Sha384>(),
            Hash::Sha512 => Padding::new::<sha2::Sha512>(),
        }
    }

    /// AlgorithmIdentifier; a parameter that is the default is left out. RFC 3560 3
    pub(super) fn algorithm(self) -> Vec<u8> {
        let hash = self.0.algorithm();
        let parameters = match self.0 {
            Hash::Sha1 => element(SEQUENCE, &[]),
            _ => {
                let mask = element(SEQUENCE, &[&oid(MGF1), &hash]);
                element(SEQUENCE, &[&element(tagged(0), &[&hash]), &element(tagged(1), &[&mask])])
            }
        };
        element(SEQUENCE, &[&oid(RSAES_OAEP), &parameters])
    }
}

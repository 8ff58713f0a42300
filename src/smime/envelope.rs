//! The enveloped message.                           RFC 8551 3.2, 3.3; RFC 5652 6

use aes::Aes256;
use aes::cipher::inout::InOutBuf;
use aes::cipher::{BlockEncryptMut, KeyIvInit};
use rsa::rand_core::{OsRng, RngCore};

use super::certificate::{Certificate, Unusable};
use super::der::{self, INTEGER, OCTET_STRING, SEQUENCE, SET, element, oid, tagged, tagged_octets};
use super::lines::Base64Lines;
use super::recipient::{ContentKey, recipient_info};

/// Header fields that stay outside: what a list of messages, and threads of them, are made of.
pub const OUTER_FIELDS: [&str; 8] =
    ["From", "To", "Cc", "Subject", "Date", "Message-ID", "References", "In-Reply-To"];

/// 1.2.840.113549.1.7.3
const ENVELOPED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03];
/// 1.2.840.113549.1.7.1
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// 2.16.840.1.101.3.4.1.42
const AES256_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];

const BLOCK: usize = 16;

pub(super) const MIME_FIELDS: &[u8] = b"MIME-Version: 1.0\r\n\
    Content-Type: application/pkcs7-mime; smime-type=enveloped-data;\r\n name=\"smime.p7m\"\r\n\
    Content-Transfer-Encoding: base64\r\n\
    Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\r\n";

/// A message on its way into its envelope: begun with its size, fed with its octets, finished.
pub struct Envelope {
    cipher: cbc::Encryptor<Aes256>,
    lines: Base64Lines,
    /// Less than a block that is not encrypted yet.
    rest: Vec<u8>,
    /// Octets that are still to come.
    left: u64,
}

impl Envelope {
    /// Writes the header, with `outer` among it: fields as the message has them. `size` is how many octets will come.
    pub fn begin(
        certificate: &Certificate,
        outer: &[&[u8]],
        size: u64,
        out: &mut Vec<u8>,
    ) -> Result<Envelope, Unusable> {
        let (mut key, mut iv): (ContentKey, [u8; BLOCK]) = ([0; 32], [0; BLOCK]);
        [&mut key[..], &mut iv[..]].into_iter().for_each(|random| OsRng.fill_bytes(random));
        outer.iter().for_each(|field| field_lines(field, out));
        out.extend_from_slice(MIME_FIELDS);
        let mut lines = Base64Lines::default();
        lines.feed(&opening(certificate, &key, &iv, size)?, out);
        let cipher = cbc::Encryptor::<Aes256>::new(&key.into(), &iv.into());
        Ok(Envelope { cipher, lines, rest: Vec::with_capacity(BLOCK), left: size })
    }

    pub fn feed(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        self.left = self.left.saturating_sub(octets.len() as u64);
        self.encrypt(octets, out);
    }

    /// `None` where fewer octets came than were announced: what was written is no message.
    #[must_use]
    pub fn finish(mut self, out: &mut Vec<u8>) -> Option<()> {
        if self.left > 0 {
            return None;
        }
        // PKCS #7: as many octets as are missing, each with that number, a whole block where none is. RFC 5652 6.3
        let missing = BLOCK - self.rest.len();
        self.encrypt(&vec![missing as u8; missing], out);
        self.lines.finish(out);
        Some(())
    }

    fn encrypt(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        let mut data = std::mem::take(&mut self.rest);
        data.extend_from_slice(octets);
        let whole = data.len() - data.len() % BLOCK;
        self.rest = data.split_off(whole);
        // All of it at once: the cipher's rounds stay in its registers.
        let (blocks, _) = InOutBuf::from(&mut data[..]).into_chunks();
        self.cipher.encrypt_blocks_inout_mut(blocks);
        self.lines.feed(&data, out);
    }
}

/// All of ContentInfo that stands before the encrypted octets. RFC 5652 3, 6.1
fn opening(certificate: &Certificate, key: &ContentKey, iv: &[u8], size: u64) -> Result<Vec<u8>, Unusable> {
    let recipient = recipient_info(certificate, key)?;
    let encrypted_size = (size / BLOCK as u64 + 1) * BLOCK as u64;
    let encrypted_head = der::head(tagged_octets(0), encrypted_size);
    let algorithm = element(SEQUENCE, &[&oid(AES256_CBC), &element(OCTET_STRING, &[iv])]);
    let content = [oid(DATA), algorithm, encrypted_head].concat();
    let content_head = der::head(SEQUENCE, content.len() as u64 + encrypted_size);
    let recipients = element(SET, &[&recipient.der]);
    let enveloped = [element(INTEGER, &[&[recipient.version]]), recipients, content_head, content].concat();
    let enveloped_head = der::head(SEQUENCE, enveloped.len() as u64 + encrypted_size);
    let explicit = der::head(tagged(0), (enveloped_head.len() + enveloped.len()) as u64 + encrypted_size);
    let info = [oid(ENVELOPED_DATA), explicit, enveloped_head, enveloped].concat();
    Ok([der::head(SEQUENCE, info.len() as u64 + encrypted_size), info].concat())
}

/// One field in lines that end in CRLF, whatever they ended in, without NULs and stray CRs.
fn field_lines(field: &[u8], out: &mut Vec<u8>) {
    for line in field.split(|octet| *octet == b'\n') {
        let line: Vec<u8> = line.iter().copied().filter(|octet| !matches!(octet, b'\r' | b'\0')).collect();
        // An empty one would end the header.
        if !line.is_empty() {
            out.extend_from_slice(&line);
            out.extend_from_slice(b"\r\n");
        }
    }
}

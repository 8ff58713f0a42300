//! Messages, what is kept of them, and certificates.

use std::path::Path;

use gatepost::mime::{Encoding, Parser, Summary, SummaryRef, TransferDecoder, downgrade, fuzz as any};
use gatepost::smime::{Certificate, Description, Envelope, decode};
use gatepost::types::PartPath;

use super::common::transcript;
use super::{fuzz, owned};

const MAIL: &[&[u8]] = &[
    b"From: a <b@c>, \"d\" <e@f>\r\nTo: g: h@i;\r\nSubject: =?utf-8?q?=C3=A4?= =?iso-8859-1?B?5A==?=\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\n\r\nbody\r\n",
    b"Content-Type: multipart/mixed; boundary=\"A b\"; x*0=y\r\n\r\n--A b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/digest; boundary=B\r\n\r\n--B\r\n\r\nSubject: x\r\n\r\ny\r\n--B--\r\n--A b\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8=\r\n--A b--\r\n",
    b"Content-Type: text/html; charset=utf-8\r\n\r\n<html><style>a>b</style><!-- x --><p title=\"y\">&lt;caf&eacute;&#x20;<blockquote>z</blockquote><br/>\r\n",
    b"Subject: signed\r\nContent-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; boundary=s\r\n\r\n--s\r\nContent-Type: text/plain; format=flowed; delsp=yes\r\n\r\n> quoted \r\ntext\r\n--s\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=smime.p7s\r\n\r\nMIAGCSqGSIb3DQEHAqCA\r\n--s--\r\n",
    b"From: \xc3\xa4@\xc3\xb6.example\r\nSubject: \xe2\x82\xac\r\nContent-Type: message/global\r\n\r\nTo: \"\xc3\xbc\" <x@y>\r\nContent-Type: text/plain; charset=iso-2022-jp\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=1B$B$3=1B(B=\r\n=20\r\n",
    b"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x.txt\r\n%:&5L;&\\\r\n`\r\nend\r\n",
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n--r\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nAction: failed\r\n--r\r\nContent-Type: text/rfc822-headers\r\n\r\nReceived: from a (b [1.2.3.4])\r\n\tby c; Thu, 1 Jan 1970 00:00:00 +0000\r\n",
];

/// Those, those by hand of tests/data, real mail, and one that is encrypted.
fn mail() -> Vec<Vec<u8>> {
    let read = |path: &str| std::fs::read(path).unwrap();
    let files = transcript::files_below(Path::new("tests/data/mime")).into_iter();
    let by_hand = files.filter(|path| path.extension().is_some_and(|extension| extension == "eml"));
    let by_hand = by_hand.map(|path| std::fs::read(path).unwrap()).collect();
    let mbox = read("tests/data/demo.mbox");
    let starts: Vec<usize> = memchr::memmem::find_iter(&mbox, b"\n\nFrom ").map(|at| at + 2).collect();
    let real = starts.windows(2).map(|ends| mbox[ends[0]..ends[1]].to_vec()).collect();
    let (certificate, _) = certificate(&rcgen::PKCS_ECDSA_P256_SHA256);
    [owned(MAIL), by_hand, real, vec![sealed(&certificate)]].concat()
}

#[test]
fn messages() {
    fuzz("messages", mail(), |input| {
        any::message(input, 7);
        any::header(input);
        downgrade(input);
        for encoding in [Encoding::QuotedPrintable, Encoding::Base64, Encoding::Uuencode] {
            assert_eq!(decoded(encoding, input, usize::MAX), decoded(encoding, input, 7), "pieces matter: {input:?}");
        }
        let octets = summary_of(input);
        let summary = SummaryRef::new(&octets).unwrap();
        for text in [summary.envelope(), summary.body(), summary.body_structure()] {
            assert!(
                is_one_list(text),
                "{:?} gives {:?}",
                String::from_utf8_lossy(input),
                String::from_utf8_lossy(text)
            );
        }
        for part in summary.parts() {
            assert!(
                part.header.end <= part.body.start
                    && part.body.start <= part.body.end
                    && part.body.end <= input.len() as u64
            );
        }
        summary.part(&PartPath(vec![1, 2, 1]));
    });
}

fn summary_of(message: &[u8]) -> Vec<u8> {
    let mut parser = Parser::new();
    parser.feed(message);
    Summary::encode(&parser.finish())
}

fn decoded(encoding: Encoding, octets: &[u8], piece: usize) -> Vec<u8> {
    let (mut decoder, mut out) = (TransferDecoder::new(encoding), Vec::new());
    octets.chunks(piece).for_each(|piece| decoder.feed(piece, &mut out));
    decoder.finish(&mut out);
    out
}

/// One parenthesised list of the wire, all of it.
fn is_one_list(mut text: &[u8]) -> bool {
    let mut depth = 0;
    while let Some((&first, rest)) = text.split_first() {
        text = rest;
        match first {
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return text.is_empty();
                }
            }
            b'"' => loop {
                match text.split_first() {
                    Some((b'"', rest)) => {
                        text = rest;
                        break;
                    }
                    Some((b'\\', rest)) if !rest.is_empty() => text = &rest[1..],
                    // RFC 9051 9: a quoted string has any character but CR and LF.
                    Some((1..=9 | 11 | 12 | 14..=127, rest)) => text = rest,
                    _ => return false,
                }
            },
            b'{' => {
                let Some(end) = text.iter().position(|b| *b == b'}') else { return false };
                let length: usize = std::str::from_utf8(&text[..end]).unwrap().parse().unwrap();
                let Some(literal) = text.get(end + 3..end + 3 + length) else { return false };
                if literal.contains(&0) {
                    return false;
                }
                text = &text[end + 3 + length..];
            }
            b' ' | b'0'..=b'9' | b'A'..=b'Z' => {}
            _ => return false,
        }
    }
    false
}

/// What is kept of a message beside it; a disk may have damaged it.
#[test]
fn summaries() {
    let seeds = mail().iter().map(|message| summary_of(message)).collect();
    fuzz("summaries", seeds, any::summary);
}

/// A certificate of a key, and in DER.
fn certificate(algorithm: &'static rcgen::SignatureAlgorithm) -> (Certificate, rcgen::Certificate) {
    let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
    let made = rcgen::CertificateParams::new(vec!["example.com".into()]).unwrap().self_signed(&key).unwrap();
    (Certificate::from_der(made.der(), NOW_SECS).unwrap(), made)
}

const NOW_SECS: i64 = 1_800_000_000;

/// An encrypted message.
fn sealed(certificate: &Certificate) -> Vec<u8> {
    let mut out = Vec::new();
    let mut envelope = Envelope::begin(certificate, &[b"Subject: x\r\n"], 5, &mut out).unwrap();
    envelope.feed(b"hello", &mut out);
    envelope.finish(&mut out).unwrap();
    out
}

/// A certificate is anybody's octets; what is taken can be encrypted for, or is refused then. So are the octets of which
/// it is asked whether they are encrypted for one.
#[test]
fn certificates() {
    let (ours, p256) = certificate(&rcgen::PKCS_ECDSA_P256_SHA256);
    let (_, p384) = certificate(&rcgen::PKCS_ECDSA_P384_SHA384);
    let (pem, message) = (p256.pem(), sealed(&ours));
    // By openssl: rcgen makes none of these keys.
    let rsa = include_bytes!("../data/rsa.pem");
    let der = |pem: &[u8]| decode(pem).unwrap();
    let oaep = der(include_bytes!("../data/rsa-oaep.pem"));
    let p521 = der(include_bytes!("../data/p521.pem"));
    let x25519 = der(include_bytes!("../data/x25519.pem"));
    // A key that is for OAEP alone, which openssl does not make either.
    let key = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    let at = memchr::memmem::find(&oaep, key).unwrap();
    let mut alone = oaep.clone();
    alone[at + 8..at + 11].copy_from_slice(b"\x07\x30\x00");
    for der in [&oaep, &alone, &p521, &x25519] {
        Certificate::from_der(der, NOW_SECS).unwrap();
    }
    let seeds: [&[u8]; 9] = [p256.der(), p384.der(), pem.as_bytes(), rsa, &message, &oaep, &alone, &p521, &x25519];
    fuzz("certificates", owned(&seeds), move |input| {
        ours.recognises(input);
        let Ok(der) = decode(input) else { return };
        let _ = Description::of(&der, NOW_SECS);
        let Ok(certificate) = Certificate::from_der(&der, NOW_SECS) else { return };
        let mut out = Vec::new();
        if let Ok(mut envelope) = Envelope::begin(&certificate, &[b"Subject: x\r\n"], 5, &mut out) {
            envelope.feed(b"hello", &mut out);
            assert!(envelope.finish(&mut out).is_some() && certificate.recognises(&out));
        }
    });
}

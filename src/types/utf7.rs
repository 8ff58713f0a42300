//! Modified UTF-7.                                  RFC 3501 5.1.3

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone),
);

pub fn encode(name: &str) -> String {
    let mut out = String::new();
    let mut shifted: Vec<u16> = Vec::new();
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            shift(&mut out, &mut shifted);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            shifted.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
    }
    shift(&mut out, &mut shifted);
    out
}

fn shift(out: &mut String, shifted: &mut Vec<u16>) {
    if !shifted.is_empty() {
        let octets: Vec<u8> = shifted.drain(..).flat_map(u16::to_be_bytes).collect();
        out.push('&');
        BASE64.encode_string(octets, out);
        out.push('-');
    }
}

/// `None` for what no client may send: 8-bit characters, broken base64, half a character.
///
/// A printable character in base64 is read as what it stands for, since clients exist that write it.
pub fn decode(name: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = name;
    while let Some(at) = rest.find('&') {
        let (plain, shifted) = (&rest[..at], &rest[at + 1..]);
        let end = shifted.find('-')?;
        out.push_str(plain);
        match &shifted[..end] {
            "" => out.push('&'),
            encoded => out.push_str(&unshift(encoded)?),
        }
        rest = &shifted[end + 1..];
    }
    out.push_str(rest);
    name.bytes().all(|b| matches!(b, b' '..=b'~')).then_some(out)
}

fn unshift(encoded: &str) -> Option<String> {
    let octets = BASE64.decode(encoded).ok()?;
    let units = octets.chunks(2).map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)));
    String::from_utf16(&units.collect::<Option<Vec<u16>>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        let pairs = [
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("a&b", "a&-b"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("😀", "&2D3eAA-"),
        ];
        for (plain, wire) in pairs {
            assert_eq!(encode(plain), wire);
            assert_eq!(decode(wire).as_deref(), Some(plain));
        }
        for bad in ["&", "a&b", "&U,BTFw", "&====-", "&2D0-", "ü", "&A-"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}

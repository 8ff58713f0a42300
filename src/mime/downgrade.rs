//! A header in UTF-8 for clients that know ASCII alone.           RFC 6858; RFC 6532; RFC 2047; RFC 2231
//!
//! As RFC 6858 has it, with what of RFC 6857 loses less: a display name becomes encoded words where the address itself
//! is ASCII; an address that is not is replaced by one that is nobody's and tells what it was; Subject becomes encoded
//! words; a parameter of MIME is percent-encoded; any other field that is not ASCII is left out. A field that is no UTF-8
//! is not internationalised but broken mail: it stays as it is, since nobody knows what it means.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::address::{Address, addresses};
use super::content::{ContentType, Disposition, Param};
use super::header::{HeaderField, fields, unfold};

/// Octets of text in one encoded word: with its frame it stays below the 75 of RFC 2047 2.
const WORD_BYTES_MAX: usize = 42;

/// In the place of an address that the client cannot have. RFC 6858 2.1
const NOBODY: &str = "<invalid@internationalized-address.invalid>";

const ADDRESSES: [&str; 14] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "resent-from",
    "resent-sender",
    "resent-to",
    "resent-cc",
    "resent-bcc",
    "resent-reply-to",
    "mail-followup-to",
    "disposition-notification-to",
];

/// The header block as ASCII; `None` where it needs no change.
pub fn downgrade(block: &[u8]) -> Option<Vec<u8>> {
    let changes = |field: &HeaderField<'_>| !field.raw.is_ascii() && std::str::from_utf8(field.raw).is_ok();
    if block.is_ascii() || !fields(block).any(|field| changes(&field)) {
        return None;
    }
    let (mut out, mut all) = (Vec::with_capacity(block.len() + 200), fields(block));
    for field in all.by_ref() {
        match changes(&field) {
            true => rewrite(&field, &mut out),
            false => out.extend_from_slice(field.raw),
        }
    }
    out.extend_from_slice(all.empty_line());
    Some(out)
}

fn rewrite(field: &HeaderField<'_>, out: &mut Vec<u8>) {
    let body = unfold(field.body);
    let name = String::from_utf8_lossy(field.name).to_ascii_lowercase();
    let text = match name.as_str() {
        _ if !field.name.is_ascii() => None,
        "subject" => Some(words(String::from_utf8_lossy(&body).trim())),
        "content-type" => ContentType::parse(&body).filter(is_ascii_type).map(|of| {
            let media = [of.media.as_slice(), b"/", &of.subtype].concat();
            with_params(&media, &of.params)
        }),
        "content-disposition" => {
            Disposition::parse(&body).filter(|of| of.kind.is_ascii()).map(|of| with_params(&of.kind, &of.params))
        }
        name if ADDRESSES.contains(&name) => Some(address_list(&addresses(&body))),
        _ => None,
    };
    let Some(text) = text.filter(|text| !text.is_empty()) else { return };
    out.extend_from_slice(field.name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn is_ascii_type(of: &ContentType) -> bool {
    of.media.is_ascii() && of.subtype.is_ascii()
}

/// Encoded words, a line each; text that is ASCII stays. RFC 2047 4.1, 5
fn words(text: &str) -> String {
    if text.is_ascii() {
        return text.to_string();
    }
    let mut words: Vec<&str> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(WORD_BYTES_MAX);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        words.push(&rest[..end]);
        rest = &rest[end..];
    }
    let encoded: Vec<String> = words.iter().map(|word| format!("=?utf-8?B?{}?=", BASE64.encode(word))).collect();
    encoded.join("\r\n ")
}

fn address_list(list: &[Address]) -> String {
    let (mut out, mut separate) = (String::new(), false);
    for address in list {
        match (&address.mailbox, &address.host) {
            // The end of a group, and its beginning.
            (None, None) => {
                out.push(';');
                separate = true;
            }
            (Some(group), None) => {
                separator(&mut out, separate);
                out.push_str(&phrase(group));
                out.push(':');
                separate = false;
            }
            _ => {
                separator(&mut out, separate);
                out.push_str(&mailbox(address));
                separate = true;
            }
        }
    }
    out
}

fn separator(out: &mut String, separate: bool) {
    match (separate, out.is_empty()) {
        (true, _) => out.push_str(",\r\n "),
        (false, false) => out.push(' '),
        (false, true) => {}
    }
}

fn mailbox(address: &Address) -> String {
    let text = |octets: &Option<Vec<u8>>| String::from_utf8_lossy(octets.as_deref().unwrap_or(b"")).into_owned();
    let (name, local, host) = (text(&address.name), text(&address.mailbox), text(&address.host));
    if !local.is_ascii() || !host.is_ascii() {
        let shown = format!("{name} {local}@{host}");
        return format!("{} {NOBODY}", words(shown.trim()));
    }
    let local = match local.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b)) {
        true => local,
        false => quoted(&local),
    };
    match name.is_empty() {
        true => format!("<{local}@{host}>"),
        false => format!("{} <{local}@{host}>", phrase(name.as_bytes())),
    }
}

fn phrase(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    match name.is_ascii() {
        true => quoted(&name),
        false => words(&name),
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars().filter(|c| !c.is_ascii_control()) {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// A MIME field: parameters that are not ASCII as RFC 2231 4 has them.
fn with_params(value: &[u8], params: &[Param]) -> String {
    let mut out = String::from_utf8_lossy(value).into_owned();
    for (name, value) in params.iter().filter(|(name, _)| name.is_ascii()) {
        let name = String::from_utf8_lossy(name);
        match std::str::from_utf8(value) {
            Ok(text) if text.is_ascii() && name.ends_with('*') => out.push_str(&format!(";\r\n {name}={text}")),
            Ok(text) if text.is_ascii() => out.push_str(&format!(";\r\n {name}={}", quoted(text))),
            _ => out.push_str(&format!(";\r\n {}*={}", name.trim_end_matches('*'), extended(value))),
        }
    }
    out
}

fn extended(value: &[u8]) -> String {
    let mut out = String::from("utf-8''");
    for octet in value {
        match octet.is_ascii_alphanumeric() || b"-._~".contains(octet) {
            true => out.push(char::from(*octet)),
            false => out.push_str(&format!("%{octet:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::{decode_field, header_fields};
    use super::*;

    fn down(header: &str) -> String {
        let out = downgrade(header.replace('\n', "\r\n").as_bytes()).unwrap();
        assert!(out.is_ascii());
        for field in header_fields(&out) {
            assert!(field.raw.split(|b| *b == b'\n').all(|line| line.len() < 200), "{field:?}");
        }
        String::from_utf8(out).unwrap().replace("\r\n", "\n")
    }

    #[test]
    fn fields_by_kind() {
        let cases = [
            ("Subject: Grüße\nX: y\n\n", "Subject: =?utf-8?B?R3LDvMOfZQ==?=\nX: y\n\n"),
            ("X-Other: ü\nTo: a@b\n\n", "To: a@b\n\n"),
            ("From: Jürgen <j@example.com>\n\n", "From: =?utf-8?B?SsO8cmdlbg==?= <j@example.com>\n\n"),
            (
                "To: \"A, B\" <a@b.c>, Jø <jø@example.no>\n\n",
                "To: \"A, B\" <a@b.c>,\n =?utf-8?B?SsO4IGrDuEBleGFtcGxlLm5v?= <invalid@internationalized-address.invalid>\n\n",
            ),
            ("Cc: Leute: ü <a@b>, c@d;\n\n", "Cc: \"Leute\": =?utf-8?B?w7w=?= <a@b>,\n <c@d>;\n\n"),
            (
                "Content-Disposition: attachment; filename=\"ü.txt\"; size=3\n\n",
                "Content-Disposition: attachment;\n filename*=utf-8''%C3%BC.txt;\n size=\"3\"\n\n",
            ),
            ("Content-Type: text/plain; name=ü\n\n", "Content-Type: text/plain;\n name*=utf-8''%C3%BC\n\n"),
        ];
        for (header, want) in cases {
            assert_eq!(down(header), want, "{header}");
        }
        assert_eq!(downgrade(b"Subject: x\r\n\r\n"), None);
        assert_eq!(downgrade(b"Subject: caf\xe9\r\n\r\n"), None, "no UTF-8 at all");
    }

    #[test]
    fn long_subjects() {
        let text = "äöü€😀 ".repeat(50);
        let out = down(&format!("Subject: {text}\n\n")).replace('\n', "\r\n");
        let subject = header_fields(out.as_bytes()).next().unwrap().body;
        assert_eq!(decode_field(subject), text.trim_end());
        assert!(out.lines().all(|line| line.len() <= 76 + 9), "{out}");
    }
}

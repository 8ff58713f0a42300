//! BODY and BODYSTRUCTURE.                          RFC 9051 7.5.2
//!
//! As Dovecot writes them where the RFC leaves a choice: words as in the message, `us-ascii` where a text part names no
//! charset, `7bit` where it names no encoding, and an empty text part in a multipart that has none.

use super::content::Value;
use super::parser::{Kind, Message, Part};

/// Without extension data, or with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Body,
    BodyStructure,
}

/// A string of the wire: quoted if it is ASCII without controls, else a literal. NULs are left out.
pub(super) fn string(out: &mut Vec<u8>, text: &[u8]) {
    if text.iter().all(|b| matches!(b, b' '..=b'~')) {
        out.push(b'"');
        for &octet in text {
            if matches!(octet, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(octet);
        }
        return out.push(b'"');
    }
    let text: Vec<u8> = text.iter().copied().filter(|b| *b != 0).collect();
    out.extend_from_slice(format!("{{{}}}\r\n", text.len()).as_bytes());
    out.extend(text);
}

pub(super) fn nstring(out: &mut Vec<u8>, text: Option<&[u8]>) {
    match text {
        Some(text) => string(out, text),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// Recurses as deep as messages are parsed: `parser::DEPTH_MAX`.
pub(super) fn write(out: &mut Vec<u8>, message: &Message, part: &Part, form: Form) {
    out.push(b'(');
    match part.kind {
        Kind::Multipart => multipart(out, message, part, form),
        _ => single(out, message, part, form),
    }
    out.push(b')');
}

fn multipart(out: &mut Vec<u8>, message: &Message, part: &Part, form: Form) {
    for child in &part.children {
        if let Some(child) = message.parts.get(*child) {
            write(out, message, child, form);
        }
    }
    if part.children.is_empty() {
        out.extend_from_slice(b"(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)");
    }
    out.push(b' ');
    string(out, part.subtype());
    if form == Form::BodyStructure {
        out.push(b' ');
        params(out, &part.content_type.params, None);
        out.push(b' ');
        tail(out, part);
    }
}

fn single(out: &mut Vec<u8>, message: &Message, part: &Part, form: Form) {
    let (kind, subtype) = (part.media_type(), part.subtype());
    let is_text = kind.eq_ignore_ascii_case(b"text");
    string(out, kind);
    out.push(b' ');
    string(out, subtype);
    out.push(b' ');
    params(out, &part.content_type.params, is_text.then_some("us-ascii"));
    for text in [&part.id, &part.description] {
        out.push(b' ');
        nstring(out, text.as_deref());
    }
    out.push(b' ');
    string(out, part.encoding.as_deref().filter(|name| !name.is_empty()).unwrap_or(b"7bit"));
    out.extend_from_slice(format!(" {}", part.body.end - part.body.start).as_bytes());
    if part.kind == Kind::Message {
        out.push(b' ');
        let nested = part.children.first().and_then(|child| message.parts.get(*child));
        match nested {
            Some(nested) => {
                out.extend_from_slice(&nested.envelope);
                out.push(b' ');
                write(out, message, nested, form);
            }
            None => out.extend_from_slice(
                b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)",
            ),
        }
    }
    if is_text || part.kind == Kind::Message {
        out.extend_from_slice(format!(" {}", part.lines).as_bytes());
    }
    if form == Form::BodyStructure {
        out.push(b' ');
        nstring(out, part.md5.as_deref());
        out.push(b' ');
        tail(out, part);
    }
}

fn params(out: &mut Vec<u8>, params: &[(Vec<u8>, Vec<u8>)], charset: Option<&str>) {
    let named = params.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"charset"));
    let charset = charset.filter(|_| !named).map(|charset| (b"charset".to_vec(), charset.as_bytes().to_vec()));
    if params.is_empty() && charset.is_none() {
        return out.extend_from_slice(b"NIL");
    }
    for (i, (name, value)) in params.iter().chain(charset.iter()).enumerate() {
        out.push(if i == 0 { b'(' } else { b' ' });
        string(out, name);
        out.push(b' ');
        string(out, value);
    }
    out.push(b')');
}

/// Disposition, language, location.
fn tail(out: &mut Vec<u8>, part: &Part) {
    match &part.disposition {
        Some(Value { word, params: with }) => {
            out.push(b'(');
            string(out, word);
            out.push(b' ');
            params(out, with, None);
            out.push(b')');
        }
        None => out.extend_from_slice(b"NIL"),
    }
    out.push(b' ');
    match part.language.as_slice() {
        [] => out.extend_from_slice(b"NIL"),
        languages => {
            for (i, language) in languages.iter().enumerate() {
                out.push(if i == 0 { b'(' } else { b' ' });
                string(out, language);
            }
            out.push(b')');
        }
    }
    out.push(b' ');
    nstring(out, part.location.as_deref());
}

//! BODY and BODYSTRUCTURE.                          RFC 9051 7.5.2
//!
//! As Dovecot writes them where the RFC leaves a choice: words as in the message, `us-ascii` where a text part names no
//! charset, `7bit` where it names no encoding. BODY is BODYSTRUCTURE without extension data: it is enough to write the
//! latter and to remember where that data stands.

use std::ops::Range;

use super::content::Param;
use super::part::{Kind, Message, Part};
use super::wire::{nstring, string};

/// BODYSTRUCTURE, and where in it the extension data stands, each with the space before it.
#[derive(Default)]
pub(super) struct Structure {
    pub(super) wire: Vec<u8>,
    extensions: Vec<Range<usize>>,
}

impl Structure {
    pub(super) fn of(message: &Message) -> Structure {
        let wire = Vec::with_capacity(message.parts.len() * 128);
        let mut structure = Structure { wire, extensions: Vec::with_capacity(message.parts.len()) };
        if let Some(root) = message.parts.first() {
            structure.write(message, root);
        }
        structure
    }

    /// BODY.
    pub(super) fn body(&self) -> Vec<u8> {
        let (mut out, mut at) = (Vec::with_capacity(self.wire.len()), 0);
        for extension in &self.extensions {
            out.extend_from_slice(&self.wire[at..extension.start]);
            at = extension.end;
        }
        out.extend_from_slice(&self.wire[at..]);
        out
    }

    /// Recurses as deep as messages are taken apart: `parser::DEPTH_MAX`.
    fn write(&mut self, message: &Message, part: &Part) {
        self.wire.push(b'(');
        match part.kind {
            Kind::Multipart => self.multipart(message, part),
            Kind::Leaf | Kind::Message => self.single(message, part),
        }
        self.wire.push(b')');
    }

    fn multipart(&mut self, message: &Message, part: &Part) {
        for child in part.children.iter().filter_map(|child| message.parts.get(*child)) {
            self.write(message, child);
        }
        self.space();
        string(&mut self.wire, &part.content_type.subtype);
        self.extension(|out| {
            params(out, &part.content_type.params, None);
            out.push(b' ');
            tail(out, part);
        });
    }

    fn single(&mut self, message: &Message, part: &Part) {
        let charset = part.is_text().then_some("us-ascii");
        string(&mut self.wire, &part.content_type.media);
        self.space();
        string(&mut self.wire, &part.content_type.subtype);
        self.space();
        params(&mut self.wire, &part.content_type.params, charset);
        for text in [&part.id, &part.description] {
            self.space();
            nstring(&mut self.wire, text.as_deref());
        }
        self.space();
        string(&mut self.wire, part.encoding.as_deref().unwrap_or(b"7bit"));
        self.number(part.body.end - part.body.start);
        if let (Kind::Message, Some(root)) = (part.kind, part.children.first().and_then(|c| message.parts.get(*c))) {
            self.space();
            self.wire.extend_from_slice(&root.envelope);
            self.space();
            self.write(message, root);
        }
        if part.is_text() || part.kind == Kind::Message {
            self.number(part.lines);
        }
        self.extension(|out| {
            nstring(out, part.md5.as_deref());
            out.push(b' ');
            tail(out, part);
        });
    }

    fn space(&mut self) {
        self.wire.push(b' ');
    }

    fn number(&mut self, number: u64) {
        self.wire.extend_from_slice(format!(" {number}").as_bytes());
    }

    fn extension(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.wire.len();
        self.space();
        write(&mut self.wire);
        self.extensions.push(start..self.wire.len());
    }
}

/// `body-fld-param`
fn params(out: &mut Vec<u8>, params: &[Param], charset: Option<&str>) {
    let named = params.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"charset"));
    let default = charset.filter(|_| !named).map(|charset| (b"charset".to_vec(), charset.as_bytes().to_vec()));
    let mut all = params.iter().chain(&default).peekable();
    if all.peek().is_none() {
        return nstring(out, None);
    }
    out.push(b'(');
    for (i, (name, value)) in all.enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        string(out, name);
        out.push(b' ');
        string(out, value);
    }
    out.push(b')');
}

/// Disposition, language and location.
fn tail(out: &mut Vec<u8>, part: &Part) {
    match &part.disposition {
        Some(disposition) => {
            out.push(b'(');
            string(out, &disposition.kind);
            out.push(b' ');
            params(out, &disposition.params, None);
            out.push(b')');
        }
        None => nstring(out, None),
    }
    out.push(b' ');
    for (i, language) in part.languages.iter().enumerate() {
        out.push(if i == 0 { b'(' } else { b' ' });
        string(out, language);
    }
    match part.languages.is_empty() {
        true => nstring(out, None),
        false => out.push(b')'),
    }
    out.push(b' ');
    nstring(out, part.location.as_deref());
}

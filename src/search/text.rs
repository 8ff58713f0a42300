//! Strings in headers and in text.                  RFC 9051 6.4.4 (BODY, HEADER, TEXT)
//!
//! Text is what a person would read: the text parts of the message and of messages in it, decoded from their
//! transfer encoding and charset; other parts are not looked into. Parts that are ASCII as they stand are searched
//! where they lie.

use super::compile::Scope;
use super::matching::Subject;
use super::needle::Needle;
use crate::mime::{PartRef, TextDecoder, decode_field, fold, header_fields};

/// Octets of header that are read for one message: no honest header is longer.
const HEADER_BYTES_MAX: u64 = 1 << 20;

/// HEADER: a field of this name whose decoded body holds the needle; an empty needle asks for the field alone.
pub(super) fn header<S: Subject>(subject: &mut S, name: &str, needle: &Needle) -> Result<bool, S::Error> {
    let mut block = Vec::new();
    let mut end = 0;
    let known = subject.with_summary(&mut |summary| {
        end = summary.parts().next().map_or(0, |root| root.header.end);
        Ok(true)
    })?;
    if !known {
        return Ok(false);
    }
    subject.read(0, end.min(HEADER_BYTES_MAX), &mut |octets| {
        block.extend_from_slice(octets);
        true
    })?;
    Ok(header_fields(&block).any(|field| {
        field.name.eq_ignore_ascii_case(name.as_bytes())
            && (needle.is_empty() || needle.in_folded(&fold(&decode_field(field.body))))
    }))
}

/// BODY and TEXT.
pub(super) fn text<S: Subject>(subject: &mut S, scope: Scope, needle: &Needle) -> Result<bool, S::Error> {
    let mut parts: Vec<PartRef> = Vec::new();
    subject.with_summary(&mut |summary| {
        parts.extend(summary.parts());
        Ok(true)
    })?;
    for (at, part) in parts.iter().enumerate() {
        let whole = at > 0 || scope == Scope::Whole;
        if whole && in_header(subject, part, needle)? {
            return Ok(true);
        }
        if part.is_text && in_body(subject, part, needle)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The header of a part; of the message itself for TEXT only.
fn in_header<S: Subject>(subject: &S, part: &PartRef, needle: &Needle) -> Result<bool, S::Error> {
    let mut block = Vec::new();
    let end = part.header.end.min(part.header.start + HEADER_BYTES_MAX);
    subject.read(part.header.start, end, &mut |octets| {
        block.extend_from_slice(octets);
        true
    })?;
    if needle.in_raw(&block) == Some(true) {
        return Ok(true);
    }
    Ok(needle.in_folded(&fold(&decode_field(&block))))
}

fn in_body<S: Subject>(subject: &S, part: &PartRef, needle: &Needle) -> Result<bool, S::Error> {
    let mut search = Windowed { needle, held: String::new(), found: false };
    let mut decoder = TextDecoder::new(part.encoding, part.charset.as_deref());
    let mut raw = RawWindow { needle, tail: Vec::new() };
    let plain = part.is_plain && needle.in_raw(b"").is_some();
    subject.read(part.body.start, part.body.end, &mut |octets| {
        search.found = match plain {
            true => raw.feed(octets),
            false => {
                let mut text = String::new();
                decoder.feed(octets, &mut text);
                search.feed(&text)
            }
        };
        !search.found
    })?;
    if !search.found && !plain {
        let mut text = String::new();
        decoder.finish(&mut text);
        search.found = search.feed(&text);
    }
    Ok(search.found)
}

/// Finds a needle that two pieces of text share.
struct Windowed<'a> {
    needle: &'a Needle,
    /// The end of what came before, as long as the needle.
    held: String,
    found: bool,
}

impl Windowed<'_> {
    fn feed(&mut self, text: &str) -> bool {
        self.held.push_str(&fold(text));
        if self.needle.in_folded(&self.held) {
            return true;
        }
        let mut cut = self.held.len().saturating_sub(self.needle.len());
        while !self.held.is_char_boundary(cut) {
            cut -= 1;
        }
        self.held.drain(..cut);
        false
    }
}

/// As `Windowed`, over octets as they are.
struct RawWindow<'a> {
    needle: &'a Needle,
    tail: Vec<u8>,
}

impl RawWindow<'_> {
    fn feed(&mut self, octets: &[u8]) -> bool {
        let long = self.needle.len();
        self.tail.extend_from_slice(&octets[..octets.len().min(long)]);
        if self.needle.in_raw(&self.tail) == Some(true) || self.needle.in_raw(octets) == Some(true) {
            return true;
        }
        if octets.len() >= long {
            self.tail.clear();
            self.tail.extend_from_slice(&octets[octets.len() - long..]);
        }
        let cut = self.tail.len().saturating_sub(long);
        self.tail.drain(..cut);
        false
    }
}

//! Strings in headers and in text.                  RFC 9051 6.4.4 (BODY, HEADER, TEXT)
//!
//! Text is what a person would read: the text parts of the message and of messages in it, decoded from their
//! transfer encoding and charset; other parts are not looked into. Parts that are ASCII as they stand are searched
//! where they lie.

use super::compile::Scope;
use super::fuzzy::{FuzzyNeedle, Weight};
use super::matching::Subject;
use super::needle::{InRaw, Needle};
use crate::mime::{Include, PartRef, TextDecoder, decode_field, header_fields};

/// Octets of header that are read for one message: no honest header is longer.
const HEADER_BYTES_MAX: u64 = 1 << 20;

/// HEADER: a field of this name whose decoded body holds the needle; an empty needle asks for the field alone.
pub(super) fn header<S: Subject>(subject: &mut S, name: &str, needle: &Needle) -> Result<bool, S::Error> {
    let block = named_fields(subject, name)?;
    let holds = |body: &[u8]| needle.is_empty() || needle.is_in(&decode_field(body));
    Ok(header_fields(&block).any(|field| field.is(name) && holds(field.body)))
}

pub(super) fn fuzzy_header<S: Subject>(subject: &mut S, name: &str, needle: &FuzzyNeedle) -> Result<u8, S::Error> {
    let block = named_fields(subject, name)?;
    let named = header_fields(&block).filter(|field| field.is(name));
    Ok(named.map(|field| needle.score(&decode_field(field.body), Weight::Header)).max().unwrap_or(0))
}

/// A header block that has all fields of a name: of the summary, else of the message.
fn named_fields<S: Subject>(subject: &mut S, name: &str) -> Result<Vec<u8>, S::Error> {
    let (mut kept, mut end) = (None, 0);
    subject.with_summary(&mut |summary| {
        kept = summary.header_fields(&[name], Include::Only);
        end = summary.header_range().end;
        Ok(true)
    })?;
    match kept {
        Some(fields) => Ok(fields),
        None => block(subject, 0, end),
    }
}

fn block<S: Subject>(subject: &mut S, start: u64, end: u64) -> Result<Vec<u8>, S::Error> {
    let mut block = Vec::new();
    subject.read(start, end.min(start + HEADER_BYTES_MAX), &mut |octets| {
        block.extend_from_slice(octets);
        true
    })?;
    Ok(block)
}

/// The parts whose text is looked at, the message itself first.
fn parts<S: Subject>(subject: &mut S) -> Result<Vec<PartRef>, S::Error> {
    let mut parts = Vec::new();
    subject.with_summary(&mut |summary| {
        parts.extend(summary.parts());
        Ok(true)
    })?;
    Ok(parts)
}

/// BODY and TEXT: no header fields are of a body, those of its parts neither.
pub(super) fn text<S: Subject>(subject: &mut S, scope: Scope, needle: &Needle) -> Result<bool, S::Error> {
    for part in &parts(subject)? {
        if scope == Scope::Whole && in_header(subject, part, needle)? {
            return Ok(true);
        }
        if part.is_text && in_body(subject, part, needle)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The words may stand in different parts of the message.
pub(super) fn fuzzy_text<S: Subject>(subject: &mut S, scope: Scope, needle: &FuzzyNeedle) -> Result<u8, S::Error> {
    let (mut header, mut all) = (needle.hits(), needle.hits());
    for part in &parts(subject)? {
        if scope == Scope::Whole {
            let text = decode_field(&block(subject, part.header.start, part.header.end)?);
            header.feed(&text);
            all.feed(&text);
            all.feed("\n");
        }
        if part.is_text && !all.is_complete() {
            let mut decoder = TextDecoder::new(part.encoding, part.charset.as_deref());
            subject.read(part.body.start, part.body.end, &mut |octets| {
                let mut text = String::new();
                decoder.feed(octets, &mut text);
                all.feed(&text);
                !all.is_complete()
            })?;
            let mut text = String::new();
            decoder.finish(&mut text);
            text.push('\n');
            all.feed(&text);
        }
    }
    Ok(header.score(Weight::Header).max(all.score(Weight::Body)))
}

fn in_header<S: Subject>(subject: &mut S, part: &PartRef, needle: &Needle) -> Result<bool, S::Error> {
    let block = block(subject, part.header.start, part.header.end)?;
    Ok(needle.in_raw(&block) == InRaw::Found || needle.is_in(&decode_field(&block)))
}

/// Octets as they are where they can tell, else decoded text.
fn in_body<S: Subject>(subject: &mut S, part: &PartRef, needle: &Needle) -> Result<bool, S::Error> {
    if part.is_plain && needle.in_raw(b"") != InRaw::Unknown {
        let mut raw = RawWindow { needle, tail: Vec::new(), unknown: false, found: false };
        subject.read(part.body.start, part.body.end, &mut |octets| {
            raw.feed(octets);
            !raw.found
        })?;
        if raw.found || !raw.unknown {
            return Ok(raw.found);
        }
    }
    let mut search = Windowed { needle, held: String::new(), found: false };
    let mut decoder = TextDecoder::new(part.encoding, part.charset.as_deref());
    let mut text = String::new();
    subject.read(part.body.start, part.body.end, &mut |octets| {
        text.clear();
        decoder.feed(octets, &mut text);
        search.found = search.feed(&text);
        !search.found
    })?;
    if !search.found {
        text.clear();
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
        self.held.push_str(&self.needle.prepare(text));
        if self.needle.is_in_prepared(&self.held) {
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
    /// There are characters beyond ASCII.
    unknown: bool,
    found: bool,
}

impl RawWindow<'_> {
    fn feed(&mut self, octets: &[u8]) {
        let long = self.needle.len();
        self.tail.extend_from_slice(&octets[..octets.len().min(long)]);
        for octets in [&self.tail, octets] {
            match self.needle.in_raw(octets) {
                InRaw::Found => return self.found = true,
                InRaw::Missing => {}
                InRaw::Unknown => self.unknown = true,
            }
        }
        if octets.len() >= long {
            self.tail.clear();
            self.tail.extend_from_slice(&octets[octets.len() - long..]);
        }
        let cut = self.tail.len().saturating_sub(long);
        self.tail.drain(..cut);
    }
}

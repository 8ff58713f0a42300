//! Reads a message once, line by line.              RFC 2045, 2046 5.1; RFC 5322 2.1
//!
//! Octets come in any pieces. Headers are kept up to a bound, bodies are only measured. Open entities form a stack; a
//! boundary line closes all that is inside its multipart. The line end before a boundary belongs to the boundary.

use std::ops::Range;

use memchr::memchr;

use super::content::{self, Value};
use super::date;
use super::envelope::envelope;
use super::header::{fields, unfold};
use super::transfer::Encoding;
use crate::types::InternalDate;

/// Entities within entities: no honest message is deeper, and whoever walks the tree may recurse.
pub(super) const DEPTH_MAX: usize = 40;
/// Parts of a message; what follows is opaque.
const PARTS_MAX: usize = 2000;
/// Octets of the header of one part that are looked at.
const HEADER_BYTES_MAX: usize = 256 * 1024;
/// Octets of the headers of all parts together.
const HEADERS_BYTES_MAX: usize = 2 << 20;
/// Octets of a line that are looked at for a boundary, which has 70 at most; some mailers write longer ones.
const BOUNDARY_LINE_MAX: usize = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Leaf,
    Multipart,
    /// message/rfc822: its only child is the root of the message within.
    Message,
}

/// A body part, or the root of a message.
#[derive(Clone, Debug)]
pub struct Part {
    pub(super) kind: Kind,
    /// With the empty line. Octets from the beginning of the message.
    pub(super) header: Range<u64>,
    pub(super) body: Range<u64>,
    /// LFs in the body.
    pub(super) lines: u64,
    pub(super) children: Vec<usize>,
    pub(super) content_type: Value,
    pub(super) id: Option<Vec<u8>>,
    pub(super) description: Option<Vec<u8>>,
    pub(super) encoding: Option<Vec<u8>>,
    pub(super) md5: Option<Vec<u8>>,
    pub(super) disposition: Option<Value>,
    pub(super) language: Vec<Vec<u8>>,
    pub(super) location: Option<Vec<u8>>,
    /// Of the root of a message within another; empty elsewhere.
    pub(super) envelope: Vec<u8>,
    /// A part of a multipart/digest: message/rfc822 where it says nothing. RFC 2046 5.1.5
    in_digest: bool,
    /// The root of a message within another.
    is_nested_root: bool,
}

impl Part {
    fn new(start: u64, in_digest: bool) -> Part {
        Part {
            kind: Kind::Leaf,
            header: start..start,
            body: start..start,
            lines: 0,
            children: Vec::new(),
            content_type: Value::default(),
            id: None,
            description: None,
            encoding: None,
            md5: None,
            disposition: None,
            language: Vec::new(),
            location: None,
            envelope: Vec::new(),
            in_digest,
            is_nested_root: false,
        }
    }

    fn type_words(&self) -> (&[u8], &[u8]) {
        let word = self.content_type.word.as_slice();
        match memchr(b'/', word) {
            Some(slash) if slash > 0 && slash + 1 < word.len() => {
                (word[..slash].trim_ascii(), word[slash + 1..].trim_ascii())
            }
            _ if self.in_digest && word.is_empty() => (b"message", b"rfc822"),
            _ => (b"text", b"plain"),
        }
    }

    pub(super) fn media_type(&self) -> &[u8] {
        self.type_words().0
    }

    pub(super) fn subtype(&self) -> &[u8] {
        self.type_words().1
    }

    pub(super) fn transfer_encoding(&self) -> Encoding {
        Encoding::from_name(self.encoding.as_deref().unwrap_or(b""))
    }

    pub(super) fn charset(&self) -> Option<&[u8]> {
        self.content_type.param("charset")
    }
}

/// A message that has been read to its end.
#[derive(Clone, Debug)]
pub struct Message {
    /// The root first; children stand behind their parents.
    pub(super) parts: Vec<Part>,
    /// The root's header, as far as it was kept.
    pub(super) header: Vec<u8>,
    /// The header was longer than what was kept.
    pub(super) header_cut: bool,
    pub(super) size: u64,
}

impl Message {
    /// The Date field, where it can be understood.
    pub fn sent_date(&self) -> Option<InternalDate> {
        fields(&self.header).find(|field| field.name.eq_ignore_ascii_case(b"date")).and_then(|f| date::parse(f.body))
    }

    /// Octets of the message.
    pub fn size(&self) -> u64 {
        self.size
    }
}

struct Open {
    part: usize,
    /// Of a multipart.
    boundary: Option<Vec<u8>>,
}

pub struct Parser {
    parts: Vec<Part>,
    /// Entities that are not closed, the root first.
    open: Vec<Open>,
    in_header: bool,
    header: Vec<u8>,
    headers_bytes: usize,
    root_header: Vec<u8>,
    header_cut: bool,
    /// The beginning of a line whose end has not come.
    held: Vec<u8>,
    /// Octets of that line so far, kept or not.
    held_bytes: u64,
    /// The last of them, kept or not.
    held_last: u8,
    /// Octets of whole lines so far.
    offset: u64,
    /// Octets of the last line's end.
    last_eol: u64,
    /// LFs so far.
    lines: u64,
    /// LFs before the body of each open entity.
    lines_at: Vec<u64>,
}

impl Default for Parser {
    fn default() -> Parser {
        Parser::new()
    }
}

impl Parser {
    pub fn new() -> Parser {
        Parser {
            parts: vec![Part::new(0, false)],
            open: vec![Open { part: 0, boundary: None }],
            in_header: true,
            header: Vec::new(),
            headers_bytes: 0,
            root_header: Vec::new(),
            header_cut: false,
            held: Vec::new(),
            held_bytes: 0,
            held_last: 0,
            offset: 0,
            last_eol: 0,
            lines: 0,
            lines_at: vec![0],
        }
    }

    pub fn feed(&mut self, mut octets: &[u8]) {
        while let Some(end) = memchr(b'\n', octets) {
            let (line, rest) = octets.split_at(end + 1);
            octets = rest;
            let before = if end > 0 { line[end - 1] } else { self.held_last };
            let eol = if before == b'\r' { 2 } else { 1 };
            if self.held_bytes == 0 {
                self.line(line, line.len() as u64, eol);
            } else {
                self.hold(line);
                let (held, bytes) = (std::mem::take(&mut self.held), std::mem::take(&mut self.held_bytes));
                self.line(&held, bytes, eol);
            }
            self.held_last = 0;
        }
        self.hold(octets);
    }

    fn hold(&mut self, octets: &[u8]) {
        let most = if self.in_header { HEADER_BYTES_MAX } else { BOUNDARY_LINE_MAX };
        let room = most.saturating_sub(self.held.len());
        self.held.extend_from_slice(&octets[..octets.len().min(room)]);
        self.held_bytes += octets.len() as u64;
        self.held_last = octets.last().copied().unwrap_or(self.held_last);
    }

    /// A line, as far as it was kept: `bytes` is its length, `eol` that of its end.
    fn line(&mut self, line: &[u8], bytes: u64, eol: u64) {
        let start = self.offset;
        if line.starts_with(b"--")
            && let Some((level, last)) = self.boundary(line)
        {
            return self.boundary_line(level, last, start, bytes, eol);
        }
        self.count(bytes, eol);
        if self.in_header {
            self.header_line(line, start + bytes);
        }
    }

    fn count(&mut self, bytes: u64, eol: u64) {
        self.offset += bytes;
        self.lines += u64::from(eol > 0);
        self.last_eol = eol;
    }

    fn header_line(&mut self, line: &[u8], end: u64) {
        let room = HEADER_BYTES_MAX.saturating_sub(self.header.len());
        let room = room.min(HEADERS_BYTES_MAX.saturating_sub(self.headers_bytes));
        if line.len() > room && self.open.len() == 1 {
            self.header_cut = true;
        }
        let kept = &line[..line.len().min(room)];
        self.header.extend_from_slice(kept);
        self.headers_bytes += kept.len();
        if matches!(line, b"\r\n" | b"\n") {
            self.header_done(end);
        }
    }

    /// The header of the innermost entity ends at `end`.
    fn header_done(&mut self, end: u64) {
        self.in_header = false;
        let header = std::mem::take(&mut self.header);
        let Some(open) = self.open.last_mut() else { return };
        let Some(part) = self.parts.get_mut(open.part) else { return };
        part.header.end = end;
        part.body = end..end;
        describe(part, &header);
        if part.is_nested_root {
            part.envelope = envelope(&header);
        }
        if let Some(at) = self.lines_at.last_mut() {
            *at = self.lines;
        }
        if open.part == 0 {
            self.root_header = header;
        }
        let deep = self.open.len() >= DEPTH_MAX || self.parts.len() >= PARTS_MAX;
        self.descend(deep, end);
    }

    /// What the entity's type says about its body.
    fn descend(&mut self, deep: bool, end: u64) {
        let Some(open) = self.open.last_mut() else { return };
        let part = &mut self.parts[open.part];
        let boundary = part.content_type.param("boundary").filter(|boundary| !boundary.is_empty());
        if part.media_type().eq_ignore_ascii_case(b"multipart") {
            match boundary {
                Some(boundary) if !deep => {
                    open.boundary = Some(boundary.trim_ascii_end().to_vec());
                    part.kind = Kind::Multipart;
                }
                // What cannot be taken apart is shown as a multipart without parts.
                _ => part.kind = Kind::Multipart,
            }
        } else if part.media_type().eq_ignore_ascii_case(b"message") && part.subtype().eq_ignore_ascii_case(b"rfc822")
        {
            part.kind = Kind::Message;
            if !deep {
                let parent = open.part;
                self.begin(parent, end, false);
                if let Some(root) = self.parts.last_mut() {
                    root.is_nested_root = true;
                }
            }
        }
    }

    fn begin(&mut self, parent: usize, start: u64, in_digest: bool) {
        let child = self.parts.len();
        self.parts[parent].children.push(child);
        self.parts.push(Part::new(start, in_digest));
        self.open.push(Open { part: child, boundary: None });
        self.lines_at.push(self.lines);
        self.in_header = true;
        self.header.clear();
    }

    /// The open multipart that a line ends or separates, and whether it is the last boundary.
    fn boundary(&self, line: &[u8]) -> Option<(usize, bool)> {
        let line = line[2..].trim_ascii_end();
        let matching = |open: &Open| {
            let rest = line.strip_prefix(open.boundary.as_deref()?)?;
            match rest {
                b"" => Some(false),
                b"--" => Some(true),
                _ => None,
            }
        };
        self.open.iter().enumerate().rev().find_map(|(level, open)| Some((level, matching(open)?)))
    }

    fn boundary_line(&mut self, level: usize, last: bool, start: u64, bytes: u64, eol: u64) {
        // The end of the line before belongs to the boundary, unless a header or the body began there.
        self.close_above(level, start, self.last_eol);
        self.count(bytes, eol);
        let parent = self.open[level].part;
        if last {
            self.open[level].boundary = None;
            self.in_header = false;
        } else if self.parts.len() < PARTS_MAX {
            let in_digest = self.parts[parent].subtype().eq_ignore_ascii_case(b"digest");
            self.begin(parent, self.offset, in_digest);
        }
    }

    /// Closes the entities inside the one at `level`, whose last line's end has `eol` octets.
    fn close_above(&mut self, level: usize, end: u64, eol: u64) {
        while self.open.len() > level + 1 {
            self.close(end, eol);
        }
    }

    fn close(&mut self, end: u64, eol: u64) {
        if self.in_header {
            self.in_header = false;
            let depth = self.open.len();
            self.header_done(end);
            // A message that ends in its header has no message within.
            while self.open.len() > depth {
                self.drop_empty();
            }
        }
        let (Some(open), Some(lines_at)) = (self.open.pop(), self.lines_at.pop()) else { return };
        let part = &mut self.parts[open.part];
        let eol = if end - part.body.start >= eol { eol } else { 0 };
        part.body.end = end - eol;
        part.lines = (self.lines - lines_at).saturating_sub(u64::from(eol > 0));
    }

    fn drop_empty(&mut self) {
        self.in_header = false;
        if let Some(open) = self.open.pop() {
            self.lines_at.pop();
            self.parts.truncate(open.part);
            self.parts.iter_mut().for_each(|part| part.children.retain(|child| *child != open.part));
        }
    }

    pub fn finish(mut self) -> Message {
        if self.held_bytes > 0 {
            let (held, bytes) = (std::mem::take(&mut self.held), std::mem::take(&mut self.held_bytes));
            self.line(&held, bytes, 0);
        }
        let end = self.offset;
        while !self.open.is_empty() {
            self.close(end, 0);
        }
        Message { parts: self.parts, header: self.root_header, header_cut: self.header_cut, size: end }
    }
}

/// Takes what BODYSTRUCTURE shows from a part's header.
fn describe(part: &mut Part, header: &[u8]) {
    let (mut typed, mut disposed) = (false, false);
    for field in fields(header) {
        let first = |known: &mut Option<Vec<u8>>| {
            if known.is_none() {
                *known = Some(unfold(field.body));
            }
        };
        match field.name.to_ascii_lowercase().as_slice() {
            b"content-type" if !typed => {
                part.content_type = content::parse(field.body);
                typed = true;
            }
            b"content-disposition" if !disposed => {
                part.disposition = Some(content::parse(field.body)).filter(|value| !value.word.is_empty());
                disposed = true;
            }
            b"content-id" => first(&mut part.id),
            b"content-description" => first(&mut part.description),
            b"content-transfer-encoding" if part.encoding.is_none() => {
                part.encoding = Some(content::parse(field.body).word);
            }
            b"content-md5" => first(&mut part.md5),
            b"content-location" => first(&mut part.location),
            b"content-language" if part.language.is_empty() => {
                let body = unfold(field.body);
                let languages = body.split(|b| *b == b',').map(|language| language.trim_ascii().to_vec());
                part.language = languages.filter(|language| !language.is_empty()).take(50).collect();
            }
            _ => {}
        }
    }
    if part.content_type.word.is_empty() {
        part.content_type = Value::default();
    }
}

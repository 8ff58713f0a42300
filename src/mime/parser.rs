//! Reads a message once, in whatever pieces it comes.             RFC 2046 5.1; RFC 5322 2.1
//!
//! Headers are kept up to a bound, bodies are only measured: in a body no line is looked at but those that begin with
//! `-`. Open entities form a stack; a boundary closes all that is inside its multipart.
//!
//! 1. Entities of `open` are nested: each but the first is a child of the one before.
//! 2. `offset` is behind the last octet that was counted; octets of a line that is being gathered are not counted yet.
//! 3. The line end before a boundary belongs to the boundary. RFC 2046 5.1.1

use memchr::{memchr, memchr_iter, memmem::Finder, memrchr};

use super::boundary::{Boundaries, Delimiter};
use super::envelope::{NOTHING, envelope};
use super::excerpt::Excerpts;
use super::header::before_empty_line;
use super::part::{EightBit, Kind, Message, Part, Within};

/// Entities within entities: no honest message is deeper, and whoever walks the tree may recurse.
pub const DEPTH_MAX: usize = 50;
/// Parts of a message; behind the last one boundaries are text.
pub const PARTS_MAX: usize = 1000;
/// Octets of all headers of a message that are looked at; what is beyond is measured only.
pub const HEADERS_BYTES_MAX: usize = 1 << 20;
/// Octets of all envelopes of messages within the message: an address of two octets makes forty.
const ENVELOPES_BYTES_MAX: usize = 1 << 20;
/// Octets of most headers.
const HEADER_BYTES: usize = 4096;
/// Octets of a line that are looked at: enough for any boundary.
const LINE_BYTES_MAX: usize = 512;

struct Open {
    part: usize,
    within: Within,
    /// LFs before its body.
    lines_before: u64,
}

/// Feed it the message; `finish` tells what is in it. Memory is bounded however long the message is.
pub struct Parser {
    parts: Vec<Part>,
    open: Vec<Open>,
    /// Of the open multiparts, by their place in `open`.
    boundaries: Boundaries,
    /// Whether the innermost entity's header is being read.
    in_header: bool,
    /// That header, as far as it is kept; a boundary that ends it is in it too, and is no field.
    header: Vec<u8>,
    headers_bytes: usize,
    envelopes_bytes: usize,
    root_header: Vec<u8>,
    header_cut: bool,
    eight_bit: EightBit,
    /// The beginning of a line that is being gathered, and how long it is so far.
    line: Vec<u8>,
    line_bytes: u64,
    /// Its last two octets so far.
    line_tail: [u8; 2],
    offset: u64,
    /// LFs before `offset`.
    lines: u64,
    /// The two octets before `offset`.
    tail: [u8; 2],
    finder: Finder<'static>,
    excerpts: Excerpts,
}

impl Default for Parser {
    fn default() -> Parser {
        Parser::new()
    }
}

impl Parser {
    pub fn new() -> Parser {
        Parser {
            parts: vec![Part::new(0)],
            open: vec![Open { part: 0, within: Within::Message, lines_before: 0 }],
            boundaries: Boundaries::default(),
            in_header: true,
            header: Vec::with_capacity(HEADER_BYTES),
            headers_bytes: 0,
            envelopes_bytes: 0,
            root_header: Vec::new(),
            header_cut: false,
            eight_bit: EightBit::default(),
            line: Vec::new(),
            line_bytes: 0,
            line_tail: *b"\r\n",
            offset: 0,
            lines: 0,
            tail: *b"\r\n",
            finder: Finder::new(b"\n--"),
            excerpts: Excerpts::default(),
        }
    }

    pub fn feed(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() {
            let gathers = self.in_header || self.line_bytes > 0 || self.begins_boundary(octets);
            let wanted = self.excerpts.open();
            let used = match self.pass_lines(octets) {
                0 if gathers => self.gather(octets),
                0 => self.skip(octets),
                passed => passed,
            };
            if let Some(text) = wanted {
                self.excerpts.add(text, &octets[..used]);
            }
            octets = &octets[used..];
        }
    }

    /// Goes over whole lines of a header that no boundary can end, up to the empty line.
    fn pass_lines(&mut self, octets: &[u8]) -> usize {
        if !self.in_header || !self.boundaries.is_empty() || self.line_bytes > 0 || self.tail[1] != b'\n' {
            return 0;
        }
        let Some(end) = memrchr(b'\n', &octets[..before_empty_line(octets)]) else { return 0 };
        let lines = &octets[..=end];
        self.keep_header(lines);
        self.count(lines);
        lines.len()
    }

    /// Whether a line begins here, in a body, that may be a boundary.
    fn begins_boundary(&self, octets: &[u8]) -> bool {
        !self.boundaries.is_empty() && self.tail[1] == b'\n' && octets.first() == Some(&b'-')
    }

    /// Adds to the line that is being gathered; when it has ended, or is known to be nothing but text, acts on it.
    fn gather(&mut self, octets: &[u8]) -> usize {
        let end = memchr(b'\n', octets);
        let piece = &octets[..end.map_or(octets.len(), |at| at + 1)];
        if self.line_bytes == 0 {
            self.line_tail = self.tail;
        }
        if self.in_header {
            self.keep_header(piece);
        }
        self.line_tail = tail_after(self.line_tail, piece);
        self.line_bytes += piece.len() as u64;
        let seen = &piece[..piece.len().min(LINE_BYTES_MAX - self.line.len())];
        if self.line.is_empty() && end.is_some() {
            self.end_line(seen, true);
            return piece.len();
        }
        self.line.extend_from_slice(seen);
        let is_text = !self.in_header && self.line.get(1).is_some_and(|b| *b != b'-');
        if end.is_some() || is_text {
            let mut line = std::mem::take(&mut self.line);
            self.end_line(&line, end.is_some());
            line.clear();
            self.line = line;
        }
        piece.len()
    }

    /// Acts on a line, of which `line` is the beginning.
    fn end_line(&mut self, line: &[u8], has_lf: bool) {
        let found = self.boundaries.find(line);
        if let Some((level, _)) = found {
            self.close_inside(level);
        }
        self.offset += std::mem::take(&mut self.line_bytes);
        self.lines += u64::from(has_lf);
        self.tail = self.line_tail;
        match found {
            Some((level, Delimiter::Part)) => self.begin_part(level),
            Some((level, Delimiter::Close)) => self.boundaries.close_from(level),
            None if self.in_header && matches!(line, b"\n" | b"\r\n") => self.end_header(self.offset, 0),
            None => {}
        }
    }

    fn count(&mut self, octets: &[u8]) {
        self.offset += octets.len() as u64;
        self.lines += memchr_iter(b'\n', octets).count() as u64;
        self.tail = tail_after(self.tail, octets);
    }

    /// Goes over text in a body, up to the next line that may be a boundary.
    fn skip(&mut self, octets: &[u8]) -> usize {
        let end = match (self.boundaries.is_empty(), self.finder.find(octets)) {
            (false, Some(at)) => at + 1,
            (false, None) if octets.ends_with(b"\n-") => octets.len() - 1,
            _ => octets.len(),
        };
        self.count(&octets[..end]);
        end
    }

    fn keep_header(&mut self, piece: &[u8]) {
        let room = HEADERS_BYTES_MAX - self.headers_bytes;
        let kept = &piece[..piece.len().min(room)];
        self.header_cut |= self.open.len() == 1 && kept.len() < piece.len();
        if !piece.is_ascii() {
            self.eight_bit.any = true;
            self.eight_bit.own |= self.open.len() == 1;
        }
        self.headers_bytes += kept.len();
        self.header.extend_from_slice(kept);
    }

    /// The innermost entity's header ends at `end`, and its body begins; `eol` octets of line end before a boundary
    /// are not in it.
    fn end_header(&mut self, end: u64, eol: u64) {
        self.in_header = false;
        let header = std::mem::take(&mut self.header);
        let level = self.open.len() - 1;
        let Some(open) = self.open.last_mut() else { return };
        let (part, within) = (open.part, open.within);
        open.lines_before = self.lines;
        let entity = &mut self.parts[part];
        entity.header.end = end.saturating_sub(eol).max(entity.header.start);
        entity.body = entity.header.end..entity.header.end;
        entity.describe(&header, within);
        let is_nested = within == Within::Message && part > 0;
        if is_nested {
            self.parts[part].envelope = self.nested_envelope(&header);
        }
        if part == 0 {
            self.root_header = header;
        }
        self.descend(level, part);
    }

    fn nested_envelope(&mut self, header: &[u8]) -> Vec<u8> {
        if self.envelopes_bytes > ENVELOPES_BYTES_MAX {
            return NOTHING.to_vec();
        }
        let envelope = envelope(header);
        self.envelopes_bytes += envelope.len();
        envelope
    }

    /// Makes ready for what the entity's type promises.
    fn descend(&mut self, level: usize, part: usize) {
        let full = self.open.len() >= DEPTH_MAX || self.parts.len() >= PARTS_MAX;
        let entity = &mut self.parts[part];
        match entity.kind {
            Kind::Leaf => {
                let within = self.open[..level].iter().map(|open| &self.parts[open.part]);
                self.excerpts.begin(part, &self.parts[part], within);
            }
            _ if full => entity.make_opaque(),
            Kind::Multipart => {
                if let Some(boundary) = entity.content_type.param("boundary").filter(|text| !text.is_empty()) {
                    self.boundaries.open(level, boundary);
                }
            }
            Kind::Message => {
                let start = entity.body.start;
                self.begin(part, start, Within::Message);
            }
        }
    }

    fn begin(&mut self, parent: usize, start: u64, within: Within) {
        let child = self.parts.len();
        self.parts[parent].children.push(child);
        self.parts.push(Part::new(start));
        self.open.push(Open { part: child, within, lines_before: self.lines });
        self.in_header = true;
        self.header.clear();
        if self.parts.len() >= PARTS_MAX {
            self.boundaries.close_from(0);
        }
    }

    /// A part of the multipart at `level` begins here.
    fn begin_part(&mut self, level: usize) {
        let Some(open) = self.open.get(level) else { return };
        let parent = open.part;
        let is_digest = self.parts[parent].content_type.is("multipart", "digest");
        self.begin(parent, self.offset, if is_digest { Within::Digest } else { Within::Multipart });
    }

    /// Closes what is inside the multipart at `level`, whose boundary begins here.
    fn close_inside(&mut self, level: usize) {
        let eol = match self.tail {
            [b'\r', b'\n'] => 2,
            [_, b'\n'] => 1,
            _ => 0,
        };
        while self.open.len() > level + 1 {
            self.close(self.offset, eol);
        }
        self.boundaries.close_from(level + 1);
    }

    /// Closes the innermost entity at `end`, its last line's end of `eol` octets left out.
    fn close(&mut self, end: u64, eol: u64) {
        let depth = self.open.len();
        while self.in_header {
            // A message within begins, and ends, where the header of its part does.
            self.end_header(end, eol);
        }
        while self.open.len() >= depth {
            let Some(open) = self.open.pop() else { return };
            let part = &mut self.parts[open.part];
            let cut = if end >= part.body.start + eol { eol } else { 0 };
            part.body.end = (end - cut).max(part.body.start);
            part.lines = (self.lines - open.lines_before).saturating_sub(u64::from(cut > 0));
            self.excerpts.end(open.part, part.body.end - part.body.start);
            if part.kind == Kind::Multipart && part.children.is_empty() {
                let (at, child) = (part.body.end, self.parts.len());
                self.parts[open.part].children.push(child);
                self.parts.push(Part::new(at));
            }
        }
    }

    /// The message is over.
    pub fn finish(mut self) -> Message {
        if self.line_bytes > 0 {
            let line = std::mem::take(&mut self.line);
            self.end_line(&line, false);
        }
        while !self.open.is_empty() {
            self.close(self.offset, 0);
        }
        Message {
            parts: self.parts,
            header: self.root_header,
            header_cut: self.header_cut,
            eight_bit: self.eight_bit,
            size: self.offset,
            excerpts: self.excerpts,
        }
    }
}

/// The last two octets of what ended in `tail` and goes on with `octets`.
fn tail_after(tail: [u8; 2], octets: &[u8]) -> [u8; 2] {
    match octets {
        [.., a, b] => [*a, *b],
        [b] => [tail[1], *b],
        [] => tail,
    }
}

//! What a client asks for of a message's octets: which they are, and how they go to the wire.
//!                                                   RFC 9051 6.4.5.1, 4.3; RFC 3516 4.3

use std::cell::RefCell;
use std::ops::Range;

use super::output::{Gone, Response};
use super::reply::{Failure, Reply};
use super::surrogate::Surrogate;
use crate::mailbox::{Mailbox, MailboxError, Octets, Piece, StoreError, summary_of};
use crate::mime::{
    Content, Encoding, Include, PartRef, SummaryRef, TransferDecoder, filter_fields, section as find_section,
};
use crate::proto::ResponseCode;
use crate::proto::response as wire;
use crate::types::{BlobId, PartPath, Partial, Section, SectionText};

/// Octets that are decoded at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Why a message has no response.
pub(super) enum Missing {
    /// It has been expunged and is gone.
    Message,
    /// Its octets are lost, or damaged.
    Octets,
    Refused(Failure),
}

impl<E: Into<Failure>> From<E> for Missing {
    fn from(error: E) -> Missing {
        Missing::Refused(error.into())
    }
}

/// The content of an item: what it is made of is known to be there, so that a response can begin.
#[derive(Clone)]
pub(super) enum Prepared {
    /// Octets of the message.
    Range(Range<u64>),
    Octets(Vec<u8>),
    /// A part's body with its transfer encoding undone, how long that is, and what literal can carry it.
    Decoded(PartRef, u64, LiteralKind),
    Nil,
}

impl Prepared {
    pub(super) fn len(&self) -> u64 {
        match self {
            Prepared::Range(range) => range.end - range.start,
            Prepared::Octets(octets) => octets.len() as u64,
            Prepared::Decoded(_, size, _) => *size,
            Prepared::Nil => 0,
        }
    }
}

/// Whether a literal may have NULs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LiteralKind {
    Literal,
    /// `~{n}`: RFC 3516 4.3
    Literal8,
}

impl LiteralKind {
    /// That of what this one carried, and more octets.
    pub(super) fn with(self, octets: &[u8]) -> LiteralKind {
        match self == LiteralKind::Literal8 || memchr::memchr(0, octets).is_some() {
            true => LiteralKind::Literal8,
            false => LiteralKind::Literal,
        }
    }
}

/// The message's octets, or those of what stands in its place.
pub(super) struct Source {
    octets: RefCell<Octets>,
    blob: BlobId,
    surrogate: Option<Surrogate>,
}

impl Source {
    pub(super) fn new(mailbox: &Mailbox, blob: BlobId) -> Source {
        Source { octets: RefCell::new(mailbox.reader(blob)), blob, surrogate: None }
    }

    /// Turns to another message.
    #[inline]
    pub(super) fn turn_to(&mut self, blob: BlobId) {
        self.octets.get_mut().turn_to(blob);
        (self.blob, self.surrogate) = (blob, None);
    }

    /// Puts a surrogate into the message's place, where its headers need one; whether they do.
    pub(super) fn downgrade(&mut self, summary: &SummaryRef<'_>) -> Result<bool, MailboxError> {
        if summary.has_eight_bit_headers() {
            self.surrogate = Surrogate::of(self, summary)?;
        }
        Ok(self.surrogate.is_some())
    }

    /// The summary of what stands in the message's place.
    pub(super) fn surrogate_summary(&self) -> Result<Option<SummaryRef<'_>>, MailboxError> {
        Ok(self.surrogate.as_ref().map(|surrogate| summary_of(&surrogate.summary)).transpose()?)
    }

    /// Whether the message, `size` octets long, is known to be ASCII, after a look at what is read at once.
    pub(super) fn is_ascii(&self, size: u64) -> Result<bool, MailboxError> {
        let first = self.octets.borrow_mut().piece(0)?;
        Ok(first.len() as u64 == size && first.is_ascii())
    }

    /// All of it.
    pub(super) fn whole(&self, size: u64) -> Prepared {
        Prepared::Range(0..self.surrogate.as_ref().map_or(size, Surrogate::size))
    }

    /// Looks whether what a response gives of a content, octets `range` of it, is there: nothing has been said yet.
    pub(super) fn begins(&self, content: &Prepared, range: Range<u64>) -> Result<(), Missing> {
        // A surrogate has been made of all of the message.
        let (Prepared::Range(Range { start, .. }), None) = (content, &self.surrogate) else { return Ok(()) };
        let begun = self.octets.borrow_mut().begin(start + range.start..start + range.end);
        begun.map_err(|error| self.unread(error))
    }

    /// Why there is no response where the message could not be read.
    pub(super) fn unread(&self, error: MailboxError) -> Missing {
        match error {
            MailboxError::Store(error @ (StoreError::Missing(_) | StoreError::Broken(_))) => {
                log::error!("message {}: {error}", self.blob);
                Missing::Octets
            }
            error => error.into(),
        }
    }

    /// Gives octets of the message itself to `take`.
    pub(super) fn original(
        &self,
        range: Range<u64>,
        take: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), MailboxError> {
        self.octets.borrow_mut().read(range, take)
    }

    /// Gives the message itself piece by piece, and how many octets of each are wanted, until `take` says `false`.
    fn pieces(&self, range: Range<u64>, take: &mut dyn FnMut(Piece, usize) -> bool) -> Result<(), MailboxError> {
        let mut at = range.start;
        while at < range.end {
            let piece = self.octets.borrow_mut().piece(at)?;
            let wanted = (range.end - at).min(piece.len() as u64) as usize;
            if wanted == 0 || !take(piece, wanted) {
                break;
            }
            at += wanted as u64;
        }
        Ok(())
    }

    fn each(&self, range: Range<u64>, take: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), MailboxError> {
        match &self.surrogate {
            Some(surrogate) => surrogate.read(self, range, take),
            None => self.original(range, take),
        }
    }

    pub(super) fn section(&self, wanted: &Section, summary: &SummaryRef<'_>) -> Result<Prepared, Missing> {
        let (names, include) = match &wanted.text {
            SectionText::HeaderFields(names) => (names.as_slice(), Include::Only),
            SectionText::HeaderFieldsNot(names) => (names.as_slice(), Include::Except),
            _ => (&[][..], Include::Only),
        };
        if wanted.part.0.is_empty()
            && !names.is_empty()
            && let Some(octets) = summary.header_fields(names, include)
        {
            return Ok(Prepared::Octets(octets));
        }
        Ok(match find_section(summary, wanted) {
            Content::Nil => Prepared::Nil,
            Content::Range(range) => Prepared::Range(range),
            Content::Fields(range) => {
                let header = self.read(range).map_err(|error| self.unread(error))?;
                Prepared::Octets(filter_fields(&header, names, include))
            }
        })
    }

    /// The octets of `range` in memory: of a header.
    pub(super) fn read(&self, range: Range<u64>) -> Result<Vec<u8>, MailboxError> {
        let mut octets = Vec::new();
        self.each(range, &mut |piece| {
            octets.extend_from_slice(piece);
            true
        })?;
        Ok(octets)
    }

    /// The part's body with its transfer encoding undone; not possible for a multipart's parts. RFC 3516 4.3
    pub(super) fn binary(&self, path: &PartPath, summary: &SummaryRef<'_>) -> Result<Prepared, Missing> {
        if path.0.is_empty() {
            return Ok(Prepared::Range(0..summary.size()));
        }
        let Some(part) = summary.part(path) else { return Ok(Prepared::Nil) };
        match part.encoding {
            _ if part.is_multipart || part.is_message => Ok(Prepared::Range(part.body)),
            Encoding::Identity => Ok(Prepared::Range(part.body)),
            Encoding::Unknown => {
                let text = "The part's transfer encoding is not known here";
                Err(Missing::Refused(Reply::no(ResponseCode::UnknownCte, text).into()))
            }
            _ => {
                let (mut size, mut kind) = (0, LiteralKind::Literal);
                let decoded = self.decode(&part, &mut |piece| {
                    size += piece.len() as u64;
                    kind = kind.with(piece);
                    true
                });
                decoded.map_err(|error| self.unread(error))?;
                Ok(Prepared::Decoded(part, size, kind))
            }
        }
    }

    /// Gives a part's octets, its transfer encoding undone, piece by piece; the part is never in memory as a whole.
    fn decode(&self, part: &PartRef, take: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), MailboxError> {
        let (mut decoder, mut out, mut go_on) = (TransferDecoder::new(part.encoding), Vec::new(), true);
        self.each(part.body.clone(), &mut |piece| {
            for piece in piece.chunks(PIECE_BYTES) {
                out.clear();
                decoder.feed(piece, &mut out);
                go_on = go_on && take(&out);
            }
            go_on
        })?;
        out.clear();
        decoder.finish(&mut out);
        if go_on {
            take(&out);
        }
        Ok(())
    }

    /// Gives the octets `range` of a content piece by piece, until `take` says `false`.
    pub(super) fn octets(
        &self,
        content: &Prepared,
        range: Range<u64>,
        take: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), MailboxError> {
        match content {
            Prepared::Nil => Ok(()),
            Prepared::Octets(octets) => {
                take(&octets[range.start as usize..range.end as usize]);
                Ok(())
            }
            Prepared::Range(Range { start, .. }) => self.each(start + range.start..start + range.end, take),
            Prepared::Decoded(part, ..) => {
                let mut at = 0u64;
                self.decode(part, &mut |piece| {
                    let end = at + piece.len() as u64;
                    let (from, to) = (range.start.clamp(at, end) - at, range.end.clamp(at, end) - at);
                    at = end;
                    take(&piece[from as usize..to as usize]) && at < range.end
                })
            }
        }
    }

    /// A literal that tells by its kind whether there are NULs in what BINARY gives. RFC 9051 7.5.2
    pub(super) fn kind(&self, content: &Prepared, partial: Option<Partial>) -> LiteralKind {
        if let Prepared::Decoded(_, _, kind) = content {
            return *kind;
        }
        let mut kind = LiteralKind::Literal;
        let read = self.octets(content, cut(0..content.len(), partial), &mut |piece| {
            kind = kind.with(piece);
            kind == LiteralKind::Literal
        });
        // What cannot be read fails when it is written.
        if read.is_ok() { kind } else { LiteralKind::Literal8 }
    }

    /// Writes a content as a literal, or NIL. What has been announced must come: where it cannot be read, the connection
    /// ends, so that no client is given other octets.
    pub(super) fn write(
        &self,
        response: &mut Response<'_>,
        content: &Prepared,
        partial: Option<Partial>,
        kind: LiteralKind,
    ) -> Result<(), Gone> {
        self.write_range(response, content, cut(0..content.len(), partial), kind)
    }

    /// As `write`, octets `range` of the content.
    pub(super) fn write_range(
        &self,
        response: &mut Response<'_>,
        content: &Prepared,
        range: Range<u64>,
        kind: LiteralKind,
    ) -> Result<(), Gone> {
        if matches!(content, Prepared::Nil) {
            response.buffer.extend_from_slice(b"NIL");
            return Ok(());
        }
        let (mut left, mut failed) = (range.end - range.start, None);
        if kind == LiteralKind::Literal8 {
            response.buffer.push(b'~');
        }
        response.buffer.push(b'{');
        wire::number(response.buffer, left);
        response.buffer.extend_from_slice(b"}\r\n");
        let read = match (content, &self.surrogate) {
            (Prepared::Range(Range { start, .. }), None) => {
                let original = start + range.start..start + range.end;
                self.pieces(original, &mut |piece, wanted| {
                    left -= wanted as u64;
                    failed = literal_piece(response, piece, wanted, kind).err();
                    failed.is_none()
                })
            }
            _ => self.octets(content, range, &mut |piece| {
                left -= piece.len() as u64;
                failed = literal_octets(response, piece, kind).err();
                failed.is_none()
            }),
        };
        if let Err(error) = &read {
            log::error!("message {}: {error}", self.blob);
        }
        match (failed, left) {
            (Some(gone), _) => Err(gone),
            (None, 0) => Ok(()),
            (None, _) => Err(Gone),
        }
    }
}

/// As `literal_octets`, of a piece of a message, whose NULs are known of.
fn literal_piece(response: &mut Response<'_>, piece: Piece, wanted: usize, kind: LiteralKind) -> Result<(), Gone> {
    match kind == LiteralKind::Literal && piece.may_have_nul() {
        true => literal_octets(response, &piece[..wanted], kind),
        false => response.octets(&piece[..wanted]),
    }
}

/// NUL, which only literal8 may have, goes out as 0x80, as Dovecot sends it. RFC 9051 4.3
fn literal_octets(response: &mut Response<'_>, piece: &[u8], kind: LiteralKind) -> Result<(), Gone> {
    match kind == LiteralKind::Literal && memchr::memchr(0, piece).is_some() {
        true => response.octets(&piece.iter().map(|b| if *b == 0 { 0x80 } else { *b }).collect::<Vec<u8>>()),
        false => response.octets(piece),
    }
}

/// What of a range a partial fetch asks for; nothing where it begins beyond the end. RFC 9051 6.4.5
pub(super) fn cut(range: Range<u64>, partial: Option<Partial>) -> Range<u64> {
    match partial {
        None => range,
        Some(Partial { offset, count }) => {
            let start = range.start.saturating_add(offset).min(range.end);
            start..start.saturating_add(count).min(range.end)
        }
    }
}

pub(super) fn is_whole(section: &Section) -> bool {
    section.part.0.is_empty() && section.text == SectionText::Whole
}

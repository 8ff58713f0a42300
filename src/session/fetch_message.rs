//! One FETCH response.                              RFC 9051 7.5.2, 6.4.5.1; RFC 3516 4.3

use std::ops::Range;

use super::output::{Gone, Response};
use super::reply::{Failure, Reply};
use super::report::FlagWriter;
use crate::mailbox::{MailboxError, Message, Summaries, Value, View, summary_of};
use crate::mime::{Content, Encoding, Include, PartRef, SummaryRef, TransferDecoder, filter_fields, section};
use crate::proto::response as wire;
use crate::proto::{Dialect, ResponseCode};
use crate::types::{BlobId, FetchItem, PartPath, Partial, Section, SectionText};

/// Why a message has no response.
pub(super) enum Missing {
    /// It has been expunged and is gone.
    Message,
    Refused(Failure),
}

impl<E: Into<Failure>> From<E> for Missing {
    fn from(error: E) -> Missing {
        Missing::Refused(error.into())
    }
}

/// From this many messages on, summaries are read by pages.
const MANY: u64 = 8;

pub(super) struct Fetcher<'a> {
    view: &'a View,
    items: &'a [FetchItem],
    summaries: Summaries,
    flags: FlagWriter<'a>,
    many: bool,
    needs_summary: bool,
    dialect: Dialect,
}

impl<'a> Fetcher<'a> {
    pub(super) fn new(view: &'a View, items: &'a [FetchItem], messages: u64, dialect: Dialect) -> Fetcher<'a> {
        Fetcher {
            view,
            items,
            summaries: view.summaries(),
            flags: FlagWriter::new(view.shown(), view.recent()),
            many: messages >= MANY,
            needs_summary: items.iter().any(needs_summary),
            dialect,
        }
    }

    /// `* 12 FETCH (...)`; with FLAGS whether they were asked for or not where the command has changed them.
    pub(super) fn message(
        &mut self,
        response: &mut Response<'_>,
        message: &Message<'_>,
        with_flags: bool,
    ) -> Result<(), Missing> {
        let stored = match self.needs_summary {
            true => Some(self.summary(message)?),
            false => None,
        };
        let summary = stored.as_deref().map(summary_of).transpose().map_err(MailboxError::from)?;
        let prepared = self.prepare(message, summary.as_ref())?;
        wire::fetch_begin(response.buffer, message.seq(), message.uid(), self.dialect);
        let mut writer = Writer { response, view: self.view, message, summary };
        for (i, item) in self.items.iter().enumerate() {
            if i > 0 {
                writer.response.buffer.push(b' ');
            }
            match item {
                FetchItem::Flags => self.flags.write(writer.response.buffer, message.uid(), message.flags()),
                item => writer.item(item, prepared.get(i).and_then(Option::as_ref))?,
            }
        }
        if with_flags && !self.items.contains(&FetchItem::Flags) {
            writer.response.buffer.push(b' ');
            self.flags.write(writer.response.buffer, message.uid(), message.flags());
        }
        if with_flags && self.dialect.condstore && !self.items.contains(&FetchItem::ModSeq) {
            wire::text(writer.response.buffer, format_args!(" MODSEQ ({})", message.mod_seq()));
        }
        writer.response.buffer.extend_from_slice(b")\r\n");
        Ok(())
    }

    fn summary(&mut self, message: &Message<'_>) -> Result<Value, Missing> {
        let found = match self.many {
            true => self.summaries.next(message.uid()),
            false => self.summaries.one(message.uid()),
        };
        match found.map_err(MailboxError::from)? {
            Some(value) => Ok(value),
            None => self.summaries.rebuild(message.blob()).map_err(|_| Missing::Message),
        }
    }

    /// What must be decoded or filtered before the response can begin: where it fails, nothing has been said yet.
    fn prepare(
        &self,
        message: &Message<'_>,
        summary: Option<&SummaryRef<'_>>,
    ) -> Result<Vec<Option<Prepared>>, Missing> {
        let Some(summary) = summary else { return Ok(Vec::new()) };
        let source = Source { view: self.view, blob: message.blob() };
        self.items.iter().map(|item| source.prepare(item, summary)).collect()
    }
}

fn needs_summary(item: &FetchItem) -> bool {
    match item {
        FetchItem::Uid | FetchItem::Flags | FetchItem::InternalDate | FetchItem::Size | FetchItem::ModSeq => false,
        FetchItem::EmailId | FetchItem::ThreadId | FetchItem::SaveDate | FetchItem::Rfc822 => false,
        FetchItem::BodySection { section, .. } => !is_whole(section),
        _ => true,
    }
}

fn is_whole(section: &Section) -> bool {
    section.part.0.is_empty() && section.text == SectionText::Whole
}

/// The content of an item.
enum Prepared {
    /// Octets of the message.
    Range(Range<u64>),
    Octets(Vec<u8>),
    /// A part's body with its transfer encoding undone, and how long that is.
    Decoded(PartRef, u64),
    Size(u64),
    Nil,
}

/// The message's octets.
struct Source<'a> {
    view: &'a View,
    blob: BlobId,
}

impl Source<'_> {
    fn prepare(&self, item: &FetchItem, summary: &SummaryRef<'_>) -> Result<Option<Prepared>, Missing> {
        Ok(match item {
            FetchItem::BodySection { section: wanted, .. } if !is_whole(wanted) => {
                Some(self.section(wanted, summary)?)
            }
            FetchItem::Rfc822Header => Some(self.section(&top(SectionText::Header), summary)?),
            FetchItem::Rfc822Text => Some(self.section(&top(SectionText::Text), summary)?),
            FetchItem::Binary { part, .. } => Some(self.binary(part, summary)?),
            FetchItem::BinarySize(part) => Some(match self.binary(part, summary)? {
                Prepared::Decoded(_, size) => Prepared::Size(size),
                Prepared::Range(range) => Prepared::Size(range.end - range.start),
                other => other,
            }),
            _ => None,
        })
    }

    fn section(&self, wanted: &Section, summary: &SummaryRef<'_>) -> Result<Prepared, Missing> {
        let (names, include) = match &wanted.text {
            SectionText::HeaderFields(names) => (names.as_slice(), Include::Only),
            SectionText::HeaderFieldsNot(names) => (names.as_slice(), Include::Except),
            _ => (&[][..], Include::Only),
        };
        // What clients list a mailbox by: no look at the parts, none at the message.
        if wanted.part.0.is_empty()
            && !names.is_empty()
            && let Some(octets) = summary.header_fields(names, include)
        {
            return Ok(Prepared::Octets(octets));
        }
        Ok(match section(summary, wanted) {
            Content::Nil => Prepared::Nil,
            Content::Range(range) => Prepared::Range(range),
            Content::Fields(range) => Prepared::Octets(filter_fields(&self.read(range)?, names, include)),
        })
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, Missing> {
        Ok(self.view.mailbox().octets_of(self.blob, range)?)
    }

    /// The part's body with its transfer encoding undone; not possible for a multipart's parts. RFC 3516 4.3
    fn binary(&self, path: &PartPath, summary: &SummaryRef<'_>) -> Result<Prepared, Missing> {
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
                let mut size = 0;
                self.decode(&part, &mut |piece| {
                    size += piece.len() as u64;
                    true
                })?;
                Ok(Prepared::Decoded(part, size))
            }
        }
    }

    /// Gives a part's octets, its transfer encoding undone, piece by piece; the part is never in memory as a whole.
    fn decode(&self, part: &PartRef, take: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), MailboxError> {
        let (mut decoder, mut out, mut go_on) = (TransferDecoder::new(part.encoding), Vec::new(), true);
        self.view.mailbox().octets(self.blob, part.body.clone(), &mut |piece| {
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
}

/// Octets that are decoded at once.
const PIECE_BYTES: usize = 64 * 1024;

fn top(text: SectionText) -> Section {
    Section { part: PartPath::default(), text }
}

struct Writer<'a, 'b, 'r> {
    response: &'a mut Response<'r>,
    view: &'a View,
    message: &'a Message<'b>,
    summary: Option<SummaryRef<'a>>,
}

impl Writer<'_, '_, '_> {
    fn item(&mut self, item: &FetchItem, prepared: Option<&Prepared>) -> Result<(), Gone> {
        let out = &mut *self.response.buffer;
        match item {
            FetchItem::Uid => number(out, b"UID ", self.message.uid().get().into()),
            FetchItem::Size => number(out, b"RFC822.SIZE ", self.message.size().into()),
            FetchItem::ModSeq => wire::text(out, format_args!("MODSEQ ({})", self.message.mod_seq())),
            FetchItem::EmailId => wire::text(out, format_args!("EMAILID ({})", self.message.blob().email_id())),
            FetchItem::ThreadId => out.extend_from_slice(b"THREADID NIL"),
            FetchItem::SaveDate => wire::text(out, format_args!("SAVEDATE \"{}\"", self.message.save_date())),
            FetchItem::InternalDate => {
                wire::text(out, format_args!("INTERNALDATE \"{}\"", self.message.internal_date()));
            }
            FetchItem::Envelope => self.kept(b"ENVELOPE ", |summary| summary.envelope()),
            FetchItem::Body => self.kept(b"BODY ", |summary| summary.body()),
            FetchItem::BodyStructure => self.kept(b"BODYSTRUCTURE ", |summary| summary.body_structure()),
            FetchItem::Rfc822 => {
                out.extend_from_slice(b"RFC822 ");
                self.content(&Prepared::Range(0..self.message.size().into()), None, b"")?;
            }
            FetchItem::Rfc822Header => {
                out.extend_from_slice(b"RFC822.HEADER ");
                self.content(prepared.unwrap_or(&Prepared::Nil), None, b"")?;
            }
            FetchItem::Rfc822Text => {
                out.extend_from_slice(b"RFC822.TEXT ");
                self.content(prepared.unwrap_or(&Prepared::Nil), None, b"")?;
            }
            FetchItem::BodySection { section, partial, .. } => {
                body_name(out, section, *partial);
                let whole = Prepared::Range(0..self.message.size().into());
                self.content(prepared.unwrap_or(&whole), *partial, b"")?;
            }
            FetchItem::Binary { part, partial, .. } => {
                wire::text(out, format_args!("BINARY[{}]", path_text(part)));
                origin(out, *partial);
                self.content(prepared.unwrap_or(&Prepared::Nil), *partial, b"~")?;
            }
            FetchItem::BinarySize(part) => {
                let size = if let Some(Prepared::Size(size)) = prepared { *size } else { 0 };
                wire::text(out, format_args!("BINARY.SIZE[{}] {size}", path_text(part)));
            }
            FetchItem::Flags => {}
        }
        Ok(())
    }

    fn kept(&mut self, name: &[u8], get: impl for<'s> Fn(&SummaryRef<'s>) -> &'s [u8]) {
        self.response.buffer.extend_from_slice(name);
        match &self.summary {
            Some(summary) => self.response.buffer.extend_from_slice(get(summary)),
            None => self.response.buffer.extend_from_slice(b"NIL"),
        }
    }

    /// A literal, `mark` before it: `~` for literal8.
    fn content(&mut self, content: &Prepared, partial: Option<Partial>, mark: &[u8]) -> Result<(), Gone> {
        match content {
            Prepared::Nil | Prepared::Size(_) => {
                self.response.buffer.extend_from_slice(b"NIL");
                Ok(())
            }
            Prepared::Octets(octets) => {
                let range = cut(0..octets.len() as u64, partial);
                self.announce(mark, &range);
                self.response.octets(&octets[range.start as usize..range.end as usize])
            }
            Prepared::Range(range) => {
                let range = cut(range.clone(), partial);
                self.announce(mark, &range);
                self.stream(range, mark)
            }
            Prepared::Decoded(part, size) => {
                let range = cut(0..*size, partial);
                self.announce(mark, &range);
                self.stream_decoded(part, range)
            }
        }
    }

    fn announce(&mut self, mark: &[u8], range: &Range<u64>) {
        self.response.buffer.extend_from_slice(mark);
        wire::text(self.response.buffer, format_args!("{{{}}}\r\n", range.end - range.start));
    }

    /// What has been announced must come. Where it cannot be read, the connection ends: no client is given other octets.
    /// NUL, which only literal8 may have, goes out as 0x80, as Dovecot sends it. RFC 9051 4.3
    fn stream(&mut self, range: Range<u64>, mark: &[u8]) -> Result<(), Gone> {
        let (mut left, mut failed) = (range.end - range.start, None);
        let read = self.view.mailbox().octets(self.message.blob(), range, &mut |piece| {
            left -= piece.len() as u64;
            let sent = match mark.is_empty() && memchr::memchr(0, piece).is_some() {
                true => {
                    self.response.octets(&piece.iter().map(|b| if *b == 0 { 0x80 } else { *b }).collect::<Vec<u8>>())
                }
                false => self.response.octets(piece),
            };
            failed = sent.err();
            failed.is_none()
        });
        self.streamed(read, failed, left)
    }

    fn stream_decoded(&mut self, part: &PartRef, range: Range<u64>) -> Result<(), Gone> {
        let (mut at, mut left, mut failed) = (0u64, range.end - range.start, None);
        let source = Source { view: self.view, blob: self.message.blob() };
        let read = source.decode(part, &mut |piece| {
            let end = at + piece.len() as u64;
            let (from, to) = (range.start.clamp(at, end) - at, range.end.clamp(at, end) - at);
            at = end;
            left -= to - from;
            failed = self.response.octets(&piece[from as usize..to as usize]).err();
            failed.is_none() && left > 0
        });
        self.streamed(read, failed, left)
    }

    fn streamed(&self, read: Result<(), MailboxError>, failed: Option<Gone>, left: u64) -> Result<(), Gone> {
        if let Err(error) = &read {
            log::error!("message UID {}: {error}", self.message.uid());
        }
        match (failed, left) {
            (Some(gone), _) => Err(gone),
            (None, 0) => Ok(()),
            (None, _) => Err(Gone),
        }
    }
}

fn number(out: &mut Vec<u8>, name: &[u8], n: u64) {
    out.extend_from_slice(name);
    wire::number(out, n);
}

/// What of a range a partial fetch asks for; nothing where it begins beyond the end. RFC 9051 6.4.5
fn cut(range: Range<u64>, partial: Option<Partial>) -> Range<u64> {
    match partial {
        None => range,
        Some(Partial { offset, count }) => {
            let start = range.start.saturating_add(offset).min(range.end);
            start..start.saturating_add(count).min(range.end)
        }
    }
}

fn path_text(path: &PartPath) -> String {
    path.0.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

/// `BODY[1.HEADER.FIELDS (DATE)]<0> `
fn body_name(out: &mut Vec<u8>, section: &Section, partial: Option<Partial>) {
    let path = path_text(&section.part);
    let dot = if path.is_empty() || section.text == SectionText::Whole { "" } else { "." };
    let (word, names): (&str, &[String]) = match &section.text {
        SectionText::Whole => ("", &[]),
        SectionText::Header => ("HEADER", &[]),
        SectionText::Text => ("TEXT", &[]),
        SectionText::Mime => ("MIME", &[]),
        SectionText::HeaderFields(names) => ("HEADER.FIELDS", names),
        SectionText::HeaderFieldsNot(names) => ("HEADER.FIELDS.NOT", names),
    };
    wire::text(out, format_args!("BODY[{path}{dot}{word}"));
    for (i, name) in names.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b" (" } else { b" " });
        field_name(out, name);
    }
    out.extend_from_slice(if names.is_empty() { b"]" } else { b")]" });
    origin(out, partial);
}

/// A field name is an atom, or quoted where it has an atom's specials.
fn field_name(out: &mut Vec<u8>, name: &str) {
    match name.bytes().any(|b| br#"(){%*"\]"#.contains(&b)) {
        true => wire::quoted(out, name.as_bytes()),
        false => out.extend_from_slice(name.as_bytes()),
    }
}

fn origin(out: &mut Vec<u8>, partial: Option<Partial>) {
    match partial {
        Some(partial) => wire::text(out, format_args!("<{}> ", partial.offset)),
        None => out.push(b' '),
    }
}

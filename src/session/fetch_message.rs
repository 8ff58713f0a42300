//! One FETCH response.                              RFC 9051 7.5.2, 6.4.5.1; RFC 3516 4.3; RFC 5257 4.4; RFC 8970

use super::cmd_annotate;
use super::content::{LiteralKind, Missing, Prepared, Source, is_whole};
use super::core::Core;
use super::fetch_summary::{Asked, FetchSummaries};
use super::output::{Gone, Response};
use super::report::FlagWriter;
use crate::mailbox::{MailboxError, Message, View, summary_of};
use crate::mime::{FieldNames, SummaryRef};
use crate::proto::Dialect;
use crate::proto::response as wire;
use crate::types::{AccountName, BlobId, FetchItem, PartPath, Partial, Section, SectionText, Uid, UidSet};

pub(super) struct Fetcher<'a> {
    view: &'a View,
    items: &'a [FetchItem],
    /// What stands before the value of an item that has a section, and the fields that it names.
    sections: Vec<Wanted>,
    summaries: FetchSummaries<'a>,
    source: Source,
    flags: FlagWriter<'a>,
    needs_summary: bool,
    /// All items are answered from the index.
    is_indexed: bool,
    /// Some items are more than an answer of the index or the summary.
    prepares: bool,
    /// What has been prepared of the message, item by item.
    prepared: Vec<Option<Prepared>>,
    asks_annotations: bool,
    /// What there is to say of the message's annotations, item by item, where any are asked for.
    annotations: Vec<Wanting>,
    /// Headers in UTF-8 are nothing for this client, and some are asked for. RFC 9755 8
    downgrades: bool,
    /// Messages that something else was given of.
    pub(super) downgraded: UidSet,
    dialect: Dialect,
}

impl<'a> Fetcher<'a> {
    pub(super) fn new(view: &'a View, items: &'a [FetchItem], messages: u64, core: &Core) -> Fetcher<'a> {
        Fetcher {
            view,
            items,
            sections: items.iter().map(Wanted::new).collect(),
            summaries: FetchSummaries::new(view, items, messages, asked(items)),
            // It turns to each message before that is read.
            source: Source::new(view.mailbox(), BlobId([0; 32])),
            flags: FlagWriter::new(view.shown(), view.recent()),
            needs_summary: items.iter().any(needs_summary),
            is_indexed: items.iter().all(is_indexed),
            prepares: items.iter().any(is_prepared),
            prepared: Vec::with_capacity(items.len()),
            asks_annotations: items.iter().any(|item| matches!(item, FetchItem::Annotation(_))),
            annotations: Vec::new(),
            downgrades: !core.takes_utf8_headers() && items.iter().any(shows_headers),
            downgraded: UidSet::new(),
            dialect: core.dialect,
        }
    }

    /// `* 12 FETCH (...)`; with FLAGS whether they were asked for or not where the command has changed them.
    ///
    /// What is done for each message is written out in the loop over them: calls would cost a fifth more.
    #[inline(always)]
    pub(super) fn message(
        &mut self,
        response: &mut Response<'_>,
        message: &Message<'_>,
        with_flags: bool,
    ) -> Result<(), Missing> {
        if self.asks_annotations {
            self.read_annotations(message.uid())?;
        }
        match self.is_indexed {
            true => self.indexed(response.buffer, message),
            false => self.described(response, message)?,
        }
        if with_flags {
            self.changed_flags(response.buffer, message);
        }
        response.buffer.extend_from_slice(b")\r\n");
        Ok(())
    }

    /// Items that the index answers: what clients ask of all messages when they look what is new.
    #[inline(always)]
    fn indexed(&mut self, out: &mut Vec<u8>, message: &Message<'_>) {
        wire::fetch_begin(out, message.seq(), message.uid(), self.dialect);
        for (i, item) in self.items.iter().enumerate() {
            if i > 0 {
                out.push(b' ');
            }
            match item {
                FetchItem::Flags => self.flags.write(out, message.uid(), &message.all_flags()),
                item => indexed_item(out, item, message),
            }
        }
    }

    /// Items that need the message's summary or its octets.
    #[inline(always)]
    fn described(&mut self, response: &mut Response<'_>, message: &Message<'_>) -> Result<(), Missing> {
        self.source.turn_to(message.blob());
        let needed = self.needs_summary || self.downgrades && !self.source.is_ascii(message.size().into())?;
        let stored = if needed { Some(self.summaries.of(message)?) } else { None };
        let summary = stored.as_deref().map(summary_of).transpose().map_err(MailboxError::from)?;
        if self.downgrades
            && let Some(summary) = &summary
            && self.source.downgrade(summary)?
        {
            self.downgraded.push(message.uid());
        }
        let source = &self.source;
        let summary = source.surrogate_summary()?.or(summary);
        if self.prepares {
            prepare(&mut self.prepared, self.items, &mut self.sections, source, summary.as_ref())?;
        }
        wire::fetch_begin(response.buffer, message.seq(), message.uid(), self.dialect);
        let mut writer = Writer { response, source, message, summary };
        let mut separator: &[u8] = b"";
        for (i, item) in self.items.iter().enumerate() {
            // Where no entry of the message matches there is nothing to be said.
            if let Some(Wanting::Nothing) = self.annotations.get(i) {
                continue;
            }
            writer.response.buffer.extend_from_slice(separator);
            separator = b" ";
            match item {
                FetchItem::Flags => self.flags.write(writer.response.buffer, message.uid(), &message.all_flags()),
                FetchItem::Annotation(_) => {
                    if let Some(Wanting::Octets(octets)) = self.annotations.get(i) {
                        writer.response.octets(octets)?;
                    }
                }
                item => writer.item(item, &self.sections[i].label, self.prepared.get(i).and_then(Option::as_ref))?,
            }
        }
        if separator.is_empty() {
            indexed_item(writer.response.buffer, &FetchItem::Uid, message);
        }
        Ok(())
    }

    #[cold]
    fn read_annotations(&mut self, uid: Uid) -> Result<(), Missing> {
        let of = |item: &FetchItem| match item {
            FetchItem::Annotation(item) => {
                Ok(cmd_annotate::fetched(self.view, uid, item)?.map_or(Wanting::Nothing, Wanting::Octets))
            }
            _ => Ok(Wanting::Other),
        };
        self.annotations = self.items.iter().map(of).collect::<Result<_, Missing>>()?;
        Ok(())
    }

    /// What the command itself has changed. RFC 9051 6.4.5; RFC 7162 3.2.4
    fn changed_flags(&mut self, out: &mut Vec<u8>, message: &Message<'_>) {
        let asked = |item| self.items.contains(&item);
        if !asked(FetchItem::Flags) {
            out.push(b' ');
            self.flags.write(out, message.uid(), &message.all_flags());
        }
        if self.dialect.condstore && !self.dialect.uid_only && !self.items.contains(&FetchItem::Uid) {
            wire::text(out, format_args!(" UID {}", message.uid()));
        }
        if self.dialect.condstore && !self.items.contains(&FetchItem::ModSeq) {
            wire::text(out, format_args!(" MODSEQ ({})", message.mod_seq()));
        }
    }

    /// Keeps the summaries that were made anew, when there are many of them; no response is being written.
    pub(super) fn keep(&mut self, user: &AccountName) {
        self.summaries.keep(user);
    }

    pub(super) fn keep_all(&mut self, user: &AccountName) {
        self.summaries.keep_all(user);
    }
}

/// Decodes or filters what must be before the response can begin: where it fails, nothing has been said yet.
#[inline(always)]
fn prepare(
    prepared: &mut Vec<Option<Prepared>>,
    items: &[FetchItem],
    sections: &mut [Wanted],
    source: &Source,
    summary: Option<&SummaryRef<'_>>,
) -> Result<(), Missing> {
    // The memory of the last message's fields takes those of this one.
    for (last, wanted) in prepared.drain(..).zip(sections.iter_mut()) {
        if let Some(Prepared::Octets(octets)) = last {
            wanted.spare = octets;
        }
    }
    let Some(summary) = summary else { return Ok(()) };
    for (item, wanted) in items.iter().zip(sections) {
        prepared.push(wanted.prepare(source, item, summary)?);
    }
    Ok(())
}

/// What an item of a message's annotations comes to.
enum Wanting {
    /// It is no such item.
    Other,
    Nothing,
    Octets(Vec<u8>),
}

/// Whether an item is answered from the index, without the message's summary or octets.
fn is_indexed(item: &FetchItem) -> bool {
    matches!(
        item,
        FetchItem::Uid
            | FetchItem::Flags
            | FetchItem::InternalDate
            | FetchItem::Size
            | FetchItem::ModSeq
            | FetchItem::EmailId
            | FetchItem::ThreadId
            | FetchItem::SaveDate
    )
}

/// Whether `Wanted::prepare` has anything to do for an item.
fn is_prepared(item: &FetchItem) -> bool {
    match item {
        FetchItem::BodySection { .. } | FetchItem::Binary { .. } | FetchItem::BinarySize(_) => true,
        FetchItem::Rfc822Header | FetchItem::Rfc822Text => true,
        _ => false,
    }
}

/// Flags aside: they are the `FlagWriter`'s.
fn indexed_item(out: &mut Vec<u8>, item: &FetchItem, message: &Message<'_>) {
    match item {
        FetchItem::Uid => number(out, b"UID ", message.uid().get().into()),
        FetchItem::Size => number(out, b"RFC822.SIZE ", message.size().into()),
        FetchItem::ModSeq => wire::text(out, format_args!("MODSEQ ({})", message.mod_seq())),
        FetchItem::EmailId => wire::text(out, format_args!("EMAILID ({})", message.blob().email_id())),
        FetchItem::ThreadId => out.extend_from_slice(b"THREADID NIL"),
        FetchItem::SaveDate => wire::text(out, format_args!("SAVEDATE \"{}\"", message.save_date())),
        FetchItem::InternalDate => wire::text(out, format_args!("INTERNALDATE \"{}\"", message.internal_date())),
        _ => {}
    }
}

/// Whether an item shows what stands in a header.
fn shows_headers(item: &FetchItem) -> bool {
    match item {
        FetchItem::Envelope | FetchItem::Body | FetchItem::BodyStructure => true,
        FetchItem::Rfc822 | FetchItem::Rfc822Header | FetchItem::Rfc822Text => true,
        FetchItem::BodySection { .. } | FetchItem::Binary { .. } | FetchItem::BinarySize(_) => true,
        _ => false,
    }
}

/// What the items ask of summaries.
fn asked(items: &[FetchItem]) -> Asked {
    let of = |item: &FetchItem| match item {
        FetchItem::BodySection { section, .. } if matches!(section.text, SectionText::HeaderFields(_)) => {
            Asked::Fields
        }
        FetchItem::Envelope | FetchItem::BodyStructure => Asked::Structure,
        _ => Asked::Other,
    };
    items.iter().map(of).find(|asked| *asked != Asked::Other).unwrap_or(Asked::Other)
}

fn needs_summary(item: &FetchItem) -> bool {
    match item {
        FetchItem::Rfc822 => false,
        FetchItem::BodySection { section, .. } => !is_whole(section),
        FetchItem::Annotation(_) => false,
        item => !is_indexed(item),
    }
}

/// What is known of an item before there is a message.
struct Wanted {
    /// `BODY[HEADER.FIELDS (DATE)]<0> `
    label: Vec<u8>,
    /// Of HEADER.FIELDS of the message itself: what clients list a mailbox by.
    fields: Option<FieldNames>,
    /// Memory for octets.
    spare: Vec<u8>,
}

impl Wanted {
    fn new(item: &FetchItem) -> Wanted {
        let mut wanted = Wanted { label: Vec::new(), fields: None, spare: Vec::new() };
        match item {
            FetchItem::BodySection { section, partial, .. } => {
                body_name(&mut wanted.label, section, *partial);
                if let (SectionText::HeaderFields(names), true) = (&section.text, section.part.0.is_empty()) {
                    wanted.fields = Some(FieldNames::new(names));
                }
            }
            FetchItem::Binary { part, partial, .. } => {
                wire::text(&mut wanted.label, format_args!("BINARY[{}]", path_text(part)));
                origin(&mut wanted.label, *partial);
            }
            FetchItem::BinarySize(part) => {
                wire::text(&mut wanted.label, format_args!("BINARY.SIZE[{}] ", path_text(part)));
            }
            _ => {}
        }
        wanted
    }

    fn prepare(
        &mut self,
        source: &Source,
        item: &FetchItem,
        summary: &SummaryRef<'_>,
    ) -> Result<Option<Prepared>, Missing> {
        if let Some(names) = &self.fields {
            // No look at the parts, none at the message.
            self.spare.clear();
            if summary.pick_header_fields(names, &mut self.spare) {
                return Ok(Some(Prepared::Octets(std::mem::take(&mut self.spare))));
            }
        }
        Ok(match item {
            FetchItem::BodySection { section: wanted, .. } if !is_whole(wanted) => {
                Some(source.section(wanted, summary)?)
            }
            FetchItem::Rfc822Header => Some(source.section(&top(SectionText::Header), summary)?),
            FetchItem::Rfc822Text => Some(source.section(&top(SectionText::Text), summary)?),
            FetchItem::Binary { part, .. } | FetchItem::BinarySize(part) => Some(source.binary(part, summary)?),
            _ => None,
        })
    }
}

fn top(text: SectionText) -> Section {
    Section { part: PartPath::default(), text }
}

struct Writer<'a, 'b, 'r> {
    response: &'a mut Response<'r>,
    source: &'a Source,
    message: &'a Message<'b>,
    summary: Option<SummaryRef<'a>>,
}

impl Writer<'_, '_, '_> {
    fn item(&mut self, item: &FetchItem, label: &[u8], prepared: Option<&Prepared>) -> Result<(), Gone> {
        let out = &mut *self.response.buffer;
        match item {
            FetchItem::Envelope => self.kept(b"ENVELOPE ", |summary| summary.envelope()),
            FetchItem::Body => self.kept(b"BODY ", |summary| summary.body()),
            FetchItem::BodyStructure => self.kept(b"BODYSTRUCTURE ", |summary| summary.body_structure()),
            FetchItem::Preview(_) => self.preview(),
            FetchItem::Rfc822 => {
                out.extend_from_slice(b"RFC822 ");
                self.content(prepared, None, LiteralKind::Literal)?;
            }
            FetchItem::Rfc822Header => {
                out.extend_from_slice(b"RFC822.HEADER ");
                self.content(prepared, None, LiteralKind::Literal)?;
            }
            FetchItem::Rfc822Text => {
                out.extend_from_slice(b"RFC822.TEXT ");
                self.content(prepared, None, LiteralKind::Literal)?;
            }
            FetchItem::BodySection { partial, .. } => {
                out.extend_from_slice(label);
                self.content(prepared, *partial, LiteralKind::Literal)?;
            }
            FetchItem::Binary { partial, .. } => {
                out.extend_from_slice(label);
                self.content(prepared, *partial, LiteralKind::Literal8)?;
            }
            FetchItem::BinarySize(_) => number(out, label, prepared.map_or(0, Prepared::len)),
            item => indexed_item(out, item, self.message),
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

    /// NIL where there is none yet, which only a client that asked for it with LAZY hears. RFC 8970 3.2
    fn preview(&mut self) {
        self.response.buffer.extend_from_slice(b"PREVIEW ");
        match self.summary.as_ref().and_then(SummaryRef::preview) {
            Some(text) => wire::string(self.response.buffer, text),
            None => self.response.buffer.extend_from_slice(b"NIL"),
        }
    }

    /// The whole message where nothing had to be prepared.
    fn content(
        &mut self,
        prepared: Option<&Prepared>,
        partial: Option<Partial>,
        kind: LiteralKind,
    ) -> Result<(), Gone> {
        let whole = self.source.whole(self.message.size().into());
        self.source.write(self.response, prepared.unwrap_or(&whole), partial, kind)
    }
}

fn number(out: &mut Vec<u8>, name: &[u8], n: u64) {
    out.extend_from_slice(name);
    wire::number(out, n);
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

//! One FETCH response.                              RFC 9051 7.5.2, 6.4.5.1; RFC 3516 4.3; RFC 5257 4.4; RFC 8970

use super::cmd_annotate;
use super::content::{LiteralKind, Missing, Prepared, Source, is_whole};
use super::core::Core;
use super::output::{Gone, Response};
use super::report::FlagWriter;
use crate::mailbox::{MailboxError, Message, Summaries, Value, View, summary_of};
use crate::mime::{FieldNames, SummaryRef};
use crate::proto::Dialect;
use crate::proto::response as wire;
use crate::types::{AccountName, FetchItem, PartPath, Partial, Priority, Section, SectionText, Uid, UidSet};

/// From this many messages on, summaries are read by pages.
const MANY: u64 = 8;

/// Summaries made anew, for their previews, that are kept at once.
const RENEWED_MAX: usize = 100;

pub(super) struct Fetcher<'a> {
    view: &'a View,
    items: &'a [FetchItem],
    /// What stands before the value of an item that has a section, and the fields that it names.
    sections: Vec<Wanted>,
    summaries: Summaries,
    flags: FlagWriter<'a>,
    many: bool,
    needs_summary: bool,
    /// All items are answered from the index.
    is_indexed: bool,
    /// A summary of an earlier version must be made anew: its preview is asked for.
    needs_preview: bool,
    /// Some items are more than an answer of the index or the summary.
    prepares: bool,
    asks_annotations: bool,
    /// What there is to say of the message's annotations, item by item, where any are asked for.
    annotations: Vec<Wanting>,
    renewed: Vec<(Uid, Value)>,
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
            summaries: view.summaries(),
            flags: FlagWriter::new(view.shown(), view.recent()),
            many: messages >= MANY,
            needs_summary: items.iter().any(needs_summary),
            is_indexed: items.iter().all(is_indexed),
            needs_preview: items.contains(&FetchItem::Preview(Priority::Normal)),
            prepares: items.iter().any(is_prepared),
            asks_annotations: items.iter().any(|item| matches!(item, FetchItem::Annotation(_))),
            annotations: Vec::new(),
            renewed: Vec::new(),
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
        let mut source = Source::new(self.view.mailbox(), message.blob());
        let stored = self.stored(message, &source)?;
        let summary = stored.as_deref().map(summary_of).transpose().map_err(MailboxError::from)?;
        if self.downgrades
            && let Some(summary) = &summary
            && source.downgrade(summary)?
        {
            self.downgraded.push(message.uid());
        }
        let summary = source.surrogate_summary()?.or(summary);
        let prepared = self.prepare(&source, summary.as_ref())?;
        wire::fetch_begin(response.buffer, message.seq(), message.uid(), self.dialect);
        let mut writer = Writer { response, source: &source, message, summary };
        let sections = &self.sections;
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
                item => writer.item(item, &sections[i].label, prepared.get(i).and_then(Option::as_ref))?,
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

    /// The summary, where the items need one, or the message may need another header.
    fn stored(&mut self, message: &Message<'_>, source: &Source) -> Result<Option<Value>, Missing> {
        let needed = self.needs_summary || self.downgrades && !source.is_ascii(message.size().into())?;
        Ok(if needed { Some(self.summary(message)?) } else { None })
    }

    fn summary(&mut self, message: &Message<'_>) -> Result<Value, Missing> {
        let found = match self.many {
            true => self.summaries.next(message.uid()),
            false => self.summaries.one(message.uid()),
        };
        match found.map_err(MailboxError::from)? {
            Some(value) if self.needs_preview => self.with_preview(message, value),
            Some(value) => Ok(value),
            None => self.summaries.rebuild(message.blob()).map_err(|_| Missing::Message),
        }
    }

    /// A summary that was made before there were previews is made anew, and kept.
    fn with_preview(&mut self, message: &Message<'_>, value: Value) -> Result<Value, Missing> {
        if summary_of(&value).map_err(MailboxError::from)?.preview().is_some() {
            return Ok(value);
        }
        let renewed = self.summaries.rebuild(message.blob())?;
        self.renewed.push((message.uid(), renewed.clone()));
        Ok(renewed)
    }

    /// Keeps the summaries that were made anew, when there are many of them; no response is being written.
    pub(super) fn keep(&mut self, user: &AccountName) {
        if self.renewed.len() >= RENEWED_MAX {
            self.keep_all(user);
        }
    }

    /// Where they cannot be kept they are made again when they are next asked for. RFC 8970 8 wants a log of who asks.
    pub(super) fn keep_all(&mut self, user: &AccountName) {
        if self.renewed.is_empty() {
            return;
        }
        log::info!("{user}: {} previews were made for messages of earlier versions", self.renewed.len());
        if let Err(error) = self.view.mailbox().describe_anew(std::mem::take(&mut self.renewed)) {
            log::warn!("previews are not kept: {error}");
        }
    }

    /// What must be decoded or filtered before the response can begin: where it fails, nothing has been said yet.
    #[inline(always)]
    fn prepare(&self, source: &Source, summary: Option<&SummaryRef<'_>>) -> Result<Vec<Option<Prepared>>, Missing> {
        let Some(summary) = summary.filter(|_| self.prepares) else { return Ok(Vec::new()) };
        let mut prepared = Vec::with_capacity(self.items.len());
        for (item, wanted) in self.items.iter().zip(&self.sections) {
            prepared.push(wanted.prepare(source, item, summary)?);
        }
        Ok(prepared)
    }
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
}

impl Wanted {
    fn new(item: &FetchItem) -> Wanted {
        let mut wanted = Wanted { label: Vec::new(), fields: None };
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
        &self,
        source: &Source,
        item: &FetchItem,
        summary: &SummaryRef<'_>,
    ) -> Result<Option<Prepared>, Missing> {
        if let Some(names) = &self.fields {
            // No look at the parts, none at the message.
            let mut octets = Vec::with_capacity(1024);
            if summary.pick_header_fields(names, &mut octets) {
                return Ok(Some(Prepared::Octets(octets)));
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

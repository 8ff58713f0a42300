//! One FETCH response.                              RFC 9051 7.5.2, 6.4.5.1; RFC 3516 4.3; RFC 5257 4.4; RFC 8970

use super::cmd_annotate;
use super::content::{Missing, Prepared, Source, cut};
use super::core::Core;
use super::fetch_needs::{asked, is_indexed, is_prepared, needs_summary, shows_headers};
use super::fetch_summary::FetchSummaries;
use super::fetch_wanted::{Wanted, prepare};
use super::fetch_writer::{Writer, indexed_item};
use super::output::Response;
use super::report::FlagWriter;
use crate::mailbox::{MailboxError, Message, View, summary_of};
use crate::proto::Dialect;
use crate::proto::response as wire;
use crate::types::{AccountName, BlobId, FetchItem, Partial, Uid, UidSet};

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
    /// Some items may give octets of the message itself.
    streams: bool,
    /// What has been prepared of the message, item by item.
    prepared: Vec<Option<Prepared>>,
    asks_annotations: bool,
    /// What there is to say of the message's annotations, item by item, where any are asked for.
    annotations: Vec<Wanting>,
    /// Headers in UTF-8 are nothing for this client, and some are asked for. RFC 9755 9
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
            streams: items.iter().any(|item| streamed(item).is_some()),
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
        if self.streams {
            begins(self.items, &self.prepared, source, message)?;
        }
        wire::fetch_begin(response.buffer, message.seq(), message.uid(), self.dialect);
        let mut writer = Writer { response, source, message, summary, dialect: self.dialect };
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

/// Looks whether the octets that items give are there: where not, nothing has been said yet.
fn begins(
    items: &[FetchItem],
    prepared: &[Option<Prepared>],
    source: &Source,
    message: &Message<'_>,
) -> Result<(), Missing> {
    for (i, item) in items.iter().enumerate() {
        if let Some(partial) = streamed(item) {
            match prepared.get(i).and_then(Option::as_ref) {
                Some(content) => source.begins(content, cut(0..content.len(), partial))?,
                None => {
                    let whole = source.whole(message.size().into());
                    source.begins(&whole, cut(0..whole.len(), partial))?;
                }
            }
        }
    }
    Ok(())
}

/// Of an item that may give octets of the message itself, which of them.
fn streamed(item: &FetchItem) -> Option<Option<Partial>> {
    match item {
        FetchItem::BodySection { partial, .. } | FetchItem::Binary { partial, .. } => Some(*partial),
        FetchItem::Rfc822 | FetchItem::Rfc822Header | FetchItem::Rfc822Text => Some(None),
        _ => None,
    }
}

/// What an item of a message's annotations comes to.
enum Wanting {
    /// It is no such item.
    Other,
    Nothing,
    Octets(Vec<u8>),
}

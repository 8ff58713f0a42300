//! Writes the items of one message.                  RFC 9051 7.5.2; RFC 3516 4.3; RFC 8970

use super::content::{LiteralKind, Prepared, Source};
use super::output::{Gone, Response};
use crate::mailbox::Message;
use crate::mime::{SummaryRef, without_global};
use crate::proto::Dialect;
use crate::proto::response as wire;
use crate::types::{FetchItem, Partial};

/// Of those that need its summary or its octets.
pub(super) struct Writer<'a, 'b, 'r> {
    pub(super) response: &'a mut Response<'r>,
    pub(super) source: &'a Source,
    pub(super) message: &'a Message<'b>,
    pub(super) summary: Option<SummaryRef<'a>>,
    pub(super) dialect: Dialect,
}

impl Writer<'_, '_, '_> {
    pub(super) fn item(&mut self, item: &FetchItem, label: &[u8], prepared: Option<&Prepared>) -> Result<(), Gone> {
        let out = &mut *self.response.buffer;
        match item {
            FetchItem::Envelope => self.kept(b"ENVELOPE ", |summary| summary.envelope()),
            FetchItem::Body => self.structure(b"BODY ", |summary| summary.body()),
            FetchItem::BodyStructure => self.structure(b"BODYSTRUCTURE ", |summary| summary.body_structure()),
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
                let kind = prepared.map_or(LiteralKind::Literal8, |content| self.source.kind(content, *partial));
                self.content(prepared, *partial, kind)?;
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

    /// To who knows IMAP4rev1 alone, message/global has no envelope. RFC 3501 9; RFC 9755 6
    fn structure(&mut self, name: &[u8], get: impl for<'s> Fn(&SummaryRef<'s>) -> &'s [u8]) {
        let basic = match self.dialect.has_utf8() {
            true => None,
            false => self.summary.as_ref().and_then(|summary| without_global(get(summary))),
        };
        match basic {
            Some(structure) => {
                [name, &structure].iter().for_each(|octets| self.response.buffer.extend_from_slice(octets))
            }
            None => self.kept(name, get),
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

/// Flags aside: they are the `FlagWriter`'s.
#[inline]
pub(super) fn indexed_item(out: &mut Vec<u8>, item: &FetchItem, message: &Message<'_>) {
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

#[inline]
fn number(out: &mut Vec<u8>, name: &[u8], n: u64) {
    out.extend_from_slice(name);
    wire::number(out, n);
}

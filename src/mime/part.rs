//! A message taken apart.                           RFC 2045, 2046, 2183; RFC 9051 7.5.2

use std::ops::Range;

use super::content::{self, ContentType, Disposition};
use super::excerpt::Excerpts;
use super::header::{fields_beginning, unfold};
use super::transfer::Encoding;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Leaf,
    Multipart,
    /// message/rfc822 or message/global: its only child is the root of the message within.
    Message,
}

/// A body part, or the root of a message.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) kind: Kind,
    /// With the empty line. Octets from the beginning of the message.
    pub(super) header: Range<u64>,
    pub(super) body: Range<u64>,
    /// LFs in the body.
    pub(super) lines: u64,
    pub(super) children: Vec<usize>,
    pub(super) content_type: ContentType,
    pub(super) id: Option<Vec<u8>>,
    pub(super) description: Option<Vec<u8>>,
    pub(super) encoding: Option<Vec<u8>>,
    /// How the body is to be decoded: as its header says even where that is not MIME and `encoding` must not show it.
    pub(super) transfer: Encoding,
    pub(super) md5: Option<Vec<u8>>,
    pub(super) disposition: Option<Disposition>,
    pub(super) languages: Vec<Vec<u8>>,
    pub(super) location: Option<Vec<u8>>,
    /// Of the root of a message within another; empty elsewhere.
    pub(super) envelope: Vec<u8>,
}

/// What an entity is in, which decides what its header may leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// The root of a message: its header is MIME only if it says so.
    Message,
    Multipart,
    /// message/rfc822 where it says nothing. RFC 2046 5.1.5
    Digest,
}

impl Part {
    pub(super) fn new(start: u64) -> Part {
        Part {
            kind: Kind::Leaf,
            header: start..start,
            body: start..start,
            lines: 0,
            children: Vec::new(),
            content_type: of("text", "plain"),
            id: None,
            description: None,
            encoding: None,
            transfer: Encoding::Identity,
            md5: None,
            disposition: None,
            languages: Vec::new(),
            location: None,
            envelope: Vec::new(),
        }
    }

    /// Takes what BODYSTRUCTURE shows from the part's header.
    pub(super) fn describe(&mut self, header: &[u8], within: Within) {
        let mut is_mime = within != Within::Message;
        let mut typed = false;
        for field in fields_beginning(header, b"CcMm") {
            if field.is("content-type") {
                is_mime = true;
                // The first one counts; one that says nothing leaves the default. RFC 2045 5.2
                if !std::mem::replace(&mut typed, true) {
                    self.content_type =
                        ContentType::parse(&unfold(field.body)).unwrap_or_else(|| of("text", "plain"));
                }
            } else if field.is("mime-version") {
                is_mime = true;
            } else if let Some((prefix, name)) = field.name.split_at_checked(8)
                && prefix.eq_ignore_ascii_case(b"content-")
            {
                self.take(name, unfold(field.body));
            }
        }
        self.transfer = Encoding::from_name(self.encoding.as_deref().unwrap_or(b""));
        if !is_mime {
            let (header, body) = (self.header.clone(), self.body.clone());
            *self = Part { header, body, transfer: self.transfer, ..Part::new(0) };
        }
        if !typed && within == Within::Digest {
            self.content_type = of("message", "rfc822");
        }
        if self.content_type.is_media("multipart") {
            self.kind = Kind::Multipart;
        } else if self.content_type.is("message", "rfc822") || self.content_type.is("message", "global") {
            self.kind = Kind::Message;
        }
    }

    /// A field by its name without `Content-`; the first of a name counts.
    fn take(&mut self, name: &[u8], body: Vec<u8>) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("transfer-encoding") {
            self.encoding = self.encoding.take().or_else(|| content::encoding(&body));
        } else if is("disposition") {
            // One with parameters says more than one without.
            if self.disposition.as_ref().is_none_or(|known| known.params.is_empty()) {
                self.disposition = Disposition::parse(&body).or(self.disposition.take());
            }
        } else if is("language") {
            if self.languages.is_empty() {
                self.languages = content::languages(&body);
            }
        } else if is("id") {
            self.id.get_or_insert(body);
        } else if is("description") {
            self.description.get_or_insert(body);
        } else if is("md5") {
            self.md5.get_or_insert(body);
        } else if is("location") {
            self.location.get_or_insert(body);
        }
    }

    /// For what is not taken apart because of a limit: its type would promise a structure that is not there.
    pub(super) fn make_opaque(&mut self) {
        self.kind = Kind::Leaf;
        self.content_type = of("application", "octet-stream");
    }

    pub(super) fn is_text(&self) -> bool {
        self.content_type.is_media("text")
    }

    pub(super) fn charset(&self) -> Option<&[u8]> {
        self.content_type.param("charset")
    }
}

fn of(media: &str, subtype: &str) -> ContentType {
    ContentType { media: media.into(), subtype: subtype.into(), params: Vec::new() }
}

/// Which headers have octets that are not ASCII.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EightBit {
    /// The message's own.
    pub(super) own: bool,
    /// That, or one of a part.
    pub(super) any: bool,
}

/// A message that has been read to its end.
#[derive(Clone, Debug)]
pub struct Message {
    /// The root first; children stand behind their parents, in preorder.
    pub(super) parts: Vec<Part>,
    /// The root's header, as far as it was kept.
    pub(super) header: Vec<u8>,
    /// Whether the header was longer than what was kept.
    pub(super) header_cut: bool,
    pub(super) eight_bit: EightBit,
    pub(super) size: u64,
    /// What a preview is made of.
    pub(super) excerpts: Excerpts,
}

impl Message {
    /// Octets of the message.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The message's header with its empty line, as it stands, up to `parser::HEADERS_BYTES_MAX`.
    pub fn header(&self) -> &[u8] {
        &self.header
    }
}

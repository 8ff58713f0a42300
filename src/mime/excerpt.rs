//! The beginnings of the text parts of a message that a preview is made of, kept while the message is read.
//!
//! The first text/plain and the first text/html that are neither attached, nor encrypted, nor of a message within.
//! Bounded, whatever is in the message.

use super::part::{Kind, Part};

/// Octets of a plain text that are looked at.
const PLAIN_BYTES_MAX: usize = 16 * 1024;
/// The same of HTML, whose text begins behind its style sheets.
const HTML_BYTES_MAX: usize = 64 * 1024;

/// The beginning of a part's body, as it stands.
#[derive(Clone, Debug)]
pub(super) struct Excerpt {
    pub(super) part: usize,
    pub(super) octets: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    Plain,
    Html,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Excerpts {
    pub(super) plain: Option<Excerpt>,
    pub(super) html: Option<Excerpt>,
    open: Option<(Text, usize)>,
}

impl Excerpts {
    /// The part whose body is being read and wanted.
    pub(super) fn open(&self) -> Option<(Text, usize)> {
        self.open
    }

    /// The body of a leaf begins; `within` are the entities that it is in.
    pub(super) fn begin<'a>(&mut self, part: usize, entity: &Part, mut within: impl Iterator<Item = &'a Part>) {
        let is_attached = entity.disposition.as_ref().is_some_and(|of| of.kind.eq_ignore_ascii_case(b"attachment"));
        let hides = |outer: &Part| outer.kind == Kind::Message || outer.content_type.is("multipart", "encrypted");
        let text = match &entity.content_type {
            of if of.is("text", "plain") => Text::Plain,
            of if of.is("text", "html") => Text::Html,
            _ => return,
        };
        if is_attached || within.any(hides) {
            return;
        }
        let slot = self.slot(text);
        // An empty text before the one that is meant: some mailers put it there.
        if slot.as_ref().is_none_or(|known| known.octets.trim_ascii().is_empty()) {
            *slot = Some(Excerpt { part, octets: Vec::new() });
            self.open = Some((text, part));
        }
    }

    /// Octets that were read while the part was open: of the body or, at its end, of a boundary, which `end` cuts off.
    pub(super) fn add(&mut self, (text, part): (Text, usize), octets: &[u8]) {
        let most = if text == Text::Plain { PLAIN_BYTES_MAX } else { HTML_BYTES_MAX };
        // A line that closed the part was a boundary.
        if self.open == Some((text, part))
            && let Some(excerpt) = self.slot(text)
        {
            let room = most - excerpt.octets.len();
            excerpt.octets.extend_from_slice(&octets[..octets.len().min(room)]);
        }
    }

    /// The body of this part has ended, `octets` long.
    pub(super) fn end(&mut self, part: usize, octets: u64) {
        if let Some((text, _)) = self.open.take_if(|(_, open)| *open == part)
            && let Some(excerpt) = self.slot(text)
        {
            excerpt.octets.truncate(usize::try_from(octets).unwrap_or(usize::MAX));
        }
    }

    fn slot(&mut self, text: Text) -> &mut Option<Excerpt> {
        match text {
            Text::Plain => &mut self.plain,
            Text::Html => &mut self.html,
        }
    }
}

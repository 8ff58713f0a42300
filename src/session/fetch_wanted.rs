//! An item of FETCH before there is a message: the name of its section, and what is got ready of each message for it.
//! RFC 9051 6.4.5.1, 7.5.2; RFC 3516 4.3

use super::content::{Missing, Prepared, Source, is_whole};
use crate::mime::{FieldNames, SummaryRef};
use crate::proto::response as wire;
use crate::types::{FetchItem, PartPath, Partial, Section, SectionText};

/// What is known of an item before there is a message.
pub(super) struct Wanted {
    /// `BODY[HEADER.FIELDS (DATE)]<0> `
    pub(super) label: Vec<u8>,
    /// Of HEADER.FIELDS of the message itself: what clients list a mailbox by.
    fields: Option<FieldNames>,
    /// Memory for octets.
    spare: Vec<u8>,
}

impl Wanted {
    pub(super) fn new(item: &FetchItem) -> Wanted {
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

/// Decodes or filters what must be before the response can begin: where it fails, nothing has been said yet.
#[inline(always)]
pub(super) fn prepare(
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

//! What fuzz targets call: any octets at all, and nothing may panic.

use super::*;
use crate::types::{PartPath, Section, SectionText};

/// A message, whole and in pieces of `piece` octets: both must be read alike.
pub fn message(octets: &[u8], piece: usize) {
    let read = |piece: usize| {
        let mut parser = Parser::new();
        octets.chunks(piece.max(1)).for_each(|piece| parser.feed(piece));
        Summary::encode(&parser.finish())
    };
    let whole = read(octets.len());
    assert!(whole == read(piece), "a message reads differently in pieces of {piece}");
    let summary = SummaryRef::new(&whole).expect("a summary that was just written");
    assert_eq!(summary.size(), octets.len() as u64);
    for part in summary.parts() {
        assert!(part.header.start <= part.header.end && part.body.end <= summary.size(), "{part:?}");
        let body = &octets[part.body.start as usize..part.body.end as usize];
        let (mut decoder, mut text) = (TextDecoder::new(part.encoding, part.charset.as_deref()), String::new());
        body.chunks(piece.max(1)).for_each(|piece| decoder.feed(piece, &mut text));
        decoder.finish(&mut text);
    }
    let preview = std::str::from_utf8(summary.preview().expect("a preview")).expect("UTF-8");
    assert!(preview.chars().count() <= 200 && !preview.chars().any(char::is_control), "{preview:?}");
    for wire in [summary.envelope(), summary.body(), summary.body_structure()] {
        assert!(wire.first() == Some(&b'(') && wire.last() == Some(&b')') && !wire.contains(&0));
    }
    self::summary(&whole);
}

/// The octets of a summary, which a disk may have damaged.
pub fn summary(octets: &[u8]) {
    let brought = SummaryRef::picked(octets).into_iter().chain(SummaryRef::described(octets));
    assert!(brought.map(<[u8]>::len).sum::<usize>() <= octets.len() * 2);
    let Some(summary) = SummaryRef::new(octets) else { return };
    for path in [&[][..], &[1], &[2, 1], &[1, 1, 1], &[u32::MAX, 0]] {
        for text in
            [SectionText::Whole, SectionText::Header, SectionText::Mime, SectionText::HeaderFields(Vec::new())]
        {
            section(&summary, &Section { part: PartPath(path.to_vec()), text });
        }
    }
    for include in [Include::Only, Include::Except] {
        let _ = summary.header_fields(&["subject", "received"], include);
    }
    for names in [&["subject", "To", "received"][..], &["date"]] {
        let mut out = b"before".to_vec();
        let whole = summary.pick_header_fields(&FieldNames::new(names), &mut out);
        assert!(out.starts_with(b"before") && out.len() <= 6 + octets.len() && (whole || out.len() == 6));
    }
    for field in [Field::Subject, Field::To, Field::ListId] {
        let _ = summary.field(field);
    }
    let _ = (summary.preview(), summary.header_range(), summary.sent_date(), summary.parts().count());
}

/// A header block and what stands in its fields.
pub fn header(octets: &[u8]) {
    for field in header_fields(octets) {
        let _ = (decode_field(field.body), addresses(field.body), parse_date(field.body));
    }
    let _ = (addresses(octets), parse_date(octets), filter_fields(octets, &["to"], Include::Except));
    let _ = fold(&decode_field(octets));
}

//! BODY[HEADER.FIELDS ...] of thousands of messages.   RFC 9051 6.4.5.1

use std::ops::Range;

use memchr::memchr2;

/// Names of fields that are wanted, ready to be looked for in thousands of headers.
#[derive(Clone, Debug)]
pub struct FieldNames {
    names: Vec<FieldName>,
    /// The letters that they begin with, in both cases: most fields are passed over by their first octet.
    initials: [bool; 256],
    /// Whose mark it is: one more than the place of one name, or 0. Where names share it they are asked one by one.
    marks: [u32; 256],
    /// The marks that they have where they are omitted.
    omitted: [bool; 256],
}

/// A name, ready to be compared with the front of a field.
#[derive(Clone, Debug)]
struct FieldName {
    /// In small letters.
    text: Box<[u8]>,
    /// Of 16 octets, the first the lowest: those of the name and its colon; the octets that count; the bit that tells
    /// capital letters from small ones, of those that are letters. Nothing counts where the name is too long, or none.
    front: u128,
    counts: u128,
    cases: u128,
}

impl FieldName {
    fn new(name: &str) -> FieldName {
        let text: Box<[u8]> = name.to_ascii_lowercase().into_bytes().into();
        let mut name = FieldName { text, front: 0, counts: 0, cases: 0 };
        // What is no name of a field is in no header, whatever stands there.
        let is_name = name.text.iter().all(|octet| octet.is_ascii_graphic() && *octet != b':');
        if is_name && (1..16).contains(&name.text.len()) {
            for (at, octet) in name.text.iter().chain(b":").enumerate() {
                name.front |= u128::from(*octet) << (at * 8);
                name.counts |= 0xff << (at * 8);
                name.cases |= if octet.is_ascii_lowercase() { 0x20 << (at * 8) } else { 0 };
            }
        }
        name
    }

    /// Whether the octets begin with the name and a colon; where `false` there may be something between the two.
    fn is_front(&self, octets: &[u8]) -> bool {
        let Some(front) = octets.first_chunk() else { return false };
        self.counts != 0 && (u128::from_le_bytes(*front) | self.cases) & self.counts == self.front
    }
}

/// What `FieldNames::pick_marked` has heard of fields that a summary has not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Omitted {
    /// None of them is wanted.
    Unwanted,
    /// The marks do not say, or one has the mark of a name that is wanted.
    Unknown,
}

impl FieldNames {
    pub fn new<N: AsRef<str>>(names: &[N]) -> FieldNames {
        let names: Vec<FieldName> = names.iter().map(|name| FieldName::new(name.as_ref())).collect();
        let (mut initials, mut marks, mut omitted) = ([false; 256], [0; 256], [false; 256]);
        for (place, name) in names.iter().enumerate() {
            if let Some(initial) = name.text.first() {
                initials[usize::from(*initial)] = true;
                initials[usize::from(initial.to_ascii_uppercase())] = true;
            }
            marks[usize::from(mark(&name.text))] = place as u32 + 1;
            omitted[usize::from(mark_of_omitted(&name.text))] = true;
        }
        FieldNames { names, initials, marks, omitted }
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(super) fn has(&self, name: &[u8]) -> bool {
        name.first().is_some_and(|initial| self.initials[usize::from(*initial)])
            && self.names.iter().any(|known| known.text.eq_ignore_ascii_case(name))
    }

    /// As `pick`, of a block that a summary has the marks of: most fields are passed over without a look at them. `None`, and
    /// nothing added, where the marks are not of this block.
    pub(super) fn pick_marked(&self, marks: &[u8], block: &[u8], out: &mut Vec<u8>) -> Option<Omitted> {
        let (mut named, mut wanted, mut start, before) = (false, false, 0, out.len());
        // What is taken together.
        let mut run = 0..0;
        for &[mark, low, high] in marks.as_chunks().0 {
            let end = start + usize::from(u16::from_le_bytes([low, high]));
            let whose = self.marks[usize::from(mark)];
            if end == start {
                (named, wanted) = (true, wanted || self.omitted[usize::from(mark)]);
            } else if whose != 0 && self.is_at(whose, block, start..end) {
                if run.end != start {
                    out.extend_from_slice(block.get(run).unwrap_or_default());
                    run = start..start;
                }
                run.end = end;
            }
            start = end;
        }
        // The empty line.
        if !matches!(block.get(start..), Some(b"" | b"\n" | b"\r\n")) {
            out.truncate(before);
            return None;
        }
        if run.end != start {
            out.extend_from_slice(block.get(run).unwrap_or_default());
            run = start..start;
        }
        out.extend_from_slice(&block[run.start..]);
        Some(if named && !wanted { Omitted::Unwanted } else { Omitted::Unknown })
    }

    /// Whether the field there is one of the names, most likely that one whose mark it has.
    fn is_at(&self, whose: u32, block: &[u8], field: Range<usize>) -> bool {
        let likely = self.names.get(whose as usize - 1);
        likely.is_some_and(|name| block.get(field.start..).is_some_and(|front| name.is_front(front)))
            || block.get(field).is_some_and(|field| self.has(name_of(field)))
    }

    /// What `filter` gives of the named fields, added to `out`.
    pub(super) fn pick(&self, block: &[u8], out: &mut Vec<u8>) {
        // Where the field that is being taken began, and where the line does.
        let (mut taken, mut start) = (None, 0);
        for end in memchr::memchr_iter(b'\n', block).map(|at| at + 1).chain([block.len()]) {
            let line = &block[start..end];
            let goes_on = matches!(line.first(), Some(b' ' | b'\t')) && start > 0;
            if !goes_on {
                out.extend_from_slice(taken.take().map_or(&b""[..], |from| &block[from..start]));
                if matches!(line, b"" | b"\n" | b"\r\n") {
                    return out.extend_from_slice(line);
                }
                if self.initials[usize::from(line[0])] && self.has(name_of(line)) {
                    taken = Some(start);
                }
            }
            start = end;
        }
        out.extend_from_slice(taken.map_or(&b""[..], |from| &block[from..]));
    }
}

/// The name at the front of a field.
fn name_of(field: &[u8]) -> &[u8] {
    field[..memchr2(b':', b'\n', field).unwrap_or(field.len())].trim_ascii_end()
}

/// An octet that stands for a name, in any case of its letters.
pub(super) fn mark(name: &[u8]) -> u8 {
    name.iter().fold(0, |mark: u8, octet| mark.rotate_left(3) ^ octet.to_ascii_lowercase())
}

/// The same of a name that a summary omits. The factor keeps those that are omitted most from having the marks of those that
/// are asked for most.
pub(super) fn mark_of_omitted(name: &[u8]) -> u8 {
    name.iter().fold(0, |mark: u8, octet| mark.wrapping_mul(205) ^ octet.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::super::header::{Include, fields, filter};
    use super::*;

    #[test]
    fn picked_as_filtered() {
        // Some that no field can have, and one that is longer than what is compared at once.
        let names = ["subject", "To", "x-y", "no colon", "", "z:", "to ", "a-name-of-many-octets"];
        let picked = FieldNames::new(&names);
        let pieces = [
            "Subject: a\r\n",
            " b\r\n",
            "\tc\n",
            "to : d\n",
            "X-Y:\r\n",
            "no colon\n",
            "\r\n",
            "\n",
            "Z: \r",
            "A-Name-of-Many-Octets: e\r\n",
            "x",
            "",
        ];
        let mut random = fastrand::Rng::with_seed(9);
        for _ in 0..20_000 {
            let block: String = (0..random.usize(..9)).map(|_| pieces[random.usize(..pieces.len())]).collect();
            let mut out = Vec::new();
            picked.pick(block.as_bytes(), &mut out);
            assert_eq!(out, filter(block.as_bytes(), &names, Include::Only), "{block:?}");
            let mut marks = Vec::new();
            for field in fields(block.as_bytes()) {
                marks.push(mark(field.name));
                marks.extend((field.raw.len() as u16).to_le_bytes());
            }
            let ends: Vec<_> = fields(block.as_bytes()).map(|field| field.raw.len()).collect();
            let mut whole = fields(block.as_bytes());
            whole.by_ref().for_each(drop);
            let kept = &block.as_bytes()[..ends.iter().sum::<usize>() + whole.empty_line().len()];
            let mut marked = b"before".to_vec();
            assert_eq!(picked.pick_marked(&marks, kept, &mut marked), Some(Omitted::Unknown));
            assert_eq!(marked, [b"before", &out[..]].concat(), "{block:?}");
        }
    }

    #[test]
    fn marks_of_another_block() {
        let picked = FieldNames::new(&["to"]);
        let block = b"To: a\r\n\r\n";
        let (of_to, omitted) = (mark(b"to"), mark_of_omitted(b"to"));
        for (marks, said) in [
            (&[of_to, 7, 0][..], Some(Omitted::Unknown)),
            (&[of_to, 7, 0, omitted ^ 1, 0, 0], Some(Omitted::Unwanted)),
            (&[of_to, 7, 0, omitted, 0, 0, omitted ^ 1, 0, 0], Some(Omitted::Unknown)),
            (&[0, 6, 0], None),
            (&[of_to, 6, 0], None),
            (&[0, 99, 0], None),
            (&[of_to, 99, 0], None),
            (&[], None),
        ] {
            let mut out = Vec::new();
            assert_eq!(picked.pick_marked(marks, block, &mut out), said, "{marks:?}");
            assert_eq!(out, if said.is_some() { &block[..] } else { b"" });
        }
    }
}

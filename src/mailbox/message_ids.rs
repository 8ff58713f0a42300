//! The Message-IDs that messages are threaded by.     RFC 5256 3

use super::text_key::body;
use crate::mime::{Field, SummaryRef};
use crate::search::base_subject;

/// Message-IDs of one message that are looked at: no honest list of references is longer.
const REFERENCES_MAX: usize = 1000;

/// Hashes of Message-IDs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) id: Option<u128>,
    pub(super) references: Vec<u128>,
    pub(super) is_reply: bool,
}

impl Ids {
    /// RFC 5256 3 (REFERENCES), step 1: References, and In-Reply-To where there are none.
    pub(super) fn of(summary: &SummaryRef<'_>) -> Ids {
        let of = |name| body(summary, name).map(|body| ids(&body)).unwrap_or_default();
        let mut references = of("References");
        if references.is_empty() {
            references = of("In-Reply-To").into_iter().take(1).collect();
        }
        let is_reply = base_subject(&summary.field(Field::Subject).unwrap_or_default()).1;
        Ids { id: of("Message-ID").first().copied(), references, is_reply }
    }
}

/// What the messages of a page are threaded by, in two pieces of memory.
#[derive(Debug, Default)]
pub(super) struct Threading {
    each: Vec<Each>,
    references: Vec<u128>,
}

#[derive(Debug)]
struct Each {
    id: Option<u128>,
    /// Where its references end; they begin where those before it do.
    end: u32,
    is_reply: bool,
}

/// Of one message.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdsRef<'a> {
    pub(super) id: Option<u128>,
    pub(super) references: &'a [u128],
    pub(super) is_reply: bool,
}

impl Threading {
    pub(super) fn push(&mut self, id: Option<u128>, references: impl IntoIterator<Item = u128>, is_reply: bool) {
        self.references.extend(references);
        self.each.push(Each { id, end: self.references.len() as u32, is_reply });
    }

    pub(super) fn get(&self, slot: usize) -> Option<IdsRef<'_>> {
        let &Each { id, end, is_reply } = self.each.get(slot)?;
        let start = slot.checked_sub(1).map_or(0, |before| self.each[before].end);
        Some(IdsRef { id, references: self.references.get(start as usize..end as usize)?, is_reply })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = IdsRef<'_>> {
        (0..self.each.len()).filter_map(|slot| self.get(slot))
    }

    /// Octets that it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.each.as_slice()) + size_of_val(self.references.as_slice())
    }
}

impl FromIterator<Ids> for Threading {
    fn from_iter<I: IntoIterator<Item = Ids>>(all: I) -> Threading {
        let mut threading = Threading::default();
        all.into_iter().for_each(|Ids { id, references, is_reply }| threading.push(id, references, is_reply));
        threading
    }
}

/// The Message-IDs of a field, `<` and `>` taken off.
fn ids(body: &[u8]) -> Vec<u128> {
    let mut found = Vec::new();
    let mut rest = body;
    while let Some(open) = memchr::memchr(b'<', rest) {
        let Some((id, behind)) = normal_id(&rest[open + 1..]) else { break };
        found.push(hash(&id));
        rest = behind;
        if found.len() >= REFERENCES_MAX {
            break;
        }
    }
    found
}

/// An identifier up to its `>`, and what is behind that. Quoting does not count, nor does white space: two spellings of
/// one identifier are the same. RFC 5256 3 (REFERENCES)
fn normal_id(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (mut id, mut quoted, mut escaped) = (Vec::with_capacity(64), false, false);
    for (at, &octet) in text.iter().enumerate() {
        match octet {
            _ if escaped => {
                id.push(octet);
                escaped = false;
            }
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some((id, &text[at + 1..])),
            octet if octet.is_ascii_whitespace() && !quoted => {}
            octet => id.push(octet),
        }
    }
    // A quote that is never closed is a character like others.
    let end = memchr::memchr(b'>', text)?;
    let plain = text[..end].iter().copied().filter(|b| !b.is_ascii_whitespace() && *b != b'"').collect();
    Some((plain, &text[end + 1..]))
}

fn hash(id: &[u8]) -> u128 {
    let mut octets = [0; 16];
    octets.copy_from_slice(&blake3::hash(id).as_bytes()[..16]);
    u128::from_le_bytes(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_normalised() {
        let one = ids(b"<01KF@xxx.yyy.com>");
        for same in [
            &b"<\"01KF\"@xxx.yyy.com>"[..],
            b"x <01\r\n KF@xxx.yyy.com>",
            b"<\"0\\1KF\"@xxx.yyy.com>",
            b"<\"01KF@xxx.yyy.com>",
        ] {
            assert_eq!(ids(same), one, "{}", String::from_utf8_lossy(same));
        }
        assert_eq!(ids(b"<a@b> <\"x>y\"@c>, <d@e").len(), 2);
        assert_ne!(ids(b"<\"a b\"@c>"), ids(b"<ab@c>"));
        assert_eq!(ids(&b"<\"".repeat(50_000)).len(), 0);
        assert!(ids(&b"<a>".repeat(50_000)).len() == REFERENCES_MAX);
    }
}

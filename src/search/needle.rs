//! A string to be found.                            RFC 9051 6.4.4; RFC 5255 4.6

use std::borrow::Cow;

use aho_corasick::AhoCorasick;
use memchr::memmem::Finder;

use crate::mime::prepare;
use crate::types::Comparator;

#[derive(Clone, Debug)]
pub struct Needle {
    comparator: Comparator,
    /// In prepared text.
    prepared: Finder<'static>,
    /// In the octets of the message as they are: for a needle of ASCII.
    raw: Option<Raw>,
}

#[derive(Clone, Debug)]
enum Raw {
    AnyCase(AhoCorasick),
    Exact(Finder<'static>),
}

/// What octets as they are tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InRaw {
    Found,
    Missing,
    /// Only decoded text can tell: characters beyond ASCII may be equal to the needle's.
    Unknown,
}

impl Needle {
    pub fn new(text: &str, comparator: Comparator) -> Needle {
        let raw = match comparator {
            _ if !text.is_ascii() => None,
            Comparator::Octet => Some(Raw::Exact(Finder::new(text.as_bytes()).into_owned())),
            _ => {
                let built = AhoCorasick::builder().ascii_case_insensitive(true).build([text.as_bytes()]);
                built.ok().map(Raw::AnyCase)
            }
        };
        let prepared = Finder::new(prepare(comparator, text).as_bytes()).into_owned();
        Needle { comparator, prepared, raw }
    }

    pub fn is_empty(&self) -> bool {
        self.prepared.needle().is_empty()
    }

    /// Octets of the prepared needle.
    pub fn len(&self) -> usize {
        self.prepared.needle().len()
    }

    pub fn prepare<'a>(&self, text: &'a str) -> Cow<'a, str> {
        prepare(self.comparator, text)
    }

    /// Where it is in prepared text.
    pub fn find_prepared(&self, text: &[u8]) -> Option<usize> {
        self.prepared.find(text)
    }

    pub fn has_nul(&self) -> bool {
        self.prepared.needle().contains(&0)
    }

    pub fn is_in_prepared(&self, text: &str) -> bool {
        self.prepared.find(text.as_bytes()).is_some()
    }

    /// In decoded text.
    pub fn is_in(&self, text: &str) -> bool {
        self.is_in_prepared(&self.prepare(text))
    }

    /// Looks into octets in an ASCII-compatible charset.
    pub fn in_raw(&self, octets: &[u8]) -> InRaw {
        let found = match &self.raw {
            None => return InRaw::Unknown,
            Some(Raw::AnyCase(raw)) => raw.is_match(octets),
            Some(Raw::Exact(raw)) => raw.find(octets).is_some(),
        };
        match (found, self.comparator) {
            (true, _) => InRaw::Found,
            (false, Comparator::UnicodeCasemap) if !octets.is_ascii() => InRaw::Unknown,
            (false, _) => InRaw::Missing,
        }
    }
}

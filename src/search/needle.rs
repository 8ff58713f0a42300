//! A string to be found, without regard to case.

use aho_corasick::AhoCorasick;
use memchr::memmem::Finder;

use crate::mime::fold;

#[derive(Clone, Debug)]
pub struct Needle {
    /// In folded text: what summaries hold and decoders give.
    folded: Finder<'static>,
    /// In the octets of the message as they are: only for a needle of ASCII, whose letters no other text folds to.
    raw: Option<AhoCorasick>,
}

impl Needle {
    pub fn new(text: &str) -> Needle {
        let folded = fold(text);
        let raw = text
            .is_ascii()
            .then(|| AhoCorasick::builder().ascii_case_insensitive(true).build([text.as_bytes()]).ok());
        Needle { folded: Finder::new(folded.as_bytes()).into_owned(), raw: raw.flatten() }
    }

    pub fn is_empty(&self) -> bool {
        self.folded.needle().is_empty()
    }

    /// Octets of the folded needle.
    pub fn len(&self) -> usize {
        self.folded.needle().len()
    }

    /// Where it is in folded text.
    pub fn find_folded(&self, text: &str) -> Option<usize> {
        self.folded.find(text.as_bytes())
    }

    pub fn has_nul(&self) -> bool {
        self.folded.needle().contains(&0)
    }

    pub fn in_folded(&self, text: &str) -> bool {
        self.folded.find(text.as_bytes()).is_some()
    }

    /// Whether octets in an ASCII-compatible charset hold the needle; `None` where only decoded text can tell.
    pub fn in_raw(&self, octets: &[u8]) -> Option<bool> {
        self.raw.as_ref().map(|raw| raw.is_match(octets))
    }
}

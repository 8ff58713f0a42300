//! Words that are alike.                            RFC 6203 3, 4, 5
//!
//! A string of a FUZZY key matches a text in which each of its words is found, in any order: the word itself, a longer one
//! that begins with it, or one that differs by one letter (of words of 4 and more) or two (of 8 and more), two neighbours
//! that have changed places counting as one. Case, accents and how characters are composed do not count. No stems, no
//! synonyms; what is no string is matched exactly.
//!
//! Whether a message matches costs time in proportion to its text, whatever is in it: words are bounded in number on
//! one side and in length on both.

use crate::mime::unmarked;

/// Words of one string that are looked at; those behind them are passed over.
const WORDS_MAX: usize = 16;
/// Characters of a word, of either side, that are compared; those behind them are passed over.
const WORD_CHARS_MAX: usize = 48;

#[derive(Clone, Debug)]
pub struct FuzzyNeedle {
    words: Vec<Word>,
}

#[derive(Clone, Debug)]
struct Word {
    letters: Vec<char>,
    /// Which letters it has, of 64 kinds: what has too many others is not alike.
    kinds: u64,
    /// Letters that may differ.
    differ_max: usize,
}

/// How well each word of a needle has been found so far.
pub struct Hits<'a> {
    needle: &'a FuzzyNeedle,
    best: [u8; WORDS_MAX],
    /// A word that the end of a piece of text may have cut.
    held: String,
}

/// Where a text stands: what is in a header tells more of a message than what is in its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    Header,
    Body,
}

impl FuzzyNeedle {
    /// `None` for a string without a word.
    pub fn new(text: &str) -> Option<FuzzyNeedle> {
        let text = unmarked(text);
        let words: Vec<Word> = words(&text).take(WORDS_MAX).map(Word::new).collect();
        (!words.is_empty()).then_some(FuzzyNeedle { words })
    }

    pub fn hits(&self) -> Hits<'_> {
        Hits { needle: self, best: [0; WORDS_MAX], held: String::new() }
    }

    /// 1 to 100, 0 where not all words are in the text.
    pub fn score(&self, text: &str, weight: Weight) -> u8 {
        let mut hits = self.hits();
        hits.feed(text);
        hits.score(weight)
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn kinds(letters: &[char]) -> u64 {
    letters.iter().fold(0, |kinds, c| kinds | 1 << (*c as u32 % 64))
}

impl Word {
    fn new(text: &str) -> Word {
        let letters: Vec<char> = text.chars().take(WORD_CHARS_MAX).collect();
        let differ_max = match letters.len() {
            0..4 => 0,
            4..8 => 1,
            _ => 2,
        };
        Word { kinds: kinds(&letters), letters, differ_max }
    }

    /// 0 to 100.
    fn likeness(&self, other: &[char], other_kinds: u64) -> u8 {
        if other.starts_with(&self.letters) {
            return if other.len() == self.letters.len() { 100 } else { 90 };
        }
        let far = self.letters.len().abs_diff(other.len()) > self.differ_max;
        if far || (self.kinds & !other_kinds).count_ones() as usize > self.differ_max {
            return 0;
        }
        match distance(&self.letters, other) {
            1 if self.differ_max >= 1 => 70,
            2 if self.differ_max >= 2 => 40,
            _ => 0,
        }
    }
}

/// Letters inserted, left out, replaced, or changed with their neighbours, to come from one word to the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows = [[0usize; WORD_CHARS_MAX + 1]; 3];
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        let (now, last, before) = (i % 3, (i + 2) % 3, (i + 1) % 3);
        rows[now][0] = i;
        for j in 1..=b.len() {
            let replaced = rows[last][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[last][j] + 1).min(rows[now][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[before][j - 2] + 1);
            }
            rows[now][j] = least;
        }
    }
    rows[a.len() % 3][b.len()]
}

impl Hits<'_> {
    /// Adds decoded text.
    pub fn feed(&mut self, text: &str) {
        let text = unmarked(text);
        // A word that a piece begins in the middle of is put together; one that has no end is cut.
        let end = text.rfind(|c: char| !c.is_alphanumeric());
        match end {
            None => self.held.push_str(&text),
            Some(end) => {
                self.held.push_str(&text[..end]);
                let whole = std::mem::take(&mut self.held);
                self.look(&whole);
                self.held.push_str(&text[end..]);
            }
        }
        if self.held.len() > 4096 {
            let whole = std::mem::take(&mut self.held);
            self.look(&whole);
        }
    }

    fn look(&mut self, text: &str) {
        let mut letters: Vec<char> = Vec::with_capacity(WORD_CHARS_MAX);
        for word in words(text) {
            letters.clear();
            letters.extend(word.chars().take(WORD_CHARS_MAX));
            let kinds = kinds(&letters);
            for (best, own) in self.best.iter_mut().zip(&self.needle.words).filter(|(best, _)| **best < 100) {
                *best = (*best).max(own.likeness(&letters, kinds));
            }
        }
    }

    /// Whether nothing better can be found.
    pub fn is_complete(&self) -> bool {
        self.best[..self.needle.words.len()].iter().all(|best| *best == 100)
    }

    /// 1 to 100, 0 where not all words have been found.
    pub fn score(&mut self, weight: Weight) -> u8 {
        let whole = std::mem::take(&mut self.held);
        self.look(&whole);
        let best = &self.best[..self.needle.words.len()];
        if best.contains(&0) {
            return 0;
        }
        let average = best.iter().map(|best| u32::from(*best)).sum::<u32>() / best.len() as u32;
        let weighted = match weight {
            Weight::Header => average,
            Weight::Body => average * 4 / 5,
        };
        // From 32, the least that there is, to 100: all of the range is used. RFC 6203 4
        ((weighted.max(32) - 32) * 99 / 68 + 1) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(needle: &str, text: &str) -> u8 {
        FuzzyNeedle::new(needle).unwrap().score(text, Weight::Header)
    }

    #[test]
    fn alike_or_not() {
        // RFC 6203 4: "Helo" finds "hello", "help" and the like.
        for text in ["hello", "Help!", "halo", "say helo", "ehlo", "Hélo"] {
            assert!(score("Helo", text) > 0, "{text}");
        }
        for text in ["hole", "world", "", "he lo", "shell"] {
            assert_eq!(score("Helo", text), 0, "{text}");
        }
        assert_eq!(score("work", "at work"), 100);
        assert!(score("work", "working") > score("work", "word"));
        assert!(score("work", "word") >= 1);
        assert_eq!(score("brulee creme", "Crème brûlée"), 100);
        assert_eq!(score("the cat", "the dog"), 0);
        assert_eq!(score("cat", "cut"), 0);
        assert!(score("international", "internatoinal") > score("international", "intrenatoinal"));
        assert_eq!(FuzzyNeedle::new("helo").unwrap().score("hello", Weight::Body), 35);
        assert!(FuzzyNeedle::new(" ,.- ").is_none() && FuzzyNeedle::new("").is_none());
    }

    #[test]
    fn pieces_do_not_matter() {
        let needle = FuzzyNeedle::new("needle naïve").unwrap();
        let text = "hay hay needl hay naïves hay";
        for size in [1, 2, 3, 7, 100] {
            let mut hits = needle.hits();
            let letters: Vec<char> = text.chars().collect();
            letters.chunks(size).for_each(|piece| hits.feed(&piece.iter().collect::<String>()));
            assert_eq!(hits.score(Weight::Header), needle.score(text, Weight::Header), "{size}");
        }
    }

    #[test]
    fn hostile_text() {
        let needle = FuzzyNeedle::new(&"abcdefghij ".repeat(1000)).unwrap();
        assert_eq!(needle.words.len(), WORDS_MAX);
        for text in ["a".repeat(1_000_000), "ab ".repeat(300_000), "\u{0301}".repeat(300_000)] {
            assert_eq!(needle.score(&text, Weight::Body), 0);
        }
    }
}

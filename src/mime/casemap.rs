//! How strings are prepared for comparison.         RFC 4790; RFC 5051 2; RFC 5255 4.6
//!
//! A prepared string is compared, ordered and looked into octet by octet. Each character is prepared alone, so that text may
//! be prepared in pieces.

use std::borrow::Cow;

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

use crate::types::Comparator;

pub fn prepare(comparator: Comparator, text: &str) -> Cow<'_, str> {
    match comparator {
        Comparator::Octet => Cow::Borrowed(text),
        Comparator::AsciiCasemap => Cow::Owned(text.to_ascii_uppercase()),
        Comparator::UnicodeCasemap if text.is_ascii() => Cow::Owned(text.to_ascii_uppercase()),
        Comparator::UnicodeCasemap => {
            let mut out = String::with_capacity(text.len() + 8);
            for c in text.chars() {
                match c.is_ascii() {
                    true => out.push(c.to_ascii_uppercase()),
                    false => decompose_compatible(titlecase(c), |c| out.push(c)),
                }
            }
            Cow::Owned(out)
        }
    }
}

/// The words of a text, for a match that is not exact: letters and digits without their marks, prepared as
/// i;unicode-casemap does.
pub fn unmarked(text: &str) -> String {
    match text.is_ascii() {
        true => text.to_ascii_uppercase(),
        false => prepare(Comparator::UnicodeCasemap, text).chars().filter(|c| !is_combining_mark(*c)).collect(),
    }
}

/// The titlecase property of UnicodeData.txt, a single character; most often the same as the uppercase one.
fn titlecase(c: char) -> char {
    match c {
        '\u{01c4}'..='\u{01c6}' => '\u{01c5}',
        '\u{01c7}'..='\u{01c9}' => '\u{01c8}',
        '\u{01ca}'..='\u{01cc}' => '\u{01cb}',
        '\u{01f1}'..='\u{01f3}' => '\u{01f2}',
        // Georgian has capitals, and no titlecase.
        '\u{10d0}'..='\u{10fa}' | '\u{10fd}'..='\u{10ff}' => c,
        // Greek with iota beneath: its uppercase is two characters, its titlecase one.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => {
            char::from_u32(c as u32 + 8).unwrap_or(c)
        }
        '\u{1fb3}' => '\u{1fbc}',
        '\u{1fc3}' => '\u{1fcc}',
        '\u{1ff3}' => '\u{1ffc}',
        _ => {
            let mut upper = c.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(upper), None) => upper,
                // What has no uppercase of one character has no property.
                _ => c,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casemap() {
        let of = |text: &str| prepare(Comparator::UnicodeCasemap, text).into_owned();
        assert_eq!(of("abC 1[_"), "ABC 1[_");
        // RFC 5051 2's example.
        assert_eq!(of("\u{01c4}"), "Dz\u{030c}");
        assert_eq!(of("\u{01c6}"), of("\u{01c4}"));
        assert_eq!(of("é"), "E\u{0301}");
        assert_eq!(of("É"), of("e\u{0301}"));
        assert_eq!(of("straße"), "STRAßE");
        assert_eq!(of("ﬁ ＡＢ"), "fi AB");
        assert_eq!(of("σς"), "ΣΣ");
        assert_eq!(of("\u{1f80}"), of("\u{1f88}"));
        assert_eq!(of("\u{10d0}"), "\u{10d0}");
        assert_eq!(of("привет"), "ПРИВЕТ");
        // What was folded when it came is prepared as what was not.
        for text in ["ÄÖÜ ΣΟΦΟΣ", "\u{212a}ELVIN İstanbul Ǆ ϴ", "ПРИВЕТ ＡＢ"] {
            assert_eq!(of(&super::super::fold::fold(text)), of(text), "{text}");
        }
    }

    #[test]
    fn others() {
        assert_eq!(prepare(Comparator::AsciiCasemap, "aé"), "Aé");
        assert_eq!(prepare(Comparator::Octet, "aÉ"), "aÉ");
        assert_eq!(unmarked("Crème brûlée"), "CREME BRULEE");
    }
}

//! LANGUAGE, and what the server says in which.     RFC 5255 3
//!
//! Texts stand in the code in English, and are looked up, where another language is wanted, when they are said. What has no
//! translation is said in English.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

use super::core::Core;
use super::german;
use super::reply::{Handled, Reply};
use crate::proto::response as wire;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Language {
    /// English in ASCII, for those who have asked for nothing. RFC 2277 4.5
    #[default]
    IDefault,
    English,
    German,
}

impl Language {
    const ALL: [Language; 3] = [Language::English, Language::German, Language::IDefault];

    fn tag(self) -> &'static str {
        match self {
            Language::IDefault => "i-default",
            Language::English => "en",
            Language::German => "de",
        }
    }

    /// The language that a range means: itself, or what is left of it when subtags are taken off its end. RFC 4647 3.4
    fn of_range(range: &str, preferred: Language) -> Option<Language> {
        if range.eq_ignore_ascii_case("default") || range == "*" {
            return Some(preferred);
        }
        let mut left = range;
        loop {
            if let Some(known) = Language::ALL.into_iter().find(|known| known.tag().eq_ignore_ascii_case(left)) {
                return Some(known);
            }
            left = &left[..left.rfind('-')?];
            // A single letter says what follows it, and goes with it.
            let at = left.rfind('-').map_or(0, |at| at + 1);
            if left.len() - at == 1 {
                left = &left[..at.checked_sub(1)?];
            }
        }
    }

    /// By the name that the configuration has.
    pub(super) fn from_tag(tag: &str) -> Language {
        Language::ALL.into_iter().find(|known| known.tag() == tag).unwrap_or_default()
    }
}

/// `* LANGUAGE (de)`; with several, those that there are. RFC 5255 3.2, 3.3
pub(super) fn language(core: &mut Core, ranges: &[String]) -> Handled {
    if ranges.is_empty() {
        let tags: Vec<&str> = Language::ALL.into_iter().map(Language::tag).collect();
        core.output.say(|out| wire::text(out, format_args!("* LANGUAGE ({})\r\n", tags.join(" "))))?;
        return Ok(Reply::ok("LANGUAGE completed"));
    }
    let preferred = Language::from_tag(&core.service.settings().language);
    let Some(chosen) = ranges.iter().find_map(|range| Language::of_range(range, preferred)) else {
        return Err(Reply::unsupported("No such language; en, de and i-default are known").into());
    };
    core.language = chosen;
    core.output.say(|out| wire::text(out, format_args!("* LANGUAGE ({})\r\n", chosen.tag())))?;
    Ok(Reply::ok("LANGUAGE completed"))
}

impl Core {
    /// A text in the session's language.
    pub(super) fn said<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.language {
            Language::IDefault | Language::English => text.into(),
            Language::German => german().said(text),
        }
    }
}

fn german() -> &'static Translation {
    static GERMAN: OnceLock<Translation> = OnceLock::new();
    GERMAN.get_or_init(|| Translation::new(german::TEXTS))
}

/// A table of texts, those without anything to be filled in by themselves.
struct Translation {
    whole: HashMap<&'static str, &'static str>,
    patterns: Vec<(Vec<&'static str>, Vec<&'static str>)>,
}

impl Translation {
    fn new(texts: &'static [(&'static str, &'static str)]) -> Translation {
        let pieces = |text: &'static str| text.split("{}").collect::<Vec<_>>();
        let (whole, patterns): (Vec<_>, Vec<_>) = texts.iter().partition(|(text, _)| !text.contains("{}"));
        let patterns = patterns.into_iter().map(|(text, translation)| (pieces(text), pieces(translation))).collect();
        Translation { whole: whole.into_iter().collect(), patterns }
    }

    fn said<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if let Some(translation) = self.whole.get(text) {
            return (*translation).into();
        }
        let matching = self.patterns.iter().find_map(|(pieces, to)| Some((filled(pieces, text)?, to)));
        match matching {
            Some((values, to)) => {
                let mut said = to[0].to_string();
                for (value, piece) in values.iter().zip(&to[1..]) {
                    said.push_str(value);
                    said.push_str(piece);
                }
                said.into()
            }
            None => text.into(),
        }
    }
}

/// What stands between the pieces of a pattern, where the text is one of it.
fn filled<'a>(pieces: &[&str], text: &'a str) -> Option<Vec<&'a str>> {
    let (first, rest) = pieces.split_first()?;
    let (last, between) = rest.split_last()?;
    let mut left = text.strip_prefix(first)?.strip_suffix(last)?;
    let mut values = Vec::with_capacity(rest.len());
    for piece in between {
        let at = left.find(piece)?;
        values.push(&left[..at]);
        left = &left[at + piece.len()..];
    }
    values.push(left);
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let of = |range| Language::of_range(range, Language::German);
        assert_eq!(of("EN-CA"), Some(Language::English));
        assert_eq!(of("de-Latn-AT-x-y"), Some(Language::German));
        assert_eq!(of("i-default"), Some(Language::IDefault));
        assert_eq!((of("default"), of("*")), (Some(Language::German), Some(Language::German)));
        for none in ["mul", "fr-CA", "", "-", "x-de", "d", "de_AT", "-de"] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn translations() {
        let said = |text| german().said(text).into_owned();
        assert_eq!(said("UID SEARCH completed"), "UID SEARCH ausgeführt");
        assert_eq!(said("No such mailbox"), "Dieses Postfach gibt es nicht");
        assert_eq!(
            said("a mailbox name has at most 1000 octets and 64 levels"),
            "Der Name eines Postfachs hat höchstens 1000 Oktette und 64 Ebenen"
        );
        assert_eq!(said("Something new"), "Something new");
    }

    /// No row is twice, lacks a value, or could not stand in a response. RFC 5255 3.5
    #[test]
    fn the_table_is_sound() {
        for (at, (text, translation)) in german::TEXTS.iter().enumerate() {
            assert_eq!(text.matches("{}").count(), translation.matches("{}").count(), "{text}");
            assert!(!german::TEXTS[..at].iter().any(|(known, _)| known == text), "{text}");
            assert!(!translation.starts_with('[') && !translation.contains(|c: char| c.is_control()), "{text}");
        }
    }

    /// Each text of the table is still said somewhere.
    #[test]
    fn no_row_is_left_over() {
        let mut code = String::new();
        for room in ["session", "mailbox", "types", "proto"] {
            for entry in std::fs::read_dir(format!("src/{room}")).unwrap() {
                let path = entry.unwrap().path();
                let own = ["german.rs", "language.rs"].iter().any(|own| path.ends_with(own));
                if path.is_file() && !own {
                    code.push_str(&std::fs::read_to_string(path).unwrap());
                }
            }
        }
        let own = include_str!("language.rs").split("#[cfg(test)]").next().unwrap();
        code.push_str(own);
        // Texts are broken over lines in the code, and have names for what is filled in.
        let plain = |text: &str| text.replace("\\\\", "\\").split_whitespace().collect::<Vec<_>>().join(" ");
        let code = plain(&code.replace("\\\n", " "));
        for (text, _) in german::TEXTS {
            let longest = text.split("{}").max_by_key(|piece| piece.len()).unwrap().trim();
            let longest = longest.split(" before").next().unwrap().split(" after").next().unwrap();
            assert!(code.contains(&plain(longest)), "nobody says {text:?} any more");
        }
    }
}

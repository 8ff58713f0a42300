//! The INI file, line by line.
//!
//! rust-ini reads the syntax but keeps no line numbers, and takes a line without `=` for the beginning of a key on the
//! next. So it is given one line at a time: each error and each key has its exact line, and one bad line hides nothing
//! behind it. Its dialect here is the plain one: no quotes, no escapes, `;` and `#` begin a comment line.

use ini::{Ini, ParseOption};

/// What one line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Section(String),
    Entry { key: String, value: String },
    Malformed,
}

/// The lines that say something, with their numbers, which begin at 1.
pub(super) fn read(text: &str) -> impl Iterator<Item = (usize, Line)> + '_ {
    // Some editors put a mark before UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with([';', '#'])).map(|(at, line)| (at, one(line)))
}

fn one(line: &str) -> Line {
    let option = ParseOption { enabled_quote: false, enabled_escape: false, ..ParseOption::default() };
    let Ok(ini) = Ini::load_from_str_opt(line, option) else { return Line::Malformed };
    let named = ini.iter().find_map(|(section, properties)| section.map(|section| (section, properties)));
    match named {
        Some((section, properties)) if properties.is_empty() && line.ends_with(']') => Line::Section(words(section)),
        Some(_) => Line::Malformed,
        None => match ini.general_section().iter().next() {
            Some((key, value)) => Line::Entry { key: words(key), value: value.trim().to_string() },
            None => Line::Malformed,
        },
    }
}

/// A name with one space between its words, however many were written.
fn words(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let text = "\u{feff}; a comment\r\n\r\n[ IMAP ]\r\n  Log  Level =  All Info \r\n # = 5\nA=b=c:d\nE =\n\
            garbage\n[x\n[x] y = 1\n= 5\nW = C:\\x \"q\"\n[x] ; why\n\\";
        let entry = |key: &str, value: &str| Line::Entry { key: key.into(), value: value.into() };
        let want = [
            (3, Line::Section("IMAP".into())),
            (4, entry("Log Level", "All Info")),
            (6, entry("A", "b=c:d")),
            (7, entry("E", "")),
            (8, Line::Malformed),
            (9, Line::Malformed),
            (10, Line::Malformed),
            (11, Line::Malformed),
            (12, entry("W", "C:\\x \"q\"")),
            (13, Line::Malformed),
            (14, Line::Malformed),
        ];
        assert_eq!(read(text).collect::<Vec<_>>(), want);
    }

    #[test]
    fn any_text_is_read() {
        let mut random = fastrand::Rng::with_seed(1);
        let letters: Vec<char> = "[]=:;#\\ \n\r\tax\"'é\u{0}".chars().collect();
        for _ in 0..20_000 {
            let text: String = (0..random.usize(..24)).map(|_| letters[random.usize(..letters.len())]).collect();
            let count = text.lines().count();
            assert!(read(&text).all(|(line, _)| line <= count), "{text:?}");
        }
    }
}

//! The INI file: rust-ini reads its syntax, and a look at the lines finds where each key stands.
//!
//! rust-ini does not keep line numbers. Its dialect here is the plain one: no escapes, `;` and `#` begin a comment line.
//! Lines are found by walking sections and keys in the order of the file, which rust-ini keeps.

use ini::{Ini, ParseOption};

use super::error::ConfigError;

/// One `key = value` of the file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) section: String,
    pub(super) key: String,
    pub(super) value: String,
}

pub(super) fn read(file: &str, text: &str) -> Result<Vec<Entry>, ConfigError> {
    let wrong = |line: usize, reason: String| ConfigError { file: file.to_string(), line, reason };
    let option = ParseOption { enabled_quote: false, enabled_escape: false, ..ParseOption::default() };
    let parsed = Ini::load_from_str_opt(text, option)
        .map_err(|error| wrong(error.line, format!("expected [Section] or Key = Value: {}", error.msg)))?;
    let mut places = places(text);
    let mut entries = Vec::new();
    for (section, properties) in parsed.iter() {
        for (key, value) in properties.iter() {
            let section = section.unwrap_or("").trim().to_string();
            let at = places.iter().position(|place| place.section == section && place.key == key.trim());
            let line = at.map_or(0, |at| places.remove(at).line);
            entries.push(Entry { line, section, key: key.trim().to_string(), value: value.trim().to_string() });
        }
    }
    entries.sort_by_key(|entry| entry.line);
    Ok(entries)
}

struct Place {
    line: usize,
    section: String,
    key: String,
}

fn places(text: &str) -> Vec<Place> {
    let (mut places, mut section) = (Vec::new(), String::new());
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with([';', '#']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            section = name.split(']').next().unwrap_or("").trim().to_string();
        } else if let Some((key, _)) = line.split_once(['=', ':']) {
            places.push(Place { line: at + 1, section: section.clone(), key: key.trim().to_string() });
        }
    }
    places
}

/// Sections of the file with the lines where they begin, empty ones included.
pub(super) fn sections(text: &str) -> Vec<(usize, String)> {
    let named = |(at, line): (usize, &str)| {
        let name = line.trim().strip_prefix('[')?.split(']').next()?.trim().to_string();
        Some((at + 1, name))
    };
    text.lines().enumerate().filter_map(named).collect()
}

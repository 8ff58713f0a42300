//! Files of transcripts, and what clients say in them; tests/wire.rs explains the form.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

/// Every file below a folder, in order.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// What `\r\n`, `\0` and `\xhh` in a line stand for.
pub fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let tail = &rest[at + 1..];
        let (octets, used): (Vec<u8>, usize) = match tail.chars().next() {
            Some('r') => (b"\r".to_vec(), 1),
            Some('n') => (b"\n".to_vec(), 1),
            Some('0') => (vec![0], 1),
            Some('x') => (vec![u8::from_str_radix(&tail[1..3], 16).unwrap()], 3),
            _ => (b"\\".to_vec(), 0),
        };
        out.extend(octets);
        rest = &tail[used..];
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

/// What the clients of a transcript send, one after the other: mostly a command each.
pub fn said_by_clients(text: &str) -> Vec<Vec<u8>> {
    let said = |line: &str| {
        let (who, what) = line.split_once(':')?;
        let end = if who.ends_with('|') { "" } else { "\r\n" };
        Some([unescaped(what.strip_prefix(' ').unwrap_or(what)), end.into()].concat())
    };
    text.lines().filter(|line| line.starts_with('C')).filter_map(said).collect()
}

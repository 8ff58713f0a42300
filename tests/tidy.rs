//! The rules that never hold by good will alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Whom each room may import. Downward only: see the drawing in src/lib.rs.
const ROOMS: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("sys", &[]),
    ("log", &["sys"]),
    ("metrics", &[]),
    ("config", &["types"]),
    ("proto", &["types", "log"]),
    ("mime", &["types"]),
    ("smime", &[]),
    ("net", &["sys", "log", "metrics"]),
    ("search", &["types", "mime"]),
    ("auth", &["types", "sys", "log"]),
    ("store", &["types", "sys", "log"]),
    ("mailbox", &["types", "sys", "log", "mime", "smime", "search", "store"]),
    ("session", &["types", "sys", "log", "metrics", "proto", "mime", "net", "auth", "mailbox"]),
    ("admin", &["types", "sys", "log", "config", "mime", "smime", "net", "auth", "store", "mailbox"]),
    ("server", &["types", "sys", "log", "config", "proto", "net", "auth", "store", "mailbox", "session", "admin"]),
];

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    files(directory).into_iter().filter(|path| is_source(path)).collect()
}

/// The code of a file, its module of tests left out; none of a file that is such a module.
fn code(path: &Path) -> String {
    if path.ends_with("tests.rs") {
        return String::new();
    }
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]\nmod ").next().unwrap().to_string()
}

#[test]
fn imports_point_downward() {
    let mut wrong = Vec::new();
    for (room, allowed) in ROOMS {
        for path in sources(&Path::new("src").join(room)) {
            for (at, line) in code(&path).lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
            {
                for piece in line.split("crate::").skip(1) {
                    let other: String = piece.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                    if ROOMS.iter().any(|(known, _)| *known == other) && other != *room && !allowed.contains(&&*other)
                    {
                        wrong.push(format!("{}:{}: {room} imports {other}", path.display(), at + 1));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    let rooms: Vec<String> = fs::read_dir("src")
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir() && entry.file_name() != "bin")
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    for room in rooms {
        assert!(ROOMS.iter().any(|(known, _)| *known == room), "src/{room} has no row in the table of rooms");
    }
}

#[test]
fn unsafe_code_is_in_sys() {
    for path in sources(Path::new("src")).iter().filter(|path| !path.starts_with("src/sys")) {
        assert!(!code(path).contains("unsafe "), "{}: unsafe code outside sys", path.display());
    }
}

/// What a tool has left behind is not kept.
#[test]
fn in_src_are_sources() {
    let others: Vec<PathBuf> = files(Path::new("src")).into_iter().filter(|path| !is_source(path)).collect();
    assert_eq!(others, Vec::<PathBuf>::new());
}

#[test]
fn every_file_says_what_it_is() {
    for path in sources(Path::new("src")) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//!"), "{}: no header", path.display());
    }
}

#[test]
fn every_key_is_documented() {
    let page = fs::read_to_string("man/gatepost.ini.5").unwrap();
    for key in gatepost::config::KEYS {
        let line = format!(".It Ic {} = ", key.name);
        assert!(page.contains(&line), "man/gatepost.ini.5 has no '{}' of [{}]", key.name, key.section);
        let default = format!(" Pq {}", key.default);
        assert!(
            key.default.is_empty() || page.lines().any(|l| l.starts_with(&line) && l.ends_with(&default)),
            "man/gatepost.ini.5 has another default for '{}'",
            key.name
        );
    }
}

/// Those that a reload does not take over, and no others.
#[test]
fn the_keys_of_the_next_start_are_documented() {
    let page = fs::read_to_string("man/gatepostd.8").unwrap();
    let signal = page.split(".It Dv SIGHUP\n").nth(1).unwrap().split(".It Dv SIGTERM").next().unwrap();
    let words = |line: &str| line.strip_prefix(".Ic ").map(|rest| rest.trim_end_matches([' ', ',', '.']).to_string());
    let named: BTreeSet<String> = signal.lines().filter_map(words).collect();
    let keys = gatepost::config::KEYS.iter().filter(|key| key.applies == gatepost::config::Applies::AtStart);
    assert_eq!(named, keys.map(|key| key.name.to_string()).collect());
}

#[test]
fn the_sample_is_the_table() {
    let sample = fs::read_to_string("etc/gatepost.ini").unwrap();
    assert_eq!(sample, gatepost::config::sample(), "etc/gatepost.ini is not config::sample()");
}

#[test]
fn every_verb_is_documented() {
    let page = fs::read_to_string("man/gatepostctl.8").unwrap();
    for line in gatepost::admin::verb_lines() {
        let is_name = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase());
        let name = line.split(' ').take_while(is_name).collect::<Vec<_>>().join(" ");
        // What is said to whom is one entry.
        let name = if name.starts_with("alert post ") { "alert post" } else { &name };
        let entry = page.split("\n.It ").find(|entry| {
            let heading = entry.strip_prefix("Xo\n.Ic ").or_else(|| entry.strip_prefix("Ic "));
            let behind = heading.and_then(|heading| heading.strip_prefix(name));
            behind.is_some_and(|rest| {
                rest.is_empty() || [" Ar", " Fl", " Oo", " Op", "\n"].iter().any(|next| rest.starts_with(next))
            })
        });
        let entry = entry.unwrap_or_else(|| panic!("man/gatepostctl.8 has no '{name}'"));
        for option in line.split("--").skip(1).map(|rest| rest.split([' ', ']']).next().unwrap()) {
            assert!(entry.contains(&format!("Fl -{option}")), "man/gatepostctl.8: '{name}' has no --{option}");
        }
    }
}

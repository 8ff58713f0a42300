//! Dialogues, exact and in order: tests/wire/**/*.imap.
//!
//! The first line of a transcript says what it shows and cites the RFC. Then, line by line:
//!
//!     C: a SELECT INBOX          the client sends this and CRLF; C2, C3 are other clients
//!     S: a OK <any>              the server says this, and nothing before it; S2, S3 alike
//!     S~: * 1 EXISTS             as S, but neighbouring S~ lines may come in any order
//!     S-:                        the server closes the connection
//!     @raw                       clients are not logged in, and their greeting is not read
//!     @gatepost                  only Gatepost does it so
//!     @with Key = Value          the server has this in its section [IMAP]
//!     @other C2                  client C2 is another account's; `<other>` is that account's name
//!
//! `\r\n` in a line stands for CRLF, `\0` for NUL, `\xhh` for an octet; `C|: ` sends without CRLF. In S lines `<any>` is
//! any text, `<n>` a number, `<x=n>` a number to be remembered and `<x>` the same number again. The clients of a
//! transcript are one account's, but for those of `@other`.
//!
//! The folder of an RFC (as `tests/wire/rfc9394`) has a list of its MUSTs, one a line: `SECTION TEXT => TRANSCRIPT`. The
//! transcript (or a test in Rust, as `tests/compress.rs`) has a comment that names the section before what shows it.
//!
//! Each transcript runs against a Gatepost of its own, whole and one octet at a time. With GATEPOST_HOST, GATEPOST_PORT
//! and GATEPOST_USERS (user:password, with commas between; a transcript takes one) it runs against any other server.

mod common;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::contended::Contended;
use common::running::start_configured;
use common::transcript::{files_below, unescaped};
use common::{Client, Server};
use gatepost::store::Store;

struct Target {
    host: String,
    port: u16,
    logins: Vec<(String, String)>,
    is_gatepost: bool,
}

/// What the transcripts count on.
const CONFIGURATION: &str = "Maximum Message Size = 64K
Maximum Keywords = 140
[Auth]
Maximum Failed Logins = 1000
[Router]
<moved> = John@server.example
<far-*> = *@far.example
<alias-*> = *
@old.example = @new.example";

#[derive(Clone, Copy, PartialEq)]
enum Pace {
    Whole,
    Octets,
}

#[test]
fn transcripts() {
    let failures = each_setting(run_all);
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}

/// The same on an engine that others write to as well, that is often in doubt whether a commit was done, and hints at every one.
#[test]
fn transcripts_where_others_write() {
    if std::env::var("GATEPOST_HOST").is_ok() {
        return;
    }
    let store = || Store::with_engine(Arc::new(Contended::default())).unwrap();
    let failures = each_setting(|settings, files| {
        let server = Server::prepare(&format!("{settings}{CONFIGURATION}"));
        std::fs::create_dir_all(server.path("data/spool")).unwrap();
        let running = start_configured(store(), &server.path("gatepost.ini"));
        let target = target(Some(running.port));
        let mut login = target.logins.iter().cycle();
        let failures = files.iter().filter_map(|path| run(path, &target, &mut login, Pace::Whole).err()).collect();
        running.stop();
        failures
    });
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}

/// Runs the transcripts that want the same configuration together; what went wrong.
fn each_setting(run_all: impl Fn(&str, &[PathBuf]) -> Vec<String>) -> Vec<String> {
    let mut files = files_below(Path::new("tests/wire"));
    files.retain(|path| path.extension().is_some_and(|e| e == "imap"));
    assert!(files.len() > 30, "transcripts are missing");
    let only = std::env::var("GATEPOST_ONLY").unwrap_or_default();
    files.retain(|path| path.to_string_lossy().contains(&only));
    let mut with: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    files.into_iter().for_each(|path| with.entry(settings(&path)).or_default().push(path));
    with.iter().flat_map(|(settings, files)| run_all(settings, files)).collect()
}

/// What a transcript wants to be configured otherwise.
fn settings(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("@with ")).map(|line| format!("{line}\n")).collect()
}

/// Runs transcripts against one server; what went wrong.
fn run_all(settings: &str, files: &[PathBuf]) -> Vec<String> {
    let own = std::env::var("GATEPOST_HOST").is_err();
    if !own && !settings.is_empty() {
        return Vec::new();
    }
    let server = own.then(|| Server::start(&format!("{settings}{CONFIGURATION}")));
    let target = target(server.as_ref().map(|server| server.port));
    let (mut failures, mut login) = (Vec::new(), target.logins.iter().cycle());
    for path in files {
        for pace in [Pace::Whole, Pace::Octets] {
            if let Err(failure) = run(path, &target, &mut login, pace) {
                failures.push(failure);
                break;
            }
        }
    }
    failures
}

/// Each MUST that a folder lists has a transcript or a test that names its section.
#[test]
fn musts_are_shown() {
    let mut missing = Vec::new();
    let lists = files_below(Path::new("tests/wire")).into_iter().filter(|path| path.ends_with("MUST"));
    for list in lists {
        for (at, line) in std::fs::read_to_string(&list).unwrap().lines().enumerate().filter(|(_, l)| !l.is_empty()) {
            if let Err(why) = is_shown(&list, line) {
                missing.push(format!("{}:{}: {why}", list.display(), at + 1));
            }
        }
    }
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

fn is_shown(list: &Path, line: &str) -> Result<(), String> {
    let (must, shown_by) = line.rsplit_once(" => ").ok_or("expected SECTION TEXT => TRANSCRIPT")?;
    let section = must.split(' ').next().unwrap_or_default();
    let (path, comment) = match shown_by.ends_with(".rs") {
        true => (PathBuf::from(shown_by), "//"),
        false => (list.with_file_name(shown_by), "#"),
    };
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let names_it = |line: &str| {
        let words = line.trim_start().strip_prefix(comment).unwrap_or_default();
        words.split_whitespace().any(|word| word.trim_end_matches([':', ',', ';']) == section)
    };
    match text.lines().any(names_it) {
        true => Ok(()),
        false => Err(format!("no comment in {} names {section}", path.display())),
    }
}

fn target(port: Option<u16>) -> Target {
    let variable = |name| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    match port {
        Some(port) => Target {
            host: "127.0.0.1".into(),
            port,
            logins: (0..common::ACCOUNTS).map(|n| (format!("user{n}"), "secret".into())).collect(),
            is_gatepost: true,
        },
        None => Target {
            host: variable("GATEPOST_HOST"),
            port: variable("GATEPOST_PORT").parse().unwrap(),
            logins: variable("GATEPOST_USERS")
                .split(',')
                .map(|login| login.split_once(':').map(|(u, p)| (u.to_string(), p.to_string())).unwrap())
                .collect(),
            is_gatepost: false,
        },
    }
}

struct Run<'a> {
    target: &'a Target,
    login: &'a (String, String),
    /// A login of another account, and the clients that use it.
    other: &'a (String, String),
    others: Vec<String>,
    pace: Pace,
    raw: bool,
    clients: BTreeMap<String, Client>,
    remembered: BTreeMap<String, String>,
    dialogue: Vec<String>,
}

fn run<'a>(
    path: &Path,
    target: &'a Target,
    logins: &mut impl Iterator<Item = &'a (String, String)>,
    pace: Pace,
) -> Result<(), String> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.starts_with("# ") && text.lines().next().unwrap().contains("RFC"), "{}: no header", path.display());
    if text.lines().any(|line| line == "@gatepost") && !target.is_gatepost {
        return Ok(());
    }
    let raw = text.lines().any(|line| line == "@raw");
    let others: Vec<String> =
        text.lines().filter_map(|line| line.strip_prefix("@other C")).map(str::to_string).collect();
    let login = logins.next().unwrap();
    let other = if others.is_empty() { login } else { logins.next().unwrap() };
    let (clients, remembered, dialogue) = Default::default();
    let mut run = Run { target, login, other, others, pace, raw, clients, remembered, dialogue };
    let lines: Vec<(usize, &str)> = text.lines().enumerate().map(|(at, line)| (at + 1, line)).collect();
    let mut at = 0;
    while at < lines.len() {
        let any: Vec<&str> = lines[at..]
            .iter()
            .take_while(|(_, line)| line.starts_with('S') && line.contains("~: "))
            .map(|(_, line)| *line)
            .collect();
        let done = match any.len() {
            0 => run.line(lines[at].1),
            _ => run.any_order(&any),
        };
        let shown = |run: &Run| run.dialogue.iter().rev().take(30).rev().cloned().collect::<Vec<_>>().join("\n");
        done.map_err(|error| format!("{}:{}: {error}\n{}", path.display(), lines[at].0, shown(&run)))?;
        at += any.len().max(1);
    }
    Ok(())
}

impl Run<'_> {
    fn client(&mut self, name: &str) -> &mut Client {
        let (target, raw) = (self.target, self.raw);
        let login = if self.others.iter().any(|other| other == name) { self.other } else { self.login };
        self.clients.entry(name.to_string()).or_insert_with(|| {
            let mut client = Client::connect(&target.host, target.port);
            if !raw {
                client.greeting();
                client.ok(&format!("LOGIN {} {}", login.0, login.1));
            }
            client
        })
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.is_empty() || line.starts_with(['#', '@']) {
            return Ok(());
        }
        let (who, what) = line.split_once(':').ok_or("no colon")?;
        let what = what.strip_prefix(' ').unwrap_or(what);
        match who.as_bytes()[0] {
            b'C' => self.send(&who[1..], what),
            b'S' if who.ends_with('-') => {
                let name = who[1..].trim_end_matches('-').to_string();
                match self.client(&name).response() {
                    None => Ok(()),
                    Some(more) => Err(format!("expected the end of the connection, got {more}")),
                }
            }
            b'S' => {
                let got = self.receive(&who[1..])?;
                self.expect(what, &got)
            }
            _ => Err("expected C: or S:".into()),
        }
    }

    fn send(&mut self, who: &str, what: &str) -> Result<(), String> {
        let (name, end) = match who.strip_suffix('|') {
            Some(name) => (name, ""),
            None => (who, "\r\n"),
        };
        let what = self.filled(what).replace("<password>", &self.login.1);
        let octets = [unescaped(&what), end.as_bytes().to_vec()].concat();
        self.dialogue.push(format!("C{who}: {what}"));
        let pace = self.pace;
        let stream = self.client(name).stream.get_mut();
        let sent = match pace {
            Pace::Whole => stream.write_all(&octets),
            Pace::Octets => octets.chunks(1).try_for_each(|octet| stream.write_all(octet)),
        };
        sent.map_err(|error| error.to_string())
    }

    fn receive(&mut self, name: &str) -> Result<String, String> {
        let got = self.client(name).response().ok_or("the connection ended")?;
        self.dialogue.push(format!("S{name}: {}", escaped(&got)));
        Ok(escaped(&got))
    }

    fn expect(&mut self, pattern: &str, got: &str) -> Result<(), String> {
        let filled = self.filled(pattern);
        match matches(&filled, got) {
            Some(found) => {
                self.remembered.extend(found);
                Ok(())
            }
            None => Err(format!("expected {filled}\n     got {got}")),
        }
    }

    fn any_order(&mut self, lines: &[&str]) -> Result<(), String> {
        let mut left: Vec<&str> = lines.iter().map(|line| line.split_once("~: ").unwrap().1).collect();
        let name = lines[0][1..].split('~').next().unwrap().to_string();
        while !left.is_empty() {
            let got = self.receive(&name)?;
            let at = left.iter().position(|pattern| self.expect(pattern, &got).is_ok());
            left.remove(at.ok_or_else(|| format!("expected one of {left:?}\n     got {got}"))?);
        }
        Ok(())
    }

    fn filled(&self, text: &str) -> String {
        let names = [("user", &self.login.0), ("other", &self.other.0)];
        let remembered = self.remembered.iter().map(|(name, value)| (name.as_str(), value));
        names
            .into_iter()
            .chain(remembered)
            .fold(text.to_string(), |text, (name, value)| text.replace(&format!("<{name}>"), value))
    }
}

fn escaped(text: &str) -> String {
    text.replace("\r\n", "\\r\\n").replace('\0', "\\0")
}

/// What the pattern remembers, if it matches all of `got`.
fn matches(pattern: &str, got: &str) -> Option<BTreeMap<String, String>> {
    let Some(open) = pattern.find('<') else { return (pattern == got).then(BTreeMap::new) };
    let Some(length) = pattern[open..].find('>') else { return (pattern == got).then(BTreeMap::new) };
    let (name, after) = (&pattern[open + 1..open + length], &pattern[open + length + 1..]);
    let rest = got.strip_prefix(&pattern[..open])?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    match name {
        "any" => (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).find_map(|at| matches(after, &rest[at..])),
        "n" => matches(after, &rest[digits..]).filter(|_| digits > 0),
        name if name.ends_with("=n") => {
            let mut found = matches(after, &rest[digits..]).filter(|_| digits > 0)?;
            found.insert(name[..name.len() - 2].to_string(), rest[..digits].to_string());
            Some(found)
        }
        // An angle bracket of the text's own.
        _ => got.strip_prefix(&pattern[..=open]).and_then(|rest| matches(&pattern[open + 1..], rest)),
    }
}

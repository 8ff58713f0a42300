//! Whole sessions: what a client sends is done, not only read.
//!
//! Each input goes to a server in this process, behind a login, while another client of the account says what the input before
//! was. No session panics, each ends when its client does, what it says are whole lines and literals, and a check of the
//! store finds nothing afterwards.
//!
//! It has found a cache of digests that subtracted more than it had added, since they grow.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatepost::mailbox::{QuotaLimits, QuotaPolicy};
use gatepost::store::{Checked, Mode, Store};

use super::common::contended::Contended;
use super::common::running::{Running, start};
use super::common::transcript::{files_below, said_by_clients};
use super::{fuzz_with, mutate, panicked_in};

/// Inputs that one store sees.
const TOGETHER: u32 = 60;

const LOGIN: &[u8] = b"login LOGIN joe secret\r\n";

/// What each transcript's clients say, with names in the places of what they remember.
fn transcripts() -> Vec<Vec<Vec<u8>>> {
    let files = files_below("tests/wire".as_ref()).into_iter();
    let transcripts = files.filter(|path| path.extension().is_some_and(|extension| extension == "imap"));
    transcripts.map(|path| said_by_clients(&named(&std::fs::read_to_string(path).unwrap()))).collect()
}

/// Part of a transcript, with commands of others among its own, some left out, some done again, and some mutated.
fn shuffled(random: &mut fastrand::Rng, transcripts: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let any = |random: &mut fastrand::Rng| &transcripts[random.usize(..transcripts.len())];
    let mut said = Vec::new();
    let strange = random.u8(..4);
    for command in any(random).iter().take(random.usize(1..80)) {
        let times = [0, 1, 1, 1, 1, 1, 1, 2][random.usize(..8)];
        (0..times).for_each(|_| said.extend_from_slice(command));
        for _ in 0..strange {
            match random.u8(..12) {
                0..=2 => {
                    let other = any(random);
                    said.extend(random.choice(other).into_iter().flatten());
                }
                3 => said.extend(mutate(random, std::slice::from_ref(command))),
                _ => {}
            }
        }
    }
    said
}

/// The accounts are there; a number that the server would have said is 1.
fn named(text: &str) -> String {
    let mut named = text.replace("<user>", "joe").replace("<other>", "ann").replace("<password>", "secret");
    while let Some((open, close)) = remembered(&named) {
        named.replace_range(open..=close, "1");
    }
    named
}

/// Where the next `<name>` stands.
fn remembered(text: &str) -> Option<(usize, usize)> {
    text.match_indices('<').find_map(|(open, _)| {
        let name = text[open + 1..].bytes().take_while(u8::is_ascii_alphanumeric).count();
        (name > 0 && text[open + 1 + name..].starts_with('>')).then_some((open, open + 1 + name))
    })
}

struct Server {
    running: Running,
    store: Store,
    seen: u32,
    /// What another client of the account says meanwhile: the input before.
    before: Vec<u8>,
    _directory: tempfile::TempDir,
}

impl Server {
    /// Every other one is not the only writer to its engine.
    fn start(number: u32) -> Server {
        let store = match number % 2 {
            0 => Store::memory(),
            _ => Store::with_engine(Arc::new(Contended::default())).unwrap(),
        };
        let directory = tempfile::tempdir().unwrap();
        let running = start(store.clone(), directory.path());
        // Copies of copies come to any number.
        let all = QuotaLimits { messages: Some(2000), ..QuotaLimits::default() };
        running.manager.set_quota_policy(QuotaPolicy { all, ..QuotaPolicy::default() });
        Server { running, store, seen: 0, before: Vec::new(), _directory: directory }
    }

    /// What two clients hear, at the same time.
    fn sessions(&mut self, input: &[u8]) -> [(Vec<u8>, Vec<u8>); 2] {
        self.seen += 1;
        let (port, before) = (self.running.port, std::mem::replace(&mut self.before, input.to_vec()));
        std::thread::scope(|scope| {
            let other = scope.spawn(|| session(port, &before));
            let answer = session(port, input);
            let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            [(input.to_vec(), answer), (before.clone(), other)]
        })
    }

    /// Ends, and leaves a store behind that nothing is wrong with.
    fn stop(self) {
        self.running.stop();
        let mut checked = Checked::default();
        for (name, id) in self.store.accounts().unwrap() {
            self.store.check_account(&name, id, Mode::Verify, &mut checked, &mut |_| Ok(())).unwrap();
        }
        assert_eq!(checked.findings, []);
    }
}

#[test]
fn sessions() {
    let panicked = panicked_in(&["worker", "watchdog"]);
    let server = Mutex::new((Some(Server::start(0)), 0));
    let transcripts = transcripts();
    let whole = transcripts.iter().map(|said| said.concat()).collect();
    let make = move |random: &mut fastrand::Rng, whole: &[Vec<u8>]| match random.u8(..4) {
        0 => mutate(random, whole),
        _ => shuffled(random, &transcripts),
    };
    fuzz_with("sessions", whole, make, move |input| {
        let mut server = server.lock().unwrap();
        let (now, number) = &mut *server;
        let dialogues = now.as_mut().unwrap().sessions(input);
        let text = |octets: &[u8]| format!("{:?}", String::from_utf8_lossy(octets));
        let shown = || dialogues.each_ref().map(|(said, heard)| [text(said), text(heard)].join("\n")).join("\n\n");
        assert!(!panicked.load(Ordering::Relaxed), "a panic: {}", shown());
        for (said, heard) in &dialogues {
            // From there on it is deflated.
            let is_deflated = said.to_ascii_uppercase().windows(8).any(|word| word == b"COMPRESS");
            assert!(is_deflated || is_whole(heard), "{}", shown());
        }
        if now.as_ref().is_some_and(|now| now.seen >= TOGETHER) {
            now.take().unwrap().stop();
            *number += 1;
            *now = Some(Server::start(*number));
        }
    });
}

/// All that the server says to a client that sends this, and ends.
fn session(port: u16, input: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    // Longer than the machine stands still.
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let mut sending = stream.try_clone().unwrap();
    // Some begin without.
    let login = if input.len().is_multiple_of(8) { &b""[..] } else { LOGIN };
    let octets = [login, input].concat();
    // It may be closed before it has taken all.
    let sent = std::thread::spawn(move || {
        let _ = sending.write_all(&octets);
        let _ = sending.shutdown(Shutdown::Write);
    });
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer);
    sent.join().unwrap();
    let reset = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    assert!(
        ended.as_ref().is_ok() || ended.as_ref().is_err_and(|error| reset.contains(&error.kind())),
        "{ended:?}: {:?}",
        String::from_utf8_lossy(input)
    );
    answer
}

/// Whole lines that begin as a response does, in UTF-8, with whole literals in them. The last may have been cut off with the
/// connection.
fn is_whole(mut answer: &[u8]) -> bool {
    let mut within = false;
    while let Some(end) = answer.iter().position(|octet| *octet == b'\n') {
        let (line, rest) = answer.split_at(end + 1);
        let Some(line) = line.strip_suffix(b"\r\n") else { return false };
        let begins = within || matches!(line.first(), Some(b'!'..=b'~'));
        if !begins || line.contains(&b'\r') || line.contains(&0) || std::str::from_utf8(line).is_err() {
            return false;
        }
        answer = rest;
        within = false;
        if let Some(length) = super::common::literal_length(line) {
            within = true;
            answer = answer.get(length..).unwrap_or_default();
        }
    }
    true
}

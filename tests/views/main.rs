//! Many clients at work in the same mailboxes at the same time: what each has been told is what is there.
//!
//! Each client believes what it hears, and nothing else: EXISTS, EXPUNGE, VANISHED and FETCH, unasked or as answers, and its
//! own silent STOREs. No response may contradict it; none may tell of an expunge where that is forbidden; a UID is the same
//! message for everybody. When all rest, one NOOP later, each client's numbers, UIDs and flags are those of a client that
//! comes new.
//!
//! Tried on broken code: flags of one message not told while an expunge is held back, and an expunge told by FETCH, SEARCH or
//! SORT, fail in the default run. What it found, each in one run of two to four: a resynchronisation told of messages as vanished
//! earlier that were expunged between the view's snapshot and the look at the log, counted them in EXISTS, and told of them
//! once more; SORT took messages that had come lately for such without a subject; results that are kept up to date were put
//! into wrong places by messages that were gone; a silent STORE did not tell that somebody had put the flags back.

#[path = "../common/mod.rs"]
mod common;
mod context;
mod view;
mod watcher;

use std::sync::{Arc, Mutex};

use common::Client;
use common::contended::Contended;
use common::running::start;
use context::{Asked, Context};
use gatepost::store::{Options, Store};
use view::{Message, View, number};
use watcher::{Identities, Kind, MAILBOXES, STATUS, Watcher};

const KINDS: [Kind; 10] = [
    Kind::Plain,
    Kind::Plain,
    Kind::Qresync,
    Kind::Qresync,
    Kind::Condstore,
    Kind::UidOnly,
    Kind::UidOnly,
    Kind::Notify,
    Kind::Notify,
    Kind::Plain,
];

/// A new client's view.
fn truth(port: u16, mailbox: &str) -> View {
    let mut client = Client::connect("127.0.0.1", port);
    client.greeting();
    client.ok("LOGIN joe secret");
    client.ok(&format!("EXAMINE {mailbox}"));
    let mut view = View::default();
    let lines = match client.command("FETCH 1:* (UID FLAGS)") {
        (lines, end) if end.starts_with("OK") => lines,
        _ => Vec::new(),
    };
    view.messages.resize_with(lines.iter().filter(|line| line.contains(" FETCH ")).count(), Default::default);
    lines.iter().for_each(|line| view.take(line).unwrap());
    view
}

fn rest(watcher: &mut Watcher<'_>, truth: &View) {
    let (told, asked) = watcher.settle();
    let who = format!("client {} ({:?}) in {}", watcher.name, watcher.kind, watcher.mailbox());
    let numbers = (told.messages.len(), truth.messages.len());
    assert_eq!(numbers.0, numbers.1, "{who}: how many\n{}", watcher.dialogue());
    for (at, message) in told.messages.iter().enumerate() {
        // Without numbers a message has no place that its client knows of.
        let there = match (watcher.kind, message.uid) {
            (Kind::UidOnly, None) => continue,
            (Kind::UidOnly, Some(uid)) => truth.at(uid).map(|at| &truth.messages[at]),
            _ => truth.messages.get(at),
        };
        let agrees = |there: &Message| {
            (message.uid.is_none() || message.uid == there.uid)
                && (message.flags.is_none() || message.flags == there.flags)
        };
        let dialogue = || watcher.dialogue();
        assert!(there.is_some_and(agrees), "{who}: {} was told as {message:?}, is {there:?}\n{}", at + 1, dialogue());
    }
    assert_eq!(asked.messages, truth.messages, "{who}");
}

/// Results that are kept up to date are those of who asks now; what is told of a mailbox that is not open is what STATUS says.
fn rest_of(watcher: &Watcher<'_>, client: &mut Client) {
    let who =
        || format!("client {} ({:?}) in {}\n{}", watcher.name, watcher.kind, watcher.mailbox(), watcher.dialogue());
    if let Some(context) = &watcher.context {
        client.ok(&format!("EXAMINE {}", watcher.mailbox()));
        let lines = client.ok(&context.asked.command("ALL"));
        let fresh = lines.iter().find_map(|line| Context::new(context.asked, line)).unwrap();
        let mut kept = context.uids.clone();
        if context.asked == Asked::Search {
            kept.sort();
        }
        assert_eq!(kept, fresh.uids, "{:?}: {}", context.asked, who());
    }
    for (mailbox, told) in watcher.status.iter().filter(|(mailbox, _)| **mailbox != watcher.mailbox()) {
        let lines = client.ok(&format!("STATUS {mailbox} (MESSAGES UNSEEN UIDNEXT)"));
        let line = lines.iter().find(|line| line.starts_with("* STATUS ")).unwrap();
        let there = STATUS.map(|word| number(line, word));
        let agree = told.iter().zip(there).all(|(told, there)| told.is_none() || *told == there);
        assert!(agree, "of {mailbox} is told {told:?}, is {there:?}: {}", who());
    }
}

fn work_together(store: Store, seed: u64) {
    let directory = tempfile::tempdir().unwrap();
    let running = start(store, directory.path());
    let mut client = Client::connect("127.0.0.1", running.port);
    client.greeting();
    client.ok("LOGIN joe secret");
    MAILBOXES.iter().for_each(|mailbox| drop(client.ok(&format!("CREATE {mailbox}"))));
    let identities: Identities = Mutex::default();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut watchers: Vec<Watcher<'_>> = KINDS
        .iter()
        .enumerate()
        .map(|(name, kind)| Watcher::new(name, *kind, running.port, &identities, random.fork()))
        .collect();
    for _ in 0..common::rounds(8) {
        std::thread::scope(|scope| {
            for watcher in &mut watchers {
                scope.spawn(move || (0..40).for_each(|_| watcher.turn()));
            }
        });
        let truths = MAILBOXES.map(|mailbox| (mailbox, truth(running.port, mailbox)));
        for watcher in &mut watchers {
            let (_, truth) = truths.iter().find(|(mailbox, _)| *mailbox == watcher.mailbox()).unwrap();
            rest(watcher, truth);
            rest_of(watcher, &mut client);
        }
    }
    let checks: usize = watchers.iter().map(|watcher| watcher.checks).sum();
    let seen = identities.lock().unwrap().len();
    println!("{checks} checks, {seen} messages");
    assert!(checks > 50 && seen > 100, "{checks} checks, {seen} messages: not much of a test");
    drop(watchers);
    running.stop();
}

#[test]
fn on_the_embedded_engine() {
    let directory = tempfile::tempdir().unwrap();
    work_together(Store::open(&directory.path().join("store"), &Options::default()).unwrap(), 3);
}

#[test]
fn on_an_engine_that_others_write_to() {
    work_together(Store::with_engine(Arc::new(Contended::default())).unwrap(), 4);
}

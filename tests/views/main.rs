//! Many clients at work in the same mailboxes at the same time: what each has been told is what is there.
//!
//! Each client believes what it hears, and nothing else: EXISTS, EXPUNGE, VANISHED and FETCH, unasked or as answers, and its
//! own silent STOREs. No response may contradict it; none may tell of an expunge where that is forbidden; a UID is the same
//! message for everybody. When all rest, one NOOP later, each client's numbers, UIDs, flags and MODSEQs are those of a client
//! that comes new. Some are the owner's, who does or does not see messages with $Service, some are a guest's, from whom those
//! with $Hidden are hidden too; messages go from sight and come back between others. Connections break off: who resynchronises
//! comes back with the MODSEQ that it was left with. One mailbox is deleted, made and renamed meanwhile.
//!
//! Tried on broken code: flags of one message not told while an expunge is held back, and an expunge told by FETCH, SEARCH or
//! SORT, fail in the default run. What it found, each in one run of two to four: a resynchronisation told of messages as vanished
//! earlier that were expunged between the view's snapshot and the look at the log, counted them in EXISTS, and told of them
//! once more; SORT took messages that had come lately for such without a subject; results that are kept up to date were put
//! into wrong places by messages that were gone; a silent STORE did not tell that somebody had put the flags back; SEARCH, SORT,
//! THREAD and COPY told MODSEQs above that of an expunge that they held back, and not that they did; an expunge that had been held
//! back was never told where meanwhile a message had come into sight between others, as the leaf looked the same; who opened a
//! mailbox while it was deleted heard of a fault of the server, and the admin of a lost header.

#[path = "../common/mod.rs"]
mod common;
mod context;
mod sight;
mod view;
mod watcher;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::Client;
use common::contended::Contended;
use common::running::start;
use context::{Asked, Context};
use gatepost::store::{Options, Store};
use sight::Sight;
use view::{View, number};
use watcher::{COMING, Identities, Kind, MAILBOXES, STATUS, Watcher};

const KINDS: [(Kind, Sight); 14] = [
    (Kind::Plain, Sight::Owner),
    (Kind::Plain, Sight::Everything),
    (Kind::Qresync, Sight::Owner),
    (Kind::Qresync, Sight::Everything),
    (Kind::Condstore, Sight::Owner),
    (Kind::Condstore, Sight::Guest),
    (Kind::UidOnly, Sight::Owner),
    (Kind::UidOnly, Sight::Guest),
    (Kind::Notify, Sight::Owner),
    (Kind::Notify, Sight::Owner),
    (Kind::Plain, Sight::Owner),
    (Kind::Plain, Sight::Guest),
    (Kind::Qresync, Sight::Guest),
    (Kind::Qresync, Sight::Owner),
];

/// What those that come new see of the mailboxes there are: by UIDVALIDITY and what they may see, the name and the view.
type Truths = HashMap<(u32, Sight), (String, View)>;

/// One who comes new for each way to see the mailboxes.
struct Fresh([(Sight, Client); 3]);

impl Fresh {
    fn new(port: u16) -> Fresh {
        Fresh([Sight::Owner, Sight::Everything, Sight::Guest].map(|sight| {
            let mut client = sight.login(port);
            client.ok("ENABLE CONDSTORE");
            (sight, client)
        }))
    }

    fn of(&mut self, sight: Sight) -> &mut Client {
        &mut self.0.iter_mut().find(|(of, _)| *of == sight).unwrap().1
    }

    fn truths(&mut self) -> Truths {
        let names = || MAILBOXES.into_iter().chain([COMING, RENAMED]);
        let of = |(sight, client): &mut (Sight, Client)| {
            names().filter_map(|name| truth(*sight, client, name)).collect::<Vec<_>>()
        };
        self.0.iter_mut().flat_map(of).collect()
    }
}

/// Of a mailbox that is there.
fn truth(sight: Sight, client: &mut Client, name: &str) -> Option<((u32, Sight), (String, View))> {
    let path = sight.path(name);
    let (opened, end) = client.command(&format!("EXAMINE {path}"));
    if !end.starts_with("OK") {
        return None;
    }
    let validity = opened.iter().find_map(|line| number(line, "[UIDVALIDITY ")).unwrap() as u32;
    let lines = client.command("FETCH 1:* (UID FLAGS MODSEQ)").0;
    let mut view = View::default();
    view.messages.resize_with(lines.iter().filter(|line| line.contains(" FETCH ")).count(), Default::default);
    lines.iter().for_each(|line| view.take(line).unwrap());
    Some(((validity, sight), (path, view)))
}

fn rest(watcher: &mut Watcher<'_>, truths: &Truths) {
    let (told, asked) = watcher.settle();
    // Of a mailbox that has been deleted nothing is there.
    let none = View::default();
    let truth = truths.get(&(asked.validity, watcher.sight)).map_or(&none, |(_, view)| view);
    let who = watcher.who();
    let numbers = (told.messages.len(), truth.messages.len());
    assert_eq!(numbers.0, numbers.1, "{who}: how many\n{}", watcher.dialogue());
    for (at, message) in told.messages.iter().enumerate() {
        // Without numbers a message has no place that its client knows of.
        let there = match (watcher.kind, message.uid) {
            (Kind::UidOnly, None) => continue,
            (Kind::UidOnly, Some(uid)) => truth.at(uid).map(|at| &truth.messages[at]),
            _ => truth.messages.get(at),
        };
        let dialogue = || watcher.dialogue();
        let agrees = there.is_some_and(|there| message.agrees_with(there));
        assert!(agrees, "{who}: {} was told as {message:?}, is {there:?}\n{}", at + 1, dialogue());
    }
    let known = |message: &view::Message| message.uid.is_some() && message.flags.is_some();
    let mut pairs = asked.messages.iter().zip(&truth.messages);
    let alike = pairs.all(|(asked, there)| known(asked) && asked.agrees_with(there));
    assert!(alike && asked.messages.len() == numbers.1, "{who}: {asked:?}, is {truth:?}");
}

/// Results that are kept up to date are those of who asks now; what is told of a mailbox that is not open is what STATUS says.
fn rest_of(watcher: &mut Watcher<'_>, truths: &Truths, fresh: &mut Fresh) {
    let client = fresh.of(watcher.sight);
    let validity = watcher.view().validity;
    let who = || format!("{}\n{}", watcher.who(), watcher.dialogue());
    if let (Some(context), Some((path, _))) = (&watcher.context, truths.get(&(validity, watcher.sight))) {
        client.ok(&format!("EXAMINE {path}"));
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
        // The UID of a message that came and was hidden at once is told to nobody who does not see it.
        let shows_all = truths
            .values()
            .filter(|(path, _)| path == mailbox)
            .all(|(_, view)| view.messages.len() as u64 == there[0].unwrap());
        let agrees = |(at, told): (usize, &Option<u64>)| match told {
            Some(told) if at == 2 && !shows_all => Some(*told) <= there[at],
            told => told.is_none() || *told == there[at],
        };
        let agree = told.iter().enumerate().all(agrees);
        assert!(agree, "of {mailbox} is told {told:?}, is {there:?}: {}", who());
    }
}

/// What COMING is called for a while.
const RENAMED: &str = "four";

/// Has a mailbox come and go, by name and as a whole, while they work; how often.
fn come_and_go(client: &mut Client, working: &AtomicUsize, mut random: fastrand::Rng) -> usize {
    let (from, to) = (COMING, RENAMED);
    let mut done = 0;
    while working.load(Ordering::Relaxed) > 0 {
        let command = match random.u8(..5) {
            0 => format!("DELETE {from}"),
            1 => format!("RENAME {from} {to}"),
            2 | 3 => format!("RENAME {to} {from}"),
            _ => format!("CREATE {from}"),
        };
        done += usize::from(client.command(&command).1.starts_with("OK"));
        std::thread::sleep(Duration::from_millis(random.u64(..20)));
    }
    done
}

fn work_together(store: Store, seed: u64) {
    let directory = tempfile::tempdir().unwrap();
    let running = start(store, directory.path());
    let mut client = Sight::Owner.login(running.port);
    for mailbox in MAILBOXES {
        client.ok(&format!("CREATE {mailbox}"));
        client.ok(&format!("SETACL {mailbox} ann lrswikxten"));
    }
    let identities: Identities = Mutex::default();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut watchers: Vec<Watcher<'_>> = KINDS
        .iter()
        .enumerate()
        .map(|(name, kind)| Watcher::new(name, *kind, running.port, &identities, random.fork()))
        .collect();
    let mut fresh = Fresh::new(running.port);
    let mut came = 0;
    for _ in 0..common::rounds(8) {
        let (working, random) = (AtomicUsize::new(watchers.len()), random.fork());
        std::thread::scope(|scope| {
            let working = &working;
            for watcher in &mut watchers {
                scope.spawn(move || {
                    let _end = Ending(working);
                    (0..30).for_each(|_| watcher.turn());
                });
            }
            came += come_and_go(&mut client, working, random);
        });
        let truths = fresh.truths();
        for watcher in &mut watchers {
            rest(watcher, &truths);
            rest_of(watcher, &truths, &mut fresh);
        }
    }
    let checks: usize = watchers.iter().map(|watcher| watcher.checks).sum();
    let seen = identities.lock().unwrap().len();
    println!("{checks} checks, {seen} messages, {came} times a mailbox came, went or was renamed");
    assert!(checks > 50 && seen > 100 && came > 10, "{checks} checks, {seen} messages, {came}: not much of a test");
    drop((watchers, fresh));
    running.stop();
}

/// One less is at work, also where a panic is the end.
struct Ending<'a>(&'a AtomicUsize);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
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

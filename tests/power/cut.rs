//! Power cuts: what had been acknowledged is there, nothing is half done, no number is issued twice.
//!
//! One run under load, from an empty directory on, is recorded; each round makes from the record what a cut at some
//! moment may have left (image.rs has the model), starts a daemon on it and compares it with what the clients had been
//! told by then. Changes of flags may be lost that are younger than `RELAXED`, nothing else; with `Sync = always` none.
//!
//! Tried on broken code: commits that are not synced (`Buffer` in the place of `SyncData` in store/embedded.rs) are found
//! by the first cut within the load, as acknowledged messages that are not there; without the sync of relaxed commits,
//! flags are missing that are two seconds old; with changes of an account relaxed a mailbox has its old name, with those of
//! annotations a message its old one. On code as it was it found stores that could not be opened: those whose making was
//! interrupted.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::common::mixed::known::Known;
use super::common::mixed::verify::Flags;
use super::common::mixed::{self, Worker};
use super::common::{self, Server};
use super::contents::Loss;
use super::image::Disk;
use super::log::{self, Kind, Notes, Record};
use super::shim;

/// `Sync = optimized` promises flags after a second; the rest is for a machine that is busy with other tests.
const RELAXED: Duration = Duration::from_millis(1500);

const WORKERS: u64 = 4;

/// Commands of each client in the mixed part of the load, and how long there are changes of flags only.
const MIXED: u32 = 220;
const FLAGS: Duration = Duration::from_secs(4);

/// The longest that a clock runs from one record to the next: it stands still where the machine does.
const GAP_MAX: Duration = Duration::from_millis(100);

/// All that each client knew, in order.
type History = Arc<Mutex<Vec<Known>>>;

/// A server whose disk is recorded, and where; `None` where there is no C compiler.
fn recorded(more: &str) -> Option<(Server, PathBuf)> {
    let mut server = Server::prepare(more);
    let object = shim::compile(server.directory.path())?;
    let log_path = server.path("disk.log");
    let more = [("SHIM_LOG", log_path.to_str().unwrap()), ("SHIM_SYNC_MICROS", "500")];
    server.environment = shim::environment(&object, &server.path("data"), &more);
    server.restart();
    server.environment.clear();
    Some((server, log_path))
}

fn random() -> fastrand::Rng {
    fastrand::Rng::with_seed(std::env::var("GATEPOST_SEED").map_or(5, |seed| seed.parse().unwrap()))
}

/// Puts what a cut before record `cut` may leave in the place of the server's data.
fn cut_power(server: &mut Server, disk: &Disk, cut: usize, loss: Loss, random: &mut fastrand::Rng) {
    println!("cut at record {cut}, lost: {loss:?}");
    server.kill();
    let data = server.path("data");
    fs::remove_dir_all(&data).unwrap();
    fs::create_dir(&data).unwrap();
    disk.write(&data, loss, random);
}

#[test]
fn power_cuts_while_the_store_is_made() {
    let Some((mut server, log_path)) = recorded("") else { return };
    Notes::open(&log_path).killed();
    server.kill();
    let octets = fs::read(&log_path).unwrap();
    let records = log::read(&octets);
    let (mut disk, mut random) = (Disk::default(), random());
    for cut in 1..=records.len() {
        // These change nothing.
        if matches!(records[cut - 1].kind, Kind::Open | Kind::SyncBegin | Kind::Listing) {
            continue;
        }
        disk.advance(&records, cut);
        let loss = if cut % 3 == 0 { Loss::All } else { Loss::Any };
        cut_power(&mut server, &disk, cut, loss, &mut random);
        server.restart();
        let end = server.user("user0").append("INBOX", b"Subject: the first\r\n\r\n").unwrap();
        assert!(end.starts_with("OK"), "{end}");
    }
}

#[test]
fn power_cuts() {
    power_cuts_under("optimized", common::rounds(10));
}

#[test]
fn power_cuts_with_every_change_synced() {
    power_cuts_under("always", common::rounds(4));
}

fn power_cuts_under(sync: &str, rounds: usize) {
    let Some((mut server, log_path)) = recorded(&format!("Sync = {sync}")) else { return };
    let histories = run(&mut server, &log_path);
    let octets = fs::read(&log_path).unwrap();
    let records = log::read(&octets);
    let notes = records.iter().filter(|record| record.kind == Kind::Note).count();
    println!("{} records of {} octets, {notes} notes", records.len(), octets.len());
    let (mut disk, mut random) = (Disk::default(), random());
    for cut in cuts(&records, rounds, &mut random) {
        disk.advance(&records, cut);
        let loss = match random.u8(..8) {
            0 => Loss::All,
            1..=2 => Loss::After(cut - random.usize(..cut.min(50))),
            _ => Loss::Any,
        };
        cut_power(&mut server, &disk, cut, loss, &mut random);
        verify(&mut server, &histories, &records, cut, sync == "always");
    }
}

/// Works until the daemon is killed.
fn run(server: &mut Server, log_path: &Path) -> Vec<History> {
    let histories: Vec<History> = (0..WORKERS).map(|_| History::default()).collect();
    let worker = |n: u64| worker(server, n, histories[n as usize].clone(), log_path);
    let mut workers: Vec<Worker> = (0..WORKERS).map(worker).collect();
    for worker in &mut workers {
        worker.prepare(&mut server.user(&worker.account));
    }
    let (port, (mixed, until_mixed)) = (server.port, std::sync::mpsc::channel::<()>());
    std::thread::scope(|scope| {
        for (n, worker) in workers.iter_mut().enumerate() {
            let (mut random, mixed) = (fastrand::Rng::with_seed(n as u64), mixed.clone());
            scope.spawn(move || {
                worker.work(port, &mut random, |worker| worker.done.values().sum::<u32>() < MIXED)?;
                worker.append_for_flags(port, SMALL)?;
                drop(mixed);
                worker.flag_slowly(port, SMALL)
            });
        }
        drop(mixed);
        // Until all of them are.
        until_mixed.iter().for_each(drop);
        std::thread::sleep(FLAGS);
        Notes::open(log_path).killed();
        server.kill();
    });
    let done = mixed::done(&workers);
    assert!(done.len() == mixed::COMMANDS, "too little was done: {done:?}");
    histories
}

fn worker(server: &Server, n: u64, history: History, log_path: &Path) -> Worker {
    let mut worker = Worker::new(format!("user{n}"), server.tool());
    worker.octets_of = octets_of;
    let mut notes = Notes::open(log_path);
    worker.observer = Some(Box::new(move |known| {
        let mut history = history.lock().unwrap();
        history.push(known.clone());
        notes.note(n, history.len() as u64 - 1);
    }));
    worker
}

/// From this number on all are.
const SMALL: u32 = 1_000_000;

/// Mostly small; some fill memory tables, and some come in chunks.
fn octets_of(n: u32) -> usize {
    match n % 40 {
        7 if n < SMALL => 4_500_000,
        3 | 13 | 23 | 33 if n < SMALL => 100_000 + n as usize * 1111 % 300_000,
        _ => (n as usize * 37) % 5000,
    }
}

/// Moments in order: at any time, just after a client has learned something, and while a sync is under way.
fn cuts(records: &[Record], rounds: usize, random: &mut fastrand::Rng) -> Vec<usize> {
    let all = |kind: Kind| -> Vec<usize> {
        records.iter().enumerate().filter(|(_, record)| record.kind == kind).map(|(at, _)| at).collect()
    };
    let (notes, syncs) = (all(Kind::Note), all(Kind::SyncEnd));
    let timed: Vec<_> = records.iter().enumerate().filter(|(_, record)| record.kind != Kind::Note).collect();
    let (first, last) = (timed[0].1.time, timed[timed.len() - 1].1.time);
    let mut cuts: Vec<usize> = (0..rounds)
        .map(|round| match round % 4 {
            0 | 1 => {
                let time = first + (last - first).mul_f64(random.f64());
                let after = timed.partition_point(|(_, record)| record.time <= time);
                timed.get(after).map_or(records.len(), |(at, _)| *at)
            }
            2 => *random.choice(&notes).unwrap() + 1,
            _ => *random.choice(&syncs).unwrap(),
        })
        .collect();
    cuts.sort_unstable();
    cuts
}

/// The time of each record, as `GAP_MAX` has it. Notes have none of their own, but that of what was before.
fn clock(records: &[Record]) -> Vec<Duration> {
    let (mut clock, mut last) = (Duration::ZERO, None);
    let mut tick = |record: &Record| {
        if record.kind != Kind::Note {
            clock += last.map_or(Duration::ZERO, |last| record.time.saturating_sub(last).min(GAP_MAX));
            last = Some(record.time);
        }
        clock
    };
    records.iter().map(&mut tick).collect()
}

/// What the client knew when record `cut` had not been written yet, and what it had known some time before.
fn known(
    history: &History,
    records: &[Record],
    clock: &[Duration],
    client: u64,
    cut: usize,
) -> Option<(Known, Known)> {
    let old = clock[..cut].last().and_then(|time| time.checked_sub(RELAXED));
    // A note may be younger than the record before it, not than the one behind it.
    let old = old.and_then(|old| (0..cut).rfind(|at| records[*at].kind != Kind::Note && clock[*at] <= old));
    let last = |end: usize| {
        let mut notes = records[..end].iter().rev();
        notes.find(|record| record.kind == Kind::Note && record.inode == client).map(|record| record.number as usize)
    };
    let history = history.lock().unwrap();
    let of = |note: Option<usize>| note.map(|note| history[note].clone());
    of(last(cut)).map(|known| (known, of(last(old.unwrap_or(0))).unwrap_or_default()))
}

fn verify(server: &mut Server, histories: &[History], records: &[Record], cut: usize, all_synced: bool) {
    let clock = clock(records);
    server.restart();
    for (n, history) in histories.iter().enumerate() {
        let Some((now, old)) = known(history, records, &clock, n as u64, cut) else { continue };
        let mut worker = Worker::new(format!("user{n}"), server.tool());
        worker.octets_of = octets_of;
        worker.known = now;
        let mut client = server.user(&worker.account);
        let flags = if all_synced { Flags::All } else { Flags::Of(&old) };
        worker.verify(&mut client, flags);
        worker.verify_kept(&mut client, flags);
        let end = client.append("A", b"Subject: after the cut\r\n\r\n").unwrap();
        assert!(end.starts_with("OK"), "{end}");
    }
    server.kill();
    let checked = server.ctl(&["check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

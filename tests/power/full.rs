//! A disk that is full or fails: refused in good order, nothing acknowledged is lost, reading goes on, no panic.
//!
//! Tried on broken code: without the guard of `Minimum Free Space` mail is taken to the last octet; without the reopening
//! nothing is taken after the first full disk, not even when it has room again; reopened without a copy of the journal,
//! fjall's leftover of the batch that was refused lands among what came later, and acknowledged messages are gone within
//! the first rounds; a failed sync that is taken for a full disk is found by the message after it; where fjall itself
//! waits for its threads, a large message waits for ever when they have failed.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::common::mixed::verify::Flags;
use super::common::mixed::{self, Worker};
use super::common::{self, Client, Server};
use super::shim::{self, Control};

const EIO: i64 = 5;

/// Commands of a round that wait for the disk to be full.
const COMMANDS_MAX: u32 = 400;

/// A server on a disk that the control can fill; `None` where there is no C compiler.
fn server(more: &str) -> Option<(Server, Control)> {
    let mut server = Server::prepare(more);
    let object = shim::compile(server.directory.path())?;
    let path = server.path("control");
    let control = Control::create(&path);
    let more = [("SHIM_CONTROL", path.to_str().unwrap())];
    server.environment = shim::environment(&object, &server.path("data"), &more);
    server.restart();
    Some((server, control))
}

fn refused(end: &str) {
    assert!(end.starts_with("NO [UNAVAILABLE]") && end.contains("fault "), "{end}");
}

fn done(end: &str) {
    assert!(end.starts_with("OK"), "{end}");
}

/// The daemon explained what it refused and did not panic.
fn check_log(server: &Server, explanation: &str) {
    let read = || std::fs::read_to_string(server.path("log")).unwrap();
    // The log comes here by a thread of its own.
    for _ in 0..6000 {
        let log = read();
        assert!(!log.contains("panic"), "{log}");
        if log.lines().any(|line| line.contains("fault ") && line.contains(explanation)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("nothing says {explanation}: {}", read());
}

fn append(client: &mut Client, text: &str) -> String {
    client.append("INBOX", format!("Subject: {text}\r\n\r\n").as_bytes()).unwrap()
}

/// With room until the daemon has said that it goes on; it looks for room now and then.
fn until_done(mut command: impl FnMut() -> String) {
    for _ in 0..2400 {
        let end = command();
        if end.starts_with("OK") {
            return;
        }
        refused(&end);
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("there is room and still nothing is done");
}

#[test]
fn mail_is_refused_before_the_disk_is_full() {
    let Some((server, control)) = server("[Store]\nMinimum Free Space = 64M\n") else { return };
    let mut client = server.user("user0");
    done(&append(&mut client, "one"));
    done(&append(&mut client, "two"));
    control.free(Some(40 << 20));
    std::thread::sleep(Duration::from_millis(300));
    refused(&append(&mut client, "three"));
    // Who is refused again and again fills the disk with no lines of the log.
    let numbers: HashSet<String> = (0..50).map(|_| fault(&append(&mut client, "again"))).collect();
    assert_eq!(numbers.len(), 1, "{numbers:?}");
    client.ok("SELECT INBOX");
    assert!(client.ok("FETCH 1 BODY.PEEK[]").iter().any(|response| response.contains("one")));
    client.ok("STORE 1 +FLAGS (\\Deleted)");
    client.ok("EXPUNGE");
    control.free(Some(10 << 20));
    refused(&client.command("STORE 1 +FLAGS (\\Seen)").1);
    // Most clients do not say PEEK.
    let read = client.ok("FETCH 1 (BODY[] FLAGS)").concat();
    assert!(read.contains("two") && !read.contains("\\Seen"), "{read}");
    control.free(None);
    done(&append(&mut client, "four"));
    client.ok("STORE 1 +FLAGS (\\Seen)");
    check_log(&server, "no space left");
    let log = std::fs::read_to_string(server.path("log")).unwrap();
    assert!(log.lines().filter(|line| line.contains("fault ")).count() < 5, "{log}");
    said(&server, "new mail is taken again; 53 changes had been refused");
}

fn said(server: &Server, text: &str) {
    let has = || std::fs::read_to_string(server.path("log")).unwrap().contains(text);
    let soon = (0..1000).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        has()
    });
    assert!(soon, "nothing says: {text}");
}

/// The number of the fault that a refusal names.
fn fault(end: &str) -> String {
    refused(end);
    end.rsplit(' ').next().unwrap().to_string()
}

/// The disk is full at any moment of a load, again and again; the guard is off, so that the engine meets it.
#[test]
fn full_at_any_moment() {
    let Some((mut server, control)) = server("[Store]\nMinimum Free Space = 0\n") else { return };
    let mut random = fastrand::Rng::with_seed(3);
    let mut workers: Vec<Worker> = (0..3).map(|n| Worker::new(format!("user{n}"), server.tool())).collect();
    for worker in &mut workers {
        worker.octets_of = octets_of;
        worker.refused = Some(0);
        worker.prepare(&mut server.user(&worker.account));
    }
    let mut other = server.user("user9");
    for round in 0..common::rounds(10) {
        let room = if round % 3 == 0 { random.i64(0..12 << 20) } else { random.i64(0..400 << 10) };
        fill_while_they_work(&server, &control, &mut workers, room, &mut random);
        until_done(|| append(&mut other, "there is room again"));
        if round % 5 == 4 {
            for worker in &mut workers {
                worker.verify(&mut server.user(&worker.account), Flags::All);
            }
        }
    }
    server.restart();
    for worker in &mut workers {
        worker.verify(&mut server.user(&worker.account), Flags::All);
    }
    server.kill();
    let checked = server.ctl(&["check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let refused: u64 = workers.iter().filter_map(|worker| worker.refused).sum();
    let done = mixed::done(&workers);
    println!("{done:?}, {refused} changes refused");
    assert!(refused > 20, "the disk was never full");
    check_log(&server, "no space left");
}

/// Lets the disk fill up while they work, gives it room again when they have been refused some changes, and goes on for
/// some more.
fn fill_while_they_work(
    server: &Server,
    control: &Control,
    workers: &mut [Worker],
    room: i64,
    random: &mut fastrand::Rng,
) {
    let (port, commands, refused, ends) =
        (server.port, AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(u32::MAX));
    std::thread::scope(|scope| {
        let (commands, refused, ends) = (&commands, &refused, &ends);
        let mut threads = Vec::new();
        for worker in workers {
            let (mut random, mut seen) = (random.fork(), worker.refused.unwrap_or(0));
            let counts = move |worker: &Worker| {
                let now = worker.refused.unwrap_or(0);
                refused.fetch_add((now - seen) as u32, Ordering::Relaxed);
                seen = now;
                commands.fetch_add(1, Ordering::Relaxed) < ends.load(Ordering::Relaxed)
            };
            threads.push(scope.spawn(move || worker.work(port, &mut random, counts).expect("a connection ended")));
        }
        let until = |counter: &AtomicU32, goal: u32| {
            let count = || commands.load(Ordering::Relaxed);
            // Where much has been done the disk had more room than they took.
            while counter.load(Ordering::Relaxed) < goal && count() < COMMANDS_MAX {
                assert!(!threads.iter().any(|thread| thread.is_finished()), "a connection ended");
                std::thread::sleep(Duration::from_micros(200));
            }
        };
        until(commands, random.u32(..40));
        control.room(Some(room));
        until(refused, random.u32(3..30));
        control.room(None);
        ends.store(commands.load(Ordering::Relaxed) + random.u32(20..60), Ordering::Relaxed);
    });
}

/// Mostly small; some fill memory tables and spool files.
fn octets_of(n: u32) -> usize {
    match n % 40 {
        7 => 4_500_000,
        3 | 13 | 23 | 33 => 100_000 + n as usize * 1111 % 300_000,
        _ => (n as usize * 37) % 5000,
    }
}

/// It is not the client's thread that meets the failure here, and it must not wait for the one that has.
#[test]
fn a_failure_behind_the_scenes_is_heard_of() {
    // Without word that it is still at work the client gives up after a while.
    let Some((server, control)) = server("Send Running Every = Never") else { return };
    let mut client = server.user("user0");
    done(&append(&mut client, "one"));
    control.sync_errno(EIO);
    refused(&client.append("INBOX", "0123456789abcdef".repeat(400_000).as_bytes()).unwrap());
    control.sync_errno(0);
    refused(&append(&mut client, "two"));
    client.ok("SELECT INBOX");
    assert!(client.ok("FETCH 1 BODY.PEEK[]").iter().any(|response| response.contains("one")));
    check_log(&server, "until gatepostd is restarted");
}

#[test]
fn after_a_failed_sync_nothing_is_written() {
    let Some((mut server, control)) = server("") else { return };
    let mut client = server.user("user0");
    done(&append(&mut client, "one"));
    control.sync_errno(EIO);
    refused(&append(&mut client, "two"));
    control.sync_errno(0);
    refused(&append(&mut client, "three"));
    client.ok("SELECT INBOX");
    assert!(client.ok("FETCH 1 BODY[]").iter().any(|response| response.contains("one")));
    refused(&client.command("STORE 1 +FLAGS (\\Seen)").1);
    check_log(&server, "until gatepostd is restarted");
    server.restart();
    let mut client = server.user("user0");
    done(&append(&mut client, "four"));
    client.ok("SELECT INBOX");
    let texts = client.ok("FETCH 1:* BODY.PEEK[]").concat();
    assert!(texts.contains("one") && texts.contains("four") && !texts.contains("three"), "{texts}");
}

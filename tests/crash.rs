//! kill -9 at random moments under load: nothing that was acknowledged is lost, nothing is half done.
//!
//! Each round several clients work while the daemon is killed; each client knows what has been acknowledged to it and
//! what was under way. After a restart the store must hold the first, and of the second all or nothing. Mail comes by
//! APPEND, of one or several, REPLACE and `gatepostctl import`; it is flagged, annotated, copied, moved, expunged and brought back, and
//! mailboxes come, go and are renamed.
//!
//! Tried on broken code, which it found within the first rounds: a MOVE made of two commits, seen half done; an import that
//! answers before its last commit, whose messages are not there; an undelete that leaves annotations behind; an expunge that
//! now and then does not keep what it should. What it cannot see is a sync that is missing, as the system keeps what a
//! killed process has written: tests/power cuts the power.

mod common;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use common::Server;
use common::mixed::verify::Flags;
use common::mixed::{self, Worker};

#[test]
fn killed_at_any_moment() {
    let mut server = Server::start("");
    let mut random = fastrand::Rng::with_seed(11);
    let mut workers: Vec<Worker> = (0..4).map(|n| Worker::new(format!("user{n}"), server.tool())).collect();
    for worker in &mut workers {
        worker.prepare(&mut server.user(&worker.account));
    }
    for _ in 0..common::rounds(50) {
        let (port, goal, answered) = (server.port, random.u32(..160), AtomicU32::new(0));
        std::thread::scope(|scope| {
            let (mut threads, answered) = (Vec::new(), &answered);
            for worker in &mut workers {
                let mut random = random.fork();
                let counts = move |_: &Worker| {
                    answered.fetch_add(1, Ordering::Relaxed);
                    true
                };
                threads.push(scope.spawn(move || worker.work(port, &mut random, counts)));
            }
            while answered.load(Ordering::Relaxed) < goal {
                assert!(!threads.iter().all(|thread| thread.is_finished()), "the daemon ended by itself");
                std::thread::sleep(Duration::from_micros(200));
            }
            std::thread::sleep(Duration::from_micros(random.u64(..8000)));
            server.kill();
        });
        server.restart();
        for worker in &mut workers {
            worker.verify(&mut server.user(&worker.account), Flags::All);
        }
    }
    for worker in &mut workers {
        worker.verify_kept(&mut server.user(&worker.account), Flags::All);
    }
    server.kill();
    let checked = server.ctl(&["check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let done = mixed::done(&workers);
    println!("{done:?}");
    assert!(done.len() == mixed::COMMANDS, "too little was done: {done:?}");
}

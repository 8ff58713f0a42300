//! kill -9 at random moments under load: nothing that was acknowledged is lost, nothing is half done.
//!
//! Each round several clients work while the daemon is killed; each client knows what has been acknowledged to it and
//! what was under way. After a restart the store must hold the first, and of the second all or nothing. Tried on broken
//! code: a MOVE made of two commits is seen half done within the first rounds. What it cannot see is a sync that is
//! missing, as the system keeps what a killed process has written: tests/power cuts the power.

mod common;

use std::time::Duration;

use common::Server;
use common::mixed::{Flags, Worker};

#[test]
fn killed_at_any_moment() {
    let mut server = Server::start("");
    let mut random = fastrand::Rng::with_seed(11);
    let mut workers: Vec<Worker> = (0..4).map(|n| Worker::new(format!("user{n}"))).collect();
    for worker in &mut workers {
        worker.prepare(&mut server.user(&worker.account));
    }
    for round in 0..common::rounds(50) {
        let (port, millis) = (server.port, random.u64(20..150));
        std::thread::scope(|scope| {
            for (n, worker) in workers.iter_mut().enumerate() {
                let mut random = fastrand::Rng::with_seed((round * 10 + n) as u64);
                scope.spawn(move || worker.work(port, &mut random));
            }
            std::thread::sleep(Duration::from_millis(millis));
            server.kill();
        });
        server.restart();
        for worker in &mut workers {
            worker.verify(&mut server.user(&worker.account), Flags::All);
        }
    }
    server.kill();
    let checked = server.ctl(&["check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let messages: u32 = workers.iter().map(|worker| worker.next - 1).sum();
    println!("{messages} messages appended");
    assert!(messages > 100, "too little was done to mean anything");
}

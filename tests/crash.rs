//! kill -9 at random moments under load: nothing that was acknowledged is lost, nothing is half done.
//!
//! Each round several clients work while the daemon is killed; each client knows what has been acknowledged to it and
//! what was under way. After a restart the store must hold the first, and of the second all or nothing. Tried on broken
//! code: a MOVE made of two commits is seen half done within the first rounds. What it cannot see is a sync that is
//! missing: the system keeps what a killed process has written.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use common::{Client, Server};

/// What one client knows of its two mailboxes: message number to whether it is flagged.
#[derive(Clone, Default, Debug)]
struct Known {
    a: BTreeMap<u32, bool>,
    b: BTreeMap<u32, bool>,
    /// The command that has not been answered, if any.
    pending: Option<Pending>,
}

#[derive(Clone, Debug)]
enum Pending {
    Append(u32),
    Flag(u32),
    Move(u32),
    Copy(u32),
    Expunge(u32),
}

struct Worker {
    account: String,
    next: u32,
    known: Known,
}

impl Worker {
    /// Works until the connection ends.
    fn work(&mut self, port: u16, random: &mut fastrand::Rng) -> Option<()> {
        let mut client = Client::connect("127.0.0.1", port);
        client.response()?;
        client.try_command(&format!("LOGIN {} secret", self.account))?;
        client.try_command("SELECT A")?;
        loop {
            let numbers: Vec<u32> = self.known.a.keys().copied().collect();
            let pick = random.choice(&numbers).copied();
            match (random.u8(..10), pick) {
                (0..=4, _) | (_, None) => self.append(&mut client)?,
                (5, Some(n)) => self.flag(&mut client, n)?,
                (6, Some(n)) if !self.known.b.contains_key(&n) => self.shift(&mut client, n, "MOVE")?,
                (7, Some(n)) if !self.known.b.contains_key(&n) => self.shift(&mut client, n, "COPY")?,
                (_, Some(n)) => self.expunge(&mut client, n)?,
            }
        }
    }

    fn begin(&mut self, pending: Pending) {
        self.known.pending = Some(pending);
    }

    fn append(&mut self, client: &mut Client) -> Option<()> {
        let n = self.next;
        self.next += 1;
        self.begin(Pending::Append(n));
        let end = client.append("A", message(n).as_bytes())?;
        assert!(end.starts_with("OK"), "{end}");
        self.known.a.insert(n, false);
        self.known.pending = None;
        Some(())
    }

    fn find(&self, client: &mut Client, n: u32) -> Option<String> {
        let (untagged, _) = client.try_command(&format!("UID SEARCH SUBJECT \"number {n}.\""))?;
        let line = untagged.iter().find(|line| line.starts_with("* SEARCH"))?;
        Some(line.rsplit(' ').next()?.to_string())
    }

    fn flag(&mut self, client: &mut Client, n: u32) -> Option<()> {
        let uid = self.find(client, n)?;
        self.begin(Pending::Flag(n));
        let (_, end) = client.try_command(&format!("UID STORE {uid} +FLAGS.SILENT (\\Flagged)"))?;
        assert!(end.starts_with("OK"), "{end}");
        self.known.a.insert(n, true);
        self.known.pending = None;
        Some(())
    }

    fn shift(&mut self, client: &mut Client, n: u32, command: &str) -> Option<()> {
        let uid = self.find(client, n)?;
        self.begin(if command == "MOVE" { Pending::Move(n) } else { Pending::Copy(n) });
        let (_, end) = client.try_command(&format!("UID {command} {uid} B"))?;
        assert!(end.starts_with("OK"), "{end}");
        let flagged = self.known.a[&n];
        if command == "MOVE" {
            self.known.a.remove(&n);
        }
        self.known.b.insert(n, flagged);
        self.known.pending = None;
        Some(())
    }

    fn expunge(&mut self, client: &mut Client, n: u32) -> Option<()> {
        let uid = self.find(client, n)?;
        self.begin(Pending::Expunge(n));
        client.try_command(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"))?;
        let (_, end) = client.try_command(&format!("UID EXPUNGE {uid}"))?;
        assert!(end.starts_with("OK"), "{end}");
        self.known.a.remove(&n);
        self.known.pending = None;
        Some(())
    }

    /// What the server holds now is what the client knows, the pending command done or not.
    fn verify(&mut self, client: &mut Client) {
        let (a, b) = (contents(client, "A"), contents(client, "B"));
        let (mut done_a, mut done_b) = (self.known.a.clone(), self.known.b.clone());
        match self.known.pending.take() {
            Some(Pending::Append(n)) => drop(done_a.insert(n, false)),
            Some(Pending::Flag(n)) => drop(done_a.insert(n, true)),
            Some(Pending::Move(n)) => {
                let flagged = done_a.remove(&n).unwrap();
                done_b.insert(n, flagged);
            }
            Some(Pending::Copy(n)) => drop(done_b.insert(n, done_a[&n])),
            Some(Pending::Expunge(n)) => drop(done_a.remove(&n)),
            None => {}
        }
        let not_done = (&a, &b) == (&self.known.a, &self.known.b);
        assert!(
            not_done || (&a, &b) == (&done_a, &done_b),
            "{}: found {a:?} {b:?}\nknown {:?}\nor {done_a:?} {done_b:?}",
            self.account,
            self.known
        );
        (self.known.a, self.known.b) = (a, b);
    }
}

fn message(n: u32) -> String {
    format!("Subject: number {n}.\r\n\r\n{}\r\n", "x".repeat((n as usize * 37) % 5000))
}

/// Message number to flagged; every message's text must be what was appended.
fn contents(client: &mut Client, mailbox: &str) -> BTreeMap<u32, bool> {
    client.ok(&format!("EXAMINE {mailbox}"));
    let mut found = BTreeMap::new();
    let mut uids = BTreeSet::new();
    for response in client.ok("UID FETCH 1:* (FLAGS BODY.PEEK[])") {
        let Some(at) = response.find("number ") else { continue };
        let n: u32 = response[at + 7..].split('.').next().unwrap().parse().unwrap();
        assert!(response.contains(&message(n)), "message {n} is not what was appended");
        assert!(found.insert(n, response.contains("\\Flagged")).is_none(), "message {n} is there twice");
        assert!(uids.insert(response.split("UID ").nth(1).unwrap().split(' ').next().unwrap().to_string()));
    }
    found
}

#[test]
fn killed_at_any_moment() {
    let mut server = Server::start("");
    let mut random = fastrand::Rng::with_seed(11);
    let mut workers: Vec<Worker> =
        (0..4).map(|n| Worker { account: format!("user{n}"), next: 1, known: Known::default() }).collect();
    for worker in &workers {
        let mut client = server.user(&worker.account);
        client.ok("CREATE A");
        client.ok("CREATE B");
    }
    let mut next_uids: BTreeMap<String, u64> = BTreeMap::new();
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
            let mut client = server.user(&worker.account);
            worker.verify(&mut client);
            let status = client.ok("STATUS A (UIDNEXT)").remove(0);
            let next: u64 = status.split("UIDNEXT ").nth(1).unwrap().trim_end_matches(')').parse().unwrap();
            let before = next_uids.insert(worker.account.clone(), next).unwrap_or(0);
            assert!(next >= before, "UIDNEXT went back from {before} to {next}");
        }
    }
    server.kill();
    let checked = server.ctl(&["check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let messages: u32 = workers.iter().map(|worker| worker.next - 1).sum();
    println!("{messages} messages appended");
    assert!(messages > 100, "too little was done to mean anything");
}

//! A client that works on two mailboxes until its server dies, and knows what they must hold afterwards.

use std::collections::{BTreeMap, BTreeSet};

use super::Client;

/// What one client knows of its two mailboxes: message number to whether it is flagged.
#[derive(Clone, Default, Debug)]
pub struct Known {
    a: BTreeMap<u32, bool>,
    b: BTreeMap<u32, bool>,
    /// The command that has not been answered, if any.
    pending: Option<Pending>,
}

#[derive(Clone, Debug)]
pub enum Pending {
    Append(u32),
    Flag(u32),
    Move(u32),
    Copy(u32),
    Expunge(u32),
}

pub struct Worker {
    pub account: String,
    pub next: u32,
    pub known: Known,
    /// The highest MODSEQ that this client has been shown: none up to it is ever issued again.
    mod_seq: u64,
}

/// What a crash may take back of what has been acknowledged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    Nothing,
    /// The power: flags that were set a moment ago.
    Flags,
}

impl Worker {
    pub fn new(account: String) -> Worker {
        Worker { account, next: 1, known: Known::default(), mod_seq: 0 }
    }

    /// Works until the connection ends.
    pub fn work(&mut self, port: u16, random: &mut fastrand::Rng) -> Option<()> {
        let mut client = Client::connect("127.0.0.1", port);
        client.response()?;
        client.try_command(&format!("LOGIN {} secret", self.account))?;
        client.try_command("SELECT A (CONDSTORE)")?;
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
        let (untagged, end) = client.try_command(&format!("UID STORE {uid} +FLAGS.SILENT (\\Flagged)"))?;
        assert!(end.starts_with("OK"), "{end}");
        for mod_seq in untagged.iter().filter_map(|line| number_behind(line, "MODSEQ (")) {
            assert!(mod_seq > self.mod_seq, "MODSEQ {mod_seq} after {}", self.mod_seq);
            self.mod_seq = mod_seq;
        }
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
    pub fn verify(&mut self, client: &mut Client, loss: Loss) {
        let opened = client.ok("EXAMINE A");
        let highest = opened.iter().find_map(|line| number_behind(line, "[HIGHESTMODSEQ ")).unwrap();
        assert!(highest >= self.mod_seq, "HIGHESTMODSEQ {highest}, and {} has been issued", self.mod_seq);
        self.mod_seq = highest;
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
        let holds = |known: &BTreeMap<u32, bool>, found: &BTreeMap<u32, bool>| match loss {
            Loss::Nothing => known == found,
            Loss::Flags => known.keys().eq(found.keys()) && found.iter().all(|(n, flagged)| !*flagged || known[n]),
        };
        let not_done = holds(&self.known.a, &a) && holds(&self.known.b, &b);
        assert!(
            not_done || (holds(&done_a, &a) && holds(&done_b, &b)),
            "{}: found {a:?} {b:?}\nknown {:?}\nor {done_a:?} {done_b:?}",
            self.account,
            self.known
        );
        (self.known.a, self.known.b) = (a, b);
    }
}

fn number_behind(line: &str, words: &str) -> Option<u64> {
    let rest = line.split(words).nth(1)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

pub fn message(n: u32) -> String {
    format!("Subject: number {n}.\r\n\r\n{}\r\n", "x".repeat((n as usize * 37) % 5000))
}

/// Message number to flagged; every message's text must be what was appended.
pub fn contents(client: &mut Client, mailbox: &str) -> BTreeMap<u32, bool> {
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

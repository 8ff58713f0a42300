//! A mixed load of clients that know what has been acknowledged to them, and the check that a server has kept it.
//!
//! Each worker has an account of its own with mailboxes A and B, and T/x that comes and goes, and is below U for a while.
//! Mail comes by APPEND, of one or several, and REPLACE and, as there is an admin, by `gatepostctl import`; it goes by MOVE and EXPUNGE, and
//! what was expunged comes back by `gatepostctl undelete`. After a crash the server must hold what is known, and of the one
//! command that was under way all or nothing; of an import what has come is the first of it. No UID and no MODSEQ that was
//! shown may be issued again, and no UIDVALIDITY to another mailbox of the same name.

mod commands;
pub mod known;
pub mod verify;

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Client, Tool};

use known::Known;

/// Sees what a client knows whenever that changes: before a command is sent, and when its answer has come.
pub type Observer = Box<dyn FnMut(&Known) + Send>;

/// With more messages than this a worker moves them on and empties B, so that a check costs the same in every round.
const MESSAGES_MAX: usize = 60;

/// Flags that are set one now and then: for longer than anybody looks on.
const SLOW_FLAGS: u32 = 150;

pub struct Worker {
    pub account: String,
    tool: Tool,
    pub next: u32,
    pub known: Known,
    pub octets_of: fn(u32) -> usize,
    pub observer: Option<Observer>,
    /// How many changes the server has refused as it could not do them; `None` where it must be able to do all.
    pub refused: Option<u64>,
    /// How often each command has been acknowledged.
    pub done: BTreeMap<&'static str, u32>,
}

impl Worker {
    pub fn new(account: String, tool: Tool) -> Worker {
        let octets_of = |n: u32| (n as usize * 37) % 5000;
        let (known, done) = Default::default();
        Worker { account, tool, next: 1, known, octets_of, observer: None, refused: None, done }
    }

    /// Makes the mailboxes, once.
    pub fn prepare(&mut self, client: &mut Client) {
        client.ok("CREATE A");
        client.ok("CREATE B");
        self.known.shown.condstore = client.ok("CAPABILITY").iter().any(|line| line.contains("CONDSTORE"));
        self.known.shown.validities = ["A", "B"].map(|name| status(client, name, "UIDVALIDITY"));
        self.tell();
    }

    fn tell(&mut self) {
        if let Some(observer) = &mut self.observer {
            observer(&self.known);
        }
    }

    /// Works as long as `goes_on` says so, which is asked before each command; `None` if the connection has ended before.
    pub fn work(
        &mut self,
        port: u16,
        random: &mut fastrand::Rng,
        mut goes_on: impl FnMut(&Worker) -> bool,
    ) -> Option<()> {
        let mut client = self.enter(port)?;
        while goes_on(self) {
            self.make_room(&mut client)?;
            let numbers: Vec<u32> = self.known.a.keys().copied().collect();
            let pick = random.choice(&numbers).copied();
            let several = random.choose_multiple(numbers.iter().copied(), 5);
            let movable = several.into_iter().filter(|n| !self.known.b.contains_key(n)).collect();
            match (random.u8(..40), pick) {
                (0..=1, _) => self.come_and_go(&mut client, random.bool())?,
                (2, _) => self.look(&mut client)?,
                (3..=4, _) => self.note(&mut client, random.usize(..2))?,
                (5..=6, _) => self.deliver(&mut client, random.u32(1..6))?,
                (7, _) => self.undelete(&mut client)?,
                (8, _) => self.empty(&mut client)?,
                (9..=11, _) => self.append_all(&mut client, random.u32(2..5))?,
                (12..=20, _) | (_, None) => self.append(&mut client)?,
                (21..=24, Some(n)) => self.flag(&mut client, n)?,
                (25..=27, Some(n)) => self.annotate(&mut client, n)?,
                (28..=30, Some(_)) => self.shift(&mut client, movable, "MOVE")?,
                (31..=33, Some(_)) => self.shift(&mut client, movable, "COPY")?,
                (34..=35, Some(n)) => self.replace(&mut client, n)?,
                (_, Some(n)) => self.expunge(&mut client, n)?,
            }
        }
        Some(())
    }

    fn make_room(&mut self, client: &mut Client) -> Option<()> {
        if self.known.gone.len() > MESSAGES_MAX {
            self.undelete(client)?;
        }
        if self.known.b.len() > MESSAGES_MAX {
            self.empty(client)?;
        }
        if self.known.a.len() > MESSAGES_MAX {
            let movable = self.known.a.keys().filter(|n| !self.known.b.contains_key(n));
            self.shift(client, movable.take(MESSAGES_MAX / 2).copied().collect(), "MOVE")?;
        }
        Some(())
    }

    /// Appends what `flag_slowly` wants, numbered from `first` on.
    pub fn append_for_flags(&mut self, port: u16, first: u32) -> Option<()> {
        let mut client = self.enter(port)?;
        self.next = first;
        (0..SLOW_FLAGS).try_for_each(|_| self.append(&mut client))
    }

    /// Sets flags only, one now and then, until the connection ends: nobody's sync helps them.
    pub fn flag_slowly(&mut self, port: u16, first: u32) -> Option<()> {
        let mut client = self.enter(port)?;
        for n in first..first + SLOW_FLAGS {
            self.flag(&mut client, n)?;
            std::thread::sleep(Duration::from_millis(40));
        }
        Some(())
    }

    fn enter(&self, port: u16) -> Option<Client> {
        // It may have been killed already.
        let mut client = Client::try_connect("127.0.0.1", port)?;
        client.response()?;
        client.try_command(&format!("LOGIN {} secret", self.account))?;
        client.try_command("SELECT A")?;
        Some(client)
    }
}

/// The kinds of commands.
pub const COMMANDS: usize = 15;

/// How often each command has been acknowledged to these workers.
pub fn done(workers: &[Worker]) -> BTreeMap<&'static str, u32> {
    let mut all = BTreeMap::new();
    for (word, count) in workers.iter().flat_map(|worker| &worker.done) {
        *all.entry(*word).or_default() += count;
    }
    all
}

/// A message that no two numbers share and that compresses badly.
fn message(n: u32, octets_of: fn(u32) -> usize) -> String {
    let mut random = fastrand::Rng::with_seed(n.into());
    let mut text = format!("Subject: number {n}.\r\n\r\n");
    let end = text.len() + octets_of(n);
    while text.len() < end {
        let line: [u64; 4] = std::array::from_fn(|_| random.u64(..));
        text.push_str(&format!("{:016x}{:016x}{:016x}{:016x}\r\n", line[0], line[1], line[2], line[3]));
    }
    text
}

fn try_status(client: &mut Client, mailbox: &str, item: &str) -> Option<u64> {
    let (untagged, _) = client.try_command(&format!("STATUS {mailbox} ({item})"))?;
    let line = untagged.iter().find(|line| line.starts_with("* STATUS"))?;
    line.rsplit(' ').next()?.trim_end_matches(')').parse().ok()
}

pub fn status(client: &mut Client, mailbox: &str, item: &str) -> u64 {
    try_status(client, mailbox, item).unwrap_or_else(|| panic!("no {item} of {mailbox}"))
}

//! A mixed load of clients that know what has been acknowledged to them, and the check that a server has kept it.
//!
//! Each worker has an account of its own with mailboxes A and B, and T that comes and goes, and is called U for a while. After a crash the server must
//! hold what is known, and of the one command that was under way all or nothing. No UID and no MODSEQ that was shown may
//! be issued again, and no UIDVALIDITY to another mailbox of the same name.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::Client;

/// What one client knows of its two mailboxes: message number to whether it is flagged.
#[derive(Clone, Default, Debug)]
pub struct Known {
    pub a: BTreeMap<u32, bool>,
    pub b: BTreeMap<u32, bool>,
    /// What the mailbox T is called, where it is there.
    pub t: Option<&'static str>,
    pub shown: Shown,
    /// The command that has not been answered, if any.
    pub pending: Option<Pending>,
}

/// The largest numbers that the server has let this client see, those of A and those of B.
#[derive(Clone, Default, Debug)]
pub struct Shown {
    pub uids: [u64; 2],
    pub mod_seqs: [u64; 2],
    /// Whether this server shows MODSEQs at all.
    pub condstore: bool,
    pub validities: [u64; 2],
    /// Of T, which is another mailbox each time.
    pub last_validity: u64,
}

#[derive(Clone, Debug)]
pub enum Pending {
    Append(u32),
    Flag(u32),
    Move(u32),
    Copy(u32),
    Expunge(u32),
    Create,
    Delete,
    Rename,
}

/// Which flags must be there.
#[derive(Clone, Copy)]
pub enum Flags<'a> {
    /// Every flag that has been acknowledged.
    All,
    /// Those that this older state has; later ones may be lost, but not half of them in one mailbox copy of a message.
    Of(&'a Known),
}

/// Sees what a client knows whenever that changes: before a command is sent, and when its answer has come.
pub type Observer = Box<dyn FnMut(&Known) + Send>;

pub struct Worker {
    pub account: String,
    pub next: u32,
    pub known: Known,
    pub octets_of: fn(u32) -> usize,
    pub observer: Option<Observer>,
    /// How many changes the server has refused as it could not do them; `None` where it must be able to do all.
    pub refused: Option<u64>,
}

impl Worker {
    pub fn new(account: String) -> Worker {
        let octets_of = |n: u32| (n as usize * 37) % 5000;
        Worker { account, next: 1, known: Known::default(), octets_of, observer: None, refused: None }
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

    /// Works until the connection ends.
    pub fn work(&mut self, port: u16, random: &mut fastrand::Rng) -> Option<()> {
        self.work_until(None, port, random)
    }

    /// Works until a moment; `None` if the connection has ended before.
    pub fn work_until(&mut self, end: Option<Instant>, port: u16, random: &mut fastrand::Rng) -> Option<()> {
        let mut client = self.enter(port)?;
        while end.is_none_or(|end| Instant::now() < end) {
            let numbers: Vec<u32> = self.known.a.keys().copied().collect();
            let pick = random.choice(&numbers).copied();
            match (random.u8(..24), pick) {
                (0, _) => self.come_and_go(&mut client, random.bool())?,
                (1, _) => self.look(&mut client)?,
                (2..=12, _) | (_, None) => self.append(&mut client)?,
                (13..=15, Some(n)) => self.flag(&mut client, n)?,
                (16..=17, Some(n)) if !self.known.b.contains_key(&n) => self.shift(&mut client, n, "MOVE")?,
                (18..=19, Some(n)) if !self.known.b.contains_key(&n) => self.shift(&mut client, n, "COPY")?,
                (_, Some(n)) => self.expunge(&mut client, n)?,
            }
        }
        Some(())
    }

    /// Sets flags only, one now and then, until the connection ends or all are set: nobody's sync helps them.
    pub fn flag_slowly(&mut self, port: u16) -> Option<()> {
        let mut client = self.enter(port)?;
        while let Some(n) = self.known.a.iter().find_map(|(n, flagged)| (!flagged).then_some(*n)) {
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

    fn begin(&mut self, pending: Pending) {
        self.known.pending = Some(pending);
        self.tell();
    }

    fn end(&mut self) {
        self.known.pending = None;
        self.tell();
    }

    /// Whether a change has been done, by its tagged response. One that was refused has not been done at all.
    fn is_done(&mut self, end: &str) -> bool {
        if end.starts_with("OK") {
            return true;
        }
        let refused = self.refused.as_mut().filter(|_| end.starts_with("NO [UNAVAILABLE]"));
        *refused.unwrap_or_else(|| panic!("{end}")) += 1;
        self.end();
        false
    }

    fn append(&mut self, client: &mut Client) -> Option<()> {
        let n = self.next;
        self.next += 1;
        self.begin(Pending::Append(n));
        let end = client.append("A", self.message(n).as_bytes())?;
        if !self.is_done(&end) {
            return Some(());
        }
        let uid = last_number(end.split("APPENDUID ").nth(1)?);
        self.known.shown.uids[0] = self.known.shown.uids[0].max(uid);
        self.known.a.insert(n, false);
        self.end();
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
        if !self.is_done(&end) {
            return Some(());
        }
        self.known.a.insert(n, true);
        self.end();
        Some(())
    }

    fn shift(&mut self, client: &mut Client, n: u32, command: &str) -> Option<()> {
        let uid = self.find(client, n)?;
        self.begin(if command == "MOVE" { Pending::Move(n) } else { Pending::Copy(n) });
        let (untagged, end) = client.try_command(&format!("UID {command} {uid} B"))?;
        if !self.is_done(&end) {
            return Some(());
        }
        let code = untagged.iter().chain([&end]).find_map(|line| line.split("COPYUID ").nth(1))?;
        self.known.shown.uids[1] = self.known.shown.uids[1].max(last_number(code));
        let flagged = self.known.a[&n];
        if command == "MOVE" {
            self.known.a.remove(&n);
        }
        self.known.b.insert(n, flagged);
        self.end();
        Some(())
    }

    fn expunge(&mut self, client: &mut Client, n: u32) -> Option<()> {
        let uid = self.find(client, n)?;
        self.begin(Pending::Expunge(n));
        let (_, end) = client.try_command(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"))?;
        if !self.is_done(&end) {
            return Some(());
        }
        let (_, end) = client.try_command(&format!("UID EXPUNGE {uid}"))?;
        if !self.is_done(&end) {
            return Some(());
        }
        self.known.a.remove(&n);
        self.end();
        Some(())
    }

    fn come_and_go(&mut self, client: &mut Client, rename: bool) -> Option<()> {
        let (pending, command, name) = match self.known.t {
            None => (Pending::Create, "CREATE T", Some("T")),
            Some("T") if rename => (Pending::Rename, "RENAME T U", Some("U")),
            Some("T") => (Pending::Delete, "DELETE T", None),
            Some(_) => (Pending::Rename, "RENAME U T", Some("T")),
        };
        let comes = matches!(pending, Pending::Create);
        self.begin(pending);
        let (_, end) = client.try_command(command)?;
        if !self.is_done(&end) {
            return Some(());
        }
        self.known.t = name;
        // Until it is known which mailbox it is that has come, it may be any new one.
        if let Some(name) = name {
            let validity = try_status(client, name, "UIDVALIDITY")?;
            match comes {
                true => self.see_validity(validity),
                false => assert_eq!(validity, self.known.shown.last_validity, "{}: {command}", self.account),
            }
        }
        self.end();
        Some(())
    }

    /// A mailbox T has come: its UIDVALIDITY is none that has been seen before.
    fn see_validity(&mut self, validity: u64) {
        let last = std::mem::replace(&mut self.known.shown.last_validity, validity);
        assert!(validity > last, "{}: T had UIDVALIDITY {last}, the next one {validity}", self.account);
    }

    fn look(&mut self, client: &mut Client) -> Option<()> {
        for (at, name) in ["A", "B"].into_iter().enumerate() {
            self.known.shown.uids[at] = try_status(client, name, "UIDNEXT")? - 1;
            if self.known.shown.condstore {
                self.known.shown.mod_seqs[at] = try_status(client, name, "HIGHESTMODSEQ")?;
            }
        }
        self.tell();
        Some(())
    }

    /// A message that no two numbers share and that compresses badly.
    pub fn message(&self, n: u32) -> String {
        let mut random = fastrand::Rng::with_seed(n.into());
        let octets = (self.octets_of)(n);
        let mut text = format!("Subject: number {n}.\r\n\r\n");
        let end = text.len() + octets;
        while text.len() < end {
            let line: [u64; 4] = std::array::from_fn(|_| random.u64(..));
            text.push_str(&format!("{:016x}{:016x}{:016x}{:016x}\r\n", line[0], line[1], line[2], line[3]));
        }
        text
    }

    /// What the server holds now is what the client knows, the pending command done or not.
    pub fn verify(&mut self, client: &mut Client, flags: Flags) {
        let (a, b) = (self.contents(client, "A"), self.contents(client, "B"));
        let (mut done_a, mut done_b) = (self.known.a.clone(), self.known.b.clone());
        let pending = self.known.pending.take();
        match pending {
            Some(Pending::Append(n)) => drop(done_a.insert(n, false)),
            Some(Pending::Flag(n)) => drop(done_a.insert(n, true)),
            Some(Pending::Move(n)) => {
                let flagged = done_a.remove(&n).unwrap();
                done_b.insert(n, flagged);
            }
            Some(Pending::Copy(n)) => drop(done_b.insert(n, done_a[&n])),
            Some(Pending::Expunge(n)) => drop(done_a.remove(&n)),
            Some(Pending::Create | Pending::Delete | Pending::Rename) | None => {}
        }
        let old = match flags {
            Flags::All => None,
            Flags::Of(known) => Some(known),
        };
        let same = |want_a, want_b| alike(&a, want_a, old) && alike(&b, want_b, old);
        assert!(
            same(&self.known.a, &self.known.b) || same(&done_a, &done_b),
            "{}: found {a:?} {b:?}\nknown {:?}\nor {done_a:?} {done_b:?}",
            self.account,
            self.known
        );
        (self.known.a, self.known.b) = (a, b);
        self.verify_coming(client, pending);
        self.verify_numbers(client);
    }

    fn verify_coming(&mut self, client: &mut Client, pending: Option<Pending>) {
        let mut there = Vec::new();
        for name in ["T", "U"] {
            let listed = client.ok(&format!("LIST \"\" {name}"));
            there.extend(listed.iter().any(|line| line.starts_with("* LIST")).then_some(name));
        }
        let (found, known) = (there.first().copied(), self.known.t);
        let (comes, may_be) = match pending {
            Some(Pending::Create) => (true, vec![known, Some("T")]),
            Some(Pending::Delete) => (false, vec![known, None]),
            Some(Pending::Rename) => (false, vec![Some("T"), Some("U")]),
            _ => (false, vec![known]),
        };
        assert!(there.len() < 2 && may_be.contains(&found), "{}: T is {there:?}, was {known:?}", self.account);
        self.known.t = found;
        let Some(name) = found else { return };
        let validity = status(client, name, "UIDVALIDITY");
        if validity != self.known.shown.last_validity {
            assert!(comes, "{}: {name} has another UIDVALIDITY", self.account);
            self.see_validity(validity);
        }
    }

    fn verify_numbers(&mut self, client: &mut Client) {
        for (at, name) in ["A", "B"].into_iter().enumerate() {
            let shown = &mut self.known.shown;
            let [next, validity] = ["UIDNEXT", "UIDVALIDITY"].map(|item| status(client, name, item));
            let mod_seq = if shown.condstore { status(client, name, "HIGHESTMODSEQ") } else { 0 };
            assert_eq!(validity, shown.validities[at], "{}: UIDVALIDITY of {name}", self.account);
            let uid = shown.uids[at];
            assert!(next > uid, "{}: {name} had UID {uid} and has UIDNEXT {next}", self.account);
            let before = shown.mod_seqs[at];
            assert!(mod_seq >= before, "{}: HIGHESTMODSEQ of {name} from {before} to {mod_seq}", self.account);
            (shown.uids[at], shown.mod_seqs[at]) = (next - 1, mod_seq);
        }
    }

    /// Message number to flagged; every message's text must be what was appended.
    fn contents(&self, client: &mut Client, mailbox: &str) -> BTreeMap<u32, bool> {
        client.ok(&format!("EXAMINE {mailbox}"));
        let mut found = BTreeMap::new();
        let mut uids = BTreeSet::new();
        for response in client.ok("UID FETCH 1:* (FLAGS BODY.PEEK[])") {
            let Some(at) = response.find("number ") else { continue };
            let n: u32 = response[at + 7..].split('.').next().unwrap().parse().unwrap();
            assert!(response.contains(&self.message(n)), "message {n} is not what was appended");
            assert!(found.insert(n, response.contains("\\Flagged")).is_none(), "message {n} is there twice");
            assert!(uids.insert(response.split("UID ").nth(1).unwrap().split(' ').next().unwrap().to_string()));
        }
        found
    }
}

/// Whether the messages found are those wanted, and their flags as well but for those that `old` does not have.
fn alike(found: &BTreeMap<u32, bool>, wanted: &BTreeMap<u32, bool>, old: Option<&Known>) -> bool {
    let may_lack = |n: &u32| {
        old.is_some_and(|old| [&old.a, &old.b].iter().all(|mailbox| !mailbox.get(n).copied().unwrap_or(false)))
    };
    found.len() == wanted.len()
        && wanted.iter().all(|(n, flagged)| match found.get(n) {
            Some(has) => has == flagged || (*flagged && may_lack(n)),
            None => false,
        })
}

/// The last number of `1 2 3] text`.
fn last_number(code: &str) -> u64 {
    code.split(']').next().unwrap().rsplit([' ', ':', ',']).next().unwrap().parse().unwrap()
}

fn try_status(client: &mut Client, mailbox: &str, item: &str) -> Option<u64> {
    let (untagged, _) = client.try_command(&format!("STATUS {mailbox} ({item})"))?;
    let line = untagged.iter().find(|line| line.starts_with("* STATUS"))?;
    line.rsplit(' ').next()?.trim_end_matches(')').parse().ok()
}

pub fn status(client: &mut Client, mailbox: &str, item: &str) -> u64 {
    try_status(client, mailbox, item).unwrap_or_else(|| panic!("no {item} of {mailbox}"))
}

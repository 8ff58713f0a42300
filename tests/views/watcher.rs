//! A client that works on a mailbox together with others, and believes what it is told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use super::common::Client;
use super::context::{Asked, Context};
use super::sight::Sight;
use super::view::{Message, Told, View, number, set, told};

pub const MAILBOXES: [&str; 2] = ["one", "two"];
/// One that comes and goes.
pub const COMING: &str = "three";
const FLAGS: [&str; 5] = ["\\Seen", "\\Flagged", "\\Answered", "$One", "$Two"];

/// What a client has enabled, and so how it is told of what goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Plain,
    Condstore,
    Qresync,
    UidOnly,
    /// By NOTIFY: of the other mailbox too, and of what goes at any time, so that numbers are of no use to it. RFC 5465
    Notify,
}

const NOTIFY: &str = "NOTIFY SET (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange)) \
                      (mailboxes (one two) (MessageNew MessageExpunge FlagChange))";
pub const STATUS: [&str; 3] = ["MESSAGES ", "UNSEEN ", "UIDNEXT "];

/// Which message a UIDVALIDITY and a UID stand for: the same for everybody, always.
pub type Identities = Mutex<HashMap<(u32, u32), String>>;

pub struct Watcher<'a> {
    pub name: usize,
    pub kind: Kind,
    pub sight: Sight,
    port: u16,
    client: Client,
    identities: &'a Identities,
    random: fastrand::Rng,
    mailbox: &'static str,
    pub views: HashMap<&'static str, View>,
    /// Of the mailbox that is open.
    pub context: Option<Context>,
    /// What NOTIFY has told of the other mailbox: MESSAGES, UNSEEN, UIDNEXT.
    pub status: HashMap<&'static str, [Option<u64>; 3]>,
    /// Since the last tagged response: the highest MODSEQ of a FETCH, and the last HIGHESTMODSEQ.
    mod_seqs: [Option<u64>; 2],
    /// The dialogue of late, shown when something is wrong.
    heard: Vec<String>,
    made: usize,
    pub checks: usize,
}

fn connect(kind: Kind, sight: Sight, port: u16) -> Client {
    let mut client = sight.login(port);
    match kind {
        Kind::Plain => {}
        Kind::Condstore => drop(client.ok("ENABLE CONDSTORE")),
        Kind::Qresync => drop(client.ok("ENABLE QRESYNC")),
        Kind::UidOnly => drop(client.ok("ENABLE UIDONLY QRESYNC")),
        Kind::Notify => drop(client.ok(NOTIFY)),
    }
    client
}

/// When the server may tell that a message has gone. RFC 3501 7.4.1
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expunges {
    Allowed,
    Forbidden,
}

impl<'a> Watcher<'a> {
    pub fn new(
        name: usize,
        (kind, sight): (Kind, Sight),
        port: u16,
        identities: &'a Identities,
        random: fastrand::Rng,
    ) -> Watcher<'a> {
        let client = connect(kind, sight, port);
        let (mailbox, heard, views) = (MAILBOXES[name % 2], Vec::new(), HashMap::new());
        let (context, status, mod_seqs) = (None, HashMap::new(), [None; 2]);
        let mut watcher = Watcher {
            name,
            kind,
            sight,
            port,
            client,
            identities,
            random,
            mailbox,
            views,
            context,
            status,
            mod_seqs,
            heard,
            made: 0,
            checks: 0,
        };
        watcher.select(mailbox);
        watcher
    }

    /// The connection breaks off; the client comes back with what it knew after the last tagged response.
    fn come_back(&mut self) {
        self.say("(the connection is lost)".into());
        self.client = connect(self.kind, self.sight, self.port);
        self.select(self.mailbox);
    }

    pub fn view(&mut self) -> &mut View {
        self.views.entry(self.mailbox).or_default()
    }

    pub fn who(&self) -> String {
        format!("client {} ({:?}, {:?}) in {}", self.name, self.kind, self.sight, self.mailbox)
    }

    fn fail(&self, why: &str) -> ! {
        let dialogue = self.heard[self.heard.len().saturating_sub(600)..].join("\n");
        panic!("{}: {why}\n{dialogue}", self.who())
    }

    fn say(&mut self, line: String) {
        self.heard.push(format!("C: {line}"));
    }

    fn hear(&mut self, line: &str, expunges: Expunges) {
        self.heard.push(format!("S: {line}"));
        let gone = line.ends_with(" EXPUNGE") || (line.starts_with("* VANISHED ") && !line.contains("(EARLIER)"));
        if gone && expunges == Expunges::Forbidden && self.kind != Kind::Notify {
            self.fail("told of an EXPUNGE when it may not be");
        }
        if let Some(uid) = told(line).and_then(|told| told.uid)
            && let Some((_, identity)) = line.split_once("X-Identity: ")
        {
            let identity = identity.lines().next().unwrap_or_default().to_string();
            let validity = self.view().validity;
            let mut identities = self.identities.lock().unwrap();
            let known = identities.entry((validity, uid)).or_insert_with(|| identity.clone()).clone();
            drop(identities);
            if known != identity {
                self.fail(&format!("UID {uid} was {known}, is {identity}"));
            }
        }
        if let Some(mailbox) = MAILBOXES.iter().find(|mailbox| line.starts_with(&format!("* STATUS {mailbox} "))) {
            let told = STATUS.map(|word| number(line, word));
            let known = self.status.entry(mailbox).or_default();
            known.iter_mut().zip(told).filter(|(_, told)| told.is_some()).for_each(|(known, told)| *known = told);
        }
        let [told, code] = &mut self.mod_seqs;
        *told = (*told).max(number(line, "MODSEQ ("));
        *code = number(line, "* OK [HIGHESTMODSEQ ").or(*code);
        let updated = self.context.as_mut().map_or(Ok(()), |context| context.take(line));
        if let Err(why) = updated.and_then(|()| self.view().take(line)) {
            self.fail(&why);
        }
    }

    /// The tagged response to a command; what comes before it changes the view.
    fn command(&mut self, command: &str, expunges: Expunges) -> String {
        self.say(command.to_string());
        let (untagged, end) = self.client.command(command);
        for line in untagged {
            self.hear(&line, expunges);
        }
        self.tagged(&end);
        end
    }

    /// What the client may come back with is told by the last HIGHESTMODSEQ, or else by the FETCHes. RFC 7162 6
    fn tagged(&mut self, end: &str) {
        self.heard.push(format!("S: {end}"));
        if end.starts_with("BAD") {
            self.fail("BAD");
        }
        let [told, code] = std::mem::take(&mut self.mod_seqs);
        let view = self.view();
        let known = told.map_or(view.modseq, |told| told.max(view.modseq));
        view.modseq = number(end, "OK [HIGHESTMODSEQ ").or(code).unwrap_or(known);
    }

    /// Opens a mailbox; who can, with what he knows of it.
    fn select(&mut self, mailbox: &'static str) {
        self.mailbox = mailbox;
        self.context = None;
        self.mod_seqs = [None; 2];
        // What was told of it before it was open, or while it is, is of no use afterwards.
        self.status.clear();
        let known = self.views.remove(mailbox).filter(|_| self.resynchronises());
        // Of what it has heard of and never looked at it will not be told again.
        let known = known.filter(|view| view.messages.iter().all(|message| message.uid.is_some()));
        let mut command = format!("SELECT {}", self.sight.path(mailbox));
        if let Some(view) = &known {
            command.push_str(&format!(" (QRESYNC ({} {}))", view.validity, view.modseq));
        }
        self.say(command.clone());
        let (untagged, end) = self.client.command(&command);
        self.heard.extend(untagged.iter().chain([&end]).map(|line| format!("S: {line}")));
        if mailbox == COMING && end.starts_with("NO [NONEXISTENT]") {
            return self.select(MAILBOXES[0]);
        }
        if !end.starts_with("OK") {
            self.fail(&end);
        }
        // What comes before is of the mailbox that was open. RFC 9051 7.1
        let before = untagged.iter().position(|line| line.starts_with("* OK [CLOSED]")).map_or(0, |at| at + 1);
        let untagged = untagged.split_at(before).1;
        let found = |word: &str| untagged.iter().find_map(|line| number(line, word)).unwrap_or_default();
        let (validity, modseq) = (found("[UIDVALIDITY ") as u32, found("[HIGHESTMODSEQ "));
        // Another mailbox of the same name is told of as one that is not known. One that had the name before may have it again.
        let known = known.filter(|known| known.validity == validity);
        let exists = untagged.iter().find_map(|line| line.strip_suffix(" EXISTS")?.strip_prefix("* ")?.parse().ok());
        let exists = exists.unwrap_or_default();
        let messages = known.as_ref().map_or_else(|| vec![Message::default(); exists], |_| Vec::new());
        let is_by_uid = self.kind == Kind::UidOnly;
        self.views.insert(mailbox, View { messages, validity, modseq, is_by_uid });
        match known {
            Some(view) => self.resynchronise(view.messages, untagged, exists),
            // What came before the mailbox was opened, QRESYNC will not tell of.
            None if self.resynchronises() => {
                drop(self.command("UID FETCH 1:* (FLAGS)", Expunges::Allowed));
            }
            None => {}
        }
    }

    /// What was known, without what has gone and with what is new, is all there is. RFC 7162 3.2.5.1
    fn resynchronise(&mut self, known: Vec<Message>, untagged: &[String], exists: usize) {
        let mut known: BTreeMap<u32, Message> =
            known.into_iter().filter_map(|message| Some((message.uid?, message))).collect();
        let mut numbers = Vec::new();
        for line in untagged {
            if let Some(uids) = line.strip_prefix("* VANISHED (EARLIER) ") {
                set(uids).iter().for_each(|uid| drop(known.remove(uid)));
            }
            if let Some(Told { number, uid: Some(uid), flags, mod_seq }) = told(line) {
                known.insert(uid, Message { uid: Some(uid), flags, mod_seq });
                numbers.extend(number.map(|number| (number, uid)));
            }
        }
        self.view().messages = known.into_values().collect();
        let uids = self.view().uids();
        if uids.len() != exists || numbers.iter().any(|(number, uid)| uids.get(number - 1) != Some(uid)) {
            self.fail(&format!("{exists} messages, of which are told {uids:?}"));
        }
    }

    fn messages(&mut self) -> usize {
        self.view().messages.len()
    }

    /// `UID ` and UIDs, or sequence numbers alone; none where the client knows of none.
    fn some(&mut self) -> Option<(&'static str, Vec<usize>, String)> {
        let by_uid = matches!(self.kind, Kind::UidOnly | Kind::Notify) || self.random.bool();
        let count = self.messages();
        let wanted = self.random.usize(1..4);
        let mut places: Vec<usize> = (0..wanted).filter(|_| count > 0).map(|_| self.random.usize(..count)).collect();
        places.sort();
        places.dedup();
        let view = self.view().clone();
        // Of what vanishes by UID a client has lost count that does not know which of the others it has changed.
        if by_uid || self.kind == Kind::Qresync {
            places.retain(|at| view.messages[*at].uid.is_some());
        }
        let name = |at: &usize| match by_uid {
            true => view.messages[*at].uid.unwrap_or_default().to_string(),
            false => (at + 1).to_string(),
        };
        let names: Vec<String> = places.iter().map(name).collect();
        (!names.is_empty()).then(|| (if by_uid { "UID " } else { "" }, places, names.join(",")))
    }

    fn allowed(uid: &str) -> Expunges {
        if uid.is_empty() { Expunges::Forbidden } else { Expunges::Allowed }
    }

    fn store(&mut self, flag: &str) {
        let Some((uid, places, names)) = self.some() else { return };
        let sign = if flag == "\\Deleted" { "+" } else { self.random.choice(["+", "-", ""]).unwrap() };
        // What is told at any time may be of before the silent change or of after it.
        let silent = self.kind != Kind::Notify && self.random.bool();
        // The client takes its own change for done: what others have changed it must be told all the same.
        let known: Vec<Option<u32>> = places.iter().map(|at| self.view().messages[*at].uid).collect();
        let command = format!("{uid}STORE {names} {sign}FLAGS{} ({flag})", if silent { ".SILENT" } else { "" });
        if silent {
            for at in &places {
                self.assume(*at, sign, flag);
            }
        }
        let end = self.command(&command, Self::allowed(uid));
        if !end.starts_with("OK") {
            // Some were there no more: what has been done to the others is not said.
            let view = self.view();
            for message in view.messages.iter_mut().filter(|it| it.uid.is_none() || known.contains(&it.uid)) {
                (message.flags, message.mod_seq) = (None, None);
            }
        }
    }

    fn assume(&mut self, at: usize, sign: &str, flag: &str) {
        let message = &mut self.view().messages[at];
        match (sign, &mut message.flags) {
            ("", flags) => *flags = Some(BTreeSet::from([flag.to_string()])),
            ("+", Some(flags)) => drop(flags.insert(flag.to_string())),
            ("-", Some(flags)) => drop(flags.remove(flag)),
            _ => {}
        }
    }

    /// A mailbox where something is to be put.
    fn some_mailbox(&mut self) -> &'static str {
        match self.random.u8(..7) {
            0 if self.sight != Sight::Guest => COMING,
            _ => self.random.choice(MAILBOXES).unwrap(),
        }
    }

    /// A message as a literal.
    fn message(&mut self) -> String {
        self.made += 1;
        let subject = self.random.lowercase();
        let message = format!("X-Identity: {}-{}\r\nSubject: {subject}\r\n\r\nbody\r\n", self.name, self.made);
        format!("{{{}+}}\r\n{message}", message.len())
    }

    /// One message, or several by one command.
    fn append(&mut self) {
        let mailbox = self.some_mailbox();
        let mut command = format!("APPEND {}", self.sight.path(mailbox));
        for _ in 0..*self.random.choice(&[1, 1, 1, 3]).unwrap() {
            let (flag, message) = (self.random.choice(FLAGS).unwrap(), self.message());
            command.push_str(&format!(" ({flag}) {message}"));
        }
        self.command(&command, Expunges::Allowed);
        // What a client has done itself it knows by APPENDUID and COPYUID, and is not told by STATUS.
        self.status.remove(mailbox);
    }

    /// A message takes the place of another, here or elsewhere. RFC 8508
    fn replace(&mut self) {
        let Some((uid, _, names)) = self.some() else { return };
        let (name, mailbox) = (names.split(',').next().unwrap(), self.some_mailbox());
        let message = self.message();
        self.command(&format!("{uid}REPLACE {name} {} {message}", self.sight.path(mailbox)), Expunges::Allowed);
        self.status.remove(mailbox);
    }

    /// Changes the MODSEQ and nothing else. RFC 5257
    fn annotate(&mut self) {
        let Some((uid, _, names)) = self.some() else { return };
        let value = self.random.u8(..);
        let command = format!("{uid}STORE {names} ANNOTATION (/comment (value.shared \"{value}\"))");
        self.command(&command, Self::allowed(uid));
    }

    /// Hides messages from others, or shows them again: between others, for those who see less.
    fn hide(&mut self) {
        let Some(keyword) = self.sight.hiding() else { return };
        match self.random.u8(..3) {
            0 => self.store(keyword),
            1 if self.messages() > 0 => {
                drop(self.command(&format!("UID STORE 1:* -FLAGS ({keyword})"), Expunges::Allowed));
            }
            // From themselves as well.
            _ => self.store("$Service"),
        }
    }

    fn idle(&mut self) {
        self.say("IDLE".into());
        self.client.send(b"i IDLE\r\n");
        loop {
            let line = self.client.response().unwrap_or_else(|| self.fail("the connection ended in IDLE"));
            if line.starts_with("i OK") {
                return self.tagged(&line[2..]);
            }
            if line.starts_with("+ ") {
                std::thread::sleep(Duration::from_micros(self.random.u64(..5000)));
                self.client.send(b"DONE\r\n");
                continue;
            }
            self.hear(&line, Expunges::Allowed);
        }
    }

    /// Two commands in one write; the numbers of the second are those before the first.
    fn pipelined(&mut self) {
        let Some((uid, _, names)) = self.some() else { return };
        let line = format!("p1 {uid}FETCH {names} (FLAGS)\r\np2 {uid}FETCH {names} (UID FLAGS)\r\n");
        self.say(line.clone());
        self.client.send(line.as_bytes());
        loop {
            let line = self.client.response().unwrap_or_else(|| self.fail("the connection ended"));
            if line.starts_with("p1 ") || line.starts_with("p2 ") {
                self.tagged(&line[3..]);
                match line.starts_with("p2") {
                    true => return,
                    false => continue,
                }
            }
            self.hear(&line, Self::allowed(uid));
        }
    }

    fn expunge(&mut self) {
        self.store("\\Deleted");
        match self.random.u8(..3) {
            0 if self.messages() > 40 => drop(self.command("EXPUNGE", Expunges::Allowed)),
            1 => {
                let Some(uid) = self.view().uids().first().copied() else { return };
                self.command(&format!("UID STORE {uid} +FLAGS (\\Deleted)"), Expunges::Allowed);
                self.command(&format!("UID EXPUNGE {uid}"), Expunges::Allowed);
            }
            _ => {}
        }
    }

    /// Asks for results that are kept up to date, where there are none yet.
    fn ask(&mut self) {
        if self.context.is_some() {
            return;
        }
        let asked = *self.random.choice(&[Asked::Search, Asked::Sort]).unwrap();
        let command = asked.command("ALL UPDATE");
        self.say(command.clone());
        let (untagged, end) = self.client.command(&command);
        // What else comes before the result is no part of it; what comes behind may be.
        for line in untagged {
            if self.context.is_none() && line.starts_with("* ESEARCH ") {
                self.context = Context::new(asked, &line);
            }
            let expunges = Expunges::Allowed;
            match self.context.as_ref().is_some_and(|_| line.contains(" ALL ")) {
                true => self.heard.push(format!("S: {line}")),
                false => self.hear(&line, expunges),
            }
        }
        self.tagged(&end);
        if !end.starts_with("OK") || self.context.is_none() {
            self.fail(&end);
        }
    }

    fn transfer(&mut self) {
        let Some((uid, _, names)) = self.some() else { return };
        let to = self.some_mailbox();
        let verb = self.random.choice(["COPY", "MOVE"]).unwrap();
        self.command(&format!("{uid}{verb} {names} {}", self.sight.path(to)), Expunges::Allowed);
        self.status.remove(to);
    }

    /// What the server says of all messages is what the client sees.
    fn check(&mut self) {
        let before = self.messages();
        let range = match (before, self.kind) {
            (0, _) => return,
            (_, Kind::UidOnly | Kind::Notify) => "UID FETCH 1:*",
            _ => "FETCH 1:*",
        };
        let expunges = Self::allowed(range.strip_suffix("FETCH 1:*").unwrap_or_default());
        self.command(&format!("{range} (UID FLAGS BODY.PEEK[HEADER.FIELDS (X-IDENTITY)])"), expunges);
        self.checks += 1;
    }

    fn resynchronises(&self) -> bool {
        matches!(self.kind, Kind::Qresync | Kind::UidOnly)
    }

    /// Looks at the messages that it has heard of only.
    fn look(&mut self) {
        if self.view().messages.iter().any(|message| message.uid.is_none()) {
            self.command("UID FETCH 1:* (FLAGS)", Expunges::Allowed);
        }
    }

    pub fn turn(&mut self) {
        if self.resynchronises() && self.random.bool() {
            self.look();
        }
        match self.random.u8(..29) {
            0..=3 => self.append(),
            4..=8 => {
                let flag = self.random.choice(FLAGS).unwrap();
                self.store(flag);
            }
            9..=10 => self.expunge(),
            11..=13 => self.transfer(),
            14 => drop(self.command("NOOP", Expunges::Allowed)),
            15..=17 => self.idle(),
            18 => self.pipelined(),
            19 if self.kind != Kind::UidOnly && self.random.bool() => {
                let verb = self.random.choice(["SEARCH", "SORT (DATE) UTF-8", "THREAD REFERENCES UTF-8"]).unwrap();
                self.command(&format!("{verb} UNSEEN"), Expunges::Forbidden);
            }
            19 => self.ask(),
            20..=21 => {
                let (leave, to) = (self.random.bool(), self.some_mailbox());
                if leave {
                    self.command("UNSELECT", Expunges::Allowed);
                }
                self.select(to);
            }
            22 => self.replace(),
            23 if self.sight != Sight::Guest => self.annotate(),
            24..=25 => self.hide(),
            26 => self.come_back(),
            _ => self.check(),
        }
    }

    /// All that others have done is told by now: the view, with nothing asked about the messages, and then what the server
    /// says when asked.
    pub fn settle(&mut self) -> (View, View) {
        match self.kind {
            _ if self.resynchronises() && self.random.bool() => self.come_back(),
            _ => drop(self.command("NOOP", Expunges::Allowed)),
        }
        let told = self.view().clone();
        self.check();
        (told, self.view().clone())
    }

    pub fn mailbox(&self) -> &'static str {
        self.mailbox
    }

    pub fn dialogue(&self) -> String {
        self.heard[self.heard.len().saturating_sub(2000)..].join("\n")
    }
}

//! The commands of the load; each answers `None` where the connection ended before its end.

use super::super::Client;
use super::known::{ANNOTATED, Pending};
use super::{Worker, message, try_status};

/// sysexits(3), EX_IOERR: what the tool says of a daemon that cannot do it.
const REFUSED: i32 = 74;

impl Worker {
    fn begin(&mut self, pending: Pending) {
        self.known.pending = Some(pending);
        self.tell();
    }

    /// The pending command has not been done at all.
    fn refuse(&mut self, answer: &str) {
        let refused = self.refused.as_mut().unwrap_or_else(|| panic!("{}: {answer}", self.account));
        *refused += 1;
        self.known.pending = None;
        self.tell();
    }

    /// The pending command, which this word is for, has been done.
    fn end(&mut self, word: &'static str) {
        if let Some(pending) = self.known.pending.take() {
            self.known = self.known.after(&pending);
        }
        *self.done.entry(word).or_default() += 1;
        self.tell();
    }

    /// Whether a change has been done, by its tagged response. One that was refused has not been done at all.
    fn is_done(&mut self, end: &str) -> bool {
        match end {
            end if end.starts_with("OK") => true,
            end if end.starts_with("NO [UNAVAILABLE]") => {
                self.refuse(end);
                false
            }
            end => panic!("{}: {end}", self.account),
        }
    }

    /// Has the admin's tool do the pending command; its messages are seen by this client then.
    fn run(&mut self, client: &mut Client, arguments: &[&str], word: &'static str) -> Option<()> {
        let output = self.tool.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => self.end(word),
            Some(REFUSED) if self.refused.is_some() => self.refuse(&said),
            // The daemon has gone, or this is a fault.
            _ => {
                let alive = client.try_command("NOOP").is_some();
                assert!(!alive, "{}: {arguments:?}: {said}", self.account);
                return None;
            }
        }
        client.try_command("NOOP").map(drop)
    }

    pub(super) fn append(&mut self, client: &mut Client) -> Option<()> {
        let n = self.take_numbers(1).start;
        self.begin(Pending::Append(n));
        let end = client.append("A", message(n, self.octets_of).as_bytes())?;
        if self.is_done(&end) {
            self.see_uid(0, &end, "APPENDUID ")?;
            self.end("APPEND");
        }
        Some(())
    }

    pub(super) fn append_all(&mut self, client: &mut Client, count: u32) -> Option<()> {
        let numbers = self.take_numbers(count);
        let texts = numbers.clone().map(|n| self.message(n));
        let texts: String = texts.map(|text| format!(" {{{}+}}\r\n{text}", text.len())).collect();
        self.begin(Pending::AppendAll(numbers));
        let (_, end) = client.try_command(&format!("APPEND A{texts}"))?;
        if self.is_done(&end) {
            self.see_uid(0, &end, "APPENDUID ")?;
            self.end("MULTIAPPEND");
        }
        Some(())
    }

    fn take_numbers(&mut self, count: u32) -> std::ops::Range<u32> {
        self.next += count;
        self.next - count..self.next
    }

    /// The last UID of a response code, in A or in B.
    fn see_uid(&mut self, at: usize, response: &str, code: &str) -> Option<()> {
        let uids = response.split(code).nth(1)?.split(']').next()?;
        let last = uids.rsplit([' ', ':', ',']).next()?.parse().ok()?;
        self.known.shown.uids[at] = self.known.shown.uids[at].max(last);
        Some(())
    }

    pub(super) fn deliver(&mut self, client: &mut Client, count: u32) -> Option<()> {
        let numbers = self.take_numbers(count);
        let texts = numbers.clone().map(|n| format!("From x Thu Jan  1 00:00:00 1970\n{}\n", self.message(n)));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), texts.collect::<String>()).unwrap();
        self.begin(Pending::Deliver(numbers));
        let path = file.path().to_str().unwrap();
        let account = self.account.clone();
        self.run(client, &["import", "--account", &account, "--mailbox", "A", path], "import")
    }

    fn message(&self, n: u32) -> String {
        message(n, self.octets_of)
    }

    pub(super) fn replace(&mut self, client: &mut Client, old: u32) -> Option<()> {
        let (uid, new) = (self.find(client, &[old])?, self.take_numbers(1).start);
        let text = self.message(new);
        self.begin(Pending::Replace(old, new));
        let (untagged, end) = client.try_command(&format!("UID REPLACE {uid} A {{{}+}}\r\n{text}", text.len()))?;
        if self.is_done(&end) {
            self.see_uid(0, untagged.iter().find(|line| line.contains("APPENDUID "))?, "APPENDUID ")?;
            self.end("REPLACE");
        }
        Some(())
    }

    /// The UIDs of these messages of A, as a set.
    fn find(&self, client: &mut Client, numbers: &[u32]) -> Option<String> {
        let mut uids = Vec::new();
        for n in numbers {
            let (untagged, _) = client.try_command(&format!("UID SEARCH SUBJECT \"number {n}.\""))?;
            let line = untagged.iter().find(|line| line.starts_with("* SEARCH"))?;
            let uid = line.strip_prefix("* SEARCH ").unwrap_or_else(|| panic!("{}: {n} is not there", self.account));
            uids.push(uid.to_string());
        }
        Some(uids.join(","))
    }

    pub(super) fn flag(&mut self, client: &mut Client, n: u32) -> Option<()> {
        let uid = self.find(client, &[n])?;
        self.begin(Pending::Flag(n));
        let (_, end) = client.try_command(&format!("UID STORE {uid} +FLAGS.SILENT (\\Flagged)"))?;
        if self.is_done(&end) {
            self.end("STORE FLAGS");
        }
        Some(())
    }

    pub(super) fn annotate(&mut self, client: &mut Client, n: u32) -> Option<()> {
        let (uid, value) = (self.find(client, &[n])?, self.take_numbers(1).start);
        self.begin(Pending::Annotate(n, value));
        let annotation = format!("ANNOTATION (/comment (value.priv \"{value}\"))");
        let (_, end) = client.try_command(&format!("UID STORE {uid} {annotation}"))?;
        if self.is_done(&end) {
            self.end("STORE ANNOTATION");
        }
        Some(())
    }

    pub(super) fn note(&mut self, client: &mut Client, which: usize) -> Option<()> {
        let value = self.take_numbers(1).start;
        self.begin(Pending::Note(which, value));
        let of = ANNOTATED[which];
        let (_, end) = client.try_command(&format!("SETMETADATA {of} (/private/comment \"{value}\")"))?;
        if self.is_done(&end) {
            self.end("SETMETADATA");
        }
        Some(())
    }

    /// COPY or MOVE to B.
    pub(super) fn shift(&mut self, client: &mut Client, numbers: Vec<u32>, command: &'static str) -> Option<()> {
        if numbers.is_empty() {
            return Some(());
        }
        let uids = self.find(client, &numbers)?;
        self.begin(if command == "MOVE" { Pending::Move(numbers) } else { Pending::Copy(numbers) });
        let (untagged, end) = client.try_command(&format!("UID {command} {uids} B"))?;
        if self.is_done(&end) {
            let code = untagged.iter().chain([&end]).find(|line| line.contains("COPYUID "))?;
            self.see_uid(1, code, "COPYUID ")?;
            self.end(command);
        }
        Some(())
    }

    pub(super) fn expunge(&mut self, client: &mut Client, n: u32) -> Option<()> {
        let uid = self.find(client, &[n])?;
        self.begin(Pending::Expunge(n));
        for command in [format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"), format!("UID EXPUNGE {uid}")] {
            let (_, end) = client.try_command(&command)?;
            if !self.is_done(&end) {
                return Some(());
            }
        }
        self.end("EXPUNGE");
        Some(())
    }

    /// Expunges all of B by one command.
    pub(super) fn empty(&mut self, client: &mut Client) -> Option<()> {
        client.try_command("SELECT B")?;
        if !self.known.b.is_empty() {
            self.begin(Pending::Empty);
            let (_, end) = client.try_command("STORE 1:* +FLAGS.SILENT (\\Deleted)")?;
            if self.is_done(&end) {
                let (_, end) = client.try_command("EXPUNGE")?;
                if self.is_done(&end) {
                    self.end("EXPUNGE of all");
                }
            }
        }
        client.try_command("SELECT A").map(drop)
    }

    /// What was expunged from A comes back.
    pub(super) fn undelete(&mut self, client: &mut Client) -> Option<()> {
        self.begin(Pending::Undelete);
        let account = self.account.clone();
        self.run(client, &["undelete", "--account", &account, "--mailbox", "A"], "undelete")
    }

    pub(super) fn come_and_go(&mut self, client: &mut Client, rename: bool) -> Option<()> {
        let (pending, command, name) = match self.known.t {
            None => (Pending::Create, "CREATE T/x", Some("T")),
            Some("T") if rename => (Pending::Rename, "RENAME T U", Some("U")),
            Some("T") => (Pending::Delete, "DELETE T/x", None),
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
            let validity = try_status(client, &format!("{name}/x"), "UIDVALIDITY")?;
            match comes {
                true => self.see_validity(validity),
                false => assert_eq!(validity, self.known.shown.last_validity, "{}: {command}", self.account),
            }
        }
        self.end(command.split(' ').next()?);
        Some(())
    }

    /// A mailbox T has come: its UIDVALIDITY is none that has been seen before.
    pub(super) fn see_validity(&mut self, validity: u64) {
        let last = std::mem::replace(&mut self.known.shown.last_validity, validity);
        assert!(validity > last, "{}: T had UIDVALIDITY {last}, the next one {validity}", self.account);
    }

    pub(super) fn look(&mut self, client: &mut Client) -> Option<()> {
        for (at, name) in ["A", "B"].into_iter().enumerate() {
            self.known.shown.uids[at] = try_status(client, name, "UIDNEXT")? - 1;
            if self.known.shown.condstore {
                self.known.shown.mod_seqs[at] = try_status(client, name, "HIGHESTMODSEQ")?;
            }
        }
        self.tell();
        Some(())
    }
}

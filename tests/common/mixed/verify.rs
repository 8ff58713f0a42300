//! That a server has kept what a client knows.

use std::collections::BTreeSet;

use super::super::Client;
use super::known::{ANNOTATED, Known, Message, Messages, Pending};
use super::{Worker, message, status};

/// Which flags must be there.
#[derive(Clone, Copy)]
pub enum Flags<'a> {
    /// Every flag that has been acknowledged.
    All,
    /// Those that this older state has; later ones may be lost, but not half of them in one mailbox copy of a message.
    Of(&'a Known),
}

impl Worker {
    /// What the server holds now is what the client knows, the pending command done or not.
    pub fn verify(&mut self, client: &mut Client, flags: Flags) {
        let found = (self.contents(client, "A"), self.contents(client, "B"), notes(client));
        let alike = |known: &Known| {
            let (a, b) = (alike(&found.0, &known.a, flags), alike(&found.1, &known.b, flags));
            a && b && found.2 == known.notes
        };
        let outcome = self.known.outcomes().into_iter().find(alike);
        let Some(outcome) = outcome else { panic!("{}: found {found:?}\nknown {:?}", self.account, self.known) };
        let pending = self.known.pending.take();
        (self.known, self.known.a, self.known.b) = (outcome, found.0, found.1);
        self.verify_coming(client, pending);
        self.verify_numbers(client);
    }

    /// What is gone from A comes back, all of it.
    pub fn verify_kept(&mut self, client: &mut Client, flags: Flags) {
        let gone = self.known.gone.len();
        self.undelete(client).unwrap_or_else(|| panic!("{}: {gone} messages do not come back", self.account));
        self.verify(client, flags);
    }

    /// That the server holds what the client knew at one of these moments, or would have known if the command under way had
    /// been done.
    pub fn verify_moment(&self, client: &mut Client, moments: &[Known]) {
        let found = (self.contents(client, "A"), self.contents(client, "B"), notes(client), coming(client));
        let alike = |moment: &&Known| {
            let is_one = |known: &Known| {
                let (a, b) = (alike(&found.0, &known.a, Flags::All), alike(&found.1, &known.b, Flags::All));
                a && b && found.2 == known.notes
            };
            moment.outcomes().iter().any(is_one) && may_come(moment.t, &moment.pending).contains(&found.3)
        };
        assert!(moments.iter().any(|moment| alike(&moment)), "{}: found {found:?}\nof {moments:?}", self.account);
    }

    fn verify_coming(&mut self, client: &mut Client, pending: Option<Pending>) {
        let (found, known) = (coming(client), self.known.t);
        let comes = matches!(pending, Some(Pending::Create));
        assert!(may_come(known, &pending).contains(&found), "{}: T is {found:?}, was {known:?}", self.account);
        self.known.t = found;
        let Some(name) = found else { return };
        let validity = status(client, &format!("{name}/x"), "UIDVALIDITY");
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

    /// All messages of a mailbox; every message's text must be what was appended.
    fn contents(&self, client: &mut Client, mailbox: &str) -> Messages {
        client.ok(&format!("EXAMINE {mailbox} (ANNOTATE)"));
        let (mut found, mut uids) = (Messages::new(), BTreeSet::new());
        for response in client.ok("UID FETCH 1:* (FLAGS ANNOTATION (/comment value.priv) BODY.PEEK[])") {
            let Some(n) = number_after(&response, "number ") else { continue };
            assert!(response.contains(&message(n, self.octets_of)), "message {n} is not what was appended");
            let head = response.split("BODY[]").next().unwrap();
            let seen = Message {
                flagged: head.contains("\\Flagged"),
                comment: number_after(head, "/comment (value.priv \""),
            };
            assert!(found.insert(n, seen).is_none(), "message {n} is there twice");
            assert!(uids.insert(number_after(head, "UID ").unwrap()), "a UID is there twice");
        }
        found
    }
}

/// What T is called.
fn coming(client: &mut Client) -> Option<&'static str> {
    let mut there = Vec::new();
    for name in ["T", "U"] {
        let listed = client.ok(&format!("LIST \"\" {name}/x"));
        there.extend(listed.iter().any(|line| line.starts_with("* LIST")).then_some(name));
    }
    assert!(there.len() < 2, "{there:?}");
    there.first().copied()
}

/// What T may be called where a command is under way.
fn may_come(known: Option<&'static str>, pending: &Option<Pending>) -> Vec<Option<&'static str>> {
    match pending {
        Some(Pending::Create) => vec![known, Some("T")],
        Some(Pending::Delete) => vec![known, None],
        Some(Pending::Rename) => vec![Some("T"), Some("U")],
        _ => vec![known],
    }
}

/// The number that follows the first such word.
fn number_after(text: &str, word: &str) -> Option<u32> {
    let rest = &text[text.find(word)? + word.len()..];
    rest[..rest.bytes().take_while(u8::is_ascii_digit).count()].parse().ok()
}

fn notes(client: &mut Client) -> [Option<u32>; ANNOTATED.len()] {
    ANNOTATED.map(|of| {
        let lines = client.ok(&format!("GETMETADATA {of} /private/comment"));
        lines.iter().find_map(|line| number_after(line, "(/private/comment \""))
    })
}

/// Whether the messages found are those wanted, and their flags as well but for those that may be lost.
fn alike(found: &Messages, wanted: &Messages, flags: Flags) -> bool {
    let may_lack = |n: u32| match flags {
        Flags::All => false,
        Flags::Of(old) => !old.has_flagged(n),
    };
    let one = |n: u32, has: &Message, wanted: &Message| {
        has.comment == wanted.comment && (has.flagged == wanted.flagged || (wanted.flagged && may_lack(n)))
    };
    found.len() == wanted.len()
        && wanted.iter().all(|(n, wanted)| found.get(n).is_some_and(|has| one(*n, has, wanted)))
}

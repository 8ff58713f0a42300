//! A mailbox as one client sees it, from nothing but what it has been told.

use std::collections::BTreeSet;

/// A client may know a message by its number alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub uid: Option<u32>,
    pub flags: Option<BTreeSet<String>>,
    pub mod_seq: Option<u64>,
}

impl Message {
    /// Whether what is known of a message is so.
    pub fn agrees_with(&self, there: &Message) -> bool {
        (self.uid.is_none() || self.uid == there.uid)
            && (self.flags.is_none() || self.flags == there.flags)
            && (self.mod_seq.is_none() || self.mod_seq == there.mod_seq)
    }
}

#[derive(Clone, Debug, Default)]
pub struct View {
    /// By sequence number.
    pub messages: Vec<Message>,
    pub validity: u32,
    /// What the client may give to QRESYNC: all up to here has been told.
    pub modseq: u64,
    /// Whether places mean nothing to the client.
    pub is_by_uid: bool,
}

/// What a FETCH says of a message.
#[derive(Debug)]
pub struct Told {
    pub number: Option<usize>,
    pub uid: Option<u32>,
    pub flags: Option<BTreeSet<String>>,
    pub mod_seq: Option<u64>,
}

/// The text behind `word`, where a response has it.
fn behind<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    line.find(word).map(|at| &line[at + word.len()..])
}

/// The number behind `word`.
pub fn number(line: &str, word: &str) -> Option<u64> {
    let text = behind(line, word)?;
    text[..text.bytes().take_while(u8::is_ascii_digit).count()].parse().ok()
}

/// What a set stands for.
pub fn set(text: &str) -> Vec<u32> {
    let bound = |text: &str| text.parse::<u32>().unwrap();
    let range = |range: &str| match range.split_once(':') {
        Some((a, b)) => bound(a).min(bound(b))..=bound(a).max(bound(b)),
        None => bound(range)..=bound(range),
    };
    text.split(',').flat_map(range).collect()
}

/// `* 3 FETCH (...)` and `* 7 UIDFETCH (...)`.
pub fn told(line: &str) -> Option<Told> {
    let mut words = line.strip_prefix("* ")?.splitn(3, ' ');
    let first = words.next()?.parse::<u32>().ok()?;
    let (kind, items) = (words.next()?, words.next()?);
    let flags = behind(items, "FLAGS (").and_then(|text| text.split(')').next());
    let flags =
        flags.map(|text| text.split(' ').filter(|flag| *flag != "\\Recent" && !flag.is_empty()).map(String::from));
    let (flags, uid) = (flags.map(Iterator::collect), number(items, "UID ").map(|uid| uid as u32));
    let mod_seq = number(items, "MODSEQ (");
    match kind {
        "FETCH" => Some(Told { number: Some(first as usize), uid, flags, mod_seq }),
        "UIDFETCH" => Some(Told { number: None, uid: Some(first), flags, mod_seq }),
        _ => None,
    }
}

impl View {
    pub fn at(&self, uid: u32) -> Option<usize> {
        self.messages.iter().position(|message| message.uid == Some(uid))
    }

    pub fn uids(&self) -> Vec<u32> {
        self.messages.iter().filter_map(|message| message.uid).collect()
    }

    /// Takes what the server says unasked or as an answer; what it must not have said is the error.
    pub fn take(&mut self, line: &str) -> Result<(), String> {
        let wrong = |why: &str| Err(format!("{why}: {line}"));
        if let Some(uids) = line.strip_prefix("* VANISHED ") {
            return set(uids).into_iter().try_for_each(|uid| self.vanish(uid));
        }
        let first = line.strip_prefix("* ").and_then(|rest| rest.split_once(' '));
        let Some((Ok(number), rest)) = first.map(|(number, rest)| (number.parse::<usize>(), rest)) else {
            return Ok(());
        };
        match rest {
            "EXISTS" if number < self.messages.len() => wrong("fewer messages without EXPUNGE"),
            "EXISTS" => {
                self.messages.resize_with(number, Message::default);
                Ok(())
            }
            "EXPUNGE" if number == 0 || number > self.messages.len() => wrong("no such message"),
            "EXPUNGE" => {
                self.messages.remove(number - 1);
                Ok(())
            }
            _ => told(line).map_or(Ok(()), |told| self.learn(told).or_else(|why| wrong(&why))),
        }
    }

    /// Of a message that the client does not know yet it is told as well: it has heard of one more by EXISTS. Without numbers it
    /// does not know where that is.
    fn vanish(&mut self, uid: u32) -> Result<(), String> {
        let place = self.at(uid).or_else(|| {
            let after = self.messages.iter().position(|message| message.uid.is_some_and(|other| other > uid));
            let end = after.unwrap_or(self.messages.len());
            let before = end.checked_sub(1).filter(|at| self.messages[*at].uid.is_none());
            before.or_else(|| {
                self.messages.iter().rposition(|message| message.uid.is_none()).filter(|_| self.is_by_uid)
            })
        });
        match place {
            Some(at) => drop(self.messages.remove(at)),
            None => return Err(format!("{uid} has vanished and was not there, of {:?}", self.uids())),
        }
        Ok(())
    }

    fn learn(&mut self, told: Told) -> Result<(), String> {
        let at = match (told.number, told.uid) {
            (Some(number), _) => number.checked_sub(1),
            (None, Some(uid)) => self.at(uid).or_else(|| self.place_for(uid)),
            (None, None) => None,
        };
        let Some(message) = at.and_then(|at| self.messages.get_mut(at)) else { return Err("no such message".into()) };
        match (message.uid, told.uid) {
            (Some(known), Some(uid)) if known != uid => return Err(format!("it was UID {known}")),
            (_, None) => {}
            (_, uid) => message.uid = uid,
        }
        if told.flags.is_some() {
            message.flags = told.flags;
        }
        message.mod_seq = told.mod_seq.or(message.mod_seq);
        match self.uids().is_sorted_by(|a, b| a < b) {
            true => Ok(()),
            false => Err(format!("UIDs do not ascend: {:?}", self.uids())),
        }
    }

    /// Without numbers a client knows no places, only how many there are: one that was unknown is put where it belongs.
    fn place_for(&mut self, uid: u32) -> Option<usize> {
        let unknown = self.messages.iter().rposition(|message| message.uid.is_none())?;
        let message = self.messages.remove(unknown);
        let lower = self.messages.iter().rposition(|message| message.uid.is_some_and(|other| other < uid));
        let at = lower.map_or(0, |at| at + 1);
        self.messages.insert(at, message);
        Some(at)
    }
}

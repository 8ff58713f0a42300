//! What one client knows of its account, and what it would know if the command under way were done.

use std::collections::BTreeMap;
use std::ops::Range;

/// What a client knows of one message.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Message {
    pub flagged: bool,
    /// Its annotation /comment, a number.
    pub comment: Option<u32>,
}

/// Messages by their numbers.
pub type Messages = BTreeMap<u32, Message>;

#[derive(Clone, Default, Debug)]
pub struct Known {
    pub a: Messages,
    pub b: Messages,
    /// What was expunged from A and can be brought back.
    pub gone: Messages,
    /// The annotation /private/comment, a number, of what ANNOTATED names.
    pub notes: [Option<u32>; ANNOTATED.len()],
    /// What T is called, where it is there with the mailbox below it.
    pub t: Option<&'static str>,
    pub shown: Shown,
    /// The command that has not been answered, if any.
    pub pending: Option<Pending>,
}

/// A mailbox, and the account itself.
pub const ANNOTATED: [&str; 2] = ["A", "\"\""];

/// The largest numbers that the server has let this client see, those of A and those of B.
#[derive(Clone, Default, Debug)]
pub struct Shown {
    pub uids: [u64; 2],
    pub mod_seqs: [u64; 2],
    /// Whether this server shows MODSEQs at all.
    pub condstore: bool,
    pub validities: [u64; 2],
    /// Of T/x, which is another mailbox each time.
    pub last_validity: u64,
}

#[derive(Clone, Debug)]
pub enum Pending {
    Append(u32),
    /// By one command: all of them or none. RFC 3502
    AppendAll(Range<u32>),
    /// Mail that comes without this client, in order.
    Deliver(Range<u32>),
    /// The first by the second.
    Replace(u32, u32),
    Flag(u32),
    Annotate(u32, u32),
    Move(Vec<u32>),
    Copy(Vec<u32>),
    Expunge(u32),
    /// All that is gone from A.
    Undelete,
    /// All of B.
    Empty,
    Note(usize, u32),
    Create,
    Delete,
    Rename,
}

impl Known {
    /// The same when a command has been done. What becomes of T is looked at apart.
    pub fn after(&self, done: &Pending) -> Known {
        let mut known = self.clone();
        let (a, b, gone) = (&mut known.a, &mut known.b, &mut known.gone);
        match done {
            Pending::Append(n) => drop(a.insert(*n, Message::default())),
            Pending::AppendAll(numbers) | Pending::Deliver(numbers) => {
                a.extend(numbers.clone().map(|n| (n, Message::default())))
            }
            Pending::Replace(old, new) => {
                gone.extend(a.remove_entry(old));
                a.insert(*new, Message::default());
            }
            Pending::Flag(n) => a.get_mut(n).unwrap().flagged = true,
            Pending::Annotate(n, value) => a.get_mut(n).unwrap().comment = Some(*value),
            Pending::Move(numbers) => b.extend(numbers.iter().filter_map(|n| a.remove_entry(n))),
            Pending::Copy(numbers) => b.extend(numbers.iter().map(|n| (*n, a[n]))),
            Pending::Expunge(n) => gone.extend(a.remove_entry(n)),
            Pending::Undelete => a.append(gone),
            Pending::Empty => b.clear(),
            Pending::Note(which, value) => known.notes[*which] = Some(*value),
            Pending::Create | Pending::Delete | Pending::Rename => {}
        }
        known
    }

    /// What may be true of the one command under way: none of it or all, and of a delivery the first so many.
    pub fn outcomes(&self) -> Vec<Known> {
        let done: Vec<Known> = match &self.pending {
            None => Vec::new(),
            Some(Pending::Deliver(all)) => {
                let first = (all.start + 1..=all.end).map(|end| Pending::Deliver(all.start..end));
                first.map(|first| self.after(&first)).collect()
            }
            Some(pending) => vec![self.after(pending)],
        };
        std::iter::once(self.clone()).chain(done).map(|known| Known { pending: None, ..known }).collect()
    }

    /// Whether a message has its flag, wherever it is.
    pub fn has_flagged(&self, n: u32) -> bool {
        [&self.a, &self.b, &self.gone].iter().any(|messages| messages.get(&n).is_some_and(|message| message.flagged))
    }
}

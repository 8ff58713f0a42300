//! Summaries that are still to be written into the store.
//!
//! What APPEND brings, and COPY or MOVE of many, is acknowledged when the messages are durable. Their summaries take a third
//! of an APPEND's time to make, and of copies they are many times the octets; all of them can be made again from the
//! messages. They are written behind that, by a thread, many at a time. Until then who asks for them finds them here. Where
//! the server is killed meanwhile, they are made anew when they are asked for, as is any summary that the store has lost.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, MutexGuard};

use super::change::{Change, NewMessage, NewSummary};
use super::describing::{describe, summary_of};
use super::locks::Owing;
use super::mailbox::Mailbox;
use crate::mime::Glance;
use crate::store::{StoreError, Value};
use crate::types::{AccountId, MailboxId, Uid};

/// Summaries of one commit.
const STEP: usize = 256;

/// Octets that wait at most; who owes more waits for room.
const WAITING_BYTES: usize = 64 << 20;

/// With so many octets that wait nothing is waited for.
const PRESSING_BYTES: usize = 16 << 20;

/// How long the first that waits does, so that others are written with it.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the thread stays when nothing waits.
const LINGER: Duration = Duration::from_secs(30);

/// What is to be written.
#[derive(Clone, Debug)]
pub enum Due {
    Made(Value),
    /// Of a message with these octets.
    Of(Value),
}

impl Due {
    pub(super) fn made(&self) -> Value {
        match self {
            Due::Made(summary) => summary.clone(),
            Due::Of(octets) => describe_octets(octets),
        }
    }

    fn bytes(&self) -> usize {
        let (Due::Made(octets) | Due::Of(octets)) = self;
        octets.len()
    }
}

fn describe_octets(octets: &[u8]) -> Value {
    let read = |take: &mut dyn FnMut(&[u8])| -> Result<(), std::convert::Infallible> {
        take(octets);
        Ok(())
    };
    let Ok(described) = describe(read);
    described.structure
}

#[derive(Default)]
pub(super) struct Owed {
    state: Owing,
    /// For the thread: something waits, or is pressing.
    wake: Condvar,
    /// Something has been written.
    written: Condvar,
}

type Key = (AccountId, MailboxId);

#[derive(Default)]
pub(super) struct OwedState {
    /// By mailbox. What waits stays until it has been written.
    debts: BTreeMap<Key, Debt>,
    /// Which mailbox was served last: the next is the one behind it.
    served: Option<Key>,
    bytes: usize,
    /// Who waits until all is written.
    settling: usize,
    thread: Thread,
    ended: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Thread {
    #[default]
    None,
    /// Nothing waits.
    Idle,
    /// It waits for more, or writes.
    Awake,
}

struct Debt {
    mailbox: Arc<Mailbox>,
    due: BTreeMap<Uid, Due>,
}

impl OwedState {
    fn is_pressing(&self) -> bool {
        self.settling > 0 || self.bytes >= PRESSING_BYTES
    }

    fn add(&mut self, mailbox: &Arc<Mailbox>, uid: Uid, due: Due) {
        let new = || Debt { mailbox: mailbox.clone(), due: BTreeMap::new() };
        let debt = self.debts.entry(mailbox.key()).or_insert_with(new);
        self.bytes += due.bytes();
        if let Some(before) = debt.due.insert(uid, due) {
            self.bytes -= before.bytes();
        }
    }

    fn has(&self, mailbox: Key, uid: Uid) -> bool {
        self.debts.get(&mailbox).is_some_and(|debt| debt.due.contains_key(&uid))
    }

    fn all(&self) -> impl Iterator<Item = (Key, Uid)> {
        self.debts.iter().flat_map(|(key, debt)| debt.due.keys().map(|uid| (*key, *uid)))
    }

    /// What is written next: the first that wait for one mailbox.
    fn next(&mut self) -> Option<(Arc<Mailbox>, Vec<(Uid, Due)>)> {
        let behind = self.served.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.debts.range((behind, Bound::Unbounded)).next().or_else(|| self.debts.first_key_value());
        let (key, debt) = next?;
        let due = debt.due.iter().take(STEP).map(|(uid, due)| (*uid, due.clone())).collect();
        self.served = Some(*key);
        Some((debt.mailbox.clone(), due))
    }

    /// That has been written, or cannot be.
    fn strike(&mut self, key: Key, written: &[(Uid, Due)]) {
        let Some(debt) = self.debts.get_mut(&key) else { return };
        for due in written.iter().filter_map(|(uid, _)| debt.due.remove(uid)) {
            self.bytes -= due.bytes();
        }
        if debt.due.is_empty() {
            self.debts.remove(&key);
        }
    }
}

impl Owed {
    /// Has the summaries of messages written, which are in the mailbox already.
    pub(super) fn give(self: &Arc<Self>, mailbox: &Arc<Mailbox>, due: impl IntoIterator<Item = (Uid, Due)>) {
        let mut state = self.state.lock();
        for (uid, due) in due {
            while state.bytes > WAITING_BYTES && state.thread == Thread::Awake {
                self.written.wait(&mut state);
            }
            state.add(mailbox, uid, due);
            match state.thread {
                Thread::None => self.start(&mut state),
                Thread::Idle => drop(self.wake.notify_one()),
                Thread::Awake if state.is_pressing() => drop(self.wake.notify_one()),
                Thread::Awake => {}
            }
        }
    }

    fn start(self: &Arc<Self>, state: &mut MutexGuard<'_, OwedState>) {
        let own = self.clone();
        state.thread = Thread::Awake;
        let thread = std::thread::Builder::new().name("summaries".into()).stack_size(512 * 1024);
        if let Err(error) = thread.spawn(move || own.serve()) {
            log::warn!("a thread that writes summaries cannot be started: {error}");
            self.write_all(state);
            state.thread = Thread::None;
        }
    }

    /// The thread, until nothing has waited for a while.
    fn serve(&self) {
        let mut state = self.state.lock();
        loop {
            if state.debts.is_empty() {
                state.thread = Thread::Idle;
                let is_late = state.ended || self.wake.wait_for(&mut state, LINGER).timed_out();
                if is_late && state.debts.is_empty() {
                    state.thread = Thread::None;
                    return;
                }
                state.thread = Thread::Awake;
            } else {
                if !state.is_pressing() {
                    self.wake.wait_for(&mut state, PAUSE);
                }
                self.write_all(&mut state);
            }
        }
    }

    /// Writes as many as wait now; what comes meanwhile waits for others to be written with it.
    fn write_all(&self, state: &mut MutexGuard<'_, OwedState>) {
        let mut left = state.all().count();
        while left > 0
            && let Some((mailbox, due)) = state.next()
        {
            MutexGuard::unlocked(state, || {
                let summaries = due.iter().map(|(uid, due)| (*uid, due.made())).collect();
                let written = mailbox.write_summaries(summaries, Vec::new());
                // The messages are there: what cannot be written now is made when it is asked for.
                written.unwrap_or_else(|error| log::debug!("writing summaries: {error}"));
            });
            left = left.saturating_sub(due.len());
            state.strike(mailbox.key(), &due);
            self.written.notify_all();
        }
    }

    /// Waits until all that waits now is written, whatever comes meanwhile.
    pub(super) fn settle(&self) {
        let mut state = self.state.lock();
        let mut waiting: Vec<(Key, Uid)> = state.all().collect();
        state.settling += 1;
        self.wake.notify_one();
        while !waiting.is_empty() {
            self.written.wait(&mut state);
            waiting.retain(|(mailbox, uid)| state.has(*mailbox, *uid));
        }
        state.settling -= 1;
    }

    /// The same; the thread ends.
    pub(super) fn end(&self) {
        self.settle();
        self.state.lock().ended = true;
        self.wake.notify_one();
    }

    /// The summary of a message, where it waits here.
    pub(super) fn find(&self, mailbox: Key, uid: Uid) -> Option<Value> {
        let found = self.state.lock().debts.get(&mailbox)?.due.get(&uid)?.clone();
        let summary = found.made();
        if let Due::Of(octets) = found {
            // Whoever asks next, or writes it, does not make it again.
            self.learn(mailbox, uid, octets.len(), &summary);
        }
        Some(summary)
    }

    fn learn(&self, mailbox: Key, uid: Uid, before: usize, summary: &Value) {
        let mut state = self.state.lock();
        let due = state.debts.get_mut(&mailbox).and_then(|debt| debt.due.get_mut(&uid));
        if let Some(due @ Due::Of(_)) = due {
            *due = Due::Made(summary.clone());
            state.bytes = state.bytes - before + summary.len();
        }
    }
}

impl NewSummary {
    /// What is committed with the message.
    pub(super) fn with(&self) -> Option<Value> {
        match self {
            NewSummary::With(summary) => Some(summary.clone()),
            NewSummary::Behind(_) => None,
        }
    }

    fn due(&self) -> Option<Due> {
        match self {
            NewSummary::With(_) => None,
            NewSummary::Behind(due) => Some(due.clone()),
        }
    }
}

impl Change {
    /// What will be owed of each message that it brings, when it is done.
    pub(super) fn due(&self) -> Vec<Option<Due>> {
        match self {
            Change::Append(messages) => messages.iter().map(NewMessage::due).collect(),
            _ => Vec::new(),
        }
    }
}

impl NewMessage {
    /// Its summary, made at once and committed with the message.
    pub fn make_summary(&mut self) -> Value {
        let summary = match &self.summary {
            NewSummary::With(summary) => summary.clone(),
            NewSummary::Behind(due) => due.made(),
        };
        self.summary = NewSummary::With(summary.clone());
        summary
    }

    /// Whether the message's own header has octets that are not ASCII.
    pub fn is_header_eight_bit(&self) -> Result<bool, StoreError> {
        match &self.summary {
            NewSummary::Behind(Due::Of(octets)) => Ok(Glance::of(octets).is_header_eight_bit()),
            NewSummary::With(summary) | NewSummary::Behind(Due::Made(summary)) => {
                Ok(summary_of(summary)?.is_header_eight_bit())
            }
        }
    }

    pub(super) fn due(&self) -> Option<Due> {
        self.summary.due()
    }
}

impl Mailbox {
    /// These messages have come, with what is owed of them.
    pub(super) fn owe(self: &Arc<Self>, appended: &[Uid], due: Vec<Option<Due>>) {
        let mut due = appended.iter().zip(due).filter_map(|(uid, due)| Some((*uid, due?))).peekable();
        if due.peek().is_some() {
            self.shared.owed.give(self, due);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Access, Account, Asked, CopyMode, Limits, Manager, Order, Scores, Summaries, Target, View, searching::Found,
    };
    use super::*;
    use crate::store::{Batch, Durability, Engine, Memory, Partition, Reader, Store};
    use crate::sys::Bell;
    use crate::types::{
        AccountName, Comparator, InternalDate, MailboxName, Rights, SearchKey, SortKey, SortOrder, UidSet, Visibility,
    };

    const MESSAGES: u32 = 700;
    const OTHER: MailboxId = MailboxId(2);

    fn all() -> UidSet {
        UidSet::from_ranges(vec![(1, MESSAGES)])
    }

    fn joe(store: &Store) -> (Manager, Arc<Account>) {
        let manager = Manager::new(store.clone(), Limits::default());
        let account = manager.account(&AccountName::new("joe").unwrap()).unwrap();
        (manager, account)
    }

    fn mailbox(joe: &Account, name: &str) -> Arc<Mailbox> {
        joe.mailbox(&MailboxName::new(name).unwrap()).unwrap()
    }

    fn fill(joe: &Account) {
        let inbox = mailbox(joe, "INBOX");
        let mut intake = joe.intake(&inbox).unwrap();
        let date = InternalDate { secs: 0, zone_mins: 0 };
        let text = |n: u32| format!("Subject: number {}\r\n\r\ntext\r\n", n * 7919 % MESSAGES);
        let messages = (0..MESSAGES).map(|n| intake.take(text(n).into_bytes(), Vec::new(), date).unwrap()).collect();
        inbox.commit(Change::Append(messages)).unwrap();
    }

    fn view(mailbox: &Arc<Mailbox>) -> View {
        let bell = Arc::new(Bell::new().unwrap());
        View::open(mailbox.clone(), Access::ReadWrite, Visibility::ALL, bell).unwrap()
    }

    /// What SEARCH and SORT find of a mailbox.
    fn found(view: &View) -> (UidSet, Vec<Uid>) {
        let (key, saved) = (SearchKey::Header("subject".into(), "number".into()), UidSet::new());
        let comparator = Comparator::UnicodeCasemap;
        let asked = Asked { key: &key, saved: &saved, comparator, scores: Scores::Unwanted };
        let found: Found = view.search(&asked, &mut |_, _| {}).unwrap();
        let order = Order { criteria: vec![(SortKey::Subject, SortOrder::Ascending)], comparator };
        let sorted = view.sort(&found, &order).unwrap().into_iter().map(|(_, uid)| uid).collect();
        (found.uids, sorted)
    }

    fn stored(store: &Store, mailbox: MailboxId) -> Vec<Uid> {
        let mut uids = Vec::new();
        store
            .structures(AccountId(1), mailbox, Uid::MIN, Uid::MAX, &mut |uid, _| {
                uids.push(uid);
                Ok(())
            })
            .unwrap();
        uids
    }

    /// Takes summaries out of the store, as if they had not been written when the server was killed.
    fn lose(engine: &Memory, mailbox: MailboxId, first: u32, behind: u32) {
        let partition = Partition::Mailbox(AccountId(1), mailbox);
        let mut batch = Batch::new(partition, engine.version(partition).unwrap());
        (first..behind).for_each(|uid| batch.remove([&b"t"[..], &uid.to_be_bytes()].concat()));
        engine.commit(vec![batch], Durability::Synced).unwrap();
    }

    fn copy_all(mode: CopyMode) {
        let engine = Arc::new(Memory::default());
        let store = Store::with_engine(engine.clone()).unwrap();
        let (manager, owner) = joe(&store);
        owner.create(&MailboxName::new("other").unwrap(), &[]).unwrap();
        fill(&owner);
        let (inbox, other) = (view(&mailbox(&owner, "INBOX")), mailbox(&owner, "other"));
        let before = found(&inbox);
        assert_eq!(before.0, all());
        let target = Target { owner: &owner, mailbox: &other, rights: Rights::ALL };

        // Nothing can be written while somebody else is at the mailbox; who asks finds it all the same.
        inbox.copy(&[Uid::MIN].into_iter().collect(), &target, mode, None, &mut |_, _| {}).unwrap();
        let copied = inbox.copy(&all(), &target, mode, None, &mut |_, _| {}).unwrap().unwrap();
        let there = view(&other);
        let writer = other.writer.lock();
        let copies = copied.target.count() as u32;
        assert_eq!(copies, if mode == CopyMode::Move { MESSAGES - 1 } else { MESSAGES });
        let waits = copied.target.uids().filter(|uid| other.shared.owed.find(other.key(), *uid).is_some()).count();
        assert!(waits + stored(&store, OTHER).len() >= copies as usize);
        let (uids, sorted) = found(&there);
        assert_eq!((uids.count(), sorted.len()), (u64::from(copies) + 1, copies as usize + 1));
        drop(writer);
        manager.settle();
        assert_eq!(stored(&store, OTHER).len(), copies as usize + 1);
        let whole = found(&view(&other));

        // A start later some are not there, and are made.
        drop((inbox, there, other, owner, manager));
        lose(&engine, OTHER, 5, 600);
        let (manager, owner) = joe(&store);
        let other = mailbox(&owner, "other");
        assert!(Summaries::new(other.clone()).one(Uid::new(9).unwrap()).unwrap().is_some());
        assert_eq!(found(&view(&other)), whole);
        manager.settle();
        assert_eq!(stored(&store, OTHER).len(), copies as usize + 1);
    }

    #[test]
    fn copies_of_many_are_found_before_their_summaries_are_written() {
        copy_all(CopyMode::Copy);
        copy_all(CopyMode::Move);
    }

    /// What APPEND brings is described when somebody asks, or a while later, once; whoever looks at the store as a whole
    /// waits for it.
    #[test]
    fn what_is_appended_is_described_behind_it() {
        let store = Store::with_engine(Arc::new(Memory::default())).unwrap();
        let (manager, owner) = joe(&store);
        let inbox = mailbox(&owner, "INBOX");
        let append = |text: &str| {
            let octets = format!("Subject: {text}\r\n\r\n").into_bytes();
            let message =
                owner.intake(&inbox).unwrap().take(octets, Vec::new(), InternalDate { secs: 0, zone_mins: 0 });
            inbox.commit(Change::Append(vec![message.unwrap()])).unwrap().appended[0]
        };
        let owed = &inbox.shared.owed;
        let is_made = |uid| match owed.state.lock().debts.get(&inbox.key()).and_then(|debt| debt.due.get(&uid)) {
            Some(Due::Made(_)) => Some(true),
            Some(Due::Of(_)) => Some(false),
            None => None,
        };
        // The writer's lock keeps them waiting.
        let (first, second) = (append("one"), append("two"));
        let writer = inbox.writer.lock();
        let waits = [is_made(first), is_made(second)];
        let found = Summaries::new(inbox.clone()).one(second).unwrap().unwrap();
        if waits == [Some(false), Some(false)] {
            assert_eq!([is_made(first), is_made(second)], [Some(false), Some(true)]);
            assert!(stored(&store, inbox.id()).is_empty());
        }
        drop(writer);
        let bytes = || owed.state.lock().bytes;
        manager.settle();
        assert_eq!((is_made(first), is_made(second), bytes()), (None, None, 0));
        assert_eq!(stored(&store, inbox.id()), [first, second]);
        let (account, id) = inbox.key();
        assert_eq!(store.structure(account, id, second).unwrap(), Some(found));
        // By itself, after a while.
        let third = append("three");
        while stored(&store, inbox.id()).len() < 3 {
            std::thread::sleep(PAUSE / 10);
        }
        assert_eq!(Summaries::new(inbox.clone()).one(third).unwrap(), store.structure(account, id, third).unwrap());
    }

    /// Whoever looks at the store as a whole waits for what waits then, not for what comes meanwhile.
    #[test]
    fn to_settle_is_not_to_wait_for_others() {
        let store = Store::with_engine(Arc::new(Memory::default())).unwrap();
        let (_manager, owner) = joe(&store);
        owner.create(&MailboxName::new("other").unwrap(), &[]).unwrap();
        let (inbox, other) = (mailbox(&owner, "INBOX"), mailbox(&owner, "other"));
        let owed = &inbox.shared.owed;
        let made = |n: u32| (Uid::new(n).unwrap(), Due::Made(Value::from("x")));
        // Of messages that are not there nothing is written, but they are looked for.
        owed.give(&inbox, [made(1)]);
        let (blocked, (tell, told)) = (other.writer.lock(), std::sync::mpsc::channel());
        std::thread::scope(|scope| {
            let first = inbox.writer.lock();
            scope.spawn(move || {
                owed.settle();
                tell.send(()).unwrap();
            });
            while owed.state.lock().settling == 0 {
                std::thread::yield_now();
            }
            owed.give(&other, [made(1)]);
            drop(first);
            let settled = told.recv_timeout(Duration::from_secs(30));
            assert!(owed.state.lock().has(other.key(), Uid::MIN));
            drop(blocked);
            settled.expect("it waits for what came later");
        });
    }
}

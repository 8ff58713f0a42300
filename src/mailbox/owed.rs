//! Summaries that are still to be written into the store.
//!
//! COPY and MOVE of many messages are acknowledged when the copies are durable. Their summaries are many times the octets,
//! and can be made again from the messages: they are written behind that, by a thread that is there while there are any,
//! in commits so small that nobody waits long for one. Until then who asks for them finds them here. Where the server is
//! killed meanwhile, they are made anew when they are asked for, as is any summary that the store has lost.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Condvar;

use super::change::Change;
use super::locks::Owing;
use super::mailbox::Mailbox;
use crate::store::Value;
use crate::types::{AccountId, MailboxId, Uid};

/// Summaries of one commit.
const STEP: usize = 256;

/// Octets that wait at most; who owes more waits for room.
const WAITING_BYTES: usize = 64 << 20;

#[derive(Default)]
pub(super) struct Owed {
    state: Owing,
    /// Something has been written.
    written: Condvar,
}

#[derive(Default)]
pub(super) struct OwedState {
    /// The first stays until it has been written.
    waiting: VecDeque<Job>,
    bytes: usize,
    has_thread: bool,
}

/// Summaries of one mailbox, ascending.
#[derive(Clone)]
struct Job {
    mailbox: Arc<Mailbox>,
    summaries: Arc<[(Uid, Value)]>,
}

impl Job {
    fn bytes(&self) -> usize {
        self.summaries.iter().map(|(_, value)| value.len()).sum()
    }
}

impl Owed {
    /// Has the summaries of messages written, which are in the mailbox already; ascending.
    pub(super) fn give(self: &Arc<Self>, mailbox: &Arc<Mailbox>, summaries: &[(Uid, Value)]) {
        let mut state = self.state.lock();
        for step in summaries.chunks(STEP) {
            while state.bytes > WAITING_BYTES && state.has_thread {
                self.written.wait(&mut state);
            }
            let job = Job { mailbox: mailbox.clone(), summaries: step.into() };
            state.bytes += job.bytes();
            state.waiting.push_back(job);
            if !std::mem::replace(&mut state.has_thread, true) {
                let own = self.clone();
                let thread = std::thread::Builder::new().name("summaries".into()).stack_size(512 * 1024);
                if let Err(error) = thread.spawn(move || own.write()) {
                    log::warn!("a thread that writes summaries cannot be started: {error}");
                    parking_lot::MutexGuard::unlocked(&mut state, || self.write());
                }
            }
        }
    }

    /// Writes all that waits.
    fn write(&self) {
        let mut state = self.state.lock();
        while let Some(job) = state.waiting.front().cloned() {
            parking_lot::MutexGuard::unlocked(&mut state, || {
                let written = job.mailbox.commit(Change::Describe(job.summaries.to_vec()));
                // The messages are there: what cannot be written now is made when it is asked for.
                written.map(drop).unwrap_or_else(|error| log::debug!("writing summaries: {error}"));
            });
            state.waiting.pop_front();
            state.bytes -= job.bytes();
            self.written.notify_all();
        }
        state.has_thread = false;
    }

    /// Waits until all is written.
    pub(super) fn settle(&self) {
        let mut state = self.state.lock();
        while !state.waiting.is_empty() {
            self.written.wait(&mut state);
        }
    }

    /// The summary of a message, where it waits here.
    pub(super) fn find(&self, mailbox: (AccountId, MailboxId), uid: Uid) -> Option<Value> {
        let state = self.state.lock();
        let mut summaries = state.waiting.iter().filter(|job| job.mailbox.key() == mailbox).map(|job| &job.summaries);
        summaries.find_map(|of| of.binary_search_by_key(&uid, |(uid, _)| *uid).ok().map(|at| of[at].1.clone()))
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
}

//! Summaries that are still to be written into the store.
//!
//! What APPEND brings, and COPY or MOVE of many, is acknowledged when the messages are durable. Their summaries take a third
//! of an APPEND's time to make, and of copies they are many times the octets; all of them can be made again from the
//! messages. They are written behind that, by a thread, many at a time. Until then who asks for them finds them here. Where
//! the server is killed meanwhile, they are made anew when they are asked for, as is any summary that the store has lost.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, MutexGuard};

use super::debts::{Debts, Key};
use super::locks::Owing;
use super::mailbox::Mailbox;
use super::new_summary::Due;
use crate::store::Value;
use crate::types::Uid;

/// Octets that wait at most; who owes more waits for room.
const WAITING_BYTES: usize = 64 << 20;

/// With so many octets that wait nothing is waited for.
const PRESSING_BYTES: usize = 16 << 20;

/// How long the first that waits does, so that others are written with it.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the thread stays when nothing waits.
const LINGER: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct Owed {
    state: Owing,
    /// For the thread: something waits, or is pressing.
    wake: Condvar,
    /// Something has been written.
    written: Condvar,
}

#[derive(Default)]
pub(super) struct OwedState {
    debts: Debts,
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

impl OwedState {
    fn is_pressing(&self) -> bool {
        self.settling > 0 || self.debts.bytes() >= PRESSING_BYTES
    }
}

impl Owed {
    /// Has the summaries of messages written, which are in the mailbox already.
    pub(super) fn give(self: &Arc<Self>, mailbox: &Arc<Mailbox>, due: impl IntoIterator<Item = (Uid, Due)>) {
        let mut state = self.state.lock();
        for (uid, due) in due {
            while state.debts.bytes() > WAITING_BYTES && state.thread == Thread::Awake {
                self.written.wait(&mut state);
            }
            state.debts.add(mailbox, uid, due);
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
        let mut left = state.debts.all().count();
        while left > 0
            && let Some((mailbox, due)) = state.debts.next()
        {
            MutexGuard::unlocked(state, || {
                let summaries = due.iter().map(|(uid, due)| (*uid, due.made())).collect();
                let written = mailbox.write_summaries(summaries, Vec::new());
                // The messages are there: what cannot be written now is made when it is asked for.
                written.unwrap_or_else(|error| log::debug!("writing summaries: {error}"));
            });
            left = left.saturating_sub(due.len());
            state.debts.strike(mailbox.key(), &due);
            self.written.notify_all();
        }
    }

    /// Waits until all that waits now is written, whatever comes meanwhile.
    pub(super) fn settle(&self) {
        let mut state = self.state.lock();
        let mut waiting: Vec<(Key, Uid)> = state.debts.all().collect();
        state.settling += 1;
        self.wake.notify_one();
        while !waiting.is_empty() {
            self.written.wait(&mut state);
            waiting.retain(|(mailbox, uid)| state.debts.get(*mailbox, *uid).is_some());
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
        let found = self.state.lock().debts.get(mailbox, uid)?.clone();
        let summary = found.made();
        if let Due::Of(_) = found {
            self.state.lock().debts.learn(mailbox, uid, &summary);
        }
        Some(summary)
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
mod tests;

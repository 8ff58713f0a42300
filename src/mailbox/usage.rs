//! What an account's mail takes: the sums of its mailboxes, and the room that messages on their way have been promised.
//!
//! Invariants:
//! 1. A mailbox of which the sums may be old is suspected. Who is told by another server's hint that a mailbox has changed,
//!    or publishes what another server may have gone beyond, says so, and who asks for the sums reads it anew.
//! 2. Room is taken before a commit and given back after its outcome is in the sums: what has been acknowledged, and what may
//!    still be, is at most what is counted here. Between the two a message is counted twice, as what moves between two
//!    mailboxes is; nobody is refused for that, he waits.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, MutexGuard};

use super::locks::{SuspectedMailboxes, UsageLock};
use crate::store::MailboxHeader;
use crate::types::MailboxId;

/// How long somebody waits for what others have been promised, and may not use: a commit, and what a large message takes
/// before.
const ROOM_WAIT: Duration = Duration::from_secs(10);

/// What mailboxes have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) bytes: u64,
    pub(super) messages: u64,
    pub(super) kept_bytes: u64,
    pub(super) kept_messages: u64,
}

impl Sums {
    pub(super) fn of(header: &MailboxHeader) -> Sums {
        let all = header.sums.all();
        Sums {
            bytes: all.bytes,
            messages: all.messages.into(),
            kept_bytes: header.kept_bytes,
            kept_messages: header.kept_messages.into(),
        }
    }

    /// Of a mailbox that is deleted and kept.
    pub(super) fn of_deleted(header: &MailboxHeader) -> Sums {
        let Sums { bytes, messages, kept_bytes, kept_messages } = Sums::of(header);
        Sums { bytes: 0, messages: 0, kept_bytes: kept_bytes + bytes, kept_messages: kept_messages + messages }
    }

    fn add(&mut self, other: &Sums) {
        self.bytes += other.bytes;
        self.messages += other.messages;
        self.kept_bytes += other.kept_bytes;
        self.kept_messages += other.kept_messages;
    }

    fn remove(&mut self, other: &Sums) {
        self.bytes -= other.bytes;
        self.messages -= other.messages;
        self.kept_bytes -= other.kept_bytes;
        self.kept_messages -= other.kept_messages;
    }
}

/// What each mailbox of an account has, and all of them.
#[derive(Default)]
pub(super) struct Summed {
    pub(super) all: Sums,
    by_mailbox: HashMap<MailboxId, Sums>,
}

impl Summed {
    pub(super) fn set(&mut self, id: MailboxId, sums: Sums) {
        self.all.add(&sums);
        if let Some(before) = self.by_mailbox.insert(id, sums) {
            self.all.remove(&before);
        }
    }

    pub(super) fn knows(&self, id: MailboxId) -> bool {
        self.by_mailbox.contains_key(&id)
    }
}

/// What messages take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

impl Need {
    pub(super) fn and(self, other: Need) -> Need {
        Need { messages: self.messages.saturating_add(other.messages), bytes: self.bytes.saturating_add(other.bytes) }
    }

    fn without(self, other: Need) -> Need {
        Need { messages: self.messages.saturating_sub(other.messages), bytes: self.bytes.saturating_sub(other.bytes) }
    }
}

#[derive(Default)]
pub(super) struct UsageState {
    /// Nothing until somebody asks.
    pub(super) summed: Option<Summed>,
    /// By all who have room.
    taken: Need,
    /// Changes that are in the sums by half.
    halves: u32,
}

#[derive(Default)]
pub(super) struct Usage {
    state: UsageLock,
    /// For who waits: there may be room now.
    settled: Condvar,
    suspected: SuspectedMailboxes,
}

impl Usage {
    pub(super) fn lock(&self) -> MutexGuard<'_, UsageState> {
        self.state.lock()
    }

    /// Publishes a mailbox's new state; nobody sums up meanwhile.
    pub(super) fn change(&self, id: MailboxId, after: &MailboxHeader, publish: impl FnOnce()) {
        let mut state = self.lock();
        publish();
        if let Some(summed) = &mut state.summed {
            summed.set(id, Sums::of(after));
        }
    }

    /// Another server may have changed a mailbox.
    pub(super) fn suspect(&self, id: MailboxId) {
        self.suspected.lock().insert(id);
    }

    /// Those that are to be read anew. What is suspected from here on is for whoever asks next.
    pub(super) fn take_suspected(&self) -> impl Iterator<Item = MailboxId> + use<> {
        std::mem::take(&mut *self.suspected.lock()).into_iter()
    }

    /// Mailboxes have come or gone: it is summed up anew.
    pub(super) fn forget(&self) {
        self.lock().summed = None;
    }

    /// Until it is dropped a change may be in the sums by half.
    pub(super) fn by_half(&self) -> Half<'_> {
        self.lock().halves += 1;
        Half(self)
    }

    /// Takes room, where it `fits` into what `used` finds. `None` where it does not.
    pub(super) fn take_room<E>(
        &self,
        need: Need,
        mut used: impl FnMut(&mut UsageState) -> Result<Need, E>,
        fits: impl Fn(Need) -> bool,
    ) -> Result<Option<Room<'_>>, E> {
        let mut state = self.lock();
        let mut until = None;
        loop {
            let used = used(&mut state)?;
            let before = used.and(state.taken);
            if fits(before.and(need)) {
                state.taken = state.taken.and(need);
                return Ok(Some(Room { usage: self, need, before }));
            }
            let may_fit = state.halves > 0 || fits(used.and(need));
            let until = *until.get_or_insert_with(|| Instant::now() + ROOM_WAIT);
            if !may_fit || self.settled.wait_until(&mut state, until).timed_out() {
                return Ok(None);
            }
        }
    }

    fn settle(&self, change: impl FnOnce(&mut UsageState)) {
        change(&mut self.lock());
        self.settled.notify_all();
    }
}

/// Room that messages on their way have. It is held until they are published, or do not come.
#[must_use]
pub struct Room<'a> {
    usage: &'a Usage,
    need: Need,
    before: Need,
}

impl Room<'_> {
    /// What was taken before it, by mail and by others who have room.
    pub(super) fn before(&self) -> Need {
        self.before
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.usage.settle(|state| state.taken = state.taken.without(self.need));
    }
}

#[must_use]
pub(super) struct Half<'a>(&'a Usage);

impl Drop for Half<'_> {
    fn drop(&mut self) {
        self.0.settle(|state| state.halves -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(usage: &Usage, messages: u64, used: u64) -> Option<Room<'_>> {
        let used = |_: &mut UsageState| Ok::<_, ()>(Need { messages: used, bytes: 0 });
        usage.take_room(Need { messages, bytes: 1 }, used, |all| all.messages <= 10).unwrap()
    }

    /// Lets somebody who wants room for 3 wait, then does something; whether he got it.
    fn meanwhile(usage: &Usage, used: u64, done: impl FnOnce()) -> bool {
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| take(usage, 3, used).is_some());
            std::thread::sleep(Duration::from_millis(30));
            assert!(!waiting.is_finished());
            done();
            waiting.join().unwrap()
        })
    }

    #[test]
    fn who_would_fit_waits_for_what_becomes_of_others() {
        let usage = Usage::default();
        let (room, more) = (take(&usage, 4, 2), take(&usage, 4, 2));
        assert!(room.is_some() && more.is_some());
        assert_eq!(more.as_ref().unwrap().before(), Need { messages: 6, bytes: 1 });
        assert!(meanwhile(&usage, 2, || drop(room)));
        drop(more);
        assert_eq!(usage.lock().taken, Need::default());
    }

    #[test]
    fn who_would_not_fit_does_not_wait() {
        let usage = Usage::default();
        let _room = take(&usage, 1, 9).unwrap();
        // Who waits twice has waited; once, the machine may have stood still.
        let waits = (0..2).all(|_| {
            let before = Instant::now();
            assert!(take(&usage, 2, 9).is_none());
            before.elapsed() > ROOM_WAIT / 2
        });
        assert!(!waits);
    }

    /// What moves is counted in both mailboxes for a moment.
    #[test]
    fn nobody_is_refused_for_what_is_counted_twice() {
        let usage = Usage::default();
        let moved = std::cell::Cell::new(0);
        let half = usage.by_half();
        let mut asked = 0;
        let used = |_: &mut UsageState| {
            asked += 1;
            Ok::<_, ()>(Need { messages: if asked == 1 { 10 } else { 5 }, bytes: 0 })
        };
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(30));
                drop(half);
            });
            let need = Need { messages: 5, bytes: 0 };
            let room = usage.take_room(need, used, |all| all.messages <= 10).unwrap();
            moved.set(room.map_or(0, |room| room.need.messages));
        });
        assert_eq!((moved.get(), asked), (5, 2));
    }

    #[test]
    fn a_panic_gives_room_back() {
        let usage = Usage::default();
        let panic = std::panic::AssertUnwindSafe(|| {
            let _room = take(&usage, 10, 0).unwrap();
            panic!("on the way");
        });
        assert!(std::panic::catch_unwind(panic).is_err());
        assert!(take(&usage, 10, 0).is_some());
    }
}

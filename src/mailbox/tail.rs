//! Which of the messages that come stand in the store each by itself, and which in their page.
//!
//! A page has up to `PAGE_UIDS` messages. To write all of it for each that comes would be half of what an APPEND writes: the
//! last messages stand beside their page, the mailbox's tail, until something else in the page changes, or the next page
//! begins.
//!
//! Invariants:
//! 1. Only the page of the mailbox's last UID has messages beside it, and they are its last, all of `Tail`.
//! 2. A page that is written whole has none: what stood beside it goes by the same commit.

use super::draft::Draft;
use crate::store::{PageNo, Tail};
use crate::types::Uid;

/// Messages that one commit writes by themselves at most: of more their page takes less.
const ALONE_MAX: usize = 16;

/// What a commit does about the tail.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tailing {
    /// New messages that get no page.
    pub(super) alone: Vec<Uid>,
    /// Those that get into their page, and are no longer beside it.
    pub(super) folded: Tail,
}

impl Draft {
    /// Decides about the tail; the pages that must be written whole join the others.
    pub(super) fn plan_tail(&mut self) -> Tailing {
        let stored = self.snapshot.tail;
        let arrived = self.arrived.iter().copied().filter(|uid| self.snapshot.by_uid(*uid).is_some());
        let arrived: Vec<Uid> = arrived.collect();
        let last_page = arrived.last().map(|uid| PageNo::of(*uid)).or(stored.page());
        let alone = || arrived.iter().copied().filter(|uid| Some(PageNo::of(*uid)) == last_page);
        let is_whole = |page: Option<PageNo>| {
            page.is_some_and(|page| self.records.contains(&page) || self.flags.contains(&page))
        };
        let alone: Vec<Uid> = match is_whole(last_page) || alone().count() > ALONE_MAX {
            true => Vec::new(),
            false => alone().collect(),
        };
        let is_folded =
            is_whole(stored.page()) || stored.page() != last_page || (alone.is_empty() && !arrived.is_empty());
        let mut whole: Vec<PageNo> =
            arrived.iter().filter(|uid| !alone.contains(uid)).map(|uid| PageNo::of(*uid)).collect();
        let folded = if is_folded { stored } else { Tail::default() };
        whole.extend(folded.page());
        self.records.extend(whole.iter().copied());
        self.flags.extend(whole);
        self.snapshot.tail = match (alone.first(), alone.last()) {
            (Some(first), Some(last)) if is_folded || stored.is_empty() => Tail::new(*first, *last),
            (_, Some(last)) => stored.until(*last),
            _ if is_folded => Tail::default(),
            _ => stored,
        };
        Tailing { alone, folded }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Change, Limits, Mailbox, Manager, StoreMode};
    use super::*;
    use crate::store::{Batch, Checked, Durability, Engine, Memory, Mode, PAGE_UIDS, Partition, Reader, Store};
    use crate::types::{AccountName, Flag, InternalDate, MailboxName, SystemFlag, UidSet, Visibility};
    use std::sync::Arc;

    fn joe(store: &Store) -> (Manager, Arc<crate::mailbox::Account>, Arc<Mailbox>) {
        let manager = Manager::new(store.clone(), Limits::default());
        let account = manager.account(&AccountName::new("joe").unwrap()).unwrap();
        let mailbox = account.mailbox(&MailboxName::inbox()).unwrap();
        (manager, account, mailbox)
    }

    /// UIDs of the records that stand beside a page, as the engine has them.
    fn beside(engine: &Memory, mailbox: &Mailbox) -> Vec<u32> {
        let mut uids = Vec::new();
        let (account, id) = mailbox.key();
        engine
            .scan(Partition::Mailbox(account, id), b"a", b"b", &mut |key, _| {
                uids.push(u32::from_be_bytes(key[1..].try_into().unwrap()));
                Ok(())
            })
            .unwrap();
        uids
    }

    fn checked(store: &Store, mode: Mode) -> Vec<String> {
        let mut checked = Checked::default();
        let name = AccountName::new("joe").unwrap();
        let id = store.account(&name).unwrap().unwrap();
        store.check_account(&name, id, mode, &mut checked, &mut |_| Ok(())).unwrap();
        checked.findings.into_iter().map(|finding| finding.what).collect()
    }

    fn messages(mailbox: &Mailbox) -> Vec<(Uid, Vec<Flag>)> {
        let snapshot = mailbox.snapshot().unwrap();
        snapshot.load_all().unwrap();
        snapshot.messages().map(|message| (message.uid(), snapshot.flags_of(&message))).collect()
    }

    struct Room {
        engine: Arc<Memory>,
        store: Store,
        mailbox: Arc<Mailbox>,
        account: Arc<crate::mailbox::Account>,
        manager: Manager,
    }

    impl Room {
        fn new() -> Room {
            let engine = Arc::new(Memory::default());
            let store = Store::with_engine(engine.clone()).unwrap();
            let (manager, account, mailbox) = joe(&store);
            Room { engine, store, mailbox, account, manager }
        }

        fn append(&self, messages: u32) {
            let mut intake = self.account.intake(&self.mailbox).unwrap();
            let date = InternalDate { secs: 0, zone_mins: 0 };
            let next = self.mailbox.header().unwrap().uid_next;
            let octets = |n: u32| format!("Subject: {}\r\n\r\n", next + n).into_bytes();
            let messages = (0..messages).map(|n| intake.take(octets(n), Vec::new(), date).unwrap()).collect();
            self.mailbox.commit(Change::Append(messages)).unwrap();
        }

        fn flag(&self, flag: SystemFlag, uids: UidSet) {
            let (mode, flags, visibility) = (StoreMode::Add, vec![Flag::System(flag)], Visibility::ALL);
            let change = Change::Store { uids, mode, flags, unchanged_since: None, visibility };
            self.mailbox.commit(change).unwrap();
        }

        fn expunge(&self, uids: UidSet) {
            self.flag(SystemFlag::Deleted, uids.clone());
            self.mailbox.commit(Change::Expunge { among: Some(uids), visibility: Visibility::ALL }).unwrap();
        }

        /// What another server reads is what is in memory here, and nothing is found wrong.
        fn is_sound(&self) {
            let (_, _, again) = joe(&self.store);
            assert_eq!(messages(&again), messages(&self.mailbox));
            assert_eq!(again.snapshot().unwrap().tail, self.mailbox.snapshot().unwrap().tail);
            assert_eq!(checked(&self.store, Mode::Verify), [""; 0]);
            let (uids, tail) = (beside(&self.engine, &self.mailbox), self.mailbox.snapshot().unwrap().tail);
            assert_eq!(uids, tail.uids().map(Uid::get).collect::<Vec<_>>());
        }
    }

    fn one(uid: u32) -> UidSet {
        [Uid::new(uid).unwrap()].into_iter().collect()
    }

    #[test]
    fn few_messages_stand_beside_their_page_until_it_changes() {
        let room = Room::new();
        let tail = || beside(&room.engine, &room.mailbox);
        room.append(3);
        room.append(1);
        assert_eq!(tail(), [1, 2, 3, 4]);
        // Others are written by the page.
        room.append(ALONE_MAX as u32 + 1);
        assert_eq!(tail(), [0; 0]);
        room.append(2);
        assert_eq!(tail(), [22, 23]);
        room.flag(SystemFlag::Seen, one(7));
        assert_eq!(tail(), [0; 0]);
        room.append(1);
        room.expunge(one(24));
        assert_eq!(tail(), [0; 0]);
        room.append(1);
        assert_eq!(tail(), [25]);
        room.is_sound();
        // The next page begins, by one commit and by several.
        (26..=PAGE_UIDS).for_each(|_| room.append(1));
        assert_eq!(tail(), (25..=PAGE_UIDS).collect::<Vec<_>>());
        room.append(1);
        assert_eq!(tail(), [PAGE_UIDS + 1]);
        room.append(PAGE_UIDS + 3);
        assert_eq!(tail(), (2 * PAGE_UIDS + 1..=2 * PAGE_UIDS + 4).collect::<Vec<_>>());
        room.flag(SystemFlag::Seen, one(5));
        assert_eq!(tail().len(), 4);
        room.is_sound();
    }

    #[test]
    fn whatever_is_done_it_is_read_again() {
        let mut seed = 7u32;
        let mut next = |n: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) % n
        };
        let mut room = Room::new();
        for step in 0..400 {
            let last = room.mailbox.header().unwrap().uid_next;
            let mut among = |back: u32, most: u32| {
                let high = last.saturating_sub(next(back)).max(1);
                UidSet::from_ranges(vec![(high.saturating_sub(next(most)).max(1), high)])
            };
            let (few, many) = (among(3, 9), among(9, 30));
            match next(8) {
                0..4 => room.append(1),
                4 => room.append(next(40) + 1),
                5 => room.flag(SystemFlag::Flagged, few),
                6 => room.expunge(many),
                // A start.
                _ => (room.manager, room.account, room.mailbox) = joe(&room.store),
            }
            if step % 5 == 0 {
                room.is_sound();
            }
        }
        room.is_sound();
    }

    /// A message that stands in its page and beside it, or beside a page that is not the last, is found and mended.
    #[test]
    fn a_repair_puts_all_into_their_pages() {
        let room = Room::new();
        room.append(PAGE_UIDS - 2);
        room.append(2);
        let (account, id) = room.mailbox.key();
        let partition = Partition::Mailbox(account, id);
        let before = messages(&room.mailbox);
        let mut batch = Batch::new(partition, room.engine.version(partition).unwrap());
        let alone = room.engine.get(partition, &[&b"a"[..], &PAGE_UIDS.to_be_bytes()].concat()).unwrap().unwrap();
        for (kind, of) in [(b'r', &alone[..68]), (b'v', &alone[68..])] {
            let key = [kind, 0, 0, 0, 0];
            let page = room.engine.get(partition, &key).unwrap().unwrap();
            batch.put(key.to_vec(), [&page[..], of].concat());
        }
        room.engine.commit(vec![batch], Durability::Synced).unwrap();
        let twice = "messages stand beside their page that should be in it";
        assert_eq!(checked(&room.store, Mode::Verify), [twice]);
        assert_eq!(checked(&room.store, Mode::Repair(|read| crate::mailbox::describe(|take| read(take)))), [twice]);
        assert_eq!(checked(&room.store, Mode::Verify), [""; 0]);
        assert_eq!(beside(&room.engine, &room.mailbox), [0; 0]);
        let (_, _, again) = joe(&room.store);
        assert_eq!(messages(&again), before);
    }
}

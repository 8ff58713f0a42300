//! When a mailbox that remembers many expunges makes fewer of the oldest ones: what costs nothing while there are few.
//!
//! It is looked at in one of some hundred commits that expunge, by their MODSEQ: so it does not matter which server it is,
//! nor how long the mailbox has been open.

use super::commit::WriterState;
use super::mailbox::Mailbox;
use crate::store::{Commit, StoreError};
use crate::types::ModSeq;

/// One of so many, as a power of two.
const ONE_OF_BITS: u32 = 8;

/// Whether it is looked at after a commit of this MODSEQ. Whatever the step from one to the next is, all places of the
/// golden ratio's multiples are come to alike.
fn is_due(mod_seq: ModSeq) -> bool {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    mod_seq.0.wrapping_mul(GOLDEN) >> (u64::BITS - ONE_OF_BITS) == 0
}

impl Mailbox {
    /// After a commit that has expunged. What cannot be done now is done another time.
    pub(super) fn remember_less(&self, writer: &mut WriterState, mod_seq: ModSeq) {
        if is_due(mod_seq)
            && let Err(error) = self.put_vanished_together(writer)
        {
            log::warn!("what mailbox {} remembers of expunges: {error}", self.object_id());
        }
    }

    fn put_vanished_together(&self, writer: &mut WriterState) -> Result<(), StoreError> {
        let Some(together) = self.store.vanished_together(self.account, self.id)? else { return Ok(()) };
        let (account, mailbox, guard) = (self.account, self.id, writer.version);
        self.commit_derived(writer, Commit::VanishedTogether { account, mailbox, guard, together }).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::mailbox::sample::Sample;
    use crate::mailbox::{Change, StoreMode};
    use crate::store::{Batch, Checked, Durability, Engine, MailboxCommit, Memory, Mode, Partition, Reader, Store};
    use crate::types::{AccountName, SystemFlag, Uid, UidSet, Visibility};

    struct Room {
        engine: Arc<Memory>,
        store: Store,
        sample: Sample,
    }

    impl Room {
        fn new() -> Room {
            let engine = Arc::new(Memory::default());
            let store = Store::with_engine(engine.clone()).unwrap();
            Room { engine, sample: Sample::over(store.clone()), store }
        }

        fn partition(&self) -> Partition {
            let (account, mailbox) = self.sample.mailbox.key();
            Partition::Mailbox(account, mailbox)
        }

        /// Keys, and ranges of UIDs in them.
        fn remembered(&self) -> (usize, usize) {
            let (mut keys, mut octets) = (0, 0);
            self.engine
                .scan(self.partition(), b"x", b"y", &mut |_, value| {
                    (keys, octets) = (keys + 1, octets + value.len());
                    Ok(())
                })
                .unwrap();
            (keys, octets / 8)
        }

        fn there(&self) -> UidSet {
            let snapshot = self.sample.mailbox.snapshot().unwrap();
            snapshot.load_all().unwrap();
            snapshot.messages().map(|message| message.uid()).collect()
        }

        /// When it was, and what is there.
        fn now(&self) -> (ModSeq, UidSet) {
            (self.sample.mailbox.header().unwrap().highest_mod_seq, self.there())
        }

        fn vanished(&self, since: ModSeq) -> UidSet {
            let (account, mailbox) = self.sample.mailbox.key();
            self.store.vanished(account, mailbox, since).unwrap()
        }

        /// All of what is there: each then expunged by a commit of its own.
        fn delete_all(&self) {
            let uids: Vec<Uid> = self.there().uids().collect();
            self.sample.store(&uids, StoreMode::Add, SystemFlag::Deleted);
        }

        fn expunge(&self, uid: Uid) {
            let among = Some([uid].into_iter().collect());
            self.sample.mailbox.commit(Change::Expunge { among, visibility: Visibility::ALL }).unwrap();
        }

        fn findings(&self, mode: Mode) -> Vec<String> {
            let mut checked = Checked::default();
            let (name, (account, _)) = (AccountName::new("joe").unwrap(), self.sample.mailbox.key());
            self.store.check_account(&name, account, mode, &mut checked, &mut |_| Ok(())).unwrap();
            checked.findings.into_iter().map(|finding| finding.what).collect()
        }
    }

    const MESSAGES: usize = 6000;

    /// However many are expunged, one by one and anywhere, little is remembered; never too little, and of the last thousand
    /// exactly what was.
    #[test]
    fn what_is_remembered_is_bounded_and_never_too_little() {
        let room = Room::new();
        room.sample.append(&vec!["x"; MESSAGES]);
        room.delete_all();
        let mut uids: Vec<Uid> = room.there().uids().collect();
        let mut random = fastrand::Rng::with_seed(1);
        random.shuffle(&mut uids);
        let mut moments = vec![room.now()];
        let mut most = 0;
        for (n, uid) in uids.iter().enumerate() {
            room.expunge(*uid);
            most = most.max(room.remembered().0);
            if n % 500 == 499 {
                moments.push(room.now());
                let there = room.there();
                for (ago, (since, were_there)) in moments.iter().rev().enumerate() {
                    let (said, gone) = (room.vanished(*since), were_there.difference(&there));
                    assert!(gone.difference(&said).is_empty(), "after {n}: too few since {since:?}");
                    assert!(said.intersection(&there).is_empty(), "after {n}: told of what is there");
                    assert!(ago > 2 || said == gone, "after {n}: too many");
                }
            }
        }
        assert!(most < 3000, "{most}");
        // All have become neighbours.
        room.sample.append(&vec!["y"; 3000]);
        room.delete_all();
        room.there().uids().for_each(|uid| room.expunge(uid));
        let (keys, ranges) = room.remembered();
        assert!(keys < 3000 && ranges < keys + 3, "{keys} keys, {ranges} ranges");
        assert_eq!(room.vanished(ModSeq::ZERO).count(), MESSAGES as u64 + 3000);
        assert_eq!(room.findings(Mode::Verify), [""; 0]);
    }

    /// What an earlier version has left goes in steps.
    #[test]
    fn what_there_is_from_before_becomes_one() {
        let room = Room::new();
        let next = 100_000;
        room.sample.append(&vec!["x"; 3000]);
        room.delete_all();
        let (account, mailbox) = room.sample.mailbox.key();
        let guard = room.engine.version(room.partition()).unwrap();
        let mut header = room.sample.mailbox.header().unwrap();
        (header.highest_mod_seq, header.mod_seq_reserved) = (ModSeq(30_000), ModSeq(30_000));
        let commit = Commit::Mailbox(MailboxCommit::of_header(account, mailbox, guard, header));
        room.store.commit(vec![commit], Durability::Synced).unwrap();
        let mut batch = Batch::new(room.partition(), room.engine.version(room.partition()).unwrap());
        for n in 0..20_000u64 {
            let uid = next + 2 * n as u32;
            batch.put([&b"x"[..], &(n + 1).to_be_bytes()].concat(), [uid.to_be_bytes(); 2].concat());
        }
        room.engine.commit(vec![batch], Durability::Synced).unwrap();
        let sample = Sample::over(room.store.clone());
        let room = Room { sample, ..room };
        let before = room.vanished(ModSeq::ZERO);
        let uids: BTreeSet<Uid> = room.there().uids().collect();
        uids.into_iter().for_each(|uid| room.expunge(uid));
        assert!(room.remembered().0 < 3000, "{:?}", room.remembered());
        assert!(before.difference(&room.vanished(ModSeq::ZERO)).is_empty());
    }

    #[test]
    fn a_check_finds_what_is_remembered_wrongly() {
        let room = Room::new();
        let uids = room.sample.append(&["a", "b", "c", "d"]);
        room.sample.expunge(&uids[1..2]);
        let key = [&b"x"[..], &room.now().0.0.to_be_bytes()].concat();
        for harm in [vec![1, 2, 3], [1u32.to_be_bytes(), 3u32.to_be_bytes()].concat()] {
            let mut batch = Batch::new(room.partition(), room.engine.version(room.partition()).unwrap());
            batch.put(key.clone(), harm);
            room.engine.commit(vec![batch], Durability::Synced).unwrap();
            assert_eq!(room.findings(Mode::Verify).len(), 1);
            assert_eq!(room.findings(Mode::Repair(|read| crate::mailbox::describe(|take| read(take)))).len(), 1);
            assert_eq!(room.findings(Mode::Verify), [""; 0]);
            assert_eq!(room.vanished(ModSeq::ZERO).uids().collect::<Vec<_>>(), uids[1..2]);
        }
    }
}

//! What is owed is found, written and waited for.

use super::super::{
    Access, Account, Asked, Change, CopyMode, Limits, Manager, Order, Scores, Summaries, Target, View,
    searching::Found,
};
use super::*;
use crate::store::{Batch, Durability, Engine, Memory, Partition, Reader, Store};
use crate::sys::Bell;
use crate::types::{
    AccountId, AccountName, Comparator, InternalDate, MailboxId, MailboxName, Rights, SearchKey, SortKey, SortOrder,
    UidSet, Visibility,
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
        let message = owner.intake(&inbox).unwrap().take(octets, Vec::new(), InternalDate { secs: 0, zone_mins: 0 });
        inbox.commit(Change::Append(vec![message.unwrap()])).unwrap().appended[0]
    };
    let owed = &inbox.shared.owed;
    let is_made = |uid| match owed.state.lock().debts.get(inbox.key(), uid) {
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
    let bytes = || owed.state.lock().debts.bytes();
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
        assert!(owed.state.lock().debts.get(other.key(), Uid::MIN).is_some());
        drop(blocked);
        settled.expect("it waits for what came later");
    });
}

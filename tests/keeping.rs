//! What was expunged or deleted comes back for a while, and goes for good when that is over.

mod common;

use std::sync::Arc;

use common::contended::Contended;

use gatepost::mailbox::{
    Access, Account, Change, CopyMode, Expunges, Limits, MailboxError, Manager, Refusal, StoreMode, Target, View,
};
use gatepost::store::{
    Batch, Checked, Durability, Embedded, Engine, Memory, Mode, Options, Partition, Reader, Reference, Store,
};
use gatepost::sys::now_secs;
use gatepost::types::{
    AccountName, Flag, InternalDate, Keyword, MailboxName, Rights, SystemFlag, Uid, UidSet, Visibility,
};

const DAY: i64 = 86_400;

fn name(text: &str) -> MailboxName {
    MailboxName::new(text).unwrap()
}

fn append(account: &Account, mailbox: &str, text: &str) {
    let octets = format!("Subject: {text}\r\n\r\n{text}\r\n").into_bytes();
    let date = InternalDate { secs: 1_000_000, zone_mins: 60 };
    let mailbox = account.mailbox(&name(mailbox)).unwrap();
    let message =
        account.intake(&mailbox).unwrap().take(octets, vec![Flag::System(SystemFlag::Flagged)], date).unwrap();
    mailbox.commit(Change::Append(vec![message])).unwrap();
}

fn expunge_all(account: &Account, mailbox: &str) {
    let mailbox = account.mailbox(&name(mailbox)).unwrap();
    let uids: UidSet = mailbox.snapshot().unwrap().messages().map(|message| message.uid()).collect();
    let flags = vec![Flag::System(SystemFlag::Deleted)];
    mailbox
        .commit(Change::Store {
            uids,
            mode: StoreMode::Add,
            flags,
            unchanged_since: None,
            visibility: Visibility::ALL,
        })
        .unwrap();
    mailbox.commit(Change::Expunge { among: None, visibility: Visibility::ALL }).unwrap();
}

fn subjects(account: &Account, mailbox: &str) -> Vec<String> {
    let mailbox = account.mailbox(&name(mailbox)).unwrap();
    let snapshot = mailbox.snapshot().unwrap();
    let text = |message: gatepost::mailbox::Message| {
        let octets = mailbox.octets_of(message.blob(), 9..u64::MAX).unwrap();
        format!("{} {}", message.uid(), String::from_utf8(octets).unwrap().lines().next().unwrap())
    };
    snapshot.messages().map(text).collect()
}

fn nothing_wrong(store: &Store) {
    let mut checked = Checked::default();
    for (name, id) in store.accounts().unwrap() {
        store.check_account(&name, id, Mode::Verify, &mut checked, &mut |_| Ok(())).unwrap();
    }
    assert_eq!(checked.findings, []);
}

fn on_each(test: impl Fn(Store)) {
    test(Store::memory());
    test(Store::with_engine(Arc::new(Contended::default())).unwrap());
    let directory = tempfile::tempdir().unwrap();
    test(Store::open(directory.path(), &Options::default()).unwrap());
}

fn account(store: &Store, keep_expunged_secs: u64) -> (Manager, Arc<Account>) {
    let manager = Manager::new(store.clone(), Limits { keep_expunged_secs, ..Limits::default() });
    let account = manager.account(&AccountName::new("joe").unwrap()).unwrap();
    (manager, account)
}

#[test]
fn expunged_messages_come_back() {
    on_each(|store| {
        let (_, joe) = account(&store, 7 * DAY as u64);
        ["a", "b"].iter().for_each(|text| append(&joe, "INBOX", text));
        expunge_all(&joe, "INBOX");
        append(&joe, "INBOX", "c");
        nothing_wrong(&store);
        assert_eq!(joe.undelete(None, now_secs() + 60, &mut |_| Ok(())).unwrap().messages, 0);
        assert_eq!(joe.undelete(Some(&name("INBOX")), 0, &mut |_| Ok(())).unwrap().messages, 2);
        assert_eq!(subjects(&joe, "INBOX"), ["3 c", "4 a", "5 b"]);
        let snapshot = joe.mailbox(&name("INBOX")).unwrap().snapshot().unwrap();
        let back = snapshot.messages().last().unwrap();
        assert_eq!(snapshot.flags_of(&back), [Flag::System(SystemFlag::Flagged)]);
        assert_eq!(back.internal_date().secs, 1_000_000);
        assert_eq!(joe.undelete(None, 0, &mut |_| Ok(())).unwrap().messages, 0);
        nothing_wrong(&store);
    });
}

#[test]
fn deleted_mailboxes_come_back() {
    on_each(|store| {
        let (_, joe) = account(&store, 7 * DAY as u64);
        joe.create(&name("a/b"), &[]).unwrap();
        append(&joe, "a/b", "x");
        let before = joe.mailbox(&name("a/b")).unwrap().header().unwrap();
        joe.delete(&name("a/b")).unwrap();
        joe.delete(&name("a")).unwrap();
        assert!(joe.mailbox(&name("a/b")).is_err());
        nothing_wrong(&store);
        assert_eq!(joe.undelete(None, 0, &mut |_| Ok(())).unwrap().mailboxes, [name("a/b")]);
        assert_eq!(subjects(&joe, "a/b"), ["1 x"]);
        assert_eq!(joe.mailbox(&name("a/b")).unwrap().header().unwrap().uid_validity, before.uid_validity);
        joe.delete(&name("a/b")).unwrap();
        joe.create(&name("a/b"), &[]).unwrap();
        assert_eq!(joe.undelete(None, 0, &mut |_| Ok(())).unwrap().mailboxes, [name("a/b (undeleted 1)")]);
        nothing_wrong(&store);
    });
}

#[test]
fn what_is_old_goes_for_good() {
    on_each(|store| {
        let (manager, joe) = account(&store, 7 * DAY as u64);
        joe.create(&name("gone"), &[]).unwrap();
        append(&joe, "gone", "x");
        append(&joe, "INBOX", "y");
        expunge_all(&joe, "INBOX");
        joe.delete(&name("gone")).unwrap();
        manager.purge(now_secs() + 6 * DAY).unwrap();
        assert_eq!(joe.tree().deleted().len(), 1);
        manager.purge(now_secs() + 9 * DAY).unwrap();
        assert_eq!(joe.tree().deleted().len(), 0);
        let undeleted = joe.undelete(None, 0, &mut |_| Ok(())).unwrap();
        assert_eq!((undeleted.mailboxes.len(), undeleted.messages), (0, 0));
        assert_eq!(store.due(u32::MAX).unwrap(), []);
        nothing_wrong(&store);
    });
}

/// What is kept of one mailbox cannot be read: that of others is given up all the same, and its own when it can be.
#[test]
fn a_mailbox_that_cannot_be_purged_keeps_no_other_from_it() {
    let engine = Arc::new(Memory::default());
    let store = Store::with_engine(engine.clone()).unwrap();
    let (manager, joe) = account(&store, 7 * DAY as u64);
    joe.create(&name("other"), &[]).unwrap();
    for mailbox in ["INBOX", "other"] {
        append(&joe, mailbox, mailbox);
        expunge_all(&joe, mailbox);
    }
    let inbox = joe.mailbox(&name("INBOX")).unwrap().key();
    let partition = Partition::Mailbox(inbox.0, inbox.1);
    let write = |value: Option<&[u8]>| {
        let mut batch = Batch::new(partition, engine.version(partition).unwrap());
        batch.writes.push(([&b"e"[..], &[0; 12]].concat(), value.map(Into::into)));
        engine.commit(vec![batch], Durability::Synced).unwrap();
    };
    write(Some(b"?"));
    let later = now_secs() + 9 * DAY;
    manager.purge(later).unwrap_err();
    let due = store.due(u32::MAX).unwrap();
    assert_eq!(due.iter().map(|due| (due.account, due.mailbox)).collect::<Vec<_>>(), [inbox]);
    let other = joe.mailbox(&name("other")).unwrap();
    assert_eq!(other.header().unwrap().kept_messages, 0);
    write(None);
    let (manager, joe) = account(&store, 7 * DAY as u64);
    manager.purge(later).unwrap();
    assert_eq!(
        (store.due(u32::MAX).unwrap(), joe.mailbox(&name("INBOX")).unwrap().header().unwrap().kept_messages),
        (vec![], 0)
    );
}

/// A deleted mailbox of which a page is garbled is given up all the same, with its octets; one that cannot be given up locks
/// nobody out.
#[test]
fn a_deleted_mailbox_that_is_damaged_is_in_nobodys_way() {
    let engine = Arc::new(Memory::default());
    let store = Store::with_engine(engine.clone()).unwrap();
    let (_manager, joe) = account(&store, 0);
    joe.create(&name("gone"), &[]).unwrap();
    append(&joe, "INBOX", "stays");
    append(&joe, "gone", "x");
    let gone = joe.mailbox(&name("gone")).unwrap().key();
    let partition = Partition::Mailbox(gone.0, gone.1);
    let write = |key: &[u8], value: &[u8]| {
        let mut batch = Batch::new(partition, engine.version(partition).unwrap());
        batch.writes.push((key.to_vec(), Some(value.into())));
        engine.commit(vec![batch], Durability::Synced).unwrap();
    };
    write(&[&b"r"[..], &[0; 4]].concat(), b"?");
    joe.delete(&name("gone")).unwrap();
    for _ in 0..2 {
        let (_manager, joe) = account(&store, 0);
        assert_eq!(subjects(&joe, "INBOX"), ["1 stays"]);
    }
    let mut left = Vec::new();
    engine.references(gone.0, &mut |reference| Ok(left.push(reference.mailbox))).unwrap();
    assert_eq!(left.len(), 1);
    assert!(!left.contains(&gone.1));
    assert_eq!(engine.collect(u64::MAX, 10).unwrap().deleted, 1);
    let mut keys = 0;
    engine.scan(partition, &[1], &[0xff], &mut |_, _| Ok(keys += 1)).unwrap();
    assert_eq!(keys, 0);
}

/// A message whose octets are lost stays kept, is counted, and keeps no other from coming back.
#[test]
fn what_has_lost_its_octets_keeps_nothing_else_away() {
    let engine = Arc::new(Memory::default());
    let store = Store::with_engine(engine.clone()).unwrap();
    let (_, joe) = account(&store, 7 * DAY as u64);
    ["a", "b", "c"].iter().for_each(|text| append(&joe, "INBOX", text));
    let inbox = joe.mailbox(&name("INBOX")).unwrap();
    let blob = inbox.snapshot().unwrap().by_uid(Uid::new(2).unwrap()).unwrap().blob();
    expunge_all(&joe, "INBOX");
    let (account, mailbox) = inbox.key();
    let mut batch = Batch::new(Partition::Account(account), engine.version(Partition::Account(account)).unwrap());
    batch.removed.push(Reference { blob, account, mailbox, uid: Uid::new(2).unwrap() });
    engine.commit(vec![batch], Durability::Synced).unwrap();
    assert_eq!(engine.collect(u64::MAX, 10).unwrap().deleted, 1);
    let undeleted = joe.undelete(None, 0, &mut |_| Ok(())).unwrap();
    assert_eq!((undeleted.messages, undeleted.unread), (2, 1));
    assert_eq!(subjects(&joe, "INBOX"), ["4 a", "5 c"]);
    let again = joe.undelete(None, 0, &mut |_| Ok(())).unwrap();
    assert_eq!((again.messages, again.unread), (0, 1));
    let mut checked = Checked::default();
    store
        .check_account(&AccountName::new("joe").unwrap(), account, Mode::Verify, &mut checked, &mut |_| Ok(()))
        .unwrap();
    let found: Vec<&str> = checked.findings.iter().map(|found| found.what.as_str()).collect();
    assert_eq!(found, ["message UID 2, expunged and kept: its octets are lost"]);
}

#[test]
fn nothing_is_kept_where_the_admin_wants_so() {
    on_each(|store| {
        let (_, joe) = account(&store, 0);
        joe.create(&name("gone"), &[]).unwrap();
        append(&joe, "gone", "x");
        append(&joe, "INBOX", "y");
        expunge_all(&joe, "INBOX");
        joe.delete(&name("gone")).unwrap();
        let undeleted = joe.undelete(None, 0, &mut |_| Ok(())).unwrap();
        assert_eq!((undeleted.mailboxes.len(), undeleted.messages), (0, 0));
        nothing_wrong(&store);
    });
}

/// What is given up gives its room back, and not before: neither while it is kept, nor while another message has the same
/// octets.
#[test]
fn room_comes_back() {
    let engine = Arc::new(Memory::default());
    let store = Store::with_engine(engine.clone()).unwrap();
    let (manager, joe) = account(&store, 7 * DAY as u64);
    joe.create(&name("gone"), &[]).unwrap();
    append(&joe, "gone", "x");
    ["y", "z"].iter().for_each(|text| append(&joe, "INBOX", text));
    let blobs = |mailbox: &str| -> Vec<_> {
        let snapshot = joe.mailbox(&name(mailbox)).unwrap().snapshot().unwrap();
        snapshot.messages().map(|message| message.blob()).collect()
    };
    let all = [blobs("gone"), blobs("INBOX")].concat();
    joe.create(&name("other"), &[]).unwrap();
    append(&joe, "other", "z");
    expunge_all(&joe, "INBOX");
    joe.delete(&name("gone")).unwrap();
    let left = || {
        engine.collect(u64::MAX, 100).unwrap();
        all.iter().filter(|blob| engine.read_chunk(joe.id(), **blob, 0).unwrap().is_some()).count()
    };
    manager.purge(now_secs() + 6 * DAY).unwrap();
    assert_eq!(left(), 3);
    manager.purge(now_secs() + 9 * DAY).unwrap();
    assert_eq!(left(), 1);
    assert_eq!(subjects(&joe, "other"), ["1 z"]);
    nothing_wrong(&store);
}

/// Another server has deleted a mailbox, and this one has not heard of it: nothing more is put into it; and when it is back, it
/// is as it was.
#[test]
fn a_mailbox_deleted_elsewhere_takes_nothing() {
    for keep_expunged_secs in [7 * DAY as u64, 0] {
        // No hint comes from an engine that thinks it is alone.
        let store = Store::memory();
        let ((_a, here), (_b, there)) = (account(&store, keep_expunged_secs), account(&store, keep_expunged_secs));
        here.create(&name("a"), &[]).unwrap();
        append(&here, "a", "x");
        let mailbox = here.mailbox(&name("a")).unwrap();
        mailbox.snapshot().unwrap();
        // That meets a conflict, and reads the tree anew.
        there.subscribe("anything").unwrap();
        there.delete(&name("a")).unwrap();
        let take = |text: &str| {
            let octets = format!("Subject: {text}\r\n\r\n").into_bytes();
            let date = InternalDate { secs: 0, zone_mins: 0 };
            let message = here.intake(&mailbox).unwrap().take(octets, Vec::new(), date).unwrap();
            mailbox.commit(Change::Append(vec![message]))
        };
        assert!(matches!(take("y"), Err(MailboxError::Refused(Refusal::NonExistent))));
        assert!(mailbox.snapshot().unwrap().is_empty(), "its sessions see it empty");
        nothing_wrong(&store);
        if keep_expunged_secs > 0 {
            assert_eq!(there.undelete(None, 0, &mut |_| Ok(())).unwrap().mailboxes, [name("a")]);
            assert_eq!(subjects(&there, "a"), ["1 x"]);
            append(&here, "a", "z");
            append(&there, "a", "w");
            assert_eq!(subjects(&there, "a"), ["1 x", "2 z", "3 w"]);
            nothing_wrong(&store);
        }
    }
}

/// A view shows messages that another session has expunged, and whose summaries it has read. They can be copied as long as
/// their octets are there, which then stay; afterwards the copy is refused, and no message comes that cannot be read.
#[test]
fn a_copy_of_what_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(directory.path(), &Options::default()).unwrap();
    let engines: [Arc<dyn Engine>; 3] = [Arc::new(Memory::default()), Arc::new(Contended::default()), embedded];
    for engine in engines {
        let store = Store::with_engine(engine.clone()).unwrap();
        let (_, joe) = account(&store, 0);
        joe.create(&name("copies"), &[]).unwrap();
        ["x", "y"].iter().for_each(|text| append(&joe, "INBOX", text));
        let bell = Arc::new(gatepost::sys::Bell::new().unwrap());
        let inbox = joe.mailbox(&MailboxName::inbox()).unwrap();
        let view = View::open(inbox, Access::ReadWrite, Visibility::ALL, bell).unwrap();
        assert!(view.summaries().next(Uid::new(1).unwrap()).unwrap().is_some());
        expunge_all(&joe, "INBOX");
        let target = joe.mailbox(&name("copies")).unwrap();
        let copy = |uid: u32, mode| {
            let to = Target { owner: &joe, mailbox: &target, rights: Rights::ALL };
            view.copy(&[Uid::new(uid).unwrap()].into_iter().collect(), &to, mode, None, &mut |_, _| {})
        };
        assert!(copy(1, CopyMode::Copy).unwrap().is_some());
        engine.collect(u64::MAX, 100).unwrap();
        assert_eq!(subjects(&joe, "copies"), ["1 x"]);
        assert!(matches!(copy(2, CopyMode::Copy), Err(MailboxError::Refused(Refusal::Expunged))));
        assert!(!matches!(copy(2, CopyMode::Move), Ok(Some(_))));
        append(&joe, "copies", "z");
        assert_eq!(subjects(&joe, "copies"), ["1 x", "2 z"]);
        nothing_wrong(&store);
    }
}

/// `undelete --since`: by a date, and by how long ago.
#[test]
fn undelete_goes_back_so_far() {
    let server = common::Server::start("");
    let mut client = server.user("user1");
    for text in ["one", "two"] {
        client.append("INBOX", format!("Subject: {text}\r\n\r\n{text}\r\n").as_bytes()).unwrap();
    }
    client.ok("SELECT INBOX");
    client.ok("STORE 1:* +FLAGS (\\Deleted)");
    client.ok("EXPUNGE");
    let undelete = |since: &str| {
        let output = server.ctl(&["--json", "undelete", "--account", "user1", "--since", since]);
        serde_json::from_slice::<serde_json::Value>(&output.stdout).ok().map(|of| of["messages"].as_u64().unwrap())
    };
    assert_eq!(undelete("soon"), None);
    assert_eq!(undelete("2999-01-01"), Some(0));
    assert_eq!(undelete("2999-01-01 12:00"), Some(0));
    assert_eq!(undelete("1h"), Some(2));
    assert_eq!(undelete("1999-01-01"), Some(0), "they are back");
    assert!(client.ok("STATUS INBOX (MESSAGES)").iter().any(|line| line.contains("MESSAGES 2")));
}

/// Keywords that have no bit in the index, those of hundreds of messages: stored, found again by a new process, expunged and
/// brought back, copied to another store. RFC 9051 2.3.2
#[test]
fn any_number_of_keywords_is_kept() {
    on_each(|store| {
        let keyword = |n: usize| Flag::Keyword(Keyword::new(&format!("keyword-{n}")).unwrap());
        let names = |account: &Account, uid: u32| -> Vec<String> {
            let inbox = account.mailbox(&MailboxName::inbox()).unwrap().snapshot().unwrap();
            let message = inbox.by_uid(Uid::new(uid).unwrap()).unwrap();
            inbox.flags_of(&message).iter().skip(1).map(ToString::to_string).collect()
        };
        let expected =
            |ids: &mut dyn Iterator<Item = usize>| -> Vec<String> { ids.map(|n| format!("keyword-{n}")).collect() };
        {
            let (_manager, account) = account(&store, 7 * 86_400);
            (0..300).for_each(|n| append(&account, "INBOX", &format!("number {n}")));
            let inbox = account.mailbox(&MailboxName::inbox()).unwrap();
            let set = |uid: usize, mode, flags: Vec<Flag>| {
                let uids = [Uid::new(uid as u32).unwrap()].into_iter().collect();
                let (unchanged_since, visibility) = (None, Visibility::ALL);
                inbox.commit(Change::Store { uids, mode, flags, unchanged_since, visibility }).unwrap();
            };
            // Each message has one more than the one before, and the odd ones lose the even ones.
            (1..=300).for_each(|uid| set(uid, StoreMode::Add, (0..uid).map(keyword).collect()));
            (1..=300).step_by(2).for_each(|uid| {
                set(uid, StoreMode::Remove, (0..300).step_by(2).map(keyword).collect());
            });
            assert_eq!(inbox.snapshot().unwrap().keywords().len(), 300);
            assert_eq!(names(&account, 299), expected(&mut (1..299).step_by(2)));
        }
        let (_manager, account) = account(&store, 7 * 86_400);
        for uid in [1usize, 2, 117, 118, 119, 120, 121, 122, 255, 256, 257, 300] {
            let right = match uid % 2 {
                0 => expected(&mut (0..uid)),
                _ => expected(&mut (1..uid).step_by(2)),
            };
            assert_eq!(names(&account, uid as u32), right, "UID {uid}");
        }
        nothing_wrong(&store);
        expunge_all(&account, "INBOX");
        account.undelete(None, 0, &mut |_| Ok(())).unwrap();
        assert_eq!(names(&account, 600), expected(&mut (0..300)));
        assert_eq!(names(&account, 420), expected(&mut (0..120)));
        nothing_wrong(&store);
        let copy = Store::memory();
        store.copy_to(&copy, 1, &mut |_| Ok(())).unwrap();
        nothing_wrong(&copy);
        let (_manager, copied) = self::account(&copy, 0);
        assert_eq!(names(&copied, 600), expected(&mut (0..300)));
    });
}

/// One keyword more than `Maximum Keywords` is refused; those that no message has any more, nor one that is kept, make room
/// for others, and no message has one that it was not given.
#[test]
fn keywords_have_a_limit() {
    on_each(|store| keywords_make_room(store, 7 * 86_400));
    on_each(|store| keywords_make_room(store, 0));
}

fn keywords_make_room(store: Store, keep_expunged_secs: u64) {
    // What is not kept makes room for two more.
    let (is_kept, last) = (keep_expunged_secs > 0, if keep_expunged_secs > 0 { 336 } else { 338 });
    let limits = || Limits { keywords_max: 150, keep_expunged_secs, ..Limits::default() };
    let manager = Manager::new(store.clone(), limits());
    let joe = AccountName::new("joe").unwrap();
    let account = manager.account(&joe).unwrap();
    (0..3).for_each(|n| append(&account, "INBOX", &format!("number {n}")));
    let inbox = account.mailbox(&MailboxName::inbox()).unwrap();
    let keyword = |n: usize| Flag::Keyword(Keyword::new(&format!("k{n}")).unwrap());
    let set = |uid: u32, mode, range: std::ops::Range<usize>| {
        let uids = [Uid::new(uid).unwrap()].into_iter().collect();
        let (flags, visibility) = (range.map(keyword).collect(), Visibility::ALL);
        inbox.commit(Change::Store { uids, mode, flags, unchanged_since: None, visibility })
    };
    let refused = |result| matches!(result, Err(MailboxError::Refused(Refusal::TooManyKeywords)));
    let names = |account: &Account, uid: u32| -> Vec<String> {
        let snapshot = account.mailbox(&MailboxName::inbox()).unwrap().snapshot().unwrap();
        let flags = snapshot.flags_of(&snapshot.by_uid(Uid::new(uid).unwrap()).unwrap());
        flags.iter().skip(1).map(ToString::to_string).collect()
    };
    let expected = |ids: std::ops::Range<usize>| -> Vec<String> { ids.map(|n| format!("k{n}")).collect() };
    set(1, StoreMode::Add, 0..149).unwrap();
    assert!(refused(set(1, StoreMode::Add, 148..151)));
    set(1, StoreMode::Add, 149..150).unwrap();
    assert!(refused(set(2, StoreMode::Add, 150..151)));
    set(1, StoreMode::Add, 0..150).unwrap();
    assert_eq!(names(&account, 1), expected(0..150));

    // Two messages leave a view that may not hear of it; what they had makes room, but for what is kept.
    set(2, StoreMode::Add, 40..42).unwrap();
    set(3, StoreMode::Add, 50..51).unwrap();
    let bell = Arc::new(gatepost::sys::Bell::new().unwrap());
    let mut view = View::open(inbox.clone(), Access::ReadWrite, Visibility::ALL, bell).unwrap();
    set(1, StoreMode::Remove, 0..140).unwrap();
    inbox
        .commit(Change::Store {
            uids: [Uid::new(2).unwrap()].into_iter().collect(),
            mode: StoreMode::Add,
            flags: vec![Flag::System(SystemFlag::Deleted)],
            unchanged_since: None,
            visibility: Visibility::ALL,
        })
        .unwrap();
    inbox.commit(Change::Expunge { among: None, visibility: Visibility::ALL }).unwrap();
    // Known, in use by nothing, and asked for by what makes the room.
    set(3, StoreMode::Add, 139..140).unwrap();
    set(3, StoreMode::Remove, 139..140).unwrap();
    let uids: UidSet = [Uid::new(3).unwrap()].into_iter().collect();
    let flags = (139..140).chain(200..last).map(keyword).collect();
    let (mode, visibility) = (StoreMode::Add, Visibility::ALL);
    inbox.commit(Change::Store { uids, mode, flags, unchanged_since: None, visibility }).unwrap();
    assert_eq!(names(&account, 1), expected(140..150));
    let mut third = names(&account, 3);
    third.sort();
    let mut right = [expected(50..51), expected(139..140), expected(200..last)].concat();
    right.sort();
    assert_eq!(third, right);
    assert!(refused(set(3, StoreMode::Add, 400..401)));
    view.sync(Expunges::Hold).unwrap();
    let shown = view.shown();
    let second = shown.flags_of(&shown.by_uid(Uid::new(2).unwrap()).unwrap());
    let of_second = if is_kept { expected(40..42) } else { Vec::new() };
    assert_eq!(second.iter().skip(1).map(ToString::to_string).collect::<Vec<_>>(), of_second);
    drop((account, inbox, view, manager));
    let manager = Manager::new(store.clone(), limits());
    let account = manager.account(&joe).unwrap();
    assert_eq!(names(&account, 1), expected(140..150));
    if is_kept {
        account.undelete(None, 0, &mut |_| Ok(())).unwrap();
        assert_eq!(names(&account, 4), expected(40..42));
    }
    nothing_wrong(&store);
}

/// Two who bring back, or one that does while another gives up, do it once: on one server, and on two of one engine.
#[test]
fn what_comes_back_comes_once() {
    for servers in [1, 2] {
        let store = match servers {
            1 => Store::memory(),
            _ => Store::with_engine(Arc::new(Contended::default())).unwrap(),
        };
        let (here, joe) = account(&store, 7 * DAY as u64);
        let (there, other) = match servers {
            1 => (None, joe.clone()),
            _ => {
                let (manager, other) = account(&store, 7 * DAY as u64);
                (Some(manager), other)
            }
        };
        let other_manager = there.as_ref().unwrap_or(&here);
        joe.create(&name("kept"), &[]).unwrap();
        for round in 0..40 {
            append(&joe, "kept", "x");
            append(&joe, "INBOX", "y");
            expunge_all(&joe, "INBOX");
            joe.delete(&name("kept")).unwrap();
            let both: Vec<u64> = std::thread::scope(|scope| {
                let undelete = |account: &Arc<Account>| account.undelete(None, 0, &mut |_| Ok(())).unwrap().messages;
                [&joe, &other]
                    .map(|account| scope.spawn(move || undelete(account)))
                    .map(|asked| asked.join().unwrap())
                    .into()
            });
            assert_eq!(both.iter().sum::<u64>(), round + 1, "round {round}");
            let names: Vec<String> = joe.tree().nodes().map(|(name, _)| name.to_string()).collect();
            assert_eq!(names, ["INBOX", "kept"]);
            let there = ["kept", "INBOX"].map(|mailbox| subjects(&joe, mailbox).len() as u64);
            assert_eq!(there, [round + 1; 2]);
            nothing_wrong(&store);
        }
        // Whoever is first: it is back with all that it had, or it is gone.
        let (mut back, mut gone) = (0, 0);
        for round in 0..60 {
            let mailbox = format!("m{round}");
            joe.create(&name(&mailbox), &[]).unwrap();
            append(&joe, &mailbox, "x");
            append(&joe, "INBOX", "y");
            expunge_all(&joe, "INBOX");
            joe.delete(&name(&mailbox)).unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| joe.undelete(None, 0, &mut |_| Ok(())).unwrap());
                scope.spawn(|| other_manager.purge(now_secs() + 9 * DAY).unwrap());
            });
            match joe.tree().node(&name(&mailbox)).is_some() {
                true => {
                    assert_eq!(subjects(&joe, &mailbox).len(), 1, "{mailbox} is back without its message");
                    back += 1;
                }
                false => gone += 1,
            }
            nothing_wrong(&store);
        }
        println!("{servers} servers: {back} back, {gone} gone");
    }
}

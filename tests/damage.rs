//! Random octets of the store's files are flipped: what is read afterwards is right, or an error; never wrong, never a
//! panic. A check names what is lost, and what is not named can be read.
//!
//! Tried on broken code: with a check that does not read the octets of messages, it says nothing of messages that cannot
//! be read. What this test has found: fjall panics at a length in its journal that cannot be; that is an error now.

mod common;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use std::sync::Arc;

use gatepost::mailbox::{Change, Limits, MailboxError, Manager, StoreMode, describe};
use gatepost::store::{
    Batch, Checked, Compression, Durability, Engine, Finding, Memory, Mode, Options, Partition, Reader, Reference,
    Store, StoreError,
};
use gatepost::types::{
    AccountId, AccountName, BlobId, Flag, InternalDate, MailboxId, MailboxName, SystemFlag, Uid, UidSet, Visibility,
};

const OPTIONS: Options =
    Options { cache_bytes: 4 << 20, sync_always: false, free_bytes_min: 0, compression: Compression::None };
const MESSAGES: usize = 300;

fn message(n: usize) -> Vec<u8> {
    let line = format!("line of message {n}\r\n");
    format!("From: {n}@example.com\r\nSubject: number {n}\r\n\r\n{}", line.repeat(10 + n * 7 % 400)).into_bytes()
}

/// A store whose tables, and not only its journal, have mail in them.
fn fill(directory: &Path) -> HashMap<BlobId, Vec<u8>> {
    let manager = Manager::new(Store::open(directory, &OPTIONS).unwrap(), Limits::default());
    let account = manager.account(&AccountName::new("joe").unwrap()).unwrap();
    let inbox = account.mailbox(&MailboxName::inbox()).unwrap();
    let mut known = HashMap::new();
    for n in 0..MESSAGES {
        let date = InternalDate { secs: n as i64, zone_mins: 0 };
        let message = account.intake(&inbox).unwrap().take(message(n), Vec::new(), date).unwrap();
        known.insert(message.blob.id, self::message(n));
        inbox.commit(Change::Append(vec![message])).unwrap();
    }
    // A message of many chunks has the tables written out.
    let large = vec![b'x'; 9 << 20];
    let taken = account
        .intake(&inbox)
        .unwrap()
        .take(large.clone(), Vec::new(), InternalDate { secs: 0, zone_mins: 0 })
        .unwrap();
    known.insert(taken.blob.id, large);
    inbox.commit(Change::Append(vec![taken])).unwrap();
    known
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, &target).unwrap();
    }
}

/// Flips bits of `count` octets, in files chosen by their length.
fn damage(directory: &Path, count: usize, random: &mut fastrand::Rng) {
    let mut contents: Vec<(PathBuf, Vec<u8>)> =
        files(directory).into_iter().map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect();
    let total: usize = contents.iter().map(|(_, octets)| octets.len()).sum();
    for _ in 0..count {
        let mut at = random.usize(..total);
        for (_, octets) in &mut contents {
            if at < octets.len() {
                octets[at] ^= random.u8(1..);
                break;
            }
            at -= octets.len();
        }
    }
    contents.iter().for_each(|(path, octets)| std::fs::write(path, octets).unwrap());
}

/// How many messages could be read; all that could are right.
fn verified(store: &Store, known: &HashMap<BlobId, Vec<u8>>) -> Result<usize, MailboxError> {
    let manager = Manager::new(store.clone(), Limits::default());
    let Some(account) = manager.existing_account(&AccountName::new("joe").unwrap())? else { return Ok(0) };
    let inbox = account.mailbox(&MailboxName::inbox())?;
    let snapshot = inbox.snapshot()?;
    snapshot.load_all()?;
    let mut read = 0;
    for message in snapshot.messages() {
        if let Ok(octets) = inbox.octets_of(message.blob(), 0..u64::MAX) {
            assert!(known[&message.blob()] == octets, "UID {}: wrong octets", message.uid());
            read += 1;
        }
    }
    Ok(read)
}

fn check(store: &Store, mode: Mode) -> Result<Checked, StoreError> {
    let mut checked = Checked::default();
    for (name, id) in store.accounts()? {
        store.check_account(&name, id, mode, &mut checked, &mut |_| {})?;
    }
    Ok(checked)
}

#[test]
fn flipped_octets_are_never_taken_for_mail() {
    let whole = tempfile::tempdir().unwrap();
    let known = fill(whole.path());
    let mut random = fastrand::Rng::with_seed(7);
    let (mut refused, mut some_lost, mut all_read) = (0, 0, 0);
    for round in 0..common::rounds(40) {
        let directory = tempfile::tempdir().unwrap();
        copy(whole.path(), directory.path());
        damage(directory.path(), [1, 10, 300][round % 3], &mut random);
        let seen = catch_unwind(AssertUnwindSafe(|| -> Result<usize, MailboxError> {
            let store = Store::open(directory.path(), &OPTIONS)?;
            let checked = check(&store, Mode::Verify)?;
            let read = verified(&store, &known)?;
            let lost = MESSAGES + 1 - read;
            assert!(lost == 0 || !checked.findings.is_empty(), "round {round}: {lost} lost, and check says nothing");
            // A repair ends, whatever it finds.
            check(&store, Mode::Repair(|octets| describe(octets)))?;
            Ok(read)
        }));
        match seen {
            Ok(Ok(read)) if read == MESSAGES + 1 => all_read += 1,
            Ok(Ok(_)) => some_lost += 1,
            Ok(Err(_)) => refused += 1,
            Err(_) => panic!("round {round}: a panic"),
        }
    }
    println!("{all_read} stores whole, {some_lost} with lost messages, {refused} refused");
    assert!(some_lost + refused > 0, "nothing was damaged: not much of a test");
}

const INBOX: Partition = Partition::Mailbox(AccountId(1), MailboxId(1));

/// What is done to a store, what a check says of it, and whether it can be rebuilt.
type Harm = (&'static str, fn(&Memory), &'static str, bool);

/// Every kind of thing that a check looks at.
const HARMS: [Harm; 11] = [
    (
        "a summary is empty",
        |engine| write(engine, numbered(b't', 7), Some(b"")),
        "message UID 7: its summary cannot be read",
        true,
    ),
    (
        "a page of records is garbled",
        |engine| write(engine, numbered(b'r', 1), Some(b"?")),
        "messages 129 to 256",
        true,
    ),
    (
        "a page of flags is garbled",
        |engine| write(engine, numbered(b'v', 0), Some(b"?")),
        "128 messages without flags",
        true,
    ),
    ("an entry is gone", |engine| write(engine, numbered(b'd', 0), None), "the index does not agree", true),
    ("the header is garbled", |engine| write(engine, b"h".to_vec(), Some(b"?")), "header", true),
    ("the counts are wrong", count_one_more, "the counts do not agree", true),
    ("a reference is gone", |engine| refer(engine, &[], &[3]), "1 messages without a reference", true),
    ("a reference is of no message", |engine| refer(engine, &[5000], &[]), "1 references without a message", true),
    ("a digest is of no messages", |engine| write(engine, numbered(b'c', 77), Some(b"?")), "1 digests", true),
    (
        "a mailbox says that it is deleted",
        |engine| write(engine, b"z".to_vec(), Some(b"")),
        "says that it is deleted",
        true,
    ),
    ("octets are others", |engine| rot(engine, 3), "message UID 3: its octets are not what was stored", false),
];

fn numbered(kind: u8, n: u32) -> Vec<u8> {
    [&[kind][..], &n.to_be_bytes()].concat()
}

fn commit(engine: &Memory, change: impl FnOnce(&mut Batch)) {
    let mut batch = Batch::new(INBOX, engine.version(INBOX).unwrap());
    change(&mut batch);
    engine.commit(vec![batch], Durability::Synced).unwrap();
}

fn write(engine: &Memory, key: Vec<u8>, value: Option<&[u8]>) {
    commit(engine, |batch| batch.writes.push((key, value.map(Into::into))));
}

/// Messages are counted from octet 24 of a header on.
fn count_one_more(engine: &Memory) {
    let mut header = engine.get(INBOX, b"h").unwrap().unwrap().to_vec();
    header[27] += 1;
    write(engine, b"h".to_vec(), Some(&header));
}

fn blob(n: u32) -> BlobId {
    BlobId(*blake3::hash(&message(n as usize - 1)).as_bytes())
}

/// Adds and removes references to the octets of message 3, under UIDs.
fn refer(engine: &Memory, added: &[u32], removed: &[u32]) {
    let reference = |uid: &u32| Reference {
        blob: blob(3),
        account: AccountId(1),
        mailbox: MailboxId(1),
        uid: Uid::new(*uid).unwrap(),
    };
    commit(engine, |batch| {
        batch.added = added.iter().map(reference).collect();
        batch.removed = removed.iter().map(reference).collect();
    });
}

fn rot(engine: &Memory, n: u32) {
    engine.write_chunk(AccountId(1), blob(n), 0, b"something else").unwrap();
}

fn findings(store: &Store, mode: Mode) -> Vec<Finding> {
    check(store, mode).unwrap().findings
}

/// A store of 300 messages, the first 200 of them \Seen.
fn sound() -> (Arc<Memory>, Store) {
    let engine = Arc::new(Memory::default());
    let store = Store::with_engine(engine.clone()).unwrap();
    let manager = Manager::new(store.clone(), Limits::default());
    let account = manager.account(&AccountName::new("joe").unwrap()).unwrap();
    let inbox = account.mailbox(&MailboxName::inbox()).unwrap();
    let mut intake = account.intake(&inbox).unwrap();
    let date = InternalDate { secs: 0, zone_mins: 0 };
    let messages = (0..300).map(|n| intake.take(message(n), Vec::new(), date).unwrap()).collect();
    inbox.commit(Change::Append(messages)).unwrap();
    let (mut uids, flags, visibility) = (UidSet::new(), vec![Flag::System(SystemFlag::Seen)], Visibility::ALL);
    uids.push_range(1, 200);
    inbox.commit(Change::Store { uids, mode: StoreMode::Add, flags, unchanged_since: None, visibility }).unwrap();
    (engine, store)
}

/// A check finds each kind of damage; a repair rebuilds what can be rebuilt, names what cannot, and costs no message.
#[test]
fn what_a_check_finds_a_repair_rebuilds() {
    let repair = || Mode::Repair(|octets| describe(octets));
    for (what, harm, said, can_be_rebuilt) in HARMS {
        let (engine, store) = sound();
        assert_eq!(findings(&store, Mode::Verify), [], "before {what}");
        harm(&engine);
        let found = findings(&store, Mode::Verify);
        assert!(found.iter().any(|found| found.what.contains(said) && !found.repaired), "{what}: {found:?}");
        let repaired = findings(&store, repair());
        assert!(repaired.iter().all(|found| found.repaired == can_be_rebuilt), "{what}: {repaired:?}");
        let left = findings(&store, Mode::Verify);
        match can_be_rebuilt {
            true => assert_eq!(left, [], "after {what}"),
            false => assert!(left.iter().any(|found| found.what.contains(said)), "{what}: {left:?}"),
        }
        let manager = Manager::new(store.clone(), Limits::default());
        let account = manager.account(&AccountName::new("joe").unwrap()).unwrap();
        let snapshot = account.mailbox(&MailboxName::inbox()).unwrap().snapshot().unwrap();
        snapshot.load_all().unwrap();
        assert_eq!(snapshot.len(), 300, "after {what}");
        let seen = snapshot.messages().filter(|message| message.flags().has(SystemFlag::Seen)).count();
        assert_eq!(seen, if what.contains("flags") { 72 } else { 200 }, "after {what}");
    }
}

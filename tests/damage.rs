//! Random octets of the store's files are flipped: what is read afterwards is right, or an error; never wrong, never a
//! panic. A check names what is lost, and what is not named can be read.
//!
//! Tried on broken code: with a check that does not read the octets of messages, it says nothing of messages that cannot
//! be read. What this test has found: fjall panics at a length in its journal that cannot be; that is an error now.

mod common;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use gatepost::mailbox::{Change, Limits, MailboxError, Manager, describe};
use gatepost::store::{Checked, Compression, Mode, Options, Store, StoreError};
use gatepost::types::{AccountName, BlobId, InternalDate, MailboxName};

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

//! Random octets of the store's files are flipped: what is read afterwards is right, or an error; never wrong, never a
//! panic. A check names what is lost, and what is not named can be read.
//!
//! Tried on broken code: with a check that does not read the octets of messages, it says nothing of messages that cannot
//! be read. What this test has found: fjall panics at a length in its journal that cannot be; that is an error now.

mod common;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use std::sync::Arc;

use common::torn::Torn;
use gatepost::mailbox::{Change, Limits, Mailbox, MailboxError, Manager, StoreMode, describe};
use gatepost::store::{
    Batch, Checked, CommitError, Compression, Durability, Embedded, Engine, Finding, Memory, Mode, Options,
    Partition, Reader, Reference, Store, StoreError,
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

/// Octets of the large message, and changes of a mailbox before another begins: what is enough for the engine to write out
/// tables by itself in the long runs, and less where each round shall cost little.
fn sizes() -> (usize, usize) {
    if common::rounds(40) > 40 { (9 << 20, 2000) } else { (512 << 10, 20) }
}

/// Waits until the threads of a store that was closed have let go of it: until then its files may change.
fn closed(directory: &Path) {
    let lock = std::fs::OpenOptions::new().append(true).open(directory.join("lock")).unwrap();
    let is_free = || {
        lock.try_lock().is_ok() || {
            std::thread::sleep(std::time::Duration::from_millis(10));
            false
        }
    };
    assert!((0..3000).any(|_| is_free()), "the store is never let go of");
}

/// Has the engine write out what its journal has to tables, as it does by itself when there is more.
fn write_out(directory: &Path) {
    let db = fjall::Database::builder(directory).open().unwrap();
    for name in ["index", "chunks"] {
        let keyspace = db.keyspace(name, fjall::KeyspaceCreateOptions::default).unwrap();
        keyspace.rotate_memtable_and_wait().unwrap();
    }
    drop(db);
    closed(directory);
}

/// A store whose tables, and not only its journal, have mail in them.
fn fill(directory: &Path) -> HashMap<BlobId, Vec<u8>> {
    let known = fill_journal(directory);
    closed(directory);
    write_out(directory);
    known
}

fn fill_journal(directory: &Path) -> HashMap<BlobId, Vec<u8>> {
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
    // A message of many chunks.
    let large = vec![b'x'; sizes().0];
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

/// The mailbox that has the mail, though it may have lost its name.
fn inbox(store: &Store, manager: &Manager) -> Result<Option<Arc<Mailbox>>, MailboxError> {
    let Some((name, _)) = store.accounts()?.pop() else { return Ok(None) };
    let account = manager.account(&name)?;
    let found = [MailboxName::inbox(), MailboxName::new("Recovered-1").unwrap()].map(|name| account.mailbox(&name));
    let is_full = |mailbox: &Arc<Mailbox>| mailbox.header().is_ok_and(|header| header.sums.all().messages > 0);
    match found {
        [_, Ok(recovered)] if is_full(&recovered) => Ok(Some(recovered)),
        [inbox, _] => inbox.map(Some),
    }
}

/// The messages that could be read; all that could are right.
fn verified(store: &Store, known: &HashMap<BlobId, Vec<u8>>) -> Result<HashSet<BlobId>, MailboxError> {
    let manager = Manager::new(store.clone(), Limits::default());
    let Some(inbox) = inbox(store, &manager)? else { return Ok(HashSet::new()) };
    let snapshot = inbox.snapshot()?;
    snapshot.load_all()?;
    let mut read = HashSet::new();
    for message in snapshot.messages() {
        if let Ok(octets) = inbox.octets_of(message.blob(), 0..u64::MAX) {
            assert!(known[&message.blob()] == octets, "UID {}: wrong octets", message.uid());
            read.insert(message.blob());
        }
    }
    Ok(read)
}

fn check(store: &Store, mode: Mode) -> Result<Checked, StoreError> {
    let mut checked = Checked::default();
    for (name, id) in store.accounts()? {
        store.check_account(&name, id, mode, &mut checked, &mut |_| Ok(()))?;
    }
    Ok(checked)
}

#[test]
fn flipped_octets_are_never_taken_for_mail() {
    let whole = tempfile::tempdir().unwrap();
    let known = fill(whole.path());
    let mut random = fastrand::Rng::with_seed(7);
    let (mut refused, mut some_lost, mut all_read, mut repaired, mut kept) = (0, 0, 0, 0, 0);
    for round in 0..common::rounds(40) {
        let directory = tempfile::tempdir().unwrap();
        copy(whole.path(), directory.path());
        damage(directory.path(), [1, 10, 300][round % 3], &mut random);
        let seen = catch_unwind(AssertUnwindSafe(|| -> Result<usize, MailboxError> {
            let store = Store::open(directory.path(), &OPTIONS)?;
            let checked = check(&store, Mode::Verify)?;
            let read = verified(&store, &known)?.len();
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
        match catch_unwind(AssertUnwindSafe(|| repair(directory.path(), &known))) {
            Ok(Ok(read)) => (repaired, kept) = (repaired + 1, kept + read),
            Ok(Err(StoreError::Lost { .. })) => {}
            Ok(Err(error)) => panic!("round {round}: {error}"),
            Err(_) => panic!("round {round}: a panic in a repair"),
        }
    }
    let rounds = refused + some_lost + all_read;
    println!("{all_read} stores whole, {some_lost} with lost messages, {refused} refused");
    println!("a repair opens {repaired} of {rounds}, and {kept} messages of {}", repaired * (MESSAGES + 1));
    assert!(some_lost + refused > 0, "nothing was damaged: not much of a test");
}

/// The sections of a file of the engine's, and where each is; the whole of one that has none.
fn sections(octets: &[u8]) -> Vec<(String, usize, usize)> {
    let number = |at: usize, octets_of: usize| {
        octets[at..at + octets_of].iter().rev().fold(0, |number, octet| number << 8 | usize::from(*octet))
    };
    let last = octets.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
    let Some(end) = octets.len().checked_sub(38).filter(|end| octets[*end..].starts_with(b"SFA!")) else {
        return Vec::from_iter((last > 0).then(|| ("all".into(), 0, last)));
    };
    let contents = number(end + 22, 8);
    let (mut found, mut at) = (vec![("contents".to_string(), contents, end + 30 - contents)], contents + 8);
    for _ in 0..number(contents + 4, 4) {
        let name = number(at + 16, 2);
        let name_of = String::from_utf8_lossy(&octets[at + 18..at + 18 + name]).into_owned();
        found.push((name_of, number(at, 8), number(at + 8, 8)));
        at += 18 + name;
    }
    found.retain(|(_, _, octets)| *octets > 0);
    found
}

/// A copy whose files that never change are those of the original.
fn link(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        match file.iter().any(|part| part == "tables" || part == "blobs") {
            true => std::fs::hard_link(&file, &target).unwrap(),
            false => drop(std::fs::copy(&file, &target).unwrap()),
        }
    }
}

/// A store some of whose messages have been expunged, and that has changed so often since that all of its tables are there.
fn fill_tables(directory: &Path) -> HashMap<BlobId, Vec<u8>> {
    let known = fill(directory);
    change(directory, |inbox| {
        rewrite(inbox);
        store(inbox, EXPUNGED.start..EXPUNGED.end, StoreMode::Add, SystemFlag::Deleted);
        inbox.commit(Change::Expunge { among: None, visibility: Visibility::ALL }).unwrap();
        store(inbox, 1..8, StoreMode::Add, SystemFlag::Answered);
    });
    write_out(directory);
    change(directory, rewrite);
    known
}

fn change(directory: &Path, change: impl FnOnce(&Arc<Mailbox>)) {
    let manager = Manager::new(Store::open(directory, &OPTIONS).unwrap(), Limits::default());
    let account = manager.account(&AccountName::new("joe").unwrap()).unwrap();
    change(&account.mailbox(&MailboxName::inbox()).unwrap());
    drop((account, manager));
    closed(directory);
}

fn store(inbox: &Arc<Mailbox>, uids: std::ops::Range<u32>, mode: StoreMode, flag: SystemFlag) {
    let uids: UidSet = uids.filter_map(Uid::new).collect();
    let (flags, visibility) = (vec![Flag::System(flag)], Visibility::ALL);
    inbox.commit(Change::Store { uids, mode, flags, unchanged_since: None, visibility }).unwrap();
}

fn rewrite(inbox: &Arc<Mailbox>) {
    for time in 0..sizes().1 {
        store(inbox, 1..302, [StoreMode::Add, StoreMode::Remove][time % 2], SystemFlag::Flagged);
    }
}

/// UIDs.
const EXPUNGED: std::ops::Range<u32> = 100..120;

/// A mailbox as a client knows it: its UIDVALIDITY, and for each message its UID, MODSEQ, octets and flags.
type State = (u32, Vec<(u32, u64, BlobId, String)>);

fn state(store: &Store) -> Result<State, MailboxError> {
    let manager = Manager::new(store.clone(), Limits::default());
    let Some(inbox) = inbox(store, &manager)? else { return Ok((0, Vec::new())) };
    let snapshot = inbox.snapshot()?;
    snapshot.load_all()?;
    let messages = snapshot.messages().map(|message| {
        let flags = format!("{:?}", message.flags());
        (message.uid().get(), message.mod_seq().0, message.blob(), flags)
    });
    Ok((snapshot.header().uid_validity.get(), messages.collect()))
}

/// Messages that can be read after a repair; all that can are right.
fn repair(directory: &Path, known: &HashMap<BlobId, Vec<u8>>) -> Result<usize, StoreError> {
    mended(directory, known).map(|(_, read, _)| read.len())
}

/// A store that was opened for a repair, the messages in it that can be read, and what was said. The repair leaves nothing to
/// be done but for messages whose octets are lost.
fn mended(
    directory: &Path,
    known: &HashMap<BlobId, Vec<u8>>,
) -> Result<(Store, HashSet<BlobId>, Vec<Finding>), StoreError> {
    let mut heard = Vec::new();
    let is_journal = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "jnl");
    let journals: u64 =
        files(directory).iter().filter(|path| is_journal(path)).map(|path| path.metadata().unwrap().len()).sum();
    let (store, mended) = Store::open_mended(directory, &OPTIONS, &mut |have| heard.push(have))?;
    assert!(heard.is_sorted_by_key(|have| have.octets) && heard.iter().all(|have| have.of == heard[0].of));
    assert!(heard.len() > 3 && heard.iter().all(|have| have.octets <= have.of), "{heard:?}");
    assert!(heard.last().is_some_and(|last| last.octets > last.of / 2), "{heard:?}");
    // They are the first that are read.
    assert!(journals == 0 || heard.iter().any(|have| have.octets == journals), "{heard:?}");
    let (findings, doubtful) = (mended.findings.clone(), mended.doubtful.clone());
    let mut checked = Checked { findings, doubtful, ..Checked::default() };
    for (name, id) in store.accounts()? {
        store.check_account(&name, id, Mode::Repair(|octets| describe(octets)), &mut checked, &mut |_| Ok(()))?;
    }
    mended.done().unwrap();
    let read = verified(&store, known).unwrap_or_else(|error| panic!("{error}: {:?}", checked.findings));
    let left = check(&store, Mode::Verify)?.findings;
    assert!(left.iter().all(|found| found.what.starts_with("message")), "left after a repair: {left:?}");
    Ok((store, read, checked.findings))
}

/// One octet is flipped, in each part of each file. The store opens and has all that it had, or names the file and changes
/// nothing; a repair opens it in any case, and names what is lost. Whatever a mailbox is then, it is what it was, or has
/// another UIDVALIDITY.
///
/// Tried on broken code: where a repair leaves the UIDVALIDITY as it is, messages that were expunged are there again under
/// the UIDs that they had; where the journal is not looked at before fjall opens it, no file is named; where the list of
/// files is not, fjall asks for 45 GB and the process ends.
#[test]
fn whatever_is_damaged_a_repair_opens_the_store() {
    let whole = tempfile::tempdir().unwrap();
    let known = fill_tables(whole.path());
    let before = {
        let directory = tempfile::tempdir().unwrap();
        link(whole.path(), directory.path());
        state(&Store::open(directory.path(), &OPTIONS).unwrap()).unwrap()
    };
    let mut random = fastrand::Rng::with_seed(11);
    let mut counts: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for file in files(whole.path()) {
        let name = file.strip_prefix(whole.path()).unwrap();
        let octets = std::fs::read(&file).unwrap();
        for (section, from, length) in sections(&octets) {
            for _ in 0..common::rounds(40).div_ceil(40) {
                let place = format!("{} {section}", name.display());
                let mut octets = octets.clone();
                octets[from + random.usize(..length)] ^= random.u8(1..);
                let what = damage_one(whole.path(), name, &octets, &known, &before)
                    .unwrap_or_else(|what| panic!("{place}: {what}"));
                let part: Vec<&str> = place.split(['/', ' ']).filter(|part| part.parse::<u64>().is_err()).collect();
                *counts.entry((part.join(" "), what)).or_default() += 1;
            }
        }
    }
    for ((place, what), count) in &counts {
        println!("{count:4} {place}: {what}");
    }
    let of = |tree: &str| counts.keys().any(|(place, what)| place.contains(tree) && what.contains("repaired"));
    assert!(of("tables") && of("blobs") && of("jnl") && of("current"), "not all was damaged: not much of a test");
}

/// What a list of files says of each of them can be put right by the files, however much of it is wrong, and one octet more;
/// it is the true list then, by its checksum, and costs nothing. Where other octets of a list are wrong, it is lost.
#[test]
fn a_list_of_files_is_put_right_by_the_files() {
    let whole = tempfile::tempdir().unwrap();
    let known = fill_tables(whole.path());
    let mut random = fastrand::Rng::with_seed(7);
    let before = {
        let directory = tempfile::tempdir().unwrap();
        link(whole.path(), directory.path());
        state(&Store::open(directory.path(), &OPTIONS).unwrap()).unwrap()
    };
    let is_list = |file: &&PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('v'));
    let trees = ["keyspaces/1", "keyspaces/2"].map(|tree| whole.path().join(tree));
    for (tree, beside) in trees.iter().flat_map(|tree| [0, 1, 2].map(|beside| (tree, beside))) {
        let list = files(tree)
            .iter()
            .filter(is_list)
            .max_by_key(|file| file.metadata().unwrap().modified().unwrap())
            .cloned();
        let name = list.as_ref().unwrap().strip_prefix(whole.path()).unwrap().to_path_buf();
        let mut octets = std::fs::read(list.unwrap()).unwrap();
        let mut entries = 0;
        for file in ["tables", "blobs"].iter().map(|folder| tree.join(folder)).filter(|folder| folder.is_dir()) {
            for file in files(&file) {
                let sum = xxhash_rust::xxh3::xxh3_128(&std::fs::read(file).unwrap()).to_le_bytes();
                let at = octets.windows(16).position(|part| part == sum).unwrap();
                // Of 25 octets all but six.
                for n in (0..25).filter(|n| *n < 15 || n % 2 == 0 && *n < 24) {
                    octets[at - 9 + n] ^= random.u8(1..);
                }
                entries += 1;
            }
        }
        assert!(entries > 1, "{name:?}");
        // The first section says which version has written the list.
        (0..beside).for_each(|n| octets[n] ^= 0x55);
        let directory = tempfile::tempdir().unwrap();
        link(whole.path(), directory.path());
        std::fs::write(directory.path().join(&name), &octets).unwrap();
        assert!(matches!(Store::open(directory.path(), &OPTIONS), Err(StoreError::Damaged { .. })), "{name:?}");
        match (beside, mended(directory.path(), &known)) {
            (0 | 1, Ok((store, _, said))) => {
                assert!(said.len() == 1 && said[0].repaired, "{said:?}");
                assert_eq!(state(&store).unwrap(), before, "{name:?}");
            }
            (2, Ok((store, read, said))) => is_made_of_all(tree, &before, &state(&store).unwrap(), &read, &said),
            (_, other) => panic!("{name:?}, {beside}: {:?}", other.map(|(_, _, said)| said)),
        }
    }
}

/// A tree whose list is lost is made of all files that are there: nothing is lost, and where older values may have come forth
/// the mailbox is another.
fn is_made_of_all(tree: &Path, before: &State, after: &State, read: &HashSet<BlobId>, said: &[Finding]) {
    assert!(before.1.iter().all(|(_, _, blob, _)| read.contains(blob)), "{said:?}");
    assert!(said[0].what.contains("made again of all that is there"), "{said:?}");
    if tree.ends_with("2") {
        return assert_eq!(after, before);
    }
    assert_ne!(after.0, before.0, "it has another UIDVALIDITY");
    let known: HashSet<_> = after.1.iter().map(|(uid, mod_seq, blob, flags)| (uid, mod_seq, blob, flags)).collect();
    assert!(before.1.iter().all(|(uid, mod_seq, blob, flags)| known.contains(&(uid, mod_seq, blob, flags))));
    assert!(said.iter().any(|found| found.mailbox.is_some() && found.what.contains("UIDVALIDITY")), "{said:?}");
}

/// Makes one table of all.
fn compact(directory: &Path) {
    let db = fjall::Database::builder(directory).open().unwrap();
    for name in ["index", "chunks"] {
        db.keyspace(name, fjall::KeyspaceCreateOptions::default).unwrap().major_compact().unwrap();
    }
    drop(db);
    closed(directory);
}

/// Whatever there is of a list, and files of before that were left: what is newest is there.
#[test]
fn a_list_of_files_that_is_lost_is_made_of_the_files() {
    let whole = tempfile::tempdir().unwrap();
    let known = fill(whole.path());
    let early = tempfile::tempdir().unwrap();
    link(whole.path(), early.path());
    change(whole.path(), |inbox| {
        store(inbox, EXPUNGED.start..EXPUNGED.end, StoreMode::Add, SystemFlag::Deleted);
        inbox.commit(Change::Expunge { among: None, visibility: Visibility::ALL }).unwrap();
        store(inbox, 200..208, StoreMode::Add, SystemFlag::Answered);
    });
    write_out(whole.path());
    compact(whole.path());
    // What is in the journal alone comes on top.
    change(whole.path(), |inbox| store(inbox, 20..30, StoreMode::Add, SystemFlag::Seen));
    let before = {
        let directory = tempfile::tempdir().unwrap();
        link(whole.path(), directory.path());
        state(&Store::open(directory.path(), &OPTIONS).unwrap()).unwrap()
    };
    for (number, harm) in ["1", "2"].into_iter().flat_map(|number| (0..5).map(move |harm| (number, harm))) {
        let directory = tempfile::tempdir().unwrap();
        link(whole.path(), directory.path());
        let tree = directory.path().join("keyspaces").join(number);
        let is_list = |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('v'));
        let lists: Vec<PathBuf> = files(&tree).into_iter().filter(is_list).collect();
        match harm {
            0 => lists.iter().for_each(|list| std::fs::remove_file(list).unwrap()),
            1 => lists.iter().chain([&tree.join("current")]).for_each(|list| std::fs::remove_file(list).unwrap()),
            2 => lists.iter().for_each(|list| std::fs::write(list, [7; 300]).unwrap()),
            3 => {
                lists.iter().for_each(|list| std::fs::write(list, [7; 300]).unwrap());
                std::fs::write(tree.join("current"), [0xff; 25]).unwrap();
            }
            _ => {
                lists.iter().for_each(|list| std::fs::write(list, b"").unwrap());
                let tables = early.path().join("keyspaces").join(number).join("tables");
                for file in files(&tables) {
                    let left = tree.join("tables").join(file.file_name().unwrap());
                    assert!(!left.exists(), "it has been compacted");
                    std::fs::copy(&file, left).unwrap();
                }
            }
        }
        assert!(
            matches!(Store::open(directory.path(), &OPTIONS), Err(StoreError::Damaged { .. })),
            "{number} {harm}"
        );
        let (store_of, read, said) =
            mended(directory.path(), &known).unwrap_or_else(|e| panic!("{number} {harm}: {e}"));
        is_made_of_all(&tree, &before, &state(&store_of).unwrap(), &read, &said);
        drop(store_of);
        closed(directory.path());
        // It goes on from there.
        change(directory.path(), |inbox| store(inbox, 30..40, StoreMode::Add, SystemFlag::Seen));
        write_out(directory.path());
        let again = Store::open(directory.path(), &OPTIONS).unwrap();
        assert_eq!(check(&again, Mode::Verify).unwrap().findings, [], "{number} {harm}");
        assert!(verified(&again, &known).unwrap().is_superset(&read), "{number} {harm}");
    }
}

/// A place that is lost is found again in a file of mail, under the number that stands there, which no checksum covers: what is
/// written later is not numbered by it, or the journal would be taken for damaged at the next start.
#[test]
fn a_number_that_has_rotted_is_nobodys() {
    let directory = tempfile::tempdir().unwrap();
    let known = fill(directory.path());
    let tree = directory.path().join("keyspaces/2");
    let (mail, table) = (tree.join("blobs/0"), files(&tree.join("tables"))[0].clone());
    let mut octets = std::fs::read(&mail).unwrap();
    let values: Vec<usize> = (0..octets.len() - 4).filter(|at| octets[*at..].starts_with(b"BLOB")).collect();
    values.iter().for_each(|at| octets[at + 26] ^= 0xb4);
    std::fs::write(&mail, octets).unwrap();
    let mut octets = std::fs::read(&table).unwrap();
    octets[100] ^= 1;
    std::fs::write(&table, octets).unwrap();
    let (store, read, _) = mended(directory.path(), &known).unwrap();
    // Short ones stand in the table itself.
    assert!(read.len() > MESSAGES / 2);
    drop(store);
    closed(directory.path());
    change(directory.path(), rewrite);
    let again = Store::open(directory.path(), &OPTIONS).unwrap();
    assert_eq!(verified(&again, &known).unwrap().len(), read.len());
}

/// Replaces a file; what came of it, or what is wrong with that.
fn damage_one(
    whole: &Path,
    name: &Path,
    octets: &[u8],
    known: &HashMap<BlobId, Vec<u8>>,
    before: &State,
) -> Result<&'static str, String> {
    let directory = tempfile::tempdir().unwrap();
    link(whole, directory.path());
    let damaged = directory.path().join(name);
    std::fs::remove_file(&damaged).unwrap();
    std::fs::write(&damaged, octets).unwrap();
    let lost = |read: &HashSet<BlobId>| before.1.iter().filter(|(_, _, blob, _)| !read.contains(blob)).count();
    let opened = match Store::open(directory.path(), &OPTIONS) {
        Ok(store) => {
            let findings = check(&store, Mode::Verify).map_or(1, |checked| checked.findings.len());
            match (verified(&store, known), state(&store)) {
                (Ok(read), Ok(after)) if lost(&read) == 0 && after == *before => {}
                _ if findings > 0 => {}
                (read, _) => {
                    return Err(format!("it opens, and is not what it was, {:?}", read.map(|read| read.len())));
                }
            }
            true
        }
        Err(StoreError::Damaged { file, .. }) => {
            let of_list = name.ends_with("current") || file.ends_with("current");
            if !of_list && !file.ends_with(name.to_str().unwrap()) {
                return Err(format!("it says {file}"));
            }
            if std::fs::read(&damaged).unwrap() != octets {
                return Err("a file that is damaged has been changed".into());
            }
            false
        }
        Err(error) => return Err(error.to_string()),
    };
    let (store, read, said) = mended(directory.path(), known).map_err(|error| error.to_string())?;
    let after = state(&store).map_err(|error| error.to_string())?;
    if after.0 == before.0 && after.1 != before.1 {
        return Err(format!("it is another mailbox under the same UIDVALIDITY: {said:?}"));
    }
    let lost = lost(&read);
    if lost > 0 && said.iter().all(|found| found.repaired) {
        return Err(format!("{lost} messages are lost, and nothing is said: {said:?}"));
    }
    Ok(match (opened, after.0 == before.0, lost) {
        (true, true, 0) => "opens",
        (true, _, _) => "opens, and names what is lost",
        (false, true, 0) => "refused, and repaired without loss",
        (false, true, _) => "refused, and repaired with lost messages",
        (false, false, 0) => "refused, and repaired with a new UIDVALIDITY",
        (false, false, _) => "refused, and repaired with a new UIDVALIDITY and lost messages",
    })
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

/// So many messages that fjall moves what is left of the first of their files when most of them have gone.
const ROTTING: u32 = 900;

/// Octets that are stored as they are, beside the tables.
fn rotting(n: u32) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(n.into());
    std::iter::repeat_with(|| random.u8(..)).take(100_000).collect()
}

fn reference_to(n: u32) -> Reference {
    let blob = BlobId(*blake3::hash(&rotting(n)).as_bytes());
    Reference { blob, account: AccountId(1), mailbox: MailboxId(1), uid: Uid::new(n).unwrap() }
}

fn change_references(engine: &Embedded, change: impl FnOnce(&mut Batch)) -> Result<(), CommitError> {
    let partition = Partition::Account(AccountId(1));
    let mut batch = Batch::new(partition, engine.version(partition)?);
    change(&mut batch);
    engine.commit(vec![batch], Durability::Relaxed)
}

fn add(engine: &Embedded, n: u32) -> Result<(), CommitError> {
    change_references(engine, |batch| {
        batch.blobs.push((AccountId(1), reference_to(n).blob, rotting(n).into()));
        batch.added.push(reference_to(n));
    })
}

/// Adds until fjall has moved what is left of the file of mail `0`; the error where it cannot.
fn add_until_moved(engine: &Embedded, directory: &Path, numbers: std::ops::Range<u32>) -> Result<bool, CommitError> {
    let first = directory.join("keyspaces/2/blobs/0");
    for n in numbers {
        add(engine, n)?;
        if !first.exists() {
            return Ok(true);
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    Ok(false)
}

/// fjall ends all writing when it comes upon a message that has rotted in a file of mail that it clears away, and does so again
/// after each start. A repair gives the message up, and nothing else.
#[test]
fn what_has_rotted_ends_no_writing_after_a_repair() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path();
    let engine = Embedded::open(store, &OPTIONS).unwrap();
    (1..=ROTTING).for_each(|n| add(&engine, n).unwrap());
    let first = store.join("keyspaces/2/blobs/0");
    (0..3000)
        .find(|_| {
            first.exists() || {
                std::thread::sleep(std::time::Duration::from_millis(10));
                false
            }
        })
        .unwrap();
    let mut octets = std::fs::read(&first).unwrap();
    // Two of them, the second in what is said before it.
    for (n, at) in [(3, 50_000), (7, 0)] {
        let begin = &rotting(n)[..32];
        let found = octets.windows(32).position(|octets| octets == begin).unwrap();
        octets[if at > 0 { found + at } else { found - 40 }] ^= 1;
    }
    std::fs::write(&first, octets).unwrap();
    let gone = |n: &u32| n % 4 != 3;
    (1..=ROTTING).filter(gone).for_each(|n| {
        change_references(&engine, |batch| batch.removed.push(reference_to(n))).unwrap();
    });
    engine.collect(u64::MAX, ROTTING as usize).unwrap();
    let stopped = add_until_moved(&engine, store, 1000..4000);
    assert!(matches!(stopped, Err(CommitError::Store(StoreError::Poisoned))), "{stopped:?}");
    drop(engine);

    let open = || {
        (0..3000).find_map(|_| match Store::open_mended(store, &OPTIONS, &mut |_| {}) {
            Err(StoreError::InUse { .. }) => {
                std::thread::sleep(std::time::Duration::from_millis(10));
                None
            }
            opened => Some(opened.unwrap()),
        })
    };
    let (opened, mended) = open().unwrap();
    assert_eq!(mended.findings.len(), 1, "{mended:?}");
    assert!(
        mended.findings[0].what.starts_with("keyspaces/2/blobs/0 was damaged: what could not be read at 2 places")
    );
    drop((opened, mended));
    let (opened, mended) = open().unwrap();
    assert_eq!(mended.findings, []);
    drop((opened, mended));
    let engine = Embedded::open(store, &OPTIONS).unwrap();
    assert!(add_until_moved(&engine, store, 4000..7000).unwrap(), "fjall has moved nothing");
    for n in (1..=ROTTING).filter(|n| !gone(n)) {
        let read = engine.read_chunk(AccountId(1), reference_to(n).blob, 0).unwrap();
        match [3, 7].contains(&n) {
            true => assert_eq!(read, None, "{n}"),
            false => assert_eq!(read.unwrap(), rotting(n), "{n}"),
        }
    }
}

/// A repair of a mailbox that cannot be read just then, or of which what is kept cannot be, takes none of its octets away. It
/// took what refers to them for astray.
#[test]
fn a_repair_takes_nothing_that_it_cannot_see() {
    let (account, mailbox) = (AccountId(1), MailboxId(1));
    let partition = Partition::Mailbox(account, mailbox);
    let engine = Arc::new(Torn::new(partition));
    let store = Store::with_engine(engine.clone()).unwrap();
    let name = AccountName::new("joe").unwrap();
    let manager = Manager::new(store.clone(), Limits::default());
    let joe = manager.account(&name).unwrap();
    let inbox = joe.mailbox(&MailboxName::inbox()).unwrap();
    let take = |n: usize| {
        let flags = if n == 2 { vec![Flag::System(SystemFlag::Deleted)] } else { Vec::new() };
        joe.intake(&inbox).unwrap().take(message(n), flags, InternalDate { secs: 0, zone_mins: 0 }).unwrap()
    };
    inbox.commit(Change::Append((0..4).map(take).collect())).unwrap();
    inbox.commit(Change::Expunge { among: None, visibility: Visibility::ALL }).unwrap();
    manager.settle();
    let repair = || {
        let mut checked = Checked::default();
        let mode = Mode::Repair(|octets| describe(octets));
        store.check_account(&name, account, mode, &mut checked, &mut |_| Ok(())).unwrap();
        store.clean_up().unwrap();
        checked.findings
    };
    let read_all = || {
        let snapshot = inbox.snapshot().unwrap();
        snapshot.load_all().unwrap();
        let kept = store.expunged(account, mailbox, 0, i64::MAX).unwrap();
        let blobs = snapshot.messages().map(|message| message.blob()).chain(kept.iter().map(|kept| kept.record.blob));
        let mut octets: Vec<_> = blobs.map(|blob| inbox.octets_of(blob, 0..u64::MAX).unwrap()).collect();
        octets.sort();
        octets
    };
    let mut all: Vec<_> = (0..4).map(message).collect();
    all.sort();
    assert_eq!((repair(), read_all()), (Vec::new(), all.clone()));

    engine.tear(true);
    let found = repair();
    engine.tear(false);
    assert!(found.len() == 1 && !found[0].repaired, "{found:?}");
    assert_eq!((read_all(), repair()), (all.clone(), Vec::new()));

    // Something among what is kept that is not what was stored.
    let key = [&b"e"[..], &1u64.to_be_bytes()[..], b"nonsense"].concat();
    let put = |value: Option<&[u8]>| {
        let mut batch = Batch::new(partition, engine.version(partition).unwrap());
        match value {
            Some(value) => batch.put(key.clone(), value.to_vec()),
            None => batch.remove(key.clone()),
        }
        engine.commit(vec![batch], Durability::Synced).unwrap();
    };
    put(Some(b"nonsense"));
    let found = repair();
    assert!(found.len() == 1 && !found[0].repaired, "{found:?}");
    put(None);
    assert_eq!((read_all(), repair()), (all, Vec::new()));
}

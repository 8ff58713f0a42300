//! One suite for all engines: what `Engine` promises, on `memory` and on `embedded`; and how much is asked of one.

#[path = "common/contended.rs"]
mod contended;

use std::sync::Arc;

use gatepost::mailbox::{Access, Account, Change, Limits, Mailbox, Manager, StoreMode, View};
use gatepost::store::{
    Batch, CommitError, Compression, Durability, Embedded, Engine, Memory, Options, Partition, Reader, Reference,
    Store, StoreError, Version,
};
use gatepost::types::{
    AccountId, AccountName, BlobId, Flag, InternalDate, MailboxId, MailboxName, SystemFlag, Uid, UidSet, Visibility,
};

const A: AccountId = AccountId(1);

fn mailbox(n: u64) -> Partition {
    Partition::Mailbox(A, MailboxId(n))
}

fn open(directory: &std::path::Path) -> Arc<Embedded> {
    Embedded::open(directory, &Options::default()).unwrap()
}

/// Runs a test on each engine.
fn on_each(test: impl Fn(&dyn Engine)) {
    test(&Memory::default());
    let directory = tempfile::tempdir().unwrap();
    test(&*open(directory.path()));
}

fn put(partition: Partition, guard: u64, key: &[u8], value: &[u8]) -> Batch {
    let mut batch = Batch::new(partition, Version(guard));
    batch.put(key.to_vec(), value.to_vec());
    batch
}

fn keys(engine: &dyn Engine, partition: Partition, low: &[u8], high: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut visit = |key: &[u8], value: gatepost::store::Value| {
        found.push(format!("{}={}", String::from_utf8_lossy(key), String::from_utf8_lossy(&value)));
        Ok(())
    };
    engine.scan(partition, low, high, &mut visit).unwrap();
    found
}

#[test]
fn guards_and_versions() {
    on_each(|engine| {
        assert_eq!(engine.version(mailbox(1)).unwrap(), Version(0));
        engine.commit(vec![put(mailbox(1), 0, b"a", b"1")], Durability::Synced).unwrap();
        assert_eq!(engine.version(mailbox(1)).unwrap(), Version(1));
        let late = engine.commit(vec![put(mailbox(1), 0, b"a", b"2")], Durability::Synced);
        assert!(matches!(late, Err(CommitError::Conflict)));
        assert_eq!(&engine.get(mailbox(1), b"a").unwrap().unwrap()[..], b"1");
        assert!(engine.get(mailbox(2), b"a").unwrap().is_none());
    });
}

#[test]
fn what_is_frozen_stays_as_it_was() {
    on_each(|engine| {
        let mut batch = put(mailbox(1), 0, b"a", b"1");
        batch.blobs.push((A, blob(b"x"), b"x".into()));
        batch.added = vec![refer(b"x", 1, 1)];
        engine.commit(vec![batch], Durability::Synced).unwrap();
        let frozen = engine.frozen().unwrap();
        let mut batch = put(mailbox(1), 1, b"a", b"2");
        batch.put(b"b".to_vec(), b"2".to_vec());
        batch.removed = vec![refer(b"x", 1, 1)];
        engine.commit(vec![batch], Durability::Synced).unwrap();
        assert_eq!(engine.collect(u64::MAX, 10).unwrap().deleted, 1);
        assert_eq!(frozen.version(mailbox(1)).unwrap(), Version(1));
        assert_eq!(&frozen.get(mailbox(1), b"a").unwrap().unwrap()[..], b"1");
        assert!(frozen.get(mailbox(1), b"b").unwrap().is_none());
        assert_eq!(&frozen.read_chunk(A, blob(b"x"), 0).unwrap().unwrap()[..], b"x");
        let mut left = 0;
        frozen.references(A, &mut |_| Ok(left += 1)).unwrap();
        assert_eq!(left, 1);
    });
}

#[test]
fn all_batches_or_none() {
    on_each(|engine| {
        engine.commit(vec![put(mailbox(1), 0, b"a", b"1")], Durability::Synced).unwrap();
        let both = vec![put(mailbox(2), 0, b"b", b"1"), put(mailbox(1), 0, b"a", b"2")];
        assert!(matches!(engine.commit(both, Durability::Synced), Err(CommitError::Conflict)));
        assert!(engine.get(mailbox(2), b"b").unwrap().is_none());
        let both = vec![put(mailbox(2), 0, b"b", b"1"), put(mailbox(1), 1, b"a", b"2")];
        engine.commit(both, Durability::Relaxed).unwrap();
        assert_eq!(&engine.get(mailbox(2), b"b").unwrap().unwrap()[..], b"1");
        assert_eq!(&engine.get(mailbox(1), b"a").unwrap().unwrap()[..], b"2");
    });
}

#[test]
fn scans_are_in_order_and_stay_in_their_partition() {
    on_each(|engine| {
        let mut batch = Batch::new(mailbox(1), Version(0));
        for key in ["c", "a", "b", "b2"] {
            batch.put(key.into(), key.into());
        }
        engine.commit(vec![batch, put(mailbox(2), 0, b"b", b"other")], Durability::Synced).unwrap();
        assert_eq!(keys(engine, mailbox(1), b"a", b"z"), ["a=a", "b=b", "b2=b2", "c=c"]);
        assert_eq!(keys(engine, mailbox(1), b"b", b"c"), ["b=b", "b2=b2"]);
        assert!(keys(engine, mailbox(1), b"c", b"a").is_empty());
        let mut batch = Batch::new(mailbox(1), Version(1));
        batch.remove(b"b".to_vec());
        engine.commit(vec![batch], Durability::Synced).unwrap();
        assert_eq!(keys(engine, mailbox(1), b"b", b"c"), ["b2=b2"]);
    });
}

fn blob(octets: &[u8]) -> BlobId {
    BlobId(*blake3::hash(octets).as_bytes())
}

fn refer(octets: &[u8], mailbox: u64, uid: u32) -> Reference {
    Reference { blob: blob(octets), account: A, mailbox: MailboxId(mailbox), uid: Uid::new(uid).unwrap() }
}

#[test]
fn blobs_live_as_long_as_their_references() {
    on_each(|engine| {
        let octets = b"a message".as_slice();
        let mut batch = Batch::new(mailbox(1), Version(0));
        batch.blobs.push((A, blob(octets), octets.into()));
        batch.added = vec![refer(octets, 1, 1)];
        batch.shared = vec![refer(octets, 1, 2)];
        engine.commit(vec![batch], Durability::Synced).unwrap();
        let mut batch = Batch::new(mailbox(1), Version(1));
        batch.removed = vec![refer(octets, 1, 1)];
        engine.commit(vec![batch], Durability::Synced).unwrap();
        assert_eq!(engine.collect(u64::MAX, 10).unwrap().deleted, 0, "a reference is left");
        assert_eq!(&engine.read_chunk(A, blob(octets), 0).unwrap().unwrap()[..], octets);
        let mut batch = Batch::new(mailbox(1), Version(2));
        batch.removed = vec![refer(octets, 1, 2)];
        engine.commit(vec![batch], Durability::Synced).unwrap();
        assert_eq!(engine.collect(1, 10).unwrap().deleted, 0, "it died a moment ago");
        engine.pin(A, blob(octets));
        assert_eq!(engine.collect(u64::MAX, 10).unwrap().deleted, 0, "it is pinned");
        engine.unpin(A, blob(octets));
        assert_eq!(engine.collect(u64::MAX, 10).unwrap().deleted, 1);
        assert!(engine.read_chunk(A, blob(octets), 0).unwrap().is_none());
        let mut left = Vec::new();
        engine.references(A, &mut |reference| Ok(left.push(reference))).unwrap();
        assert!(left.is_empty());
    });
}

#[test]
fn what_was_written_ahead_is_collected_if_nobody_wants_it() {
    on_each(|engine| {
        engine.write_chunk(A, blob(b"x"), 0, b"x").unwrap();
        engine.write_chunk(A, blob(b"x"), 1, b"y").unwrap();
        let has = |chunks| engine.has_chunks(A, blob(b"x"), chunks).unwrap();
        assert!(has(0..2) && has(1..2) && !has(0..3) && !has(2..3));
        assert_eq!(engine.collect(u64::MAX, 10).unwrap().deleted, 1);
        assert!(engine.read_chunk(A, blob(b"x"), 1).unwrap().is_none());
    });
}

#[test]
fn a_reference_without_octets_is_refused() {
    on_each(|engine| {
        let mut batch = Batch::new(mailbox(1), Version(0));
        batch.added = vec![refer(b"nothing", 1, 1)];
        let refused = engine.commit(vec![batch], Durability::Synced);
        assert!(matches!(refused, Err(CommitError::Store(StoreError::Missing(_)))));
        assert_eq!(engine.version(mailbox(1)).unwrap(), Version(0));
    });
}

#[test]
fn a_store_is_compressed_as_it_was_made() {
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let options =
        [Compression::None, Compression::Lz4].map(|compression| Options { compression, ..Options::default() });
    let text: Vec<u8> = (0..100_000u32).flat_map(|n| format!("line {n} of a text\r\n").into_bytes()).collect();
    let blob = BlobId([7; 32]);
    let sizes = [0, 1].map(|at| {
        let engine = Embedded::open(directories[at].path(), &options[at]).unwrap();
        for (n, chunk) in (0..).zip(text.chunks(256 * 1024)) {
            engine.write_chunk(A, blob, n, chunk).unwrap();
        }
        drop(engine);
        // The other setting changes nothing about it.
        let engine = Embedded::open(directories[at].path(), &options[1 - at]).unwrap();
        let read = |n| engine.read_chunk(A, blob, n).unwrap().unwrap();
        let whole: Vec<u8> = (0..text.chunks(256 * 1024).len() as u32).flat_map(|n| read(n).to_vec()).collect();
        assert!(whole == text);
        files(&directories[at].path().join("keyspaces"))
    });
    assert!(sizes[1] * 2 < sizes[0], "{sizes:?}");
}

/// Octets of all files below a folder.
fn files(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { path.metadata().unwrap().len() }).sum()
}

#[test]
fn embedded_keeps_what_it_has_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path());
    engine.commit(vec![put(mailbox(1), 0, b"a", b"1")], Durability::Relaxed).unwrap();
    let in_use = Embedded::open(directory.path(), &Options::default());
    assert!(matches!(in_use, Err(StoreError::InUse { .. })));
    drop(engine);
    let engine = open(directory.path());
    assert_eq!(&engine.get(mailbox(1), b"a").unwrap().unwrap()[..], b"1");
    assert_eq!(engine.version(mailbox(1)).unwrap(), Version(1));
}

#[test]
fn commits_that_wait_share_a_sync() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path());
    std::thread::scope(|scope| {
        for n in 0..16 {
            let engine = &engine;
            scope.spawn(move || {
                for version in 0..50 {
                    engine.commit(vec![put(mailbox(n), version, b"k", &[7; 4096])], Durability::Synced).unwrap();
                }
            });
        }
    });
    let figures = engine.figures();
    assert_eq!(figures.commits, 16 * 50);
    assert!(figures.syncs < figures.commits, "{figures:?}");
    for n in 0..16 {
        assert_eq!(engine.version(mailbox(n)).unwrap(), Version(50));
    }
}

#[test]
fn a_newer_store_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    {
        let engine = open(directory.path());
        let version = engine.version(Partition::Server).unwrap().0;
        engine.commit(vec![put(Partition::Server, version, b"f", &99u32.to_be_bytes())], Durability::Synced).unwrap();
    }
    let refused = Store::with_engine(open(directory.path()));
    assert!(matches!(refused, Err(StoreError::Newer { found: 99, .. })));
}

#[test]
fn octets_that_do_not_decode_are_corrupt() {
    let engine = Arc::new(Memory::default());
    let store = Store::with_engine(engine.clone()).unwrap();
    for key in [b"h".as_slice(), b"k", b"r\0\0\0\0", b"v\0\0\0\0", b"x\0\0\0\0\0\0\0\x01"] {
        let version = engine.version(mailbox(1)).unwrap().0;
        engine.commit(vec![put(mailbox(1), version, key, b"?")], Durability::Synced).unwrap();
    }
    assert!(matches!(store.mailbox_header(A, MailboxId(1)), Err(StoreError::Corrupt(_))));
    assert!(matches!(store.mailbox_image(A, MailboxId(1)), Err(StoreError::Corrupt(_))));
    assert!(matches!(store.vanished(A, MailboxId(1), gatepost::types::ModSeq(0)), Err(StoreError::Corrupt(_))));
}

/// A journal of two batches, the second with some of its octets replaced: those from the first sector on that lies within
/// the value.
fn damaged(damage: impl Fn(&mut [u8])) -> tempfile::TempDir {
    damaged_at(|journal, value| damage(&mut journal[value.next_multiple_of(512)..]))
}

/// The same, told where the value begins.
fn damaged_at(damage: impl Fn(&mut [u8], usize)) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path());
    engine.commit(vec![put(mailbox(1), 0, b"a", b"1")], Durability::Synced).unwrap();
    // Of a size that is not compressed.
    engine.commit(vec![put(mailbox(1), 1, b"b", &[7; 3000])], Durability::Relaxed).unwrap();
    drop(engine);
    let path = directory.path().join("0.jnl");
    let mut journal = std::fs::read(&path).unwrap();
    let at = journal.windows(2000).position(|window| window == [7; 2000]).unwrap();
    damage(&mut journal, at);
    std::fs::write(&path, journal).unwrap();
    directory
}

/// What fjall does not open: beginning and end of a batch are there, and zeros between, as a power cut may leave it.
#[test]
fn a_batch_with_a_hole_is_cut_off() {
    let directory = damaged(|octets| octets[..512].fill(0));
    let engine = open(directory.path());
    assert_eq!(keys(&*engine, mailbox(1), b"a", b"z"), ["a=1"]);
    assert_eq!(engine.version(mailbox(1)).unwrap(), Version(1));
    engine.commit(vec![put(mailbox(1), 1, b"c", b"2")], Durability::Synced).unwrap();
    drop(engine);
    assert_eq!(keys(&*open(directory.path()), mailbox(1), b"a", b"z"), ["a=1", "c=2"]);
    let is_torn =
        |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().path().extension() == Some("torn".as_ref());
    assert!(std::fs::read_dir(directory.path()).unwrap().any(is_torn), "what was cut off is not set aside");
}

/// The hole may begin in what says how long the value is.
#[test]
fn a_batch_with_a_hole_in_its_lengths_is_cut_off() {
    let directory = damaged_at(|journal, value| {
        let lengths = [3000u32.to_le_bytes(), 3000u32.to_le_bytes()].concat();
        let at = journal[..value].windows(8).rposition(|window| window == lengths).unwrap();
        journal[at + 4..(value + 512).next_multiple_of(512)].fill(0);
    });
    let engine = open(directory.path());
    assert_eq!(keys(&*engine, mailbox(1), b"a", b"z"), ["a=1"]);
    engine.commit(vec![put(mailbox(1), 1, b"c", b"2")], Durability::Synced).unwrap();
}

/// What has rotted is not taken for what a power cut has torn: there may be much mail behind it.
#[test]
fn a_batch_that_has_rotted_is_not_cut_off() {
    let directory = damaged(|octets| octets[100] ^= 1);
    assert!(Embedded::open(directory.path(), &Options::default()).is_err());
    let journals = std::fs::read_dir(directory.path()).unwrap().count();
    assert!(Embedded::open(directory.path(), &Options::default()).is_err());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), journals, "nothing is moved");
}

/// A mailbox of so many messages on an engine that counts.
fn filled(messages: u32) -> Arc<contended::Contended> {
    let engine = Arc::new(contended::Contended::calm());
    let (_manager, account, mailbox) = joe(&engine);
    for first in (0..messages).step_by(500) {
        append(&account, &mailbox, first..(first + 500).min(messages));
    }
    engine
}

fn joe(engine: &Arc<contended::Contended>) -> (Manager, Arc<Account>, Arc<Mailbox>) {
    let manager = Manager::new(Store::with_engine(engine.clone()).unwrap(), Limits::default());
    let account = manager.account(&AccountName::new("joe").unwrap()).unwrap();
    let mailbox = account.mailbox(&MailboxName::inbox()).unwrap();
    (manager, account, mailbox)
}

fn append(account: &Account, mailbox: &Arc<Mailbox>, numbers: std::ops::Range<u32>) {
    let mut intake = account.intake(mailbox).unwrap();
    let date = InternalDate { secs: 0, zone_mins: 0 };
    let octets = |n: u32| format!("Subject: number {n:06}\r\n\r\ntext\r\n").into_bytes();
    let messages = numbers.map(|n| intake.take(octets(n), Vec::new(), date).unwrap()).collect();
    mailbox.commit(Change::Append(messages)).unwrap();
}

/// What operations read and write, whatever the mailbox has: each message more than a leaf is only paid for by whoever opens
/// the mailbox, an entry a thousand messages.
fn costs(messages: u32) -> (u64, Vec<(&'static str, [u64; 3])>) {
    let engine = filled(messages);
    let (_manager, account, mailbox) = joe(&engine);
    let mut costs = vec![("STATUS", engine.work_of(|| mailbox.header().unwrap()).0)];
    let (opened, snapshot) = engine.work_of(|| mailbox.snapshot().unwrap());
    // In the middle of a leaf, as the last one is as well.
    let uid = Uid::new(130).unwrap();
    let uids: UidSet = [uid].into_iter().collect();
    costs.push(("a leaf", engine.work_of(|| snapshot.load(&uids).unwrap()).0));
    let bell = Arc::new(gatepost::sys::Bell::new().unwrap());
    let view = View::open(mailbox.clone(), Access::ReadWrite, Visibility::ALL, bell).unwrap();
    costs.push(("FETCH", engine.work_of(|| view.summaries().one(uid).unwrap().unwrap()).0));
    let (flags, visibility) = (vec![Flag::System(SystemFlag::Seen)], Visibility::ALL);
    let store =
        || Change::Store { uids: uids.clone(), mode: StoreMode::Add, flags, unchanged_since: None, visibility };
    costs.push(("STORE", engine.work_of(|| mailbox.commit(store()).unwrap()).0));
    append(&account, &mailbox, messages..messages + 1);
    costs.push(("APPEND", engine.work_of(|| append(&account, &mailbox, messages + 1..messages + 2)).0));
    costs.push(("LIST", engine.work_of(|| account.tree().nodes().count()).0));
    (opened[0], costs)
}

#[test]
fn what_an_operation_costs_does_not_grow_with_the_mailbox() {
    // The last leaf and its last page are alike.
    let ((opened_small, small), (opened_large, large)) = (costs(1500), costs(1500 + 12 * 1024));
    assert_eq!(small, large);
    assert_eq!(opened_large - opened_small, 12);
    assert!(small.iter().all(|(what, [reads, writes, octets])| {
        *reads <= 20 && *writes <= 8 && *octets <= 20_000 || panic!("{what}: {reads} {writes} {octets}")
    }));
}

#[test]
fn a_start_reads_no_account() {
    let engine = Arc::new(contended::Contended::calm());
    let manager = Manager::new(Store::with_engine(engine.clone()).unwrap(), Limits::default());
    let name = |n: u32| AccountName::new(&format!("account{n}")).unwrap();
    (0..300).for_each(|n| drop(manager.account(&name(n)).unwrap()));
    drop(manager);
    let start = || Manager::new(Store::with_engine(engine.clone()).unwrap(), Limits::default());
    let (work, manager) = engine.work_of(start);
    assert_eq!(work, [0; 3]);
    let ([reads, writes, _], _) = engine.work_of(|| manager.account(&name(7)).unwrap());
    assert!(reads < 40 && writes == 0, "{reads} {writes}");
}

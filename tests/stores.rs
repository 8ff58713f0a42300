//! Stores of earlier formats, as the daemons of their time left them: each is opened, upgraded and found whole.
//!
//! `tests/data/stores/N.tar.gz` holds a store of format N. All have the same mail, which `expected` describes.

mod common;

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use gatepost::mailbox::{Limits, Manager};
use gatepost::store::{
    Batch, Checked, Durability, Embedded, Engine, FORMAT, Mode, Options, Partition, Reader, Store,
};
use gatepost::types::{AccountName, Flag, Keyword, MailboxName, ModSeq, SystemFlag, Uid};

fn unpack(archive: &Path) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let done = Command::new("tar").arg("xzf").arg(archive).arg("-C").arg(directory.path()).status().unwrap();
    assert!(done.success());
    directory
}

fn open(directory: &Path) -> Store {
    let options = Options::default();
    Store::open(&directory.join("store"), &options).unwrap()
}

fn found_whole(store: &Store) {
    let mut checked = Checked::default();
    for (name, id) in store.accounts().unwrap() {
        store.check_account(&name, id, Mode::Verify, &mut checked, &mut |_| Ok(())).unwrap();
    }
    assert_eq!((checked.accounts, checked.mailboxes, checked.messages), (1, 3, 69));
    assert_eq!(checked.findings, []);
}

/// What the stores were made with: 59 messages imported into INBOX; 1 to 10 copied to Archive/2026; flags; 3 expunged; then the tenth
/// moved to Work; one message appended there.
fn expected(store: &Store) {
    let manager = Arc::new(Manager::new(store.clone(), Limits::default()));
    let account = manager.existing_account(&AccountName::new("demo").unwrap()).unwrap().unwrap();
    let snapshot = |name: &str| account.mailbox(&MailboxName::new(name).unwrap()).unwrap().snapshot().unwrap();
    let (inbox, work) = (snapshot("INBOX"), snapshot("Work"));
    assert_eq!((inbox.len(), work.len(), snapshot("Archive/2026").len()), (57, 2, 10));
    assert!(account.tree().subscriptions().contains("Work"));
    assert_eq!((inbox.header().uid_next, inbox.header().sums.all().unseen), (60, 53));
    assert!(inbox.by_uid(Uid::new(3).unwrap()).is_none() && inbox.by_uid(Uid::new(11).unwrap()).is_none());
    let first = inbox.by_uid(Uid::new(1).unwrap()).unwrap();
    let keyword = |name| Flag::Keyword(Keyword::new(name).unwrap());
    assert_eq!(inbox.flags_of(&first), [Flag::System(SystemFlag::Seen), keyword("$Forwarded"), keyword("Junk")]);
    let kept = work.messages().last().unwrap();
    assert_eq!(kept.internal_date().to_string(), " 1-Feb-2003 04:05:06 +0100");
    assert_eq!(kept.size(), 36);
    let vanished = store.vanished(gatepost::types::AccountId(1), gatepost::types::MailboxId(1), ModSeq(0)).unwrap();
    assert_eq!(vanished.to_string(), "3,11");
}

#[test]
fn every_format_is_opened() {
    let mut formats = 0;
    for entry in std::fs::read_dir("tests/data/stores").unwrap() {
        let directory = unpack(&entry.unwrap().path());
        found_whole(&open(directory.path()));
        // What has been upgraded is opened again.
        let store = open(directory.path());
        found_whole(&store);
        expected(&store);
        formats += 1;
    }
    assert_eq!(formats, FORMAT, "a store of each format");
}

/// A daemon does not touch the store of a later one, and says what to do.
#[test]
fn a_newer_store_is_refused() {
    let mut server = common::Server::start("");
    server.ctl(&["stop"]);
    server.wait();
    let engine = Embedded::open(&server.path("data/store"), &Options::default()).unwrap();
    let mut batch = Batch::new(Partition::Server, engine.version(Partition::Server).unwrap());
    batch.put(b"f".to_vec(), (FORMAT + 1).to_be_bytes().to_vec());
    engine.commit(vec![batch], Durability::Synced).unwrap();
    let version = engine.version(Partition::Server).unwrap();
    drop(engine);
    let config = server.path("gatepost.ini");
    for (program, arguments) in [
        (env!("CARGO_BIN_EXE_gatepostd"), vec!["-f", "-c", config.to_str().unwrap()]),
        (env!("CARGO_BIN_EXE_gatepostctl"), vec!["-c", config.to_str().unwrap(), "check"]),
    ] {
        let output = Command::new(program).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{output:?}");
        assert!(said.contains(&format!("the store has format {}", FORMAT + 1)), "{said}");
        assert!(said.contains("run a newer gatepostd"), "{said}");
    }
    let engine = Embedded::open(&server.path("data/store"), &Options::default()).unwrap();
    assert_eq!(engine.version(Partition::Server).unwrap(), version, "it has been written to");
}

/// A server on the store of an earlier daemon, which has the account `demo`.
fn with_store(archive: &Path) -> common::Server {
    let mut server = common::Server::prepare("");
    std::fs::create_dir_all(server.path("data")).unwrap();
    let done = Command::new("tar").arg("xzf").arg(archive).arg("-C").arg(server.path("data")).status().unwrap();
    assert!(done.success());
    let mut passwd = std::fs::OpenOptions::new().append(true).open(server.path("passwd")).unwrap();
    passwd.write_all(b"demo:{PLAIN}secret\n").unwrap();
    server.restart();
    server
}

/// Texts that an earlier daemon has kept as they were folded are looked into single-spaced all the same. RFC 9051 6.4.4
#[test]
fn what_was_folded_is_found_in_earlier_stores() {
    for format in 1..=FORMAT {
        let server = with_store(Path::new(&format!("tests/data/stores/{format}.tar.gz")));
        let mut client = server.user("demo");
        client.ok("EXAMINE INBOX");
        for (searched, found) in [
            ("SUBJECT \"the virus that won't\"", "4"),
            ("UID 4 SUBJECT \"that won't\"", "4"),
            ("SUBJECT \"that  won't\"", "4"),
            ("CC \"sourceforge.net, \\\"barry\"", "16"),
            ("UID 16 CC \"sourceforge.net, \\\"barry\"", "16"),
        ] {
            assert_eq!(
                client.ok(&format!("UID SEARCH {searched}")),
                [format!("* SEARCH {found}")],
                "{format}: {searched}"
            );
        }
    }
}

/// A message that came before there were previews: with LAZY there is none until one is asked for; then it is kept.
/// RFC 8970 3.2, 4.1
#[test]
fn previews_are_made_when_they_are_asked_for() {
    let mut server = with_store(Path::new("tests/data/stores/2.tar.gz"));
    let lazy = |server: &common::Server, command: &str| -> Vec<String> {
        let mut client = server.user("demo");
        client.ok("EXAMINE INBOX");
        client.ok(command)
    };
    let before = lazy(&server, "FETCH 1:* PREVIEW (LAZY)");
    assert_eq!(before.len(), 57);
    assert!(before.iter().all(|line| line.ends_with("FETCH (PREVIEW NIL)")), "{before:?}");
    let made = lazy(&server, "FETCH 1:* PREVIEW");
    assert!(made.len() == 57 && !made.iter().any(|line| line.contains("NIL")), "{made:?}");
    assert!(made.iter().filter(|line| !line.ends_with("PREVIEW \"\")")).count() > 40, "{made:?}");
    assert_eq!(lazy(&server, "FETCH 1:* PREVIEW (LAZY)"), made);
    server.restart();
    assert_eq!(lazy(&server, "FETCH 1:* PREVIEW (LAZY)"), made);
    assert_eq!(lazy(&server, "FETCH 7 PREVIEW (LAZY)"), made[6..7]);
}

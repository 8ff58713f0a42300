//! What was expunged or deleted comes back for a while, and goes for good when that is over.

mod common;

use std::sync::Arc;

use common::contended::Contended;

use gatepost::mailbox::{Account, Change, Limits, Manager, StoreMode};
use gatepost::store::{Checked, Mode, Options, Store};
use gatepost::sys::now_secs;
use gatepost::types::{AccountName, Flag, InternalDate, MailboxName, SystemFlag, UidSet, Visibility};

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
        store.check_account(&name, id, Mode::Verify, &mut checked, &mut |_| {}).unwrap();
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
        assert_eq!(joe.undelete(None, now_secs() + 60).unwrap().messages, 0);
        assert_eq!(joe.undelete(Some(&name("INBOX")), 0).unwrap().messages, 2);
        assert_eq!(subjects(&joe, "INBOX"), ["3 c", "4 a", "5 b"]);
        let snapshot = joe.mailbox(&name("INBOX")).unwrap().snapshot().unwrap();
        let back = snapshot.messages().last().unwrap();
        assert_eq!(snapshot.flags_of(&back), [Flag::System(SystemFlag::Flagged)]);
        assert_eq!(back.internal_date().secs, 1_000_000);
        assert_eq!(joe.undelete(None, 0).unwrap().messages, 0);
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
        assert_eq!(joe.undelete(None, 0).unwrap().mailboxes, [name("a/b")]);
        assert_eq!(subjects(&joe, "a/b"), ["1 x"]);
        assert_eq!(joe.mailbox(&name("a/b")).unwrap().header().unwrap().uid_validity, before.uid_validity);
        joe.delete(&name("a/b")).unwrap();
        joe.create(&name("a/b"), &[]).unwrap();
        assert_eq!(joe.undelete(None, 0).unwrap().mailboxes, [name("a/b (undeleted 1)")]);
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
        let undeleted = joe.undelete(None, 0).unwrap();
        assert_eq!((undeleted.mailboxes.len(), undeleted.messages), (0, 0));
        assert_eq!(store.due(u32::MAX).unwrap(), []);
        nothing_wrong(&store);
    });
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
        let undeleted = joe.undelete(None, 0).unwrap();
        assert_eq!((undeleted.mailboxes.len(), undeleted.messages), (0, 0));
        nothing_wrong(&store);
    });
}

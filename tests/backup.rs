//! Backup of a server that runs, and what comes back from it.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::mixed::Worker;
use common::mixed::known::Known;
use common::torn::Torn;
use common::{Client, Server};
use gatepost::mailbox::{Account, Change, Limits, Manager};
use gatepost::store::{
    Batch, CHUNK_BYTES, Copied, CopyPlace, Durability, Embedded, Engine, Memory, Options, Partition, Reader,
    Reference, Stopped, Store, StoreError,
};
use gatepost::types::{AccountId, AccountName, BlobId, InternalDate, MailboxId, MailboxName, Uid};
use serde_json::Value;

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a client sees of a mailbox: numbers, UIDs, flags, dates and the messages themselves.
fn seen(server: &Server, mailbox: &str) -> Vec<String> {
    let mut client = server.user("user1");
    client.ok(&format!("EXAMINE {mailbox}"));
    let mut lines = client.ok("FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])");
    lines.iter_mut().for_each(|line| *line = line.replace(" \\Recent", "").replace("\\Recent", ""));
    lines
}

fn directory(server: &Server, name: &str) -> String {
    server.path(name).display().to_string()
}

fn filled() -> Server {
    let server = Server::start("");
    let imported = server.ctl(&["import", "--account", "user1", "tests/data/demo.mbox"]);
    assert!(imported.status.success(), "{imported:?}");
    let mut client = server.user("user1");
    for command in ["CREATE Work/2026", "CREATE Bin (USE (\\Trash))", "SUBSCRIBE Work/2026", "SELECT INBOX"] {
        client.ok(command);
    }
    client.ok("STORE 1:3 +FLAGS (\\Seen $Label1)");
    client.ok("COPY 1:5 Work/2026");
    client.append("Work/2026", format!("Subject: large\r\n\r\n{}\r\n", "x".repeat(2_000_000)).as_bytes()).unwrap();
    server
}

#[test]
fn a_server_comes_back() {
    let server = filled();
    let place = directory(&server, "backup");
    let first = json(&server.ctl(&["--json", "backup", &place]));
    assert_eq!((first["accounts"].as_u64(), first["mailboxes"].as_u64()), (Some(1), Some(3)), "{first}");
    // Nothing has changed, then one mailbox.
    let again = json(&server.ctl(&["--json", "backup", &place]));
    assert_eq!((again["mailboxes"].as_u64(), again["messages"].as_u64()), (Some(0), Some(0)));
    let mut client = server.user("user1");
    client.append("INBOX", b"Subject: new\r\n\r\nnew\r\n").unwrap();
    client.ok("SELECT INBOX");
    client.ok("STORE 7 +FLAGS \\Deleted");
    client.ok("EXPUNGE");
    client.ok("DELETE Bin");
    let third = json(&server.ctl(&["--json", "backup", &place]));
    // INBOX, and the one that says now that it is deleted.
    assert_eq!((third["mailboxes"].as_u64(), third["messages"].as_u64()), (Some(2), Some(1)));

    let other = Server::start("");
    let refused = other.ctl(&["restore", &place]);
    assert_eq!(refused.status.code(), Some(69), "a daemon runs: {refused:?}");
    let mut other = other;
    other.ctl(&["stop"]);
    other.wait();
    let restored = other.ctl(&["restore", &place]);
    assert!(restored.status.success(), "{restored:?}");
    let checked = other.ctl(&["check"]);
    assert!(checked.status.success(), "{checked:?}");
    assert_eq!(other.ctl(&["restore", &place]).status.code(), Some(73), "it has mail now");
    other.restart();
    for mailbox in ["INBOX", "Work/2026"] {
        assert_eq!(seen(&server, mailbox), seen(&other, mailbox));
    }
    let names = |server: &Server| server.user("user1").ok("LIST (SUBSCRIBED) \"\" *");
    assert_eq!(names(&server), names(&other));
    // What was expunged before the backup can be brought back after it.
    let undeleted = json(&other.ctl(&["--json", "undelete", "--account", "user1"]));
    assert_eq!((undeleted["messages"].as_u64(), undeleted["mailboxes"][0].as_str()), (Some(1), Some("Bin")));
    // A restored server is another: its backup does not go where that of the first is.
    assert_eq!(other.ctl(&["backup", &place]).status.code(), Some(74));
}

/// While clients work and a reload comes in between, a backup has of each what it knew at one moment: none of what came later,
/// all of what came before. So has each that is made into the same place. A copy that is read at two moments fails it, as does
/// one that passes over what has changed since.
#[test]
fn a_backup_of_a_busy_server_is_of_one_moment() {
    let server = Server::start("");
    let place = directory(&server, "backup");
    let (histories, done): (Vec<History>, AtomicU32) =
        ((0..3).map(|_| History::default()).collect(), AtomicU32::new(0));
    let mut workers: Vec<Worker> = (0..3).map(|n| Worker::new(format!("user{n}"), server.tool())).collect();
    for (worker, history) in workers.iter_mut().zip(&histories) {
        let history = history.clone();
        worker.observer = Some(Box::new(move |known| history.lock().unwrap().push(known.clone())));
        worker.prepare(&mut server.user(&worker.account));
    }
    let (port, mut random, ends) = (server.port, fastrand::Rng::with_seed(9), AtomicBool::new(false));
    let lengths = || histories.iter().map(|history| history.lock().unwrap().len()).collect::<Vec<_>>();
    let backup = |goal: u32, are_at_work: &dyn Fn() -> bool| {
        while done.load(Ordering::Relaxed) < goal {
            assert!(are_at_work(), "the clients have ended");
            std::thread::sleep(Duration::from_millis(1));
        }
        let before = lengths();
        assert!(server.ctl(&["backup", &place]).status.success());
        let windows: Vec<_> = before.into_iter().zip(lengths()).map(|(from, to)| from - 1..to).collect();
        assert!(server.ctl(&["reload"]).status.success());
        let (mut other, restored) = restored(&place);
        assert!(restored.status.success() && other.ctl(&["check"]).status.success(), "{restored:?}");
        other.restart();
        (other, windows)
    };
    let backups = std::thread::scope(|scope| {
        let (done, ends) = (&done, &ends);
        let work = |worker| {
            let mut random = random.fork();
            let goes_on = |_: &Worker| {
                done.fetch_add(1, Ordering::Relaxed);
                !ends.load(Ordering::Relaxed)
            };
            scope.spawn(move || Worker::work(worker, port, &mut random, goes_on))
        };
        let threads: Vec<_> = workers.iter_mut().map(work).collect();
        let are_at_work = || !threads.iter().all(|thread| thread.is_finished());
        let backups = catch_unwind(AssertUnwindSafe(|| [150, 400, 650].map(|goal| backup(goal, &are_at_work))));
        ends.store(true, Ordering::Relaxed);
        backups.unwrap_or_else(|panic| resume_unwind(panic))
    });
    for (other, windows) in backups {
        for ((worker, history), window) in workers.iter().zip(&histories).zip(windows) {
            worker.verify_moment(&mut other.user(&worker.account), &history.lock().unwrap()[window]);
        }
    }
}

/// All that a client knew, in order.
type History = Arc<Mutex<Vec<Known>>>;

/// A server that does not run yet, from a backup.
fn restored(place: &str) -> (Server, Output) {
    let other = Server::prepare("");
    let restored = other.ctl(&["restore", place]);
    (other, restored)
}

#[test]
fn an_account_and_a_mailbox_come_back() {
    let server = filled();
    let place = directory(&server, "backup");
    json(&server.ctl(&["--json", "backup", &place]));
    let before: Vec<String> = seen(&server, "Work/2026");
    let mut client = server.user("user1");
    client.append("INBOX", b"Subject: after the backup\r\n\r\nnew\r\n").unwrap();
    client.ok("SELECT INBOX");
    client.ok("STORE 1:50 +FLAGS \\Deleted");
    client.ok("EXPUNGE");
    client.ok("DELETE Work/2026");
    client.ok("DELETE Work");
    client.ok("UNSUBSCRIBE Work/2026");
    let inbox = server.ctl(&["--json", "restore", "--account", "user1", "--mailbox", "inbox", &place]);
    assert_eq!(json(&inbox)["mailboxes"].as_u64(), Some(1), "INBOX in any letters");
    client.ok("SELECT INBOX");
    client.ok("STORE 11:* +FLAGS \\Deleted");
    client.ok("EXPUNGE");
    let one = ["--json", "restore", "--account", "user1", "--mailbox", "Work/2026", &place];
    assert_eq!(json(&server.ctl(&one))["messages"].as_u64(), Some(6));
    assert_eq!(seen(&server, "Work/2026"), before);
    let all = json(&server.ctl(&["--json", "restore", "--account", "user1", &place]));
    assert_eq!((all["mailboxes"].as_u64(), all["messages"].as_u64()), (Some(3), Some(50)));
    assert!(client.ok("STATUS INBOX (MESSAGES)")[0].contains("MESSAGES 60"));
    assert!(client.ok("LIST (SUBSCRIBED) \"\" *").iter().any(|line| line.contains("Work/2026")));
    let again = json(&server.ctl(&["--json", "restore", "--account", "user1", &place]));
    assert_eq!(again["messages"].as_u64(), Some(0));
    let unknown = ["restore", "--account", "user1", "--mailbox", "nothing", &place];
    assert_eq!(server.ctl(&unknown).status.code(), Some(67));
}

/// What an account can have beside messages, in an account that has it.
fn furnished() -> Server {
    let server = filled();
    let (mut owner, mut other) = (server.user("user1"), server.user("user2"));
    other.ok("CREATE Orders");
    owner.ok("CREATE Holder/");
    for command in [
        "SETACL Work/2026 user2 lrswin",
        "SETACL Work/2026 user3 lr",
        "SETACL Work/2026 -user4 r",
        "SETACL Work/2026 anyone l",
        "SETACL INBOX user2 lr",
        "SETMETADATA Work/2026 (/private/comment \"mine\" /shared/Comment \"ours\")",
        "SETMETADATA INBOX (/shared/comment \"in\")",
        "SETMETADATA Holder (/private/comment \"of a holder\")",
        "SETMETADATA \"\" (/private/vendor/x/y \"of the server\")",
        "SUBSCRIBE ~user2/Orders",
    ] {
        owner.ok(command);
    }
    other.ok("SETMETADATA ~user1/Work/2026 (/private/comment ~{4+}\r\n2\0's)");
    for (client, mailbox) in [(&mut owner, "Work/2026"), (&mut other, "~user1/Work/2026")] {
        client.ok(&format!("SELECT {mailbox} (ANNOTATE)"));
        client.ok(&format!("STORE 2 ANNOTATION (/comment (value.priv \"of {}\"))", mailbox.len()));
    }
    let certificate = directory(&server, "cert.pem");
    for arguments in [
        &["mailbox", "create", "--class", "IPF.Contact", "user1", "Contacts"][..],
        &["alias", "add", "user1", "Sales", "~user2/Orders"],
        &["quota", "set", "user1", "--storage", "1G", "--messages", "1000"],
        &["account", "settings", "user1", "--show-non-mail", "yes"],
        &["account", "certificate", "user1", &certificate],
    ] {
        let done = server.ctl(arguments);
        assert!(done.status.success(), "{arguments:?}: {done:?}");
    }
    server
}

const NAMES: [&str; 5] = ["INBOX", "Work/2026", "Bin", "Contacts", "Holder"];

/// All of it, as clients and the tool show it.
fn shown(server: &Server) -> Vec<String> {
    let (mut owner, mut other) = (server.user("user1"), server.user("user2"));
    let mut lines = owner.ok("LIST (CLASS) \"\" * RETURN (SPECIAL-USE SUBSCRIBED CHILDREN)");
    // What comes back is new.
    lines.iter_mut().for_each(|line| *line = line.replace("\\Marked", "\\Unmarked"));
    lines.extend(owner.ok("LIST (SUBSCRIBED) \"\" *"));
    for name in NAMES {
        lines.push(owner.ok(&format!("GETMETADATA (DEPTH infinity) {name} (/private /shared)")).concat());
        lines.extend(owner.command(&format!("GETACL {name}")).0);
    }
    lines.extend(owner.ok("GETMETADATA \"\" /private/vendor/x/y"));
    lines.extend(owner.ok("GETQUOTA user1"));
    lines.extend(other.ok("GETMETADATA ~user1/Work/2026 (/private/comment /shared/comment)"));
    lines.extend(noted(&mut owner, "Work/2026"));
    lines.extend(noted(&mut other, "~user1/Work/2026"));
    for arguments in
        [["alias", "list", "user1"], ["account", "settings", "user1"], ["account", "certificate", "user1"]]
    {
        lines.push(json(&server.ctl(&[&["--json"], &arguments[..]].concat())).to_string());
    }
    lines
}

fn noted(client: &mut Client, mailbox: &str) -> Vec<String> {
    client.ok(&format!("EXAMINE {mailbox} (ANNOTATE)"));
    client.ok("FETCH 1:* (ANNOTATION (/* value))")
}

/// An account that was removed comes back with all that it had, under another number.
#[test]
fn an_account_comes_back_with_all_that_it_had() {
    for running in [true, false] {
        let mut server = furnished();
        let place = directory(&server, "backup");
        json(&server.ctl(&["--json", "backup", &place]));
        let (before, inbox) = (shown(&server), seen(&server, "INBOX"));
        assert!(before.iter().any(|line| line.contains("2\0's")), "{before:#?}");
        assert!(server.ctl(&["account", "remove", "user1"]).status.success());
        let added = server.ctl_with(&["account", "add", "user1"], b"secret\n");
        assert!(added.status.success(), "{added:?}");
        if !running {
            server.ctl(&["stop"]);
            server.wait();
        }
        let restored = json(&server.ctl(&["--json", "restore", "--account", "user1", &place]));
        assert_eq!(restored["mailboxes"].as_u64(), Some(4), "{restored}");
        assert_eq!(restored["left_out"], serde_json::json!({}), "{restored}");
        if !running {
            server.restart();
        }
        assert_eq!(shown(&server), before, "a daemon runs: {running}");
        assert_eq!(seen(&server, "INBOX"), inbox);
        let again = server.ctl(&["restore", "--account", "user1", &place]);
        let said = String::from_utf8(again.stdout).unwrap();
        assert_eq!(said, "0 messages are back in 4 mailboxes of user1\n");
        assert!(server.ctl(&["check"]).status.success());
    }
}

/// What an account has stays as it is; who has been struck off a list since stays off it.
#[test]
fn what_is_there_stays_as_it_is() {
    let server = furnished();
    let place = directory(&server, "backup");
    json(&server.ctl(&["--json", "backup", &place]));
    let mut owner = server.user("user1");
    for command in [
        "DELETEACL INBOX user2",
        "SETACL Work/2026 user3 lrs",
        "SETMETADATA Work/2026 (/private/comment NIL /shared/comment \"another\" /shared/more \"more\")",
        "DELETE Bin",
        "CREATE Waste (USE (\\Trash))",
        "DELETE Contacts",
        "DELETE Holder",
        "UNSUBSCRIBE ~user2/Orders",
    ] {
        owner.ok(command);
    }
    for arguments in [
        &["alias", "remove", "user1", "Sales"][..],
        &["alias", "add", "user1", "Contacts", "~user2/Orders"],
        &["mailbox", "create", "user1", "Sales"],
        &["quota", "set", "user1", "--storage", "default", "--messages", "5000"],
        &["account", "settings", "user1", "--show-non-mail", "no"],
    ] {
        let done = server.ctl(arguments);
        assert!(done.status.success(), "{arguments:?}: {done:?}");
    }
    let restored = json(&server.ctl(&["--json", "restore", "--account", "user1", &place]));
    assert_eq!(
        restored["left_out"],
        serde_json::json!({
            "Bin: another mailbox is \\Trash": 1,
            "Contacts: an alias has the name, or one above it": 1,
            "INBOX: its access list stays as it is now": 1,
            "Work/2026: its access list stays as it is now": 1,
            "the alias Sales: a mailbox has the name": 1,
        })
    );
    let acl = owner.ok("GETACL Work/2026").concat();
    assert!(acl.ends_with(" user3 lrs") && acl.contains(" user2 lrswin"), "{acl}");
    assert!(!owner.ok("GETACL INBOX").concat().contains("user2"));
    let metadata = owner.ok("GETMETADATA (DEPTH infinity) Work/2026 (/private /shared)").concat();
    for value in ["/private/comment \"mine\"", "/shared/comment \"another\"", "/shared/more \"more\""] {
        assert!(metadata.contains(value), "{metadata}");
    }
    assert_eq!(owner.ok("GETMETADATA Holder /private/comment").len(), 1);
    assert!(owner.ok("LIST (SPECIAL-USE) \"\" *").concat().contains("\"/\" Waste"));
    assert_eq!(owner.ok("GETQUOTA user1"), ["* QUOTA user1 (STORAGE 2221 1048576 MESSAGE 65 5000)"]);
    let settings = json(&server.ctl(&["--json", "account", "settings", "user1"]));
    assert_eq!(settings["rows"][0]["own"].as_str(), Some("no"));
    let names = |client: &mut Client| client.ok("LIST (SUBSCRIBED) \"\" *").concat();
    assert!(names(&mut owner).contains("~user2/Orders"));
    // One mailbox alone, which has been made anew meanwhile, and has no list.
    owner.ok("DELETE Work/2026");
    owner.ok("UNSUBSCRIBE ~user2/Orders");
    owner.ok("CREATE Work/2026");
    let one = json(&server.ctl(&["--json", "restore", "--account", "user1", "--mailbox", "Work/2026", &place]));
    assert_eq!((one["messages"].as_u64(), &one["left_out"]), (Some(6), &serde_json::json!({})));
    assert!(owner.ok("GETACL Work/2026").concat().contains(" user3 lr "));
    assert!(!names(&mut owner).contains("~user2/Orders"), "it is the account's, not the mailbox's");
}

/// The numbers that accounts have in the backup are other people's on another server: they get nothing, nor does who gets a
/// name later that nobody had.
#[test]
fn strangers_get_nothing() {
    let server = furnished();
    let place = directory(&server, "backup");
    json(&server.ctl(&["--json", "backup", &place]));
    let other = Server::start("");
    let mut strangers = [7, 8, 9].map(|n| other.user(&format!("user{n}")));
    for name in ["user2", "user3"] {
        assert!(other.ctl(&["account", "remove", name]).status.success());
    }
    let restored = json(&other.ctl(&["--json", "restore", "--account", "user1", &place]));
    assert_eq!(
        restored["left_out"],
        serde_json::json!({
            // Of Work/2026, and of a message there.
            "annotations of 'user2', who has no account here": 2,
            "rights of 'user2', which is nobody here": 2,
            "rights of 'user3', which is nobody here": 1,
        })
    );
    let text = other.ctl(&["restore", "--account", "user1", &place]);
    let said = String::from_utf8(text.stdout).unwrap();
    assert!(
        said.ends_with("left out: rights of 'user3', which is nobody here\n") && said.contains("(2 times)"),
        "{said}"
    );
    let mut owner = other.user("user1");
    let acl = owner.ok("GETACL Work/2026").concat();
    assert!(acl.contains(" -user4 r") && acl.contains(" anyone l") && !acl.contains("user2"), "{acl}");
    owner.ok("SETACL Work/2026 anyone lr");
    for stranger in &mut strangers {
        let private = stranger.ok("GETMETADATA ~user1/Work/2026 (/private/comment)");
        assert_eq!(private, ["* METADATA ~user1/Work/2026 (/private/comment NIL)"]);
        let notes = noted(stranger, "~user1/Work/2026").concat();
        assert!(!notes.contains("of 9") && !notes.contains("of 16"), "{notes}");
    }
    owner.ok("SETACL Work/2026 anyone l");
    let added = other.ctl_with(&["account", "add", "user3"], b"secret\n");
    assert!(added.status.success(), "{added:?}");
    let (_, refused) = other.user("user3").command("SELECT ~user1/Work/2026");
    assert!(refused.starts_with("NO [NOPERM]"), "{refused}");
    // Once there is somebody of the name, it is he who is meant.
    let added = other.ctl_with(&["account", "add", "user2"], b"secret\n");
    assert!(added.status.success(), "{added:?}");
    owner.ok("DELETE Work/2026");
    json(&other.ctl(&["--json", "restore", "--account", "user1", &place]));
    let notes = noted(&mut other.user("user2"), "~user1/Work/2026").concat();
    assert!(notes.contains("of 16") && !notes.contains("of 9"), "{notes}");
    assert!(other.ctl(&["check"]).status.success());
}

/// Root restores from a backup that is the daemon's user's, and the next backup goes there.
#[test]
fn a_backup_stays_the_daemons() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    if std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() != 0) {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let mut server = Server::prepare("");
    let config = std::fs::read_to_string(server.path("gatepost.ini")).unwrap();
    std::fs::write(server.path("gatepost.ini"), config.replace("User = root", "User = nobody")).unwrap();
    for (name, mode) in
        [("", 0o777), ("passwd", 0o644), ("gatepost.ini", 0o644), ("key.pem", 0o644), ("cert.pem", 0o644)]
    {
        std::fs::set_permissions(server.path(name), PermissionsExt::from_mode(mode)).unwrap();
    }
    server.restart();
    let place = directory(&server, "backup");
    let mut client = server.user("user1");
    client.append("INBOX", b"Subject: one\r\n\r\n").unwrap();
    json(&server.ctl(&["--json", "backup", &place]));
    // One that somebody has copied by hand.
    std::os::unix::fs::lchown(server.path("backup/version"), Some(0), Some(0)).unwrap();
    for running in [true, false] {
        client.ok("SELECT INBOX");
        client.ok("STORE 1:* +FLAGS (\\Deleted)");
        client.ok("EXPUNGE");
        if !running {
            server.ctl(&["stop"]);
            server.wait();
        }
        let restored = json(&server.ctl(&["--json", "restore", "--account", "user1", &place]));
        assert_eq!(restored["messages"].as_u64(), Some(1), "a daemon runs: {running}");
        json(&server.ctl(&["--json", "backup", &place]));
        if !running {
            server.restart();
            client = server.user("user1");
        }
        assert_eq!(client.ok("STATUS INBOX (MESSAGES)")[0], "* STATUS INBOX (MESSAGES 1)");
    }
    // A file that has another name elsewhere may be no file of the backup.
    std::fs::hard_link(server.path("passwd"), server.path("backup/passwd")).unwrap();
    let refused = server.ctl(&["restore", "--account", "user1", &place]);
    assert_eq!((refused.status.code(), std::fs::metadata(server.path("passwd")).unwrap().uid()), (Some(74), 0));
}

/// Names beyond those of one request, and URLs, whose keys stay where they are.
#[test]
fn many_names_come_back_and_no_keys() {
    let server = filled();
    let mut owner = server.user("user1");
    for n in 0..450 {
        owner.ok(&format!("SUBSCRIBE \"s\\\"{n}\""));
    }
    for n in 0..230 {
        owner.ok(&format!("SETMETADATA \"\" (/private/vendor/gatepost/alias/a{n} \"~user2/x{n}\")"));
    }
    let generate = "GENURLAUTH \"imap://user1@localhost/INBOX/;UID=1;URLAUTH=anonymous\" INTERNAL";
    let said = owner.ok(generate).remove(0);
    let url = said.strip_prefix("* GENURLAUTH \"").unwrap().trim_end_matches('"').to_string();
    let fetched = |server: &Server| server.user("user2").ok(&format!("URLFETCH \"{url}\"")).remove(0);
    assert!(!fetched(&server).ends_with(" NIL"));
    let place = directory(&server, "backup");
    json(&server.ctl(&["--json", "backup", &place]));
    assert!(server.ctl(&["account", "remove", "user1"]).status.success());
    assert!(server.ctl_with(&["account", "add", "user1"], b"secret\n").status.success());
    json(&server.ctl(&["--json", "restore", "--account", "user1", &place]));
    let mut owner = server.user("user1");
    assert_eq!(owner.ok("LIST (SUBSCRIBED) \"\" *").len(), 451);
    let aliases = owner.ok("GETMETADATA (DEPTH infinity) \"\" /private/vendor/gatepost/alias").concat();
    assert_eq!(aliases.matches("~user2/x").count(), 230);
    // UID 1 may be another message now.
    assert!(fetched(&server).ends_with(" NIL"), "a URL of before is good again");
}

/// A server that takes less than the one of the backup: what is beyond is left out and said, mail is not.
#[test]
fn annotations_beyond_the_bounds_are_left_out() {
    let server = filled();
    let mut owner = server.user("user1");
    let value = "x".repeat(6000);
    owner.ok(&format!("SETMETADATA INBOX (/shared/comment {{6000+}}\r\n{value} /shared/other \"y\")"));
    owner.ok("SELECT Work/2026 (ANNOTATE)");
    for n in 0..12 {
        owner.ok(&format!("SETMETADATA Work/2026 (/private/e{n:02} \"{n}\")"));
        owner.ok(&format!("STORE 2 ANNOTATION (/vendor/x/e{n:02} (value.priv \"{n}\"))"));
    }
    owner.ok(&format!("STORE 3 ANNOTATION (/comment (value.priv {{6000+}}\r\n{value}))"));
    owner.ok("STORE 4 ANNOTATION (/comment (value.priv \"kept\"))");
    let place = directory(&server, "backup");
    json(&server.ctl(&["--json", "backup", &place]));
    let other = Server::start("[Metadata]\nMaximum Entries = 10\nMaximum Value Size = 4K\n");
    let restored = json(&other.ctl(&["--json", "restore", "--account", "user1", &place]));
    assert_eq!(
        restored,
        serde_json::json!({
            "mailboxes": 3,
            "messages": 65,
            "mended": 0,
            "left_out": {
                "INBOX: annotations beyond what there may be": 1,
                "Work/2026: annotations beyond what there may be": 1,
                "Work/2026: annotations of messages beyond what there may be": 1,
            },
            "unread": [],
        })
    );
    let mut owner = other.user("user1");
    let all = |client: &mut Client, name: &str| {
        client.ok(&format!("GETMETADATA (DEPTH infinity) {name} (/private /shared)")).concat()
    };
    assert_eq!(all(&mut owner, "INBOX"), "* METADATA INBOX (/shared/other \"y\")");
    assert_eq!(all(&mut owner, "Work/2026").matches("/private/e").count(), 10);
    let notes = noted(&mut owner, "Work/2026");
    assert_eq!(notes.iter().filter(|line| line.contains("ANNOTATION")).count(), 1, "{notes:?}");
    assert!(notes[3].starts_with("* 4 FETCH") && notes[3].contains("\"kept\""), "{notes:?}");
    assert!(other.ctl(&["check"]).status.success());
}

#[test]
fn what_is_no_backup_is_refused() {
    let server = filled();
    let nothing = directory(&server, "nothing");
    assert_eq!(server.ctl(&["restore", "--account", "user1", &nothing]).status.code(), Some(74));
    std::fs::create_dir(&nothing).unwrap();
    assert_eq!(server.ctl(&["restore", "--account", "user1", &nothing]).status.code(), Some(65));
    assert_eq!(std::fs::read_dir(&nothing).unwrap().count(), 0, "nothing is made where there is nothing");
    std::fs::write(server.path("nothing/letter"), "x").unwrap();
    assert_eq!(server.ctl(&["backup", &nothing]).status.code(), Some(74), "a directory of somebody else");
    assert_eq!(std::fs::read_dir(&nothing).unwrap().count(), 1);
}

#[test]
fn what_is_in_use_is_no_backup_now() {
    let server = filled();
    let backup = directory(&server, "backup");
    assert!(server.ctl(&["backup", &backup]).status.success());
    let store = Store::open(Path::new(&backup), &Options::default()).unwrap();
    for arguments in [&["backup", &backup][..], &["restore", "--account", "user1", &backup]] {
        let refused = server.ctl(arguments);
        assert_eq!(refused.status.code(), Some(69), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("a backup to it is under way"), "{refused:?}");
    }
    drop(store);
}

/// A tool that is ended while the daemon does what it asked for. Now and then it may be done before.
fn asked_and_gone(server: &Server, request: &str, what: &str) {
    use std::io::Write;
    let said = format!("{what} is stopped: the tool that asked for it has gone");
    let has_said = || std::fs::read_to_string(server.path("log")).is_ok_and(|log| log.contains(&said));
    let ask = || {
        let mut stream = std::os::unix::net::UnixStream::connect(server.path("run/control")).unwrap();
        writeln!(stream, "{request}").unwrap();
        drop(stream);
        std::thread::sleep(std::time::Duration::from_millis(100));
        has_said()
    };
    assert!((0..100).any(|_| ask()), "{what} goes on");
}

/// Again and again, while threads that had the directory open are letting go of it.
fn until_free(run: impl Fn() -> Output) -> Output {
    loop {
        let done = run();
        if done.status.code() != Some(69) {
            return done;
        }
    }
}

#[test]
fn what_nobody_waits_for_is_stopped() {
    let server = filled();
    let mut client = server.user("user1");
    client.ok("SELECT INBOX");
    client.ok("STORE 1:* +FLAGS \\Deleted");
    let expunged = client.ok("EXPUNGE").iter().filter(|line| line.ends_with(" EXPUNGE")).count();
    let place = directory(&server, "backup");
    asked_and_gone(&server, r#"{"verb": "undelete", "account": "user1"}"#, "an undelete");
    asked_and_gone(&server, r#"{"verb": "check"}"#, "a check");
    asked_and_gone(&server, &format!(r#"{{"verb": "backup", "directory": "{place}"}}"#), "a backup");
    json(&server.ctl(&["--json", "undelete", "--account", "user1"]));
    assert_eq!(server.user("user1").ok("STATUS INBOX (MESSAGES)"), [format!("* STATUS INBOX (MESSAGES {expunged})")]);
    let done = until_free(|| server.ctl(&["--json", "backup", &place]));
    assert!(done.status.success(), "{done:?}");
}

/// A backup that is cut short in the middle takes nothing away: the one before comes back.
#[test]
fn the_last_backup_stays_until_the_next_is_whole() {
    let mut server = filled();
    let place = directory(&server, "backup");
    let last = server.path("backup/last");
    json(&server.ctl(&["--json", "backup", &place]));
    assert!(!last.exists());
    let before = seen(&server, "INBOX");
    let mut client = server.user("user1");
    client.append("INBOX", b"Subject: new\r\n\r\nnew\r\n").unwrap();
    client.ok("SELECT INBOX");
    client.ok("STORE 1:20 +FLAGS \\Deleted");
    client.ok("EXPUNGE");
    client.ok("DELETE Work/2026");
    server.ctl(&["stop"]);
    server.wait();
    let cut_short = |after: usize| {
        let store = Store::open(&server.path("data/store"), &Options::default()).unwrap();
        let (copied_to, mut heard) = (CopyPlace::open(Path::new(&place), &store).unwrap(), 0);
        let mut progress = |_: &Copied| {
            heard += 1;
            if heard > after { Err(Stopped) } else { Ok(()) }
        };
        let stopped = store.copy_to(copied_to.store(), 7, &mut progress);
        assert!(matches!(stopped, Err(StoreError::Stopped)), "{stopped:?}");
    };
    for after in [1, 60, 3] {
        cut_short(after);
        assert!(last.exists());
        let mut other = Server::start("");
        other.ctl(&["stop"]);
        other.wait();
        // The store is let go of by threads.
        let restored = until_free(|| other.ctl(&["restore", &place]));
        assert!(restored.status.success(), "{restored:?}");
        let said = String::from_utf8_lossy(&restored.stderr);
        assert!(said.contains("the last backup was cut short; this is the one before, of 20"), "{said}");
        assert!(other.ctl(&["check"]).status.success());
        other.restart();
        assert_eq!(seen(&other, "INBOX"), before);
        assert_eq!(seen(&other, "Work/2026").len(), 6);
    }
    // What has been begun cannot even be opened.
    let version = server.path("backup/version");
    let octets = std::fs::read(&version).unwrap();
    std::fs::remove_file(&version).unwrap();
    std::fs::write(&version, b"rotten").unwrap();
    let restored = until_free(|| server.ctl(&["restore", "--account", "user1", &place]));
    let said = String::from_utf8_lossy(&restored.stderr);
    assert!(restored.status.success() && said.contains("backup/version is damaged"), "{restored:?}");
    assert!(said.contains("this is the one before, of 20"), "{said}");
    std::fs::write(&version, octets).unwrap();

    let finished = until_free(|| server.ctl(&["backup", &place]));
    assert!(finished.status.success() && !last.exists(), "{finished:?}");
    let again = until_free(|| server.ctl(&["--json", "restore", "--account", "user1", &place]));
    assert_eq!((json(&again)["messages"].as_u64(), again.stderr.is_empty()), (Some(0), true));
}

#[test]
fn space_is_shown() {
    let server = filled();
    let space = json(&server.ctl(&["--json", "space"]));
    let row = &space["rows"][0];
    assert_eq!((row["account"].as_str(), row["messages"].as_u64()), (Some("user1"), Some(65)));
    // Five of them are copies.
    assert!(row["stored_bytes"].as_u64() < row["bytes"].as_u64());
    assert_eq!(row["kept_messages"].as_u64(), Some(0));
    assert!(space["result"]["disk_bytes"].as_u64() > Some(0));
    let table = server.ctl(&["space", "--account", "user1"]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("STORED_BYTES"), "{table:?}");
}

/// A mailbox, or an account, that cannot be read hides no other.
#[test]
fn space_that_cannot_be_counted_is_named() {
    let mut server = Server::start("");
    for user in ["user0", "user1", "user2"] {
        let mut client = server.user(user);
        client.ok("CREATE Two");
        for mailbox in ["INBOX", "Two"] {
            assert!(client.append(mailbox, b"Subject: one\r\n\r\n").unwrap().starts_with("OK"));
        }
    }
    server.ctl(&["stop"]);
    server.wait();
    let engine = Embedded::open(&server.path("data/store"), &Options::default()).unwrap();
    let store = Store::with_engine(engine.clone()).unwrap();
    let account = |name: &str| store.account(&AccountName::new(name).unwrap()).unwrap().unwrap();
    let two = MailboxName::new("Two").unwrap();
    let image = store.account_image(account("user0")).unwrap();
    let id = image.nodes.iter().find(|node| node.name == two).unwrap().id.unwrap();
    for (partition, key) in
        [(Partition::Mailbox(account("user0"), id), &b"h"[..]), (Partition::Account(account("user1")), b"n")]
    {
        let mut batch = Batch::new(partition, engine.version(partition).unwrap());
        batch.put(key.to_vec(), vec![0xff]);
        engine.commit(vec![batch], Durability::Synced).unwrap();
    }
    drop((store, engine));
    let output = until_free(|| server.ctl(&["--json", "space"]));
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows: Vec<_> =
        said["rows"].as_array().unwrap().iter().map(|row| (&row["account"], &row["messages"])).collect();
    assert_eq!(format!("{rows:?}"), r#"[(String("user0"), Number(1)), (String("user2"), Number(2))]"#);
    let unread: Vec<_> = said["result"]["unread"].as_array().unwrap().iter().map(|of| &of["mailbox"]).collect();
    assert_eq!(format!("{unread:?}"), r#"[String("Two"), Null]"#);
    let table = server.ctl(&["space"]);
    assert_eq!(table.status.code(), Some(65));
    let table = String::from_utf8_lossy(&table.stdout);
    assert!(table.contains("user2") && table.contains("Two") && table.contains("it cannot be read"), "{table}");
}

/// Message `n` of those that are harmed below: no octet of it is stored in another way than it is written.
fn harmed(n: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(n);
    let text: String = std::iter::repeat_with(|| random.alphanumeric()).take(3000).collect();
    format!("Subject: m{n}\r\n\r\nharmed {n}: {text}\r\n").into_bytes()
}

/// Changes the octet behind `what` wherever it stands in the files of a directory of fjall's.
fn harm(server: &Server, files: &str, what: &str) {
    let mut found = 0;
    for entry in std::fs::read_dir(server.path("data/store/keyspaces").join(files)).unwrap() {
        let path = entry.unwrap().path();
        let mut octets = std::fs::read(&path).unwrap();
        if let Some(at) = octets.windows(what.len()).position(|octets| octets == what.as_bytes()) {
            octets[at + what.len()] ^= 1;
            std::fs::write(&path, octets).unwrap();
            found += 1;
        }
    }
    assert_eq!(found, 1, "{what}");
}

/// A message whose octets are damaged keeps nothing else from a backup, nor from coming back from it. It is named each
/// time; a backup that has its octets from before keeps them.
#[test]
fn what_cannot_be_read_is_named_and_costs_nothing_else() {
    let mut server = Server::start("");
    let mut client = server.user("user1");
    client.ok("CREATE Two");
    for n in 0..6 {
        assert!(client.append("INBOX", &harmed(n)).unwrap().starts_with("OK"));
    }
    client.ok("SELECT INBOX");
    client.ok("COPY 2 Two");
    client.ok("STORE 5 +FLAGS (\\Deleted)");
    client.ok("EXPUNGE");
    let early = directory(&server, "early");
    json(&server.ctl(&["--json", "backup", &early]));
    // What comes in so many chunks is written out of the journal, and all that came before it.
    let large = format!("Subject: large\r\n\r\n{}\r\n", "x".repeat(9 << 20));
    assert!(client.append("Two", large.as_bytes()).unwrap().starts_with("OK"));
    for n in [1, 4] {
        harm(&server, "2/blobs", &format!("harmed {n}:"));
    }

    let named = |output: &Output| -> Vec<String> {
        assert_eq!(output.status.code(), Some(65), "{output:?}");
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let row = |row: &Value| format!("{} {} {} {}", row["account"], row["mailbox"], row["uid"], row["what"]);
        said["unread"].as_array().unwrap().iter().map(row).collect()
    };
    let damaged = |what: &str| {
        [("INBOX", 2, ""), ("INBOX", 5, "it has been expunged and is kept; "), ("Two", 1, "")]
            .map(|(mailbox, uid, of)| format!("\"user1\" \"{mailbox}\" {uid} \"{of}its octets are {what}\""))
    };
    let late = directory(&server, "late");
    for _ in 0..2 {
        assert_eq!(named(&server.ctl(&["--json", "backup", &late])), damaged("damaged"));
    }
    let text = server.ctl(&["backup", &late]);
    assert!(
        String::from_utf8_lossy(&text.stdout).contains("user1    INBOX      2  its octets are damaged"),
        "{text:?}"
    );
    assert!(String::from_utf8_lossy(&text.stderr).contains("but what is listed (3)"), "{text:?}");
    assert_eq!(read_all(&mut client), [1, 3, 4, 6]);
    // An export has all the others.
    let mbox = directory(&server, "out.mbox");
    let exported = server.ctl(&["--json", "export", "--account", "user1", &mbox]);
    assert_eq!(named(&exported).len(), 1, "{exported:?}");
    let text = std::fs::read_to_string(&mbox).unwrap();
    let subjects: Vec<&str> = text.lines().filter(|line| line.starts_with("Subject: ")).collect();
    assert_eq!(subjects, ["Subject: m0", "Subject: m2", "Subject: m3", "Subject: m5"]);
    files_wait_for_a_repair(&server, "message UID 2: its octets are damaged");
    // The octets are there from before.
    assert_eq!(json(&server.ctl(&["--json", "backup", &early]))["messages"].as_u64(), Some(1));

    for (place, lost) in [(&early, false), (&late, true)] {
        let mut other = Server::prepare("");
        let restored = other.ctl(&["--json", "restore", place]);
        let expected = if lost { damaged("lost").to_vec() } else { Vec::new() };
        match lost {
            true => assert_eq!(named(&restored), expected),
            false => drop(json(&restored)),
        }
        let checked = String::from_utf8_lossy(&other.ctl(&["check"]).stdout).into_owned();
        assert_eq!(checked.matches("its octets are lost").count(), if lost { 3 } else { 0 }, "{checked}");
        other.restart();
        let read = read_all(&mut other.user("user1"));
        assert_eq!(read, if lost { vec![1, 3, 4, 6] } else { vec![1, 2, 3, 4, 6] });
        // An account comes back likewise.
        let third = Server::start("");
        let restored = third.ctl(&["--json", "restore", "--account", "user1", place]);
        match lost {
            true => assert_eq!(named(&restored), [&expected[0][..], &expected[2][..]]),
            false => drop(json(&restored)),
        }
        let status = third.user("user1").ok("STATUS INBOX (MESSAGES)").concat();
        assert!(status.contains(if lost { "MESSAGES 4" } else { "MESSAGES 5" }), "{status}");
    }

    // What is there has its octets again, where it is, from a backup that has them.
    let restored = json(&server.ctl(&["--json", "restore", "--account", "user1", "--mailbox", "INBOX", &early]));
    assert_eq!((restored["messages"].as_u64(), restored["mended"].as_u64()), (Some(0), Some(1)), "{restored}");
    assert_eq!(read_all(&mut client), [1, 2, 3, 4, 6]);
    let checked = String::from_utf8_lossy(&server.ctl(&["check"]).stdout).into_owned();
    assert_eq!(checked.matches("octets are").count(), 1, "{checked}");
    assert!(checked.contains("message UID 5, expunged and kept: its octets are damaged"), "{checked}");
    // Who brings a message of octets that are damaged is not told that it is kept when it is not.
    assert!(client.append("INBOX", &harmed(4)).unwrap().starts_with("OK"));
    assert_eq!(read_all(&mut client), [1, 2, 3, 4, 6, 7]);
    // The file is mended when the store is not open.
    server.ctl(&["stop"]);
    server.wait();
    let repaired = server.ctl(&["check", "--repair"]);
    assert!(repaired.status.success(), "{repaired:?}");
    assert!(String::from_utf8_lossy(&repaired.stdout).contains("at 2 places is given up"), "{repaired:?}");
    server.restart();
    assert_eq!(read_all(&mut server.user("user1")), [1, 2, 3, 4, 6, 7]);
}

/// A check finds it, and a repair too, which says what must be done as the daemon runs; what each has found.
fn files_wait_for_a_repair(server: &Server, what: &str) -> [String; 2] {
    [(&["check"][..], 65), (&["check", "--repair"], 69)].map(|(arguments, exit)| {
        let checked = server.ctl(arguments);
        assert_eq!(checked.status.code(), Some(exit), "{checked:?}");
        let (found, said) = (String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
        assert!(found.contains(what), "{found}");
        assert!(said.contains("stop gatepostd, run gatepostctl check --repair, and start it again"), "{said}");
        found.into_owned()
    })
}

/// A file of the store of which nothing but a summary cannot be read is damaged all the same: a repair through the daemon makes
/// the summary anew, and says that the file waits for a repair without it.
#[test]
fn a_summary_that_cannot_be_read_asks_for_a_repair_without_the_daemon() {
    let server = with_a_broken_summary();
    for found in files_wait_for_a_repair(&server, "message UID 2: its summary cannot be read") {
        assert!(found.ends_with(" bytes: 1 finding\n"), "{found}");
    }
    assert!(server.ctl(&["check"]).status.success(), "the summary has been made anew");
}

/// Whoever asks for a summary that cannot be read, or for others of its page, finds them all: it is made of the message.
#[test]
fn a_summary_that_cannot_be_read_is_made_anew_when_it_is_asked_for() {
    let server = with_a_broken_summary();
    let mut client = server.user("user1");
    client.ok("EXAMINE INBOX");
    let found = |client: &mut Client, n| client.ok(&format!("SEARCH SUBJECT {}", &words(n)[..20])).concat();
    for n in 0..4 {
        assert_eq!(found(&mut client, n), format!("* SEARCH {}", n + 1));
    }
    let envelopes = client.ok("FETCH 1:4 ENVELOPE");
    assert!((0..4).all(|n| envelopes[n as usize].contains(&words(n))), "{envelopes:?}");
    let one = client.ok("FETCH 2 ENVELOPE").concat();
    assert!(one.contains(&words(1)), "{one}");
    // It is written in the place of the other.
    assert!(server.ctl(&["check"]).status.success());
}

fn words(n: u64) -> String {
    let mut random = fastrand::Rng::with_seed(n);
    std::iter::repeat_with(|| random.alphanumeric()).take(7000).collect()
}

/// Four messages in INBOX, and the summary of the second cannot be read.
fn with_a_broken_summary() -> Server {
    let server = Server::start("");
    let mut client = server.user("user1");
    // The summary of each fills a block of its own.
    for n in 0..4 {
        let mail = format!("Subject: {}\r\n\r\n\r\n", words(n));
        assert!(client.append("INBOX", mail.as_bytes()).unwrap().starts_with("OK"));
    }
    // A check waits for the summaries.
    let sound = server.ctl(&["check"]);
    assert_eq!(String::from_utf8_lossy(&sound.stdout), "1 account, 1 mailbox, 4 messages, 28060 bytes: 0 findings\n");
    // The list of the files is another when a table has been written.
    let list = || std::fs::read(server.path("data/store/keyspaces/1/current")).unwrap();
    let (first, large) = (list(), "x".repeat(60_000));
    let tries = (0..10_000).take_while(|_| list() == first);
    tries.for_each(|_| drop(client.ok(&format!("SETMETADATA INBOX (/private/comment {{60000+}}\r\n{large})"))));
    harm(&server, "1/tables", &words(1)[..16]);
    server
}

/// Of a large message, a chunk that is lost is told before a literal is announced; one that has rotted ends one connection,
/// and is told before from then on. What is not asked for is in nobody's way.
#[test]
fn a_large_message_that_is_damaged_is_refused_and_the_connection_goes_on() {
    let mut server = Server::start("");
    let mut client = server.user("user1");
    let mut random = fastrand::Rng::with_seed(1);
    let words = std::iter::repeat_with(|| random.alphanumeric()).take(CHUNK_BYTES * 6).collect::<String>();
    let (large, small) = (format!("Subject: large\r\n\r\n{words}\r\n"), "Subject: small\r\n\r\nsmall\r\n");
    // The last has so many chunks that all that came before it is written out.
    let last = format!("Subject: last\r\n\r\n{}\r\n", "x".repeat(9 << 20));
    for mail in [small, &large, small, &last] {
        assert!(client.append("INBOX", mail.as_bytes()).unwrap().starts_with("OK"));
    }
    let rotten = CHUNK_BYTES * 3 + 1000;
    harm(&server, "2/blobs", &words[rotten..rotten + 16]);
    let generate = "GENURLAUTH \"imap://user1@localhost/INBOX/;UID=2;URLAUTH=anonymous\" INTERNAL";
    let said = client.ok(generate).remove(0);
    let url = said.strip_prefix("* GENURLAUTH \"").unwrap().trim_end_matches('"');
    client.ok("EXAMINE INBOX");
    assert!(client.try_command("FETCH 2 BODY.PEEK[]").is_none(), "its literal had been announced");

    let refused = |client: &mut Client, command: &str, others: usize| {
        let (lines, end) = client.command(command);
        assert!(end.starts_with("NO [SERVERBUG] Some of the messages cannot be read"), "{command}: {end}");
        assert_eq!(lines.iter().filter(|line| line.contains(" FETCH (")).count(), others, "{command}");
    };
    let refused_alone = |client: &mut Client| {
        client.ok("EXAMINE INBOX");
        for item in ["BODY.PEEK[]", "BODY.PEEK[TEXT]", "BODY.PEEK[]<1000000.1000000>", "RFC822"] {
            refused(client, &format!("FETCH 1:3 ({item})"), 2);
        }
        let (end, begin) = ("BODY.PEEK[]<2500000.1000>", "BODY.PEEK[]<0.1000000>");
        let parts = client.ok(&format!("FETCH 2 ({end} {begin} BODY.PEEK[HEADER] BINARY.PEEK[]<0.10>)")).concat();
        for part in [&large[2_500_000..2_501_000], &large[..1_000_000]] {
            assert!(parts.contains(part));
        }
        assert_eq!(client.ok(&format!("URLFETCH \"{url}\""))[0], format!("* URLFETCH \"{url}\" NIL"));
        assert!(client.ok("FETCH 4 BODY.PEEK[]").concat().contains(&last));
    };
    refused_alone(&mut server.user("user1"));
    // When it has been given up it is lost: a process that has never read it knows.
    server.ctl(&["stop"]);
    server.wait();
    assert_eq!(server.ctl(&["check", "--repair"]).status.code(), Some(65));
    server.restart();
    refused_alone(&mut server.user("user1"));
}

/// UIDs of the messages in INBOX that can be read, all of which are what they were; a FETCH of others is refused.
fn read_all(client: &mut Client) -> Vec<u32> {
    client.ok("SELECT INBOX");
    let (lines, end) = client.command("UID FETCH 1:* (UID BODY.PEEK[])");
    let of = |line: &String| line.split_once("UID ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    let is_whole = |line: &str| (0..6).any(|n| line.contains(std::str::from_utf8(&harmed(n)).unwrap()));
    assert!(lines.iter().filter(|line| line.contains(" FETCH ")).all(|line| is_whole(line)), "{lines:?}");
    let uids: Vec<u32> = lines.iter().filter(|line| line.contains(" FETCH ")).filter_map(of).collect();
    let all = client.ok("UID SEARCH ALL").concat();
    match all.split(' ').count() - 2 == uids.len() {
        true => assert!(end.starts_with("OK"), "{end}"),
        false => assert!(end.starts_with("NO [SERVERBUG] Some of the messages cannot be read"), "{end}"),
    }
    uids
}

const A: AccountId = AccountId(1);

fn torn(partition: Partition) -> (Arc<Torn>, Store) {
    let engine = Arc::new(Torn::new(partition));
    (engine.clone(), Store::with_engine(engine).unwrap())
}

fn account(store: &Store) -> Arc<Account> {
    Manager::new(store.clone(), Limits::default()).account(&AccountName::new("joe").unwrap()).unwrap()
}

fn append(account: &Account, name: &str, octets: Vec<u8>) {
    let mailbox = account.mailbox(&MailboxName::new(name).unwrap()).unwrap();
    let date = InternalDate { secs: 0, zone_mins: 0 };
    let message = account.intake(&mailbox).unwrap().take(octets, Vec::new(), date).unwrap();
    mailbox.commit(Change::Append(vec![message])).unwrap();
}

fn copy(from: &Store, to: &Store) -> Copied {
    from.copy_to(to, 1, &mut |_| Ok(())).unwrap()
}

fn named(copied: &Copied) -> Vec<(Option<&str>, Option<u32>)> {
    copied.unread.iter().map(|of| (of.mailbox.as_ref().map(MailboxName::as_str), of.uid.map(Uid::get))).collect()
}

/// Messages of a mailbox, all of which can be read.
fn read(store: &Store, name: &str) -> usize {
    let account = account(store);
    let mailbox = account.mailbox(&MailboxName::new(name).unwrap()).unwrap();
    let snapshot = mailbox.snapshot().unwrap();
    snapshot.load_all().unwrap();
    snapshot.messages().filter(|message| mailbox.octets_of(message.blob(), 0..u64::MAX).is_ok()).count()
}

/// Wherever a copy is stopped, the next one goes on from there.
#[test]
fn a_copy_that_was_stopped_is_finished_by_the_next() {
    let store = Store::memory();
    let joe = account(&store);
    joe.create(&MailboxName::new("Two").unwrap(), &[]).unwrap();
    for n in 0..5 {
        append(&joe, "INBOX", format!("{n}\r\n").into_bytes());
        append(&joe, "Two", format!("two {n}\r\n").into_bytes());
    }
    append(&joe, "Two", vec![b'x'; 2 * CHUNK_BYTES + 7]);
    for stop_at in 0.. {
        let (target, mut heard) = (Store::memory(), 0);
        let stopped = store.copy_to(&target, 1, &mut |_| {
            heard += 1;
            if heard > stop_at { Err(Stopped) } else { Ok(()) }
        });
        let was_stopped = matches!(stopped, Err(StoreError::Stopped));
        assert!(was_stopped || stopped.is_ok());
        assert_eq!(target.finished().unwrap().is_some(), !was_stopped, "stopped after {stop_at}");
        copy(&store, &target);
        assert!(target.finished().unwrap().is_some());
        assert_eq!((read(&target, "INBOX"), read(&target, "Two")), (5, 6), "stopped after {stop_at}");
        if !was_stopped {
            assert!(stop_at > 30);
            break;
        }
    }
}

/// Of a mailbox that cannot be read the copy has what it had; of one that it never had, an empty one.
#[test]
fn a_mailbox_that_cannot_be_read_keeps_no_other_away() {
    let (engine, store) = torn(Partition::Mailbox(A, MailboxId(1)));
    let joe = account(&store);
    joe.create(&MailboxName::new("Two").unwrap(), &[]).unwrap();
    append(&joe, "INBOX", b"one\r\n".to_vec());
    append(&joe, "Two", b"two\r\n".to_vec());
    let target = Store::memory();
    engine.tear(true);
    for _ in 0..2 {
        assert_eq!(named(&copy(&store, &target)), [(Some("INBOX"), None)]);
        assert_eq!((read(&target, "INBOX"), read(&target, "Two")), (0, 1));
    }
    engine.tear(false);
    assert_eq!(named(&copy(&store, &target)), []);
    assert_eq!((read(&target, "INBOX"), read(&target, "Two")), (1, 1));
    assert_eq!(copy(&store, &target).mailboxes, 0);
    append(&joe, "INBOX", b"three\r\n".to_vec());
    append(&joe, "Two", b"four\r\n".to_vec());
    engine.tear(true);
    assert_eq!(named(&copy(&store, &target)), [(Some("INBOX"), None)]);
    assert_eq!((read(&target, "INBOX"), read(&target, "Two")), (1, 2));
}

#[test]
fn an_account_that_cannot_be_read_keeps_no_other_away() {
    let (engine, store) = torn(Partition::Account(A));
    append(&account(&store), "INBOX", b"one\r\n".to_vec());
    let manager = Manager::new(store.clone(), Limits::default());
    append(&manager.account(&AccountName::new("sue").unwrap()).unwrap(), "INBOX", b"two\r\n".to_vec());
    let target = Store::memory();
    engine.tear(true);
    let copied = copy(&store, &target);
    assert_eq!((named(&copied), copied.mailboxes), (vec![(None, None)], 1));
    engine.tear(false);
    assert_eq!(named(&copy(&store, &target)), []);
    assert_eq!(read(&target, "INBOX"), 1);
}

/// What a message refers to is copied where its reference is lost, and a large message that was cut short as a whole.
#[test]
fn what_a_record_names_is_copied() {
    let (engine, store) = torn(Partition::Server);
    let joe = account(&store);
    let large = vec![b'x'; CHUNK_BYTES * 2 + 1];
    let blob = |octets: &[u8]| BlobId(blake3::hash(octets).into());
    append(&joe, "INBOX", b"one\r\n".to_vec());
    append(&joe, "INBOX", large.clone());
    let uid = Uid::new(1).unwrap();
    let reference = Reference { blob: blob(b"one\r\n"), account: A, mailbox: MailboxId(1), uid };
    let mut batch = Batch::new(Partition::Account(A), store.account_version(A).unwrap());
    batch.removed.push(reference);
    engine.commit(vec![batch], Durability::Synced).unwrap();
    let cut_short = Arc::new(Memory::default());
    let target = Store::with_engine(cut_short.clone()).unwrap();
    // All but the first chunk: so a copy may have been cut short.
    cut_short.write_chunk(A, blob(&large), 1, &large[CHUNK_BYTES..CHUNK_BYTES * 2]).unwrap();
    assert_eq!(named(&copy(&store, &target)), []);
    assert_eq!(read(&target, "INBOX"), 2);
    // Octets that are others are none.
    engine.write_chunk(A, blob(b"one\r\n"), 0, b"two\r\n").unwrap();
    let again = Store::memory();
    assert_eq!(named(&copy(&store, &again)), [(Some("INBOX"), Some(1))]);
    assert_eq!(read(&again, "INBOX"), 1);
    // It comes back as it is in the copy, and is named.
    let back = Store::memory();
    assert_eq!(named(&again.restore_to(&back, &mut |_| Ok(())).unwrap()), [(Some("INBOX"), Some(1))]);
    assert_eq!(read(&back, "INBOX"), 1);
}

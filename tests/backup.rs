//! Backup of a server that runs, and what comes back from it.

mod common;

use std::process::Output;

use common::Server;
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

//! What an administrator sees of sessions, and the signs of life during long commands.          RFC 9585; CommuniGate Pro

mod common;

use std::time::{Duration, Instant};

use common::{Client, PATIENCE, Server};

/// The rows of `who`, with these options.
fn who(server: &Server, options: &[&str]) -> Vec<serde_json::Value> {
    let done = server.ctl(&[&["--json", "who"], options].concat());
    assert!(done.status.success(), "{done:?}");
    let mut json: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    json["rows"].take().as_array().unwrap().clone()
}

/// Waits until the session of an account has a status.
fn wait_for(server: &Server, account: &str, status: &str) -> serde_json::Value {
    let began = Instant::now();
    loop {
        let rows = who(server, &["--account", account]);
        if let Some(row) = rows.iter().find(|row| row["status"] == status) {
            return row.clone();
        }
        assert!(began.elapsed() < PATIENCE, "{account} has no {status}: {rows:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn sessions_and_what_they_are_at() {
    let server = Server::start("");
    let mut waiting = server.client();
    waiting.greeting();
    let row = wait_for(&server, "", "Authenticating");
    assert!(row["address"].as_str().unwrap().starts_with("127.0.0.1:") && row["running"].is_null(), "{row}");
    let mut client = server.user("user1");
    let row = wait_for(&server, "user1", "Authenticated");
    assert!(row["id"].as_str().unwrap().starts_with("IMAP-000") && row["connected"].as_u64().is_some(), "{row}");
    client.ok("CREATE Work");
    client.ok("SELECT Work");
    assert_eq!(wait_for(&server, "user1", "Selected")["mailbox"], "Work");
    client.send(b"i IDLE\r\n");
    assert!(client.response().unwrap().starts_with('+'));
    let row = wait_for(&server, "user1", "Connected to mailbox");
    assert!(row["mailbox"] == "Work" && row["running"].is_null(), "{row}");
    client.send(b"DONE\r\n");
    assert!(client.response().unwrap().starts_with("i OK"));
    wait_for(&server, "user1", "Selected");
    client.ok("UNSELECT");
    wait_for(&server, "user1", "Authenticated");
    client.send(b"l IDLE\r\n");
    wait_for(&server, "user1", "Listening");
    client.send(b"DONE\r\nu UNAUTHENTICATE\r\n");
    wait_for(&server, "", "Authenticating");

    // An operation in progress: the client is slow with its literal.
    let mut slow = server.user("user2");
    slow.send(b"a APPEND INBOX {100+}\r\nSubject");
    let row = wait_for(&server, "user2", "receiving a literal");
    assert!(row["running"].as_f64().is_some(), "{row}");
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(who(&server, &["--running", "1s"]).len(), 1);
    assert_eq!(who(&server, &["--running", "1h"]).len(), 0);
    assert_eq!(who(&server, &["--status", "RECEIVING*"]).len(), 1);
    assert_eq!(who(&server, &["--address", "127.0.*", "--account", "user*"]).len(), 1);
    assert_eq!(who(&server, &["--address", "127.0.0.2"]).len(), 0);
    assert_eq!(who(&server, &["--connected", "1s", "--account", "user2"]).len(), 1);
    assert_eq!(who(&server, &["--connected", "1h"]).len(), 0);
    assert_eq!(server.ctl(&["who", "--running", "soon"]).status.code(), Some(64));
    let text = String::from_utf8(server.ctl(&["who"]).stdout).unwrap();
    let head = text.lines().next().unwrap();
    assert_eq!(
        head.split_whitespace().collect::<Vec<_>>().join(" "),
        "ID IP ADDRESS ACCOUNT CONNECTED STATUS RUNNING"
    );
    slow.send(&[b'x'; 93]);
    slow.send(b"\r\n");
    assert!(until_tagged(&mut slow, "a").last().unwrap().starts_with("a OK"));
    wait_for(&server, "user2", "Authenticated");
}

/// What is said until the tagged response, which comes last.
fn until_tagged(client: &mut Client, tag: &str) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let line = client.response().unwrap();
        let last = line.starts_with(&format!("{tag} "));
        lines.push(line);
        if last {
            return lines;
        }
    }
}

// 3: INPROGRESS is listed
// 4: it is in an untagged OK, never in a tagged response; done is not above goal
#[test]
fn a_slow_literal_has_signs_of_life() {
    let server = Server::start("Send Running Every = 1s\nLiteral Memory = 1K");
    let mut client = server.user("user1");
    assert!(client.ok("CAPABILITY")[0].contains(" INPROGRESS"));
    client.send(b"one APPEND INBOX {3000}\r\n");
    assert!(client.response().unwrap().starts_with('+'));
    let piece = [b'x'; 1000];
    // The counts are as the server has them when a period ends.
    for done in [1000, 2000] {
        client.send(&piece);
        let want = format!("* OK [INPROGRESS (\"one\" {done} 3000)] Running");
        loop {
            let said = client.response().unwrap();
            assert!(said.starts_with("* OK [INPROGRESS (\"one\" ") && said.ends_with(" 3000)] Running"), "{said}");
            if said == want {
                break;
            }
        }
    }
    client.send(&piece);
    client.send(b"\r\n");
    let lines = until_tagged(&mut client, "one");
    assert!(lines.last().unwrap().starts_with("one OK [APPENDUID"), "{lines:?}");
    std::thread::sleep(Duration::from_millis(1500));
    assert!(client.ok("NOOP").is_empty(), "nothing after the tagged response");
}

/// No client, and none of those that a mask keeps it from.
#[test]
fn never_is_never() {
    let masked = "Send Running Every = 1s\n[Mask quiet]\nClient = quiet\nCapabilities = INPROGRESS";
    for configuration in ["Send Running Every = Never", masked] {
        let server = Server::start(configuration);
        let mut client = server.user("user1");
        client.ok("ID (\"name\" \"quiet\")");
        client.send(b"one APPEND INBOX {4+}\r\nabc");
        std::thread::sleep(Duration::from_millis(1500));
        client.send(b"d\r\n");
        assert_eq!(until_tagged(&mut client, "one").len(), 1);
    }
}

//! What those can use up who mean harm: strangers, and users.                     RFC 9051 11

mod common;

use std::io::Write;
use std::os::unix::fs::lchown;
use std::time::Duration;

use common::{Client, Server};

/// Reads until the server ends the connection; what it says last.
fn last_words(client: &mut Client) -> String {
    std::iter::from_fn(|| client.response()).last().unwrap_or_default()
}

fn stranger(server: &Server) -> Client {
    let mut client = server.client();
    client.greeting();
    client
}

/// The log, once a line has come that has `text`.
fn log_with(server: &Server, text: &str) -> String {
    loop {
        let log = std::fs::read_to_string(server.path("log")).unwrap_or_default();
        if log.lines().any(|line| line.contains(text)) {
            return log;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A literal that is too large is no bad command, and a command all the same.
#[test]
fn refused_literals_are_counted() {
    let server = Server::start("Maximum Commands before Login = 5");
    let mut client = stranger(&server);
    client.send(&b"a LOGIN {9999}\r\n".repeat(8));
    client.send(b"b LOGOUT\r\n");
    assert_eq!(last_words(&mut client), "* BYE Too many commands without a login");
}

/// Whoever begins AUTHENTICATE again and again has no more time than others.
#[test]
fn one_clock_for_all_that_comes_before_login() {
    let server = Server::start("Login Timeout = 2s");
    let mut client = stranger(&server);
    let mut again = client.stream.get_ref().try_clone().unwrap();
    // The next one stands behind the end of the last: the server never waits for a command.
    let pesters = std::thread::spawn(move || {
        client.send(b"a AUTHENTICATE PLAIN\r\n");
        last_words(&mut client)
    });
    while again.write_all(b"*\r\na AUTHENTICATE PLAIN\r\n").is_ok() {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(pesters.join().unwrap(), "* BYE Autologout: nothing heard for too long");
}

/// A stranger does not fill the disk that the log is on.
#[test]
fn little_of_what_strangers_say_is_logged() {
    let server = Server::start("Log Level = Problems");
    let mut client = stranger(&server);
    let field = "v".repeat(1000);
    for name in ["first", "second"] {
        client.ok(&format!("ID (\"name\" \"{name}\" \"a\" \"{field}\" \"b\" \"{field}\")"));
    }
    assert!(client.command(&format!("LOGIN {} secret", "n".repeat(5000))).1.starts_with("NO [AUTH"));
    let log = log_with(&server, "login of");
    assert!(log.contains("name=first") && !log.contains("name=second"));
    assert!(log.lines().all(|line| line.len() < 800), "{log}");
}

/// A tree that is named as often as a line is long is one tree, and one search of it.
#[test]
fn trees_that_are_named_again_and_again() {
    let server = Server::start("");
    let mut client = server.user("user1");
    for n in 0..300 {
        client.ok(&format!("CREATE t/{n}"));
    }
    client.append("t/7", b"A: 1\r\n\r\nx").unwrap();
    let tops = "t ".repeat(30_000);
    let found =
        client.ok(&format!("ESEARCH IN (personal subtree ({}) personal) RETURN (COUNT) ALL", tops.trim_end()));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("t/7"), "{found:?}");
}

/// A pattern as long as a line is over as soon as others are.
#[test]
fn patterns_that_are_long() {
    let server = Server::start("");
    let mut client = server.user("user1");
    let name = "a".repeat(200);
    for n in 0..200 {
        client.ok(&format!("CREATE {name}{n}"));
    }
    for wild in ["*a", "%a", "*%a"] {
        assert!(client.ok(&format!("LIST \"\" \"{}\"", wild.repeat(20_000))).is_empty());
        assert!(client.ok(&format!("LSUB \"\" \"{}\"", wild.repeat(20_000))).is_empty());
    }
    assert_eq!(client.ok(&format!("LIST \"\" \"{}*9\"", "*a".repeat(200))).len(), 20);
}

/// Root who brings in a user's mail brings in nothing else because the user has put links there.
#[test]
fn links_in_a_maildir() {
    let server = Server::start("");
    let (home, secret) = (server.path("home"), server.path("secret"));
    for directory in [home.join("Maildir/new"), home.join("Maildir/cur"), secret.clone()] {
        std::fs::create_dir_all(directory).unwrap();
    }
    std::fs::write(secret.join("shadow"), "From a Thu Aug 22 12:36:23 2002\nroot:x\n").unwrap();
    std::fs::write(home.join("Maildir/new/1.a"), "Subject: 1\n\nx\n").unwrap();
    std::os::unix::fs::symlink(secret.join("shadow"), home.join("mbox")).unwrap();
    const NOBODY: u32 = 65534;
    let own = |name: &str| lchown(home.join(name), Some(NOBODY), Some(NOBODY));
    let import = |source: &str| {
        let source = home.join(source);
        let done = server.ctl(&["import", "--account", "user1", source.to_str().unwrap()]);
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    if ["", "Maildir", "Maildir/new", "Maildir/new/1.a", "Maildir/cur", "mbox"].map(own).iter().any(Result::is_err) {
        eprintln!("skipped: only root can give files away");
        return;
    }
    assert_eq!(import("Maildir"), (Some(0), String::new()));
    let refused =
        |(code, said): (Option<i32>, String), why: &str| assert!(code == Some(74) && said.contains(why), "{said}");
    std::fs::hard_link(secret.join("shadow"), home.join("Maildir/cur/2.b")).unwrap();
    refused(import("Maildir"), "cur/2.b: not of the user whose Maildir it is in");
    std::fs::remove_dir_all(home.join("Maildir/cur")).unwrap();
    std::os::unix::fs::symlink(&secret, home.join("Maildir/cur")).unwrap();
    refused(import("Maildir"), "cur/shadow: not of the user whose Maildir it is in");
    refused(import("mbox"), "mbox: a symbolic link to a file of another user");
    let mut client = server.user("user1");
    assert_eq!(client.ok("STATUS INBOX (MESSAGES)"), ["* STATUS INBOX (MESSAGES 1)"]);
}

/// What is under way leaves free what the store wants free, and is refused before it comes.
#[test]
fn literals_leave_room_on_the_disk() {
    let mut server = Server::start("");
    let mut client = server.user("user1");
    client.append("INBOX", &b"A: 1\r\n".repeat(50_000)).unwrap();
    let path = server.path("gatepost.ini");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, config + "\n[Store]\nMinimum Free Space = 1024G\n").unwrap();
    server.restart();
    let mut client = server.user("user1");
    let (_, end) = client.command("APPEND INBOX {300000}");
    assert_eq!(end, "NO [UNAVAILABLE] The server has no room for the literal now");
    let url = "URL \"/INBOX/;UID=1\"";
    let (_, end) = client.command(&format!("APPEND INBOX CATENATE ({url} {url})"));
    assert!(end.starts_with("NO [UNAVAILABLE] The server has no room"), "{end}");
}

/// A filter has its keys again wherever it is named: a search of two hundred took gigabytes.
#[test]
fn filters_that_are_named_again_and_again() {
    let server = Server::start("");
    let mut client = server.user("user1");
    client.append("INBOX", b"Subject: x\r\n\r\ny\r\n").unwrap();
    client.ok("SELECT INBOX");
    let keys: String = (0..5000).map(|n| format!("NOT BODY {n} ")).collect();
    let keys = &keys[..60_000].trim_end_matches(|c| c != 'N');
    let keys = keys.trim_end_matches('N').trim_end();
    client.ok(&format!("SETMETADATA \"\" (/private/filters/values/f {{{}+}}\r\n{keys})", keys.len()));
    assert_eq!(client.ok("SEARCH FILTER f FILTER f"), ["* SEARCH 1"]);
    let (_, end) = client.command(&format!("SEARCH{}", " FILTER f".repeat(190)));
    assert!(end.starts_with("NO [UNDEFINED-FILTER f]"), "{end}");
}

/// Items and trees that are named again and again are named once.
#[test]
fn what_is_said_again_says_no_more() {
    let server = Server::start("");
    let mut client = server.user("user1");
    let items = "MESSAGES ".repeat(5000);
    assert_eq!(client.ok(&format!("STATUS INBOX ({})", items.trim_end())), ["* STATUS INBOX (MESSAGES 0)"]);
}

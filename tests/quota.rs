//! Quotas: who may have how much, and what happens beyond. RFC 9208

mod common;

use std::sync::atomic::{AtomicBool, Ordering};

use common::{Client, Server};

const MAIL: &[u8] = b"Subject: quota\r\n\r\nsome text\r\n";

fn set(server: &Server, arguments: &[&str]) {
    let done = server.ctl(&[&["quota", "set", "user1"], arguments].concat());
    assert!(done.status.success(), "{done:?}");
}

fn quota(server: &Server) -> String {
    shown(&mut server.user("user1"))
}

/// There may be an alert beside it.
fn shown(client: &mut Client) -> String {
    client.ok("GETQUOTA user1").into_iter().find(|line| line.starts_with("* QUOTA")).unwrap()
}

// 4.3.1: OVERQUOTA is in tagged responses alone
// 5.3: mailboxes are counted exactly
#[test]
fn what_is_beyond_is_refused() {
    let server = Server::start("");
    set(&server, &["--messages", "3", "--mailboxes", "3"]);
    let mut client = server.user("user1");
    assert!(client.append("INBOX", MAIL).unwrap().starts_with("OK"));
    assert!(client.append("INBOX", MAIL).unwrap().starts_with("OK"));
    client.ok("CREATE a");
    client.ok("CREATE b");
    assert!(client.command("CREATE c").1.starts_with("NO [OVERQUOTA]"));
    client.ok("SELECT INBOX");
    // Two more would be four: none is copied.
    assert!(client.command("COPY 1:2 a").1.starts_with("NO [OVERQUOTA]"));
    client.ok("COPY 1 a");
    assert!(client.append("INBOX", MAIL).unwrap().starts_with("NO [OVERQUOTA]"));
    // A MOVE takes no room. It leaves two in INBOX.
    client.ok("MOVE 1 b");
    assert_eq!(quota(&server), "* QUOTA user1 (MESSAGE 3 3 MAILBOX 3 3)");
    client.ok("STORE 1 +FLAGS.SILENT (\\Deleted)");
    client.ok("EXPUNGE");
    assert!(client.append("INBOX", MAIL).unwrap().starts_with("OK"));
    client.ok("DELETE a");
    assert_eq!(quota(&server), "* QUOTA user1 (MESSAGE 2 3 MAILBOX 2 3)");
}

/// Only what an account has more than before is counted. RFC 8508 3.4
#[test]
fn replace_counts_the_difference() {
    let server = Server::start("");
    set(&server, &["--messages", "2", "--storage", "2K"]);
    let mut client = server.user("user1");
    let sized = |octets: usize| [MAIL, &vec![b'x'; octets - MAIL.len()]].concat();
    let replace = |client: &mut Client, octets: usize| {
        let message = String::from_utf8(sized(octets)).unwrap();
        client.command(&format!("UID REPLACE * INBOX {{{octets}+}}\r\n{message}"))
    };
    assert!(client.append("INBOX", &sized(1000)).unwrap().starts_with("OK"));
    assert!(client.append("INBOX", &sized(1000)).unwrap().starts_with("OK"));
    client.ok("SELECT INBOX");
    assert!(client.append("INBOX", MAIL).unwrap().starts_with("NO [OVERQUOTA]"));
    assert!(replace(&mut client, 1100).1.starts_with("NO [OVERQUOTA]"));
    assert_eq!(client.ok("UID SEARCH ALL"), ["* SEARCH 1 2"]);
    assert!(replace(&mut client, 1048).1.starts_with("OK"));
    assert_eq!(client.ok("UID SEARCH ALL"), ["* SEARCH 1 3"]);
    assert_eq!(quota(&server), "* QUOTA user1 (STORAGE 2 2 MESSAGE 2 2)");
    // With less than is allowed left, what is smaller still comes in.
    set(&server, &["--storage", "1K"]);
    assert!(replace(&mut client, 900).1.starts_with("OK"));
}

#[test]
fn usage_is_exact_after_a_crash() {
    let mut server = Server::start("");
    set(&server, &["--storage", "1M"]);
    let mut client = server.user("user1");
    let large = [MAIL, &vec![b'x'; 100 << 10]].concat();
    for _ in 0..9 {
        assert!(client.append("INBOX", &large).unwrap().starts_with("OK"));
    }
    let before = quota(&server);
    assert_eq!(before, "* QUOTA user1 (STORAGE 901 1024)");
    server.restart();
    assert_eq!(quota(&server), before);
    let mut client = server.user("user1");
    assert!(client.append("INBOX", &large).unwrap().starts_with("OK"));
    assert!(client.append("INBOX", &large).unwrap().starts_with("NO [OVERQUOTA]"));
    let shown = server.ctl(&["--json", "quota", "recount", "user1"]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["rows"][0]["used"].as_u64(), Some(10 * large.len() as u64));
    assert_eq!(shown["rows"][0]["percent"].as_u64(), Some(97));
    set(&server, &["--storage", "unlimited"]);
    assert!(client.append("INBOX", &large).unwrap().starts_with("OK"));
    assert_eq!(quota(&server), "* QUOTA user1 ()");
}

#[test]
fn settings_are_wide_and_narrow() {
    let mut server = Server::start("");
    let path = server.path("gatepost.ini");
    let config = std::fs::read_to_string(&path).unwrap();
    let more = "[Quota]\nMessages = 5\nCount Expunged = yes\n[Domain example.com]\nMessage Quota = 2\n";
    let config = config.replace("[Auth]\n", "[Auth]\nAdministrators = user0\n") + more;
    std::fs::write(&path, config).unwrap();
    let passwd = std::fs::read_to_string(server.path("passwd")).unwrap();
    std::fs::write(server.path("passwd"), passwd + "joe@example.com:{PLAIN}secret\n").unwrap();
    server.restart();
    assert_eq!(quota(&server), "* QUOTA user1 (MESSAGE 0 5)");
    let mut joe = server.user("joe@example.com");
    assert_eq!(joe.ok("GETQUOTA joe@example.com")[0], "* QUOTA joe@example.com (MESSAGE 0 2)");
    // What was expunged counts here as long as it is kept.
    joe.append("INBOX", MAIL).unwrap();
    joe.append("INBOX", MAIL).unwrap();
    joe.ok("SELECT INBOX");
    joe.ok("STORE 1:2 +FLAGS.SILENT (\\Deleted)");
    joe.ok("EXPUNGE");
    assert!(joe.append("INBOX", MAIL).unwrap().starts_with("NO [OVERQUOTA]"));
    assert!(joe.command("SETQUOTA joe@example.com (MESSAGE 9)").1.starts_with("NO [NOPERM]"));
    let mut admin = server.user("user0");
    // 4.1.3: what is not known cannot be set, and nothing is.
    let unknown = admin.command("SETQUOTA joe@example.com (FOO 5 MESSAGE 9 BAR 1)").1;
    assert!(unknown.starts_with("NO [CANNOT]"), "{unknown}");
    assert_eq!(admin.ok("GETQUOTA joe@example.com")[0], "* QUOTA joe@example.com (MESSAGE 2 2)");
    assert_eq!(admin.ok("SETQUOTA joe@example.com (MESSAGE 9)")[0], "* QUOTA joe@example.com (MESSAGE 2 9)");
    assert!(joe.append("INBOX", MAIL).unwrap().starts_with("OK"));
    let back = server.ctl(&["quota", "set", "joe@example.com", "--messages", "default"]);
    assert!(String::from_utf8_lossy(&back.stdout).contains("150"), "3 of 2: {back:?}");
    assert_eq!(server.ctl(&["quota", "set", "user1", "--storage", "much"]).status.code(), Some(64));
    assert_eq!(server.ctl(&["quota", "set", "nobody", "--storage", "1M"]).status.code(), Some(67));
}

/// What comes at the same moment into several mailboxes of one account, by APPEND and COPY, never goes beyond the
/// quota together, and is not refused while it fits.
#[test]
fn what_comes_together_fits_together() {
    const LIMIT: usize = 40;
    let server = Server::start("");
    set(&server, &["--messages", &LIMIT.to_string()]);
    let mut first = server.user("user1");
    (0..4).for_each(|n| drop(first.ok(&format!("CREATE m{n}"))));
    assert!(first.append("m0", MAIL).unwrap().starts_with("OK"));
    let ended = AtomicBool::new(false);
    let taken: usize = std::thread::scope(|scope| {
        let (server, ended) = (&server, &ended);
        let watcher = scope.spawn(move || {
            let mut client = server.user("user1");
            while !ended.load(Ordering::Relaxed) {
                let shown = shown(&mut client);
                let used: usize = shown.rsplit(' ').nth(1).unwrap().parse().unwrap();
                assert!(used <= LIMIT, "{shown}");
            }
        });
        let comers: Vec<_> = (0..8)
            .map(|n| {
                scope.spawn(move || {
                    let mut client = server.user("user1");
                    client.ok("SELECT m0");
                    (0..LIMIT).filter(|i| comes(&mut client, n, *i)).count()
                })
            })
            .collect();
        let taken = comers.into_iter().map(|comer| comer.join().unwrap()).sum();
        ended.store(true, Ordering::Relaxed);
        watcher.join().unwrap();
        taken
    });
    assert_eq!(taken, LIMIT - 1);
    assert_eq!(quota(&server), format!("* QUOTA user1 (MESSAGE {LIMIT} {LIMIT})"));
}

/// Whether a message has been taken, in one of the ways in which one comes.
fn comes(client: &mut Client, n: usize, i: usize) -> bool {
    let target = format!("m{}", (n + i) % 4);
    let reply = match n % 2 {
        0 => client.append(&target, MAIL).unwrap(),
        _ => client.command(&format!("UID COPY 1 {target}")).1,
    };
    assert!(reply.starts_with("OK") || reply.starts_with("NO [OVERQUOTA]"), "{reply}");
    reply.starts_with("OK")
}

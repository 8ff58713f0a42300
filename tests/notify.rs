//! NOTIFY: what a transcript cannot show.           RFC 5465 5.8, 9

mod common;

use std::collections::BTreeMap;

use common::{Client, Server};

// 5.8: more is asked for, or comes, than one session may watch.
#[test]
fn too_much_is_refused_and_overflows() {
    let server = Server::start("Maximum Watched Mailboxes = 3");
    let (mut client, mut other) = (server.user("user1"), server.user("user1"));
    for name in ["a", "b"] {
        other.ok(&format!("CREATE {name}"));
    }
    client.ok("NOTIFY SET (mailboxes (INBOX a) (MessageNew MessageExpunge))");
    other.append("a", b"A: 1\r\n").unwrap();
    assert_eq!(client.response().unwrap(), "* STATUS a (MESSAGES 1 UIDNEXT 2)");
    client.ok("NOTIFY SET (personal (MessageNew MessageExpunge))");
    // One more than there may be: from then on it is as after NOTIFY NONE.
    other.ok("CREATE c");
    assert!(client.response().unwrap().starts_with("* OK [NOTIFICATIONOVERFLOW] "));
    other.append("a", b"A: 2\r\n").unwrap();
    assert!(client.ok("NOOP").is_empty());
    let (untagged, end) = client.command("NOTIFY SET STATUS (personal (MessageNew MessageExpunge))");
    assert!(untagged.is_empty() && end.starts_with("NO [NOTIFICATIONOVERFLOW] "), "{untagged:?} {end}");
    // What was in force stays in force when it is refused.
    client.ok("NOTIFY SET (mailboxes a (MessageNew MessageExpunge))");
    assert!(client.command("NOTIFY SET (personal (MessageNew MessageExpunge))").1.starts_with("NO "));
    other.append("a", b"A: 3\r\n").unwrap();
    assert_eq!(client.response().unwrap(), "* STATUS a (MESSAGES 3 UIDNEXT 4)");
}

/// How often each thread of the daemon has gone to sleep by itself.
fn sleeps(server: &Server) -> BTreeMap<String, u64> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let of = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(path.join("status")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        Some((path.file_name()?.to_string_lossy().into_owned(), line.trim().parse().ok()?))
    };
    tasks.filter_map(|task| of(task.unwrap().path())).collect()
}

#[test]
fn who_does_not_care_is_not_woken() {
    const CHANGES: u64 = 300;
    let server = Server::start("");
    let mut writer = server.user("user1");
    for _ in 0..2 {
        writer.append("INBOX", b"A: 1\r\n").unwrap();
    }
    writer.ok("CREATE other");
    let mut sessions: Vec<Client> = (0..24).map(|_| server.user("user1")).collect();
    for (n, session) in sessions.iter_mut().enumerate() {
        session.ok("SELECT INBOX");
        match n % 3 {
            0 => {}
            1 => drop(session.ok("NOTIFY NONE")),
            _ => drop(session.ok("NOTIFY SET (mailboxes other (MessageNew MessageExpunge FlagChange MailboxName))")),
        }
    }
    writer.ok("SELECT INBOX");
    let before = sleeps(&server);
    for n in 0..CHANGES {
        writer.ok(&format!("STORE 1 {}FLAGS.SILENT (\\Flagged)", if n % 2 == 0 { '+' } else { '-' }));
    }
    let woken = |before: &BTreeMap<String, u64>| {
        let after = sleeps(&server);
        let often = |(task, n): &(&String, &u64)| *n - before.get(*task).unwrap_or(&0) >= CHANGES / 2;
        after.iter().filter(often).count()
    };
    assert!(woken(&before) < sessions.len() / 3, "{} threads were woken", woken(&before));
    // Who does care is: the measure measures.
    for session in &mut sessions {
        session.ok("NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))");
    }
    let before = sleeps(&server);
    for n in 0..CHANGES {
        writer.ok(&format!("STORE 1 {}FLAGS.SILENT (\\Flagged)", if n % 2 == 0 { '+' } else { '-' }));
        assert!(sessions[0].response().unwrap().starts_with("* 1 FETCH (UID 1 FLAGS ("));
    }
    assert!(woken(&before) > 1);
}

//! Several servers on one engine: nobody believes that what is in memory is all there is.

mod common;

use std::sync::Arc;

use common::Client;
use common::contended::Contended;
use common::running::{Running, start};
use gatepost::mailbox::{Account, Change, QuotaLimits};
use gatepost::store::{Checked, Mode as CheckMode, Store};
use gatepost::types::{AccountName, InternalDate, MailboxName};

/// Two servers on one engine, each with a client that is logged in.
fn two_servers(engine: &Arc<Contended>, directories: &[tempfile::TempDir; 2]) -> ([Running; 2], [Client; 2]) {
    let running = directories.each_ref().map(|directory| {
        let store = Store::with_engine(engine.clone()).unwrap();
        start(store, directory.path())
    });
    let clients = running.each_ref().map(|server| login(server));
    (running, clients)
}

fn login(server: &Running) -> Client {
    login_of(server, "joe")
}

fn login_of(server: &Running, user: &str) -> Client {
    let mut client = Client::connect("127.0.0.1", server.port);
    client.greeting();
    client.ok(&format!("LOGIN {user} secret"));
    client
}

fn stop(running: [Running; 2]) {
    running.into_iter().for_each(Running::stop);
}

fn append(client: &mut Client, mailbox: &str, subject: &str) -> String {
    let message = format!("Subject: {subject}\r\n\r\ntext\r\n");
    client.command(&format!("APPEND {mailbox} {{{}+}}\r\n{message}", message.len())).1
}

/// In IDLE a client is told this while the other server does that.
fn hears(a: &mut Client, told: &str, does: &mut dyn FnMut()) {
    a.send(b"idle IDLE\r\n");
    assert!(a.response().unwrap().starts_with('+'));
    does();
    told_until(a, told);
    a.send(b"DONE\r\n");
    told_until(a, "idle OK");
}

fn told_until(a: &mut Client, told: &str) {
    loop {
        let line = a.response().unwrap_or_else(|| panic!("{told} was not told"));
        if line.contains(told) {
            break;
        }
        assert!(line.starts_with("* "), "{line}, not {told}");
    }
}

/// What one server commits, the sessions of the other hear of: in IDLE at once, under NOTIFY as well, else when they look.
#[test]
fn servers_hear_of_each_other() {
    let engine = Arc::new(Contended::default());
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (running, [mut a, mut b]) = two_servers(&engine, &directories);
    a.ok("ENABLE CONDSTORE");
    a.ok("SELECT INBOX (ANNOTATE)");
    hears(&mut a, "1 EXISTS", &mut || assert!(append(&mut b, "INBOX", "one").starts_with("OK")));
    b.ok("SELECT INBOX");
    hears(&mut a, "FLAGS (\\Seen", &mut || drop(b.ok("STORE 1 +FLAGS (\\Seen)")));
    for value in ["\"x\"", "\"y\"", "NIL"] {
        let command = format!("STORE 1 ANNOTATION (/comment (value.priv {value}))");
        hears(&mut a, "ANNOTATION (/comment)", &mut || drop(b.ok(&command)));
    }
    b.ok("STORE 1 +FLAGS (\\Deleted)");
    hears(&mut a, "1 EXPUNGE", &mut || drop(b.ok("EXPUNGE")));
    assert!(append(&mut b, "INBOX", "two").starts_with("OK"));
    assert!(a.ok("NOOP").contains(&"* 1 EXISTS".to_string()));
    assert!(a.ok("FETCH 1 ENVELOPE")[0].contains("two"));
    // What A writes stands on what B has written, and the numbers of changes go on in one row.
    let number = |lines: &[String]| {
        let text = lines.iter().find_map(|line| line.split("MODSEQ").nth(1)).unwrap();
        text.trim_matches([' ', '(', ')']).split([')', ' ']).next().unwrap().parse::<u64>().unwrap()
    };
    let first = number(&a.ok("STORE 1 +FLAGS (\\Flagged)"));
    b.ok("STORE 1 +FLAGS (\\Answered)");
    a.ok("NOOP");
    let second = number(&a.ok("FETCH 1 (MODSEQ)"));
    assert!(second > first, "{first} {second}");
    assert_eq!(a.ok(&format!("FETCH 1 (FLAGS) (CHANGEDSINCE {first})")).len(), 1);

    b.ok("CREATE Work");
    b.ok("SUBSCRIBE Work");
    assert!(a.ok("LIST (SUBSCRIBED) \"\" *").iter().any(|line| line.contains("Work")));
    let mut c = login(&running[0]);
    c.ok("NOTIFY SET (personal (MailboxName MessageNew MessageExpunge))");
    b.ok("CREATE Later");
    let said = c.response().unwrap();
    assert!(said.contains("LIST") && said.contains("Later"), "{said}");
    // A mailbox that is loaded here is watched, also where nobody has it selected.
    assert!(c.ok("STATUS Work (MESSAGES)")[0].contains("MESSAGES 0"));
    a.ok("SELECT Work");
    assert!(append(&mut b, "Work", "three").starts_with("OK"));
    let said = c.response().unwrap();
    assert!(said.contains("STATUS Work") && said.contains("MESSAGES 1"), "{said}");
    assert!(a.ok("NOOP").iter().any(|line| line.contains("1 EXISTS")));
    // DELETE: the sessions that have it selected see it empty.
    b.ok("DELETE Work");
    assert_eq!(a.ok("LIST \"\" Work"), ["* 1 EXPUNGE"]);
    assert!(append(&mut a, "Work", "gone").starts_with("NO [TRYCREATE]"));
    // The same where one of this server's own deletes it, and another server's commit has not been looked at yet.
    a.ok("CREATE Old");
    assert!(append(&mut b, "Old", "four").starts_with("OK"));
    a.ok("SELECT Old");
    assert!(append(&mut b, "Old", "five").starts_with("OK"));
    c.ok("DELETE Old");
    assert!(a.ok("NOOP").contains(&"* 1 EXPUNGE".to_string()));
    drop((a, b, c));
    stop(running);
}

/// Many write to one mailbox through two servers: each message is there once, and each change was made once.
#[test]
fn servers_do_nothing_twice() {
    const EACH: usize = 40;
    let engine = Arc::new(Contended::default());
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (running, clients) = two_servers(&engine, &directories);
    let [third, fourth] = running.each_ref().map(|server| login(server));
    std::thread::scope(|scope| {
        for (n, mut client) in clients.into_iter().chain([third, fourth]).enumerate() {
            scope.spawn(move || {
                client.ok("SELECT INBOX");
                for i in 0..EACH {
                    let end = append(&mut client, "INBOX", &format!("{n}-{i}"));
                    assert!(end.starts_with("OK"), "{end}");
                    client.ok(&format!("STORE 1:* +FLAGS (k{n}x{i})"));
                    if i % 8 == 0 {
                        client.ok(&format!("CREATE m{n}-{i}"));
                        client.ok(&format!("COPY * m{n}-{i}"));
                    }
                }
            });
        }
    });
    for server in &running {
        let mut client = login(server);
        client.ok("SELECT INBOX");
        let mut subjects: Vec<String> = (client.ok("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]").into_iter())
            .filter_map(|line| {
                line.split("Subject: ").nth(1).map(|rest| rest.trim_end_matches(')').trim().to_string())
            })
            .collect();
        assert_eq!(subjects.len(), 4 * EACH);
        subjects.sort();
        subjects.dedup();
        assert_eq!(subjects.len(), 4 * EACH, "a message is there twice");
        for n in 0..4 {
            for i in (0..EACH).step_by(8) {
                assert!(client.ok(&format!("STATUS m{n}-{i} (MESSAGES)"))[0].contains("MESSAGES 1"));
            }
        }
    }
    let store = Store::with_engine(engine.clone()).unwrap();
    let mut checked = Checked::default();
    for (name, id) in store.accounts().unwrap() {
        store.check_account(&name, id, CheckMode::Verify, &mut checked, &mut |_| {}).unwrap();
    }
    assert_eq!(checked.findings, []);
    stop(running);
}

/// Where it cannot be found out whether a change was made, the client is told so, and sees later what is true.
#[test]
fn what_is_not_known_is_not_said() {
    let engine = Arc::new(Contended::default());
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (running, [mut a, mut b]) = two_servers(&engine, &directories);
    a.ok("SELECT INBOX");
    engine.set_deaf(true);
    let mut there = 0;
    let unknown = loop {
        let end = append(&mut a, "INBOX", "x");
        if !end.starts_with("OK") {
            break end;
        }
        there += 1;
    };
    assert!(unknown.starts_with("NO [UNAVAILABLE] It is not known whether this was done"), "{unknown}");
    engine.set_deaf(false);
    let count = |client: &mut Client| {
        client.ok("SELECT INBOX");
        client.ok("UID FETCH 1:* (UID)").len()
    };
    let (seen, other) = (count(&mut a), count(&mut b));
    assert_eq!(seen, other);
    assert!(seen == there || seen == there + 1, "{seen} of {there}");
    assert!(append(&mut a, "INBOX", "y").starts_with("OK"));
    assert_eq!((count(&mut a), count(&mut b)), (seen + 1, seen + 1));
    drop((a, b));
    stop(running);
}

/// What an account has is summed up once, and kept up with what other servers do, in mailboxes that are in no use here too.
#[test]
fn quotas_count_what_others_have_taken() {
    let engine = Arc::new(Contended::default());
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (running, [mut a, mut b]) = two_servers(&engine, &directories);
    let joe = running[0].manager.account(&AccountName::new("joe").unwrap()).unwrap();
    joe.set_quota(QuotaLimits { messages: Some(6), ..QuotaLimits::default() }).unwrap();
    b.ok("CREATE Far");
    b.ok("CREATE Near");
    a.ok("SELECT Near");
    let used = |client: &mut Client| client.ok("GETQUOTA joe").remove(0);
    assert_eq!(used(&mut a), "* QUOTA joe (MESSAGE 0 6)");
    for (n, mailbox) in ["Far", "Far", "Near", "INBOX"].into_iter().enumerate() {
        assert!(append(&mut b, mailbox, "x").starts_with("OK"));
        assert_eq!(used(&mut a), format!("* QUOTA joe (MESSAGE {} 6)", n + 1), "{mailbox}");
    }
    assert!(append(&mut a, "INBOX", "x").starts_with("OK"));
    assert!(append(&mut b, "Far", "x").starts_with("OK"));
    assert!(append(&mut a, "INBOX", "x").starts_with("NO [OVERQUOTA]"));
    b.ok("SELECT Far");
    b.ok("STORE 1:2 +FLAGS (\\Deleted)");
    b.ok("EXPUNGE");
    assert_eq!(used(&mut a), "* QUOTA joe (MESSAGE 4 6)");
    b.ok("MOVE 1 Near");
    b.ok("DELETE Far");
    assert_eq!(used(&mut a), "* QUOTA joe (MESSAGE 4 6)");
    b.ok("DELETE Near");
    assert_eq!(used(&mut a), "* QUOTA joe (MESSAGE 2 6)");
    assert_eq!(used(&mut b), used(&mut a));
    // Whoever writes where, and whenever the hint comes: at the end all agree.
    joe.set_quota(QuotaLimits { messages: Some(1000), ..QuotaLimits::default() }).unwrap();
    let mut writers: Vec<Client> = running.iter().flat_map(|server| [login(server), login(server)]).collect();
    std::thread::scope(|scope| {
        for (n, client) in writers.iter_mut().enumerate() {
            scope.spawn(move || {
                client.command("CREATE Both");
                for i in 0..40 {
                    let mailbox = if (n + i) % 2 == 0 { "INBOX" } else { "Both" };
                    assert!(append(client, mailbox, "x").starts_with("OK"));
                    client.ok("GETQUOTA joe");
                }
            });
        }
    });
    for client in [&mut a, &mut b] {
        assert_eq!(used(client), "* QUOTA joe (MESSAGE 162 1000)");
    }
    drop((a, b, writers));
    stop(running);
}

/// What another server commits behind this one's commit is not counted away when this one's is published.
#[test]
fn quotas_count_what_comes_behind() {
    let engine = Arc::new(Contended::calm());
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (running, [a, mut b]) = two_servers(&engine, &directories);
    let joe = running[0].manager.account(&AccountName::new("joe").unwrap()).unwrap();
    let used = |joe: &Account| joe.quota().unwrap().messages.used;
    assert_eq!(used(&joe), 0);
    let here = joe.clone();
    engine.behind_next_commit(move || {
        assert!(append(&mut b, "INBOX", "behind").starts_with("OK"));
        assert_eq!(used(&here), 2);
        drop((b, here));
    });
    let inbox = joe.mailbox(&MailboxName::inbox()).unwrap();
    let date = InternalDate { secs: 0, zone_mins: 0 };
    let message = joe.intake(&inbox).unwrap().take(b"Subject: before\r\n\r\n".into(), Vec::new(), date).unwrap();
    inbox.commit(Change::Append(vec![message])).unwrap();
    assert_eq!(used(&joe), 2);
    drop((a, joe, inbox));
    stop(running);
}

/// Who waits in a mailbox that another server deletes sees it empty at once.
#[test]
fn who_idles_hears_of_a_delete() {
    let engine = Arc::new(Contended::default());
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (running, [mut a, mut b]) = two_servers(&engine, &directories);
    for n in 0..6 {
        b.ok(&format!("CREATE m{n}"));
        assert!(append(&mut b, &format!("m{n}"), "x").starts_with("OK"));
        a.ok(&format!("SELECT m{n}"));
        hears(&mut a, "1 EXPUNGE", &mut || drop(b.ok(&format!("DELETE m{n}"))));
    }
    drop((a, b));
    stop(running);
}

/// Under NOTIFY a client hears of mailboxes that nobody has open on its server.
#[test]
fn mailboxes_in_no_use_are_watched() {
    let engine = Arc::new(Contended::default());
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (running, [mut a, mut b]) = two_servers(&engine, &directories);
    b.ok("CREATE Far");
    a.ok("NOTIFY SET (personal (MessageNew MessageExpunge FlagChange))");
    for n in 1..6 {
        // What nobody has open is forgotten now and then.
        running[0].manager.unload_idle();
        assert!(append(&mut b, "Far", "x").starts_with("OK"));
        told_until(&mut a, &format!("STATUS Far (MESSAGES {n}"));
    }
    b.ok("SELECT Far");
    b.ok("STORE 1 +FLAGS (\\Deleted)");
    b.ok("EXPUNGE");
    told_until(&mut a, "STATUS Far (MESSAGES 4");
    drop((a, b));
    stop(running);
}

//! Several servers on one engine: nobody believes that what is in memory is all there is.

mod common;

use std::sync::Arc;

use common::Client;
use common::contended::Contended;
use common::running::{Running, start};
use gatepost::mailbox::{
    Account, AlertScope, Change, Limits, Mailbox, MailboxPolicy, Manager, NewMessage, QuotaLimits,
};
use gatepost::store::{Checked, Engine, Mode as CheckMode, Partition, Reader, Store};
use gatepost::types::{AccountId, AccountName, InternalDate, MailboxId, MailboxName};

/// Two servers on one engine, each with a client that is logged in.
fn two_servers(engine: &Arc<Contended>, directories: &[tempfile::TempDir; 2]) -> ([Running; 2], [Client; 2]) {
    let running = directories.each_ref().map(|directory| {
        let store = Store::with_engine(engine.clone()).unwrap();
        start(store, directory.path())
    });
    let clients = running.each_ref().map(login);
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

fn message(account: &Account, mailbox: &Mailbox) -> NewMessage {
    let date = InternalDate { secs: 0, zone_mins: 0 };
    account.intake(mailbox).unwrap().take(b"Subject: before\r\n\r\n".into(), Vec::new(), date).unwrap()
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
    b.ok("GENURLAUTH \"imap://joe@test/INBOX/;UID=1;URLAUTH=anonymous\" INTERNAL");
    a.ok("NOOP");
    hears(&mut a, "[URLMECH INTERNAL", &mut || drop(b.ok("RESETKEY INBOX")));
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
    let [third, fourth] = running.each_ref().map(login);
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
        store.check_account(&name, id, CheckMode::Verify, &mut checked, &mut |_| Ok(())).unwrap();
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

/// Annotations that another server sets, takes away or gives another value are told to who wants to hear of them; those that
/// were set here are not told again with them.
#[test]
fn annotations_of_others_are_told() {
    let engine = Arc::new(Contended::default());
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (running, [mut a, mut b]) = two_servers(&engine, &directories);
    a.ok("CREATE Holder/Work");
    a.ok("SETMETADATA Holder/Work (/shared/comment \"here\")");
    a.ok("ENABLE METADATA");
    let mut c = login_of(&running[0], "ann");
    c.ok("ENABLE METADATA");
    for (command, told) in [
        ("INBOX (/shared/comment \"x\")", "* METADATA INBOX /shared/comment"),
        ("INBOX (/shared/comment \"y\")", "* METADATA INBOX /shared/comment"),
        // One's own and what all share may be told together or apart.
        ("INBOX (/private/comment \"p\")", "* METADATA INBOX /private/comment"),
        ("INBOX (/shared/comment NIL)", "* METADATA INBOX /shared/comment"),
        ("Holder (/shared/comment \"h\")", "* METADATA Holder /shared/comment"),
        ("\"\" (/private/vendor/x/y \"s\")", "* METADATA \"\" /private/vendor/x/y"),
        ("Holder/Work (/private/specialuse \"\\\\Sent\")", "* METADATA Holder/Work /private/specialuse"),
        (
            "Holder/Work (/shared/vendor/gatepost/class \"IPF.Task\")",
            "* METADATA Holder/Work /shared/vendor/gatepost/class",
        ),
        (
            "\"\" (/private/vendor/gatepost/alias/Elsewhere \"~ann/INBOX\")",
            "* METADATA \"\" /private/vendor/gatepost/alias/Elsewhere",
        ),
    ] {
        hears(&mut a, told, &mut || drop(b.ok(&format!("SETMETADATA {command}"))));
        // Told once, and of nothing else.
        let more = a.ok("NOOP");
        assert!(!more.iter().any(|line| line.contains("METADATA")), "{command}: {more:?}");
        a.ok("SETMETADATA Holder/Work (/shared/comment \"again\" /private/comment \"and again\")");
        a.ok("SETMETADATA Holder/Work (/private/comment NIL)");
    }
    // Who may not see a mailbox hears nothing of it; who may, of what all share.
    assert!(!c.ok("NOOP").iter().any(|line| line.contains("METADATA")));
    b.ok("SETACL INBOX ann lr");
    hears(&mut c, "* METADATA ~joe/INBOX /shared/comment", &mut || {
        b.ok("SETMETADATA INBOX (/shared/comment \"z\" /private/comment \"mine\")");
    });
    assert!(!c.ok("NOOP").iter().any(|line| line.contains("METADATA")));
    drop((a, b, c));
    stop(running);
}

/// Entries of the server that all share, wherever they are set, are told on each server once; to who has set them nowhere.
/// RFC 5464 4.4, RFC 5465 5.7
#[test]
fn entries_of_the_server_are_told_everywhere() {
    let engine = Arc::new(Contended::default());
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (running, [mut a, mut b]) = two_servers(&engine, &directories);
    a.ok("ENABLE METADATA");
    let mut c = login_of(&running[0], "ann");
    c.ok("NOTIFY SET (personal (ServerMetadataChange))");
    let is_told = |lines: Vec<String>| lines.iter().any(|line| line.contains("METADATA"));
    for value in ["\"x\"", "\"y\"", "NIL"] {
        let command = format!("SETMETADATA \"\" (/shared/comment {value})");
        let told = "* METADATA \"\" /shared/comment";
        hears(&mut a, told, &mut || drop(b.ok(&command)));
        told_until(&mut c, told);
        // A session of the same server hears, its author does not, nor does any hear again.
        a.ok("SETMETADATA \"\" (/shared/vendor/x/y \"here\")");
        told_until(&mut c, "* METADATA \"\" /shared/vendor/x/y");
        a.ok("SETMETADATA \"\" (/shared/vendor/x/y NIL)");
        told_until(&mut c, "* METADATA \"\" /shared/vendor/x/y");
        assert!(!is_told(a.ok("NOOP")) && !is_told(c.ok("NOOP")), "{value}");
    }
    // 5.7: /shared/admin is the configuration's, which is read again.
    let policy = |contact: &str| MailboxPolicy { contact: Some(contact.into()), ..MailboxPolicy::default() };
    for (contact, is_new) in [("mailto:a@example.com", true), ("mailto:a@example.com", false), ("tel:+1", true)] {
        running[0].manager.set_mailbox_policy(policy(contact));
        let told = [a.ok("NOOP"), c.ok("NOOP")];
        let expected = if is_new { &["* METADATA \"\" /shared/admin"][..] } else { &[] };
        assert!(told.iter().all(|lines| lines == expected), "{contact}: {told:?}");
    }
    drop((a, b, c));
    stop(running);
}

/// What is shown, was expunged by others, and has been given up since: a search says so, FETCH too, and the rest is found.
/// RFC 5530 3
#[test]
fn what_is_gone_for_good_is_said_to_be_expunged() {
    let engine = Arc::new(Contended::default());
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (running, [mut a, mut b]) = two_servers(&engine, &directories);
    for subject in ["one", "two", "three"] {
        assert!(append(&mut a, "INBOX", subject).starts_with("OK"));
    }
    running[0].manager.settle();
    a.ok("SELECT INBOX");
    a.ok("FETCH 1:* FLAGS");
    b.ok("SELECT INBOX");
    b.ok("STORE 2 +FLAGS.SILENT (\\Deleted)");
    b.ok("EXPUNGE");
    let (lines, end) = a.command("SEARCH SUBJECT t");
    assert_eq!((lines.last().unwrap().as_str(), end.starts_with("OK SEARCH")), ("* SEARCH 2 3", true), "{end}");
    running[1].manager.purge(i64::from(u32::MAX)).unwrap();
    while engine.collect(u64::MAX, 100).unwrap().looked_at > 0 {}
    for (command, found) in [
        ("SEARCH NOT BODY nothing", "* SEARCH 1 3"),
        ("SORT (ARRIVAL) UTF-8 BODY text", "* SORT 1 3"),
        ("THREAD REFERENCES UTF-8 TEXT text", "* THREAD (1)(3)"),
    ] {
        let (lines, end) = a.command(command);
        assert_eq!(lines.last().map(String::as_str), Some(found), "{command}");
        assert!(end.starts_with("OK [EXPUNGEISSUED]"), "{command}: {end}");
    }
    let (lines, end) = a.command("FETCH 1:3 BODY.PEEK[TEXT]");
    assert!(lines.len() == 2 && end.starts_with("NO [EXPUNGEISSUED]"), "{lines:?} {end}");
    assert!(a.ok("NOOP").contains(&"* 2 EXPUNGE".to_string()));
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
    inbox.commit(Change::Append(vec![message(&joe, &inbox)])).unwrap();
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

/// What another server's administrator has to say is told to who waits here; what is for one account, once.
#[test]
fn alerts_of_another_server() {
    let engine = Arc::new(Contended::default());
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (running, [mut a, mut b]) = two_servers(&engine, &directories);
    let mut last = 0;
    hears(&mut a, "* OK [ALERT] for all", &mut || {
        last = running[1].manager.post_alert(AlertScope::Server, "for all").unwrap();
    });
    b.ok("NOOP");
    assert!(running[0].manager.remove_alert(last).unwrap(), "it is the other server's, and can be removed here");
    assert!(!running[1].manager.remove_alert(last).unwrap());
    assert!(running.iter().all(|server| server.manager.alerts().unwrap().is_empty()));
    for n in 0..10 {
        let (text, server) = (format!("for joe {n}"), &running[n % 2]);
        server.manager.post_alert(AlertScope::Account(AccountName::new("joe").unwrap()), &text).unwrap();
        let told = |client: &mut Client| client.ok("NOOP").concat() + &client.ok("NOOP").concat();
        let mut told_both = String::new();
        for _ in 0..1000 {
            told_both += &(told(&mut a) + &told(&mut b));
            if told_both.contains(&text) {
                break;
            }
        }
        // Whoever has not looked yet has by now.
        assert!(running.iter().all(|server| server.manager.alerts().unwrap().is_empty()));
        told_both += &(told(&mut a) + &told(&mut b));
        assert_eq!(told_both.matches(&text).count(), 1, "{told_both}");
    }
    drop((a, b));
    stop(running);
}

/// An account that another server removes: its sessions end, nothing is written to it, and who has the name later is another.
#[test]
fn an_account_that_another_server_removes() {
    let engine = Arc::new(Contended::default());
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (running, [mut a, mut b]) = two_servers(&engine, &directories);
    let joe = AccountName::new("joe").unwrap();
    let old = running[0].manager.account(&joe).unwrap();
    a.ok("CREATE Shared");
    a.ok("SETACL Shared ann lrswipkxte");
    assert!(append(&mut a, "Shared", "x").starts_with("OK"));
    let mut ann = login_of(&running[0], "ann");
    ann.ok("SELECT ~joe/Shared");
    let (inbox, shared) = (old.mailbox(&MailboxName::inbox()).unwrap(), MailboxName::new("Shared").unwrap());
    inbox.snapshot().unwrap();
    a.send(b"idle IDLE\r\n");
    assert!(a.response().unwrap().starts_with('+'));
    // A server on which nobody has looked since.
    let third = Manager::new(Store::with_engine(engine.clone()).unwrap(), Limits::default());
    assert_eq!(third.account(&joe).unwrap().id(), old.id());
    running[1].manager.remove_account(&joe).unwrap();
    assert!(third.existing_account(&joe).unwrap().is_none_or(|account| account.id() != old.id()));
    assert_ne!(third.account(&joe).unwrap().id(), old.id());
    told_until(&mut a, "* BYE");
    assert!(a.response().is_none());
    assert_eq!(ann.ok("NOOP"), ["* 1 EXPUNGE"]);
    assert!(append(&mut ann, "~joe/Shared", "y").starts_with("NO "));
    assert!(old.create(&shared, &[]).is_err() && old.subscribe("x").is_err());
    assert!(inbox.commit(Change::Append(vec![message(&old, &inbox)])).is_err());
    // The same name, another account: on both servers the same.
    let mut new = login(&running[0]);
    assert!(append(&mut new, "INBOX", "new").starts_with("OK"));
    let mut there = login(&running[1]);
    assert_eq!(there.ok("STATUS INBOX (MESSAGES)"), ["* STATUS INBOX (MESSAGES 1)"]);
    assert_eq!(new.ok("LIST \"\" *").len(), 1);
    assert!(running.iter().all(|server| server.manager.account(&joe).unwrap().id() != old.id()));
    assert_eq!(left_of(&engine, old.id()), Vec::<String>::new());
    // B's session had the account as well; only servers that hear of it end its sessions by themselves.
    b.send(b"x NOOP\r\n");
    drop((a, b, ann, new, there, old, inbox));
    stop(running);
}

/// Whatever is being written while the account goes: nothing of it is left.
#[test]
fn an_account_that_goes_while_it_is_written_to() {
    for round in 0..4 {
        let engine = Arc::new(Contended::default());
        let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let (running, clients) = two_servers(&engine, &directories);
        let joe = AccountName::new("joe").unwrap();
        let old = running[0].manager.account(&joe).unwrap();
        std::thread::scope(|scope| {
            for (n, mut client) in clients.into_iter().chain([login(&running[0])]).enumerate() {
                scope.spawn(move || {
                    for i in 0..100 {
                        let message = format!("Subject: {n} {i}\r\n\r\n");
                        let command = match i % 5 {
                            0 => format!("CREATE m{n}-{i}"),
                            1 => format!("DELETE m{n}-{}", i - 1),
                            _ => format!("APPEND INBOX {{{}+}}\r\n{message}", message.len()),
                        };
                        if client.try_command(&command).is_none() {
                            return;
                        }
                    }
                });
            }
            std::thread::sleep(std::time::Duration::from_millis(20 + 30 * round));
            running[1].manager.remove_account(&joe).unwrap();
        });
        assert_eq!(left_of(&engine, old.id()), Vec::<String>::new());
        assert_ne!(running[0].manager.account(&joe).unwrap().id(), old.id());
        drop(old);
        stop(running);
    }
}

/// Keys and references that an account has, but for what says that it has been removed.
fn left_of(engine: &Contended, account: AccountId) -> Vec<String> {
    let mut left = Vec::new();
    let mailboxes = (1..200).map(|n| Partition::Mailbox(account, MailboxId(n)));
    for partition in mailboxes.chain([Partition::Account(account)]) {
        let mut visit = |key: &[u8], _| {
            left.push(format!("{partition:?} {}", String::from_utf8_lossy(key)));
            Ok(())
        };
        engine.scan(partition, &[1], &[0xff], &mut visit).unwrap();
    }
    left.retain(|key| *key != format!("{:?} z", Partition::Account(account)));
    engine.references(account, &mut |of| Ok(left.push(format!("{of:?}")))).unwrap();
    left
}

/// Each message is \Recent in one session, whichever server it is at. RFC 3501 2.3.2
#[test]
fn recent_messages_are_so_once() {
    let engine = Arc::new(Contended::default());
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (running, [mut a, mut b]) = two_servers(&engine, &directories);
    let mut c = login(&running[1]);
    let recent = |client: &mut Client| {
        let lines = client.ok("SELECT INBOX");
        let line = lines.iter().find_map(|line| line.strip_suffix(" RECENT")).unwrap();
        line.trim_start_matches("* ").parse::<u32>().unwrap()
    };
    for n in 1..20 {
        assert!(append(&mut c, "INBOX", "x").starts_with("OK"));
        let (here, there) = if n % 2 == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
        assert!(c.ok("STATUS INBOX (RECENT)")[0].contains("RECENT 1"));
        assert_eq!((recent(here), recent(there)), (1, 0), "message {n}");
        here.ok("UNSELECT");
        there.ok("UNSELECT");
    }
    // Both at once.
    for n in 0..20 {
        assert!(append(&mut c, "INBOX", "x").starts_with("OK"));
        let counts = std::thread::scope(|scope| {
            [scope.spawn(|| recent(&mut a)), scope.spawn(|| recent(&mut b))].map(|asked| asked.join().unwrap())
        });
        assert_eq!(counts[0] + counts[1], 1, "round {n}: {counts:?}");
        a.ok("UNSELECT");
        b.ok("UNSELECT");
    }
    drop((a, b, c));
    stop(running);
}

/// An account that comes to two servers at once for the first time is one account, with one INBOX.
#[test]
fn an_account_is_made_once() {
    let engine = Arc::new(Contended::calm());
    let [here, there] =
        [(); 2].map(|()| Manager::new(Store::with_engine(engine.clone()).unwrap(), Limits::default()));
    let there = Arc::new(there);
    let joe = AccountName::new("joe").unwrap();
    let (elsewhere, name) = (there.clone(), joe.clone());
    engine.before_next_commit_to(Partition::Account(AccountId(1)), move || drop(elsewhere.account(&name).unwrap()));
    let inbox = here.account(&joe).unwrap().mailbox(&MailboxName::inbox()).unwrap();
    assert_eq!(inbox.key(), there.account(&joe).unwrap().mailbox(&MailboxName::inbox()).unwrap().key());
}

/// Of limits that are set at two servers at once none is lost.
#[test]
fn limits_are_set_side_by_side() {
    let engine = Arc::new(Contended::default());
    let managers = [(); 2].map(|()| Manager::new(Store::with_engine(engine.clone()).unwrap(), Limits::default()));
    let joe = managers.each_ref().map(|manager| manager.account(&AccountName::new("joe").unwrap()).unwrap());
    let more = |limit: Option<u64>| Some(limit.unwrap_or(0) + 1);
    std::thread::scope(|scope| {
        for account in &joe {
            scope.spawn(move || {
                for _ in 0..40 {
                    account.change_quota(|now| QuotaLimits { messages: more(now.messages), ..now }).unwrap();
                }
            });
        }
    });
    assert_eq!(joe[0].quota().unwrap().messages.limit, Some(80));
}

//! Random commands of several clients, on `memory`, on `embedded`, and on an engine that others write to as well: every
//! reply must be the same.
//!
//! One of the clients sees what has $Service. At the end what STATUS says is what each client can count, and a check of
//! the stores finds nothing.
//!
//! The servers run in this process, behind real sockets, with the same mail; the clients take turns, so that there is one
//! right order. What differs by nature (UIDVALIDITY, MODSEQ) is masked.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::Client;
use common::contended::Contended;
use gatepost::auth::{self, Auth};
use gatepost::mailbox::{Limits as MailboxLimits, Manager};
use gatepost::net::{self, Mode, Options, Registry, Server};
use gatepost::proto::Limits;
use gatepost::session::{Service, Settings, Watchdog, run};
use gatepost::store::{Checked, Mode as CheckMode, Options as StoreOptions, Store};

struct Running {
    server: Server,
    watchdog: Arc<Watchdog>,
    port: u16,
}

fn start(store: Store, directory: &std::path::Path) -> Running {
    let passwd = directory.join("passwd");
    std::fs::write(&passwd, "joe:{PLAIN}secret\n").unwrap();
    let options = auth::Options {
        failed_logins_max: 10,
        failed_login_window: Duration::from_secs(1),
        failed_login_delay: Duration::ZERO,
        cache_time: Duration::from_secs(60),
    };
    let settings = Settings {
        host_name: "model".into(),
        running_every: Duration::ZERO,
        idle_timeout: Duration::from_secs(60),
        login_timeout: Duration::from_secs(60),
        handshake_timeout: Duration::from_secs(5),
        cleartext_login: true,
        administrators: Vec::new(),
        submission_servers: Vec::new(),
        utf8: gatepost::types::Utf8::Accept,
        urlmech_in_the_clear: false,
        groups: Arc::default(),
        message_limit: 0,
        save_limit: 0,
        watched_mailboxes_max: 100,
        bad_commands_max: 1000,
        language: "i-default".into(),
        search_contexts_max: 16,
        searched_mailboxes_max: 1000,
        commands_before_login_max: 1000,
        limits: Limits {
            line_bytes_max: 8192,
            literal_bytes_max: 1 << 20,
            literal_unasked_max: u64::MAX,
            literal_memory_max: 4096,
            literals_max: 10,
        },
        spool_directory: directory.into(),
        tls: Default::default(),
        domains: Default::default(),
        masks: Default::default(),
    };
    let manager = Arc::new(Manager::new(store, MailboxLimits::default()));
    let watchdog = Watchdog::start().unwrap();
    let auth = Arc::new(Auth::open(&passwd, options).unwrap());
    let service = Arc::new(Service::new(manager, auth, watchdog.clone(), settings));
    let listener = net::bind("model", "127.0.0.1:0".parse().unwrap(), Mode::Never).unwrap();
    let port = listener.address().unwrap().port();
    let options = Options {
        channels_max: 10,
        per_address_max: 10,
        write_timeout: Duration::from_secs(5),
        refusal: Vec::new(),
        farewell: Vec::new(),
    };
    let handler = move |connection| run(&service, connection);
    let server = Server::start(vec![listener], options, Arc::new(Registry::default()), handler).unwrap();
    Running { server, watchdog, port }
}

const MAILBOXES: [&str; 4] = ["INBOX", "a", "a/b", "c"];
const FLAGS: [&str; 9] =
    ["\\Seen", "\\Deleted", "\\Flagged", "$One", "$Two", "\\Answered", "$Service", "$Media", "$Hidden"];

const ENTRIES: [&str; 4] = ["/comment", "/altsubject", "/vendor/x/y", "/1/comment"];

fn set(random: &mut fastrand::Rng) -> String {
    let number = |random: &mut fastrand::Rng| match random.u8(..6) {
        0 => "*".to_string(),
        _ => random.u32(1..12).to_string(),
    };
    let range = |random: &mut fastrand::Rng| match random.bool() {
        true => number(random),
        false => format!("{}:{}", number(random), number(random)),
    };
    (0..random.usize(1..3)).map(|_| range(random)).collect::<Vec<_>>().join(",")
}

fn command(random: &mut fastrand::Rng, n: usize) -> String {
    let mailbox = *random.choice(&MAILBOXES).unwrap();
    let other = *random.choice(&MAILBOXES).unwrap();
    let flag = *random.choice(&FLAGS).unwrap();
    let uid = if random.bool() { "UID " } else { "" };
    let numbers = set(random);
    match random.u8(..24) {
        0..=3 => {
            let message =
                format!("Subject: number {n}\r\nTo: {flag}@x\r\n\r\n{}\r\n", "text ".repeat(random.usize(..2000)));
            let annotation = random.choice(&["", " ANNOTATION (/comment (value.shared \"come\"))"]).unwrap();
            format!(
                "APPEND {mailbox} ({flag}) \"17-Jul-1996 02:44:25 -0700\"{annotation} {{{}+}}\r\n{message}",
                message.len()
            )
        }
        4 => format!("SELECT {mailbox} (ANNOTATE)"),
        5 => format!("SELECT {mailbox}"),
        6 => format!("EXAMINE {mailbox}"),
        7 if random.bool() => {
            let entry = random.choice(&ENTRIES).unwrap();
            let value = random.choice(&["NIL", "\"one\"", "~{3+}\r\na\0b", "\"two\""]).unwrap();
            let scope = random.choice(&["priv", "shared"]).unwrap();
            format!("{uid}STORE {numbers} ANNOTATION ({entry} (value.{scope} {value}))")
        }
        7..=8 => format!(
            "{uid}STORE {numbers} {}FLAGS{} ({flag})",
            random.choice(["", "+", "-"]).unwrap(),
            random.choice(["", ".SILENT"]).unwrap()
        ),
        9..=10 => format!("{uid}FETCH {numbers} (FLAGS UID ENVELOPE BODYSTRUCTURE RFC822.SIZE BODY.PEEK[TEXT]<3.9>)"),
        11 if random.bool() => {
            format!("{uid}FETCH {numbers} (FLAGS ANNOTATION ((/c* /%/comment /altsubject) (value size)))")
        }
        11 => format!("{uid}FETCH {numbers} BODY[]"),
        12 => format!("{uid}COPY {numbers} {mailbox}"),
        13 => format!("{uid}MOVE {numbers} {mailbox}"),
        14 => "EXPUNGE".into(),
        15 => format!("{uid}SEARCH OR KEYWORD $One SUBJECT \"number {}\"", random.u8(..9)),
        16 if random.bool() => {
            format!("{uid}SEARCH ANNOTATION * value.{} \"o\"", random.choice(&["priv", "shared"]).unwrap())
        }
        16 => format!("{uid}SEARCH RETURN (MIN MAX COUNT ALL) UNSEEN NOT DELETED"),
        17 => format!("CREATE {mailbox}"),
        18 if random.bool() => format!("DELETE {mailbox}"),
        18 => format!("RENAME {mailbox} {other}"),
        19 if random.bool() => format!("GETMETADATA (DEPTH infinity) {mailbox} (/private /shared)"),
        19 => "LIST (CLASS) \"\" * RETURN (SUBSCRIBED CHILDREN METADATA (/private/comment))".into(),
        20 => format!("STATUS {mailbox} (MESSAGES UIDNEXT UNSEEN DELETED SIZE UNSEENMEDIA OLDEST RECENT)"),
        21 => format!("{} {mailbox}", random.choice(["SUBSCRIBE", "UNSUBSCRIBE"]).unwrap()),
        22 if random.bool() => {
            let value = random.choice(["NIL", "\"one\"", "~{3+}\r\na\0b", "\"two\""]).unwrap();
            let entry =
                random.choice(["/private/comment", "/shared/comment", "/shared/vendor/gatepost/class"]).unwrap();
            format!("SETMETADATA {mailbox} ({entry} {value} /private/vendor/x/y \"{n}\")")
        }
        22 => random.choice(["CLOSE", "UNSELECT", "CHECK"]).unwrap().to_string(),
        _ => "NOOP".into(),
    }
}

/// UIDVALIDITY comes from the clock; MODSEQ goes on above what is reserved where a mailbox has been read anew.
fn masked(line: &str) -> String {
    let mut out = line.to_string();
    for word in ["UIDVALIDITY ", "APPENDUID ", "COPYUID ", "HIGHESTMODSEQ "] {
        if let Some(at) = out.find(word) {
            let from = at + word.len();
            let digits = out[from..].bytes().take_while(u8::is_ascii_digit).count();
            out.replace_range(from..from + digits, "V");
        }
    }
    out
}

/// What STATUS says of each mailbox is what SEARCH finds in it.
fn sums_are_counts(client: &mut Client) {
    for mailbox in MAILBOXES {
        let (_, selected) = client.command(&format!("EXAMINE {mailbox}"));
        if !selected.starts_with("OK") {
            continue;
        }
        let mut count = |key: &str| -> String {
            let lines = client.ok(&format!("SEARCH RETURN (COUNT) {key}"));
            let line = lines.iter().find(|line| line.contains("ESEARCH")).unwrap();
            line.rsplit(' ').next().unwrap().to_string()
        };
        let counts = ["ALL", "UNSEEN", "DELETED", "UNSEEN KEYWORD $Media"].map(&mut count);
        let [all, unseen, deleted, media] = counts;
        let items = "(MESSAGES UNSEEN DELETED UNSEENMEDIA)";
        let said = client.ok(&format!("STATUS {mailbox} {items}"));
        let expected =
            format!("STATUS {mailbox} (MESSAGES {all} UNSEEN {unseen} DELETED {deleted} UNSEENMEDIA {media})");
        assert!(said.iter().any(|line| line.contains(&expected)), "{said:?}, not {expected}");
    }
}

#[test]
fn all_engines_answer_alike() {
    let directories = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let options = StoreOptions::default();
    let embedded = Store::open(&directories[1].path().join("store"), &options).unwrap();
    let engine = Arc::new(Contended::default());
    let contended = Store::with_engine(engine.clone()).unwrap();
    let stores = [Store::memory(), embedded, contended];
    let homes = stores.iter().cloned().zip(&directories);
    let running: Vec<Running> = homes.map(|(store, directory)| start(store, directory.path())).collect();
    let mut clients: Vec<[Client; 3]> = (0..3)
        .map(|_| {
            [0, 1, 2].map(|server| {
                let mut client = Client::connect("127.0.0.1", running[server].port);
                client.greeting();
                client.ok("LOGIN joe secret");
                client
            })
        })
        .collect();
    clients[0].iter_mut().for_each(|client| drop(client.ok("ENABLE EXTENSIONS")));
    let mut random = fastrand::Rng::with_seed(5);
    let (mut done, mut refused) = (0, 0);
    for n in 0..common::rounds(60) * 50 {
        let command = command(&mut random, n);
        let same = random.choice(&mut clients).unwrap();
        let [memory, embedded, contended] = same.each_mut().map(|client| {
            let (untagged, end) = client.command(&command);
            let mut lines: Vec<String> = untagged.iter().map(|line| masked(line)).collect();
            lines.push(masked(&end));
            lines
        });
        assert_eq!(memory, embedded, "command {n}: {command}");
        assert_eq!(memory, contended, "command {n}, others writing: {command}");
        match memory.last().unwrap().starts_with("OK") {
            true => done += 1,
            false => refused += 1,
        }
    }
    let counted = engine.counted();
    for (what, count) in [
        ("conflicts", &counted.conflicts),
        ("done in doubt", &counted.done),
        ("not done", &counted.not_done),
        ("too late", &counted.too_late),
        ("heard", &counted.heard),
    ] {
        let count = count.load(std::sync::atomic::Ordering::Relaxed);
        assert!(count > 50, "{count} {what}: not much of a test");
    }
    println!("{done} commands done, {refused} refused");
    assert!(done > 1000 && refused > 100, "{done} done, {refused} refused: not much of a test");
    clients.iter_mut().flatten().for_each(sums_are_counts);
    for store in &stores {
        let mut checked = Checked::default();
        for (name, id) in store.accounts().unwrap() {
            store.check_account(&name, id, CheckMode::Verify, &mut checked, &mut |_| {}).unwrap();
        }
        assert_eq!(checked.findings, []);
        assert!(checked.messages > 20, "{} messages: not much of a test", checked.messages);
    }
    for running in running {
        assert!(running.server.stop(Duration::from_secs(5)), "sessions did not end");
        running.watchdog.stop();
    }
}

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
    let mut client = Client::connect("127.0.0.1", server.port);
    client.greeting();
    client.ok("LOGIN joe secret");
    client
}

fn stop(running: [Running; 2]) {
    for running in running {
        assert!(running.server.stop(Duration::from_secs(5)), "sessions did not end");
        running.watchdog.stop();
    }
}

fn append(client: &mut Client, mailbox: &str, subject: &str) -> String {
    let message = format!("Subject: {subject}\r\n\r\ntext\r\n");
    client.command(&format!("APPEND {mailbox} {{{}+}}\r\n{message}", message.len())).1
}

/// What one server commits, the sessions of the other hear of: in IDLE at once, under NOTIFY as well, else when they look.
#[test]
fn servers_hear_of_each_other() {
    let engine = Arc::new(Contended::default());
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (running, [mut a, mut b]) = two_servers(&engine, &directories);
    a.ok("ENABLE CONDSTORE");
    a.ok("SELECT INBOX (ANNOTATE)");
    let hears = |a: &mut Client, told: &str, does: &mut dyn FnMut()| {
        a.send(b"idle IDLE\r\n");
        assert!(a.response().unwrap().starts_with('+'));
        does();
        let told_until = |a: &mut Client, told: &str| {
            loop {
                let line = a.response().unwrap_or_else(|| panic!("{told} was not told"));
                if line.contains(told) {
                    break;
                }
                assert!(line.starts_with("* "), "{line}, not {told}");
            }
        };
        told_until(a, told);
        a.send(b"DONE\r\n");
        told_until(a, "idle OK");
    };
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

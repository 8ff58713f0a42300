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

use common::Client;
use common::contended::Contended;
use common::running::{Running, start};
use gatepost::store::{Checked, Mode as CheckMode, Options as StoreOptions, Store};

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
            store.check_account(&name, id, CheckMode::Verify, &mut checked, &mut |_| Ok(())).unwrap();
        }
        assert_eq!(checked.findings, []);
        assert!(checked.messages > 20, "{} messages: not much of a test", checked.messages);
    }
    running.into_iter().for_each(Running::stop);
}

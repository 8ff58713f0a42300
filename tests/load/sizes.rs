//! What one operation costs in mailboxes of different sizes: it must not grow with them.

use std::time::Instant;

use super::client::{Client, Target};
use super::measure::{Figure, Plan, figure, repeat};
use super::servers::Own;

/// Messages at a time that COPY puts behind those that are there.
const COPIED: usize = 50_000;

/// Mailboxes of the account whose LIST is measured.
const MAILBOXES: usize = 9_900;

/// A mailbox of `messages` small messages: a thousand appended, the rest copied.
fn fill(client: &mut Client, mailbox: &str, messages: usize) {
    client.ok(&format!("CREATE {mailbox}"));
    for first in (0..messages.min(1000)).step_by(100) {
        let mut tag = String::new();
        for n in first..first + 100 {
            let message =
                format!("From: {n}@example.com\r\nSubject: number {n}\r\nMessage-ID: <{n}@x>\r\n\r\ntext\r\n");
            tag = client.begin(format!("APPEND {mailbox} {{{}+}}\r\n{message}", message.len()).as_bytes());
        }
        client.finish(&tag);
    }
    client.ok(&format!("SELECT {mailbox}"));
    let mut there = messages.min(1000);
    while there < messages {
        let more = there.min(messages - there).min(COPIED);
        client.ok(&format!("COPY 1:{more} {mailbox}"));
        there += more;
    }
    client.ok("UNSELECT");
}

/// The UIDVALIDITY and the HIGHESTMODSEQ of a mailbox.
fn known(client: &mut Client, mailbox: &str) -> (u64, u64) {
    let tag = client.begin(format!("STATUS {mailbox} (UIDVALIDITY HIGHESTMODSEQ)").as_bytes());
    let line = client.line();
    client.finish(&tag);
    let number = |name: &str| {
        let rest = line.split(name).nth(1).unwrap_or_else(|| panic!("{name}: {line}"));
        rest.trim_start().split([' ', ')']).next().and_then(|n| n.parse().ok()).unwrap()
    };
    (number("UIDVALIDITY"), number("HIGHESTMODSEQ"))
}

/// SELECT by a client that has been away while 300 messages came, 300 were flagged and 100 went. RFC 7162 3.2.5
fn after_a_day(target: &Target, mailbox: &str, messages: usize) -> Vec<std::time::Duration> {
    let mut client = Client::login(target);
    client.ok("ENABLE QRESYNC");
    let (uid_validity, mod_seq) = known(&mut client, mailbox);
    client.ok(&format!("SELECT {mailbox}"));
    let mut random = fastrand::Rng::with_seed(2);
    for n in 0..400 {
        let flag = if n < 100 { "\\Deleted" } else { "\\Seen" };
        client.ok(&format!("UID STORE {} +FLAGS.SILENT ({flag})", random.usize(1..=messages)));
    }
    client.ok("EXPUNGE");
    (0..300).for_each(|_| client.append(mailbox, b"Subject: new\r\n\r\ntext\r\n"));
    repeat(50, |_| {
        client.ok(&format!("SELECT {mailbox} (QRESYNC ({uid_validity} {mod_seq}))"));
    })
}

/// The figures of one size, and of the first SELECT after a restart.
fn measure(own: &mut Own, messages: usize) -> Vec<Figure> {
    let mailbox = format!("size{messages}");
    let target = own.target();
    fill(&mut Client::login(&target), &mailbox, messages);
    own.restart();
    let mut client = Client::login(&own.target());
    let cold = Instant::now();
    client.ok(&format!("SELECT {mailbox}"));
    let cold = vec![cold.elapsed()];
    let mut random = fastrand::Rng::with_seed(1);
    let mut one = |name, times, command: &mut dyn FnMut(&mut Client, usize)| {
        figure(name, "commands/s", 1.0, repeat(times, |n| command(&mut client, n)))
    };
    let number = move || random.usize(1..=messages);
    let (mut a, mut b) = (number.clone(), number);
    let text = b"Subject: one more\r\n\r\ntext\r\n";
    let mut figures = vec![
        figure("SELECT, cold", "commands/s", 1.0, cold),
        one("SELECT, warm", 50, &mut |client, _| {
            client.ok(&format!("SELECT {mailbox}"));
        }),
        one("FETCH one", 500, &mut |client, _| {
            client.ok(&format!("FETCH {} (FLAGS ENVELOPE BODY.PEEK[])", a()));
        }),
        one("STORE one", 500, &mut |client, n| {
            let sign = if n % 2 == 0 { "+" } else { "-" };
            client.ok(&format!("STORE {} {sign}FLAGS.SILENT (\\Flagged)", b()));
        }),
        one("APPEND one", 300, &mut |client, _| client.append(&mailbox, text)),
        one("STATUS", 500, &mut |client, _| {
            client.ok(&format!("STATUS {mailbox} (MESSAGES UNSEEN UIDNEXT)"));
        }),
        one("LIST one", 300, &mut |client, _| {
            client.ok(&format!("LIST \"\" {mailbox}"));
        }),
        one("LIST one, with STATUS and sums", 300, &mut |client, _| {
            client.ok(&format!(
                "LIST (CLASS UNSEEN INTERNALSIZE) \"\" {mailbox} RETURN (STATUS (MESSAGES UNSEEN SIZE))"
            ));
        }),
    ];
    let away = after_a_day(&own.target(), &mailbox, messages);
    figures.push(figure("SELECT, a day away", "commands/s", 1.0, away));
    figures
}

/// An account of many mailboxes: what making them costs, early and late, and what showing them does.
fn many_mailboxes(own: &mut Own) -> Vec<Figure> {
    let mut client = Client::login(&own.target());
    let mut made = repeat(MAILBOXES, |n| {
        client.ok(&format!("CREATE many/{n}"));
    });
    let last = made.split_off(made.len().saturating_sub(500));
    made.truncate(500);
    // What LIST takes is seen best on a daemon that has done nothing else, and has no journal to read at its start.
    own.restart();
    own.restart();
    let mut client = Client::login(&own.target());
    let resident = |own: &Own| own.target().pid.map_or(0, resident_bytes);
    let before = resident(own);
    client.ok("LIST \"\" *");
    let listed = resident(own);
    client.ok("LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UNSEEN))");
    let with_status = resident(own);
    let each = |bytes: u64| bytes.saturating_sub(before) / MAILBOXES as u64;
    println!("octets of memory a mailbox: LIST {}, LIST with STATUS {}", each(listed), each(with_status));
    let mut all = |name, command: &str| {
        let times = repeat(10, |_| {
            client.ok(command);
        });
        figure(name, "mailboxes/s", MAILBOXES as f64, times)
    };
    vec![
        figure("CREATE, the first 500", "mailboxes/s", 1.0, made),
        figure("CREATE, the last 500", "mailboxes/s", 1.0, last),
        all("LIST all", "LIST \"\" *"),
        all("LIST all, CLASS UNSEEN INTERNALSIZE", "LIST (CLASS UNSEEN INTERNALSIZE) \"\" *"),
        all("LIST all, STATUS", "LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT UNSEEN))"),
        all("LIST all, METADATA", "LIST \"\" * RETURN (METADATA (/shared/comment /private/comment))"),
        all("LIST %", "LIST \"\" %"),
    ]
}

/// Octets of memory that a process has touched.
fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

pub fn run(plan: &Plan, json: bool) {
    let mut own = Own::start();
    let sizes = [1_000, 100_000, 1_000_000];
    let names = ["1,000", "100,000", "1,000,000"];
    let figures = sizes.map(|messages| measure(&mut own, messages));
    super::print(&names.into_iter().zip(figures).collect::<Vec<_>>(), json);
    open_mailbox(&mut own, sizes[2]);
    drop(own);
    println!();
    mailboxes(json);
    println!();
    super::accounts::run(json);
    println!();
    super::finding::run(plan, json);
}

/// Octets of memory that the messages of a mailbox take, when one session has looked at all of them and when ten have.
fn open_mailbox(own: &mut Own, messages: usize) {
    // What the daemon has touched when it began is not of the mailbox: a small one is looked at first. Nor is what the engine
    // keeps of what it has read, which has a bound of its own.
    own.stop();
    own.launch_with("[Store]\nCache Size = 1M\n");
    let look = |mailbox: &str| {
        let mut client = Client::login(&own.target());
        client.ok(&format!("SELECT {mailbox}"));
        client.ok("FETCH 1:* (FLAGS)");
        client
    };
    let _small = look("size1000");
    let resident = || own.target().pid.map_or(0, resident_bytes);
    let before = resident();
    let _one = look(&format!("size{messages}"));
    let one = resident();
    let _nine: Vec<Client> = (0..9).map(|_| look(&format!("size{messages}"))).collect();
    let each = |bytes: u64| bytes.saturating_sub(before) as f64 / messages as f64;
    println!("octets of memory a message: 1 session {:.1}, 10 sessions {:.1}", each(one), each(resident()));
}

/// Of an account of its own.
pub fn mailboxes(json: bool) {
    let mut own = Own::start();
    super::print(&[("9,900 mailboxes", many_mailboxes(&mut own))], json);
}

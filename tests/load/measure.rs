//! What is measured.

use std::time::{Duration, Instant};

use super::client::{Client, Target};

pub struct Plan {
    /// Messages of the mailbox that is fetched and searched.
    pub messages: usize,
    pub mail: Vec<Vec<u8>>,
}

pub struct Figure {
    pub name: &'static str,
    pub unit: &'static str,
    /// Units a second; for memory the inverse of kilobytes, so that more is better everywhere.
    pub rate: f64,
    pub median_ms: f64,
    pub p99_ms: f64,
}

/// The messages of a mbox, with CRLF.
pub fn read_mail(path: &str) -> Vec<Vec<u8>> {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut mails: Vec<Vec<u8>> = Vec::new();
    let mut blank = true;
    for line in text.split(|b| *b == b'\n') {
        if blank && line.starts_with(b"From ") {
            mails.push(Vec::new());
        } else if let Some(mail) = mails.last_mut() {
            mail.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
            mail.extend_from_slice(b"\r\n");
        }
        blank = line.is_empty();
    }
    mails
}

/// The nth message: each is another, so that nothing is stored once for all.
pub fn message(plan: &Plan, n: usize) -> Vec<u8> {
    [format!("X-Number: {n}-{}\r\n", plan.messages).as_bytes(), &plan.mail[n % plan.mail.len()]].concat()
}

pub fn figure(name: &'static str, unit: &'static str, units_each: f64, mut times: Vec<Duration>) -> Figure {
    times.sort();
    let total: f64 = times.iter().map(Duration::as_secs_f64).sum();
    let ms = |at: usize| times[at.min(times.len() - 1)].as_secs_f64() * 1000.0;
    let rate = units_each * times.len() as f64 / total;
    Figure { name, unit, rate, median_ms: ms(times.len() / 2), p99_ms: ms(times.len() * 99 / 100) }
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

/// Again and again, for this many times and at most so long.
pub fn repeat(times: usize, mut work: impl FnMut(usize)) -> Vec<Duration> {
    repeat_timed(times, |n| timed(|| work(n)))
}

/// As `repeat`, where the work itself tells what part of it counts.
fn repeat_timed(times: usize, mut work: impl FnMut(usize) -> Duration) -> Vec<Duration> {
    let began = Instant::now();
    let mut taken = Vec::new();
    for n in 0..times {
        taken.push(work(n));
        if began.elapsed() > Duration::from_secs(15) {
            break;
        }
    }
    taken
}

pub fn all(target: &Target, plan: &Plan) -> Vec<Figure> {
    let mut client = Client::login(target);
    for mailbox in ["load", "one", "copy"] {
        client.ok(&format!("CREATE {mailbox}"));
    }
    fill(&mut client, plan);
    let mut figures = round_trips(target, plan);
    client.ok("SELECT load");
    figures.extend(fetches(&mut client, plan));
    figures.extend(searches(&mut client, plan));
    figures.extend(changes(&mut client, plan));
    figures.push(idle(target, plan));
    figures.extend(target.pid.map(|pid| memory(target, pid)));
    figures
}

/// Many appends are under way at once: it is not this that is measured.
fn fill(client: &mut Client, plan: &Plan) {
    for first in (0..plan.messages).step_by(100) {
        let mut tag = String::new();
        let last = (first + 100).min(plan.messages);
        for n in first..last {
            let message = message(plan, n);
            let head = format!("APPEND load {{{}+}}\r\n", message.len());
            tag = client.begin(&[head.as_bytes(), &message].concat());
        }
        client.finish(&tag);
    }
}

/// What costs a server little beside the way there and back, and the sync of the disk.
pub fn round_trips(target: &Target, plan: &Plan) -> Vec<Figure> {
    [logins(target), appends(target, plan)].into_iter().flatten().collect()
}

fn logins(target: &Target) -> Vec<Figure> {
    let cycle = |_| {
        let mut client = Client::login(target);
        client.ok("SELECT load");
        client.ok("LOGOUT");
    };
    let one = |clients, name| {
        let cycles = |count: usize| {
            let nobody = vec![(); clients];
            at_once(name, "cycles/s", nobody, |()| repeat(count / clients, cycle))
        };
        // As many at a time once before: neither server's threads or processes are started in what is measured.
        cycles(320);
        cycles(4000)
    };
    vec![one(1, "login, SELECT, LOGOUT, 1 client"), one(16, "login, SELECT, LOGOUT, 16 clients")]
}

/// What many clients do together, each its own `run` with what has been prepared for it.
fn at_once<T: Send>(
    name: &'static str,
    unit: &'static str,
    prepared: Vec<T>,
    run: impl Fn(T) -> Vec<Duration> + Sync,
) -> Figure {
    let began = Instant::now();
    let times: Vec<Duration> = std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = prepared.into_iter().map(|own| scope.spawn(move || run(own))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let (count, elapsed) = (times.len() as f64, began.elapsed().as_secs_f64());
    Figure { rate: count / elapsed, ..figure(name, unit, 1.0, times) }
}

fn appends(target: &Target, plan: &Plan) -> Vec<Figure> {
    let one = |clients: usize, name| {
        let each = 800 / clients.min(4);
        let prepared = (0..clients).map(|n| {
            let mut client = Client::login(target);
            let mailbox = format!("append{clients}-{n}");
            client.ok(&format!("CREATE {mailbox}"));
            let messages: Vec<Vec<u8>> = (0..each).map(|i| message(plan, 1_000_000 * (n + clients) + i)).collect();
            (client, mailbox, messages)
        });
        at_once(name, "messages/s", prepared.collect(), |(mut client, mailbox, messages)| {
            repeat(each, |i| client.append(&mailbox, &messages[i]))
        })
    };
    vec![one(1, "APPEND, 1 client"), one(16, "APPEND, 16 clients")]
}

/// A command about all messages, after it has been given once: what is cached is cached.
fn again(client: &mut Client, plan: &Plan, name: &'static str, command: &str, times: usize) -> Figure {
    client.ok(command);
    let times = repeat(times, |_| {
        client.ok(command);
    });
    figure(name, "messages/s", plan.messages as f64, times)
}

fn fetches(client: &mut Client, plan: &Plan) -> Vec<Figure> {
    let mut one = |name, command: &str, times| again(client, plan, name, command, times);
    let mut figures = vec![
        one("FETCH flags", "FETCH 1:* FLAGS", 20),
        one("FETCH envelope, structure", "FETCH 1:* (ENVELOPE BODYSTRUCTURE)", 10),
        one(
            "FETCH header fields",
            "FETCH 1:* BODY.PEEK[HEADER.FIELDS (DATE FROM TO CC SUBJECT MESSAGE-ID REFERENCES CONTENT-TYPE)]",
            10,
        ),
    ];
    client.ok("FETCH 1:* BODY.PEEK[]");
    let mut octets = 0;
    let times = repeat(4, |_| octets = client.ok("FETCH 1:* BODY.PEEK[]"));
    figures.push(figure("FETCH bodies", "MB/s", octets as f64 / 1e6, times));
    figures
}

fn searches(client: &mut Client, plan: &Plan) -> Vec<Figure> {
    let mut one = |name, command: &str, times| again(client, plan, name, command, times);
    vec![
        one("SEARCH flag", "SEARCH FLAGGED", 20),
        one("SEARCH subject", "SEARCH SUBJECT \"nowhere to be found\"", 20),
        one("SEARCH from", "SEARCH FROM \"nobody@nowhere\"", 20),
        one("SEARCH date", "SEARCH SENTSINCE 1-Sep-2002", 20),
        one("SEARCH size", "SEARCH LARGER 10000", 20),
        one("SEARCH header", "SEARCH HEADER Message-ID \"nobody@nowhere\"", 20),
        one("SEARCH received", "SEARCH SINCE 1-Jan-2030", 20),
        one("SORT date", "SORT (DATE) UTF-8 ALL", 10),
        one("SORT subject", "SORT (SUBJECT) UTF-8 ALL", 10),
        one("THREAD references", "THREAD REFERENCES UTF-8 ALL", 10),
        one("SEARCH body", "SEARCH BODY \"nowhere to be found\"", 3),
    ]
}

fn changes(client: &mut Client, plan: &Plan) -> Vec<Figure> {
    let n = plan.messages as f64;
    let mut sign = ["+", "-"].into_iter().cycle();
    let one = repeat(2000, |i| {
        let command = format!(
            "STORE {} {}FLAGS.SILENT (\\Answered)",
            i % plan.messages + 1,
            if (i / plan.messages).is_multiple_of(2) { "+" } else { "-" }
        );
        client.ok(&command);
    });
    let all = repeat(6, |_| {
        client.ok(&format!("STORE 1:* {}FLAGS.SILENT (\\Flagged)", sign.next().unwrap()));
    });
    let copy = repeat(2, |_| {
        client.ok("COPY 1:* copy");
    });
    vec![
        figure("STORE one", "commands/s", 1.0, one),
        figure("STORE all", "messages/s", n, all),
        figure("COPY all", "messages/s", n, copy),
    ]
}

/// From the end of an APPEND to its EXISTS in another session.
fn idle(target: &Target, plan: &Plan) -> Figure {
    let (mut waiting, mut writing) = (Client::login(target), Client::login(target));
    waiting.ok("SELECT one");
    waiting.begin(b"IDLE");
    waiting.line();
    // A server that looks only now and then gets as far as the time goes.
    let times = repeat_timed(1000, |n| {
        writing.append("one", &message(plan, 5_000_000 + n));
        timed(|| while !waiting.line().contains("EXISTS") {})
    });
    // What followed EXISTS in the same packet is of no interest.
    let mut figure = figure("IDLE notification", "1/s", 1.0, times);
    figure.rate = 1000.0 / figure.median_ms.max(0.001);
    figure
}

/// Kilobytes that an idle connection costs the server and its children.
fn memory(target: &Target, pid: u32) -> Figure {
    let count = 200;
    let before = pss_kb(pid);
    let clients: Vec<Client> = (0..count)
        .map(|_| {
            let mut client = Client::login(target);
            client.ok("SELECT one");
            client.begin(b"IDLE");
            client.line();
            client
        })
        .collect();
    std::thread::sleep(Duration::from_secs(1));
    let each = (pss_kb(pid) - before) / clients.len() as f64;
    Figure { name: "idle connections", unit: "a MB", rate: 1000.0 / each, median_ms: 0.0, p99_ms: 0.0 }
}

/// The memory of a process and all below it, what is shared counted once.
fn pss_kb(pid: u32) -> f64 {
    let own = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let own: f64 =
        own.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().split(' ').next()?.parse().ok()).unwrap_or(0.0);
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    own + children.split_whitespace().filter_map(|child| child.parse().ok()).map(pss_kb).sum::<f64>()
}

//! What one operation costs in mailboxes of different sizes: it must not grow with them.

use std::time::Instant;

use super::client::{Client, Target};
use super::measure::{Figure, figure, repeat};
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
    vec![
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
    ]
}

/// An account of many mailboxes.
fn many_mailboxes(target: &Target) -> Vec<Figure> {
    let mut client = Client::login(target);
    let made = repeat(MAILBOXES, |n| {
        client.ok(&format!("CREATE many/{n}"));
    });
    let mut client = Client::login(target);
    let list = repeat(10, |_| {
        client.ok("LIST \"\" *");
    });
    vec![figure("CREATE", "mailboxes/s", 1.0, made), figure("LIST all", "mailboxes/s", MAILBOXES as f64, list)]
}

pub fn run(json: bool) {
    let mut own = Own::start();
    let sizes = [1_000, 100_000, 1_000_000];
    let names = ["1,000", "100,000", "1,000,000"];
    let figures = sizes.map(|messages| measure(&mut own, messages));
    super::print(&names.into_iter().zip(figures).collect::<Vec<_>>(), json);
    println!();
    super::print(&[("9,900 mailboxes", many_mailboxes(&own.target()))], json);
    println!();
    super::print(&[("accounts", super::accounts::starts(&mut own))], json);
}

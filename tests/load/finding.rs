//! What SEARCH, SORT and THREAD cost in a mailbox of a hundred thousand messages of real sizes: at once after a start, and
//! again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gatepost::mailbox::{Account, Change, Limits, Mailbox, Manager};
use gatepost::store::{Options, Store};
use gatepost::types::{AccountName, InternalDate, MailboxName};

use super::client::Client;
use super::measure::{Figure, Plan, figure, repeat};
use super::servers::Own;

const MESSAGES: usize = 100_000;

/// Messages of one commit when the mailbox is filled.
const STEP: usize = 500;

/// Messages of one thread.
const THREAD: usize = 5;

const COMMANDS: [(&str, &str); 8] = [
    ("SEARCH flag", "SEARCH FLAGGED"),
    ("SEARCH date", "SEARCH SENTSINCE 1-Sep-2030"),
    ("SEARCH size", "SEARCH LARGER 1000000"),
    ("SEARCH subject", "SEARCH SUBJECT \"nowhere to be found\""),
    ("SEARCH header", "SEARCH HEADER Message-ID \"nobody@nowhere\""),
    ("SORT date", "SORT (DATE) UTF-8 ALL"),
    ("SORT subject", "SORT (SUBJECT) UTF-8 ALL"),
    ("THREAD references", "THREAD REFERENCES UTF-8 ALL"),
];

pub fn run(plan: &Plan, json: bool) {
    let mut own = Own::start();
    own.stop();
    fill(&own, plan);
    let cold: Vec<Figure> = COMMANDS.iter().map(|(name, command)| cold(&mut own, name, command)).collect();
    let mut client = selected(&own);
    let warm = COMMANDS.iter().map(|(name, command)| {
        client.ok(command);
        figure(
            name,
            "commands/s",
            1.0,
            repeat(10, |_| {
                client.ok(command);
            }),
        )
    });
    let warm = warm.collect();
    super::print(&[("cold", cold), ("warm", warm)], json);
}

fn selected(own: &Own) -> Client {
    let mut client = Client::login(&own.target());
    client.ok("SELECT finding");
    client
}

/// The first of its kind after a start; three starts.
fn cold(own: &mut Own, name: &'static str, command: &str) -> Figure {
    let first = |_| -> Duration {
        own.restart();
        let mut client = selected(own);
        let began = Instant::now();
        client.ok(command);
        began.elapsed()
    };
    figure(name, "commands/s", 1.0, (0..3).map(first).collect())
}

fn fill(own: &Own, plan: &Plan) {
    let store = Store::open(&own.scratch().join("gatepost/data/store"), &Options::default()).expect("store");
    let manager = Manager::new(store, Limits::default());
    let account = manager.account(&AccountName::new("demo").expect("name")).expect("account");
    let name = MailboxName::new("finding").expect("name");
    account.create(&name, &[]).expect("mailbox");
    let mailbox = account.mailbox(&name).expect("mailbox");
    for first in (0..MESSAGES).step_by(STEP) {
        append(&account, &mailbox, first, plan);
    }
}

fn append(account: &Arc<Account>, mailbox: &Arc<Mailbox>, first: usize, plan: &Plan) {
    let mut intake = account.intake(mailbox).expect("intake");
    let date = InternalDate { secs: 1_000_000_000, zone_mins: 0 };
    let taken = (first..first + STEP).map(|n| intake.take(message(plan, n), Vec::new(), date).expect("message"));
    mailbox.commit(Change::Append(taken.collect())).expect("APPEND");
}

/// A message of the plan with a place of its own: in time, in a thread, among subjects.
fn message(plan: &Plan, n: usize) -> Vec<u8> {
    const OWN: [&str; 5] = ["date:", "subject:", "message-id:", "references:", "in-reply-to:"];
    let (thread, at) = (n / THREAD, n % THREAD);
    let first = thread * THREAD;
    let references: String = (first..n).map(|before| format!(" <{before}.load@example.com>\r\n")).collect();
    let reply = if at > 0 { format!("References:{references}") } else { String::new() };
    let re = if at > 0 { "Re: " } else { "" };
    let (day, hour, minute) = (1 + n / 1440 % 28, n / 60 % 24, n % 60);
    let mut out = format!(
        "Date: {day} Feb {} {hour:02}:{minute:02}:00 +0000\r\nSubject: {re}thread {} of many\r\n\
         Message-ID: <{n}.load@example.com>\r\n{reply}",
        1990 + n / 40_320,
        thread * 7919 % MESSAGES,
    )
    .into_bytes();
    let mail = &plan.mail[n % plan.mail.len()];
    let (mut header, mut dropped) = (true, false);
    for line in mail.split_inclusive(|octet| *octet == b'\n') {
        let is_folded = line.starts_with(b" ") || line.starts_with(b"\t");
        header &= line != b"\r\n";
        if header && !is_folded {
            let name = String::from_utf8_lossy(&line[..line.len().min(12)]).to_ascii_lowercase();
            dropped = OWN.iter().any(|own| name.starts_with(own));
        }
        if !header || !dropped {
            out.extend_from_slice(line);
        }
    }
    out
}

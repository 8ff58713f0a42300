//! Measures an IMAP server by what a client sees.
//!
//!     load HOST PORT USER PASSWORD [--messages N] [--mail FILE] [--json]
//!     load --compare [--messages N] [--mail FILE] [--json]
//!     load --sizes [--json]
//!     load --mailboxes [--json]
//!     load --accounts [--json]
//!     load --finding [--mail FILE] [--json]
//!     load --disk [--mail FILE] [--json]
//!
//! With `--awake` any of them keeps the processors from sleeping while it measures; see `awake.rs`.
//!
//! The first form measures any server; the account should be empty. The second starts Gatepost and, where it is
//! installed, Dovecot, on loopback and in scratch directories, and measures both in one run; then, for what is little but the
//! way there and back and a sync, the least server, which shows what of it any server has to pay. The third shows what single
//! operations cost Gatepost in mailboxes of a thousand, a hundred thousand and a million messages, what a message and a
//! mailbox take in memory, and the three that follow: an account of many mailboxes; a start with many accounts; SEARCH,
//! SORT and THREAD of a hundred thousand messages. The last shows how near durable APPEND comes to what the disk can do.

mod accounts;
mod awake;
mod bare;
mod client;
mod disk;
mod finding;
mod measure;
mod servers;
mod sizes;

use std::process::exit;

use measure::{Figure, Plan};

fn main() {
    // Arguments that cargo adds for its own harness.
    let mut words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let json = take_flag(&mut words, "--json");
    let awake = take_flag(&mut words, "--awake").then(awake::Awake::keep);
    if let Some(Err(error)) = &awake {
        return eprintln!("skipped: the processors cannot be kept awake here: {error}");
    }
    let disk = take_flag(&mut words, "--disk");
    let compare = take_flag(&mut words, "--compare");
    if take_flag(&mut words, "--mailboxes") {
        return sizes::mailboxes(json);
    }
    if take_flag(&mut words, "--accounts") {
        return accounts::run(json);
    }
    let sizes = take_flag(&mut words, "--sizes");
    let finding = take_flag(&mut words, "--finding");
    let messages = take_value(&mut words, "--messages").map_or(20_000, |n| n.parse().unwrap_or_else(|_| usage()));
    let mail = take_value(&mut words, "--mail").unwrap_or_else(|| "tests/data/demo.mbox".into());
    let plan = Plan { messages, mail: measure::read_mail(&mail) };
    if sizes {
        return sizes::run(&plan, json);
    }
    if finding {
        return finding::run(&plan, json);
    }
    if disk {
        return disk::run(&plan, json);
    }
    if compare {
        return servers::compare(&plan, json);
    }
    let [host, port, user, password] = words.as_slice() else { usage() };
    let target = client::Target {
        host: host.clone(),
        port: port.parse().unwrap_or_else(|_| usage()),
        user: user.clone(),
        password: password.clone(),
        pid: None,
    };
    print(&[("server", measure::all(&target, &plan))], json);
}

fn usage() -> ! {
    eprintln!(
        "usage: load HOST PORT USER PASSWORD | --compare | --sizes | --mailboxes | --accounts | --finding | --disk  [--awake] [--messages N] [--mail FILE] [--json]"
    );
    exit(64)
}

fn take_flag(words: &mut Vec<String>, flag: &str) -> bool {
    let before = words.len();
    words.retain(|word| word != flag);
    words.len() != before
}

fn take_value(words: &mut Vec<String>, flag: &str) -> Option<String> {
    let at = words.iter().position(|word| word == flag)?;
    words.remove(at);
    (at < words.len()).then(|| words.remove(at))
}

/// A row a figure: rate, median and 99th percentile of each server, and the ratio of the first's rate to the second's. Beside
/// whom less has been measured with, the first stands once more.
pub fn print(servers: &[(&str, Vec<Figure>)], json: bool) {
    if json {
        let rows = servers.iter().flat_map(|(server, figures)| {
            figures.iter().map(move |f| {
                serde_json::json!({ "server": server, "figure": f.name, "unit": f.unit, "rate": f.rate,
                    "median_ms": f.median_ms, "p99_ms": f.p99_ms })
            })
        });
        return println!("{}", serde_json::Value::Array(rows.collect()));
    }
    let (whole, part): (Vec<_>, Vec<_>) =
        servers.iter().partition(|(_, figures)| figures.len() == servers[0].1.len());
    table(&whole);
    for less in part {
        println!();
        table(&[&servers[0], less]);
    }
}

/// A row for each figure that all of these servers have.
fn table(servers: &[&(&str, Vec<Figure>)]) {
    let heads: String =
        servers.iter().map(|(name, _)| format!("{:>12} {:>9} {:>9}", name, "median", "p99")).collect();
    println!("{:<34}{heads}{}", "", if servers.len() > 1 { "    ratio" } else { "" });
    for figure in &servers[0].1 {
        let row: Vec<&Figure> = servers
            .iter()
            .filter_map(|(_, figures)| figures.iter().find(|other| other.name == figure.name))
            .collect();
        if row.len() < servers.len() {
            continue;
        }
        print!("{:<34}", format!("{} ({})", figure.name, figure.unit));
        for f in &row {
            print!("{:>12.0} {:>6.2} ms {:>6.2} ms", f.rate, f.median_ms, f.p99_ms);
        }
        match row.get(1) {
            Some(other) => println!("  {:>7.2}", figure.rate / other.rate),
            None => println!(),
        }
    }
}

//! Durable APPEND beside what the disk itself can do: the same octets, written and synced by a loop that does nothing else,
//! and by the least server, which takes them from a connection, writes and syncs them and says OK.
//!
//! With several writers the bare log groups what waits, as a server can: one write and one sync for all of it. The three
//! take turns, round by round, on one file system, so that a machine that slows down slows all.

use std::fs::File;
use std::sync::Mutex;
use std::time::Instant;

use super::bare::{BareLog, serve};
use super::client::{Client, Target};
use super::measure::{Plan, message};
use super::servers::Own;

/// Rounds of each, of which the median is shown.
const ROUNDS: usize = 7;
/// Messages of one round, of all writers together.
const MESSAGES: usize = 640;

/// Messages a second of so many writers, each with its own share.
fn rate(writers: usize, work: impl Fn(usize, usize) + Sync) -> f64 {
    let each = MESSAGES / writers;
    let began = Instant::now();
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let work = &work;
            scope.spawn(move || (0..each).for_each(|n| work(writer, n)));
        }
    });
    (each * writers) as f64 / began.elapsed().as_secs_f64()
}

fn server(target: &Target, writers: usize, messages: &[Vec<u8>]) -> f64 {
    let clients: Vec<Mutex<Client>> = (0..writers)
        .map(|n| {
            let mut client = Client::login(target);
            // It may be there from an earlier round.
            let tag = client.begin(format!("CREATE disk{n}").as_bytes());
            client.finish(&tag);
            Mutex::new(client)
        })
        .collect();
    let each = MESSAGES / writers;
    rate(writers, |writer, n| {
        let mut client = clients[writer].lock().expect("lock");
        client.append(&format!("disk{writer}"), &messages[writer * each + n]);
    })
}

fn bare(file: File, writers: usize, messages: &[Vec<u8>]) -> f64 {
    let log = BareLog::new(file);
    let each = MESSAGES / writers;
    rate(writers, |writer, n| log.append(&messages[writer * each + n]))
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

struct Row {
    writers: usize,
    append: f64,
    log: f64,
    server: f64,
}

fn measure(own: &Own, plan: &Plan, writers: usize) -> Row {
    let (mut appends, mut logs, mut servers) = (Vec::new(), Vec::new(), Vec::new());
    let file = |name: &str| File::create(own.scratch().join(name)).expect("scratch file");
    for round in 0..ROUNDS {
        let first = 10_000_000 * writers + MESSAGES * round;
        let messages: Vec<Vec<u8>> = (0..MESSAGES).map(|n| message(plan, first + n)).collect();
        logs.push(bare(file("bare.log"), writers, &messages));
        servers.push(server(&serve(BareLog::new(file("server.log"))), writers, &messages));
        appends.push(server(&own.target(), writers, &messages));
    }
    Row { writers, append: median(appends), log: median(logs), server: median(servers) }
}

pub fn run(plan: &Plan, json: bool) {
    let own = Own::start();
    let rows: Vec<Row> = [1, 16, 64].iter().map(|writers| measure(&own, plan, *writers)).collect();
    if json {
        let row = |row: &Row| {
            let Row { writers, append, log, server } = row;
            serde_json::json!({ "writers": writers, "append_rate": append, "bare_rate": log, "ratio": append / log,
                "bare_server_rate": server, "ratio_to_bare_server": append / server })
        };
        return println!("{}", serde_json::Value::Array(rows.iter().map(row).collect()));
    }
    println!("{:<10}{:>16}{:>16}{:>9}{:>16}{:>9}", "writers", "APPEND", "bare log", "ratio", "bare server", "ratio");
    for Row { writers, append, log, server } in rows {
        let (to_log, to_server) = (append / log, append / server);
        println!("{writers:<10}{append:>14.0}/s{log:>14.0}/s{to_log:>9.2}{server:>14.0}/s{to_server:>9.2}");
    }
}

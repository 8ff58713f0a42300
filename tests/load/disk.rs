//! Durable APPEND beside what the disk itself can do: the same octets, written and synced by a loop that does nothing else.
//!
//! With several writers the bare log groups what waits, as a server can: one write and one sync for all of it. The two
//! take turns, round by round, on one file system, so that a machine that slows down slows both.

use std::fs::File;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::client::{Client, Target};
use super::measure::{Plan, message};
use super::servers::Own;

/// Rounds of each, of which the median is shown.
const ROUNDS: usize = 7;
/// Messages of one round, of all writers together.
const MESSAGES: usize = 640;

/// A log that syncs once for all that waits.
struct BareLog {
    file: Mutex<File>,
    waiting: Mutex<Vec<u8>>,
    /// Octets that have been handed over, and that are on the disk.
    given: AtomicU64,
    synced: AtomicU64,
}

impl BareLog {
    fn new(file: File) -> BareLog {
        let (waiting, given, synced) = Default::default();
        BareLog { file: Mutex::new(file), waiting, given, synced }
    }

    fn append(&self, octets: &[u8]) {
        let end = {
            let mut waiting = self.waiting.lock().expect("lock");
            waiting.extend_from_slice(octets);
            self.given.fetch_add(octets.len() as u64, Ordering::Relaxed) + octets.len() as u64
        };
        let mut file = self.file.lock().expect("lock");
        if self.synced.load(Ordering::Relaxed) >= end {
            return;
        }
        let group = std::mem::take(&mut *self.waiting.lock().expect("lock"));
        file.write_all(&group).expect("write");
        file.sync_data().expect("fdatasync");
        self.synced.fetch_add(group.len() as u64, Ordering::Relaxed);
    }
}

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

fn gatepost(target: &Target, writers: usize, messages: &[Vec<u8>]) -> f64 {
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

pub fn run(plan: &Plan, json: bool) {
    let own = Own::start();
    let mut rows = Vec::new();
    for writers in [1, 16, 64] {
        let (mut ours, mut bares) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let first = 10_000_000 * writers + MESSAGES * round;
            let messages: Vec<Vec<u8>> = (0..MESSAGES).map(|n| message(plan, first + n)).collect();
            let file = File::create(own.scratch().join("bare.log")).expect("scratch file");
            bares.push(bare(file, writers, &messages));
            ours.push(gatepost(&own.target(), writers, &messages));
        }
        rows.push((writers, median(ours), median(bares)));
    }
    if json {
        let row = |(writers, ours, bare): &(usize, f64, f64)| serde_json::json!({ "writers": writers, "append_rate": ours, "bare_rate": bare, "ratio": ours / bare });
        return println!("{}", serde_json::Value::Array(rows.iter().map(row).collect()));
    }
    println!("{:<10}{:>16}{:>16}{:>9}", "writers", "APPEND", "bare log", "ratio");
    for (writers, ours, bare) in rows {
        println!("{writers:<10}{ours:>14.0}/s{bare:>14.0}/s{:>9.2}", ours / bare);
    }
}

//! What the disk can do by itself, and what is left of it behind a connection: a log, and the least server that keeps one.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::client::Target;

/// A log that syncs once for all that waits.
pub struct BareLog {
    file: Mutex<File>,
    waiting: Mutex<Vec<u8>>,
    /// Octets that have been handed over, and that are on the disk.
    given: AtomicU64,
    synced: AtomicU64,
}

impl BareLog {
    pub fn new(file: File) -> BareLog {
        let (waiting, given, synced) = Default::default();
        BareLog { file: Mutex::new(file), waiting, given, synced }
    }

    pub fn append(&self, octets: &[u8]) {
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

/// A thread each, there before they come: none is started in what is measured.
const CONNECTIONS_MAX: usize = 72;

/// Serves whoever comes until the process ends: whatever is asked succeeds, and what has a literal is kept in the log.
pub fn serve(log: BareLog) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    let (listener, log) = (Arc::new(listener), Arc::new(log));
    for _ in 0..CONNECTIONS_MAX {
        let (listener, log) = (listener.clone(), log.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                session(stream.expect("accept"), &log);
            }
        });
    }
    Target { host: "127.0.0.1".into(), port, user: "nobody".into(), password: "none".into(), pid: None }
}

fn session(mut stream: TcpStream, log: &BareLog) {
    stream.set_nodelay(true).expect("nodelay");
    stream.write_all(b"* OK ready\r\n").expect("write");
    let (mut held, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        held.extend_from_slice(&buffer[..length]);
        while let Some((command, literal)) = whole(&held) {
            if literal > 0 {
                log.append(&held[command - literal..command]);
            }
            let tag = held.iter().take_while(|octet| **octet != b' ');
            let answer: Vec<u8> = tag.chain(b" OK done\r\n").copied().collect();
            stream.write_all(&answer).expect("write");
            held.drain(..command);
        }
    }
}

/// The octets of the first command, and how many of them are its literal with the end of the line behind it.
fn whole(held: &[u8]) -> Option<(usize, usize)> {
    let line = memchr::memchr(b'\n', held)? + 1;
    let count = held[..line].strip_suffix(b"+}\r\n").and_then(|line| Some(&line[memchr::memrchr(b'{', line)? + 1..]));
    let literal = count.and_then(|count| std::str::from_utf8(count).ok()?.parse::<usize>().ok()).map_or(0, |n| n + 2);
    (held.len() >= line + literal).then_some((line + literal, literal))
}

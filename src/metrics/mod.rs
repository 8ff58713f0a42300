//! What the daemon counts about itself.
//!
//! A fixed table of counters and gauges. Counting is one atomic addition: no lock, no allocation, no order against
//! anything else. Whoever reads them gets a list of all, in the table's order.
//!
//! This room never resets a counter, formats nothing, and imports no other room.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only ever grows, from 0 at the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// One number that is kept.
#[derive(Debug)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub meaning: &'static str,
    value: AtomicU64,
}

/// A metric as it was when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub name: &'static str,
    pub kind: Kind,
    pub meaning: &'static str,
    pub value: u64,
}

impl Metric {
    const fn new(name: &'static str, kind: Kind, meaning: &'static str) -> Metric {
        Metric { name, kind, meaning, value: AtomicU64::new(0) }
    }

    pub fn add(&self, n: u64) {
        self.value.fetch_add(n, Ordering::Relaxed);
    }

    /// Of a gauge.
    pub fn set(&self, n: u64) {
        self.value.store(n, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }
}

/// Declares the metrics and the table of them, so that none can be missing from it.
macro_rules! metrics {
    ($($id:ident $kind:ident $name:literal $meaning:literal;)*) => {
        $(#[doc = $meaning] pub static $id: Metric = Metric::new($name, Kind::$kind, $meaning);)*
        static ALL: &[&Metric] = &[$(&$id),*];
    };
}

metrics! {
    CONNECTIONS_ACCEPTED Counter "connections_accepted" "Connections that were given a worker.";
    CONNECTIONS_REFUSED Counter "connections_refused" "Connections that were refused by a limit or for want of resources.";
    CONNECTIONS_OPEN Gauge "connections_open" "Connections that have a worker now.";
    WORKERS Gauge "workers" "Worker threads, idle ones included.";
    PANICS Counter "panics" "Sessions that a panic ended.";
    TLS_HANDSHAKES Counter "tls_handshakes" "TLS handshakes that succeeded.";
    TLS_FAILURES Counter "tls_failures" "TLS handshakes that failed.";
    BYTES_READ Counter "bytes_read" "Octets read from clients, TLS undone.";
    BYTES_WRITTEN Counter "bytes_written" "Octets written to clients, before TLS.";
    LOGINS Counter "logins" "Logins that succeeded.";
    LOGINS_FAILED Counter "logins_failed" "Logins that failed.";
    COMMANDS Counter "commands" "Commands done, refused ones included.";
    COMMANDS_BAD Counter "commands_bad" "Commands that were answered with BAD.";
    MESSAGES_APPENDED Counter "messages_appended" "Messages that APPEND took.";
    BYTES_APPENDED Counter "bytes_appended" "Octets of messages that APPEND took.";
}

/// All metrics, in the table's order; each is read by itself.
pub fn snapshot() -> Vec<Sample> {
    let sample = |metric: &&Metric| {
        let &Metric { name, kind, meaning, .. } = *metric;
        Sample { name, kind, meaning, value: metric.get() }
    };
    ALL.iter().map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_values_come_through() {
        let value = |name: &str| snapshot().iter().find(|sample| sample.name == name).map(|sample| sample.value);
        let before = value("messages_appended").unwrap();
        MESSAGES_APPENDED.add(3);
        assert_eq!(value("messages_appended"), Some(before + 3));
        let mut names: Vec<&str> = snapshot().iter().map(|sample| sample.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
    }
}

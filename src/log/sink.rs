//! Where lines go.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;

use chrono::Timelike;
use log::Level;

use super::Target;

/// A time, the spaces and the end of a line.
const STAMP_BYTES: usize = 32;

pub(super) enum Sink {
    Stderr,
    File(File),
    Syslog,
}

impl Sink {
    pub(super) fn open(target: &Target) -> io::Result<Sink> {
        Ok(match target {
            Target::Stderr => Sink::Stderr,
            Target::Syslog => Sink::Syslog,
            // Not for everybody: it says who reads whose mail from where.
            Target::File(path) => Sink::File(OpenOptions::new().create(true).append(true).mode(0o640).open(path)?),
        })
    }

    /// One write(2) a line, so that lines of several threads never mix. A log that cannot be written has nobody to
    /// complain to: the line is lost.
    pub(super) fn write(&self, level: Level, line: &str) {
        let _ = match self {
            Sink::Stderr => io::stderr().write_all(stamped(line).as_bytes()),
            Sink::File(file) => (&mut &*file).write_all(stamped(line).as_bytes()),
            Sink::Syslog => {
                crate::sys::syslog(priority(level), line);
                Ok(())
            }
        };
    }
}

/// Behind the local time, to the millisecond.
fn stamped(line: &str) -> String {
    let now = crate::sys::local_time();
    let (hour, minute, second) = (now.hour(), now.minute(), now.second());
    // A leap second is told as a second of 1000 milliseconds and more.
    let millis = (now.nanosecond() / 1_000_000).min(999);
    let mut stamped = String::with_capacity(STAMP_BYTES + line.len());
    // A String takes all.
    let _ = writeln!(stamped, "{} {hour:02}:{minute:02}:{second:02}.{millis:03} {line}", now.date_naive());
    stamped
}

/// syslog's priority: err, warning, info, debug.
fn priority(level: Level) -> i32 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

//! Where lines go.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;

use log::Level;

use super::Target;

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
        let stamped = || format!("{} {line}\n", crate::sys::local_time().format("%Y-%m-%d %H:%M:%S%.3f"));
        let _ = match self {
            Sink::Stderr => io::stderr().write_all(stamped().as_bytes()),
            Sink::File(file) => (&mut &*file).write_all(stamped().as_bytes()),
            Sink::Syslog => {
                crate::sys::syslog(priority(level), line);
                Ok(())
            }
        };
    }
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

//! What the tool says on standard output.

use std::fmt::Display;
use std::io::{self, Write};

use super::super::failed::Failed;

/// A line.
pub(super) fn say(text: impl Display) -> Result<(), Failed> {
    print(&format!("{text}\n"))
}

/// Who reads it may have had enough, as `head` has: the rest is lost then, and what was asked for is done to its end.
pub(super) fn print(text: &str) -> Result<(), Failed> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

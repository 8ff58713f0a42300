//! How far a request has come, told to who asked; and whether there is still somebody who asks.
//!
//! What takes long is told of again and again, and a tool that has been ended is found out by that: what it asked for is
//! not done to the end for nobody.

use std::io;
use std::time::{Duration, Instant};

use serde_json::json;

use super::wire::Wire;
use crate::store::Stopped;

/// As often a bar moves.
const EVERY: Duration = Duration::from_millis(200);

pub(super) struct Telling<'a> {
    wire: &'a mut Wire,
    verb: &'static str,
    last: Option<Instant>,
}

impl<'a> Telling<'a> {
    pub(super) fn new(verb: &'static str, wire: &'a mut Wire) -> Telling<'a> {
        Telling { wire, verb, last: None }
    }

    /// May be called for each message, and is to be where nothing else is heard of for seconds.
    pub(super) fn tell(&mut self, done: u64) -> Result<(), Stopped> {
        if self.last.is_some_and(|last| last.elapsed() < EVERY) {
            return Ok(());
        }
        self.last = Some(Instant::now());
        self.say(done).map_err(|error| {
            log::info!("{} is stopped: the tool that asked for it has gone ({error})", self.verb);
            Stopped
        })
    }

    fn say(&mut self, done: u64) -> io::Result<()> {
        self.wire.send(&json!({ "progress": done, "of": 0 }))?;
        self.wire.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn who_has_gone_is_found_out() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut wire = Wire::new(theirs);
        let mut telling = Telling::new("check", &mut wire);
        assert_eq!(telling.tell(1), Ok(()));
        drop(ours);
        telling.last = None;
        assert_eq!(telling.tell(2), Err(Stopped));
    }
}

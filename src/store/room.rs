//! Room on the disk: commits are refused before there is none.
//!
//! A disk that is full in the middle of a write costs a reopening of the tables, and their threads may fail as well. Hence
//! mail is refused already while `Minimum Free Space` is left. What brings no mail is refused below a quarter of it:
//! a user must be able to delete.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::error::StoreError;
use super::tables::is_full;
use crate::log::Seldom;
use crate::sys;
use crate::types::Counted;

/// How old an answer of the file system may be; it is asked more often only while there is too little room.
const CHECK_EVERY: Duration = Duration::from_millis(250);

/// For so long after the disk was short, a failure of unknown cause is put down to that.
const SUSPECT: Duration = Duration::from_secs(600);

/// A disk that takes so much has room again.
const PROBE_BYTES: usize = 1 << 20;

pub(super) struct Room {
    directory: PathBuf,
    bytes_min: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    checked: Option<Instant>,
    free_bytes: u64,
    last_short: Option<Instant>,
    is_short: bool,
    /// That it is short, which may come and go many times, and whether the log has it.
    complaint: Seldom,
    has_complained: bool,
    /// Since it was said.
    refused: u64,
}

/// What a commit is going to bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Brings {
    Mail { octets: u64 },
    Nothing,
}

impl Room {
    pub(super) fn new(directory: PathBuf, bytes_min: u64) -> Room {
        Room { directory, bytes_min, state: Mutex::default() }
    }

    /// Whether there is room.
    pub(super) fn check(&self, brings: Brings) -> Result<(), StoreError> {
        if self.bytes_min == 0 {
            return Ok(());
        }
        let mut state = self.state.lock();
        let octets = match brings {
            Brings::Mail { octets } => octets,
            Brings::Nothing => 0,
        };
        let is_old = |at: Instant| at.elapsed() >= CHECK_EVERY;
        if state.checked.is_none_or(is_old) || state.free_bytes < self.bytes_min.saturating_add(octets) {
            self.look(&mut state);
        }
        let needed = match brings {
            Brings::Mail { octets } => self.bytes_min.saturating_add(octets),
            Brings::Nothing => self.bytes_min / 4,
        };
        if state.free_bytes < needed {
            state.refused += 1;
            return Err(StoreError::Full);
        }
        // In the journal now, and in a table later.
        state.free_bytes = state.free_bytes.saturating_sub(2 * octets);
        Ok(())
    }

    fn look(&self, state: &mut State) {
        let now = Instant::now();
        state.checked = Some(now);
        state.free_bytes = sys::free_bytes(&self.directory).unwrap_or_else(|error| {
            log::error!("{}: {error}", self.directory.display());
            // The disk itself will say when it is full.
            u64::MAX
        });
        let is_short = state.free_bytes < self.bytes_min;
        if is_short {
            state.last_short = Some(now);
        }
        if std::mem::replace(&mut state.is_short, is_short) != is_short {
            let (directory, free) = (self.directory.display(), state.free_bytes);
            if is_short {
                state.complaint.complain(|note| {
                    log::error!("{directory}: only {free} octets are free: new mail is refused{note}");
                    (state.has_complained, state.refused) = (true, 0);
                });
            } else if std::mem::take(&mut state.has_complained) {
                let refused = Counted(state.refused, "change");
                log::warn!(
                    "{directory}: {free} octets are free: new mail is taken again; {refused} had been refused"
                );
            }
        }
    }

    /// Whether the disk has been short of room lately.
    pub(super) fn was_short(&self) -> bool {
        self.state.lock().last_short.is_some_and(|at| at.elapsed() < SUSPECT)
    }

    /// Writes and syncs a file, as proof that there is room.
    pub(super) fn probe(&self) -> Result<(), StoreError> {
        let path = self.directory.join("probe");
        let written = fs::File::create(&path).and_then(|mut file| {
            std::io::Write::write_all(&mut file, &vec![1; PROBE_BYTES])?;
            file.sync_all()
        });
        let removed = fs::remove_file(&path);
        written.and(removed).map_err(|error| match is_full(&error) {
            true => StoreError::Full,
            false => StoreError::Engine(format!("{}: {error}", path.display())),
        })
    }
}

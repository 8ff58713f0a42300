//! Whether there is room on the disk.
//!
//! An engine whose write fails half-way must be opened again. So that a full disk does not come to that, nothing is begun
//! unless some room is left, for what makes the store larger more than for what does not. The system is asked now and
//! then, not for each commit.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::error::StoreError;

/// How old the answer of the system may be: a disk fills by some megabytes in this time.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// What is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Messages come.
    More,
    /// Flags change, messages go.
    Little,
}

pub(super) struct Room {
    directory: PathBuf,
    /// 0: the system is never asked.
    bytes_min: u64,
    last: Mutex<Option<(Instant, u64)>>,
}

impl Room {
    pub(super) fn new(directory: &Path, bytes_min: u64) -> Room {
        Room { directory: directory.to_path_buf(), bytes_min, last: Mutex::new(None) }
    }

    /// `Full` where there is less room than such a change must leave.
    pub(super) fn check(&self, need: Need) -> Result<(), StoreError> {
        let least = match need {
            Need::More => self.bytes_min,
            Need::Little => self.bytes_min / 4,
        };
        match least > 0 && self.free_bytes() < least {
            true => Err(StoreError::Full),
            false => Ok(()),
        }
    }

    fn free_bytes(&self) -> u64 {
        let mut last = self.last.lock();
        if let Some((asked, free)) = *last
            && asked.elapsed() < ASK_EVERY
        {
            return free;
        }
        // A system that cannot tell does not stop the mail.
        let free = crate::sys::free_bytes(&self.directory).unwrap_or(u64::MAX);
        *last = Some((Instant::now(), free));
        free
    }
}

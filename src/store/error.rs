//! What goes wrong below the mailboxes: the world's fault, never a client's.

use std::fmt;
use std::sync::Arc;

use super::engine::Doubt;

#[derive(Clone, Debug)]
pub enum StoreError {
    /// Another process has the data directory.
    InUse {
        directory: String,
    },
    /// Written by a later version of Gatepost.
    Newer {
        found: u32,
        known: u32,
    },
    /// What was read is not what was written; the text names it.
    Corrupt(String),
    /// What was read from a file of the store is not what was written there; how that shows.
    Broken(String),
    /// A file of the store is not as it was written, so that the store cannot be opened; what it is to the store.
    Damaged {
        file: String,
        what: String,
    },
    /// A file of the store is damaged, and cannot be mended.
    Lost {
        file: String,
        what: String,
    },
    /// What should be there is not; the text names it.
    Missing(String),
    /// Another server has written what this one had begun to read.
    Changed,
    /// Whether a commit was done could not be found out.
    Unsettled,
    /// Who asked for it wants no more of it.
    Stopped,
    /// No room on the disk.
    Full,
    /// An earlier write failed: nothing more is written until the store is opened again.
    Poisoned,
    Engine(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::InUse { directory } => {
                write!(f, "{directory}: in use by another process; stop that one first")
            }
            StoreError::Newer { found, known } => write!(
                f,
                "the store has format {found}, this gatepostd knows formats up to {known}; run a newer gatepostd"
            ),
            StoreError::Corrupt(what) => write!(f, "corrupt: {what}; run gatepostctl check"),
            StoreError::Broken(how) => write!(
                f,
                "a file of the store is damaged ({how}); stop gatepostd, run gatepostctl check --repair, and start it again"
            ),
            StoreError::Damaged { file, what } => write!(
                f,
                "{file} is damaged: {what}. The store is left as it is; keep a copy of it, then run gatepostctl check --repair"
            ),
            StoreError::Lost { file, what } => write!(
                f,
                "{file} is damaged: {what}, and the store cannot be opened without it; set the store's directory aside and run gatepostctl restore with the latest backup"
            ),
            StoreError::Missing(what) => write!(f, "missing: {what}; run gatepostctl check"),
            StoreError::Changed => f.write_str("another server has changed the mailbox; select it again"),
            StoreError::Unsettled => f.write_str("the store does not answer whether a change was made"),
            StoreError::Stopped => f.write_str("who asked for it has gone"),
            StoreError::Full => f.write_str("no space left on the disk of the data directory, or less than Minimum Free Space asks for"),
            StoreError::Poisoned => {
                f.write_str("an earlier write to the disk failed: no more is written until gatepostd is restarted; where that does not help, stop it, run gatepostctl check --repair, and start it again")
            }
            StoreError::Engine(error) => f.write_str(error),
        }
    }
}

impl std::error::Error for StoreError {}

/// How a commit ended of which it is not known that it was done.
#[derive(Clone, Debug)]
pub enum CommitError {
    /// A guard did not hold: somebody else has committed since. Nothing has been written.
    Conflict,
    /// It may have been done, or not.
    Unknown(Arc<dyn Doubt>),
    Store(StoreError),
}

/// How a commit of the store ended that was not done, as far as is known.
#[derive(Clone, Debug)]
pub enum CommitFailure {
    /// Nothing has been written, as what was planned on has changed.
    Conflict,
    Store(StoreError),
}

/// Who asked for something that takes long wants no more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

impl From<Stopped> for StoreError {
    fn from(_: Stopped) -> StoreError {
        StoreError::Stopped
    }
}

impl From<StoreError> for CommitFailure {
    fn from(error: StoreError) -> CommitFailure {
        CommitFailure::Store(error)
    }
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> CommitError {
        CommitError::Store(error)
    }
}

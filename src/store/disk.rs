//! The tables on a disk that may fail, and what is done then.
//!
//! fjall writes no more after a failed write. What the reason was decides:
//!
//! 1. No room: writes are refused until a probe finds room; then the tables are closed and opened again, the journal
//!    being copied before they are closed. Reads wait for that moment and go on. A batch that was refused is not there
//!    afterwards.
//! 2. Anything else, above all a failed sync: writes are refused until the daemon is restarted. The system may have thrown
//!    away what it could not write, and no later sync would tell.
//!
//! Writers hold the engine's writer lock; the lock here is for readers, and lets them in again while they read.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fjall::PersistMode;
use parking_lot::{MappedRwLockReadGuard, Mutex, RwLock, RwLockReadGuard};

use super::error::StoreError;
use super::facade::Options;
use super::journal;
use super::room::{Brings, Room};
use super::tables::{Tables, engine};
use crate::log::Seldom;

/// How often a full disk is asked whether it has room again.
const PROBE_EVERY: Duration = Duration::from_millis(500);

pub(super) struct Disk {
    directory: PathBuf,
    options: Options,
    /// `None` only after a reopening that failed.
    tables: RwLock<Option<Tables>>,
    failure: Mutex<Option<Failure>>,
    room: Room,
    full: FullOnce,
}

/// Says that the disk is full, and that it has room again, once where that comes and goes.
#[derive(Default)]
struct FullOnce {
    complaint: Seldom,
    is_said: AtomicBool,
}

impl FullOnce {
    fn say_full(&self, directory: &Path) {
        self.complaint.complain(|note| {
            log::error!("{}: the disk is full: no more is written until it has room{note}", directory.display());
            self.is_said.store(true, Ordering::Relaxed);
        });
    }

    fn say_room(&self, directory: &Path) {
        if self.is_said.swap(false, Ordering::Relaxed) {
            log::warn!("{}: the disk has room again: the store goes on", directory.display());
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Failure {
    /// There was no room, and there was none when it was last tried.
    Full { tried: Instant },
    /// For good.
    Broken,
}

impl Disk {
    pub(super) fn open(directory: &Path, options: &Options) -> Result<Disk, StoreError> {
        Ok(Disk {
            directory: directory.to_path_buf(),
            options: options.clone(),
            tables: RwLock::new(Some(Tables::open(directory, options)?)),
            failure: Mutex::new(None),
            room: Room::new(directory.to_path_buf(), options.free_bytes_min),
            full: FullOnce::default(),
        })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn tables(&self) -> Result<MappedRwLockReadGuard<'_, Tables>, StoreError> {
        // Recursive: what visits a scan may read.
        let tables = self.tables.read_recursive();
        RwLockReadGuard::try_map(tables, Option::as_ref).map_err(|_| StoreError::Full)
    }

    /// Whether something may be written now. The caller holds the writer's lock and no tables.
    pub(super) fn admit(&self, brings: Brings) -> Result<(), StoreError> {
        self.room.check(brings)?;
        let failure = *self.failure.lock();
        match failure {
            None => Ok(()),
            Some(Failure::Broken) => Err(StoreError::Poisoned),
            Some(Failure::Full { tried }) if tried.elapsed() < PROBE_EVERY => Err(StoreError::Full),
            Some(Failure::Full { .. }) => {
                *self.failure.lock() = Some(Failure::Full { tried: Instant::now() });
                self.recover()
            }
        }
    }

    /// A write has failed: what is to be said of it, and whether there will be others. The caller holds the tables.
    pub(super) fn failed(&self, error: fjall::Error) -> StoreError {
        let known = *self.failure.lock();
        let error = match (engine(error), known) {
            (_, Some(Failure::Broken)) => return StoreError::Poisoned,
            (_, Some(Failure::Full { .. })) => return StoreError::Full,
            // One of fjall's threads has failed and does not say why.
            (StoreError::Poisoned, None) if self.room.was_short() => StoreError::Full,
            (StoreError::Poisoned, None) => self.room.probe().err().unwrap_or(StoreError::Poisoned),
            (error, None) => error,
        };
        let failure = match &error {
            StoreError::Full => {
                self.full.say_full(&self.directory);
                Failure::Full { tried: Instant::now() }
            }
            error => {
                log::error!(
                    "{}: the disk has failed, or a file of the store is damaged; no more is written until gatepostd is restarted: {error}",
                    self.directory.display()
                );
                Failure::Broken
            }
        };
        *self.failure.lock() = Some(failure);
        error
    }

    /// Everything that was committed relaxed reaches the disk.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        // Held until the failure is known, lest the tables be opened anew in between.
        let tables = self.tables()?;
        tables.db.persist(PersistMode::SyncData).map_err(|error| self.failed(error))
    }

    /// Closes the tables and opens them again, if there is room.
    fn recover(&self) -> Result<(), StoreError> {
        self.room.probe()?;
        let mut tables = self.tables.write();
        if tables.is_some() {
            let copy = journal::copy(&self.directory)?;
            drop(tables.take());
            copy.map_or(Ok(()), journal::Copy::put)?;
        }
        *tables = Some(Tables::open(&self.directory, &self.options)?);
        *self.failure.lock() = None;
        self.full.say_room(&self.directory);
        Ok(())
    }
}

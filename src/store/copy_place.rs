//! The directory that copies of a store are made in, one over the other.
//!
//! While one is being made there is none that is whole; so the one before stays beside it, in the directory `last`, until
//! the next is whole. The files of a store never change but for its journals: they get a second name there, and are
//! copied where they are journals.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::StoreError;
use super::facade::{Options, Store};
use super::journal;

const LAST: &str = "last";
/// `last` until it is complete.
const HALF: &str = "last.new";

/// How often, and after what pauses, a store is asked for that another thread is still letting go of.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// A directory that a copy is about to be made in.
pub struct CopyPlace {
    directory: PathBuf,
    store: Store,
}

impl CopyPlace {
    /// For copies of `source`.
    pub fn open(directory: &Path, source: &Store) -> Result<CopyPlace, StoreError> {
        let mut store = Store::open(directory, &Options::default())?;
        source.may_go_to(&store)?;
        if store.finished()?.is_some() {
            store = keep_last(directory, store)?;
        }
        Ok(CopyPlace { directory: directory.to_path_buf(), store })
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The copy is whole: the one before goes.
    pub fn is_whole(self) -> Result<(), StoreError> {
        remove(&self.directory.join(LAST)).map_err(|error| failed(&self.directory, &error))
    }
}

/// A copy that is whole.
pub struct WholeCopy {
    pub store: Store,
    /// When it was made, in seconds since 1970.
    pub finished_secs: i64,
    /// Why it is not what was copied last.
    pub instead_of: Option<String>,
    /// What has been begun since and is not whole: nobody goes on with it meanwhile.
    _begun: Option<Store>,
}

impl WholeCopy {
    /// The copy in a directory, or the one before where the next was cut short or cannot be opened; `None` where neither is
    /// whole.
    pub fn open(directory: &Path) -> Result<Option<WholeCopy>, StoreError> {
        let last = directory.join(LAST);
        let (begun, instead_of) = match Store::open(directory, &Options::default()) {
            Ok(store) => match store.finished()? {
                Some(finished_secs) => {
                    return Ok(Some(WholeCopy { store, finished_secs, instead_of: None, _begun: None }));
                }
                None => (Some(store), "the last backup was cut short".to_string()),
            },
            Err(error @ (StoreError::InUse { .. } | StoreError::Newer { .. })) => return Err(error),
            Err(error) if !Store::is_in(&last) => return Err(error),
            Err(error) => (None, error.to_string()),
        };
        if !Store::is_in(&last) {
            return Ok(None);
        }
        let store = Store::open(&last, &Options::default())?;
        let finished = store.finished()?;
        let whole = |finished_secs| WholeCopy { store, finished_secs, instead_of: Some(instead_of), _begun: begun };
        Ok(finished.map(whole))
    }
}

/// Keeps a copy that is whole as it is now, and opens it again.
fn keep_last(directory: &Path, store: Store) -> Result<Store, StoreError> {
    drop(store);
    let lock = locked(directory)?;
    let (last, half) = (directory.join(LAST), directory.join(HALF));
    let done = || {
        remove(&half)?;
        name_again(directory, &half)?;
        remove(&last)?;
        fs::rename(&half, &last)?;
        journal::sync_directory(directory)
    };
    if let Err(error) = done() {
        // Of what it knows no file system says that it lacks it; what is wrong otherwise the copy will meet as well.
        log::warn!("{}: while the next backup is made, the last one is not kept: {error}", last.display());
        remove(&half).map_err(|error| failed(&half, &error))?;
    }
    drop(lock);
    Store::open(directory, &Options::default())
}

/// Takes the lock that fjall has while it has a store open. Its threads may be at work for a moment when it has been closed.
fn locked(directory: &Path) -> Result<fs::File, StoreError> {
    let lock = fs::OpenOptions::new().append(true).open(directory.join("lock"));
    let lock = lock.map_err(|error| failed(directory, &error))?;
    for _ in 0..TRIES {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(fs::TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Err(fs::TryLockError::Error(error)) => return Err(failed(directory, &error)),
        }
    }
    Err(StoreError::InUse { directory: directory.display().to_string() })
}

/// Gives all files of a store that is closed a second name.
fn name_again(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let other = to.join(&name);
        match (entry.file_type()?.is_dir(), path.extension()) {
            (true, _) if name == LAST || name == HALF => {}
            (true, _) => name_again(&path, &other)?,
            (false, Some(extension)) if extension == "jnl" => journal::copy_file(&path, &other)?,
            (false, _) if name == "lock" => drop(fs::File::create(&other)?),
            (false, _) => fs::hard_link(&path, &other)?,
        }
    }
    journal::sync_directory(to)
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn failed(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Engine(format!("{}: {error}", path.display()))
}

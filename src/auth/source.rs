//! The passwd file as it is now: read again when it has changed, with the accounts read before where it is wrong.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use super::passwd::{Passwd, PasswdError};

/// How often a login that succeeds looks whether the file has changed; one that fails looks always.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What tells one state of the file from another: its inode, size, and times in nanoseconds. `None`: there is no file.
type Stamp = Option<(u64, u64, i64, i64)>;

struct Seen {
    stamp: Stamp,
    at: Instant,
}

pub(super) struct Source {
    path: PathBuf,
    passwd: RwLock<Arc<Passwd>>,
    /// Held while the file is read: those who come meanwhile take what is in force.
    seen: Mutex<Seen>,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Source, PasswdError> {
        // Before the file is read: a change after that is seen the next time.
        let stamp = stamp(path);
        let passwd = RwLock::new(Arc::new(Passwd::load(path)?));
        Ok(Source { path: path.to_path_buf(), passwd, seen: Mutex::new(Seen { stamp, at: Instant::now() }) })
    }

    /// Reads the file, changed or not.
    pub(super) fn reload(&self) -> Result<(), PasswdError> {
        let mut seen = self.seen.lock();
        *seen = Seen { stamp: stamp(&self.path), at: Instant::now() };
        let passwd = Passwd::load(&self.path)?;
        *self.passwd.write() = Arc::new(passwd);
        Ok(())
    }

    /// The accounts, not older than `LOOK_EVERY`.
    pub(super) fn current(&self) -> Arc<Passwd> {
        if let Some(mut seen) = self.seen.try_lock()
            && seen.at.elapsed() >= LOOK_EVERY
        {
            self.look(&mut seen);
        }
        self.passwd.read().clone()
    }

    /// The accounts where they are others than `known`: the file is looked at now.
    pub(super) fn newer(&self, known: &Arc<Passwd>) -> Option<Arc<Passwd>> {
        self.look(&mut self.seen.lock());
        let passwd = self.passwd.read().clone();
        (!Arc::ptr_eq(&passwd, known)).then_some(passwd)
    }

    fn look(&self, seen: &mut Seen) {
        let stamp = stamp(&self.path);
        seen.at = Instant::now();
        if stamp == seen.stamp {
            return;
        }
        seen.stamp = stamp;
        match Passwd::load(&self.path) {
            Ok(passwd) => *self.passwd.write() = Arc::new(passwd),
            Err(error) => log::error!("{error}; the accounts read before stay in force"),
        }
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    let nanos = |secs: i64, nanos: i64| secs.saturating_mul(1_000_000_000).saturating_add(nanos);
    let modified = nanos(metadata.mtime(), metadata.mtime_nsec());
    let changed = nanos(metadata.ctime(), metadata.ctime_nsec());
    Some((metadata.ino(), metadata.len(), modified, changed))
}

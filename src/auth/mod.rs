//! Who may log in: the passwd file, password schemes, SASL PLAIN, and what slows down those who guess.
//!
//! A name that does not exist costs as much as a password that is wrong and gives the same error. Costly checks are
//! bounded in number, so that a flood of logins cannot take all memory; a password that was right is remembered for a
//! while, under a key of this process, so that a client that comes back costs microseconds.
//!
//! This room knows no mailbox.

mod cache;
mod passwd;
mod sasl;
mod scheme;
mod throttle;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex, RwLock};

pub use passwd::{EditError, Passwd, PasswdError, edit};
pub use sasl::{PlainError, plain};
pub use scheme::hash;

use crate::types::AccountName;
use cache::Cache;
use throttle::Throttle;

/// Costly checks at a time: each takes 19 MiB and a core for some tens of milliseconds.
const CHECKS_MAX: usize = 4;

/// How often a login looks whether the passwd file has changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub struct Options {
    pub failed_logins_max: u32,
    pub failed_login_window: Duration,
    /// How long the answer to a failed login is held back.
    pub failed_login_delay: Duration,
    /// Zero: no cache.
    pub cache_time: Duration,
}

/// Why a login is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginError {
    /// No such account, or not its password.
    Refused,
    /// Too many failures; the password was not looked at.
    Throttled,
}

struct Source {
    passwd: Passwd,
    /// Of the file when it was read.
    changed: Option<(SystemTime, u64)>,
    looked: Instant,
}

pub struct Auth {
    path: PathBuf,
    source: RwLock<Source>,
    options: RwLock<Options>,
    cache: Cache,
    throttle: Throttle,
    checks: Mutex<usize>,
    check_done: Condvar,
    /// The hash of no password, for names that do not exist.
    dummy: String,
}

impl Auth {
    pub fn open(path: &Path, options: Options) -> Result<Auth, PasswdError> {
        let passwd = Passwd::load(path)?;
        let source = Source { passwd, changed: stamp(path), looked: Instant::now() };
        Ok(Auth {
            path: path.to_path_buf(),
            source: RwLock::new(source),
            options: RwLock::new(options),
            cache: Cache::new(),
            throttle: Throttle::default(),
            checks: Mutex::new(0),
            check_done: Condvar::new(),
            dummy: scheme::hash(b"").unwrap_or_default(),
        })
    }

    /// Reads the file again; on an error what was read before stays.
    pub fn reload(&self, options: Options) -> Result<(), PasswdError> {
        *self.options.write() = options;
        let changed = stamp(&self.path);
        let passwd = Passwd::load(&self.path)?;
        *self.source.write() = Source { passwd, changed, looked: Instant::now() };
        Ok(())
    }

    /// The account of a name and its password. `peer` is who asks.
    pub fn login(&self, name: &str, password: &[u8], peer: IpAddr) -> Result<AccountName, LoginError> {
        self.look();
        let options = self.options.read().clone();
        let now = Instant::now();
        let named = AccountName::new(name);
        let hash = named.as_ref().and_then(|name| self.source.read().passwd.hash(name).map(str::to_string));
        // Who is known to have the password is let in whatever others do: nobody can lock an account's user out.
        if let (Some(name), Some(hash)) = (&named, &hash)
            && self.cache.knows(name, hash, password, options.cache_time, now)
        {
            return Ok(name.clone());
        }
        if self.throttle.is_refused(peer, named.as_ref(), &options, now) {
            return Err(LoginError::Throttled);
        }
        if let (Some(name), Some(hash)) = (&named, &hash)
            && self.verify(name, hash, password, &options, now)
        {
            self.throttle.succeeded(peer, name);
            return Ok(name.clone());
        }
        if hash.is_none() {
            self.checked(|| scheme::verify(&self.dummy, password));
        }
        self.throttle.failed(peer, named.as_ref(), &options, now);
        std::thread::sleep(options.failed_login_delay);
        Err(LoginError::Refused)
    }

    fn verify(&self, name: &AccountName, hash: &str, password: &[u8], options: &Options, now: Instant) -> bool {
        let right = self.checked(|| scheme::verify(hash, password));
        if right && !options.cache_time.is_zero() {
            self.cache.learn(name, hash, password, now);
        }
        right
    }

    /// Runs a costly check when there is room for one.
    fn checked(&self, check: impl FnOnce() -> bool) -> bool {
        let mut running = self.checks.lock();
        while *running >= CHECKS_MAX {
            self.check_done.wait(&mut running);
        }
        *running += 1;
        drop(running);
        let right = check();
        *self.checks.lock() -= 1;
        self.check_done.notify_one();
        right
    }

    /// Picks up a passwd file that has changed, so that a new account can log in at once.
    fn look(&self) {
        let now = Instant::now();
        if now.duration_since(self.source.read().looked) < LOOK_EVERY {
            return;
        }
        let mut source = self.source.write();
        source.looked = now;
        let changed = stamp(&self.path);
        if changed == source.changed {
            return;
        }
        source.changed = changed;
        match Passwd::load(&self.path) {
            Ok(passwd) => source.passwd = passwd,
            Err(error) => log::error!("{error}; the accounts read before stay in force"),
        }
    }

    /// Names of all accounts.
    pub fn accounts(&self) -> Vec<AccountName> {
        self.source.read().passwd.names().cloned().collect()
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, std::os::unix::fs::MetadataExt::ino(&metadata)))
}

/// A shared `Auth`.
pub type SharedAuth = Arc<Auth>;

//! LOGIN, and whatever else brings a name and a password.          RFC 9051 6.2.2, 6.2.3

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::RwLock;

use super::cache::Cache;
use super::checks::Checks;
use super::passwd::{Passwd, PasswdError};
use super::router::{Destination, Remote, Router, Way};
use super::scheme::{self, Hash};
use super::source::Source;
use super::throttle::Throttle;
use super::{LoginError, Options};
use crate::log::beginning;
use crate::types::AccountName;

pub struct Auth {
    source: Source,
    options: RwLock<Options>,
    cache: Cache,
    throttle: Throttle,
    checks: Checks,
    router: RwLock<Arc<Router>>,
    /// What a password is compared with where the file has no account at all.
    decoy: Option<Hash>,
}

/// Of a name that may be anything, what the log can have without being misled about its end.
fn shown(name: &str) -> String {
    beginning(name, AccountName::BYTES_MAX).replace('\'', "\\x27")
}

impl Auth {
    /// Errors name the file and its line.
    pub fn open(path: &Path, options: Options) -> Result<Auth, PasswdError> {
        Ok(Auth {
            source: Source::open(path)?,
            options: RwLock::new(options),
            cache: Cache::new(),
            throttle: Throttle::new(),
            checks: Checks::new(),
            router: RwLock::default(),
            decoy: scheme::hash(b"").and_then(|hash| Hash::parse(&hash).ok()),
        })
    }

    /// Reads the file again, all or nothing: on an error the accounts read before stay in force.
    pub fn reload(&self, options: Options) -> Result<(), PasswdError> {
        *self.options.write() = options;
        self.source.reload()
    }

    pub fn set_router(&self, router: Router) {
        *self.router.write() = Arc::new(router);
    }

    /// Where a name leads, by the Router.
    pub fn way(&self, name: &str) -> Way {
        let passwd = self.source.current();
        let is_local = |host: &str| passwd.names().any(|account| account.domain() == Some(host));
        self.router.read().clone().way(name, is_local)
    }

    /// A name as a client gives it that came to a domain: without a domain it is the domain's, where that has such an
    /// account or the Router such a name.
    pub fn name_in(&self, name: &str, domain: Option<&str>) -> String {
        let full = domain.filter(|_| !name.contains('@')).map(|domain| format!("{name}@{domain}"));
        let is_account = |full: &String| AccountName::new(full).is_some_and(|name| self.has(&name));
        let known = |full: &String| self.router.read().knows(full) || is_account(full);
        full.filter(known).unwrap_or_else(|| name.to_string())
    }

    /// Whether there is such an account.
    pub fn has(&self, account: &AccountName) -> bool {
        self.source.current().hash(account).is_some()
    }

    /// The account that a name, in any case, leads to, and its password. `peer` is who asks. The log says what came of it;
    /// a refusal comes after `failed_login_delay`.
    pub fn login(&self, name: &str, password: &[u8], peer: IpAddr) -> Result<AccountName, LoginError> {
        let options = self.options.read().clone();
        let refused = match self.attempt(name, password, peer, &options) {
            Ok(account) => {
                log::info!("{account} from {peer}: logged in");
                return Ok(account);
            }
            Err(refused) => refused,
        };
        log::warn!("login of '{}' from {peer}: {refused:?}", shown(name));
        std::thread::sleep(options.failed_login_delay);
        Err(refused)
    }

    fn attempt(
        &self,
        name: &str,
        password: &[u8],
        peer: IpAddr,
        options: &Options,
    ) -> Result<AccountName, LoginError> {
        let name = match self.way(name).destination {
            Destination::Local(name) => name,
            Destination::Circle => String::new(),
            Destination::Remote(remote) => return Err(self.moved(name, password, remote, peer, options)),
        };
        let name = name.as_str();
        let account = AccountName::new(name);
        let attempt = self.throttle.begin(peer, account.as_ref(), options).ok_or(LoginError::Throttled)?;
        let passwd = self.source.current();
        let Some(account) = account else {
            self.pretend(&passwd, name, password);
            return Err(LoginError::Refused);
        };
        match self.is_right_now(&passwd, &account, password, options) {
            true => {
                attempt.succeeded(&account);
                Ok(account)
            }
            // An attempt that is dropped has failed.
            false => Err(LoginError::Refused),
        }
    }

    /// A name that leads elsewhere costs what others cost. It counts as no failure: a client that does not understand
    /// shuts nobody out.
    fn moved(&self, name: &str, password: &[u8], remote: Remote, peer: IpAddr, options: &Options) -> LoginError {
        let Some(attempt) = self.throttle.begin(peer, None, options) else { return LoginError::Throttled };
        self.pretend(&self.source.current(), name, password);
        attempt.came_to_nothing();
        LoginError::Moved(remote)
    }

    /// A file that has changed meanwhile gives the password another chance.
    fn is_right_now(&self, passwd: &Arc<Passwd>, account: &AccountName, password: &[u8], options: &Options) -> bool {
        self.is_right(passwd, account, password, options)
            || self.source.newer(passwd).is_some_and(|newer| self.is_right(&newer, account, password, options))
    }

    fn is_right(&self, passwd: &Passwd, account: &AccountName, password: &[u8], options: &Options) -> bool {
        let Some(hash) = passwd.hash(account) else {
            self.pretend(passwd, account.as_str(), password);
            return false;
        };
        let is_known = || self.cache.knows(account, hash, password, options.cache_time, Instant::now());
        if is_known() {
            return true;
        }
        let _place = self.checks.enter();
        // A client that opens many connections at once has had one of them checked meanwhile.
        if is_known() {
            return true;
        }
        let right = hash.verify(password);
        if right && !options.cache_time.is_zero() {
            self.cache.learn(account, hash, password, Instant::now());
        }
        right
    }

    /// Costs what an account costs: the hash of one is verified, of the same one whenever the name comes again, so that
    /// no name can be told from others by its time.
    fn pretend(&self, passwd: &Passwd, name: &str, password: &[u8]) {
        let hash = passwd.any_hash(self.cache.pick(name.as_bytes())).or(self.decoy.as_ref());
        let _place = self.checks.enter();
        std::hint::black_box(hash.map(|hash| hash.verify(password)));
    }

    /// Names of all accounts.
    pub fn accounts(&self) -> Vec<AccountName> {
        self.source.current().names().cloned().collect()
    }
}

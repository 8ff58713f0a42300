//! What all sessions share.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;

use super::domain::Domain;
use super::mask::Mask;
use super::running::Watchdog;
use crate::auth::{Auth, Groups};
use crate::mailbox::Manager;
use crate::net::Tls;
use crate::proto::{Limits, Spool};
use crate::sys;
use crate::types::Utf8;

/// What the configuration says about sessions; another one may come while they run.
#[derive(Clone)]
pub struct Settings {
    pub host_name: String,
    /// Zero: no signs of life.
    pub running_every: Duration,
    pub idle_timeout: Duration,
    pub login_timeout: Duration,
    pub handshake_timeout: Duration,
    pub cleartext_login: bool,
    /// Who is in which groups.
    pub groups: Arc<Groups>,
    /// Accounts that may see and set the quotas of others, in small letters.
    pub administrators: Vec<String>,
    /// Accounts that are message submission entities, in small letters. RFC 4467 3
    pub submission_servers: Vec<String>,
    pub utf8: Utf8,
    /// Messages that one command deals with, and that one COPY or APPEND saves; 0 for any number. RFC 9738
    pub message_limit: u32,
    pub save_limit: u32,
    /// Mailboxes that one session may watch by NOTIFY.
    pub watched_mailboxes_max: usize,
    /// URLMECH is said over connections without TLS too. RFC 4467 10
    pub urlmech_in_the_clear: bool,
    pub bad_commands_max: u32,
    pub commands_before_login_max: u32,
    /// The tag of the language that the administrator prefers. RFC 5255 3.2
    pub language: String,
    /// Searches of one session whose results are kept up to date. RFC 5267 4.3.1
    pub search_contexts_max: usize,
    /// Mailboxes of one ESEARCH. RFC 7377 2.4
    pub searched_mailboxes_max: usize,
    pub limits: Limits,
    pub spool: SpoolDirectory,
    pub tls: Tls,
    pub domains: Arc<Vec<Domain>>,
    pub masks: Arc<Vec<Mask>>,
}

/// Where large literals are until their command is done. It leaves free what the store wants free: no client fills the
/// disk for all with what its quota refuses in the end.
#[derive(Clone)]
pub struct SpoolDirectory {
    pub path: PathBuf,
    pub free_bytes_min: u64,
}

impl Spool for SpoolDirectory {
    fn file(&self) -> io::Result<File> {
        sys::spool_file(&self.path)
    }

    fn check_room(&self, octets: u64) -> io::Result<()> {
        let needed = self.free_bytes_min.saturating_add(octets);
        match self.free_bytes_min > 0 && sys::free_bytes(&self.path)? < needed {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }
}

pub struct Service {
    pub manager: Arc<Manager>,
    pub auth: Arc<Auth>,
    pub watchdog: Arc<Watchdog>,
    settings: RwLock<Arc<Settings>>,
}

impl Service {
    pub fn new(manager: Arc<Manager>, auth: Arc<Auth>, watchdog: Arc<Watchdog>, settings: Settings) -> Service {
        Service { manager, auth, watchdog, settings: RwLock::new(Arc::new(settings)) }
    }

    pub fn settings(&self) -> Arc<Settings> {
        self.settings.read().clone()
    }

    pub fn set_settings(&self, settings: Settings) {
        *self.settings.write() = Arc::new(settings);
    }
}

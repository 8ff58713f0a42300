//! The settings, typed.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::ConfigError;
use super::level::Levels;
use super::reader;
use super::table::{Applies, KEYS, LISTENER};
use super::typed::Values;
use crate::types::Utf8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    Never,
    StartTls,
    Implicit,
}

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    V1_2,
    V1_3,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub name: String,
    pub addresses: Vec<SocketAddr>,
    pub tls: TlsMode,
    pub line: usize,
}

/// What accounts may have; 0 for any number, `None` where a wider setting says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaLimits {
    pub storage_bytes: Option<u64>,
    pub messages: Option<u64>,
    pub mailboxes: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// In small letters.
    pub name: String,
    pub quota: QuotaLimits,
    /// `None` where [IMAP] says.
    pub show_non_mail: Option<bool>,
    /// Who comes to one of these comes to this domain.
    pub addresses: Vec<IpAddr>,
    /// With `tls_private_key` or not at all.
    pub tls_certificate: Option<PathBuf>,
    pub tls_private_key: Option<PathBuf>,
    /// `None` where [Auth] says.
    pub cleartext_login: Option<bool>,
}

impl Domain {
    pub(super) fn new(name: String) -> Domain {
        Domain {
            name,
            quota: QuotaLimits::default(),
            show_non_mail: None,
            addresses: Vec::new(),
            tls_certificate: None,
            tls_private_key: None,
            cleartext_login: None,
        }
    }
}

/// A row of [Router], as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub line: usize,
    pub pattern: String,
    pub target: String,
}

/// What is kept from clients that trip over it. Patterns are in small letters and have `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask {
    pub name: String,
    pub line: usize,
    /// None for every client.
    pub clients: Vec<String>,
    /// None for every account.
    pub accounts: Vec<String>,
    pub capabilities: Vec<String>,
}

/// Every setting of the daemon; `table` says what each means. Durations of zero stand for Never.
#[derive(Clone, Debug)]
pub struct Config {
    pub file: String,
    /// Where keys are set: section, key and line.
    pub(super) lines: Vec<(String, &'static str, usize)>,
    pub(super) values: Values,
    pub data_directory: PathBuf,
    pub run_directory: PathBuf,
    pub user: String,
    pub host_name: String,
    pub administrator_contact: Option<String>,
    pub log_to: String,
    pub channels_max: usize,
    pub channels_per_address_max: usize,
    pub running_every: Duration,
    pub levels: Levels,
    pub sync_always: bool,
    pub idle_timeout: Duration,
    pub login_timeout: Duration,
    pub write_timeout: Duration,
    pub message_bytes_max: u64,
    pub line_bytes_max: usize,
    pub literal_memory_max: u64,
    pub literals_max: usize,
    /// LITERAL- instead of LITERAL+.
    pub literals_small: bool,
    pub utf8: Utf8,
    pub message_limit: u32,
    pub save_limit: u32,
    pub watched_mailboxes_max: usize,
    pub urlmech_in_the_clear: bool,
    pub bad_commands_max: u32,
    pub commands_before_login_max: u32,
    pub mailboxes_max: usize,
    pub keywords_max: usize,
    /// `i-default`, `en` or `de`.
    pub language: String,
    pub search_contexts_max: usize,
    pub searched_mailboxes_max: usize,
    pub show_non_mail: bool,
    pub annotation_bytes_max: u64,
    pub annotations_max: usize,
    pub annotations_total_bytes_max: u64,
    pub store_cache_bytes: u64,
    pub summary_cache_bytes: u64,
    pub free_bytes_min: u64,
    /// Whether a store that is made new compresses messages.
    pub compresses: bool,
    pub keep_expunged: Duration,
    pub quota: QuotaLimits,
    pub quota_counts_expunged: bool,
    pub domains: Vec<Domain>,
    /// In the order of the file.
    pub routes: Vec<Route>,
    pub masks: Vec<Mask>,
    pub listeners: Vec<Listener>,
    /// With `tls_private_key` or not at all.
    pub tls_certificate: Option<PathBuf>,
    pub tls_private_key: Option<PathBuf>,
    pub tls_version_min: TlsVersion,
    pub tls_handshake_timeout: Duration,
    pub passwd_file: PathBuf,
    pub groups_file: Option<PathBuf>,
    /// In small letters.
    pub administrators: Vec<String>,
    /// Accounts that may fetch by URLs for `submit+`, in small letters.
    pub submission_servers: Vec<String>,
    pub cleartext_login: bool,
    pub failed_logins_max: u32,
    pub failed_login_window: Duration,
    pub failed_login_delay: Duration,
    pub auth_cache_time: Duration,
}

impl Config {
    pub fn load(path: &Path) -> Result<Config, Vec<ConfigError>> {
        let file = path.display().to_string();
        let octets = match std::fs::read(path) {
            Ok(octets) => octets,
            Err(error) => return Err(vec![ConfigError { file, line: 0, reason: error.to_string() }]),
        };
        match std::str::from_utf8(&octets) {
            Ok(text) => Config::parse(&file, text),
            Err(error) => {
                let line = 1 + octets[..error.valid_up_to()].iter().filter(|octet| **octet == b'\n').count();
                Err(vec![ConfigError { file, line, reason: "not UTF-8".into() }])
            }
        }
    }

    /// Where a key is set: the file, with the line where it is.
    pub fn place(&self, section: &str, key: &str) -> String {
        match self.lines.iter().find(|(of, name, _)| of == section && *name == key) {
            Some((_, _, line)) => format!("{}:{line}", self.file),
            None => self.file.clone(),
        }
    }

    /// The keys that have other values in `now` and are taken over at the next start alone.
    pub fn at_next_start(&self, now: &Config) -> Vec<String> {
        let addresses = |of: &Config| {
            of.listeners.iter().map(|listener| (listener.addresses.clone(), listener.tls)).collect::<Vec<_>>()
        };
        let mut changed: Vec<String> = KEYS
            .iter()
            .filter(|key| key.applies == Applies::AtStart && key.section != LISTENER)
            .filter(|key| self.values.differs(&now.values, key))
            .map(|key| key.name.to_string())
            .collect();
        if addresses(self) != addresses(now) {
            changed.push(format!("[{LISTENER} NAME]"));
        }
        changed
    }

    /// Settings from the text of a file; all that is wrong with it, if anything is, in the order of the file.
    pub fn parse(file: &str, text: &str) -> Result<Config, Vec<ConfigError>> {
        reader::read(file, text)
    }
}

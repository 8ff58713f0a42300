//! From the configuration to what the rooms want.

use std::path::PathBuf;
use std::sync::Arc;

use log::LevelFilter;

use crate::admin;
use crate::auth;
use crate::config::{self, Config, Level, TlsMode};
use crate::log::{Filters, Target};
use crate::net::{self, BoundListener, Mode, TlsError, TlsFiles};
use crate::proto::Limits;
use crate::session::{Domain, Mask, Settings, SpoolDirectory};
use crate::types::Wildcard;

/// Octets of a literal that LITERAL- lets a client send unasked. RFC 7888 5
const SMALL_LITERAL_BYTES: u64 = 4096;

/// CommuniGate Pro's levels as `log`'s; crashes are logged at every level.
fn filter(level: Level) -> LevelFilter {
    match level {
        Level::CrashesOnly => LevelFilter::Off,
        Level::Failures => LevelFilter::Error,
        Level::MajorAndFailures => LevelFilter::Warn,
        Level::Problems => LevelFilter::Info,
        Level::LowLevel => LevelFilter::Debug,
        Level::AllInfo => LevelFilter::Trace,
    }
}

pub(super) fn filters(config: &Config) -> Filters {
    let levels = config.levels;
    Filters {
        imap: filter(levels.imap),
        store: filter(levels.store),
        auth: filter(levels.auth),
        net: filter(levels.net),
        admin: filter(levels.admin),
    }
}

/// With `-f` the log goes to standard error, wherever else it would go.
pub(super) fn log_target(config: &Config, foreground: bool) -> Target {
    match config.log_to.as_str() {
        _ if foreground => Target::Stderr,
        "syslog" => Target::Syslog,
        path => Target::File(PathBuf::from(path)),
    }
}

pub(super) fn tls(config: &Config) -> Result<net::Tls, TlsError> {
    let version_min = match config.tls_version_min {
        config::TlsVersion::V1_2 => net::TlsVersion::V1_2,
        config::TlsVersion::V1_3 => net::TlsVersion::V1_3,
    };
    let files = |certificate: &Option<PathBuf>, private_key: &Option<PathBuf>| {
        let (certificate, private_key) = (certificate.clone()?, private_key.clone()?);
        Some(TlsFiles { certificate, private_key, version_min })
    };
    let of = |domain: &config::Domain| {
        Some((domain.name.clone(), files(&domain.tls_certificate, &domain.tls_private_key)?))
    };
    let domains: Vec<_> = config.domains.iter().filter_map(of).collect();
    net::Tls::load(files(&config.tls_certificate, &config.tls_private_key).as_ref(), &domains)
}

pub(super) fn auth_options(config: &Config) -> auth::Options {
    auth::Options {
        failed_logins_max: config.failed_logins_max,
        failed_login_window: config.failed_login_window,
        failed_login_delay: config.failed_login_delay,
        cache_time: config.auth_cache_time,
    }
}

pub(super) fn groups(config: &Config) -> Result<Arc<auth::Groups>, auth::PasswdError> {
    let groups = config.groups_file.as_deref().map(auth::Groups::load).transpose()?;
    Ok(Arc::new(groups.unwrap_or_default()))
}

pub(super) fn settings(config: &Config, tls: net::Tls, groups: Arc<auth::Groups>) -> Settings {
    Settings {
        host_name: config.host_name.clone(),
        running_every: config.running_every,
        idle_timeout: config.idle_timeout,
        login_timeout: config.login_timeout,
        handshake_timeout: config.tls_handshake_timeout,
        cleartext_login: config.cleartext_login,
        administrators: config.administrators.clone(),
        groups,
        submission_servers: config.submission_servers.clone(),
        urlmech_in_the_clear: config.urlmech_in_the_clear,
        utf8: config.utf8,
        message_limit: config.message_limit,
        save_limit: config.save_limit,
        watched_mailboxes_max: config.watched_mailboxes_max,
        bad_commands_max: config.bad_commands_max,
        language: config.language.clone(),
        search_contexts_max: config.search_contexts_max,
        searched_mailboxes_max: config.searched_mailboxes_max,
        commands_before_login_max: config.commands_before_login_max,
        limits: Limits {
            line_bytes_max: config.line_bytes_max,
            literal_bytes_max: config.message_bytes_max,
            literal_unasked_max: if config.literals_small { SMALL_LITERAL_BYTES } else { u64::MAX },
            literal_memory_max: config.literal_memory_max,
            literals_max: config.literals_max,
        },
        spool: SpoolDirectory { path: admin::spool_directory(config), free_bytes_min: config.free_bytes_min },
        tls,
        domains: Arc::new(config.domains.iter().map(domain).collect()),
        masks: Arc::new(config.masks.iter().map(mask).collect()),
    }
}

fn domain(of: &config::Domain) -> Domain {
    Domain { name: of.name.clone(), addresses: of.addresses.clone(), cleartext_login: of.cleartext_login }
}

fn mask(of: &config::Mask) -> Mask {
    let patterns = |words: &[String]| words.iter().map(|word| Wildcard::new(word)).collect();
    Mask {
        clients: patterns(&of.clients),
        accounts: patterns(&of.accounts),
        capabilities: patterns(&of.capabilities),
    }
}

/// Binds all listeners, or says which one cannot be bound.
pub(super) fn listeners(config: &Config) -> Result<Vec<BoundListener>, String> {
    let mut bound = Vec::new();
    for listener in &config.listeners {
        let mode = match listener.tls {
            TlsMode::Never => Mode::Never,
            TlsMode::StartTls => Mode::StartTls,
            TlsMode::Implicit => Mode::Implicit,
        };
        for address in &listener.addresses {
            let failed = |error| {
                format!("{}:{}: [Listener {}]: {address}: {error}", config.file, listener.line, listener.name)
            };
            bound.push(net::bind(&listener.name, *address, mode).map_err(failed)?);
        }
    }
    Ok(bound)
}

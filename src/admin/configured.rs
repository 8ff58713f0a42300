//! What the configuration means for the store and the mailboxes: the same for the daemon and for the tool.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::auth::{RouteError, Router};
use crate::config::{self, Config, ConfigError};
use crate::mailbox::{AnnotationLimits, Limits, MailboxPolicy, QuotaLimits, QuotaPolicy};
use crate::store::{Compression, Options};
use crate::sys;

pub fn store_options(config: &Config) -> Options {
    Options {
        cache_bytes: config.store_cache_bytes,
        sync_always: config.sync_always,
        free_bytes_min: config.free_bytes_min,
        compression: if config.compresses { Compression::Lz4 } else { Compression::None },
    }
}

pub fn mailbox_limits(config: &Config) -> Limits {
    Limits {
        mailboxes_max: config.mailboxes_max,
        keywords_max: config.keywords_max,
        // The table keeps it below.
        message_bytes_max: config.message_bytes_max.min(u32::MAX.into()) as u32,
        summary_cache_bytes: config.summary_cache_bytes,
        keep_expunged_secs: config.keep_expunged.as_secs(),
        spool_directory: spool_directory(config),
        annotations: AnnotationLimits {
            value_bytes_max: config.annotation_bytes_max,
            entries_max: config.annotations_max,
            total_bytes_max: config.annotations_total_bytes_max,
        },
    }
}

pub fn mailbox_policy(config: &Config) -> MailboxPolicy {
    let shown = |domain: &config::Domain| Some((domain.name.clone(), domain.show_non_mail?));
    MailboxPolicy {
        contact: config.administrator_contact.clone(),
        show_non_mail: config.show_non_mail,
        show_non_mail_of: config.domains.iter().filter_map(shown).collect(),
    }
}

/// Where what is too large for memory is while it is under way.
pub fn spool_directory(config: &Config) -> PathBuf {
    config.data_directory.join("spool")
}

/// Whether this is root, who runs it all as another user.
pub fn changes_user(config: &Config) -> bool {
    sys::is_root() && config.user != "root"
}

/// Becomes the configured user, who gets these directories. The error names the key.
pub fn become_user(config: &Config, owned: &[&Path]) -> Result<(), String> {
    sys::become_user(&config.user, owned)
        .map_err(|error| format!("{}: User = {}: {error}", config.place("Server", "User"), config.user))
}

/// Root gives the daemon's user its directories, and must not give away what is not for it alone: `/run`, or `/tmp`.
pub fn check_given(config: &Config) -> Result<(), String> {
    const ROOT: u32 = 0;
    if !changes_user(config) {
        return Ok(());
    }
    let directories = [
        ("Data Directory", &config.data_directory, ["store", "spool"]),
        ("Run Directory", &config.run_directory, ["control", "gatepostd.pid"]),
    ];
    for (key, directory, own) in directories {
        let entries = match fs::metadata(directory) {
            Ok(found) if found.uid() == ROOT => fs::read_dir(directory),
            // It will be made, or is somebody's who can do with it what he likes.
            _ => continue,
        };
        let names =
            entries.into_iter().flatten().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let is_foreign =
            |name: &String| !own.contains(&name.as_str()) && name != "lost+found" && !name.starts_with('.');
        if let Some(name) = names.into_iter().find(is_foreign) {
            let (place, directory) = (config.place("Server", key), directory.display());
            return Err(format!(
                "{place}: {key} = {directory}: is root's and has other files, as {name}: Gatepost needs one of its own"
            ));
        }
    }
    Ok(())
}

pub fn quota_policy(config: &Config) -> QuotaPolicy {
    let limits = |of: config::QuotaLimits| QuotaLimits {
        storage_bytes: of.storage_bytes,
        messages: of.messages,
        mailboxes: of.mailboxes,
    };
    QuotaPolicy {
        all: limits(config.quota),
        domains: config.domains.iter().map(|domain| (domain.name.clone(), limits(domain.quota))).collect(),
        counts_expunged: config.quota_counts_expunged,
    }
}

/// The routes; an error names file and line.
pub fn router(config: &Config) -> Result<Router, Vec<ConfigError>> {
    let rows = config.routes.iter().map(|route| (route.line, route.pattern.as_str(), route.target.as_str()));
    let domains = config.domains.iter().map(|domain| domain.name.clone()).collect();
    Router::new(rows, domains).map_err(|errors| {
        let error =
            |error: RouteError| ConfigError { file: config.file.clone(), line: error.line, reason: error.reason };
        errors.into_iter().map(error).collect()
    })
}

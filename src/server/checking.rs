//! What a configuration says that only the machine can refute: the files and places that it names.
//!
//! Whoever asks is told what he himself cannot read. So the daemon's user is the one to ask of files; of places he is asked who
//! makes them.

use std::path::{Path, PathBuf};

use super::setup;
use crate::admin;
use crate::auth;
use crate::config::{Config, TlsMode};
use crate::session;
use crate::sys;
use crate::types::Wildcard;

/// What has been found, a line each.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The daemon does not run so.
    pub(super) problems: Vec<String>,
    /// It does, and somebody should know.
    pub(super) warnings: Vec<String>,
}

/// What is wrong with what the file says, and with the places that it names: before any is made.
pub(super) fn check_places(config: &Config) -> Vec<String> {
    let mut problems = Vec::new();
    let mut note = |found: Result<(), String>| problems.extend(found.err());
    note(certificates(config));
    note(directory(config, "Data Directory", &config.data_directory));
    note(directory(config, "Run Directory", &config.run_directory));
    note(admin::check_socket(&config.run_directory).map_err(|text| said(config, "Server", "Run Directory", &text)));
    if let Err(errors) = admin::router(config) {
        problems.extend(errors.iter().map(ToString::to_string));
    }
    for of in &config.masks {
        for word in of.capabilities.iter().filter(|word| !session::is_known_capability(&Wildcard::new(word))) {
            problems.push(format!("{}:{}: [Mask {}]: no mask hides '{word}'", config.file, of.line, of.name));
        }
    }
    match config.listeners.is_empty() {
        true => problems.push(format!("{}: no [Listener NAME] section; nobody could connect", config.file)),
        false => problems.extend(nobody_can_log_in(config)),
    }
    problems
}

/// What is wrong with the files that it names, for whoever asks.
pub(super) fn check_files(config: &Config) -> Found {
    let mut found = Found::default();
    let placed = |error: &dyn std::fmt::Display| placed(config, error.to_string());
    match setup::tls(config) {
        Ok(tls) => found.warnings.extend(tls.warnings(sys::now_secs()).iter().map(|warning| placed(warning))),
        Err(error) => found.problems.push(placed(&error)),
    }
    let mut note = |failed: Option<String>| found.problems.extend(failed);
    note(auth::Passwd::load(&config.passwd_file).err().map(|error| placed(&error)));
    note(setup::groups(config).err().map(|error| placed(&error)));
    note(log_file(config).err());
    found
}

fn has_certificate(config: &Config) -> bool {
    let domains = config.domains.iter().map(|domain| &domain.tls_certificate);
    domains.chain([&config.tls_certificate]).any(Option::is_some)
}

fn certificates(config: &Config) -> Result<(), String> {
    let needs_tls = config.listeners.iter().find(|listener| listener.tls == TlsMode::Implicit);
    match needs_tls.filter(|_| !has_certificate(config)) {
        None => Ok(()),
        Some(listener) => Err(format!(
            "{}:{}: [Listener {}] has TLS = implicit; [TLS] needs Certificate and Private Key",
            config.file, listener.line, listener.name
        )),
    }
}

/// Neither over TLS nor in the clear.
fn nobody_can_log_in(config: &Config) -> Option<String> {
    let in_the_clear = config.cleartext_login || config.domains.iter().any(|of| of.cleartext_login == Some(true));
    let over_tls = has_certificate(config) && config.listeners.iter().any(|of| of.tls != TlsMode::Never);
    (!in_the_clear && !over_tls).then(|| {
        format!(
            "{}: nobody could log in: [TLS] has no Certificate for a listener, and [Auth] no Cleartext Login = yes",
            config.file
        )
    })
}

/// A directory, or where one can be made.
fn directory(config: &Config, key: &str, path: &Path) -> Result<(), String> {
    let there = path.ancestors().find(|path| path.symlink_metadata().is_ok());
    match there.filter(|there| !there.is_dir()) {
        None => Ok(()),
        Some(there) => Err(said(config, "Server", key, &format!("{}: not a directory", there.display()))),
    }
}

/// It is made where there is none, but not the directory that it is in.
fn log_file(config: &Config) -> Result<(), String> {
    let path = match config.log_to.as_str() {
        "syslog" => return Ok(()),
        path => Path::new(path),
    };
    let failed = |text: &str| Err(said(config, "Server", "Log To", &format!("{}: {text}", path.display())));
    match path.parent() {
        _ if path.is_dir() => failed("a directory, not a file"),
        Some(parent) if !parent.is_dir() => failed("there is no such directory"),
        _ if !path.exists() => Ok(()),
        _ => {
            std::fs::OpenOptions::new().append(true).open(path).map(drop).or_else(|error| failed(&error.to_string()))
        }
    }
}

/// An error about a file, with the line that names the file.
fn placed(config: &Config, error: String) -> String {
    let found = files(config).into_iter().find(|(_, _, path)| error.starts_with(&format!("{}: ", path.display())));
    match found {
        Some((section, key, _)) => said(config, &section, key, &error),
        None => error,
    }
}

fn said(config: &Config, section: &str, key: &str, text: &str) -> String {
    format!("{}: {key} = {text}", config.place(section, key))
}

/// Files that are read, with section and key.
fn files(config: &Config) -> Vec<(String, &'static str, &PathBuf)> {
    let passwd = ("Auth".to_string(), "Passwd File", &config.passwd_file);
    let mut optional = vec![
        ("Auth".to_string(), "Groups File", &config.groups_file),
        ("TLS".to_string(), "Certificate", &config.tls_certificate),
        ("TLS".to_string(), "Private Key", &config.tls_private_key),
    ];
    for domain in &config.domains {
        let section = format!("Domain {}", domain.name);
        optional.push((section.clone(), "Certificate", &domain.tls_certificate));
        optional.push((section, "Private Key", &domain.tls_private_key));
    }
    let set = optional.into_iter().filter_map(|(section, key, path)| Some((section, key, path.as_ref()?)));
    set.chain([passwd]).collect()
}

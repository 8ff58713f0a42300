//! SIGHUP: the configuration, certificates and accounts are read again, the log is reopened; sessions stay.
//!
//! What cannot be used is said in the log, and what was in force stays so.

use super::serving::Serving;
use super::setup;
use crate::admin::{self, Control};
use crate::config::{Config, TlsMode};
use crate::store::Store;
use crate::sys;
use std::net::SocketAddr;
use std::path::PathBuf;

/// All that runs.
pub(super) struct Running {
    pub(super) path: PathBuf,
    /// As it was at the start.
    pub(super) started: Config,
    pub(super) foreground: bool,
    pub(super) serving: Serving,
    pub(super) store: Store,
    pub(super) control: Control,
}

impl Running {
    pub(super) fn reload(&self) {
        log::info!("reload");
        let config = match Config::load(&self.path) {
            Ok(config) => config,
            Err(errors) => return errors.iter().for_each(|error| log::error!("{error}; nothing has been changed")),
        };
        if let Err(error) = crate::log::set(setup::log_target(&config, self.foreground), setup::filters(&config)) {
            log::error!("{}: {error}; the log stays where it is", config.log_to);
        }
        for key in at_next_start(&self.started, &config) {
            log::warn!("{key} changes at the next start only");
        }
        let (service, server) = (&self.serving.service, &self.serving.server);
        let before = service.settings();
        let tls = setup::tls(&config).unwrap_or_else(|error| {
            log::error!("{error}; the certificate read before stays in force");
            before.tls.clone()
        });
        tls.warnings(sys::now_secs()).iter().for_each(|warning| log::warn!("{warning}"));
        let groups = setup::groups(&config).unwrap_or_else(|error| {
            log::error!("{error}; the groups read before stay in force");
            before.groups.clone()
        });
        service.set_settings(setup::settings(&config, tls, groups));
        if let Err(error) = service.auth.reload(setup::auth_options(&config)) {
            log::error!("{error}; the accounts read before stay in force");
        }
        match admin::router(&config) {
            Ok(router) => service.auth.set_router(router),
            Err(errors) => {
                errors.iter().for_each(|error| log::error!("{error}; the routes read before stay in force"));
            }
        }
        service.manager.set_quota_policy(admin::quota_policy(&config));
        service.manager.set_mailbox_policy(admin::mailbox_policy(&config));
        server.set_bounds(config.channels_max, config.channels_per_address_max);
    }
}

/// What has changed since the start and is read at the start alone.
fn at_next_start(started: &Config, now: &Config) -> Vec<&'static str> {
    let keys = [
        ("Data Directory", started.data_directory != now.data_directory),
        ("Run Directory", started.run_directory != now.run_directory),
        ("User", started.user != now.user),
        ("Sync", started.sync_always != now.sync_always),
        ("Write Timeout", started.write_timeout != now.write_timeout),
        ("Maximum Message Size", started.message_bytes_max != now.message_bytes_max),
        ("Maximum Mailboxes", started.mailboxes_max != now.mailboxes_max),
        ("Maximum Keywords", started.keywords_max != now.keywords_max),
        ("Maximum Value Size", started.annotation_bytes_max != now.annotation_bytes_max),
        ("Maximum Entries", started.annotations_max != now.annotations_max),
        ("Maximum Total Size", started.annotations_total_bytes_max != now.annotations_total_bytes_max),
        ("Cache Size", started.store_cache_bytes != now.store_cache_bytes),
        ("Summary Cache Size", started.summary_cache_bytes != now.summary_cache_bytes),
        ("Minimum Free Space", started.free_bytes_min != now.free_bytes_min),
        ("Keep Expunged", started.keep_expunged != now.keep_expunged),
        ("Passwd File", started.passwd_file != now.passwd_file),
        ("[Listener NAME]", addresses(started) != addresses(now)),
    ];
    keys.iter().filter(|(_, changed)| *changed).map(|(key, _)| *key).collect()
}

fn addresses(config: &Config) -> Vec<(&[SocketAddr], TlsMode)> {
    config.listeners.iter().map(|listener| (listener.addresses.as_slice(), listener.tls)).collect()
}

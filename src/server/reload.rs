//! SIGHUP: the configuration, certificates and accounts are read again, the log is reopened; sessions stay.
//!
//! What cannot be used is said in the log, and what was in force stays so.

use super::serving::Serving;
use super::setup;
use crate::admin::{self, Control};
use crate::config::Config;
use crate::store::Store;
use crate::sys;
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
        for key in self.started.at_next_start(&config) {
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

//! Sessions on a store, as the configuration has them: of the daemon, and of whoever brings a store of his own.

use std::sync::Arc;
use std::time::Duration;

use super::setup;
use crate::admin;
use crate::auth::Auth;
use crate::config::{Config, ConfigError};
use crate::mailbox::{Manager, alert_concerns};
use crate::net::{self, BoundListener, Registry};
use crate::session::{self, Service, Watchdog};
use crate::store::Store;
use crate::types::AccountName;

pub struct Serving {
    pub manager: Arc<Manager>,
    pub(super) registry: Arc<Registry>,
    pub(super) service: Arc<Service>,
    pub(super) server: net::Server,
}

impl Serving {
    /// The error is for an administrator: each line names what is wrong.
    pub fn start(config: &Config, store: Store, listeners: Vec<BoundListener>) -> Result<Serving, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let tls = setup::tls(config).map_err(|error| text(&error))?;
        let groups = setup::groups(config).map_err(|error| text(&error))?;
        let auth = Auth::open(&config.passwd_file, setup::auth_options(config)).map_err(|error| text(&error))?;
        auth.set_router(admin::router(config).map_err(lines)?);
        let manager = Arc::new(Manager::new(store, admin::mailbox_limits(config)));
        manager.load_server().map_err(|error| text(&error))?;
        manager.set_quota_policy(admin::quota_policy(config));
        manager.set_mailbox_policy(admin::mailbox_policy(config));
        let watchdog = Watchdog::start().map_err(|error| text(&error))?;
        let service =
            Arc::new(Service::new(manager.clone(), Arc::new(auth), watchdog, setup::settings(config, tls, groups)));
        let registry = Arc::new(Registry::default());
        ring_for_alerts(&manager, &registry, &service);
        end_removed(&manager, &registry);
        manager.attend().map_err(|error| text(&error))?;
        for listener in &listeners {
            let address = listener.address().map_err(|error| text(&error))?;
            log::info!("listener {} at {address}", listener.name);
        }
        let options = net::Options {
            channels_max: config.channels_max,
            per_address_max: config.channels_per_address_max,
            write_timeout: config.write_timeout,
            refusal: b"* BYE [UNAVAILABLE] Too many connections; try again later\r\n".to_vec(),
            farewell: b"* BYE [SERVERBUG] This session broke; the log says how\r\n".to_vec(),
        };
        let sessions = service.clone();
        let handler = move |connection| session::run(&sessions, connection);
        let server = net::Server::start(listeners, options, registry.clone(), handler);
        Ok(Serving { manager, registry, service, server: server.map_err(|error| text(&error))? })
    }

    /// BYE to every session; whether all of them have ended in time.
    pub fn stop(&self, within: Duration) -> bool {
        let all = self.server.stop(within);
        self.service.watchdog.stop();
        all
    }
}

pub(super) fn lines(errors: Vec<ConfigError>) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A new alert is told at once: to sessions that wait, and to those whose command lasts.
fn ring_for_alerts(manager: &Manager, registry: &Arc<Registry>, service: &Arc<Service>) {
    let (registry, watchdog) = (registry.clone(), service.watchdog.clone());
    manager.on_alert(move |scope| {
        let concerned = |user: &str| AccountName::new(user).is_some_and(|user| alert_concerns(scope, &user));
        registry
            .sessions()
            .iter()
            .filter(|session| concerned(&session.user()))
            .for_each(|session| session.bell.ring());
        watchdog.alerted();
    });
}

/// Sessions of an account that another server has removed end.
fn end_removed(manager: &Manager, registry: &Arc<Registry>) {
    let registry = registry.clone();
    manager.on_removed(move |name| {
        registry
            .sessions()
            .iter()
            .filter(|session| session.user() == name.as_str())
            .for_each(|session| session.end());
    });
}

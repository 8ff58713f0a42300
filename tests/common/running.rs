//! A server in the test's own process, on any engine, behind a real socket. Its accounts are `joe` and `ann`, their password is
//! `secret`.

use std::sync::Arc;
use std::time::Duration;

use gatepost::auth::{self, Auth};
use gatepost::mailbox::{Limits as MailboxLimits, Manager};
use gatepost::net::{self, Mode, Options, Registry, Server};
use gatepost::proto::Limits;
use gatepost::session::{Service, Settings, Watchdog, run};
use gatepost::store::Store;

pub struct Running {
    pub manager: Arc<Manager>,
    server: Server,
    watchdog: Arc<Watchdog>,
    pub port: u16,
}

impl Running {
    pub fn stop(self) {
        assert!(self.server.stop(Duration::from_secs(5)), "sessions did not end");
        self.watchdog.stop();
    }
}

pub fn start(store: Store, directory: &std::path::Path) -> Running {
    let passwd = directory.join("passwd");
    std::fs::write(&passwd, "joe:{PLAIN}secret\nann:{PLAIN}secret\n").unwrap();
    let options = auth::Options {
        failed_logins_max: 10,
        failed_login_window: Duration::from_secs(1),
        failed_login_delay: Duration::ZERO,
        cache_time: Duration::from_secs(60),
    };
    let settings = Settings {
        host_name: "model".into(),
        running_every: Duration::ZERO,
        idle_timeout: Duration::from_secs(60),
        login_timeout: Duration::from_secs(60),
        handshake_timeout: Duration::from_secs(5),
        cleartext_login: true,
        administrators: Vec::new(),
        submission_servers: Vec::new(),
        utf8: gatepost::types::Utf8::Accept,
        urlmech_in_the_clear: false,
        groups: Arc::default(),
        message_limit: 0,
        save_limit: 0,
        watched_mailboxes_max: 100,
        bad_commands_max: 1000,
        language: "i-default".into(),
        search_contexts_max: 16,
        searched_mailboxes_max: 1000,
        commands_before_login_max: 1000,
        limits: Limits {
            line_bytes_max: 8192,
            literal_bytes_max: 1 << 20,
            literal_unasked_max: u64::MAX,
            literal_memory_max: 4096,
            literals_max: 10,
        },
        spool_directory: directory.into(),
        tls: Default::default(),
        domains: Default::default(),
        masks: Default::default(),
    };
    let manager = Arc::new(Manager::new(store, MailboxLimits::default()));
    manager.load_alerts().unwrap();
    let (watchdog, registry) = (Watchdog::start().unwrap(), Arc::new(Registry::default()));
    let ringing = registry.clone();
    manager.on_alert(move |_| ringing.sessions().iter().for_each(|session| session.bell.ring()));
    let ending = registry.clone();
    manager.on_removed(move |name| {
        ending.sessions().iter().filter(|session| session.user() == name.as_str()).for_each(|session| session.end());
    });
    manager.attend().unwrap();
    let auth = Arc::new(Auth::open(&passwd, options).unwrap());
    let service = Arc::new(Service::new(manager.clone(), auth, watchdog.clone(), settings));
    let listener = net::bind("model", "127.0.0.1:0".parse().unwrap(), Mode::Never).unwrap();
    let port = listener.address().unwrap().port();
    let options = Options {
        channels_max: 10,
        per_address_max: 10,
        write_timeout: Duration::from_secs(5),
        refusal: Vec::new(),
        farewell: Vec::new(),
    };
    let handler = move |connection| run(&service, connection);
    let server = Server::start(vec![listener], options, registry, handler).unwrap();
    Running { manager, server, watchdog, port }
}

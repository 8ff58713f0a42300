//! A server in the test's own process, on any engine, behind a real socket; as the daemon would be.

use std::path::Path;
use std::sync::Arc;

use gatepost::config::Config;
use gatepost::mailbox::Manager;
use gatepost::net::{self, Mode};
use gatepost::server::Serving;
use gatepost::store::Store;

pub struct Running {
    serving: Serving,
    pub manager: Arc<Manager>,
    pub port: u16,
}

impl Running {
    pub fn stop(self) {
        assert!(self.serving.stop(super::PATIENCE), "sessions did not end");
    }
}

/// With the accounts `joe` and `ann`, whose password is `secret`.
pub fn start(store: Store, directory: &Path) -> Running {
    let (passwd, file) = (directory.join("passwd"), directory.join("gatepost.ini"));
    std::fs::write(&passwd, "joe:{PLAIN}secret\nann:{PLAIN}secret\n").unwrap();
    let d = directory.display();
    let config = format!(
        "[Server]\nData Directory = {d}\nRun Directory = {d}\n\
         [IMAP]\nSend Running Every = Never\nMaximum Bad Commands = 1000\nTell URL Mechanisms = always\n\
         [Auth]\nPasswd File = {d}/passwd\nCleartext Login = yes\nAdministrators = joe\n"
    );
    std::fs::write(&file, config).unwrap();
    std::fs::create_dir_all(directory.join("spool")).unwrap();
    start_configured(store, &file)
}

pub fn start_configured(store: Store, file: &Path) -> Running {
    let config = Config::load(file).unwrap_or_else(|errors| panic!("{errors:?}"));
    let listener = net::bind("test", "127.0.0.1:0".parse().unwrap(), Mode::StartTls).unwrap();
    let port = listener.address().unwrap().port();
    let serving = Serving::start(&config, store, vec![listener]).unwrap();
    Running { manager: serving.manager.clone(), serving, port }
}

//! Gatepost and Dovecot side by side, in scratch directories on loopback.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::bare::{BareLog, serve};
use super::client::Target;
use super::measure::{Plan, all, round_trips};

const GATEPOST_PORT: u16 = 11143;
const DOVECOT_PORT: u16 = 12143;

pub fn compare(plan: &Plan, json: bool) {
    let scratch = tempfile::tempdir().expect("scratch directory");
    let mut results = Vec::new();
    let gatepost = start_gatepost(scratch.path(), "");
    results.push(("Gatepost", all(&target(GATEPOST_PORT, gatepost.0.id()), plan)));
    drop(gatepost);
    match start_dovecot(scratch.path()) {
        Some(dovecot) => results.push(("Dovecot", all(&target(DOVECOT_PORT, dovecot.0.id()), plan))),
        None => eprintln!("Dovecot is not installed: nothing to compare with"),
    }
    let log = std::fs::File::create(scratch.path().join("bare.log")).expect("scratch file");
    results.push(("bare server", round_trips(&serve(BareLog::new(log)), plan)));
    super::print(&results, json);
}

fn target(port: u16, pid: u32) -> Target {
    let target =
        Target { host: "127.0.0.1".into(), port, user: "demo".into(), password: "demo".into(), pid: Some(pid) };
    for _ in 0..5000 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return target;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no server at port {port}");
}

/// Nobody else may answer in the place of the server that is started: what an earlier run that was killed has left behind,
/// with its mailboxes, or another run.
fn claim(port: u16) {
    if let Err(error) = std::net::TcpListener::bind(("127.0.0.1", port)) {
        panic!("port {port} is taken, by another run or by the server of one that was killed: {error}");
    }
}

/// A server that is ended, by its process id, when the value is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // SIGTERM, so that Dovecot's master ends its children.
        let ended = Command::new("kill").arg(self.0.id().to_string()).status();
        if ended.is_ok_and(|status| status.success()) {
            let _ = self.0.wait();
        }
    }
}

/// A Gatepost that can be restarted on its data.
pub struct Own {
    scratch: tempfile::TempDir,
    running: Option<Running>,
}

impl Own {
    pub fn start() -> Own {
        let scratch = tempfile::tempdir().expect("scratch directory");
        let running = Some(start_gatepost(scratch.path(), ""));
        Own { scratch, running }
    }

    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    pub fn target(&self) -> Target {
        target(GATEPOST_PORT, self.running.as_ref().map_or(0, |running| running.0.id()))
    }

    pub fn restart(&mut self) {
        self.stop();
        self.launch();
    }

    pub fn stop(&mut self) {
        self.running = None;
    }

    pub fn launch(&mut self) {
        self.launch_with("");
    }

    /// With more of a configuration.
    pub fn launch_with(&mut self, more: &str) {
        self.running = Some(start_gatepost(self.scratch.path(), more));
    }
}

fn start_gatepost(scratch: &Path, more: &str) -> Running {
    claim(GATEPOST_PORT);
    let d = scratch.join("gatepost");
    std::fs::create_dir_all(&d).expect("scratch directory");
    let d = d.display();
    let config = format!(
        "[Server]\nData Directory = {d}/data\nRun Directory = {d}/run\nUser = root\n\
         [IMAP]\nMaximum Channels per Address = 10000\n\
         [Listener imap]\nAddress = 127.0.0.1:{GATEPOST_PORT}\nTLS = never\n\
         [Auth]\nPasswd File = {d}/passwd\nCleartext Login = yes\n{more}"
    );
    std::fs::write(format!("{d}/gatepost.ini"), config).expect("configuration");
    std::fs::write(format!("{d}/passwd"), "demo:{PLAIN}demo\n").expect("passwd");
    Command::new(env!("CARGO_BIN_EXE_gatepostd"))
        .args(["-f", "-c", &format!("{d}/gatepost.ini")])
        .stderr(Stdio::null())
        .spawn()
        .map(Running)
        .expect("gatepostd")
}

/// mdbox, processes reused, and the limits that would be in the way raised.
fn start_dovecot(scratch: &Path) -> Option<Running> {
    claim(DOVECOT_PORT);
    let d = scratch.join("dovecot");
    std::fs::create_dir(&d).expect("scratch directory");
    let d = d.display();
    let config = format!(
        "base_dir = {d}/run\nstate_dir = {d}/state\nlog_path = {d}/log\nprotocols = imap\nlisten = 127.0.0.1\nssl = no\n\
         disable_plaintext_auth = no\nmail_location = mdbox:{d}/mail/%u\nfirst_valid_uid = 1\nmail_uid = mail\nmail_gid = mail\n\
         default_login_user = dovenull\ndefault_internal_user = dovecot\nmail_max_userip_connections = 10000\n\
         auth_cache_size = 10M\n\
         passdb {{\n driver = passwd-file\n args = scheme=PLAIN {d}/passwd\n}}\n\
         userdb {{\n driver = static\n args = uid=mail gid=mail home={d}/mail/%u\n}}\n\
         service imap-login {{\n service_count = 0\n process_min_avail = 2\n client_limit = 1000\n \
         inet_listener imap {{\n port = {DOVECOT_PORT}\n }}\n inet_listener imaps {{\n port = 0\n }}\n}}\n\
         service imap {{\n service_count = 100000\n process_min_avail = 2\n process_limit = 2000\n}}\n\
         service auth {{\n client_limit = 10000\n}}\nservice anvil {{\n client_limit = 10000\n}}\n\
         namespace inbox {{\n inbox = yes\n separator = /\n}}\n"
    );
    std::fs::write(format!("{d}/dovecot.conf"), config).expect("configuration");
    std::fs::write(format!("{d}/passwd"), "demo:{PLAIN}demo::::::\n").expect("passwd");
    std::fs::create_dir(format!("{d}/mail")).expect("scratch directory");
    let owned = Command::new("chown").args(["mail:mail", &format!("{d}/mail")]).status();
    assert!(owned.is_ok_and(|status| status.success()), "chown");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(scratch, open).expect("scratch directory");
    Command::new("dovecot")
        .args(["-F", "-c", &format!("{d}/dovecot.conf")])
        .stderr(Stdio::null())
        .spawn()
        .ok()
        .map(Running)
}

//! A Gatepost of the tests' own: scratch directory, free ports on loopback, ended by its process.
#![allow(dead_code)]

pub mod contended;
pub mod mixed;
pub mod running;
pub mod torn;
pub mod transcript;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

pub struct Server {
    pub directory: tempfile::TempDir,
    pub port: u16,
    pub tls_port: u16,
    /// Of all listeners, by name.
    pub ports: Vec<(String, u16)>,
    /// Environment of the daemon.
    pub environment: Vec<(String, String)>,
    child: Option<Child>,
}

/// More than anything takes, also where the machine is busy or has stood still; only who fails waits so long.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Accounts that every server has, all with the password `secret`.
pub const ACCOUNTS: usize = 1000;

impl Server {
    /// With more lines for the configuration's section [IMAP].
    pub fn start(more: &str) -> Server {
        let mut server = Server::prepare(more);
        server.restart();
        server
    }

    /// All that a daemon needs, which is not started yet.
    pub fn prepare(more: &str) -> Server {
        let directory = tempfile::tempdir().unwrap();
        let passwd: String = (0..ACCOUNTS).map(|n| format!("user{n}:{{PLAIN}}secret\n")).collect();
        std::fs::write(directory.path().join("passwd"), passwd).unwrap();
        let server =
            Server { directory, port: 0, tls_port: 0, ports: Vec::new(), environment: Vec::new(), child: None };
        let [certificate, key] = ["cert.pem", "key.pem"].map(|name| server.path(name));
        server.write_config(more, 0, 0);
        let made = server.ctl(&["certificate", certificate.to_str().unwrap(), key.to_str().unwrap()]);
        assert!(made.status.success(), "{made:?}");
        server
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write_config(&self, more: &str, port: u16, tls_port: u16) {
        let d = self.directory.path().display();
        // Where the machine is slow nothing is to come between responses that no test has asked for.
        let running = if more.contains("Send Running Every") { "" } else { "Send Running Every = 1h\n" };
        let config = format!(
            "[Server]\nData Directory = {d}/data\nRun Directory = {d}/run\nUser = root\n\
             [IMAP]\nMaximum Channels per Address = 10000\n{running}{more}\n\
             [Listener imap]\nAddress = 127.0.0.1:{port}\n[Listener imaps]\nAddress = 127.0.0.1:{tls_port}\nTLS = implicit\n\
             [TLS]\nCertificate = {d}/cert.pem\nPrivate Key = {d}/key.pem\n\
             [Auth]\nPasswd File = {d}/passwd\nCleartext Login = yes\nFailed Login Delay = 1s\n"
        );
        std::fs::write(self.path("gatepost.ini"), config).unwrap();
    }

    /// `gatepostctl` of this server, also while it does not run.
    pub fn tool(&self) -> Tool {
        Tool(self.path("gatepost.ini"))
    }

    pub fn ctl(&self, arguments: &[&str]) -> Output {
        self.tool().run(arguments)
    }

    pub fn ctl_with(&self, arguments: &[&str], input: &[u8]) -> Output {
        self.tool().run_with(arguments, input)
    }

    /// Starts the daemon on what is in the directory, and waits until it serves.
    pub fn restart(&mut self) {
        self.kill();
        let mut child = Command::new(env!("CARGO_BIN_EXE_gatepostd"))
            .args(["-f", "-c"])
            .arg(self.path("gatepost.ini"))
            .envs(self.environment.iter().cloned())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        self.child = Some(child);
        let (mut line, mut seen) = (String::new(), String::new());
        loop {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "the daemon did not start:\n{seen}");
            seen.push_str(&line);
            let port = || line.rsplit(':').next().unwrap().trim().parse().unwrap();
            if let Some((_, listener)) = line.split_once(" listener ") {
                self.ports.push((listener.split(' ').next().unwrap().to_string(), port()));
            }
            if line.contains("listener imap at") {
                self.port = port();
            } else if line.contains("listener imaps at") {
                self.tls_port = port();
            } else if line.contains("serves") {
                break;
            }
        }
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut log, &mut file);
        });
    }

    /// kill -9
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Waits for the daemon to end by itself; its exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.take().unwrap().wait().unwrap().code()
    }

    pub fn client(&self) -> Client {
        Client::connect("127.0.0.1", self.port)
    }

    /// A client that has logged in.
    pub fn user(&self, account: &str) -> Client {
        let mut client = self.client();
        client.greeting();
        client.ok(&format!("LOGIN {account} secret"));
        client
    }
}

/// `gatepostctl` with a configuration.
#[derive(Clone)]
pub struct Tool(PathBuf);

impl Tool {
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, b"")
    }

    pub fn run_with(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = self.command(arguments);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may have refused, and not read it.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepostctl"));
        command.arg("-c").arg(&self.0).args(arguments);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A client that sends lines and reads responses.
pub struct Client {
    pub stream: BufReader<TcpStream>,
    tag: u32,
}

impl Client {
    pub fn connect(host: &str, port: u16) -> Client {
        Client::try_connect(host, port).unwrap()
    }

    /// `None` where nobody listens.
    pub fn try_connect(host: &str, port: u16) -> Option<Client> {
        let stream = TcpStream::connect((host, port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Some(Client { stream: BufReader::new(stream), tag: 0 })
    }

    pub fn greeting(&mut self) -> String {
        self.response().unwrap()
    }

    /// A response with its literals, without the last line's end; `None` at the end of the connection.
    pub fn response(&mut self) -> Option<String> {
        let mut response = Vec::new();
        loop {
            let mut line = Vec::new();
            if self.stream.read_until(b'\n', &mut line).ok()? == 0 {
                return None;
            }
            response.extend_from_slice(&line);
            let text = line.strip_suffix(b"\r\n").unwrap_or_else(|| panic!("no CRLF: {line:?}"));
            match literal_length(text) {
                None => {
                    response.truncate(response.len() - 2);
                    return Some(String::from_utf8_lossy(&response).into_owned());
                }
                Some(length) => {
                    let mut literal = vec![0; length];
                    self.stream.read_exact(&mut literal).ok()?;
                    response.extend_from_slice(&literal);
                }
            }
        }
    }

    pub fn send(&mut self, octets: &[u8]) -> bool {
        self.stream.get_mut().write_all(octets).is_ok()
    }

    /// Untagged responses and the tagged one, without its tag; `None` where the connection ended.
    pub fn try_command(&mut self, command: &str) -> Option<(Vec<String>, String)> {
        self.tag += 1;
        let tag = format!("t{}", self.tag);
        if !self.send(format!("{tag} {command}\r\n").as_bytes()) {
            return None;
        }
        let mut untagged = Vec::new();
        loop {
            let response = self.response()?;
            match response.strip_prefix(&format!("{tag} ")) {
                Some(end) => return Some((untagged, end.to_string())),
                None => untagged.push(response),
            }
        }
    }

    pub fn command(&mut self, command: &str) -> (Vec<String>, String) {
        self.try_command(command).unwrap_or_else(|| panic!("the connection ended during {command}"))
    }

    /// A command that must succeed: its untagged responses.
    pub fn ok(&mut self, command: &str) -> Vec<String> {
        let (untagged, end) = self.command(command);
        assert!(end.starts_with("OK"), "{command}: {end}");
        untagged
    }

    pub fn append(&mut self, mailbox: &str, message: &[u8]) -> Option<String> {
        let message = String::from_utf8_lossy(message).into_owned();
        let (_, end) = self.try_command(&format!("APPEND {mailbox} {{{}+}}\r\n{message}", message.len()))?;
        Some(end)
    }
}

pub fn literal_length(line: &[u8]) -> Option<usize> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|b| *b == b'{')?;
    std::str::from_utf8(&inner[open + 1..]).ok()?.parse().ok()
}

/// Whether a program is there; where it must be (`CI`), it is an error that it is not.
pub fn installed(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|directory| directory.join(program).exists()));
    if !found {
        assert!(std::env::var_os("CI").is_none(), "{program} is not installed");
        eprintln!("skipped: {program} is not installed");
    }
    found
}

pub fn rounds(default: usize) -> usize {
    std::env::var("GATEPOST_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

//! The daemon as an admin meets it: checked, started, reloaded, watched and stopped, by hand and by its init script.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{Client, PATIENCE, Server, installed};

const GATEPOSTD: &str = env!("CARGO_BIN_EXE_gatepostd");

/// What a daemon in the background needs; it is ended with this.
struct Daemon {
    server: Server,
}

impl Daemon {
    /// `more` goes to the section [Server].
    fn prepare(more: &str) -> Daemon {
        let server = Server::prepare("Log Level = Low-Level");
        let daemon = Daemon { server };
        let text = daemon.read("gatepost.ini");
        let log = daemon.path("daemon.log");
        let with = text.replace("[Server]\n", &format!("[Server]\nLog To = {}\n{more}", log.display()));
        std::fs::write(daemon.path("gatepost.ini"), with).unwrap();
        daemon
    }

    fn path(&self, name: &str) -> PathBuf {
        self.server.path(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(GATEPOSTD).args(arguments).arg("-c").arg(self.path("gatepost.ini")).output().unwrap()
    }

    /// Comes back when the daemon serves.
    fn start(&self) {
        let started = self.run(&[]);
        assert!(started.status.success(), "{started:?}");
    }

    fn pid(&self) -> i32 {
        self.read("run/gatepostd.pid").trim().parse().unwrap()
    }

    fn port(&self, listener: &str) -> u16 {
        let log = self.read("daemon.log");
        let line = log.lines().rfind(|line| line.contains(&format!("listener {listener} at"))).unwrap();
        line.rsplit(':').next().unwrap().parse().unwrap()
    }

    fn client(&self) -> Client {
        let mut client = Client::connect("127.0.0.1", self.port("imap"));
        client.greeting();
        client
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.pid().to_string()).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(self.path("run/gatepostd.pid")) {
            // It may have ended by itself.
            let _ = Command::new("kill").arg("-9").arg(pid.trim()).stderr(Stdio::null()).status();
        }
    }
}

fn within(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[test]
fn a_configuration_is_checked() {
    let daemon = Daemon::prepare("");
    let good = daemon.run(&["-t"]);
    assert_eq!(good.status.code(), Some(0), "{good:?}");

    let good = daemon.read("gatepost.ini");
    let bad = good.replace("[IMAP]\n", "[IMAP]\nMaximum Chanels = 5\nSync = sometimes\n");
    std::fs::write(daemon.path("gatepost.ini"), &bad).unwrap();
    let line = |wanted: &str| bad.lines().position(|line| line.starts_with(wanted)).unwrap() + 1;
    let refused = daemon.run(&["-t"]);
    assert_eq!(refused.status.code(), Some(78));
    let said = text(&refused.stderr);
    let at = |line: usize| format!("gatepost.ini:{line}: ");
    assert!(said.contains(&at(line("Maximum Chanels"))) && said.contains("Maximum Channels"), "{said}");
    assert!(said.contains(&at(line("Sync"))) && said.contains("optimized"), "all is said at once: {said}");

    // What only the machine can refute, with the line that names it.
    let d = daemon.server.directory.path().display().to_string();
    let with = |from: &str, to: &str| {
        std::fs::write(daemon.path("gatepost.ini"), good.replace(from, to)).unwrap();
        let refused = daemon.run(&["-t"]);
        assert_eq!(refused.status.code(), Some(78), "{to}: {refused:?}");
        text(&refused.stderr)
    };
    std::fs::write(daemon.path("file"), "").unwrap();
    let cases = [
        (format!("{d}/cert.pem"), format!("{d}/nowhere.pem"), "Certificate = "),
        (format!("{d}/passwd"), format!("{d}/nowhere"), "Passwd File = "),
        (format!("{d}/data"), format!("{d}/file/data"), "Data Directory = "),
        (format!("{d}/run"), format!("{d}/{}", "x".repeat(100)), "Run Directory = "),
        (format!("{d}/daemon.log"), format!("{d}/nowhere/log"), "Log To = "),
        (format!("{d}/daemon.log"), d.clone(), "Log To = "),
        (format!("{d}/data"), "data".into(), "Data Directory = data: expected a path that begins with /"),
    ];
    for (from, to, key) in &cases {
        let said = with(from, to);
        let named = said.lines().find(|line| line.contains(key)).unwrap_or_else(|| panic!("{key}: {said}"));
        assert!(named.contains("gatepost.ini:"), "{named}");
    }
    let (tls, _) = good.split_once("[TLS]").unwrap().1.split_once("[Auth]").unwrap();
    let bare = good.replace(tls, "\n").replace("TLS = implicit", "TLS = starttls");
    std::fs::write(daemon.path("gatepost.ini"), &bare).unwrap();
    assert_eq!(daemon.run(&["-t"]).status.code(), Some(0), "passwords in the clear");
    std::fs::write(daemon.path("gatepost.ini"), bare.replace("Cleartext Login = yes", "")).unwrap();
    assert!(text(&daemon.run(&["-t"]).stderr).contains("nobody could log in"));

    assert_eq!(Command::new(GATEPOSTD).arg("-x").output().unwrap().status.code(), Some(64));
    let missing = Command::new(GATEPOSTD).args(["-t", "-c", "/nonexistent/gatepost.ini"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(78));
    assert!(text(&missing.stderr).contains("/nonexistent/gatepost.ini"), "{missing:?}");
}

#[test]
fn what_cannot_start_says_so_by_its_exit_status() {
    let daemon = Daemon::prepare("");
    daemon.start();
    let second = Daemon::prepare("");
    let data = |of: &Daemon| format!("Data Directory = {}", of.path("data").display());
    let config = second.read("gatepost.ini").replace(&data(&second), &data(&daemon));
    std::fs::write(second.path("gatepost.ini"), config).unwrap();
    let refused = second.run(&[]);
    assert_eq!(refused.status.code(), Some(78), "{refused:?}");
    assert!(text(&refused.stderr).contains("in use by another process"), "{refused:?}");
    assert_eq!(std::fs::read_link(format!("/proc/{}/cwd", daemon.pid())).unwrap(), Path::new("/"));
    daemon.client().ok("LOGIN user0 secret");
}

#[test]
fn it_lives_in_the_background() {
    let daemon = Daemon::prepare("");
    daemon.start();
    let pid = daemon.pid();
    let mut client = daemon.client();
    client.ok("LOGIN user0 secret");
    client.ok("SELECT INBOX");

    // SIGHUP: another account, another log; the session stays.
    let mut passwd = daemon.read("passwd");
    passwd.push_str("late:{PLAIN}secret\n");
    std::fs::write(daemon.path("passwd"), passwd).unwrap();
    std::fs::rename(daemon.path("daemon.log"), daemon.path("daemon.log.1")).unwrap();
    let port = {
        let log = daemon.read("daemon.log.1");
        log.lines().rfind(|line| line.contains("listener imap at")).unwrap().rsplit(':').next().unwrap().to_string()
    };
    daemon.signal("HUP");
    within("the log is opened anew", || daemon.path("daemon.log").exists());
    client.ok("NOOP");
    within("the new account can log in", || {
        let mut late = Client::connect("127.0.0.1", port.parse().unwrap());
        late.greeting();
        late.command("LOGIN late secret").1.starts_with("OK")
    });

    // A configuration with an error changes nothing, and the log names the line.
    let good = daemon.read("gatepost.ini");
    std::fs::write(daemon.path("gatepost.ini"), good.replace("[IMAP]\n", "[IMAP]\nNonsense = 1\n")).unwrap();
    daemon.signal("HUP");
    within("the log names the line", || daemon.read("daemon.log").contains("unknown key"));
    client.ok("NOOP");

    // What is read at the start alone is named.
    std::fs::write(daemon.path("gatepost.ini"), good.replace("[IMAP]\n", "[IMAP]\nSync = always\n")).unwrap();
    daemon.signal("HUP");
    within("the log names the key", || daemon.read("daemon.log").contains("Sync changes at the next start only"));
    assert!(!daemon.read("daemon.log").contains("Cache Size"));

    // SIGTERM: BYE, and an end.
    daemon.signal("TERM");
    let bye = client.response();
    assert!(bye.as_deref().is_some_and(|line| line.starts_with("* BYE")), "{bye:?}");
    within("the daemon ends", || !Path::new(&format!("/proc/{pid}")).exists());
    assert!(!daemon.path("run/gatepostd.pid").exists(), "the pid file goes with the daemon");
}

#[test]
fn passwords_and_mail_are_not_in_the_log() {
    let daemon = Daemon::prepare("");
    daemon.start();
    let mut client = daemon.client();
    client.ok("LOGIN user1 secret");
    client.append("INBOX", b"Subject: private matter\r\n\r\nnobody's business\r\n").unwrap();
    client.ok("NOOP");
    let mut client = daemon.client();
    client.ok("AUTHENTICATE PLAIN AHVzZXIxAHNlY3JldA==");
    // What clients make of a password that are not well.
    for line in ["LOGIN user1 secret", "x  LOGIN  user1 secret", "AHVzZXIxAHNlY3JldA==", "user1 secret", "secret"] {
        let mut client = daemon.client();
        assert!(client.send(format!("{line}\r\n").as_bytes()));
        client.response().unwrap();
        client.ok("NOOP");
    }
    within("the dialogue is logged", || daemon.read("daemon.log").contains("AUTHENTICATE"));
    let log = daemon.read("daemon.log");
    assert!(log.contains("APPEND INBOX"), "{log}");
    for kept_out in ["secret", "AHVzZXIx", "private matter", "business"] {
        assert!(!log.to_lowercase().contains(&kept_out.to_lowercase()), "{kept_out} in {log}");
    }
    let tagged = |line: &str| line.contains(" IMAP-0000");
    assert!(
        log.lines().filter(|line| line.contains("APPEND INBOX")).all(tagged),
        "each record has its session: {log}"
    );
}

/// What a client hears of its own mail, quoted, is there for who asks for All Info; literals never are.
#[test]
fn all_info_is_the_whole_dialogue() {
    let daemon = Daemon::prepare("");
    let text = daemon.read("gatepost.ini").replace("Log Level = Low-Level", "Log Level = All Info");
    std::fs::write(daemon.path("gatepost.ini"), text).unwrap();
    daemon.start();
    let mut client = daemon.client();
    client.ok("LOGIN user1 secret");
    let large = "nobody's business\r\n".repeat(20_000);
    for body in ["nobody's business\r\n", &large] {
        client.append("INBOX", format!("Subject: matter\r\n\r\n{body}").as_bytes()).unwrap();
    }
    client.ok("SELECT INBOX");
    client.ok("FETCH 1:2 (BODY[TEXT] UID ENVELOPE)");
    client.ok("GENURLAUTH \"imap://user1@mail.example.com/INBOX/;UID=1;URLAUTH=user+user1\" INTERNAL");
    client.command("SELECT nowhere");
    client.ok("LOGOUT");
    let mut client = daemon.client();
    assert!(client.send(b"secret hunter2\r\n"));
    client.response().unwrap();
    within("all is logged", || daemon.read("daemon.log").contains("Not understood"));
    let log = daemon.read("daemon.log");
    let wanted = [
        "S: * OK [CAPABILITY ",
        "S: * 2 EXISTS",
        "S: * 1 FETCH (BODY[TEXT] {19} UID 1 ENVELOPE (NIL \"matter\"",
        "S: * 2 FETCH (BODY[TEXT] {380000} UID 2 ENVELOPE (NIL \"matter\"",
        " NO [NONEXISTENT] ",
        "S: * GENURLAUTH (masked)",
        "S: BAD Not understood",
        "S: * BYE ",
    ];
    for part in wanted {
        assert!(log.contains(part), "{part} not in {log}");
    }
    for kept_out in ["business", "hunter2", "URLAUTH=user+user1:INTERNAL:"] {
        assert!(!log.contains(kept_out), "{kept_out} in {log}");
    }
}

#[test]
fn what_of_logins_is_logged_is_a_level_of_its_own() {
    let daemon = Daemon::prepare("");
    let text = daemon.read("gatepost.ini");
    let with = |imap: &str, auth: &str| {
        let levels = text.replace("Log Level = Low-Level", &format!("Log Level = {imap}"));
        std::fs::write(daemon.path("gatepost.ini"), format!("{levels}Log Level = {auth}\n")).unwrap();
        daemon.start();
        daemon.client().ok("LOGIN user1 secret");
        daemon.client().command("LOGIN user2 wrong");
        let log = daemon.read("daemon.log");
        daemon.signal("TERM");
        within("the daemon ends", || !daemon.path("run/gatepostd.pid").exists());
        std::fs::remove_file(daemon.path("daemon.log")).unwrap();
        log
    };
    let log = with("Crashes Only", "Problems");
    assert!(log.contains("user1 from 127.0.0.1: logged in") && log.contains("login of 'user2'"), "{log}");
    let log = with("All Info", "Crashes Only");
    assert!(log.contains("C: ") && !log.contains("logged in") && !log.contains("login of"), "{log}");
}

#[test]
fn another_certificate_is_served_after_a_reload() {
    if !installed("openssl") {
        return;
    }
    let daemon = Daemon::prepare("");
    daemon.start();
    let address = format!("127.0.0.1:{}", daemon.port("imaps"));
    let served = || {
        let mut shown = Command::new("openssl")
            .args(["s_client", "-quiet", "-showcerts", "-connect", &address])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        shown.stdin.take().unwrap().write_all(b"a LOGOUT\r\n").unwrap();
        let shown = shown.wait_with_output().unwrap();
        text(&shown.stdout) + &text(&shown.stderr)
    };
    assert!(served().contains("CN = localhost"), "{}", served());
    let pem = |name| daemon.path(name).to_str().unwrap().to_string();
    std::fs::remove_file(daemon.path("cert.pem")).unwrap();
    std::fs::remove_file(daemon.path("key.pem")).unwrap();
    let made = daemon.server.ctl(&["certificate", "--host", "other.example", &pem("cert.pem"), &pem("key.pem")]);
    assert!(made.status.success(), "{made:?}");
    assert!(!served().contains("other.example"));
    daemon.signal("HUP");
    within("the new certificate is served", || served().contains("other.example"));

    // What cannot be used does not take the place of what can.
    std::fs::write(daemon.path("cert.pem"), "nonsense").unwrap();
    daemon.signal("HUP");
    within("the log says so", || daemon.read("daemon.log").contains("cert.pem"));
    assert!(served().contains("other.example"));
}

/// It is served all the same: who starts the server is told, and so is the log, by its file and date.
#[test]
fn a_certificate_that_is_not_good_is_warned_of() {
    let daemon = Daemon::prepare("");
    let serve = |from: (i32, u8), until: (i32, u8)| {
        let mut wanted = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
        wanted.not_before = rcgen::date_time_ymd(from.0, from.1, 1);
        wanted.not_after = rcgen::date_time_ymd(until.0, until.1, 1);
        let pair = rcgen::KeyPair::generate().unwrap();
        std::fs::write(daemon.path("cert.pem"), wanted.self_signed(&pair).unwrap().pem()).unwrap();
        std::fs::write(daemon.path("key.pem"), pair.serialize_pem()).unwrap();
    };
    let unwarned = daemon.run(&["-t"]);
    assert_eq!((unwarned.status.code(), text(&unwarned.stderr)), (Some(0), String::new()));
    serve((2001, 1), (2002, 3));
    let config = daemon.read("gatepost.ini");
    let line = config.lines().position(|line| line.starts_with("Certificate = ")).unwrap() + 1;
    let expected = format!(
        "gatepostd: warning: {}:{line}: Certificate = {}: the certificate expired on 2002-03-01 00:00 UTC\n",
        daemon.path("gatepost.ini").display(),
        daemon.path("cert.pem").display()
    );
    let warned = daemon.run(&["-t"]);
    assert_eq!((warned.status.code(), text(&warned.stderr)), (Some(0), expected.clone()));
    let started = daemon.run(&[]);
    assert_eq!((started.status.code(), text(&started.stderr)), (Some(0), expected));
    assert!(daemon.read("daemon.log").contains("the certificate expired on 2002-03-01"));
    serve((3001, 1), (3002, 1));
    daemon.signal("HUP");
    let read =
        || daemon.read("daemon.log").contains("cert.pem: the certificate is not valid before 3001-01-01 00:00 UTC");
    within("the log says so", read);
    daemon.client().ok("LOGIN user0 secret");
}

#[test]
fn root_becomes_the_configured_user() {
    if !nobody_can_be_had() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let daemon = Daemon::prepare("");
    let config = daemon.read("gatepost.ini").replace("User = root", "User = nobody");
    std::fs::write(daemon.path("gatepost.ini"), config).unwrap();
    // The log, the accounts and the key are the user's to read.
    let everybody = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    everybody(daemon.server.directory.path(), 0o777);
    // Root can read all of it, and is not the one to ask.
    for arguments in [["-t"].as_slice(), &[]] {
        let refused = daemon.run(arguments);
        assert_eq!(refused.status.code(), Some(78), "{refused:?}");
        let said = text(&refused.stderr);
        assert!(said.contains("Private Key = ") && said.contains("as the user 'nobody' finds it"), "{said}");
        assert_eq!(said.matches("Private Key = ").count(), 1, "{said}");
    }
    ["passwd", "gatepost.ini", "key.pem", "cert.pem"].iter().for_each(|name| everybody(&daemon.path(name), 0o644));
    // What is not for the daemon alone is not given to it.
    let config = daemon.read("gatepost.ini");
    let shared = daemon.path("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::write(shared.join("of others"), "").unwrap();
    for key in ["Run", "Data"] {
        let of = daemon.path(&key.to_lowercase()).display().to_string();
        let wrong = config
            .replace(&format!("{key} Directory = {of}\n"), &format!("{key} Directory = {}\n", shared.display()));
        std::fs::write(daemon.path("gatepost.ini"), wrong).unwrap();
        for refused in [daemon.run(&["-t"]), daemon.run(&[]), daemon.server.ctl(&["check"])] {
            assert_eq!(refused.status.code(), Some(78), "{refused:?}");
            assert!(text(&refused.stderr).contains("has other files, as of others"), "{refused:?}");
        }
        assert_eq!(std::fs::metadata(&shared).unwrap().uid(), 0);
    }
    std::fs::write(daemon.path("gatepost.ini"), config).unwrap();
    daemon.start();
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let uids = status.lines().find(|line| line.starts_with("Uid:")).unwrap();
    assert!(uids.split_whitespace().skip(1).all(|uid| uid == "65534"), "{uids}");
    let store = std::fs::metadata(daemon.path("data/store")).unwrap();
    assert_eq!((store.uid(), store.mode() & 0o777), (65534, 0o700));
    daemon.client().ok("LOGIN user0 secret");

    // Others are not heard, though the files let them in.
    everybody(&daemon.path("run"), 0o777);
    everybody(&daemon.path("run/control"), 0o666);
    let who = |uid: u32| {
        use std::os::unix::process::CommandExt;
        let done = daemon.server.tool().command(&["who"]).uid(uid).output().unwrap();
        (done.status.code(), text(&done.stderr))
    };
    assert_eq!(who(65534), (Some(0), String::new()));
    assert_eq!(who(1), (Some(77), "gatepostctl: only root and gatepostd's user are heard\n".into()));
}

fn nobody_can_be_had() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Who has not logged in can have the server keep little; a login is enough for what comes right behind it.
#[test]
fn literals_before_login_are_small() {
    let server = Server::start("");
    let mut client = server.client();
    client.greeting();
    let body = "x".repeat(4097);
    let refused = |client: &mut Client| {
        assert!(client.send(b"r SELECT {4097}\r\n"));
        let said = client.response().unwrap();
        assert!(said.starts_with("r NO [TOOBIG]"), "{said}");
    };
    refused(&mut client);
    assert!(client.send(format!("a LOGIN user1 secret\r\nb APPEND INBOX {{4097+}}\r\n{body}\r\n").as_bytes()));
    for tag in ["a OK", "b OK"] {
        let said = client.response().unwrap();
        assert!(said.starts_with(tag), "{said}");
    }
    client.ok("UNAUTHENTICATE");
    refused(&mut client);
    client.ok("LOGIN user1 secret");
    client.append("INBOX", body.as_bytes()).unwrap();
}

/// Without a file to open the daemon waits, and does not write of it without end.
#[test]
fn out_of_open_files() {
    // A connection takes two files: of an odd number one is left.
    for also_open in ["", "exec 9</dev/null;"] {
        without_files(also_open);
    }
}

fn without_files(also_open: &str) {
    let daemon = Daemon::prepare("");
    // Root could raise the limit again.
    let limited = "[ $(id -u) = 0 ] && set -- setpriv --bounding-set=-sys_resource \"$@\"; exec \"$@\" -c \"$0\"";
    let started = Command::new("sh")
        .args(["-c", &format!("ulimit -n 64; {also_open} {limited}")])
        .args([&daemon.path("gatepost.ini"), Path::new(GATEPOSTD)])
        .output()
        .unwrap();
    assert!(started.status.success(), "{started:?}");
    assert!(daemon.read("daemon.log").contains("64 files can be open, 4000 are wanted"));
    let port = daemon.port("imap");
    let clients: Vec<_> = (0..40).map(|_| std::net::TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    within("there are no more", || daemon.read("daemon.log").contains("Too many open files"));
    // One file may be left, and what the store just then had open is free again.
    let admins = [(); 8].map(|()| UnixStream::connect(daemon.path("run/control")).unwrap());
    within("the control socket too", || daemon.read("daemon.log").contains("control socket: "));
    std::thread::sleep(Duration::from_secs(1));
    let log = daemon.read("daemon.log");
    let complaints = log.lines().filter(|line| line.contains("Too many open files")).count();
    assert!(complaints <= 4, "{complaints} complaints");
    drop((clients, admins));
    within("all goes on", || daemon.server.ctl(&["who"]).status.success());
    daemon.client().ok("LOGIN user0 secret");
}

#[test]
fn no_channels_at_all() {
    let mut server = Server::prepare("Maximum Channels = 0");
    server.restart();
    assert!(server.client().greeting().starts_with("* BYE [UNAVAILABLE]"));
}

#[test]
fn the_control_socket_takes_any_octets() {
    let server = Server::start("");
    let inputs: [&[u8]; 6] = [
        b"nonsense\n",
        b"{}\n",
        b"{\"verb\": 7}\n",
        b"{\"verb\": \"no such verb\"}\n",
        b"{\"verb\": \"import\", \"account\": \"user0\", \"mailbox\": \"\\u0000\"}\n\xff\xfe",
        &[b'['; 300_000],
    ];
    for input in inputs {
        let mut stream = UnixStream::connect(server.path("run/control")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // It may have been closed before all was sent.
        let _ = stream.write_all(input);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = BufReader::new(stream).read_until(b'\n', &mut answer);
        assert!(!text(&answer).contains("\"ok\""), "{answer:?}");
    }
    assert!(server.ctl(&["who"]).status.success(), "the daemon goes on");
    server.user("user0").ok("NOOP");
}

#[test]
fn who_vanishes_in_a_literal_is_logged_once() {
    let daemon = Daemon::prepare("");
    daemon.start();
    let mut client = daemon.client();
    client.ok("LOGIN user0 secret");
    assert!(client.send(b"a APPEND INBOX {100}\r\n"));
    assert!(client.response().unwrap().starts_with('+'));
    assert!(client.send(b"Subject: half"));
    drop(client);
    let said = "the connection ended in the middle of a literal, 13 of 100 octets had come";
    within("the log says so", || daemon.read("daemon.log").contains(said));
    let mut client = daemon.client();
    client.ok("LOGIN user0 secret");
    assert!(client.ok("STATUS INBOX (MESSAGES)")[0].ends_with("(MESSAGES 0)"));
    assert_eq!(daemon.read("daemon.log").matches(said).count(), 1);
}

/// A StateDirectory= is made root's at each start of a unit without User=, with all that is in it: the daemon, which becomes its
/// user by itself, could not open its store at the second.
#[test]
fn the_unit_leaves_the_directories_to_the_daemon() {
    let unit = std::fs::read_to_string("etc/gatepost.service").unwrap();
    let sets = |key: &str| unit.lines().any(|line| line.starts_with(key));
    assert!(sets("ExecStart=") && !sets("User="));
    for key in ["StateDirectory", "RuntimeDirectory", "LogsDirectory"] {
        assert!(!sets(key), "{key}");
    }
}

#[test]
fn the_init_script_does_what_it_says() {
    let daemon = Daemon::prepare("");
    let sbin = Path::new(GATEPOSTD).parent().unwrap().display().to_string();
    let script = std::fs::read_to_string("etc/gatepost.init").unwrap();
    let script =
        script.replace("@SBIN@", &sbin).replace("@CONF@", &daemon.server.directory.path().display().to_string());
    std::fs::write(daemon.path("init"), script).unwrap();
    let run = |verb: &str| {
        let done = Command::new("sh").arg(daemon.path("init")).arg(verb).output().unwrap();
        (done.status.code(), text(&done.stdout) + &text(&done.stderr))
    };
    assert_eq!(run("status").0, Some(3));
    assert_eq!(run("start").0, Some(0));
    let first = daemon.pid();
    assert_eq!(run("status").0, Some(0));
    assert_eq!(run("start").0, Some(0), "it runs already");
    assert_eq!(daemon.pid(), first);
    daemon.client().ok("LOGIN user0 secret");
    assert_eq!(run("reload").0, Some(0));
    assert_eq!(run("restart").0, Some(0));
    assert_ne!(daemon.pid(), first);
    daemon.client().ok("LOGIN user0 secret");

    // The number of another process is not the daemon's.
    let pid = daemon.pid();
    std::fs::write(daemon.path("run/gatepostd.pid"), format!("{}\n", std::process::id())).unwrap();
    assert_eq!((run("status").0, run("stop").0), (Some(3), Some(0)));
    std::fs::write(daemon.path("run/gatepostd.pid"), format!("{pid}\n")).unwrap();
    assert_eq!(run("status").0, Some(0));

    // A configuration with an error stops nothing.
    let good = daemon.read("gatepost.ini");
    std::fs::write(daemon.path("gatepost.ini"), format!("{good}[Nonsense]\n")).unwrap();
    for verb in ["restart", "reload"] {
        let (code, said) = run(verb);
        assert!(code != Some(0) && said.contains("gatepost.ini:"), "{verb}: {code:?} {said}");
    }
    assert_eq!(run("status").0, Some(0));
    std::fs::write(daemon.path("gatepost.ini"), good).unwrap();
    assert_eq!(run("stop").0, Some(0));
    assert_eq!(run("status").0, Some(3));
}

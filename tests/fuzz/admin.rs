//! What an admin writes: the configuration, and requests at the control socket.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatepost::admin::Control;
use gatepost::config::{Config, sample};
use gatepost::mailbox::Manager;
use gatepost::store::Store;

use super::{fuzz, owned, panicked_in};

/// What the sample does not show: sections that there may be many of, and values of each kind other than the defaults.
const CONFIGURATION: &str = "[Server]
Host Name = \"mail.example.com\"
Administrator Contact = mailto:postmaster@example.com
Language = de
[IMAP]
Log Level = All Info
Sync = always
Send Running Every = Never
Idle Timeout = 2h
Maximum Message Size = 2G
Maximum Channels = 0
[Store]
Minimum Free Space = 0
[Listener imap]
Address = 127.0.0.1:1143, [::1]:1143, *:143
TLS = starttls
[Listener imaps]
Address = 10.0.0.1:993
TLS = implicit
[TLS]
Certificate = /etc/gatepost/cert.pem
Private Key = /etc/gatepost/key.pem
[Auth]
Passwd File = /etc/gatepost/passwd
Cleartext Login = no
[Domain example.com]
Address = 10.0.0.1, ::1
Storage Quota = 1G
Show Non-Mail Mailboxes = no
[Mask phones]
Client = iPhone*, Outlook
Account = *@example.com
Capabilities = QRESYNC, COMPRESS=*
[Router]
<moved> = John@server.example
<far-*> = *@far.example
@old.example = @new.example
";

/// The sample, with the keys in force that it only shows.
fn all_keys() -> String {
    let line = |line: &str| match line.strip_prefix(';').filter(|rest| !rest.starts_with(' ')) {
        Some(entry) => format!("{entry}\n"),
        None => format!("{line}\n"),
    };
    sample().lines().map(line).collect()
}

#[test]
fn configurations() {
    let said = |text: &str| Config::parse("x.ini", text).map(drop).map_err(|errors| format!("{errors:?}"));
    assert_eq!((said(&sample()), said(CONFIGURATION)), (Ok(()), Ok(())));
    let seeds = [sample(), all_keys(), CONFIGURATION.to_string()];
    fuzz("configurations", seeds.map(String::into_bytes).to_vec(), |input| {
        // Whether it is one does not matter here.
        drop(Config::parse("x.ini", &String::from_utf8_lossy(input)));
    });
}

/// Neither `stop` and `reload` nor what names files: the requests are done.
const REQUESTS: &[&[u8]] = &[
    b"{\"verb\":\"mailbox create\",\"account\":\"a\",\"mailbox\":\"B/C\",\"class\":\"IPF.Note\"}\n{\"verb\":\"who\",\"account\":\"a*\",\"address\":\"::1\",\"status\":\"idle\",\"connected\":5,\"running\":1}\n",
    b"{\"verb\":\"import\",\"account\":\"a\",\"mailbox\":\"INBOX\"}\n{\"size\":12,\"flags\":[\"\\\\Seen\",\"x\"],\"secs\":1}\nA: b\r\n\r\nhello\n{\"size\":0}\n",
    b"{\"verb\":\"import\",\"account\":\"a\",\"mailbox\":\"B\",\"only\":\"missing\"}\n{\"size\":12,\"zone\":-60,\"annotations\":2}\nA: b\r\n\r\nhello{\"entry\":\"/comment\",\"user\":\"a\",\"size\":1}\nx{\"entry\":\"/1.2/altsubject\",\"size\":2}\nyz{\"size\":0}\n",
    b"{\"verb\":\"export\",\"account\":\"a\",\"mailbox\":\"INBOX\"}\n{\"verb\":\"check\",\"account\":\"a\",\"repair\":true}\n",
    b"{\"verb\":\"alias add\",\"account\":\"a\",\"alias\":\"x\",\"mailbox\":\"~b/c\"}\n{\"verb\":\"alias list\",\"account\":\"a\"}\n{\"verb\":\"alias remove\",\"account\":\"a\",\"alias\":\"x\"}\n",
    b"{\"verb\":\"alert post\",\"scope\":\"server\",\"text\":\"y\"}\n{\"verb\":\"alert post\",\"scope\":\"domain\",\"name\":\"D.example\",\"text\":\"z\"}\n{\"verb\":\"alert list\"}\n{\"verb\":\"alert remove\",\"alert\":1}\n",
    b"{\"verb\":\"quota set\",\"account\":\"a\",\"limits\":{\"storage\":2000000,\"messages\":0,\"mailboxes\":null}}\n{\"verb\":\"quota show\",\"account\":\"a\"}\n{\"verb\":\"quota recount\",\"account\":\"a\"}\n{\"verb\":\"undelete\",\"account\":\"a\",\"mailbox\":\"B\",\"since\":7}\n",
    b"{\"verb\":\"mailbox ensure\",\"account\":\"a\",\"mailbox\":\"B\",\"use\":[\"\\\\Trash\",\"x\"]}\n{\"verb\":\"mailbox class\",\"account\":\"a\",\"mailbox\":\"B\",\"class\":\"IPF.Contact\"}\n{\"verb\":\"mailbox rename\",\"account\":\"a\",\"mailbox\":\"B\",\"to\":\"C/D\"}\n{\"verb\":\"mailbox list\",\"account\":\"a\"}\n{\"verb\":\"mailbox remove\",\"account\":\"a\",\"mailbox\":\"C/D\"}\n",
    b"{\"verb\":\"subscribe\",\"account\":\"a\",\"names\":[\"B\",\"~b/c\"]}\n{\"verb\":\"account settings\",\"account\":\"a\"}\n{\"verb\":\"space\",\"account\":\"a\"}\n{\"verb\":\"kick\",\"whom\":\"IMAP-00001\"}\n{\"verb\":\"account remove\",\"account\":\"a\"}\n",
    b"{\"verb\":\"certificate set\",\"account\":\"a\",\"certificate\":\"-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n\"}\n{\"verb\":\"certificate show\",\"account\":\"a\"}\n{\"verb\":\"certificate set\",\"account\":\"a\",\"certificate\":null}\n",
    b"{\"verb\":\"restore name\",\"account\":\"a\",\"mailbox\":\"E\",\"annotations\":2,\"was\":[1,7,9],\"use\":[\"\\\\Junk\"],\"class\":\"IPF.Note\",\"acl\":[[\"joe\",\"lrs\"],[\"-anyone\",\"w\"]]}\n{\"entry\":\"/private/comment\",\"user\":\"a\",\"size\":1}\nx{\"entry\":\"/shared/comment\",\"size\":2}\nyz",
    b"{\"verb\":\"restore account\",\"account\":\"a\",\"annotations\":0,\"quota\":[1,null,0],\"show_non_mail\":true,\"certificate\":\"MIIB\"}\n{\"verb\":\"restore account\",\"account\":\"a\",\"aliases\":[[\"x\",\"~b/c\"]]}\n{\"verb\":\"restore account\",\"account\":\"a\",\"subscriptions\":[\"B\",\"E\"]}\n",
];

/// The verbs are those of the table in the source: one that comes is missed here.
#[test]
fn every_verb_has_a_seed() {
    let source = std::fs::read_to_string("src/admin/verbs.rs").unwrap();
    let rows = source.lines().filter_map(|line| line.strip_prefix("            \"")?.split_once("\" => "));
    let verbs: Vec<&str> =
        rows.map(|(verb, _)| verb).filter(|verb| !["stop", "reload", "backup"].contains(verb)).collect();
    let requests: String = REQUESTS.iter().map(|request| String::from_utf8_lossy(request)).collect();
    assert!(verbs.len() > 25, "{verbs:?}");
    let missing: Vec<_> = verbs.iter().filter(|verb| !requests.contains(&format!("\"verb\":\"{verb}\""))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Inputs that one store sees: of those that are mutated many make accounts of their own.
const TOGETHER: u32 = 2000;

fn start(directory: &Path) -> Control {
    Control::start(directory, Arc::new(Manager::new(Store::memory(), Default::default())), Arc::default()).unwrap()
}

#[test]
fn control_socket() {
    let directory = tempfile::tempdir().unwrap();
    let running = Mutex::new((start(directory.path()), 0));
    let panicked = panicked_in(&["admin"]);
    fuzz("control socket", owned(REQUESTS), move |input| {
        let (control, seen) = &mut *running.lock().unwrap();
        let mut stream = UnixStream::connect(directory.path().join("control")).unwrap();
        // Longer than the machine stands still.
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        // It may be closed at the first line that is none.
        let _ = stream.write_all(input);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
        assert!(!panicked.load(Ordering::Relaxed), "{:?}", String::from_utf8_lossy(input));
        *seen += 1;
        if *seen % TOGETHER == 0 {
            control.stop();
            *control = start(directory.path());
        }
    });
}

//! The configuration at its door.

use std::time::Duration;

use super::*;

/// The file that must work as it stands.
const WHOLE: &str = "\
[Server]
Data Directory = /var/lib/gatepost
Run Directory = /run/gatepost
User = gatepost
Host Name = mail.example.com
[IMAP]
Maximum Channels = 1000
Send Running Every = 15s
Log Level = Problems
Sync = optimized
[Listener imap]
Address = 127.0.0.1:1143, [::1]:1143
TLS = starttls
[Listener imaps]
Address = 127.0.0.1:1993
TLS = implicit
[TLS]
Certificate = /etc/gatepost/cert.pem
Private Key = /etc/gatepost/key.pem
[Auth]
Passwd File = /etc/gatepost/passwd
Cleartext Login = yes
";

fn errors(text: &str) -> Vec<String> {
    Config::parse("g.ini", text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_whole_file() {
    let config = Config::parse("x.ini", WHOLE).unwrap();
    assert_eq!(config.listeners.len(), 2);
    assert_eq!(config.listeners[0].addresses, ["127.0.0.1:1143".parse().unwrap(), "[::1]:1143".parse().unwrap()]);
    assert_eq!(config.listeners[1].tls, TlsMode::Implicit);
    assert_eq!(config.listeners[1].line, 14);
    assert!(config.cleartext_login && !config.sync_always);
    assert_eq!(config.running_every, Duration::from_secs(15));
    assert_eq!(config.host_name, "mail.example.com");
    assert_eq!(config.tls_certificate.unwrap(), std::path::Path::new("/etc/gatepost/cert.pem"));
    let shouted = WHOLE.to_uppercase();
    assert_eq!(Config::parse("x.ini", &shouted).unwrap().channels_max, 1000);
}

#[test]
fn nothing_is_needed() {
    let config = Config::parse("x.ini", "").unwrap();
    assert_eq!((config.channels_max, config.commands_before_login_max), (1000, 100));
    assert_eq!(config.idle_timeout, Duration::from_secs(1800));
    assert_eq!(config.message_bytes_max, 256 << 20);
    assert_eq!(config.tls_version_min, TlsVersion::V1_2);
    assert_eq!(config.levels.net, Level::Problems);
    assert_eq!((config.tls_certificate, config.tls_private_key), (None, None));
}

#[test]
fn every_key_has_a_good_default_and_is_honoured() {
    Config::parse("x.ini", "").unwrap();
    let asked = typed::asked::all();
    for key in KEYS {
        let sound = key.default.is_empty() || value::parse(key.kind, key.default).is_ok();
        assert!(sound, "[{}] {}: bad default", key.section, key.name);
        assert!(key.meaning.ends_with('.'), "[{}] {}: its meaning is no sentence", key.section, key.name);
        let honoured =
            ["Listener", "Domain", "Mask"].contains(&key.section) || asked.contains(&(key.section, key.name));
        assert!(honoured, "[{}] {}: nobody asks for it", key.section, key.name);
        let is_read_anew = key.applies == Applies::AtReload || !["Domain", "Mask"].contains(&key.section);
        assert!(is_read_anew, "[{}] {}: nobody compares it", key.section, key.name);
    }
}

#[test]
fn what_waits_for_the_next_start_is_known() {
    let config = |text: &str| Config::parse("x.ini", text).unwrap();
    let changed = |before: &str, now: &str| config(before).at_next_start(&config(now));
    let none: [&str; 0] = [];
    assert_eq!(changed("", "[IMAP]\nSync = optimized\nIdle Timeout = 1h\n[Domain x]\nStorage Quota = 1G\n"), none);
    assert_eq!(changed("", "[IMAP]\nSync = always\nWrite Timeout = 2m\n"), ["Sync", "Write Timeout"]);
    assert_eq!(changed("[Server]\nUser = a\n", "[Server]\nUser = b\n"), ["User"]);
    let listener = |of: &str| format!("[Listener x]\nAddress = 127.0.0.1:1\n{of}");
    assert_eq!(changed(&listener(""), &listener("TLS = never\n")), ["[Listener NAME]"]);
    assert_eq!(changed(&listener(""), &listener("TLS = starttls\n")), none);
}

#[test]
fn the_sample_says_the_defaults() {
    let config = Config::parse("sample", &sample()).unwrap();
    let defaults = Config::parse("sample", "").unwrap();
    assert_eq!(
        format!(
            "{:?}",
            Config {
                lines: Vec::new(),
                values: Default::default(),
                listeners: Vec::new(),
                domains: Vec::new(),
                masks: Vec::new(),
                ..config
            }
        ),
        format!("{defaults:?}")
    );
    for key in KEYS {
        assert!(sample().contains(&format!("\n; {}\n", key.meaning)), "{}", key.name);
    }
}

#[test]
fn errors_name_the_line_and_the_remedy() {
    let text = "\
Host Name = x
[IMAP]
Maxmum Channels = 5
Log Level = Loud
sync = always
Sync = always
no equals sign
Certificate = /x
Colour = blue
[Imapp]
Anything = goes
[listener x]
TLS=no
[Listener]
Address = 127.0.0.1:1
[Listner y]
[Listener z]
Adress = 127.0.0.1:1
Address = 127.0.0.1:1, localhost:5
Maximum Message Size = 1M
[TLS]
Certificate = /x
[Auth]
Cache Time = 5
[IMAP]
Sync = optimized
Idle Timeout = Never
";
    let want = [
        "g.ini:1: 'Host Name' stands before the first [Section]",
        "g.ini:3: unknown key 'Maxmum Channels' in [IMAP]; did you mean 'Maximum Channels'?",
        "g.ini:4: Log Level = Loud: expected one of: Crashes Only, Failures, Major & Failures, Problems, Low-Level, All Info",
        "g.ini:6: 'Sync' is set twice in [IMAP], before in line 5",
        "g.ini:7: expected [Section], Key = Value, or a comment behind ;",
        "g.ini:8: unknown key 'Certificate' in [IMAP]; it belongs in [TLS]",
        "g.ini:9: unknown key 'Colour' in [IMAP]",
        "g.ini:10: unknown section [Imapp]; did you mean [IMAP]?",
        "g.ini:12: [Listener x] has no Address",
        "g.ini:13: TLS = no: expected one of: starttls, implicit, never",
        "g.ini:14: a listener needs a name: [Listener NAME]",
        "g.ini:16: unknown section [Listner y]; did you mean [Listener NAME]?",
        "g.ini:18: unknown key 'Adress' in [Listener z]; did you mean 'Address'?",
        "g.ini:19: Address = 127.0.0.1:1, localhost:5: 'localhost:5' is no address; expected HOST:PORT or [HOST]:PORT in numbers",
        "g.ini:20: unknown key 'Maximum Message Size' in [Listener z]; it belongs in [IMAP]",
        "g.ini:22: [TLS] has a Certificate but no Private Key",
        "g.ini:24: Cache Time = 5: expected a duration from 1s to 30d, or Never",
        "g.ini:26: 'Sync' is set twice in [IMAP], before in line 5",
        "g.ini:27: Idle Timeout = Never: expected a duration from 1s to 30d",
    ];
    assert_eq!(errors(text), want);
}

#[test]
fn an_address_has_one_listener() {
    let text = "[Listener a]\nAddress = 127.0.0.1:1\n[Listener b]\nTLS = never\nAddress = [::1]:1, 127.0.0.1:1\n";
    assert_eq!(errors(text), ["g.ini:5: 127.0.0.1:1 is an Address of [Listener a] already"]);
    assert!(
        Config::parse("g.ini", &text.replace(":1,", ":0,").replace(":1\n", ":0\n")).is_ok(),
        "any port is many ports"
    );
}

#[test]
fn a_missing_file_is_named() {
    let error = Config::load(std::path::Path::new("/no/such/gatepost.ini")).unwrap_err();
    assert_eq!(error[0].to_string(), "/no/such/gatepost.ini: No such file or directory (os error 2)");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("latin1.ini");
    std::fs::write(&path, b"[Server]\nHost Name = b\xfccher\n").unwrap();
    assert!(Config::load(&path).unwrap_err()[0].to_string().ends_with("latin1.ini:2: not UTF-8"));
}

#[test]
fn keys_have_their_places() {
    let config = Config::parse("g.ini", &format!("{WHOLE}[Domain Example.com]\nStorage Quota = 1G\n")).unwrap();
    assert_eq!(config.place("TLS", "Private Key"), "g.ini:19");
    assert_eq!(config.place("Domain example.com", "Storage Quota"), "g.ini:24");
    assert_eq!(config.place("Server", "Log To"), "g.ini");
}

/// Whatever the text, it is read or refused, and each refusal names a line that there is.
#[test]
fn any_text_is_read_or_refused() {
    let mut random = fastrand::Rng::with_seed(7);
    let text = WHOLE.as_bytes();
    for _ in 0..2_000 {
        let mut changed = text.to_vec();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..changed.len());
            match random.u8(..3) {
                0 => changed[at] = random.u8(..),
                1 => drop(changed.drain(at..(at + 9).min(changed.len()))),
                _ => changed.insert(at, *random.choice(b"[]=\n;: 0").unwrap()),
            }
        }
        let changed = String::from_utf8_lossy(&changed);
        for error in Config::parse("g.ini", &changed).err().unwrap_or_default() {
            assert!((1..=changed.lines().count()).contains(&error.line), "{error}");
        }
    }
}

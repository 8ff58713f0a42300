//! The settings, typed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::ConfigError;
use super::file;
use super::table::{self, KEYS, Key};
use super::value::{self, Value};

/// What is logged, by CommuniGate Pro's names; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    CrashesOnly,
    Failures,
    MajorAndFailures,
    Problems,
    LowLevel,
    AllInfo,
}

impl Level {
    pub const NAMES: [&'static str; 6] =
        ["Crashes Only", "Failures", "Major & Failures", "Problems", "Low-Level", "All Info"];
    const ALL: [Level; 6] = [
        Level::CrashesOnly,
        Level::Failures,
        Level::MajorAndFailures,
        Level::Problems,
        Level::LowLevel,
        Level::AllInfo,
    ];

    pub fn from_name(name: &str) -> Option<Level> {
        let at = Level::NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        Level::ALL.get(at).copied()
    }

    pub fn name(self) -> &'static str {
        Level::NAMES[self as usize]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    pub imap: Level,
    pub store: Level,
    pub auth: Level,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    Never,
    StartTls,
    Implicit,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub name: String,
    pub addresses: Vec<SocketAddr>,
    pub tls: TlsMode,
    pub line: usize,
}

/// Every setting of the daemon. Durations of zero stand for Never.
#[derive(Clone, Debug)]
pub struct Config {
    pub file: String,
    pub data_directory: PathBuf,
    pub run_directory: PathBuf,
    pub user: String,
    pub host_name: String,
    pub log_to: String,
    pub channels_max: usize,
    pub channels_per_address_max: usize,
    pub running_every: Duration,
    pub levels: Levels,
    pub sync_always: bool,
    pub idle_timeout: Duration,
    pub login_timeout: Duration,
    pub write_timeout: Duration,
    pub message_bytes_max: u64,
    pub line_bytes_max: usize,
    pub literal_memory_max: u64,
    pub literals_max: usize,
    pub bad_commands_max: u32,
    pub mailboxes_max: usize,
    pub store_cache_bytes: u64,
    pub summary_cache_bytes: u64,
    pub listeners: Vec<Listener>,
    pub tls_certificate: Option<PathBuf>,
    pub tls_private_key: Option<PathBuf>,
    pub tls_handshake_timeout: Duration,
    pub passwd_file: PathBuf,
    pub cleartext_login: bool,
    pub failed_logins_max: u32,
    pub failed_login_window: Duration,
    pub failed_login_delay: Duration,
    pub auth_cache_time: Duration,
}

impl Config {
    pub fn load(path: &Path) -> Result<Config, Vec<ConfigError>> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Config::parse(&file, &text),
            Err(error) => Err(vec![ConfigError { file, line: 0, reason: error.to_string() }]),
        }
    }

    /// Settings from the text of a file; all that is wrong with it, if anything is.
    pub fn parse(file: &str, text: &str) -> Result<Config, Vec<ConfigError>> {
        let mut reader = Reader { file, values: Vec::new(), listeners: Vec::new(), errors: Vec::new() };
        reader.read(text);
        let config = reader.config();
        if reader.errors.is_empty() { Ok(config) } else { Err(reader.errors) }
    }
}

struct Reader<'a> {
    file: &'a str,
    values: Vec<(&'static Key, Value)>,
    listeners: Vec<Listener>,
    errors: Vec<ConfigError>,
}

impl Reader<'_> {
    fn wrong(&mut self, line: usize, reason: String) {
        self.errors.push(ConfigError { file: self.file.to_string(), line, reason });
    }

    fn read(&mut self, text: &str) {
        for (line, name) in file::sections(text) {
            self.section(line, &name);
        }
        match file::read(self.file, text) {
            Ok(entries) => {
                let mut seen: Vec<(String, String)> = Vec::new();
                for entry in entries {
                    let id = (entry.section.to_ascii_lowercase(), entry.key.to_ascii_lowercase());
                    match seen.contains(&id) {
                        true => {
                            self.wrong(entry.line, format!("'{}' is set twice in [{}]", entry.key, entry.section))
                        }
                        false => self.entry(&entry),
                    }
                    seen.push(id);
                }
            }
            Err(error) => self.errors.push(error),
        }
        for listener in self.listeners.clone().iter().filter(|listener| listener.addresses.is_empty()) {
            self.wrong(listener.line, format!("[Listener {}] has no Address", listener.name));
        }
        self.errors.sort_by_key(|error| error.line);
    }

    fn section(&mut self, line: usize, name: &str) {
        if let Some(listener) = listener_name(name) {
            if !self.listeners.iter().any(|known| known.name.eq_ignore_ascii_case(listener)) {
                let (addresses, tls) = (Vec::new(), TlsMode::StartTls);
                self.listeners.push(Listener { name: listener.to_string(), addresses, tls, line });
            }
        } else if !KEYS.iter().any(|key| key.section.eq_ignore_ascii_case(name) && key.section != "Listener") {
            let known = KEYS.iter().map(|key| key.section);
            let hint = nearest(name, known).map_or(String::new(), |near| match near {
                "Listener" => "; did you mean [Listener NAME]?".to_string(),
                near => format!("; did you mean [{near}]?"),
            });
            self.wrong(line, format!("unknown section [{name}]{hint}"));
        }
    }

    fn entry(&mut self, entry: &file::Entry) {
        let listener = listener_name(&entry.section);
        let section = if listener.is_some() { "Listener" } else { &entry.section };
        let known = KEYS.iter().any(|key| key.section.eq_ignore_ascii_case(section));
        let Some(key) = table::find(section, &entry.key) else {
            if entry.section.is_empty() {
                self.wrong(entry.line, format!("'{}' stands before the first [Section]", entry.key));
            } else if known {
                let names = KEYS.iter().filter(|key| key.section.eq_ignore_ascii_case(section)).map(|key| key.name);
                let hint =
                    nearest(&entry.key, names).map_or(String::new(), |near| format!("; did you mean '{near}'?"));
                self.wrong(entry.line, format!("unknown key '{}' in [{}]{hint}", entry.key, entry.section));
            }
            return;
        };
        match value::parse(key.kind, &entry.value) {
            Err(expected) => self.wrong(entry.line, format!("{} = {}: {expected}", key.name, entry.value)),
            Ok(value) => match listener {
                Some(name) => self.listener(name, value),
                None => self.values.push((key, value)),
            },
        }
    }

    fn listener(&mut self, name: &str, value: Value) {
        let Some(listener) = self.listeners.iter_mut().find(|known| known.name.eq_ignore_ascii_case(name)) else {
            return;
        };
        match value {
            Value::Addresses(addresses) => listener.addresses = addresses,
            Value::Choice("implicit") => listener.tls = TlsMode::Implicit,
            Value::Choice("never") => listener.tls = TlsMode::Never,
            _ => listener.tls = TlsMode::StartTls,
        }
    }

    /// The value of a key: the file's, or the table's default.
    fn get(&mut self, section: &str, name: &str) -> Option<Value> {
        let key = table::find(section, name)?;
        let set = self.values.iter().find(|(known, _)| std::ptr::eq(*known, key)).map(|(_, value)| value.clone());
        // A default that does not parse would be found by the tests.
        set.or_else(|| value::parse(key.kind, key.default).ok())
    }

    fn path(&mut self, section: &str, name: &str) -> Option<PathBuf> {
        match self.get(section, name) {
            Some(Value::Path(path)) => Some(path),
            _ => None,
        }
    }

    fn text(&mut self, section: &str, name: &str) -> String {
        match self.get(section, name) {
            Some(Value::Text(text)) => text,
            _ => String::new(),
        }
    }

    fn number(&mut self, section: &str, name: &str) -> u64 {
        match self.get(section, name) {
            Some(Value::Number(n)) => n,
            _ => 0,
        }
    }

    fn duration(&mut self, section: &str, name: &str) -> Duration {
        match self.get(section, name) {
            Some(Value::Duration(duration)) => duration,
            _ => Duration::ZERO,
        }
    }

    fn level(&mut self, section: &str) -> Level {
        match self.get(section, "Log Level") {
            Some(Value::Level(level)) => level,
            _ => Level::Problems,
        }
    }

    fn config(&mut self) -> Config {
        Config {
            file: self.file.to_string(),
            data_directory: self.path("Server", "Data Directory").unwrap_or_default(),
            run_directory: self.path("Server", "Run Directory").unwrap_or_default(),
            user: self.text("Server", "User"),
            host_name: self.text("Server", "Host Name"),
            log_to: self.text("Server", "Log To"),
            channels_max: self.number("IMAP", "Maximum Channels") as usize,
            channels_per_address_max: self.number("IMAP", "Maximum Channels per Address") as usize,
            running_every: self.duration("IMAP", "Send Running Every"),
            levels: Levels { imap: self.level("IMAP"), store: self.level("Store"), auth: self.level("Auth") },
            sync_always: self.get("IMAP", "Sync") == Some(Value::Choice("always")),
            idle_timeout: self.duration("IMAP", "Idle Timeout"),
            login_timeout: self.duration("IMAP", "Login Timeout"),
            write_timeout: self.duration("IMAP", "Write Timeout"),
            message_bytes_max: self.number("IMAP", "Maximum Message Size").min(u32::MAX.into()),
            line_bytes_max: self.number("IMAP", "Maximum Line Length") as usize,
            literal_memory_max: self.number("IMAP", "Literal Memory"),
            literals_max: self.number("IMAP", "Maximum Literals") as usize,
            bad_commands_max: self.number("IMAP", "Maximum Bad Commands") as u32,
            mailboxes_max: self.number("IMAP", "Maximum Mailboxes") as usize,
            store_cache_bytes: self.number("Store", "Cache Size"),
            summary_cache_bytes: self.number("Store", "Summary Cache Size"),
            listeners: self.listeners.clone(),
            tls_certificate: self.path("TLS", "Certificate"),
            tls_private_key: self.path("TLS", "Private Key"),
            tls_handshake_timeout: self.duration("TLS", "Handshake Timeout"),
            passwd_file: self.path("Auth", "Passwd File").unwrap_or_default(),
            cleartext_login: self.get("Auth", "Cleartext Login") == Some(Value::Bool(true)),
            failed_logins_max: self.number("Auth", "Maximum Failed Logins") as u32,
            failed_login_window: self.duration("Auth", "Failed Login Window"),
            failed_login_delay: self.duration("Auth", "Failed Login Delay"),
            auth_cache_time: self.duration("Auth", "Cache Time"),
        }
    }
}

fn listener_name(section: &str) -> Option<&str> {
    let (word, name) = section.split_once(char::is_whitespace)?;
    word.eq_ignore_ascii_case("Listener").then(|| name.trim())
}

/// The known name that is most like `name`, where one is alike at all.
fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let best = known.map(|known| (distance(&name, &known.to_ascii_lowercase()), known)).min_by_key(|(d, _)| *d)?;
    (best.0 <= name.len().max(3) / 3 + 1).then_some(best.1)
}

/// Letters to change, add or remove from one to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let change = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUE: &str = "[Server]\nData Directory = /var/lib/gatepost\nRun Directory = /run/gatepost\nUser = gatepost\n\
        Host Name = mail.example.com\n[IMAP]\nMaximum Channels = 1000\nSend Running Every = 15s\nLog Level = Problems\n\
        Sync = optimized\n[Listener imap]\nAddress = 127.0.0.1:1143, [::1]:1143\nTLS = starttls\n[Listener imaps]\n\
        Address = 127.0.0.1:1993\nTLS = implicit\n[TLS]\nCertificate = /etc/gatepost/cert.pem\n\
        Private Key = /etc/gatepost/key.pem\n[Auth]\nPasswd File = /etc/gatepost/passwd\nCleartext Login = yes\n";

    #[test]
    fn a_whole_file() {
        let config = Config::parse("x.ini", ISSUE).unwrap();
        assert_eq!(config.listeners.len(), 2);
        assert_eq!(config.listeners[1].tls, TlsMode::Implicit);
        assert_eq!(config.listeners[0].addresses.len(), 2);
        assert!(config.cleartext_login && !config.sync_always);
        assert_eq!(config.running_every, Duration::from_secs(15));
        assert_eq!(config.host_name, "mail.example.com");
    }

    #[test]
    fn defaults_are_good() {
        for key in KEYS.iter().filter(|key| !key.default.is_empty()) {
            assert!(value::parse(key.kind, key.default).is_ok(), "{}", key.name);
        }
        let sample = table::sample();
        assert!(Config::parse("sample", &sample).is_ok(), "{:?}", Config::parse("sample", &sample).err());
    }

    #[test]
    fn errors_name_the_line_and_the_remedy() {
        let text = "[IMAP]\nMaxmum Channels = 5\nLog Level = Loud\nsync = always\nSync = always\n[Imapp]\n\n[listener x]\nTLS=no\n";
        let errors: Vec<String> = Config::parse("g.ini", text).unwrap_err().iter().map(ToString::to_string).collect();
        let want = [
            "g.ini:2: unknown key 'Maxmum Channels' in [IMAP]; did you mean 'Maximum Channels'?",
            "g.ini:3: Log Level = Loud: expected one of: Crashes Only, Failures, Major & Failures, Problems, Low-Level, All Info",
            "g.ini:5: 'Sync' is set twice in [IMAP]",
            "g.ini:6: unknown section [Imapp]; did you mean [IMAP]?",
            "g.ini:8: [Listener x] has no Address",
            "g.ini:9: TLS = no: expected one of: starttls, implicit, never",
        ];
        assert_eq!(errors, want);
    }
}

//! Values under their keys, and the settings made of them.

use std::path::PathBuf;
use std::time::Duration;

use super::level::{Level, Levels};
use super::reader::Sections;
use super::settings::{Config, QuotaLimits, TlsVersion};
use super::table::{self, Key};
use super::value::{self, Value};
use crate::types::Utf8;

/// What the file has set.
#[derive(Clone, Debug, Default)]
pub(super) struct Values(Vec<(&'static Key, Value)>);

impl Values {
    pub(super) fn set(&mut self, key: &'static Key, value: Value) {
        self.0.push((key, value));
    }

    /// The value of a key: the file's, or the table's default. `None` for a key that has neither.
    ///
    /// What is asked for stands in the table, in the type that is asked for, and each default parses: the tests build
    /// a `Config` of nothing and of everything. So the getters below have no other case to report.
    fn get(&self, section: &str, name: &str) -> Option<Value> {
        let key = table::find(section, name);
        debug_assert!(key.is_some(), "no key '{name}' in [{section}]");
        let key = key?;
        #[cfg(test)]
        asked::note(key);
        let set = self.0.iter().find(|(known, _)| std::ptr::eq(*known, key)).map(|(_, value)| value.clone());
        set.or_else(|| value::parse(key.kind, key.default).ok())
    }

    /// Whether a key has another value in `now`.
    pub(super) fn differs(&self, now: &Values, key: &Key) -> bool {
        self.get(key.section, key.name) != now.get(key.section, key.name)
    }

    fn optional_path(&self, section: &str, name: &str) -> Option<PathBuf> {
        match self.get(section, name) {
            Some(Value::Path(path)) => Some(path),
            _ => None,
        }
    }

    fn path(&self, section: &str, name: &str) -> PathBuf {
        self.optional_path(section, name).unwrap_or_default()
    }

    fn text(&self, section: &str, name: &str) -> String {
        match self.get(section, name) {
            Some(Value::Text(text)) => text,
            _ => mistyped(section, name),
        }
    }

    fn optional_text(&self, section: &str, name: &str) -> Option<String> {
        match self.get(section, name) {
            Some(Value::Text(text)) => Some(text).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// Words with commas between, in small letters; none where none are set.
    fn names(&self, section: &str, name: &str) -> Vec<String> {
        match self.get(section, name) {
            Some(Value::Text(text)) => text.split(',').map(|name| name.trim().to_lowercase()).collect(),
            _ => Vec::new(),
        }
    }

    fn number(&self, section: &str, name: &str) -> u64 {
        match self.get(section, name) {
            Some(Value::Number(n)) => n,
            _ => mistyped(section, name),
        }
    }

    /// The table keeps every number that is used as one of these in its bounds.
    fn count(&self, section: &str, name: &str) -> u32 {
        self.number(section, name).try_into().unwrap_or(u32::MAX)
    }

    fn duration(&self, section: &str, name: &str) -> Duration {
        match self.get(section, name) {
            Some(Value::Duration(duration)) => duration,
            _ => mistyped(section, name),
        }
    }

    fn bool(&self, section: &str, name: &str) -> bool {
        match self.get(section, name) {
            Some(Value::Bool(value)) => value,
            _ => mistyped(section, name),
        }
    }

    fn choice(&self, section: &str, name: &str) -> String {
        match self.get(section, name) {
            Some(Value::Choice(chosen)) => chosen.to_string(),
            _ => mistyped(section, name),
        }
    }

    fn is(&self, section: &str, name: &str, choice: &str) -> bool {
        match self.get(section, name) {
            Some(Value::Choice(chosen)) => chosen == choice,
            _ => mistyped(section, name),
        }
    }

    fn level(&self, section: &str) -> Level {
        match self.get(section, "Log Level") {
            Some(Value::Level(level)) => level,
            _ => Level::Problems,
        }
    }

    fn levels(&self) -> Levels {
        Levels {
            imap: self.level("IMAP"),
            store: self.level("Store"),
            auth: self.level("Auth"),
            net: self.level("Net"),
            admin: self.level("Admin"),
        }
    }

    pub(super) fn config(&self, file: &str, lines: Vec<(String, &'static str, usize)>, sections: Sections) -> Config {
        let Sections { listeners, domains, routes, masks } = sections;
        let version_1_3 = self.is("TLS", "Minimum Version", "1.3");
        Config {
            values: self.clone(),
            file: file.to_string(),
            lines,
            data_directory: self.path("Server", "Data Directory"),
            run_directory: self.path("Server", "Run Directory"),
            user: self.text("Server", "User"),
            host_name: self.text("Server", "Host Name"),
            administrator_contact: self.optional_text("Server", "Administrator Contact"),
            log_to: self.text("Server", "Log To"),
            channels_max: self.count("IMAP", "Maximum Channels") as usize,
            channels_per_address_max: self.count("IMAP", "Maximum Channels per Address") as usize,
            running_every: self.duration("IMAP", "Send Running Every"),
            levels: self.levels(),
            sync_always: self.is("IMAP", "Sync", "always"),
            idle_timeout: self.duration("IMAP", "Idle Timeout"),
            login_timeout: self.duration("IMAP", "Login Timeout"),
            write_timeout: self.duration("IMAP", "Write Timeout"),
            message_bytes_max: self.number("IMAP", "Maximum Message Size"),
            line_bytes_max: self.count("IMAP", "Maximum Line Length") as usize,
            literal_memory_max: self.number("IMAP", "Literal Memory"),
            literals_max: self.count("IMAP", "Maximum Literals") as usize,
            literals_small: self.is("IMAP", "Non-Synchronizing Literals", "small"),
            urlmech_in_the_clear: self.is("IMAP", "Tell URL Mechanisms", "always"),
            utf8: match self.choice("IMAP", "UTF-8").as_str() {
                "only" => Utf8::Only,
                "strict" => Utf8::Strict,
                "off" => Utf8::Off,
                _ => Utf8::Accept,
            },
            message_limit: self.count("IMAP", "Message Limit"),
            save_limit: self.count("IMAP", "Save Limit"),
            watched_mailboxes_max: self.count("IMAP", "Maximum Watched Mailboxes") as usize,
            bad_commands_max: self.count("IMAP", "Maximum Bad Commands"),
            commands_before_login_max: self.count("IMAP", "Maximum Commands before Login"),
            mailboxes_max: self.count("IMAP", "Maximum Mailboxes") as usize,
            keywords_max: self.count("IMAP", "Maximum Keywords") as usize,
            language: self.choice("Server", "Language"),
            search_contexts_max: self.count("IMAP", "Maximum Search Contexts") as usize,
            searched_mailboxes_max: self.count("IMAP", "Maximum Searched Mailboxes") as usize,
            show_non_mail: self.bool("IMAP", "Show Non-Mail Mailboxes"),
            annotation_bytes_max: self.number("Metadata", "Maximum Value Size"),
            annotations_max: self.count("Metadata", "Maximum Entries") as usize,
            annotations_total_bytes_max: self.number("Metadata", "Maximum Total Size"),
            store_cache_bytes: self.number("Store", "Cache Size"),
            summary_cache_bytes: self.number("Store", "Summary Cache Size"),
            free_bytes_min: self.number("Store", "Minimum Free Space"),
            compresses: self.is("Store", "Compression", "lz4"),
            keep_expunged: self.duration("Store", "Keep Expunged"),
            quota: QuotaLimits {
                storage_bytes: Some(self.number("Quota", "Storage")),
                messages: Some(self.number("Quota", "Messages")),
                mailboxes: Some(self.number("Quota", "Mailboxes")),
            },
            quota_counts_expunged: self.bool("Quota", "Count Expunged"),
            domains,
            routes,
            masks,
            listeners,
            tls_certificate: self.optional_path("TLS", "Certificate"),
            tls_private_key: self.optional_path("TLS", "Private Key"),
            tls_version_min: if version_1_3 { TlsVersion::V1_3 } else { TlsVersion::V1_2 },
            tls_handshake_timeout: self.duration("TLS", "Handshake Timeout"),
            passwd_file: self.path("Auth", "Passwd File"),
            groups_file: self.optional_path("Auth", "Groups File"),
            administrators: self.names("Auth", "Administrators"),
            submission_servers: self.names("Auth", "Submission Servers"),
            cleartext_login: self.bool("Auth", "Cleartext Login"),
            failed_logins_max: self.count("Auth", "Maximum Failed Logins"),
            failed_login_window: self.duration("Auth", "Failed Login Window"),
            failed_login_delay: self.duration("Auth", "Failed Login Delay"),
            auth_cache_time: self.duration("Auth", "Cache Time"),
        }
    }
}

/// A mistake in this file or in the table, which any test finds.
fn mistyped<T: Default>(section: &str, name: &str) -> T {
    debug_assert!(false, "[{section}] '{name}' is asked for in another type than the table's, or has no default");
    T::default()
}

/// Which keys a `Config` is made of, so that none can stand in the table without being honoured.
#[cfg(test)]
pub(super) mod asked {
    use std::cell::RefCell;

    use super::Key;

    thread_local! {
        static KEYS: RefCell<Vec<(&'static str, &'static str)>> = const { RefCell::new(Vec::new()) };
    }

    pub(super) fn note(key: &'static Key) {
        KEYS.with_borrow_mut(|keys| keys.push((key.section, key.name)));
    }

    pub(in super::super) fn all() -> Vec<(&'static str, &'static str)> {
        KEYS.with_borrow(Vec::clone)
    }
}

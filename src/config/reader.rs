//! From lines to settings: what the lines say is looked up in the table.

use std::net::IpAddr;

use super::error::ConfigError;
use super::file::{self, Line};
use super::nearest::nearest;
use super::settings::{Config, Domain, Listener, Mask, Route, TlsMode};
use super::table::{self, KEYS, Key};
use super::typed::Values;
use super::value::{self, Value};

pub(super) fn read(file: &str, text: &str) -> Result<Config, Vec<ConfigError>> {
    let (errors, values) = (Vec::new(), Values::default());
    let sections = Sections::default();
    let mut reader = Reader { file, section: Section::None, seen: Vec::new(), values, sections, errors };
    for (line, said) in file::read(text) {
        reader.line(line, said);
    }
    reader.check_listeners();
    reader.check_tls();
    reader.check_domains();
    reader.check_masks();
    let lines = reader.seen.iter().map(|(section, key, line)| (reader.section_name(section), *key, *line)).collect();
    let Reader { values, sections, mut errors, .. } = reader;
    errors.sort_by_key(|error| error.line);
    if errors.is_empty() { Ok(values.config(file, lines, sections)) } else { Err(errors) }
}

/// What stands in sections of which there are many, or whose keys are not in the table.
#[derive(Default)]
pub(super) struct Sections {
    pub(super) listeners: Vec<Listener>,
    pub(super) domains: Vec<Domain>,
    pub(super) routes: Vec<Route>,
    pub(super) masks: Vec<Mask>,
}

/// The section that a line stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Section {
    /// Before the first.
    None,
    /// Said to be unknown already; what stands in it is passed over.
    Unknown,
    Known(&'static str),
    /// Its place among the listeners.
    Listener(usize),
    /// Its place among the domains.
    Domain(usize),
    /// Its place among the masks.
    Mask(usize),
    Router,
}

struct Reader<'a> {
    file: &'a str,
    section: Section,
    /// The keys that have been set, each with its line.
    seen: Vec<(Section, &'static str, usize)>,
    values: Values,
    sections: Sections,
    errors: Vec<ConfigError>,
}

/// The sections of the table, in its order.
fn table_sections() -> impl Iterator<Item = &'static str> {
    let tabled = KEYS.chunk_by(|a, b| a.section == b.section).filter_map(|keys| keys.first()).map(|key| key.section);
    tabled.chain([table::ROUTER])
}

impl Reader<'_> {
    fn wrong(&mut self, line: usize, reason: String) {
        self.errors.push(ConfigError { file: self.file.to_string(), line, reason });
    }

    fn line(&mut self, line: usize, said: Line) {
        match said {
            Line::Section(name) => self.section = self.enter(line, &name),
            Line::Entry { key, value } => self.entry(line, &key, &value),
            Line::Malformed => self.wrong(line, "expected [Section], Key = Value, or a comment behind ;".into()),
        }
    }

    fn enter(&mut self, line: usize, name: &str) -> Section {
        let (first, rest) = name.split_once(' ').unwrap_or((name, ""));
        if first.eq_ignore_ascii_case(table::LISTENER) {
            return self.enter_listener(line, rest);
        }
        if first.eq_ignore_ascii_case(table::DOMAIN) {
            return self.enter_domain(line, rest);
        }
        if first.eq_ignore_ascii_case(table::MASK) {
            return self.enter_mask(line, rest);
        }
        if name.eq_ignore_ascii_case(table::ROUTER) {
            return Section::Router;
        }
        if let Some(known) = table_sections().find(|known| known.eq_ignore_ascii_case(name)) {
            return Section::Known(known);
        }
        let hint = match nearest(first, table_sections()) {
            Some(table::LISTENER) => "; did you mean [Listener NAME]?".to_string(),
            Some(table::DOMAIN) => "; did you mean [Domain NAME]?".to_string(),
            Some(table::MASK) => "; did you mean [Mask NAME]?".to_string(),
            _ => nearest(name, table_sections()).map_or(String::new(), |near| format!("; did you mean [{near}]?")),
        };
        self.wrong(line, format!("unknown section [{name}]{hint}"));
        Section::Unknown
    }

    fn enter_listener(&mut self, line: usize, name: &str) -> Section {
        if name.is_empty() {
            self.wrong(line, "a listener needs a name: [Listener NAME]".into());
            return Section::Unknown;
        }
        let known = self.sections.listeners.iter().position(|listener| listener.name.eq_ignore_ascii_case(name));
        Section::Listener(known.unwrap_or_else(|| {
            let (addresses, tls) = (Vec::new(), TlsMode::StartTls);
            self.sections.listeners.push(Listener { name: name.to_string(), addresses, tls, line });
            self.sections.listeners.len() - 1
        }))
    }

    fn enter_domain(&mut self, line: usize, name: &str) -> Section {
        if name.is_empty() {
            self.wrong(line, "a domain needs its name: [Domain NAME]".into());
            return Section::Unknown;
        }
        let name = name.to_lowercase();
        let known = self.sections.domains.iter().position(|domain| domain.name == name);
        Section::Domain(known.unwrap_or_else(|| {
            self.sections.domains.push(Domain::new(name));
            self.sections.domains.len() - 1
        }))
    }

    fn enter_mask(&mut self, line: usize, name: &str) -> Section {
        if name.is_empty() {
            self.wrong(line, "a mask needs a name: [Mask NAME]".into());
            return Section::Unknown;
        }
        let masks = &mut self.sections.masks;
        let known = masks.iter().position(|mask| mask.name.eq_ignore_ascii_case(name));
        Section::Mask(known.unwrap_or_else(|| {
            masks.push(Mask { name: name.to_string(), line, ..Mask::default() });
            masks.len() - 1
        }))
    }

    /// As it is shown in messages.
    fn section_name(&self, section: &Section) -> String {
        match section {
            Section::Known(name) => name.to_string(),
            Section::Listener(at) => self
                .sections
                .listeners
                .get(*at)
                .map_or(String::new(), |listener| format!("Listener {}", listener.name)),
            Section::Domain(at) => {
                self.sections.domains.get(*at).map_or(String::new(), |domain| format!("Domain {}", domain.name))
            }
            Section::Mask(at) => {
                self.sections.masks.get(*at).map_or(String::new(), |mask| format!("Mask {}", mask.name))
            }
            Section::Router => table::ROUTER.to_string(),
            Section::None | Section::Unknown => String::new(),
        }
    }

    fn entry(&mut self, line: usize, name: &str, text: &str) {
        let section = match self.section {
            Section::Unknown => return,
            Section::None => return self.wrong(line, format!("'{name}' stands before the first [Section]")),
            Section::Known(section) => section,
            Section::Listener(_) => table::LISTENER,
            Section::Domain(_) => table::DOMAIN,
            Section::Mask(_) => table::MASK,
            Section::Router => return self.route(line, name, text),
        };
        let Some(key) = table::find(section, name) else { return self.unknown_key(line, section, name) };
        let before = self.seen.iter().find(|(section, known, _)| *section == self.section && *known == key.name);
        if let Some((_, _, before)) = before {
            let reason = format!(
                "'{}' is set twice in [{}], before in line {before}",
                key.name,
                self.section_name(&self.section)
            );
            return self.wrong(line, reason);
        }
        self.seen.push((self.section.clone(), key.name, line));
        match value::parse(key.kind, text) {
            Err(expected) => self.wrong(line, format!("{} = {text}: {expected}", key.name)),
            Ok(value) => self.set(key, value),
        }
    }

    fn set(&mut self, key: &'static Key, value: Value) {
        let at = match self.section {
            Section::Listener(at) => at,
            Section::Domain(at) => return self.set_domain(at, key, value),
            Section::Mask(at) => return self.set_mask(at, key, value),
            _ => return self.values.set(key, value),
        };
        let Some(listener) = self.sections.listeners.get_mut(at) else { return };
        match value {
            Value::Addresses(addresses) => listener.addresses = addresses,
            Value::Choice("implicit") => listener.tls = TlsMode::Implicit,
            Value::Choice("never") => listener.tls = TlsMode::Never,
            _ => listener.tls = TlsMode::StartTls,
        }
    }

    fn set_domain(&mut self, at: usize, key: &'static Key, value: Value) {
        let Some(domain) = self.sections.domains.get_mut(at) else { return };
        match (key.name, value) {
            ("Storage Quota", Value::Number(number)) => domain.quota.storage_bytes = Some(number),
            ("Message Quota", Value::Number(number)) => domain.quota.messages = Some(number),
            ("Mailbox Quota", Value::Number(number)) => domain.quota.mailboxes = Some(number),
            ("Show Non-Mail Mailboxes", Value::Bool(shown)) => domain.show_non_mail = Some(shown),
            ("Address", Value::Hosts(addresses)) => domain.addresses = addresses,
            ("Certificate", Value::Path(path)) => domain.tls_certificate = Some(path),
            ("Private Key", Value::Path(path)) => domain.tls_private_key = Some(path),
            ("Cleartext Login", Value::Bool(value)) => domain.cleartext_login = Some(value),
            _ => debug_assert!(false, "nothing is made of '{}' in [Domain]", key.name),
        }
    }

    fn set_mask(&mut self, at: usize, key: &'static Key, value: Value) {
        let (Some(mask), Value::Text(text)) = (self.sections.masks.get_mut(at), value) else { return };
        let words = text.split(',').map(|word| word.trim().to_lowercase()).filter(|word| !word.is_empty()).collect();
        match key.name {
            "Client" => mask.clients = words,
            "Account" => mask.accounts = words,
            _ => mask.capabilities = words,
        }
    }

    /// The rows are judged by the router.
    fn route(&mut self, line: usize, pattern: &str, target: &str) {
        let before = self.sections.routes.iter().find(|route| route.pattern.eq_ignore_ascii_case(pattern));
        if let Some(before) = before {
            let reason = format!("'{pattern}' is routed twice, before in line {}", before.line);
            return self.wrong(line, reason);
        }
        self.sections.routes.push(Route { line, pattern: pattern.to_string(), target: target.to_string() });
    }

    fn unknown_key(&mut self, line: usize, section: &str, name: &str) {
        // What a domain may have for itself is most often meant for all.
        let named = KEYS.iter().filter(|key| key.name.eq_ignore_ascii_case(name));
        let elsewhere = named.min_by_key(|key| key.section == table::DOMAIN).map(|key| match key.section {
            table::LISTENER => "; it belongs in [Listener NAME]".to_string(),
            table::DOMAIN => "; it belongs in [Domain NAME]".to_string(),
            table::MASK => "; it belongs in [Mask NAME]".to_string(),
            section => format!("; it belongs in [{section}]"),
        });
        let names = KEYS.iter().filter(|key| key.section == section).map(|key| key.name);
        let near = || nearest(name, names).map(|near| format!("; did you mean '{near}'?"));
        let hint = elsewhere.or_else(near).unwrap_or_default();
        self.wrong(line, format!("unknown key '{name}' in [{}]{hint}", self.section_name(&self.section)));
    }

    fn line_of(&self, section: &Section, name: &str) -> Option<usize> {
        self.seen.iter().find(|(known, key, _)| known == section && *key == name).map(|(_, _, line)| *line)
    }

    fn check_listeners(&mut self) {
        let mut taken = Vec::new();
        for (at, listener) in self.sections.listeners.clone().into_iter().enumerate() {
            let Some(line) = self.line_of(&Section::Listener(at), "Address") else {
                self.wrong(listener.line, format!("[Listener {}] has no Address", listener.name));
                continue;
            };
            for address in listener.addresses {
                // Of port 0 the kernel gives another one each time.
                match taken.iter().find(|(known, _)| *known == address && address.port() != 0) {
                    Some((_, by)) => self.wrong(line, format!("{address} is an Address of [Listener {by}] already")),
                    None => taken.push((address, listener.name.clone())),
                }
            }
        }
    }

    fn check_domains(&mut self) {
        let mut taken: Vec<(IpAddr, String)> = Vec::new();
        for (at, domain) in self.sections.domains.clone().into_iter().enumerate() {
            let of = |name| self.line_of(&Section::Domain(at), name);
            let (address, certificate, key) = (of("Address"), of("Certificate"), of("Private Key"));
            match (certificate, key) {
                (Some(line), None) => self.wrong(line, format!("[Domain {}] has no Private Key", domain.name)),
                (None, Some(line)) => self.wrong(line, format!("[Domain {}] has no Certificate", domain.name)),
                _ => {}
            }
            for (address, line) in domain.addresses.iter().zip(address.into_iter().cycle()) {
                if !self.listens_at(*address) {
                    let reason = format!("[Domain {}]: no [Listener NAME] has an Address {address}", domain.name);
                    self.wrong(line, reason);
                }
                match taken.iter().find(|(known, _)| known == address) {
                    Some((_, by)) => self.wrong(line, format!("{address} is an Address of [Domain {by}] already")),
                    None => taken.push((*address, domain.name.clone())),
                }
            }
        }
    }

    fn listens_at(&self, address: IpAddr) -> bool {
        let mut listened = self.sections.listeners.iter().flat_map(|listener| &listener.addresses);
        listened.any(|at| at.ip() == address || (at.ip().is_unspecified() && at.ip().is_ipv4() == address.is_ipv4()))
    }

    fn check_masks(&mut self) {
        for mask in self.sections.masks.clone() {
            if mask.capabilities.is_empty() {
                self.wrong(mask.line, format!("[Mask {}] has no Capabilities", mask.name));
            }
        }
    }

    fn check_tls(&mut self) {
        let of = |name| self.line_of(&Section::Known("TLS"), name);
        match (of("Certificate"), of("Private Key")) {
            (Some(line), None) => self.wrong(line, "[TLS] has a Certificate but no Private Key".into()),
            (None, Some(line)) => self.wrong(line, "[TLS] has a Private Key but no Certificate".into()),
            _ => {}
        }
    }
}

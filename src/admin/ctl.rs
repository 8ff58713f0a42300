//! `gatepostctl`.
//!
//! What needs the store goes to the daemon over its control socket; where no daemon runs, the tool opens the store and
//! answers itself, with the same code. Accounts are lines of the passwd file, which the daemon notices.

mod backup;
mod import;
mod route;

use std::io::{self, BufRead, IsTerminal, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use lexopt::prelude::*;
use serde_json::{Value, json};

use super::control::{serve, socket_path};
use super::verbs::{EX_CONFIG, EX_IOERR, EX_NOPERM, EX_NOUSER, EX_SOFTWARE, EX_UNAVAILABLE, EX_USAGE, Failed, Verbs};
use super::wire::{Reader, Wire};
use super::{mail_source, mailbox_limits, mailbox_policy, progress, quota_policy, store_options, table, who};
use crate::auth::{EditError, Passwd, edit, hash};
use crate::config::{Config, ConfigError, duration_from};
use crate::mailbox::Manager;
use crate::store::{Store, StoreError};
use crate::sys;
use crate::types::AccountName;

const USAGE: &str = "usage: gatepostctl [-c file] [--json] verb ...
  account add NAME | passwd NAME | list | remove NAME
  account certificate NAME [FILE | --remove]
  account settings NAME [--show-non-mail CHOICE]
  mailbox list ACCOUNT | create [--class CLASS] ACCOUNT MAILBOX | rename ACCOUNT MAILBOX NEW | remove ACCOUNT MAILBOX
  mailbox class ACCOUNT MAILBOX [CLASS]
  import --account NAME [--mailbox MAILBOX] FILE.mbox|MAILDIR
  export --account NAME [--mailbox MAILBOX] FILE.mbox
  undelete --account NAME [--mailbox MAILBOX] [--since WHEN]
  backup DIRECTORY
  restore [--account NAME [--mailbox MAILBOX]] DIRECTORY
  space [--account NAME]
  alert post account NAME TEXT
  alert post domain NAME TEXT
  alert post server TEXT
  alert list | remove NUMBER
  alias add ACCOUNT ALIAS MAILBOX | remove ACCOUNT ALIAS | list ACCOUNT
  quota show NAME | recount NAME
  quota set NAME [--storage LIMIT] [--messages LIMIT] [--mailboxes LIMIT]
  route ADDRESS
  who [--account NAME] [--address IP] [--status TEXT] [--connected TIME] [--running TIME]
  kick ACCOUNT|SESSION | reload | stop
  check [--account NAME] [--repair]
  certificate [--host NAME] CERTIFICATE KEY";

struct Tool {
    config_path: PathBuf,
    json: bool,
    words: Vec<String>,
    account: Option<String>,
    mailbox: Option<String>,
    class: Option<String>,
    show_non_mail: Option<String>,
    since: Option<String>,
    /// What `who` is to show alone: key and text.
    only: Vec<(&'static str, String)>,
    /// Resource and limit.
    limits: Vec<(&'static str, String)>,
    host: String,
    repair: bool,
    remove: bool,
}

pub fn main() -> ExitCode {
    let done = arguments().and_then(|tool| tool.run());
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("gatepostctl: {}", failed.text);
            ExitCode::from(failed.exit)
        }
    }
}

fn usage(text: impl std::fmt::Display) -> Failed {
    Failed::new(EX_USAGE, format!("{text}\n{USAGE}"))
}

fn arguments() -> Result<Tool, Failed> {
    let mut tool = Tool {
        config_path: "/etc/gatepost/gatepost.ini".into(),
        json: false,
        words: Vec::new(),
        account: None,
        mailbox: None,
        class: None,
        show_non_mail: None,
        since: None,
        only: Vec::new(),
        limits: Vec::new(),
        host: "localhost".into(),
        repair: false,
        remove: false,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next().map_err(usage)? {
        let text = |value: Result<std::ffi::OsString, lexopt::Error>| value.and_then(|v| v.string()).map_err(usage);
        match argument {
            Short('c') => tool.config_path = parser.value().map_err(usage)?.into(),
            Long("json") => tool.json = true,
            Long("account") => tool.account = Some(text(parser.value())?),
            Long("mailbox") => tool.mailbox = Some(text(parser.value())?),
            Long("class") => tool.class = Some(text(parser.value())?),
            Long("show-non-mail") => tool.show_non_mail = Some(text(parser.value())?),
            Long("storage") => tool.limits.push(("storage", text(parser.value())?)),
            Long("messages") => tool.limits.push(("messages", text(parser.value())?)),
            Long("mailboxes") => tool.limits.push(("mailboxes", text(parser.value())?)),
            Long("address") => tool.only.push(("address", text(parser.value())?)),
            Long("status") => tool.only.push(("status", text(parser.value())?)),
            Long("connected") => tool.only.push(("connected", text(parser.value())?)),
            Long("running") => tool.only.push(("running", text(parser.value())?)),
            Long("since") => tool.since = Some(text(parser.value())?),
            Long("host") => tool.host = text(parser.value())?,
            Long("repair") => tool.repair = true,
            Long("remove") => tool.remove = true,
            Short('h') | Long("help") => {
                println!("{USAGE}");
                std::process::exit(0);
            }
            Short('V') | Long("version") => {
                println!("gatepostctl {}", env!("CARGO_PKG_VERSION"));
                std::process::exit(0);
            }
            Value(word) => tool.words.push(word.string().map_err(usage)?),
            other => return Err(usage(other.unexpected())),
        }
    }
    Ok(tool)
}

impl Tool {
    fn run(&self) -> Result<(), Failed> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["account", "add", name] => self.account_add(name),
            ["account", "passwd", name] => self.account_passwd(name),
            ["account", "list"] => self.account_list(),
            ["account", "remove", name] => self.account_remove(name),
            ["account", "certificate", name] => self.account_certificate(name),
            ["account", "certificate", name, file] => self.account_certificate_set(name, Path::new(file)),
            ["mailbox", "list", account] => self.ask_table(
                json!({ "verb": "mailbox list", "account": account }),
                &["mailbox", "messages", "unseen", "bytes", "use", "class"],
            ),
            ["mailbox", "create", account, name] => {
                self.known(account)?;
                let class = &self.class;
                let request =
                    json!({ "verb": "mailbox create", "account": account, "mailbox": name, "class": class });
                self.ask_quiet(request)
            }
            ["mailbox", "class", account, name] => self.mailbox_class(account, name, None),
            ["mailbox", "class", account, name, class] => self.mailbox_class(account, name, Some(class)),
            ["account", "settings", account] => self.account_settings(account),
            ["mailbox", "rename", account, name, to] => {
                self.ask_quiet(json!({ "verb": "mailbox rename", "account": account, "mailbox": name, "to": to }))
            }
            ["mailbox", "remove", account, name] => {
                self.ask_quiet(json!({ "verb": "mailbox remove", "account": account, "mailbox": name }))
            }
            ["import", path] => self.import(Path::new(path)),
            ["export", path] => self.export(Path::new(path)),
            ["backup", directory] => self.backup(Path::new(directory)),
            ["restore", directory] => self.restore(Path::new(directory)),
            ["space"] => self.space(),
            ["alert", "post", "account", account, text] => {
                self.known(account)?;
                self.ask_quiet(json!({ "verb": "alert post", "account": account, "text": text }))
            }
            ["alert", "post", "domain", name, text] => {
                self.ask_quiet(json!({ "verb": "alert post", "scope": "domain", "name": name, "text": text }))
            }
            ["alert", "post", "server", text] => {
                self.ask_quiet(json!({ "verb": "alert post", "scope": "server", "text": text }))
            }
            ["alert", "list"] => self.ask_table(json!({ "verb": "alert list" }), &["alert", "for", "text"]),
            ["alert", "remove", number] => {
                let number: u64 = number.parse().map_err(|_| usage(format!("'{number}' is no alert's number")))?;
                self.ask_quiet(json!({ "verb": "alert remove", "alert": number }))
            }
            ["alias", "add", account, alias, name] => {
                self.known(account)?;
                let request = json!({ "verb": "alias add", "account": account, "alias": alias, "mailbox": name });
                self.ask_quiet(request)
            }
            ["alias", "remove", account, alias] => {
                self.ask_quiet(json!({ "verb": "alias remove", "account": account, "alias": alias }))
            }
            ["alias", "list", account] => {
                self.ask_table(json!({ "verb": "alias list", "account": account }), &["alias", "mailbox"])
            }
            ["quota", "show", account] => self.quota("quota show", account, json!({})),
            ["quota", "recount", account] => self.quota("quota recount", account, json!({})),
            ["quota", "set", account] => self.quota_set(account),
            ["route", address] => self.route(address),
            ["undelete"] => self.undelete(),
            ["who"] => self.who(),
            ["kick", whom] => self.ask_quiet(json!({ "verb": "kick", "whom": whom })),
            ["reload"] => self.ask_quiet(json!({ "verb": "reload" })),
            ["stop"] => self.ask_quiet(json!({ "verb": "stop" })),
            ["check"] => self.check(),
            ["certificate", certificate, key] => self.certificate(Path::new(certificate), Path::new(key)),
            [] => Err(usage("a verb is missing")),
            other => Err(usage(format!("'{}' is not understood", other.join(" ")))),
        }
    }

    fn config(&self) -> Result<Config, Failed> {
        Config::load(&self.config_path).map_err(|errors| config_failed(&errors))
    }

    // Accounts.

    fn account_add(&self, name: &str) -> Result<(), Failed> {
        let (name, config) = (account_name(name)?, self.config()?);
        let hash = hash(&new_password()?).ok_or_else(|| Failed::new(EX_SOFTWARE, "the password cannot be hashed"))?;
        edit::add(&config.passwd_file, &name, &hash).map_err(|error| edit_failed(&config.passwd_file, &name, error))
    }

    fn account_passwd(&self, name: &str) -> Result<(), Failed> {
        let (name, config) = (account_name(name)?, self.config()?);
        let hash = hash(&new_password()?).ok_or_else(|| Failed::new(EX_SOFTWARE, "the password cannot be hashed"))?;
        let changed = edit::set_password(&config.passwd_file, &name, &hash);
        changed.map_err(|error| edit_failed(&config.passwd_file, &name, error))
    }

    fn account_list(&self) -> Result<(), Failed> {
        let config = self.config()?;
        let passwd = Passwd::load(&config.passwd_file).map_err(|error| Failed::new(EX_CONFIG, error.to_string()))?;
        let rows: Vec<Value> = passwd.names().map(|name| json!({ "account": name.as_str() })).collect();
        self.show(&["account"], &rows, &json!({}))
    }

    fn account_certificate(&self, name: &str) -> Result<(), Failed> {
        let name = account_name(name)?;
        if self.remove {
            return self.ask_quiet(json!({ "verb": "certificate set", "account": name.as_str() }));
        }
        self.ask_table(
            json!({ "verb": "certificate show", "account": name.as_str() }),
            &["subject", "issuer", "from", "to", "key", "usable", "sha256"],
        )
    }

    fn mailbox_class(&self, account: &str, name: &str, class: Option<&str>) -> Result<(), Failed> {
        let request = json!({ "verb": "mailbox class", "account": account, "mailbox": name, "class": class });
        match class {
            Some(_) => self.ask_quiet(request),
            None => self.ask_table(request, &["mailbox", "class"]),
        }
    }

    fn account_settings(&self, account: &str) -> Result<(), Failed> {
        self.known(account)?;
        let mut request = json!({ "verb": "account settings", "account": account });
        match self.show_non_mail.as_deref() {
            None => {}
            Some("yes") => request["show_non_mail"] = json!(true),
            Some("no") => request["show_non_mail"] = json!(false),
            Some("default") => request["show_non_mail"] = Value::Null,
            Some(other) => return Err(usage(format!("--show-non-mail '{other}': yes, no or default"))),
        }
        self.ask_table(request, &["setting", "own", "in force"])
    }

    /// PEM or DER: the daemon is given base64, and judges.
    fn account_certificate_set(&self, name: &str, file: &Path) -> Result<(), Failed> {
        use base64::Engine;
        self.known(name)?;
        let failed = |text: String| Failed::new(super::verbs::EX_DATAERR, format!("{}: {text}", file.display()));
        let octets =
            std::fs::read(file).map_err(|error| Failed::new(EX_IOERR, format!("{}: {error}", file.display())))?;
        let der = crate::smime::decode(&octets).map_err(|unusable| failed(unusable.to_string()))?;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        let request = json!({ "verb": "certificate set", "account": name, "certificate": text });
        self.ask_quiet(request).map_err(|error| failed(error.text))
    }

    /// The line first: nobody logs in while the mail goes.
    fn account_remove(&self, name: &str) -> Result<(), Failed> {
        let (name, config) = (account_name(name)?, self.config()?);
        edit::remove(&config.passwd_file, &name).map_err(|error| edit_failed(&config.passwd_file, &name, error))?;
        self.ask_quiet(json!({ "verb": "account remove", "account": name.as_str() }))
    }

    /// An error unless the account stands in the passwd file: a slip of the fingers makes no account.
    fn known(&self, name: &str) -> Result<(), Failed> {
        let (name, config) = (account_name(name)?, self.config()?);
        let passwd = Passwd::load(&config.passwd_file).map_err(|error| Failed::new(EX_CONFIG, error.to_string()))?;
        match passwd.names().any(|known| *known == name) {
            true => Ok(()),
            false => Err(edit_failed(&config.passwd_file, &name, EditError::NoSuchAccount)),
        }
    }

    fn who(&self) -> Result<(), Failed> {
        let mut request = json!({ "verb": "who", "account": self.account });
        for (key, text) in &self.only {
            request[*key] = match *key {
                "connected" | "running" => {
                    let time =
                        duration_from(text).ok_or_else(|| usage(format!("'{text}' is no time: 90s, 5m, 2h")))?;
                    json!(time.as_secs())
                }
                _ => json!(text),
            };
        }
        let (rows, ok) = self.ask(&request, "")?;
        match self.json {
            true => self.show(&[], &rows, &ok),
            false => Ok(io::stdout().lock().write_all(who::render(&rows).as_bytes())?),
        }
    }

    // Requests.

    /// The daemon's control socket; `None` where no daemon runs.
    fn daemon(config: &Config) -> Result<Option<Wire>, Failed> {
        let path = socket_path(&config.run_directory);
        match UnixStream::connect(&path) {
            Ok(stream) => Ok(Some(Wire::new(stream)?)),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(None),
                io::ErrorKind::PermissionDenied => {
                    let text = format!("{}: {error}: root and '{}' may", path.display(), config.user);
                    Err(Failed::new(EX_NOPERM, text))
                }
                _ => Err(Failed::new(EX_IOERR, format!("{}: {error}", path.display()))),
            },
        }
    }

    /// To the daemon, or for what needs only the store to this process's own answers where no daemon runs.
    fn connect(&self, verb: &str) -> Result<Wire, Failed> {
        let config = self.config()?;
        if let Some(wire) = Tool::daemon(&config)? {
            return Ok(wire);
        }
        if ["who", "kick", "reload", "stop"].contains(&verb) {
            return Err(Failed::new(EX_UNAVAILABLE, "no gatepostd is running here"));
        }
        let store = self.local_store(&config)?;
        let manager = Manager::new(store, mailbox_limits(&config));
        manager.load_alerts()?;
        manager.set_quota_policy(quota_policy(&config));
        manager.set_mailbox_policy(mailbox_policy(&config));
        let verbs = Verbs { manager: Arc::new(manager), registry: None };
        let (ours, theirs) = UnixStream::pair()?;
        std::thread::spawn(move || serve(theirs, &verbs));
        Ok(Wire::new(ours)?)
    }

    /// The store itself, where no daemon has it.
    fn local_store(&self, config: &Config) -> Result<Store, Failed> {
        let directory = config.data_directory.join("store");
        own_directories(config, &directory)?;
        Store::open(&directory, &store_options(config)).map_err(|error| match error {
            StoreError::InUse { .. } => {
                let socket = socket_path(&config.run_directory);
                Failed::new(
                    EX_UNAVAILABLE,
                    format!("{error}, or gatepostd's control socket {} cannot be used", socket.display()),
                )
            }
            error => Failed::new(EX_IOERR, format!("{}: {error}", config.data_directory.display())),
        })
    }

    /// Sends a request and gathers its rows; progress goes to a bar.
    fn ask(&self, request: &Value, what: &'static str) -> Result<(Vec<Value>, Value), Failed> {
        let mut wire = self.connect(request["verb"].as_str().unwrap_or(""))?;
        wire.send(request)?;
        wire.flush()?;
        let bar = progress::bar(what, 0);
        let mut rows = Vec::new();
        loop {
            let answer = next_answer(&mut wire.reader)?;
            if let Some(n) = answer["progress"].as_u64() {
                bar.set_position(n);
            } else if let Some(row) = answer.get("row") {
                rows.push(row.clone());
            } else if let Some(ok) = answer.get("ok") {
                bar.finish_and_clear();
                return Ok((rows, ok.clone()));
            }
        }
    }

    fn ask_quiet(&self, request: Value) -> Result<(), Failed> {
        let (_, ok) = self.ask(&request, "")?;
        if self.json {
            println!("{ok}");
        }
        Ok(())
    }

    fn ask_table(&self, request: Value, columns: &[&str]) -> Result<(), Failed> {
        let (rows, ok) = self.ask(&request, "")?;
        self.show(columns, &rows, &ok)
    }

    fn show(&self, columns: &[&str], rows: &[Value], ok: &Value) -> Result<(), Failed> {
        let mut out = io::stdout().lock();
        match self.json {
            true => writeln!(out, "{}", json!({ "rows": rows, "result": ok }))?,
            false => out.write_all(table::render(columns, rows).as_bytes())?,
        }
        Ok(())
    }

    fn space(&self) -> Result<(), Failed> {
        let (rows, ok) = self.ask(&json!({ "verb": "space", "account": self.account }), "accounts")?;
        let columns = ["account", "mailboxes", "messages", "bytes", "kept_messages", "kept_bytes", "stored_bytes"];
        self.show(&columns, &rows, &ok)?;
        if !self.json {
            println!("the store takes {} bytes on the disk", ok["disk_bytes"]);
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Failed> {
        let request = json!({ "verb": "check", "account": self.account, "repair": self.repair });
        let (rows, ok) = self.ask(&request, "messages checked")?;
        self.show(&["account", "mailbox", "finding", "repaired"], &rows, &ok)?;
        if !self.json {
            println!(
                "{} accounts, {} mailboxes, {} messages, {} bytes: {} findings",
                ok["accounts"], ok["mailboxes"], ok["messages"], ok["bytes"], ok["findings"]
            );
        }
        match rows.iter().any(|row| row["repaired"] != json!(true)) {
            true => Err(Failed::new(super::verbs::EX_DATAERR, "the store is not as it should be")),
            false => Ok(()),
        }
    }

    // Mail.

    fn account_option(&self) -> Result<&str, Failed> {
        self.account.as_deref().ok_or_else(|| usage("--account NAME is missing"))
    }

    fn mailbox(&self) -> &str {
        self.mailbox.as_deref().unwrap_or("INBOX")
    }

    fn quota(&self, verb: &str, account: &str, limits: Value) -> Result<(), Failed> {
        let request = json!({ "verb": verb, "account": account, "limits": limits });
        self.ask_table(request, &["resource", "used", "limit", "percent"])
    }

    /// A number, `2G` for octets, `unlimited`, or `default` for what the domain or the server says.
    fn quota_set(&self, account: &str) -> Result<(), Failed> {
        self.known(account)?;
        if self.limits.is_empty() {
            return Err(usage("--storage, --messages or --mailboxes is missing"));
        }
        let mut limits = serde_json::Map::new();
        for (resource, text) in &self.limits {
            let number = match *resource {
                "storage" => crate::config::size_from(text),
                _ => text.parse().ok(),
            };
            let limit = match text.as_str() {
                "default" => Value::Null,
                "unlimited" => json!(0),
                text => json!(number.filter(|n| *n > 0).ok_or_else(|| {
                    usage(format!("--{resource} '{text}': a number, or 2G for octets, 'unlimited', or 'default'"))
                })?),
            };
            limits.insert(resource.to_string(), limit);
        }
        self.quota("quota set", account, Value::Object(limits))
    }

    fn undelete(&self) -> Result<(), Failed> {
        let since = self.since.as_deref().map(since_secs).transpose()?;
        let (account, mailbox) = (self.account_option()?, &self.mailbox);
        let request = json!({ "verb": "undelete", "account": account, "mailbox": mailbox, "since": since });
        let (_, ok) = self.ask(&request, "")?;
        match self.json {
            true => println!("{ok}"),
            false => {
                for name in ok["mailboxes"].as_array().into_iter().flatten() {
                    println!("mailbox {} is back", name.as_str().unwrap_or(""));
                }
                println!("{} messages are back", ok["messages"]);
            }
        }
        Ok(())
    }

    fn import(&self, path: &Path) -> Result<(), Failed> {
        let account = self.account_option()?;
        self.known(account)?;
        let failed = |error: io::Error| Failed::new(EX_IOERR, format!("{}: {error}", path.display()));
        let (mails, bytes) = mail_source::open(path).map_err(failed)?;
        let mut wire = self.connect("import")?;
        wire.send(&json!({ "verb": "import", "account": account, "mailbox": self.mailbox() }))?;
        let bar = progress::bar("import", bytes.max(1));
        let ok = import::send_all(&mut wire, mails, &path.display().to_string(), &bar)?;
        bar.finish_and_clear();
        match self.json {
            true => println!("{ok}"),
            false => println!("{} messages imported into {} of {account}", ok["messages"], self.mailbox()),
        }
        Ok(())
    }

    fn export(&self, path: &Path) -> Result<(), Failed> {
        let account = self.account_option()?;
        let failed = |error: io::Error| Failed::new(EX_IOERR, format!("{}: {error}", path.display()));
        // Made before the tool becomes the daemon's user, who may have no right to make it.
        let file = std::fs::File::create(path).map_err(failed)?;
        let mut wire = self.connect("export")?;
        wire.send(&json!({ "verb": "export", "account": account, "mailbox": self.mailbox() }))?;
        wire.flush()?;
        let mut answer = next_answer(&mut wire.reader)?;
        let mut out = io::BufWriter::new(file);
        let bar = progress::bar("messages", 0);
        loop {
            if let Some(ok) = answer.get("ok") {
                out.flush().map_err(failed)?;
                bar.finish_and_clear();
                if self.json {
                    println!("{ok}");
                }
                return Ok(());
            }
            let head = &answer["message"];
            let octets = wire.octets(head["size"].as_u64().unwrap_or(0))?;
            write_mbox(&mut out, head, &octets).map_err(failed)?;
            bar.inc(1);
            answer = next_answer(&mut wire.reader)?;
        }
    }

    fn certificate(&self, certificate: &Path, key: &Path) -> Result<(), Failed> {
        let failed = |error: rcgen::Error| Failed::new(EX_SOFTWARE, error.to_string());
        let mut wanted = rcgen::CertificateParams::new(vec![self.host.clone()]).map_err(failed)?;
        wanted.distinguished_name = rcgen::DistinguishedName::new();
        wanted.distinguished_name.push(rcgen::DnType::CommonName, self.host.as_str());
        let pair = rcgen::KeyPair::generate().map_err(failed)?;
        let made = wanted.self_signed(&pair).map_err(failed)?;
        write_new(key, 0o600, &pair.serialize_pem())?;
        write_new(certificate, 0o644, &made.pem())
    }
}

/// What root makes here must be the daemon's: from here on the tool is the configured user.
fn own_directories(config: &Config, store: &Path) -> Result<(), Failed> {
    use std::os::unix::fs::DirBuilderExt;
    let failed = |error: io::Error| Failed::new(EX_IOERR, format!("{}: {error}", store.display()));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(store).map_err(failed)?;
    if sys::is_root() && config.user != "root" {
        let owned = sys::become_user(&config.user, &[&config.data_directory, store]);
        owned.map_err(|error| Failed::new(EX_CONFIG, format!("{}: User = {}: {error}", config.file, config.user)))?;
    }
    Ok(())
}

/// The next line of an answer; an error of the other end is this end's.
fn next_answer(reader: &mut Reader) -> Result<Value, Failed> {
    let gone = || Failed::new(EX_UNAVAILABLE, "gatepostd ended before it answered; its log says why");
    let answer = reader.receive()?.ok_or_else(gone)?;
    match answer["error"].as_str() {
        Some(text) => Err(Failed::new(answer["exit"].as_u64().unwrap_or(u64::from(EX_SOFTWARE)) as u8, text)),
        None => Ok(answer),
    }
}

fn config_failed(errors: &[ConfigError]) -> Failed {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Failed::new(EX_CONFIG, lines.join("\ngatepostctl: "))
}

fn account_name(name: &str) -> Result<AccountName, Failed> {
    let wrong = || Failed::new(super::verbs::EX_DATAERR, format!("'{name}' is no account name: user or user@domain"));
    AccountName::new(name).ok_or_else(wrong)
}

fn edit_failed(path: &Path, name: &AccountName, error: EditError) -> Failed {
    match error {
        EditError::NoSuchAccount => Failed::new(EX_NOUSER, format!("{name}: {error}")),
        EditError::Exists => Failed::new(super::verbs::EX_CANTCREAT, format!("{name}: {error}")),
        error => Failed::new(EX_IOERR, format!("{}: {error}", path.display())),
    }
}

/// `2026-11-23`, `2026-11-23 14:05` in the local zone, or `3h`: so long ago.
fn since_secs(text: &str) -> Result<i64, Failed> {
    use chrono::{Local, NaiveDate, NaiveDateTime, TimeZone};
    let day = |text| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|day| day.and_hms_opt(0, 0, 0));
    let minute = |text| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").ok();
    let moment = day(text).or_else(|| minute(text)).and_then(|at| Local.from_local_datetime(&at).earliest());
    let ago = || crate::config::duration_from(text).map(|ago| sys::now_secs() - ago.as_secs() as i64);
    moment.map(|at| at.timestamp()).or_else(ago).ok_or_else(|| {
        let text = format!("'{text}' is no time: 2026-11-23, '2026-11-23 14:05', or 3h for three hours ago");
        Failed::new(EX_USAGE, text)
    })
}

/// Asked twice on a terminal, one line of standard input elsewhere.
fn new_password() -> Result<Vec<u8>, Failed> {
    let password = match io::stdin().is_terminal() {
        true => {
            let first = rpassword::prompt_password("Password: ")?;
            if rpassword::prompt_password("Again: ")? != first {
                return Err(Failed::new(super::verbs::EX_DATAERR, "the two passwords differ"));
            }
            first
        }
        false => {
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line)?;
            line.trim_end_matches(['\r', '\n']).to_string()
        }
    };
    match password.is_empty() {
        true => Err(Failed::new(super::verbs::EX_DATAERR, "the password is empty")),
        false => Ok(password.into_bytes()),
    }
}

/// One message of a mbox (mboxrd), with LF line ends as other tools expect.
fn write_mbox(out: &mut impl Write, head: &Value, octets: &[u8]) -> io::Result<()> {
    let date = chrono::DateTime::from_timestamp(head["secs"].as_i64().unwrap_or(0), 0).unwrap_or_default();
    writeln!(out, "From gatepost {}", date.format("%a %b %e %H:%M:%S %Y"))?;
    for line in octets.split_inclusive(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line));
        let quoted = line.iter().position(|b| *b != b'>').unwrap_or(0);
        if line[quoted..].starts_with(b"From ") {
            out.write_all(b">")?;
        }
        out.write_all(line)?;
        out.write_all(b"\n")?;
    }
    out.write_all(b"\n")
}

/// Never in the place of another file: that may be the real key.
fn write_new(path: &Path, mode: u32, text: &str) -> Result<(), Failed> {
    use std::os::unix::fs::OpenOptionsExt;
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failed::new(super::verbs::EX_CANTCREAT, format!("{}: exists already; remove it first", path.display()))
        }
        _ => Failed::new(EX_IOERR, format!("{}: {error}", path.display())),
    })
}

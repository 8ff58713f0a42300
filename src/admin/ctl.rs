//! `gatepostctl`.
//!
//! What needs the store goes to the daemon over its control socket; where no daemon runs, the tool opens the store and
//! answers itself, with the same code. Accounts are lines of the passwd file, which the daemon notices.

mod accounts;
mod arguments;
mod backup;
mod certificate;
mod check;
mod import;
mod known;
mod mail;
mod output;
mod requests;
mod restore;
mod route;

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use self::arguments::{Tool, arguments, usage};
use self::backup::UNREAD;
use self::output::{print, say};
use super::failed::{EX_CONFIG, EX_DATAERR, Failed};
use super::{table, who};
use crate::config::{Config, ConfigError, duration_from};
use crate::types::Counted;

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

    fn mailbox_class(&self, account: &str, name: &str, class: Option<&str>) -> Result<(), Failed> {
        let request = json!({ "verb": "mailbox class", "account": account, "mailbox": name, "class": class });
        match class {
            Some(_) => self.ask_quiet(request),
            None => self.ask_table(request, &["mailbox", "class"]),
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
            false => print(&who::render(&rows)),
        }
    }

    fn space(&self) -> Result<(), Failed> {
        let (rows, ok) = self.ask(&json!({ "verb": "space", "account": self.account }), "accounts")?;
        let columns = ["account", "mailboxes", "messages", "bytes", "kept_messages", "kept_bytes", "stored_bytes"];
        self.show(&columns, &rows, &ok)?;
        if !self.json {
            say(format_args!("the store takes {} on the disk", counted(&ok["disk_bytes"], "byte")))?;
        }
        let unread = ok["unread"].as_array().map_or(&[][..], Vec::as_slice);
        if !self.json {
            print(&table::render(&UNREAD, unread))?;
        }
        match unread.len() {
            0 => Ok(()),
            n => Err(Failed::new(
                EX_DATAERR,
                format!(
                    "what is listed last ({n}) cannot be read and is not in the numbers; gatepostctl check says more"
                ),
            )),
        }
    }

    fn check(&self) -> Result<(), Failed> {
        let request = json!({ "verb": "check", "account": self.account, "repair": self.repair });
        let (rows, ok) = self.ask(&request, "messages checked")?;
        self.show(&["account", "mailbox", "finding", "repaired"], &rows, &ok)?;
        if !self.json {
            say(format_args!(
                "{}, {}, {}, {}: {}",
                counted(&ok["accounts"], "account"),
                counted(&ok["mailboxes"], "mailbox"),
                counted(&ok["messages"], "message"),
                counted(&ok["bytes"], "byte"),
                counted(&ok["findings"], "finding"),
            ))?;
        }
        check::verdict(&rows, &ok, self.repair)
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
}

/// A number of an answer, in a sentence.
fn counted(number: &Value, noun: &'static str) -> Counted {
    Counted(number.as_u64().unwrap_or(0), noun)
}

fn config_failed(errors: &[ConfigError]) -> Failed {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Failed::new(EX_CONFIG, lines.join("\ngatepostctl: "))
}

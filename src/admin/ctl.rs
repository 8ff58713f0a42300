//! `gatepostctl`.
//!
//! What needs the store goes to the daemon over its control socket; where no daemon runs, the tool opens the store and
//! answers itself, with the same code. Accounts are lines of the passwd file, which the daemon notices.

mod accounts;
mod arguments;
mod backup;
mod certificate;
mod check;
mod giving;
mod import;
mod known;
mod mail;
mod output;
mod requests;
mod restore;
mod route;
mod verb_table;

use std::process::ExitCode;

use serde_json::{Value, json};

use self::arguments::{Tool, arguments, usage};
use self::backup::UNREAD;
use self::output::{print, say};
pub use self::verb_table::lines as verb_lines;
use self::verb_table::{LIMITS, VERBS, Verb};
use super::failed::{EX_CONFIG, EX_DATAERR, Failed};
use super::{table, who};
use crate::config::{Config, ConfigError, duration_from, nearest};
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
        match Verb::of(&words) {
            Some((verb, rest)) => verb.run(self, rest),
            None if words.is_empty() => Err(usage("a verb is missing")),
            None => {
                let near = nearest(words[0], VERBS.iter().map(Verb::group)).filter(|near| *near != words[0]);
                let near = near.map_or(String::new(), |near| format!("; did you mean '{near}'?"));
                Err(usage(format!("'{}' is not understood{near}", words.join(" "))))
            }
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
        let mut request = json!({ "verb": "who" });
        for key in ["account", "address", "status"] {
            request[key] = json!(self.option(key));
        }
        for key in ["connected", "running"] {
            let secs = |text: &str| {
                let time = duration_from(text).ok_or_else(|| usage(format!("'{text}' is no time: 90s, 5m, 2h")))?;
                Ok::<u64, Failed>(time.as_secs())
            };
            request[key] = json!(self.option(key).map(secs).transpose()?);
        }
        let (rows, ok) = self.ask(&request, "")?;
        match self.json {
            true => self.show(&[], &rows, &ok),
            false => print(&who::render(&rows)),
        }
    }

    fn space(&self) -> Result<(), Failed> {
        let (rows, ok) = self.ask(&json!({ "verb": "space", "account": self.option("account") }), "accounts")?;
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
        let request = json!({ "verb": "check", "account": self.option("account"), "repair": self.has("repair") });
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
        check::verdict(&rows, &ok, self.has("repair"))
    }

    fn quota(&self, verb: &str, account: &str, limits: Value) -> Result<(), Failed> {
        let request = json!({ "verb": verb, "account": account, "limits": limits });
        self.ask_table(request, &["resource", "used", "limit", "percent"])
    }

    /// A number, `2G` for octets, `unlimited`, or `default` for what the domain or the server says.
    fn quota_set(&self, account: &str) -> Result<(), Failed> {
        self.known(account)?;
        let given = LIMITS.iter().filter_map(|(resource, ..)| Some((*resource, self.option(resource)?)));
        let given: Vec<(&str, &str)> = given.collect();
        if given.is_empty() {
            return Err(usage("--storage, --messages or --mailboxes is missing"));
        }
        let mut limits = serde_json::Map::new();
        for (resource, text) in given {
            let number = match resource {
                "storage" => crate::config::size_from(text),
                _ => text.parse().ok(),
            };
            let limit = match text {
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

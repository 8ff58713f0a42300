//! What is asked of the tool.

use std::path::PathBuf;

use lexopt::prelude::*;

use super::super::failed::{EX_USAGE, Failed};
use super::output::say;

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

pub(super) struct Tool {
    pub(super) config_path: PathBuf,
    pub(super) json: bool,
    pub(super) words: Vec<String>,
    pub(super) account: Option<String>,
    pub(super) mailbox: Option<String>,
    pub(super) class: Option<String>,
    pub(super) show_non_mail: Option<String>,
    pub(super) since: Option<String>,
    /// What `who` is to show alone: key and text.
    pub(super) only: Vec<(&'static str, String)>,
    /// Resource and limit.
    pub(super) limits: Vec<(&'static str, String)>,
    pub(super) host: String,
    pub(super) repair: bool,
    pub(super) remove: bool,
}

pub(super) fn usage(text: impl std::fmt::Display) -> Failed {
    Failed::new(EX_USAGE, format!("{text}\n{USAGE}"))
}

pub(super) fn arguments() -> Result<Tool, Failed> {
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
    let mut given: Vec<String> = Vec::new();
    while let Some(argument) = parser.next().map_err(usage)? {
        if let Long(name) = argument
            && name != "json"
        {
            if given.iter().any(|before| before == name) {
                return Err(usage(format!("--{name} stands twice")));
            }
            given.push(name.to_string());
        }
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
                say(USAGE)?;
                std::process::exit(0);
            }
            Short('V') | Long("version") => {
                say(format_args!("gatepostctl {}", env!("CARGO_PKG_VERSION")))?;
                std::process::exit(0);
            }
            Value(word) => tool.words.push(word.string().map_err(usage)?),
            other => return Err(usage(other.unexpected())),
        }
    }
    check_options(&tool.words, &given)?;
    Ok(tool)
}

/// What a verb does not take may have been meant to keep it from half of what it does.
fn check_options(words: &[String], given: &[String]) -> Result<(), Failed> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (verb, taken) = options_of(&words);
    match given.iter().find(|name| !taken.contains(&name.as_str())) {
        Some(name) if !words.is_empty() => Err(usage(format!("--{name} is no option of '{}'", verb.join(" ")))),
        _ => Ok(()),
    }
}

/// The verb among the words, and the options that it takes.
fn options_of<'w>(words: &'w [&'w str]) -> (&'w [&'w str], &'static [&'static str]) {
    let (one, two) = (&words[..words.len().min(1)], &words[..words.len().min(2)]);
    match words {
        ["account", "certificate", _] => (two, &["remove"]),
        ["account", "settings", ..] => (two, &["show-non-mail"]),
        ["mailbox", "create", ..] => (two, &["class"]),
        ["quota", "set", ..] => (two, &["storage", "messages", "mailboxes"]),
        ["account" | "mailbox" | "alert" | "alias" | "quota", ..] => (two, &[]),
        ["import" | "export" | "restore", ..] => (one, &["account", "mailbox"]),
        ["undelete", ..] => (one, &["account", "mailbox", "since"]),
        ["space", ..] => (one, &["account"]),
        ["check", ..] => (one, &["account", "repair"]),
        ["who", ..] => (one, &["account", "address", "status", "connected", "running"]),
        ["certificate", ..] => (one, &["host"]),
        _ => (one, &[]),
    }
}

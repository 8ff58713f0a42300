//! Every verb there is: the words that stand behind it, the options that it takes, and what it does.

use std::path::Path;

use serde_json::json;

use super::super::failed::Failed;
use super::arguments::{Tool, usage};

/// What a verb does, by how many words stand behind it.
pub(super) enum Run {
    Nothing(fn(&Tool) -> Result<(), Failed>),
    One(fn(&Tool, &str) -> Result<(), Failed>),
    Two(fn(&Tool, &str, &str) -> Result<(), Failed>),
    Three(fn(&Tool, &str, &str, &str) -> Result<(), Failed>),
}

/// An option, what its value is called, empty for one that has none, and whether it must be given.
pub(super) type Opt = (&'static str, &'static str, Need);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    May,
    Must,
}

pub(super) struct Verb {
    /// Its own words, a space between them.
    pub(super) name: &'static str,
    /// The words behind it.
    pub(super) words: &'static str,
    pub(super) options: &'static [Opt],
    pub(super) run: Run,
}

const fn verb(name: &'static str, words: &'static str, options: &'static [Opt], run: Run) -> Verb {
    Verb { name, words, options, run }
}

use Need::{May, Must};
use Run::{Nothing, One, Three, Two};

const ACCOUNT: Opt = ("account", "NAME", May);
const OF_ACCOUNT: Opt = ("account", "NAME", Must);
const MAILBOX: Opt = ("mailbox", "MAILBOX", May);

/// Group by group. Of two of a name the number of words behind it tells which is meant.
pub(super) static VERBS: &[Verb] = &[
    verb("account add", "NAME", &[], One(Tool::account_add)),
    verb("account passwd", "NAME", &[], One(Tool::account_passwd)),
    verb("account list", "", &[], Nothing(Tool::account_list)),
    verb("account remove", "NAME", &[], One(Tool::account_remove)),
    verb("account certificate", "NAME", &[("remove", "", May)], One(Tool::account_certificate)),
    verb(
        "account certificate",
        "NAME FILE",
        &[],
        Two(|tool, name, file| tool.account_certificate_set(name, Path::new(file))),
    ),
    verb("account settings", "NAME", &[("show-non-mail", "CHOICE", May)], One(Tool::account_settings)),
    verb(
        "mailbox list",
        "ACCOUNT",
        &[],
        One(|tool, account| {
            let columns = ["mailbox", "messages", "unseen", "bytes", "use", "class"];
            tool.ask_table(json!({ "verb": "mailbox list", "account": account }), &columns)
        }),
    ),
    verb(
        "mailbox create",
        "ACCOUNT MAILBOX",
        &[("class", "CLASS", May)],
        Two(|tool, account, name| {
            tool.known(account)?;
            let class = tool.option("class");
            tool.ask_quiet(json!({ "verb": "mailbox create", "account": account, "mailbox": name, "class": class }))
        }),
    ),
    verb(
        "mailbox rename",
        "ACCOUNT MAILBOX NEW",
        &[],
        Three(|tool, account, name, to| {
            tool.ask_quiet(json!({ "verb": "mailbox rename", "account": account, "mailbox": name, "to": to }))
        }),
    ),
    verb(
        "mailbox remove",
        "ACCOUNT MAILBOX",
        &[],
        Two(|tool, account, name| {
            tool.ask_quiet(json!({ "verb": "mailbox remove", "account": account, "mailbox": name }))
        }),
    ),
    verb("mailbox class", "ACCOUNT MAILBOX", &[], Two(|tool, account, name| tool.mailbox_class(account, name, None))),
    verb(
        "mailbox class",
        "ACCOUNT MAILBOX CLASS",
        &[],
        Three(|tool, account, name, class| tool.mailbox_class(account, name, Some(class))),
    ),
    verb("import", "FILE.mbox|MAILDIR", &[OF_ACCOUNT, MAILBOX], One(|tool, path| tool.import(Path::new(path)))),
    verb("export", "FILE.mbox", &[OF_ACCOUNT, MAILBOX], One(|tool, path| tool.export(Path::new(path)))),
    verb("undelete", "", &[OF_ACCOUNT, MAILBOX, ("since", "WHEN", May)], Nothing(Tool::undelete)),
    verb("backup", "DIRECTORY", &[], One(|tool, directory| tool.backup(Path::new(directory)))),
    verb("restore", "DIRECTORY", &[ACCOUNT, MAILBOX], One(|tool, directory| tool.restore(Path::new(directory)))),
    verb("space", "", &[ACCOUNT], Nothing(Tool::space)),
    verb(
        "alert post account",
        "NAME TEXT",
        &[],
        Two(|tool, account, text| {
            tool.known(account)?;
            tool.ask_quiet(json!({ "verb": "alert post", "account": account, "text": text }))
        }),
    ),
    verb(
        "alert post domain",
        "NAME TEXT",
        &[],
        Two(|tool, name, text| {
            tool.ask_quiet(json!({ "verb": "alert post", "scope": "domain", "name": name, "text": text }))
        }),
    ),
    verb(
        "alert post server",
        "TEXT",
        &[],
        One(|tool, text| tool.ask_quiet(json!({ "verb": "alert post", "scope": "server", "text": text }))),
    ),
    verb(
        "alert list",
        "",
        &[],
        Nothing(|tool| tool.ask_table(json!({ "verb": "alert list" }), &["alert", "for", "text"])),
    ),
    verb(
        "alert remove",
        "NUMBER",
        &[],
        One(|tool, number| {
            let number: u64 = number.parse().map_err(|_| usage(format!("'{number}' is no alert's number")))?;
            tool.ask_quiet(json!({ "verb": "alert remove", "alert": number }))
        }),
    ),
    verb(
        "alias add",
        "ACCOUNT ALIAS MAILBOX",
        &[],
        Three(|tool, account, alias, name| {
            tool.known(account)?;
            tool.ask_quiet(json!({ "verb": "alias add", "account": account, "alias": alias, "mailbox": name }))
        }),
    ),
    verb(
        "alias remove",
        "ACCOUNT ALIAS",
        &[],
        Two(|tool, account, alias| {
            tool.ask_quiet(json!({ "verb": "alias remove", "account": account, "alias": alias }))
        }),
    ),
    verb(
        "alias list",
        "ACCOUNT",
        &[],
        One(|tool, account| {
            tool.ask_table(json!({ "verb": "alias list", "account": account }), &["alias", "mailbox"])
        }),
    ),
    verb("quota show", "NAME", &[], One(|tool, account| tool.quota("quota show", account, json!({})))),
    verb("quota recount", "NAME", &[], One(|tool, account| tool.quota("quota recount", account, json!({})))),
    verb("quota set", "NAME", &LIMITS, One(Tool::quota_set)),
    verb("route", "ADDRESS", &[], One(Tool::route)),
    verb(
        "who",
        "",
        &[
            ACCOUNT,
            ("address", "IP", May),
            ("status", "TEXT", May),
            ("connected", "TIME", May),
            ("running", "TIME", May),
        ],
        Nothing(Tool::who),
    ),
    verb("kick", "ACCOUNT|SESSION", &[], One(|tool, whom| tool.ask_quiet(json!({ "verb": "kick", "whom": whom })))),
    verb("reload", "", &[], Nothing(|tool| tool.ask_quiet(json!({ "verb": "reload" })))),
    verb("stop", "", &[], Nothing(|tool| tool.ask_quiet(json!({ "verb": "stop" })))),
    verb("check", "", &[ACCOUNT, ("repair", "", May)], Nothing(Tool::check)),
    verb(
        "certificate",
        "CERTIFICATE KEY",
        &[("host", "NAME", May)],
        Two(|tool, certificate, key| tool.certificate(Path::new(certificate), Path::new(key))),
    ),
];

/// What `quota set` sets.
pub(super) const LIMITS: [Opt; 3] =
    [("storage", "LIMIT", May), ("messages", "LIMIT", May), ("mailboxes", "LIMIT", May)];

impl Verb {
    /// The verb that a command line means, and the words behind it.
    pub(super) fn of<'w, 'a>(words: &'w [&'a str]) -> Option<(&'static Verb, &'w [&'a str])> {
        VERBS.iter().find_map(|verb| {
            let own = verb.name.split(' ').count();
            let is_named = words.len() >= own && verb.name.split(' ').eq(words[..own].iter().copied());
            let rest = words.get(own..).filter(|rest| is_named && rest.len() == verb.arity())?;
            Some((verb, rest))
        })
    }

    fn arity(&self) -> usize {
        match self.run {
            Nothing(_) => 0,
            One(_) => 1,
            Two(_) => 2,
            Three(_) => 3,
        }
    }

    /// The first of its words, which it may have in common with others.
    pub(super) fn group(&self) -> &'static str {
        self.name.split(' ').next().unwrap_or(self.name)
    }

    /// How it is written.
    pub(super) fn line(&self) -> String {
        let options = self.options.iter().map(|(name, value, need)| {
            let option = format!("--{name} {value}");
            if *need == Must { option } else { format!("[{}]", option.trim_end()) }
        });
        let name = std::iter::once(self.name.to_string());
        let all = name.chain(options).chain(Some(self.words.to_string()).filter(|words| !words.is_empty()));
        all.collect::<Vec<_>>().join(" ")
    }

    pub(super) fn takes(&self, option: &str) -> bool {
        self.options.iter().any(|(name, ..)| *name == option)
    }

    /// With the words behind it, as many as it takes.
    pub(super) fn run(&self, tool: &Tool, words: &[&str]) -> Result<(), Failed> {
        match (&self.run, words) {
            (Nothing(run), []) => run(tool),
            (One(run), [a]) => run(tool, a),
            (Two(run), [a, b]) => run(tool, a, b),
            (Three(run), [a, b, c]) => run(tool, a, b, c),
            _ => Err(usage(format!("'{}' is not understood", self.name))),
        }
    }
}

/// The option of this name, whichever verb takes it.
pub(super) fn option(name: &str) -> Option<&'static Opt> {
    VERBS.iter().flat_map(|verb| verb.options).find(|(known, ..)| *known == name)
}

/// How each verb is written, a line each.
pub fn lines() -> impl Iterator<Item = String> {
    VERBS.iter().map(Verb::line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_words() {
        for verb in VERBS {
            assert_eq!(verb.words.split_whitespace().count(), verb.arity(), "{}", verb.name);
            let words: Vec<&str> = verb.name.split(' ').chain(verb.words.split_whitespace()).collect();
            let (found, rest) = Verb::of(&words).unwrap();
            assert!(std::ptr::eq(found, verb) && rest.len() == verb.arity(), "{}", verb.name);
            for (name, value, _) in verb.options {
                assert_eq!(option(name).unwrap().1.is_empty(), value.is_empty(), "--{name} has a value or none");
            }
        }
        assert!(Verb::of(&["account"]).is_none() && Verb::of(&["account", "add"]).is_none());
        assert!(Verb::of(&["account add", "joe"]).is_none() && Verb::of(&[]).is_none());
    }
}

//! What is asked of the tool.

use std::path::PathBuf;

use lexopt::prelude::*;

use super::super::failed::{EX_USAGE, Failed};
use super::output::say;
use super::verb_table::{self, VERBS, Verb};

pub(super) struct Tool {
    pub(super) config_path: PathBuf,
    pub(super) json: bool,
    pub(super) words: Vec<String>,
    /// Those of verbs, with their values.
    options: Vec<(&'static str, String)>,
}

impl Tool {
    /// The value of an option that has been given.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        debug_assert!(verb_table::option(name).is_some(), "no verb takes --{name}");
        self.options.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// Whether an option has been given that has no value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.option(name).is_some()
    }
}

/// How the verbs are written that the first of the words may mean; all of them where it means none.
fn usage_lines() -> String {
    let is_group = |word: &String| VERBS.iter().any(|verb| verb.group() == word);
    let group = std::env::args().skip(1).find(is_group);
    let verbs = VERBS.iter().filter(|verb| group.as_deref().is_none_or(|group| verb.group() == group));
    let lines = verbs.map(|verb| format!("\n  {}", verb.line()));
    std::iter::once("usage: gatepostctl [-c file] [--json] verb ...".to_string()).chain(lines).collect()
}

pub(super) fn usage(text: impl std::fmt::Display) -> Failed {
    Failed::new(EX_USAGE, format!("{text}\n{}", usage_lines()))
}

pub(super) fn arguments() -> Result<Tool, Failed> {
    let (mut config_path, mut json) = (PathBuf::from("/etc/gatepost/gatepost.ini"), false);
    let (mut words, mut options): (_, Vec<(&'static str, String)>) = (Vec::new(), Vec::new());
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next().map_err(usage)? {
        match argument {
            Short('c') => config_path = parser.value().map_err(usage)?.into(),
            Long("json") => json = true,
            Short('h') | Long("help") => {
                say(usage_lines())?;
                std::process::exit(0);
            }
            Short('V') | Long("version") => {
                say(format_args!("gatepostctl {}", env!("CARGO_PKG_VERSION")))?;
                std::process::exit(0);
            }
            Long(name) => match verb_table::option(name) {
                Some((name, ..)) if options.iter().any(|(before, _)| before == name) => {
                    return Err(usage(format!("--{name} stands twice")));
                }
                Some((name, "", _)) => options.push((name, String::new())),
                Some((name, ..)) => {
                    let value = parser.value().and_then(|value| value.string()).map_err(usage)?;
                    options.push((name, value));
                }
                None => return Err(usage(Long(name).unexpected())),
            },
            Value(word) => words.push(word.string().map_err(usage)?),
            other => return Err(usage(other.unexpected())),
        }
    }
    let tool = Tool { config_path, json, words, options };
    tool.check_options()?;
    Ok(tool)
}

impl Tool {
    /// What a verb does not take may have been meant to keep it from half of what it does.
    fn check_options(&self) -> Result<(), Failed> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let Some((verb, _)) = Verb::of(&words) else { return Ok(()) };
        match self.options.iter().find(|(name, _)| !verb.takes(name)) {
            Some((name, _)) => Err(usage(format!("--{name} is no option of '{}'", verb.name))),
            None => Ok(()),
        }
    }
}

//! From a frame to a command.                       RFC 9051 9 (command)
//!
//! The tag and the name are read by hand; the name finds its row in the table, which says what its arguments are.

use pest::Parser;

use super::arguments::Args;
use super::command::{Command, Dialect};
use super::command_table::{Row, Stage, row_of};
use super::frame::Frame;
use super::framer::tag_of;
use super::grammar::{Grammar, Rule};
use super::lower::LowerError;
use super::nesting::nesting;
use crate::types::By;

/// Why a frame is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// No tag: the answer is untagged.
    Tag,
    /// A tag and a sentence for the client.
    Command { tag: String, reason: String },
    /// A tag alone: it may be anything.
    Alone { tag: String },
    /// A name that no command has, in capitals: it may be anything.
    Unknown { tag: String, name: String },
    /// A command of another state.
    WrongStage { tag: String, name: String },
    /// SEARCH in a charset that is not known, and whether its result was to be saved. RFC 9051 6.4.4, 6.4.4.1
    BadCharset { tag: String, saves: bool },
    /// The same, where FILTER must stand beside UTF-8. RFC 5466 3.1
    FilterCharset { tag: String },
}

/// Nested keys, groups and operators in one command: each costs stack, and no client nests deeper.
pub(super) const NESTING_MAX: usize = 50;

pub fn parse(frame: Frame, dialect: Dialect, stage: Stage) -> Result<Command, Malformed> {
    let Frame { line, literals } = frame;
    let tag = tag_of(line.as_bytes()).ok_or(Malformed::Tag)?;
    let rest = line[tag.len()..].trim_start_matches(' ');
    let refuse = |reason: String| Malformed::Command { tag: tag.clone(), reason };
    let (name, args) = name_of(rest);
    if name.is_empty() {
        return Err(Malformed::Alone { tag });
    }
    let Some(row) = row_of(&name) else { return Err(Malformed::Unknown { name: shown(&name), tag }) };
    if !row.is_of(stage) {
        return Err(Malformed::WrongStage { tag, name });
    }
    // Outlook and others leave a space behind the last argument.
    let args = args.trim_end_matches(' ');
    if nesting(args) > NESTING_MAX {
        return Err(refuse(format!("The command is nested deeper than {NESTING_MAX} levels")));
    }
    let mut pairs = Grammar::parse(row.rule, args).map_err(|error| refuse(explain(row, &error)))?;
    let by = if name.starts_with("UID ") { By::Uid } else { By::Seq };
    let mut args = Args::new(&mut pairs, literals, dialect, by);
    match (row.lower)(&mut args) {
        Ok(body) => Ok(Command { tag, name: row.name, body }),
        Err(LowerError::BadCharset) => Err(Malformed::BadCharset { tag, saves: args.saves }),
        Err(LowerError::FilterCharset) => Err(Malformed::FilterCharset { tag }),
        Err(LowerError::Reason(reason)) => Err(refuse(format!("{reason}; {}", row.usage))),
    }
}

/// The command's name in capitals, with the second word of UID, and what follows it.
fn name_of(rest: &str) -> (String, &str) {
    let word = |text: &str| text.find([' ', '\0']).unwrap_or(text.len());
    let mut end = word(rest);
    if rest[..end].eq_ignore_ascii_case("UID") && rest[end..].starts_with(' ') {
        end += 1 + word(&rest[end + 1..]);
    }
    (rest[..end].to_ascii_uppercase(), &rest[end..])
}

/// A client's words in an answer: short, printable.
fn shown(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(40).collect()
}

fn explain(row: &Row, error: &pest::error::Error<Rule>) -> String {
    format!("Syntax error at character {} behind {}; {}", at(error) + 1, row.name, row.usage)
}

/// Where in the arguments, in octets.
pub(super) fn at(error: &pest::error::Error<Rule>) -> usize {
    match error.location {
        pest::error::InputLocation::Pos(at) | pest::error::InputLocation::Span((at, _)) => at,
    }
}

//! The search keys that a filter stands for.         RFC 5466 3.2

use pest::Parser;

use super::arguments::Args;
use super::command::Dialect;
use super::frame::{Frame, Limits, Step};
use super::framer::Framer;
use super::grammar::{Grammar, Rule};
use super::lower::LowerError;
use super::lower_search;
use super::nesting::nesting;
use super::parse::{NESTING_MAX, at};
use crate::types::{By, SearchKey};

/// Literals in one filter: more would be no filter that a person has made.
const CRITERIA_LITERALS_MAX: usize = 100;

/// What a filter stands for: `search-criteria`, literals and all, in UTF-8. The error says what is wrong. RFC 5466 3.2
pub fn criteria(value: &[u8]) -> Result<SearchKey, String> {
    let most = value.len() as u64;
    let limits = Limits {
        line_bytes_max: value.len() + 16,
        literal_bytes_max: most,
        literal_unasked_max: most,
        literal_memory_max: most,
        literals_max: CRITERIA_LITERALS_MAX,
    };
    let none = || Err(std::io::Error::other("a literal of a filter stays in memory"));
    let mut framer = Framer::new(limits, none);
    framer.push(&[b"a ", value, b"\r\n"].concat());
    let frame = loop {
        match framer.next() {
            Step::Frame(frame) => break frame,
            Step::Continue => {}
            Step::NeedMore | Step::Refused(_) => return Err("It is no line of search keys".into()),
        }
    };
    if !framer.is_idle() {
        return Err("It has more than one line".into());
    }
    let Frame { line, literals } = frame;
    let keys = line.get(2..).unwrap_or_default();
    if nesting(keys) > NESTING_MAX {
        return Err(format!("It is nested deeper than {NESTING_MAX} levels"));
    }
    let syntax = |error: pest::error::Error<Rule>| format!("Syntax error at character {}", at(&error) + 1);
    let mut pairs = Grammar::parse(Rule::search_criteria, keys).map_err(syntax)?;
    let mut args = Args::new(&mut pairs, literals, Dialect::default(), By::Seq);
    lower_search::search_keys(&mut args).map_err(|error| match error {
        LowerError::Reason(reason) => reason,
        LowerError::BadCharset | LowerError::FilterCharset => "It is not UTF-8".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criteria_of_filters() {
        for good in ["ALL", "OR SMALLER 5000 FROM \"boss@example.com\"", "SUBJECT {3}\r\na b SEEN", "FILTER x (1:5)"]
        {
            assert!(criteria(good.as_bytes()).is_ok(), "{good}");
        }
        assert_eq!(criteria("FROM é".as_bytes()).is_ok(), criteria("FROM \"é\"".as_bytes()).is_err());
        let deep = "NOT ".repeat(1000) + "ALL";
        for bad in
            ["", "OR SMALLER", "ALL\r\nALL", "RETURN () ALL", "CHARSET UTF-8 ALL", "ALL ", "SUBJECT {9}\r\na", &deep]
        {
            assert!(criteria(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(criteria(b"SUBJECT \"\xff\"").is_err() && criteria(b"SUBJECT \0").is_err());
    }
}

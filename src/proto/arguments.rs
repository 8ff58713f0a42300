//! The arguments of a command, as pest has found them, taken one by one.       RFC 9051 4, 9

use std::collections::VecDeque;

use pest::iterators::{Pair, Pairs};

use super::command::Dialect;
use super::frame::Literal;
use super::grammar::Rule;
use super::lower::{LowerError, Lowered, number_set, wrong};
use crate::types::utf7;
use crate::types::{By, FetchItem, NumberSet};

/// The arguments of a command, taken one by one.
pub(super) struct Args<'a> {
    pairs: VecDeque<Pair<'a, Rule>>,
    literals: VecDeque<Literal>,
    dialect: Dialect,
    pub(super) by: By,
    pub(super) charset: Option<&'static encoding_rs::Encoding>,
    /// What UPDATE wants to be fetched of new results. RFC 5465 7
    pub(super) update: Vec<FetchItem>,
    /// None is named, or one that FILTER can stand beside.
    pub(super) charset_suits_filters: bool,
    /// US-ASCII is named: what is not can only be the UTF-8 that is assumed where no charset is.
    pub(super) is_ascii: bool,
    /// The result of the search is to be saved.
    pub(super) saves: bool,
}

impl<'a> Args<'a> {
    pub(super) fn new(pairs: &mut Pairs<'a, Rule>, literals: Vec<Literal>, dialect: Dialect, by: By) -> Args<'a> {
        let inner = pairs.next().map(|pair| pair.into_inner().collect()).unwrap_or_default();
        Args {
            pairs: inner,
            literals: literals.into(),
            dialect,
            by,
            charset: None,
            update: Vec::new(),
            charset_suits_filters: true,
            is_ascii: false,
            saves: false,
        }
    }

    pub(super) fn next(&mut self) -> Lowered<Pair<'a, Rule>> {
        self.next_where(|_| true).ok_or_else(|| LowerError::Reason("An argument is missing".into()))
    }

    pub(super) fn next_where(&mut self, wanted: impl FnOnce(Rule) -> bool) -> Option<Pair<'a, Rule>> {
        let found = self.pairs.front().is_some_and(|pair| wanted(pair.as_rule()));
        // EOI ends every rule and is no argument.
        self.pairs.pop_front().filter(|_| found).filter(|pair| pair.as_rule() != Rule::EOI)
    }

    pub(super) fn next_if(&mut self, rule: Rule) -> Option<Pair<'a, Rule>> {
        match self.pairs.front().is_some_and(|pair| pair.as_rule() == rule) {
            true => self.pairs.pop_front(),
            false => None,
        }
    }

    pub(super) fn rest(&mut self) -> Vec<Pair<'a, Rule>> {
        self.pairs.drain(..).filter(|pair| pair.as_rule() != Rule::EOI).collect()
    }

    pub(super) fn literal(&mut self) -> Lowered<Literal> {
        self.literals.pop_front().ok_or_else(|| LowerError::Reason("A literal is missing".into()))
    }

    /// The octets of an astring, a string or an atom.
    pub(super) fn octets(&mut self, pair: &Pair<'a, Rule>) -> Lowered<Vec<u8>> {
        match pair.as_rule() {
            Rule::literal => match self.literal()? {
                Literal::Memory(octets) => Ok(octets),
                Literal::Spool(..) => wrong("A literal is too long for an argument"),
            },
            Rule::quoted => Ok(unquoted(pair.as_str()).into_bytes()),
            _ => Ok(pair.as_str().as_bytes().to_vec()),
        }
    }

    pub(super) fn text(&mut self, pair: &Pair<'a, Rule>) -> Lowered<String> {
        String::from_utf8(self.octets(pair)?).or_else(|_| wrong("An argument is not UTF-8"))
    }

    pub(super) fn next_text(&mut self) -> Lowered<String> {
        let pair = self.next()?;
        self.text(&pair)
    }

    /// All that are left.
    pub(super) fn texts(&mut self) -> Lowered<Vec<String>> {
        self.rest().iter().map(|pair| self.text(pair)).collect()
    }

    /// A mailbox name in UTF-8.
    pub(super) fn mailbox(&mut self) -> Lowered<String> {
        let pair = self.next()?;
        let inner = pair.into_inner().next();
        match inner {
            Some(inner) => self.mailbox_name(&inner),
            None => wrong("A mailbox name is missing"),
        }
    }

    pub(super) fn mailbox_name(&mut self, pair: &Pair<'a, Rule>) -> Lowered<String> {
        let text = self.text(pair)?;
        self.in_name_encoding(text)
    }

    /// What a client means by a mailbox name.
    pub(super) fn in_name_encoding(&self, text: String) -> Lowered<String> {
        if text.contains(['\0', '\r', '\n']) {
            return wrong("A mailbox name has control characters");
        }
        if self.dialect.has_utf8() {
            return Ok(text);
        }
        // Clients that do not know better send UTF-8 as it is; it can mean nothing else.
        if !text.is_ascii() {
            return Ok(text);
        }
        utf7::decode(&text).map_or_else(|| wrong("A mailbox name is not modified UTF-7"), Ok)
    }

    /// After ENABLE UTF8=ACCEPT a charset can only contradict it. RFC 9755 3
    pub(super) fn takes_charset(&self) -> bool {
        !self.dialect.utf8
    }

    pub(super) fn set(&mut self) -> Lowered<NumberSet> {
        number_set(self.next()?.as_str())
    }

    /// A string of SEARCH, in the command's charset.
    pub(super) fn search_text(&mut self, pair: &Pair<'a, Rule>) -> Lowered<String> {
        let octets = self.octets(pair)?;
        self.in_charset(octets)
    }

    pub(super) fn in_charset(&self, octets: Vec<u8>) -> Lowered<String> {
        match self.charset.filter(|_| !self.is_ascii) {
            None => String::from_utf8(octets).or_else(|_| wrong("A search string is not UTF-8; name its CHARSET")),
            Some(charset) => match charset.decode_without_bom_handling_and_without_replacement(&octets) {
                Some(text) => Ok(text.into_owned()),
                None => wrong("A search string is not in the CHARSET that is named"),
            },
        }
    }
}

pub(super) fn unquoted(text: &str) -> String {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    out
}

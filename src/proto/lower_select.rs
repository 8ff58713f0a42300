//! SELECT and EXAMINE, and what they take.       RFC 9051 6.3.2, 6.3.3; RFC 7162

use pest::iterators::Pair;

use super::arguments::Args;
use super::command::{Qresync, SelectCommand};
use super::grammar::Rule;
use super::lower::{Lowered, number, number_set, wrong};
use crate::types::{ModSeq, NumberSet, UidSet};

pub(super) fn select(args: &mut Args<'_>) -> Lowered<SelectCommand> {
    let mut command = SelectCommand { mailbox: args.mailbox()?, condstore: false, annotate: false, qresync: None };
    for pair in args.rest() {
        match pair.as_rule() {
            Rule::select_condstore => command.condstore = true,
            Rule::select_annotate => command.annotate = true,
            _ => command.qresync = Some(qresync(pair)?),
        }
    }
    Ok(command)
}

fn qresync(pair: Pair<'_, Rule>) -> Lowered<Qresync> {
    let mut parts = pair.into_inner();
    let mut next = || match parts.next() {
        Some(pair) => number(pair.as_str()),
        None => wrong("QRESYNC is cut short"),
    };
    let (uid_validity, mod_seq) = (next()?, ModSeq(next()?));
    let (mut known, mut samples) = (None, Vec::new());
    for pair in parts {
        match pair.as_rule() {
            Rule::known_uids => known = Some(known_set(pair.as_str())?),
            _ => samples = seq_match(pair)?,
        }
    }
    Ok(Qresync { uid_validity, mod_seq, known, samples })
}

fn known_set(text: &str) -> Lowered<UidSet> {
    match number_set(text)? {
        NumberSet::Set(set) => Ok(set.resolve(0)),
        NumberSet::Saved => Ok(UidSet::new()),
    }
}

/// Samples that a client may give: more tell nothing more.
const SAMPLES_MAX: u64 = 10_000;

/// Both sets ascend and are as long as each other. RFC 7162 3.2.5.2
fn seq_match(pair: Pair<'_, Rule>) -> Lowered<Vec<(u32, u32)>> {
    let mut sets = Vec::new();
    for text in pair.into_inner().map(|pair| pair.as_str()) {
        let set = known_set(text)?;
        // What is not in its normal form does not ascend.
        if set.count() > SAMPLES_MAX || !ascends(text) {
            return wrong("The sets of sequence match data must ascend and be short");
        }
        sets.push(set);
    }
    match sets.as_slice() {
        [seqs, uids] if seqs.count() == uids.count() => Ok(seqs.numbers().zip(uids.numbers()).collect()),
        _ => wrong("The two sets of sequence match data must be as long as each other"),
    }
}

fn ascends(text: &str) -> bool {
    let numbers: Vec<u32> = text.split([',', ':']).filter_map(|text| text.parse().ok()).collect();
    numbers.is_sorted_by(|a, b| a < b)
}

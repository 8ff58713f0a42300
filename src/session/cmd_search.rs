//! SEARCH and UID SEARCH, ESEARCH and SEARCHRES.    RFC 9051 6.4.4, 7.3.4; RFC 4731; RFC 5182
//!
//! Rev1 without RETURN answers `* SEARCH`, all else `* ESEARCH`. SAVE keeps the result for `$`.

use super::contexts;
use super::core::{Core, Selected};
use super::esearch::{self, Heading, Results, kept};
use super::reply::{Failure, Handled, Reply};
use crate::mailbox::{Found, Snapshot, View};
use crate::proto::response as wire;
use crate::types::{By, ModSeq, SearchKey, SearchReturn, UidSet};

pub(super) fn search(
    core: &mut Core,
    selected: &mut Selected,
    by: By,
    returns: Option<&[SearchReturn]>,
    key: &SearchKey,
) -> Handled {
    let asked = returns.unwrap_or(&[]);
    contexts::check(core, selected, asked)?;
    let saving = returns.is_some_and(|returns| returns.contains(&SearchReturn::Save));
    let by_mod_seq = names_mod_seq(key);
    let found = match search_for(core, selected, key) {
        Ok(found) => found,
        Err(failure) => {
            // RFC 5182 2.1: a search that fails leaves nothing saved.
            if saving {
                selected.saved = UidSet::new();
            }
            return Err(failure);
        }
    };
    let shown = selected.view.shown().clone();
    let mod_seq = by_mod_seq.then_some(found.mod_seq).filter(|_| !found.uids.is_empty());
    let found = Results::Mailbox(found.uids);
    let numbers = found.numbers(&shown, by);
    match (returns, numbers) {
        (None, Results::Mailbox(numbers)) if !core.dialect.rev2 => plain(core, &numbers, mod_seq)?,
        (_, numbers) => {
            let mod_seq = mod_seq.map(|_| highest(&shown, &kept(asked, &found)));
            esearch::say(core, &heading(core, by), asked, &numbers, mod_seq)?;
        }
    }
    if saving {
        selected.saved = kept(asked, &found);
    }
    if asked.contains(&SearchReturn::Update) {
        contexts::begin(core, selected, heading(core, by), key, None, &found)?;
    }
    Ok(Reply::ok("SEARCH completed"))
}

pub(super) fn heading(core: &Core, by: By) -> Heading {
    Heading { tag: core.tag.clone(), by, mailbox: None }
}

/// Looks for messages, with signs of life where it takes long.
pub(super) fn search_for(core: &mut Core, selected: &Selected, key: &SearchKey) -> Result<Found, Failure> {
    if names_mod_seq(key) {
        core.enable_condstore(Some(selected))?;
    }
    search_view(core, &selected.view, &selected.saved, key)
}

/// As `search_for`, in any mailbox.
pub(super) fn search_view(core: &Core, view: &View, saved: &UidSet, key: &SearchKey) -> Result<Found, Failure> {
    let running = core.running();
    let mut progress = |done: u32, goal: u32| {
        if let Some(running) = &running {
            running.progress(done.into(), goal.into());
        }
    };
    Ok(view.search(key, saved, &mut progress)?)
}

/// Whether a key asks for MODSEQ, so that the answer tells it. RFC 7162 3.1.5
pub(super) fn names_mod_seq(key: &SearchKey) -> bool {
    match key {
        SearchKey::And(keys) => keys.iter().any(names_mod_seq),
        SearchKey::Or(a, b) => names_mod_seq(a) || names_mod_seq(b),
        SearchKey::Not(key) => names_mod_seq(key),
        SearchKey::ModSeq(_) => true,
        _ => false,
    }
}

/// The highest MODSEQ of the messages that are returned. RFC 4731 3.2
pub(super) fn highest(shown: &Snapshot, returned: &UidSet) -> ModSeq {
    shown.in_uids(returned).map(|message| message.mod_seq()).max().unwrap_or_default()
}

/// `* SEARCH 2 84 882 (MODSEQ 917)`
fn plain(core: &Core, numbers: &UidSet, mod_seq: Option<ModSeq>) -> Result<(), Failure> {
    core.output.say(|out| {
        out.extend_from_slice(b"* SEARCH");
        for n in numbers.numbers() {
            out.push(b' ');
            wire::number(out, n.into());
        }
        if let Some(mod_seq) = mod_seq {
            wire::text(out, format_args!(" (MODSEQ {mod_seq})"));
        }
        out.extend_from_slice(b"\r\n");
    })?;
    Ok(())
}

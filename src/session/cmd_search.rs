//! SEARCH and UID SEARCH, ESEARCH and SEARCHRES.    RFC 9051 6.4.4, 7.3.4; RFC 4731; RFC 5182
//!
//! Rev1 without RETURN answers `* SEARCH`, all else `* ESEARCH`. SAVE keeps the result for `$`.

use super::contexts;
use super::core::{Core, Selected};
use super::esearch::{self, Answer, Heading, Results, kept};
use super::limits;
use super::reply::{Failure, Handled, Reply};
use super::running::Running;
use crate::mailbox::{Asked, Found, Scores, Snapshot, View};
use crate::proto::response as wire;
use crate::types::{By, ModSeq, SearchKey, SearchReturn, SortKey, SortOrder, UidSet};

pub(super) fn search(
    core: &mut Core,
    selected: &mut Selected,
    by: By,
    returns: Option<&[SearchReturn]>,
    key: &SearchKey,
) -> Handled {
    let asked = returns.unwrap_or(&[]);
    contexts::check(core, selected, asked)?;
    let scores = scores(asked, &[], key)?;
    let saving = asked.contains(&SearchReturn::Save);
    let (found, limited) = match limits::search(core, selected, key, scores) {
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
    let uids = Results::Mailbox(found.uids.clone());
    let tells_mod_seq = names_mod_seq(key) && !found.uids.is_empty();
    match (returns, Results::in_mailbox(&found.uids, &shown, by)) {
        (None, Results::Mailbox(numbers)) if !core.dialect.rev2 => {
            plain(core, &numbers, tells_mod_seq.then_some(found.mod_seq))?;
        }
        (_, numbers) => {
            let mod_seq = tells_mod_seq.then(|| highest(&shown, &kept(asked, &uids)));
            let answer = Answer { returns: asked, uids: &uids, numbers: &numbers, mod_seq, found: &found };
            esearch::say(core, &heading(core, by), &answer)?;
        }
    }
    let uids_kept = saving.then(|| kept(asked, &uids));
    if asked.contains(&SearchReturn::Update) {
        contexts::begin(core, selected, heading(core, by), key, None, &uids)?;
    }
    if let Some(kept) = uids_kept {
        selected.saved = kept;
    }
    Ok(limits::finish(core, Reply::ok_but_expunged("SEARCH completed", found.lacks_expunged), limited)?)
}

pub(super) fn heading(core: &Core, by: By) -> Heading {
    Heading { tag: core.tag.clone(), by, mailbox: None }
}

/// Looks for messages, with signs of life where it takes long.
pub(super) fn search_for(
    core: &mut Core,
    selected: &Selected,
    key: &SearchKey,
    scores: Scores,
) -> Result<Found, Failure> {
    let running = core.running();
    search_within(core, selected, key, scores, running.as_ref())
}

/// The same as part of an operation that goes on behind it.
pub(super) fn search_within(
    core: &mut Core,
    selected: &Selected,
    key: &SearchKey,
    scores: Scores,
    running: Option<&Running>,
) -> Result<Found, Failure> {
    if names_mod_seq(key) {
        core.enable_condstore(Some(selected))?;
    }
    let mut progress = |done: u32, goal: u32| {
        if let Some(running) = running {
            running.progress(done.into(), goal.into());
        }
    };
    search_view(core, &selected.view, &selected.saved, key, scores, &mut progress)
}

/// As `search_for`, in any mailbox; the signs of life are the caller's.
pub(super) fn search_view(
    core: &Core,
    view: &View,
    saved: &UidSet,
    key: &SearchKey,
    scores: Scores,
    progress: &mut dyn FnMut(u32, u32),
) -> Result<Found, Failure> {
    Ok(view.search(&Asked { key, saved, comparator: core.comparator, scores }, progress)?)
}

/// Whether a key asks for MODSEQ, so that the answer tells it. RFC 7162 3.1.5
pub(super) fn names_mod_seq(key: &SearchKey) -> bool {
    key.any(&|key| matches!(key, SearchKey::ModSeq(_)))
}

/// Whether the client wants to know how relevant the results are, which it may of a fuzzy search. RFC 6203 4, 6
pub(super) fn scores(
    returns: &[SearchReturn],
    criteria: &[(SortKey, SortOrder)],
    key: &SearchKey,
) -> Result<Scores, Failure> {
    let by_relevancy = criteria.iter().any(|(key, _)| *key == SortKey::Relevancy);
    match returns.contains(&SearchReturn::Relevancy) || by_relevancy {
        false => Ok(Scores::Unwanted),
        true if key.any(&|key| matches!(key, SearchKey::Fuzzy(_))) => Ok(Scores::Wanted),
        true => Err(Reply::bad("RELEVANCY needs a FUZZY search key").into()),
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

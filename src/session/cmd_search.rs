//! SEARCH and UID SEARCH, ESEARCH and SEARCHRES.    RFC 9051 6.4.4, 7.3.4; RFC 4731; RFC 5182
//!
//! Rev1 without RETURN answers `* SEARCH`, all else `* ESEARCH`. SAVE keeps the result for `$`; what it keeps when
//! MIN or MAX are asked beside it is RFC 5182 2.4's table.

use super::core::{Core, Selected};
use super::reply::{Failure, Handled, Reply};
use crate::mailbox::{Found, Snapshot};
use crate::proto::response as wire;
use crate::types::{By, ModSeq, SearchKey, SearchReturn, Uid, UidSet};

pub(super) fn search(
    core: &mut Core,
    selected: &mut Selected,
    by: By,
    returns: Option<&[SearchReturn]>,
    key: &SearchKey,
) -> Handled {
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
    let found = found.uids;
    match returns {
        None if !core.dialect.rev2 => plain(core, &shown, by, &found, mod_seq)?,
        returns => {
            let returns = returns.unwrap_or(&[]);
            let mod_seq = mod_seq.map(|all| of_returned(&shown, returns, &found).unwrap_or(all));
            extended(core, &shown, by, returns, &found, mod_seq)?;
        }
    }
    if saving {
        selected.saved = kept(returns.unwrap_or(&[]), &found);
    }
    Ok(Reply::ok("SEARCH completed"))
}

/// What a client sees of the found messages: UIDs or sequence numbers.
fn numbers(shown: &Snapshot, by: By, found: &UidSet) -> UidSet {
    match by {
        By::Uid => found.clone(),
        By::Seq => shown.seqs_of(found),
    }
}

/// Looks for messages, with signs of life where it takes long.
pub(super) fn search_for(core: &mut Core, selected: &Selected, key: &SearchKey) -> Result<Found, Failure> {
    selected.check_seqs(key)?;
    if names_mod_seq(key) {
        core.enable_condstore(Some(selected))?;
    }
    let running = core.running();
    let mut progress = |done: u32, goal: u32| {
        if let Some(running) = &running {
            running.progress(done.into(), goal.into());
        }
    };
    Ok(selected.view.search(key, &selected.saved, &mut progress)?)
}

/// Whether a key asks for MODSEQ, so that the answer tells it. RFC 7162 3.1.5
fn names_mod_seq(key: &SearchKey) -> bool {
    match key {
        SearchKey::And(keys) => keys.iter().any(names_mod_seq),
        SearchKey::Or(a, b) => names_mod_seq(a) || names_mod_seq(b),
        SearchKey::Not(key) => names_mod_seq(key),
        SearchKey::ModSeq(_) => true,
        _ => false,
    }
}

/// The highest MODSEQ of the messages that MIN and MAX name, where nothing else is returned. RFC 4731 3.2
fn of_returned(shown: &Snapshot, returns: &[SearchReturn], found: &UidSet) -> Option<ModSeq> {
    let asked = |item| returns.contains(&item);
    if returns.is_empty() || asked(SearchReturn::All) || asked(SearchReturn::Count) {
        return None;
    }
    let ends =
        [found.first().filter(|_| asked(SearchReturn::Min)), found.last().filter(|_| asked(SearchReturn::Max))];
    let mod_seqs = ends.into_iter().flatten().filter_map(Uid::new).filter_map(|uid| shown.by_uid(uid));
    mod_seqs.map(|message| message.mod_seq()).max()
}

/// `* SEARCH 2 84 882 (MODSEQ 917)`
fn plain(core: &Core, shown: &Snapshot, by: By, found: &UidSet, mod_seq: Option<ModSeq>) -> Result<(), Failure> {
    let numbers = numbers(shown, by, found);
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

/// `* ESEARCH (TAG "a") UID MIN 7 MAX 9 COUNT 3 ALL 7:9`
fn extended(
    core: &Core,
    shown: &Snapshot,
    by: By,
    returns: &[SearchReturn],
    found: &UidSet,
    mod_seq: Option<ModSeq>,
) -> Result<(), Failure> {
    // SAVE alone asks for no data at all.
    if returns == [SearchReturn::Save] {
        return Ok(());
    }
    let numbers = numbers(shown, by, found);
    let asked = |item| returns.contains(&item);
    core.output.say(|out| {
        out.extend_from_slice(b"* ESEARCH (TAG ");
        wire::quoted(out, core.tag.as_bytes());
        out.extend_from_slice(b")");
        if by == By::Uid {
            out.extend_from_slice(b" UID");
        }
        let mut item = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                out.extend_from_slice(format!(" {name} {value}").as_bytes());
            }
        };
        item("MIN", numbers.first().filter(|_| asked(SearchReturn::Min)).map(|n| n.to_string()));
        item("MAX", numbers.last().filter(|_| asked(SearchReturn::Max)).map(|n| n.to_string()));
        item("COUNT", asked(SearchReturn::Count).then(|| numbers.count().to_string()));
        let all = asked(SearchReturn::All) || returns.is_empty();
        item("ALL", (all && !numbers.is_empty()).then(|| numbers.to_string()));
        item("MODSEQ", mod_seq.map(|mod_seq| mod_seq.to_string()));
        out.extend_from_slice(b"\r\n");
    })?;
    Ok(())
}

/// What `$` stands for afterwards. RFC 5182 2.4
pub(super) fn kept(returns: &[SearchReturn], found: &UidSet) -> UidSet {
    let asked = |item| returns.contains(&item);
    let (min, max) = (asked(SearchReturn::Min), asked(SearchReturn::Max));
    if asked(SearchReturn::All) || asked(SearchReturn::Count) || (!min && !max) {
        return found.clone();
    }
    let mut ends = UidSet::new();
    [found.first().filter(|_| min), found.last().filter(|_| max)]
        .into_iter()
        .flatten()
        .for_each(|n| ends.push_range(n, n));
    ends
}

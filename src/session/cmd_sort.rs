//! SORT and THREAD, and their UID forms.             RFC 5256 3; RFC 5957; ESORT of RFC 5267 3.1

use super::cmd_search::{heading, highest, names_mod_seq, scores, search_within};
use super::contexts;
use super::core::{Core, Selected};
use super::esearch::{self, Answer, Results, kept};
use super::limits;
use super::reply::{Failure, Handled, Reply};
use super::running::Running;
use crate::mailbox::{Order, Scores};
use crate::proto::response as wire;
use crate::types::{By, ModSeq, SearchKey, SearchReturn, SortKey, SortOrder, ThreadAlgorithm};

pub(super) fn sort(
    core: &mut Core,
    selected: &mut Selected,
    by: By,
    returns: Option<&[SearchReturn]>,
    criteria: &[(SortKey, SortOrder)],
    key: &SearchKey,
) -> Handled {
    let asked = returns.unwrap_or(&[]);
    contexts::check(core, selected, asked)?;
    let (running, scores) = (core.running(), scores(asked, criteria, key)?);
    let mut found = search_within(core, selected, key, scores, running.as_ref())?;
    uncounted(running.as_ref());
    selected.view.leave_out_lost(&mut found)?;
    let order = Order { criteria: criteria.to_vec(), comparator: core.comparator };
    let sorted = selected.view.sort(&found, &order)?;
    drop(running);
    let tells_mod_seq = names_mod_seq(key) && !found.uids.is_empty();
    let numbers = sorted.iter().map(|(seq, uid)| if by == By::Uid { uid.get() } else { seq.get() });
    if returns.is_none() {
        plain(core, numbers, tells_mod_seq.then_some(found.mod_seq))?;
        return Ok(Reply::ok_but_expunged("SORT completed", found.lacks_expunged));
    }
    let numbers = Results::Sorted(numbers.collect());
    let uids = Results::Sorted(sorted.iter().map(|(_, uid)| uid.get()).collect());
    let mod_seq = tells_mod_seq.then(|| highest(selected.view.shown(), &kept(asked, &uids)));
    let answer = Answer { returns: asked, uids: &uids, numbers: &numbers, mod_seq, found: &found };
    esearch::say(core, &heading(core, by), &answer)?;
    if asked.contains(&SearchReturn::Update) {
        contexts::begin(core, selected, heading(core, by), key, Some(criteria), &uids)?;
    }
    if asked.contains(&SearchReturn::Save) {
        selected.saved = kept(asked, &uids);
    }
    Ok(Reply::ok_but_expunged("SORT completed", found.lacks_expunged))
}

/// How far the ordering has come nobody knows.
fn uncounted(running: Option<&Running>) {
    if let Some(running) = running {
        running.progress(0, 0);
    }
}

/// `* SORT 5 3 4 1 2 (MODSEQ 9)`: with a MODSEQ where the key asks for it. RFC 7162 3.1.6
fn plain(core: &Core, numbers: impl Iterator<Item = u32>, mod_seq: Option<ModSeq>) -> Result<(), Failure> {
    core.output.say(|out| {
        out.extend_from_slice(b"* SORT");
        for n in numbers {
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

/// `* THREAD (2)(3 6 (4 23)(44 7 96))`
pub(super) fn thread(
    core: &mut Core,
    selected: &mut Selected,
    by: By,
    algorithm: ThreadAlgorithm,
    key: &SearchKey,
) -> Handled {
    // RFC 9738 3.3
    limits::check_whole(core, selected.view.shown().len().into())?;
    let running = core.running();
    let mut found = search_within(core, selected, key, Scores::Unwanted, running.as_ref())?;
    uncounted(running.as_ref());
    selected.view.leave_out_lost(&mut found)?;
    let threads = selected.view.thread(&found.uids, algorithm, core.comparator, by)?;
    drop(running);
    core.output.say(|out| {
        out.extend_from_slice(b"* THREAD");
        if !threads.roots.is_empty() {
            out.push(b' ');
        }
        threads.write(out);
        out.extend_from_slice(b"\r\n");
    })?;
    Ok(Reply::ok_but_expunged("THREAD completed", found.lacks_expunged))
}

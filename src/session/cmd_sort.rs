//! SORT and THREAD, and their UID forms.             RFC 5256 3; RFC 5957; ESORT of RFC 5267 3.1

use super::cmd_search::{heading, search_for};
use super::contexts;
use super::core::{Core, Selected};
use super::esearch::{self, Results, kept};
use super::reply::{Failure, Handled, Reply};
use crate::proto::response as wire;
use crate::types::{By, SearchKey, SearchReturn, SortKey, SortOrder, ThreadAlgorithm};

pub(super) fn sort(
    core: &mut Core,
    selected: &mut Selected,
    by: By,
    returns: Option<&[SearchReturn]>,
    criteria: &[(SortKey, SortOrder)],
    key: &SearchKey,
) -> Handled {
    contexts::check(core, selected, returns.unwrap_or(&[]))?;
    let found = search_for(core, selected, key)?;
    let running = core.running();
    let sorted = selected.view.sort(&found.uids, criteria)?;
    drop(running);
    let sorted = Results::sorted(&sorted);
    match (returns, sorted.numbers(selected.view.shown(), by)) {
        (None, Results::Sorted(numbers)) => plain(core, &numbers)?,
        (returns, numbers) => {
            let returns = returns.unwrap_or(&[]);
            esearch::say(core, &heading(core, by), returns, &numbers, None)?;
            if returns.contains(&SearchReturn::Save) {
                selected.saved = kept(returns, &sorted);
            }
            if returns.contains(&SearchReturn::Update) {
                contexts::begin(core, selected, heading(core, by), key, Some(criteria), &sorted)?;
            }
        }
    }
    Ok(Reply::ok("SORT completed"))
}

/// `* SORT 5 3 4 1 2`
fn plain(core: &Core, numbers: &[u32]) -> Result<(), Failure> {
    core.output.say(|out| {
        out.extend_from_slice(b"* SORT");
        for n in numbers {
            out.push(b' ');
            wire::number(out, (*n).into());
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
    let found = search_for(core, selected, key)?;
    let running = core.running();
    let threads = selected.view.thread(&found.uids, algorithm, by)?;
    drop(running);
    core.output.say(|out| {
        out.extend_from_slice(b"* THREAD");
        if !threads.roots.is_empty() {
            out.push(b' ');
        }
        threads.write(out);
        out.extend_from_slice(b"\r\n");
    })?;
    Ok(Reply::ok("THREAD completed"))
}

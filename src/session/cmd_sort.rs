//! SORT and THREAD, and their UID forms.             RFC 5256 3; RFC 5957; ESORT of RFC 5267 3.1

use super::cmd_search::{kept, search_for};
use super::core::{Core, Selected};
use super::reply::{Failure, Handled, Reply};
use crate::mailbox::Snapshot;
use crate::proto::response as wire;
use crate::types::{By, SearchKey, SearchReturn, SortKey, SortOrder, ThreadAlgorithm, Uid};

pub(super) fn sort(
    core: &mut Core,
    selected: &mut Selected,
    by: By,
    returns: Option<&[SearchReturn]>,
    criteria: &[(SortKey, SortOrder)],
    key: &SearchKey,
) -> Handled {
    let found = search_for(core, selected, key)?;
    let running = core.running();
    let sorted = selected.view.sort(&found.uids, criteria)?;
    drop(running);
    let numbers = numbers(selected.view.shown(), by, &sorted);
    match returns {
        None => plain(core, &numbers)?,
        Some(returns) => {
            extended(core, by, returns, &numbers)?;
            if returns.contains(&SearchReturn::Save) {
                selected.saved = kept(returns, &found.uids);
            }
        }
    }
    Ok(Reply::ok("SORT completed"))
}

fn numbers(shown: &Snapshot, by: By, sorted: &[Uid]) -> Vec<u32> {
    match by {
        By::Uid => sorted.iter().map(|uid| uid.get()).collect(),
        By::Seq => sorted.iter().filter_map(|uid| shown.by_uid(*uid)).map(|message| message.seq().get()).collect(),
    }
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

/// `* ESEARCH (TAG "a") MIN 5 ALL 5,3:4,1:2`: MIN and MAX are the first and the last in the order. RFC 5267 3.1
fn extended(core: &Core, by: By, returns: &[SearchReturn], numbers: &[u32]) -> Result<(), Failure> {
    if returns == [SearchReturn::Save] {
        return Ok(());
    }
    let asked = |item| returns.contains(&item);
    core.output.say(|out| {
        out.extend_from_slice(b"* ESEARCH (TAG ");
        wire::quoted(out, core.tag.as_bytes());
        out.extend_from_slice(b")");
        if by == By::Uid {
            out.extend_from_slice(b" UID");
        }
        if let Some(first) = numbers.first().filter(|_| asked(SearchReturn::Min)) {
            wire::text(out, format_args!(" MIN {first}"));
        }
        if let Some(last) = numbers.last().filter(|_| asked(SearchReturn::Max)) {
            wire::text(out, format_args!(" MAX {last}"));
        }
        if asked(SearchReturn::Count) {
            wire::text(out, format_args!(" COUNT {}", numbers.len()));
        }
        if (asked(SearchReturn::All) || returns.is_empty()) && !numbers.is_empty() {
            out.extend_from_slice(b" ALL ");
            in_order(out, numbers);
        }
        out.extend_from_slice(b"\r\n");
    })?;
    Ok(())
}

/// A sequence set whose order counts: runs that ascend are ranges.
fn in_order(out: &mut Vec<u8>, numbers: &[u32]) {
    for (i, run) in numbers.chunk_by(|a, b| a.checked_add(1) == Some(*b)).enumerate() {
        if i > 0 {
            out.push(b',');
        }
        wire::number(out, run[0].into());
        if let [_, .., last] = run {
            out.push(b':');
            wire::number(out, (*last).into());
        }
    }
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

//! The ESEARCH response.                            RFC 9051 7.3.4; RFC 4731 3.1; RFC 5267 3.1; RFC 9394 3.1, 3.2; RFC 6203 4
//!
//! `* ESEARCH (TAG "a") UID MIN 7 MAX 9 COUNT 3 ALL 7:9`: what was found, as far as the client asked for it, by UIDs or by
//! sequence numbers. MIN and MAX are the first and the last in the requested order, which for SEARCH is the mailbox's.

use super::core::Core;
use super::output::Gone;
use crate::mailbox::{Found, Snapshot};
use crate::proto::Dialect;
use crate::proto::response as wire;
use crate::types::{By, ModSeq, ResultRange, SearchReturn, Uid, UidSet, UidValidity};

/// What was found, in the requested order.
pub(super) enum Results {
    /// In the order of the mailbox.
    Mailbox(UidSet),
    Sorted(Vec<u32>),
}

impl Results {
    /// Messages by what the client calls them, in the order of the mailbox.
    pub(super) fn in_mailbox(uids: &UidSet, shown: &Snapshot, by: By) -> Results {
        match by {
            By::Uid => Results::Mailbox(uids.clone()),
            By::Seq => Results::Mailbox(shown.seqs_of(uids)),
        }
    }

    pub(super) fn count(&self) -> usize {
        match self {
            Results::Mailbox(set) => set.count() as usize,
            Results::Sorted(list) => list.len(),
        }
    }

    fn is_empty(&self) -> bool {
        self.count() == 0
    }

    fn first(&self) -> Option<u32> {
        match self {
            Results::Mailbox(set) => set.first(),
            Results::Sorted(list) => list.first().copied(),
        }
    }

    fn last(&self) -> Option<u32> {
        match self {
            Results::Mailbox(set) => set.last(),
            Results::Sorted(list) => list.last().copied(),
        }
    }

    /// Those at these places.
    fn at(&self, places: std::ops::Range<usize>) -> Results {
        match self {
            Results::Mailbox(set) => Results::Mailbox(set.at(places)),
            Results::Sorted(list) => Results::Sorted(list[places].to_vec()),
        }
    }

    /// Of results that are UIDs.
    pub(super) fn uids(&self) -> Vec<Uid> {
        match self {
            Results::Mailbox(set) => set.uids().collect(),
            Results::Sorted(list) => list.iter().filter_map(|n| Uid::new(*n)).collect(),
        }
    }

    pub(super) fn set(&self) -> UidSet {
        match self {
            Results::Mailbox(set) => set.clone(),
            Results::Sorted(list) => {
                let mut list = list.clone();
                list.sort_unstable();
                let mut set = UidSet::new();
                list.into_iter().for_each(|n| set.push_range(n, n));
                set
            }
        }
    }

    /// A sequence set whose order counts. RFC 5267 3.2
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Results::Mailbox(set) => wire::text(out, format_args!("{set}")),
            Results::Sorted(list) => in_order(out, list),
        }
    }
}

/// Runs that ascend are ranges.
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

/// What a response is about: the search, by its tag, and of a search in many mailboxes the mailbox. RFC 7377 2.1
#[derive(Clone, Debug)]
pub(super) struct Heading {
    pub(super) tag: String,
    pub(super) by: By,
    pub(super) mailbox: Option<(String, UidValidity)>,
}

impl Heading {
    /// `* ESEARCH (TAG "a" MAILBOX folder1 UIDVALIDITY 1) UID`
    pub(super) fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        out.extend_from_slice(b"* ESEARCH (TAG ");
        wire::quoted(out, self.tag.as_bytes());
        if let Some((name, uid_validity)) = &self.mailbox {
            out.extend_from_slice(b" MAILBOX ");
            wire::mailbox(out, name, dialect);
            wire::text(out, format_args!(" UIDVALIDITY {uid_validity}"));
        }
        out.extend_from_slice(if self.by(dialect) == By::Uid { b") UID" } else { b")" });
    }

    /// A client that has enabled UIDONLY meanwhile is told UIDs. RFC 9586 3
    pub(super) fn by(&self, dialect: Dialect) -> By {
        if dialect.uid_only { By::Uid } else { self.by }
    }
}

fn partial(returns: &[SearchReturn]) -> Option<ResultRange> {
    returns.iter().find_map(|option| match option {
        SearchReturn::Partial(range) => Some(*range),
        _ => None,
    })
}

/// Whether there is anything to say: some options ask for no data. RFC 5182 2.1
fn has_data(returns: &[SearchReturn]) -> bool {
    let is_data =
        |option: &SearchReturn| !matches!(option, SearchReturn::Save | SearchReturn::Context | SearchReturn::Update);
    returns.is_empty() || returns.iter().any(is_data)
}

/// What was found, and what the client asked for of it.
pub(super) struct Answer<'a> {
    pub(super) returns: &'a [SearchReturn],
    pub(super) uids: &'a Results,
    /// The same by what the client calls them.
    pub(super) numbers: &'a Results,
    pub(super) mod_seq: Option<ModSeq>,
    pub(super) found: &'a Found,
}

impl Answer<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let numbers = self.numbers;
        let asked = |item| self.returns.contains(&item);
        if let Some(first) = numbers.first().filter(|_| asked(SearchReturn::Min)) {
            wire::text(out, format_args!(" MIN {first}"));
        }
        if let Some(last) = numbers.last().filter(|_| asked(SearchReturn::Max)) {
            wire::text(out, format_args!(" MAX {last}"));
        }
        if asked(SearchReturn::Count) {
            wire::text(out, format_args!(" COUNT {}", numbers.count()));
        }
        if (asked(SearchReturn::All) || self.returns.is_empty()) && !numbers.is_empty() {
            out.extend_from_slice(b" ALL ");
            numbers.write(out);
        }
        let part = partial(self.returns);
        if let Some(range) = part {
            write_part(out, range, numbers);
        }
        if asked(SearchReturn::Relevancy) {
            let part = part.map(|range| self.uids.at(range.of(numbers.count())));
            self.write_scores(out, part.as_ref().unwrap_or(self.uids));
        }
        if let Some(mod_seq) = self.mod_seq {
            wire::text(out, format_args!(" MODSEQ {mod_seq}"));
        }
    }

    /// `RELEVANCY (99 42 4)`: of the results that are listed, in their order. RFC 6203 4
    fn write_scores(&self, out: &mut Vec<u8>, uids: &Results) {
        out.extend_from_slice(b" RELEVANCY (");
        for (at, uid) in uids.uids().into_iter().enumerate() {
            let separator = if at > 0 { " " } else { "" };
            wire::text(out, format_args!("{separator}{}", self.found.score(uid)));
        }
        out.push(b')');
    }
}

/// `PARTIAL (1:500 3,5:9)`
fn write_part(out: &mut Vec<u8>, range: ResultRange, numbers: &Results) {
    let part = numbers.at(range.of(numbers.count()));
    wire::text(out, format_args!(" PARTIAL ({range} "));
    match part.is_empty() {
        true => out.extend_from_slice(b"NIL"),
        false => part.write(out),
    }
    out.push(b')');
}

/// The whole response.
pub(super) fn say(core: &Core, heading: &Heading, answer: &Answer<'_>) -> Result<(), Gone> {
    if !has_data(answer.returns) {
        return Ok(());
    }
    core.output.say(|out| {
        heading.write(out, core.dialect);
        answer.write(out);
        out.extend_from_slice(b"\r\n");
    })
}

/// What `$` stands for afterwards, of the UIDs that were found. RFC 5182 2.4; RFC 9394 3.2
pub(super) fn kept(returns: &[SearchReturn], found: &Results) -> UidSet {
    let asked = |item| returns.contains(&item);
    let (min, max, partial) = (asked(SearchReturn::Min), asked(SearchReturn::Max), partial(returns));
    if asked(SearchReturn::All) || asked(SearchReturn::Count) || (!min && !max && partial.is_none()) {
        return found.set();
    }
    let mut kept = partial.map_or_else(UidSet::new, |range| found.at(range.of(found.count())).set());
    let ends = [found.first().filter(|_| min), found.last().filter(|_| max)];
    ends.into_iter().flatten().for_each(|n| kept.push_range(n, n));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ResultEnd;

    #[test]
    fn what_is_kept() {
        let range = |a, b| SearchReturn::Partial(ResultRange::new(ResultEnd::Last, a, b).unwrap());
        let mut set = UidSet::new();
        [2, 4, 6, 8].into_iter().for_each(|n| set.push_range(n, n));
        let (found, sorted) = (Results::Mailbox(set), Results::Sorted(vec![8, 2, 6, 4]));
        let kept = |returns: &[SearchReturn], found| kept(returns, found).to_string();
        use SearchReturn::{All, Count, Max, Min, Save};
        assert_eq!(kept(&[Save], &found), "2,4,6,8");
        assert_eq!(kept(&[Save, Min], &found), "2");
        assert_eq!(kept(&[Save, Min, Max], &found), "2,8");
        assert_eq!(kept(&[Save, Min, Count], &found), "2,4,6,8");
        assert_eq!(kept(&[Save, Min, All], &found), "2,4,6,8");
        assert_eq!(kept(&[Save, range(1, 2)], &found), "6,8");
        assert_eq!(kept(&[Save, range(1, 2), Min], &found), "2,6,8");
        assert_eq!(kept(&[Save, range(2, 2), Min, Max], &found), "2,6,8");
        assert_eq!(kept(&[Save, range(1, 2), Count, Min], &found), "2,4,6,8");
        assert_eq!(kept(&[Save, range(9, 10)], &found), "");
        assert_eq!(kept(&[Save, Min, range(1, 1)], &sorted), "4,8");
    }
}

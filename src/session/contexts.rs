//! Searches whose results are kept up to date for the client.      RFC 5267 4.3
//!
//! A context keeps the UIDs that the client knows to be results. When the view moves on, what has left it is said before
//! the EXPUNGEs, so that the numbers still mean something; what has come or changed is looked at again after EXISTS and
//! FETCH. That costs the messages that have changed, not those of the mailbox. Positions of SEARCH are 0, those of SORT
//! are kept to the requested order.

use super::cmd_fetch;
use super::core::{Core, Selected};
use super::esearch::{Heading, Results};
use super::reply::{Failure, Reply};
use crate::mailbox::{Asked, Changes, Expunges, Order, Scores, View};
use crate::proto::ResponseCode;
use crate::proto::response::{self as wire, status};
use crate::types::{By, Comparator, FetchItem, SearchKey, SearchReturn, Seq, SortKey, SortOrder, Uid, UidSet};

/// The contexts of a session.
#[derive(Default)]
pub(super) struct Contexts(Vec<Context>);

struct Context {
    heading: Heading,
    /// Its answer for a message depends on that message alone.
    key: SearchKey,
    comparator: Comparator,
    results: UidSet,
    /// The same in the requested order, of SORT.
    sorted: Option<Sorted>,
    /// To be fetched of new messages that become results. RFC 5465 7
    items: Vec<FetchItem>,
}

struct Sorted {
    order: Order,
    uids: Vec<Uid>,
}

/// Results that come or go at one place.
struct Update {
    /// From 1; 0 for the order of the mailbox.
    position: usize,
    uids: Vec<Uid>,
}

/// Refuses a search that asks for updates under a tag that another one has. RFC 5267 4.3
pub(super) fn check(core: &Core, selected: &Selected, returns: &[SearchReturn]) -> Result<(), Failure> {
    let taken = || selected.contexts.0.iter().any(|context| context.heading.tag == core.tag);
    match returns.contains(&SearchReturn::Update) && taken() {
        true => Err(Reply::bad("A search of this tag is being kept up to date; use another tag").into()),
        false => Ok(()),
    }
}

/// Keeps the results of a search up to date from now on, or says that they will not be. RFC 5267 4.3.1
pub(super) fn begin(
    core: &Core,
    selected: &mut Selected,
    heading: Heading,
    key: &SearchKey,
    criteria: Option<&[(SortKey, SortOrder)]>,
    found: &Results,
) -> Result<(), Failure> {
    let most = core.service.settings().search_contexts_max;
    let tells_time = key.any(&|key| matches!(key, SearchKey::Younger(_) | SearchKey::Older(_)));
    let by_relevancy = criteria.is_some_and(|all| all.iter().any(|(key, _)| *key == SortKey::Relevancy));
    let refused = match (selected.contexts.0.len() >= most, tells_time, by_relevancy) {
        (true, ..) => Some("Too many searches are kept up to date; CANCELUPDATE one"),
        (_, true, _) => Some("What is YOUNGER or OLDER changes without news of it"),
        (_, _, true) => Some("An order by RELEVANCY is not kept"),
        _ => None,
    };
    if let Some(why) = refused {
        log::debug!("no updates of search {}: {why}", heading.tag);
        let code = ResponseCode::NoUpdate(heading.tag);
        return Ok(core.output.say(|out| status(out, "*", "NO", Some(&code), &core.said(why)))?);
    }
    let comparator = core.comparator;
    let sorted =
        |criteria: &[_]| Sorted { order: Order { criteria: criteria.to_vec(), comparator }, uids: found.uids() };
    let key = selected.view.fixed(key, &selected.saved);
    let context =
        Context { heading, key, comparator, results: found.set(), sorted: criteria.map(sorted), items: Vec::new() };
    selected.contexts.0.push(context);
    Ok(())
}

/// What is to be fetched of new messages that become results of the command's search. RFC 5465 7
pub(super) fn fetch_of_new(core: &Core, selected: &mut Selected, items: Vec<FetchItem>) {
    if let Some(context) = selected.contexts.0.iter_mut().find(|context| context.heading.tag == core.tag) {
        context.items = items;
    }
}

/// CANCELUPDATE. RFC 5267 4.3.5
pub(super) fn cancel(core: &mut Core, selected: &mut Selected, tags: &[String]) -> super::reply::Handled {
    let known = |tag: &String| selected.contexts.0.iter().any(|context| context.heading.tag == *tag);
    let all_known = tags.iter().all(known);
    selected.contexts.0.retain(|context| !tags.contains(&context.heading.tag));
    super::report::news(core, selected, Expunges::Report)?;
    match all_known {
        true => Ok(Reply::ok("CANCELUPDATE completed")),
        false => Err(Reply::no(ResponseCode::NonExistent, "No search of this tag is kept up to date").into()),
    }
}

/// Says which results are about to be expunged, by the numbers that they still have. RFC 5267 4.3.4
pub(super) fn expunged(core: &Core, selected: &mut Selected, changes: &Changes) -> Result<(), Failure> {
    if selected.contexts.0.is_empty() || changes.expunged.is_empty() {
        return Ok(());
    }
    let gone: UidSet = changes.expunged.iter().map(|(_, uid)| *uid).collect();
    let seq = |uid: Uid| {
        let at = changes.expunged.binary_search_by_key(&uid, |(_, uid)| *uid).ok()?;
        Some(changes.expunged[at].0)
    };
    for context in &mut selected.contexts.0 {
        let removed = context.remove(&gone);
        say(core, &context.heading, &[("REMOVEFROM", removed)], seq)?;
    }
    Ok(())
}

/// Looks again at what has come or changed. RFC 5267 4.3.3, 4.3.4
pub(super) fn touched(core: &Core, selected: &mut Selected, changes: &Changes) -> Result<(), Failure> {
    if selected.contexts.0.is_empty() || changes.touched.is_empty() {
        return Ok(());
    }
    let (view, saved) = (&selected.view, UidSet::new());
    let flags: UidSet = changes.flags.iter().copied().collect();
    let changed = flags.union(&changes.others.iter().copied().collect());
    let arrived = changes.touched.difference(&changed).difference(&selected.created);
    let mut wanted: Vec<(UidSet, Vec<FetchItem>)> = Vec::new();
    let seq = |uid: Uid| view.shown().by_uid(uid).map(|message| message.seq());
    for context in &mut selected.contexts.0 {
        let Context { key, comparator, .. } = &*context;
        let asked = Asked { key, saved: &saved, comparator: *comparator, scores: Scores::Unwanted };
        let matching = view.search_among(&asked, &changes.touched)?;
        let gone = changes.touched.difference(&matching).union(&context.displaced(view, &matching)?);
        let removed = context.remove(&gone);
        let added = context.add(view, &matching)?;
        say(core, &context.heading, &[("REMOVEFROM", removed), ("ADDTO", added)], seq)?;
        if changes.exists.is_some() && !context.items.is_empty() {
            wanted.push((matching.intersection(&arrived), context.items.clone()));
        }
    }
    wanted.iter().try_for_each(|(new, items)| cmd_fetch::fetch_new(core, selected, new, items))
}

impl Context {
    /// What goes of the results, each run at the place that it has when those before it in the list are gone.
    fn remove(&mut self, gone: &UidSet) -> Vec<Update> {
        let gone = self.results.intersection(gone);
        if gone.is_empty() {
            return Vec::new();
        }
        self.results = self.results.difference(&gone);
        let Some(sorted) = &mut self.sorted else { return vec![Update::in_mailbox(&gone)] };
        // The last place first: the places before it stay what they are.
        let mut updates = sorted.runs(&gone);
        updates.reverse();
        sorted.uids.retain(|uid| !gone.contains(uid.get()));
        updates
    }

    /// Results that an order by annotations, which change, puts into other places than before.
    fn displaced(&self, view: &View, touched: &UidSet) -> Result<UidSet, Failure> {
        let is_of_annotations = |(key, _): &(SortKey, SortOrder)| matches!(key, SortKey::Annotation(_));
        let Some(sorted) = self.sorted.as_ref().filter(|sorted| sorted.order.criteria.iter().any(is_of_annotations))
        else {
            return Ok(UidSet::new());
        };
        let among = self.results.intersection(touched);
        let mut others: Vec<Uid> = sorted.uids.clone();
        others.retain(|uid| !among.contains(uid.get()));
        view.sort_into(&mut others, &among, &sorted.order)?;
        Ok(if others == sorted.uids { UidSet::new() } else { among })
    }

    /// What comes to the results, each run at the place that it has when those before it in the list are there.
    fn add(&mut self, view: &View, new: &UidSet) -> Result<Vec<Update>, Failure> {
        let new = new.difference(&self.results);
        if new.is_empty() {
            return Ok(Vec::new());
        }
        self.results = self.results.union(&new);
        let Some(sorted) = &mut self.sorted else { return Ok(vec![Update::in_mailbox(&new)]) };
        view.sort_into(&mut sorted.uids, &new, &sorted.order)?;
        Ok(sorted.runs(&new))
    }
}

impl Update {
    fn in_mailbox(uids: &UidSet) -> Update {
        Update { position: 0, uids: uids.uids().collect() }
    }
}

impl Sorted {
    /// Where these results stand, neighbours together.
    fn runs(&self, among: &UidSet) -> Vec<Update> {
        let mut runs: Vec<Update> = Vec::new();
        for (at, uid) in self.uids.iter().enumerate().filter(|(_, uid)| among.contains(uid.get())) {
            match runs.last_mut() {
                Some(run) if run.position + run.uids.len() == at + 1 => run.uids.push(*uid),
                _ => runs.push(Update { position: at + 1, uids: vec![*uid] }),
            }
        }
        runs
    }
}

/// `* ESEARCH (TAG "B01") UID REMOVEFROM (0 32768:32769) ADDTO (0 5)`
fn say(
    core: &Core,
    heading: &Heading,
    items: &[(&str, Vec<Update>)],
    seq: impl Fn(Uid) -> Option<Seq>,
) -> Result<(), Failure> {
    if items.iter().all(|(_, updates)| updates.is_empty()) {
        return Ok(());
    }
    let number = |uid: &Uid| match heading.by(core.dialect) {
        By::Uid => Some(uid.get()),
        By::Seq => seq(*uid).map(Seq::get),
    };
    Ok(core.output.say(|out| {
        heading.write(out, core.dialect);
        for (name, updates) in items.iter().filter(|(_, updates)| !updates.is_empty()) {
            wire::text(out, format_args!(" {name} ("));
            for (at, update) in updates.iter().enumerate() {
                let separator = if at > 0 { " " } else { "" };
                wire::text(out, format_args!("{separator}{} ", update.position));
                Results::Sorted(update.uids.iter().filter_map(number).collect()).write(out);
            }
            out.push(b')');
        }
        out.extend_from_slice(b"\r\n");
    })?)
}

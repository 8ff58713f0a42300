//! ESEARCH: one search in many mailboxes.           RFC 7377; RFC 5465 6
//!
//! Each mailbox that has a match is answered for with one response, by UID. A mailbox that may not be read, or that is
//! not there, is passed over without a word. UPDATE is about the selected mailbox, whatever is searched.

use std::collections::HashSet;
use std::sync::Arc;

use super::cmd_search::{highest, names_mod_seq, scores, search_view};
use super::contexts;
use super::core::{Core, Selected, State};
use super::esearch::{self, Answer, Heading, Results, kept};
use super::limits;
use super::place::Place;
use super::reply::{Failure, Handled, Reply};
use crate::mailbox::{Access, Account, Mailbox, MailboxError, Refusal, Scores, View};
use crate::proto::ResponseCode;
use crate::types::{By, MailboxFilter, MailboxName, Right, SearchKey, SearchReturn, UidSet, Visibility};

/// Whether a mailbox is named, or found by where it is: then it must be visible too. RFC 7377 2.2
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Named {
    Itself,
    ByPlace,
}

/// What is to be searched: the names by which the client knows mailboxes, each mailbox once.
#[derive(Default)]
struct Sources {
    selected: bool,
    mailboxes: Vec<(String, Source)>,
    known: HashSet<String>,
    /// Names that have been looked at: trees that are named may overlap as often as a line is long.
    seen: HashSet<(String, Named)>,
}

/// A mailbox, and what the client sees of it.
struct Source {
    mailbox: Arc<Mailbox>,
    visibility: Visibility,
}

impl Source {
    fn open(&self, core: &Core, user: &Account) -> Result<View, MailboxError> {
        let view = View::open(self.mailbox.clone(), Access::ReadOnly, self.visibility, core.bell.clone())?;
        Ok(view.of_user(user))
    }
}

pub(super) fn esearch(
    core: &mut Core,
    account: &Arc<Account>,
    state: &mut State,
    filters: &[MailboxFilter],
    returns: &[SearchReturn],
    key: &SearchKey,
) -> Handled {
    let mut selected = match state {
        State::Selected(_, selected) => Some(&mut **selected),
        _ => None,
    };
    check(core, selected.as_deref(), filters, returns)?;
    let names_selected = filters.contains(&MailboxFilter::Selected) || returns.contains(&SearchReturn::Update);
    if let Some(selected) = selected.as_mut().filter(|_| names_selected) {
        selected.require_read(core)?;
    }
    scores(returns, &[], key)?;
    if names_mod_seq(key) {
        core.enable_condstore(selected.as_deref())?;
    }
    let sources = sources(core, account, selected.as_deref(), filters)?;
    // Mailboxes are counted, not messages: one by one they are over soon.
    let running = core.running();
    let mut limited = None;
    match selected.as_deref().filter(|_| sources.selected && sources.mailboxes.is_empty()) {
        // As SEARCH is.
        Some(selected) => limited = limits::cut(core, selected, key)?,
        None => check_limit(core, account, selected.as_deref(), &sources, key)?,
    }
    let (within, limited) = limited.map_or((None, None), |(key, code)| (Some(key), Some(code)));
    if let Some(selected) = selected.as_mut().filter(|_| sources.selected) {
        in_selected(core, selected, returns, within.as_ref().unwrap_or(key))?;
    }
    for (at, (name, source)) in sources.mailboxes.iter().enumerate() {
        if let Some(running) = &running {
            running.progress(at as u64, sources.mailboxes.len() as u64);
        }
        match in_other(core, account, name, source, returns, key) {
            // It went meanwhile.
            Err(Failure::Refused(reply)) if reply.code == Some(ResponseCode::NonExistent) => {}
            done => done?,
        }
    }
    if let Some(selected) = selected.filter(|_| returns.contains(&SearchReturn::Update)) {
        keep(core, selected, key)?;
    }
    Ok(limits::finish(core, Reply::ok("ESEARCH completed"), limited)?)
}

/// Refuses a search that would look at more messages, in all mailboxes together, than one command deals with.
fn check_limit(
    core: &Core,
    account: &Account,
    selected: Option<&Selected>,
    sources: &Sources,
    key: &SearchKey,
) -> Result<(), Failure> {
    if core.message_limit().is_none() {
        return Ok(());
    }
    let mut messages = match selected.filter(|_| sources.selected) {
        Some(selected) => limits::searched(core, &selected.view, key, &selected.saved)?,
        None => 0,
    };
    for (_, source) in &sources.mailboxes {
        match source.open(core, account) {
            Ok(view) => messages += limits::searched(core, &view, key, &UidSet::new())?,
            // It went meanwhile.
            Err(MailboxError::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    limits::check_whole(core, messages)
}

/// What RFC 7377 2.2 makes BAD.
fn check(
    core: &Core,
    selected: Option<&Selected>,
    filters: &[MailboxFilter],
    returns: &[SearchReturn],
) -> Result<(), Failure> {
    let Some(selected) = selected else {
        return match filters.contains(&MailboxFilter::Selected) || returns.contains(&SearchReturn::Update) {
            true => Err(Reply::bad("No mailbox is selected").into()),
            false => Ok(()),
        };
    };
    if returns.contains(&SearchReturn::Save) && filters.iter().any(|filter| *filter != MailboxFilter::Selected) {
        return Err(Reply::bad("SAVE is for a search of the selected mailbox alone").into());
    }
    contexts::check(core, selected, returns)
}

fn in_selected(
    core: &mut Core,
    selected: &mut Selected,
    returns: &[SearchReturn],
    key: &SearchKey,
) -> Result<(), Failure> {
    let heading = heading(core, &selected.name, &selected.view);
    let saving = returns.contains(&SearchReturn::Save);
    // RFC 5182 2.1: a search that fails leaves nothing saved.
    let saved = if saving { std::mem::take(&mut selected.saved) } else { selected.saved.clone() };
    let found = answer(core, &heading, &selected.view, &saved, returns, key)?;
    if saving {
        selected.saved = kept(returns, &found);
    }
    Ok(())
}

fn in_other(
    core: &Core,
    account: &Account,
    name: &str,
    source: &Source,
    returns: &[SearchReturn],
    key: &SearchKey,
) -> Result<(), Failure> {
    let view = source.open(core, account)?;
    answer(core, &heading(core, name, &view), &view, &UidSet::new(), returns, key).map(drop)
}

fn heading(core: &Core, name: &str, view: &View) -> Heading {
    let uid_validity = view.shown().header().uid_validity;
    Heading { tag: core.tag.clone(), by: By::Uid, mailbox: Some((name.to_string(), uid_validity)) }
}

/// One mailbox's response, where anything matches.
fn answer(
    core: &Core,
    heading: &Heading,
    view: &View,
    saved: &UidSet,
    returns: &[SearchReturn],
    key: &SearchKey,
) -> Result<Results, Failure> {
    let found = search_view(core, view, saved, key, scores(returns, &[], key)?, &mut |_, _| {})?;
    let uids = Results::Mailbox(found.uids.clone());
    if uids.count() > 0 {
        let mod_seq = names_mod_seq(key).then(|| highest(view.shown(), &kept(returns, &uids)));
        let answer = Answer { returns, uids: &uids, numbers: &uids, mod_seq, found: &found };
        esearch::say(core, heading, &answer)?;
    }
    Ok(uids)
}

fn keep(core: &Core, selected: &mut Selected, key: &SearchKey) -> Result<(), Failure> {
    let found = search_view(core, &selected.view, &selected.saved, key, Scores::Unwanted, &mut |_, _| {})?;
    let found = Results::Mailbox(found.uids);
    let heading = heading(core, &selected.name, &selected.view);
    contexts::begin(core, selected, heading, key, None, &found)
}

fn sources(
    core: &Core,
    account: &Arc<Account>,
    selected: Option<&Selected>,
    filters: &[MailboxFilter],
) -> Result<Sources, Failure> {
    let mut sources = Sources::default();
    if let Some(selected) = selected.filter(|_| filters.contains(&MailboxFilter::Selected)) {
        sources.selected = true;
        sources.known.insert(selected.view.mailbox().object_id());
    }
    for (at, filter) in filters.iter().enumerate() {
        // Said again it says no more.
        if filters[..at].contains(filter) {
            continue;
        }
        names(core, account, filter, &mut |name, named| sources.add(core, account, selected, name, named))?;
    }
    Ok(sources)
}

impl Sources {
    fn add(
        &mut self,
        core: &Core,
        account: &Arc<Account>,
        selected: Option<&Selected>,
        name: String,
        named: Named,
    ) -> Result<(), Failure> {
        if !self.seen.insert((name.clone(), named)) {
            return Ok(());
        }
        let Some(source) = readable(core, account, &name, named)? else { return Ok(()) };
        if !self.known.insert(source.mailbox.object_id()) {
            return Ok(());
        }
        // What the client has not been told of the selected mailbox is not found there.
        if selected.is_some_and(|selected| Arc::ptr_eq(selected.view.mailbox(), &source.mailbox)) {
            self.selected = true;
            return Ok(());
        }
        self.mailboxes.push((name, source));
        let most = core.service.settings().searched_mailboxes_max;
        match self.mailboxes.len() > most {
            true => {
                let text = format!("One search looks into {most} mailboxes at most; name fewer");
                Err(Reply::no(ResponseCode::Limit, text).into())
            }
            false => Ok(()),
        }
    }
}

/// The mailbox of a name that the client may search; nothing where it may not, or where there is none.
fn readable(core: &Core, account: &Arc<Account>, name: &str, named: Named) -> Result<Option<Source>, Failure> {
    let place = match core.place(account, name) {
        Ok(place) => place,
        Err(Failure::Refused(_)) => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let rights = place.rights();
    if !rights.has(Right::Read) || (named == Named::ByPlace && !rights.has(Right::Lookup)) {
        return Ok(None);
    }
    match place.account.mailbox(&place.name) {
        Ok(mailbox) => Ok(Some(Source { mailbox, visibility: core.visibility(rights) })),
        Err(MailboxError::Refused(Refusal::NonExistent | Refusal::NoSelect)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// How many levels below a mailbox.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Levels {
    One,
    All,
}

/// Gives `take` the names of the mailboxes that a specifier means, in order.
fn names(
    core: &Core,
    account: &Arc<Account>,
    filter: &MailboxFilter,
    take: &mut dyn FnMut(String, Named) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let tree = account.tree();
    match filter {
        MailboxFilter::Selected => Ok(()),
        // Mail is delivered to INBOX alone.
        MailboxFilter::Inboxes => take(MailboxName::inbox().as_str().to_string(), Named::ByPlace),
        MailboxFilter::Personal => tree.nodes().try_for_each(|(name, _)| take(name.to_string(), Named::ByPlace)),
        MailboxFilter::Subscribed => {
            tree.subscriptions().iter().try_for_each(|name| take(name.clone(), Named::ByPlace))
        }
        MailboxFilter::Mailboxes(names) => names.iter().try_for_each(|name| take(name.clone(), Named::Itself)),
        MailboxFilter::Subtree(names) => with_below(core, account, names, Levels::All, take),
        MailboxFilter::SubtreeOne(names) => with_below(core, account, names, Levels::One, take),
    }
}

/// A tree of names has no loops. RFC 7377 2.2
fn with_below(
    core: &Core,
    account: &Arc<Account>,
    names: &[String],
    levels: Levels,
    take: &mut dyn FnMut(String, Named) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut tops = HashSet::new();
    for name in names.iter().filter(|name| tops.insert(name.as_str())) {
        take(name.clone(), Named::Itself)?;
        if let Ok(place) = core.place(account, name) {
            below(&place, levels).try_for_each(|below| take(below, Named::ByPlace))?;
        }
    }
    Ok(())
}

/// The names below a place, as the client would write them.
fn below(place: &Place, levels: Levels) -> impl Iterator<Item = String> {
    let tree = place.account.tree();
    let nodes = tree.nodes().map(|(name, _)| name);
    let wanted = nodes.filter(|name| match levels {
        Levels::All => name.is_below(&place.name),
        Levels::One => name.parent().as_ref() == Some(&place.name),
    });
    let long = place.name.as_str().len();
    let shown = |name: &MailboxName| format!("{}{}", place.shown, &name.as_str()[long..]);
    wanted.map(shown).collect::<Vec<_>>().into_iter()
}

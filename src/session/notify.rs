//! What a client hears of under NOTIFY, command or none, and telling it.             RFC 5465
//!
//! Of other mailboxes than the selected one it is told by STATUS what is not as it was told last. Nothing is queued but
//! which mailboxes have changed, and each of them once: what there is to say is read when it is said. What the client
//! itself has done it is not told. Of the selected mailbox `report` tells, by what `OfSelected` says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::core::{Core, Selected, State};
use super::notify_told::{Kinds, Told};
use super::place::{FOREIGN, Place};
use super::reply::Failure;
use super::{cmd_status, notify_names as names, report};
use crate::mailbox::{Account, Expunges, Listener, Listening, Mailbox, MailboxError, Refusal, View};
use crate::proto::ResponseCode;
use crate::proto::response::untagged_ok;
use crate::types::{
    AccountId, AccountName, Event, EventGroup, FetchItem, MailboxId, MailboxName, Right, Rights, StatusItem, UidSet,
    WatchFilter,
};

type Key = (AccountId, MailboxId);

/// SELECTED tells of an EXPUNGE at once, SELECTED-DELAYED when a command permits it. RFC 5465 6.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delay {
    None,
    Expunges,
}

/// What a client hears of the mailbox that is selected, whichever that is.
pub(super) struct OfSelected {
    delay: Delay,
    /// To be fetched of new messages.
    pub(super) items: Vec<FetchItem>,
    pub(super) flags: bool,
    pub(super) annotations: bool,
}

impl OfSelected {
    fn new(group: &EventGroup) -> Option<OfSelected> {
        let items = group.events.iter().find_map(|event| match event {
            Event::MessageNew(items) => Some(items.clone()),
            _ => None,
        })?;
        let delay = if group.filter == WatchFilter::Selected { Delay::None } else { Delay::Expunges };
        let (flags, annotations) =
            (group.events.contains(&Event::FlagChange), group.events.contains(&Event::AnnotationChange));
        Some(OfSelected { delay, items, flags, annotations })
    }
}

/// A mailbox whose messages a client hears of.
struct Watched {
    /// Among `heard`.
    account: usize,
    name: MailboxName,
    key: Key,
    /// Those of the client there.
    rights: Rights,
    kinds: Kinds,
    told: Told,
}

/// What a mailbox is compared with that is watched from now on.
#[derive(Clone, Copy)]
pub(super) enum Since {
    Now,
    Untold,
}

/// An account of which the client hears, and what it has before the names of that account.
pub(super) struct Heard {
    pub(super) listening: Listening,
    pub(super) prefixes: BTreeSet<String>,
}

/// More is asked for than can be told.
pub(super) struct Overflow;

pub(super) struct Notify {
    /// `None`: nothing is told of it.
    pub(super) selected: Option<OfSelected>,
    groups: Vec<EventGroup>,
    listener: Arc<Listener>,
    /// The user's own account first, where there are any.
    pub(super) heard: Vec<Heard>,
    watched: BTreeMap<String, Watched>,
    by_key: HashMap<Key, BTreeSet<String>>,
    /// Names of which the client has been told that it has no access to their mailboxes. RFC 5465 5.9
    no_access: BTreeSet<String>,
    /// To be looked at beside what the listener has heard.
    pending: BTreeSet<Key>,
    most: usize,
}

/// Between commands, or during IDLE, which permits EXPUNGE. RFC 5465 6.1.2
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Between,
    Idle,
}

/// Tells what there is to tell under NOTIFY, of the selected mailbox and of others.
pub(super) fn tell(core: &mut Core, state: &mut State, moment: Moment) -> Result<(), Failure> {
    let Some(mut notify) = core.notify.take() else { return Ok(()) };
    let told = match state {
        State::Authenticated(own) => notify.tell(core, own, None),
        State::Selected(own, selected) => notify.tell(core, own, Some(selected.view.mailbox().key())),
        State::NotAuthenticated => Ok(Ok(())),
    };
    if let Ok(Err(Overflow)) = told {
        notify = Box::new(Notify::new(core, Vec::new()));
        let text = "More happens than this session can be told of; NOTIFY NONE is in force";
        core.output.say(|out| untagged_ok(out, Some(&ResponseCode::NotificationOverflow), text))?;
    }
    let expunges = match notify.selected.as_ref().map(|of| of.delay) {
        Some(Delay::Expunges) if moment == Moment::Between => Expunges::Hold,
        _ => Expunges::Report,
    };
    core.notify = Some(notify);
    let _ = told?;
    match state {
        State::Selected(_, selected) => {
            listen(core, selected);
            report::news(core, selected, expunges)
        }
        _ => Ok(()),
    }
}

/// Has the bell rung at changes of the selected mailbox while the client hears of them between commands.
pub(super) fn listen(core: &Core, selected: &mut Selected) {
    let wanted = core.notify.as_ref().and_then(|notify| notify.selected.as_ref());
    if wanted.is_some_and(|wanted| wanted.annotations)
        && let Err(error) = selected.view.follow_annotations()
    {
        log::warn!("annotations of messages: {error}");
    }
    match wanted.is_some() {
        true => selected.view.listen(),
        false => selected.view.rest(),
    }
}

/// A mailbox has been selected: what the client has been told of it is what it was told now.
pub(super) fn enter(core: &mut Core, selected: &mut Selected) {
    listen(core, selected);
    if let Some(notify) = &mut core.notify {
        notify.seen(&selected.view);
    }
}

/// It is not selected any more. What it was told meanwhile it need not be told again.
pub(super) fn leave(core: &mut Core, selected: &Selected) {
    if let Some(notify) = &mut core.notify {
        match notify.selected.is_some() {
            true => notify.seen(&selected.view),
            false => drop(notify.pending.insert(selected.view.mailbox().key())),
        }
    }
}

/// Messages that the client itself has put into a mailbox are nothing new to it. RFC 5465 5, 5.2
pub(super) fn created(core: &mut Core, selected: Option<&mut Selected>, mailbox: &Mailbox, uids: &UidSet) {
    let Some(mut notify) = core.notify.take() else { return };
    notify.created(core, mailbox, uids);
    core.notify = Some(notify);
    if let Some(selected) = selected.filter(|selected| selected.view.mailbox().key() == mailbox.key()) {
        uids.ranges().iter().for_each(|&(low, high)| selected.created.push_range(low, high));
    }
}

/// What the client itself has expunged by CLOSE is nothing new to it. RFC 5465 5
pub(super) fn closed(core: &mut Core, mailbox: &Mailbox) {
    let Some(mut notify) = core.notify.take() else { return };
    notify.closed(core, mailbox);
    core.notify = Some(notify);
}

/// What a mailbox is to a client. RFC 5465 3.1
enum Reach {
    Open(Arc<Mailbox>),
    NoAccess,
    Nothing,
}

fn reach(place: &Place) -> Result<Reach, MailboxError> {
    let rights = place.rights();
    let mailbox = match place.account.mailbox(&place.name) {
        Ok(mailbox) if place.is_own() || rights.has(Right::Lookup) => mailbox,
        Ok(_) | Err(MailboxError::Refused(_)) => return Ok(Reach::Nothing),
        Err(error) => return Err(error),
    };
    match place.is_own() || rights.has(Right::Read) {
        true => Ok(Reach::Open(mailbox)),
        false => Ok(Reach::NoAccess),
    }
}

impl Notify {
    /// Nothing is watched yet.
    pub(super) fn new(core: &Core, groups: Vec<EventGroup>) -> Notify {
        let (of_selected, groups): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| group.filter.is_selected());
        Notify {
            selected: of_selected.first().and_then(OfSelected::new),
            groups,
            listener: Listener::new(core.bell.clone()),
            heard: Vec::new(),
            watched: BTreeMap::new(),
            by_key: HashMap::new(),
            no_access: BTreeSet::new(),
            pending: BTreeSet::new(),
            most: core.service.settings().watched_mailboxes_max,
        }
    }

    /// Begins to watch all that the groups name.
    pub(super) fn begin(&mut self, core: &Core, own: &Arc<Account>) -> Result<Result<(), Overflow>, Failure> {
        if self.groups.is_empty() {
            return Ok(Ok(()));
        }
        self.hear(own, "");
        for group in &mut self.groups {
            if let WatchFilter::Subtree(tops) | WatchFilter::Mailboxes(tops) = &mut group.filter {
                tops.iter_mut().for_each(|name| *name = names::canonical(core, own, name));
            }
        }
        for name in names::candidates(core, own, &self.groups)? {
            self.consider(core, own, &name, Since::Now)?;
            if self.watched.len() > self.most {
                return Ok(Err(Overflow));
            }
        }
        Ok(Ok(()))
    }

    /// The account's place among those that are heard.
    fn hear(&mut self, account: &Arc<Account>, prefix: &str) -> usize {
        let known = self.heard.iter().position(|heard| heard.listening.account().id() == account.id());
        let at = known.unwrap_or_else(|| {
            let listening = Listening::new(account.clone(), self.listener.clone());
            self.heard.push(Heard { listening, prefixes: BTreeSet::new() });
            self.heard.len() - 1
        });
        if !self.heard[at].prefixes.contains(prefix) {
            self.heard[at].prefixes.insert(prefix.to_string());
        }
        at
    }

    fn events<'a>(&'a self, own: &'a Account, name: &'a str) -> impl Iterator<Item = &'a Event> {
        let covering = move |group: &&EventGroup| names::covers(&group.filter, own, name);
        self.groups.iter().filter(covering).flat_map(|group| &group.events)
    }

    pub(super) fn wants(&self, own: &Account, name: &str, event: &Event) -> bool {
        self.events(own, name).any(|wanted| wanted == event)
    }

    /// Whether an event of what is subscribed to is wanted.
    pub(super) fn wants_of_subscribed(&self, event: &Event) -> bool {
        let of = |group: &EventGroup| group.filter == WatchFilter::Subscribed && group.events.contains(event);
        self.groups.iter().any(of)
    }

    /// Whether the client hears of annotations of any mailbox or of the server.
    pub(super) fn wants_annotations(&self) -> bool {
        let of = |event: &Event| matches!(event, Event::MailboxMetadataChange | Event::ServerMetadataChange);
        self.groups.iter().any(|group| group.events.iter().any(of))
    }

    /// The names under which the client hears of annotations of a mailbox, or of the server, which has none.
    /// RFC 5465 5.6, 5.7
    pub(super) fn annotated(&self, mailbox: Option<&(AccountName, MailboxName)>) -> Vec<String> {
        let Some((owner, name)) = mailbox else {
            let wanted = self.groups.iter().any(|group| group.events.contains(&Event::ServerMetadataChange));
            return wanted.then(String::new).into_iter().collect();
        };
        let Some(heard) = self.heard.iter().find(|heard| heard.listening.account().name() == owner) else {
            return Vec::new();
        };
        let names = heard.prefixes.iter().map(|prefix| format!("{prefix}{name}"));
        names.filter(|name| self.wants(own_of(self), name, &Event::MailboxMetadataChange)).collect()
    }

    /// Looks anew whether a name is watched, and how.
    pub(super) fn consider(
        &mut self,
        core: &Core,
        own: &Arc<Account>,
        name: &str,
        since: Since,
    ) -> Result<(), Failure> {
        let (mut messages, mut kinds) = (false, Kinds::default());
        for event in self.events(own, name) {
            messages |= matches!(event, Event::MessageNew(_));
            kinds.flags |= *event == Event::FlagChange;
            kinds.annotations |= *event == Event::AnnotationChange;
        }
        // Even where there is nothing yet, the account may be one to listen to.
        let place = match core.place(own, name) {
            Ok(place) => place,
            Err(Failure::Refused(_)) => {
                self.forget(name);
                return Ok(());
            }
            Err(gone) => return Err(gone),
        };
        let prefix = match name.starts_with(FOREIGN) {
            true => &name[..name.len().saturating_sub(place.name.as_str().len())],
            false => "",
        };
        let account = self.hear(&place.account, prefix);
        match reach(&place)? {
            Reach::Open(mailbox) if messages => self.watch(core, account, name, &place, &mailbox, kinds, since),
            Reach::NoAccess if messages => {
                self.forget(name);
                match self.no_access.insert(name.to_string()) {
                    true => names::no_access(core, name),
                    false => Ok(()),
                }
            }
            _ => {
                self.forget(name);
                Ok(())
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn watch(
        &mut self,
        core: &Core,
        account: usize,
        name: &str,
        place: &Place,
        mailbox: &Mailbox,
        kinds: Kinds,
        since: Since,
    ) -> Result<(), Failure> {
        if self.no_access.remove(name) {
            names::say(core, &names::listed(core, own_of(self), name), None, names::Cause::Change)?;
        }
        let key = mailbox.key();
        let before = self.watched.get(name).filter(|watched| watched.key == key).map(|watched| watched.told);
        let told = match (before, since) {
            (Some(told), _) => told,
            (None, Since::Untold) => Told::NOTHING,
            (None, Since::Now) => Told::all(mailbox, core.visibility(place.rights()))?,
        };
        self.forget(name);
        self.heard[account].listening.watch(mailbox.id());
        self.pending.insert(key);
        self.by_key.entry(key).or_default().insert(name.to_string());
        let (name_there, rights) = (place.name.clone(), place.rights());
        let watched = Watched { account, name: name_there, key, rights, kinds, told };
        self.watched.insert(name.to_string(), watched);
        Ok(())
    }

    /// Watches a name no more.
    pub(super) fn forget(&mut self, name: &str) {
        let Some(watched) = self.watched.remove(name) else { return };
        if let Some(names) = self.by_key.get_mut(&watched.key) {
            names.remove(name);
            if names.is_empty() {
                self.by_key.remove(&watched.key);
                self.heard[watched.account].listening.unwatch(watched.key.1);
            }
        }
    }

    pub(super) fn is_watched(&self, name: &str) -> bool {
        self.watched.contains_key(name)
    }

    /// Watched names that lead to this name of an account, or to one below it.
    pub(super) fn leading_to(&self, account: usize, name: &MailboxName) -> Vec<(String, MailboxName)> {
        let leads =
            |watched: &&Watched| watched.account == account && (watched.name == *name || watched.name.is_below(name));
        let of = self.watched.iter().filter(|(_, watched)| leads(watched));
        of.map(|(shown, watched)| (shown.clone(), watched.name.clone())).collect()
    }

    /// Gives a watched mailbox, which keeps what has been told of it, another name.
    pub(super) fn rename(&mut self, from: &str, to: String, name: MailboxName) {
        let Some(mut watched) = self.watched.remove(from) else { return };
        watched.name = name;
        if let Some(names) = self.by_key.get_mut(&watched.key) {
            names.remove(from);
            names.insert(to.clone());
        }
        self.watched.insert(to, watched);
    }

    fn tell(
        &mut self,
        core: &Core,
        own: &Arc<Account>,
        selected: Option<Key>,
    ) -> Result<Result<(), Overflow>, Failure> {
        for account in 0..self.heard.len() {
            let Some(happenings) = self.heard[account].listening.happenings() else { return Ok(Err(Overflow)) };
            for (author, happening) in happenings {
                names::happened(self, core, own, account, author, happening)?;
            }
        }
        if self.watched.len() > self.most {
            return Ok(Err(Overflow));
        }
        let mut changed = std::mem::take(&mut self.pending);
        changed.extend(self.listener.take());
        for key in changed.into_iter().filter(|key| Some(*key) != selected) {
            self.tell_of(core, key)?;
        }
        Ok(Ok(()))
    }

    /// `* STATUS` for each name of a mailbox, where there is anything to say.
    fn tell_of(&mut self, core: &Core, key: Key) -> Result<(), Failure> {
        for shown in self.by_key.get(&key).cloned().unwrap_or_default() {
            let Some(watched) = self.watched.get_mut(&shown) else { continue };
            let account = self.heard[watched.account].listening.account();
            let visibility = core.visibility(watched.rights);
            let found = account.mailbox(&watched.name);
            let found = found.and_then(|mailbox| Ok((Told::all(&mailbox, visibility)?, mailbox)));
            let (now, mailbox) = match found {
                // Another server has deleted it: that is told when it is known what has become of its name.
                Ok((_, mailbox)) if mailbox.is_gone() => continue,
                Ok(found) => found,
                Err(MailboxError::Refused(Refusal::NonExistent | Refusal::NoSelect)) => continue,
                Err(error) => return Err(error.into()),
            };
            let before = std::mem::replace(&mut watched.told, now);
            let changed = watched.kinds.are_new(before.mod_seq, now.mod_seq, mailbox.latest());
            let items = now.items_since(&before, watched.kinds, changed, core.dialect.condstore);
            if !items.is_empty() {
                let line = cmd_status::line(core, &shown, &mailbox, visibility, &items)?;
                core.output.say(|out| out.extend_from_slice(&line))?;
            }
        }
        Ok(())
    }

    /// `* STATUS` for all that is watched, at the beginning. RFC 5465 3.1
    pub(super) fn status(&self, core: &Core, selected: Option<&Selected>) -> Result<(), Failure> {
        let selected = selected.map(|selected| selected.view.mailbox().key());
        for (shown, watched) in self.watched.iter().filter(|(_, watched)| Some(watched.key) != selected) {
            let mut items = vec![StatusItem::Messages, StatusItem::UidNext, StatusItem::UidValidity];
            items.extend((watched.kinds.any() || core.dialect.condstore).then_some(StatusItem::HighestModSeq));
            match self.heard[watched.account].listening.account().mailbox(&watched.name) {
                Ok(mailbox) => {
                    let visibility = core.visibility(watched.rights);
                    let line = cmd_status::line(core, shown, &mailbox, visibility, &items)?;
                    core.output.say(|out| out.extend_from_slice(&line))?;
                }
                Err(MailboxError::Refused(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// A mailbox is selected, or is not any more: what the client has been told of it is what the view shows.
    pub(super) fn seen(&mut self, view: &View) {
        let key = view.mailbox().key();
        for name in self.by_key.get(&key).into_iter().flatten() {
            if let Some(watched) = self.watched.get_mut(name) {
                watched.told = Told::shown(view);
                self.pending.insert(key);
            }
        }
    }

    /// Where nothing else has happened there since it was told.
    fn closed(&mut self, core: &Core, mailbox: &Mailbox) {
        for name in self.by_key.get(&mailbox.key()).into_iter().flatten() {
            let Some(watched) = self.watched.get_mut(name) else { continue };
            let Ok(now) = Told::all(mailbox, core.visibility(watched.rights)) else { continue };
            if now.uid_next == watched.told.uid_next && now.mod_seq == watched.told.mod_seq.next() {
                watched.told = now;
            }
        }
    }

    /// Where nothing else has happened there since it was told.
    fn created(&mut self, core: &Core, mailbox: &Mailbox, uids: &UidSet) {
        let Some(names) = self.by_key.get(&mailbox.key()) else { return };
        let count = uids.count() as u32;
        for name in names {
            let Some(watched) = self.watched.get_mut(name) else { continue };
            let Ok(now) = Told::all(mailbox, core.visibility(watched.rights)) else { continue };
            let before = watched.told;
            let alone = uids.first() == Some(before.uid_next)
                && now.uid_next == before.uid_next.wrapping_add(count)
                && now.messages == before.messages + count
                && now.mod_seq == before.mod_seq.next();
            if alone {
                watched.told = now;
            }
        }
    }
}

fn own_of(notify: &Notify) -> &Arc<Account> {
    notify.heard[0].listening.account()
}

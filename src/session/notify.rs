//! What a client hears of under NOTIFY, command or none, and telling it.             RFC 5465
//!
//! Of other mailboxes than the selected one it is told by STATUS what is not as it was told last (`notify_watched`), of
//! names and access by LIST (`notify_names`). What the client itself has done it is not told. Of the selected mailbox
//! `report` tells, by what `OfSelected` says.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::core::{Core, Selected, State};
use super::notify_groups::{Delay, Groups, OfSelected};
use super::notify_told::{Kinds, Told};
use super::notify_watched::{Key, Watched, WatchedMailboxes};
use super::place::{FOREIGN, Place};
use super::reply::Failure;
use super::{notify_names as names, report};
use crate::mailbox::{Account, Expunges, Mailbox, MailboxError};
use crate::proto::ResponseCode;
use crate::proto::response::untagged_ok;
use crate::types::{AccountName, Event, EventGroup, MailboxName, Right, UidSet, WatchFilter};

/// What a mailbox is compared with that is watched from now on.
#[derive(Clone, Copy)]
pub(super) enum Since {
    Now,
    Untold,
}

/// More is asked for than can be told.
pub(super) struct Overflow;

pub(super) struct Notify {
    /// `None`: nothing is told of it.
    pub(super) selected: Option<OfSelected>,
    pub(super) groups: Groups,
    pub(super) watched: WatchedMailboxes,
    /// Names of which the client has been told that it has no access to their mailboxes. RFC 5465 5.9
    no_access: BTreeSet<String>,
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
    let delays = notify.selected.as_ref().is_some_and(|of| of.delay == Delay::Expunges);
    core.notify = Some(notify);
    let _ = told?;
    match state {
        State::Selected(_, selected) => {
            listen(core, selected);
            match delays && moment == Moment::Between {
                true => report::held_news(core, selected),
                false => report::news(core, selected, Expunges::Report),
            }
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
        notify.watched.seen(&selected.view);
    }
}

/// It is not selected any more. What it was told meanwhile it need not be told again.
pub(super) fn leave(core: &mut Core, selected: &Selected) {
    if let Some(notify) = &mut core.notify {
        match notify.selected.is_some() {
            true => notify.watched.seen(&selected.view),
            false => drop(notify.watched.pending.insert(selected.view.mailbox().key())),
        }
    }
}

/// Messages that the client itself has put into a mailbox are nothing new to it. RFC 5465 5, 5.2
pub(super) fn created(core: &mut Core, selected: Option<&mut Selected>, mailbox: &Mailbox, uids: &UidSet) {
    let Some(mut notify) = core.notify.take() else { return };
    notify.watched.created(core, mailbox, uids);
    core.notify = Some(notify);
    if let Some(selected) = selected.filter(|selected| selected.view.mailbox().key() == mailbox.key()) {
        uids.ranges().iter().for_each(|&(low, high)| selected.created.push_range(low, high));
    }
}

/// What the client itself has expunged by CLOSE is nothing new to it. RFC 5465 5
pub(super) fn closed(core: &mut Core, mailbox: &Mailbox) {
    let Some(mut notify) = core.notify.take() else { return };
    notify.watched.closed(core, mailbox);
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
            groups: Groups(groups),
            watched: WatchedMailboxes::new(core),
            no_access: BTreeSet::new(),
            most: core.service.settings().watched_mailboxes_max,
        }
    }

    /// Begins to watch all that the groups name.
    pub(super) fn begin(&mut self, core: &Core, own: &Arc<Account>) -> Result<Result<(), Overflow>, Failure> {
        if self.groups.0.is_empty() {
            return Ok(Ok(()));
        }
        self.watched.hear(own, "");
        for group in &mut self.groups.0 {
            if let WatchFilter::Subtree(tops) | WatchFilter::Mailboxes(tops) = &mut group.filter {
                tops.iter_mut().for_each(|name| *name = names::canonical(core, own, name));
            }
        }
        for name in names::candidates(core, own, &self.groups.0)? {
            self.consider(core, own, &name, Since::Now)?;
            if self.watched.by_name.len() > self.most {
                return Ok(Err(Overflow));
            }
        }
        Ok(Ok(()))
    }

    /// The names under which the client hears of annotations of a mailbox, or of the server, which has none.
    /// RFC 5465 5.6, 5.7
    pub(super) fn annotated(&self, mailbox: Option<&(AccountName, MailboxName)>) -> Vec<String> {
        let Some((owner, name)) = mailbox else {
            let wanted = self.groups.wants_anywhere(&Event::ServerMetadataChange);
            return wanted.then(String::new).into_iter().collect();
        };
        let Some(heard) = self.watched.heard.iter().find(|heard| heard.listening.account().name() == owner) else {
            return Vec::new();
        };
        let names = heard.prefixes.iter().map(|prefix| format!("{prefix}{name}"));
        names.filter(|name| self.groups.wants(self.watched.own(), name, &Event::MailboxMetadataChange)).collect()
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
        for event in self.groups.events(own, name) {
            messages |= matches!(event, Event::MessageNew(_));
            kinds.flags |= *event == Event::FlagChange;
            kinds.annotations |= *event == Event::AnnotationChange;
        }
        // Even where there is nothing yet, the account may be one to listen to.
        let place = match core.place(own, name) {
            Ok(place) => place,
            Err(Failure::Refused(_)) => {
                self.watched.forget(name);
                return Ok(());
            }
            Err(gone) => return Err(gone),
        };
        let prefix = match name.starts_with(FOREIGN) {
            true => &name[..name.len().saturating_sub(place.name.as_str().len())],
            false => "",
        };
        let account = self.watched.hear(&place.account, prefix);
        match reach(&place)? {
            Reach::Open(mailbox) if messages => self.watch(core, account, name, &place, &mailbox, kinds, since),
            Reach::NoAccess if messages => {
                self.watched.forget(name);
                match self.no_access.insert(name.to_string()) {
                    true => names::no_access(core, name),
                    false => Ok(()),
                }
            }
            _ => {
                self.watched.forget(name);
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
            names::say(core, &names::listed(core, self.watched.own(), name), None, names::Cause::Change)?;
        }
        let key = mailbox.key();
        let before = self.watched.by_name.get(name).filter(|watched| watched.key == key).map(|watched| watched.told);
        let told = match (before, since) {
            (Some(told), _) => told,
            (None, Since::Untold) => Told::NOTHING,
            (None, Since::Now) => Told::all(mailbox, core.visibility(place.rights()))?,
        };
        let (name_there, rights) = (place.name.clone(), place.rights());
        self.watched.put(name, Watched { account, name: name_there, key, rights, kinds, told });
        Ok(())
    }

    fn tell(
        &mut self,
        core: &Core,
        own: &Arc<Account>,
        selected: Option<Key>,
    ) -> Result<Result<(), Overflow>, Failure> {
        for account in 0..self.watched.heard.len() {
            let happenings = self.watched.heard[account].listening.happenings();
            let Some(happenings) = happenings else { return Ok(Err(Overflow)) };
            for (author, happening) in happenings {
                names::happened(self, core, own, account, author, happening)?;
            }
        }
        if self.watched.by_name.len() > self.most {
            return Ok(Err(Overflow));
        }
        for key in self.watched.changed().into_iter().filter(|key| Some(*key) != selected) {
            self.watched.tell_of(core, key)?;
        }
        Ok(Ok(()))
    }
}

//! The mailboxes that a client hears of under NOTIFY, and what it has been told of each.          RFC 5465 5.1 to 5.3
//!
//! Nothing is queued but which of them have changed, and each of them once: what there is to say is read when it is said.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::cmd_status;
use super::core::{Core, Selected};
use super::notify_told::{Kinds, Told};
use super::reply::Failure;
use crate::mailbox::{Account, Listener, Listening, Mailbox, MailboxError, Refusal, View};
use crate::types::{AccountId, MailboxId, MailboxName, Rights, StatusItem, UidSet};

pub(super) type Key = (AccountId, MailboxId);

/// An account of which the client hears, and what it has before the names of that account.
pub(super) struct Heard {
    pub(super) listening: Listening,
    pub(super) prefixes: BTreeSet<String>,
}

/// A mailbox whose messages a client hears of.
pub(super) struct Watched {
    /// Among `heard`.
    pub(super) account: usize,
    pub(super) name: MailboxName,
    pub(super) key: Key,
    /// Those of the client there.
    pub(super) rights: Rights,
    pub(super) kinds: Kinds,
    pub(super) told: Told,
}

pub(super) struct WatchedMailboxes {
    listener: Arc<Listener>,
    /// The user's own account first, where there are any.
    pub(super) heard: Vec<Heard>,
    pub(super) by_name: BTreeMap<String, Watched>,
    by_key: HashMap<Key, BTreeSet<String>>,
    /// To be looked at beside what the listener has heard.
    pub(super) pending: BTreeSet<Key>,
}

impl WatchedMailboxes {
    /// None yet.
    pub(super) fn new(core: &Core) -> WatchedMailboxes {
        WatchedMailboxes {
            listener: Listener::new(core.bell.clone()),
            heard: Vec::new(),
            by_name: BTreeMap::new(),
            by_key: HashMap::new(),
            pending: BTreeSet::new(),
        }
    }

    /// The user's own account.
    pub(super) fn own(&self) -> &Arc<Account> {
        self.heard[0].listening.account()
    }

    pub(super) fn account_of(&self, watched: &Watched) -> &Arc<Account> {
        self.heard[watched.account].listening.account()
    }

    /// The names under which a mailbox is watched.
    pub(super) fn names(&self, key: Key) -> Vec<String> {
        self.by_key.get(&key).into_iter().flatten().cloned().collect()
    }

    /// Those that may have changed since this was asked last.
    pub(super) fn changed(&mut self) -> BTreeSet<Key> {
        let mut changed = std::mem::take(&mut self.pending);
        changed.extend(self.listener.take());
        changed
    }

    /// Watches a mailbox by that name, and no other.
    pub(super) fn put(&mut self, name: &str, watched: Watched) {
        self.forget(name);
        self.heard[watched.account].listening.watch(watched.key.1);
        self.pending.insert(watched.key);
        self.by_key.entry(watched.key).or_default().insert(name.to_string());
        self.by_name.insert(name.to_string(), watched);
    }

    /// The account's place among those that are heard.
    pub(super) fn hear(&mut self, account: &Arc<Account>, prefix: &str) -> usize {
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

    /// Watches a name no more.
    pub(super) fn forget(&mut self, name: &str) {
        let Some(watched) = self.by_name.remove(name) else { return };
        if let Some(names) = self.by_key.get_mut(&watched.key) {
            names.remove(name);
            if names.is_empty() {
                self.by_key.remove(&watched.key);
                self.heard[watched.account].listening.unwatch(watched.key.1);
            }
        }
    }

    pub(super) fn is_watched(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Watched names that lead to this name of an account, or to one below it.
    pub(super) fn leading_to(&self, account: usize, name: &MailboxName) -> Vec<(String, MailboxName)> {
        let leads =
            |watched: &&Watched| watched.account == account && (watched.name == *name || watched.name.is_below(name));
        let of = self.by_name.iter().filter(|(_, watched)| leads(watched));
        of.map(|(shown, watched)| (shown.clone(), watched.name.clone())).collect()
    }

    /// Gives a watched mailbox, which keeps what has been told of it, another name.
    pub(super) fn rename(&mut self, from: &str, to: String, name: MailboxName) {
        let Some(mut watched) = self.by_name.remove(from) else { return };
        watched.name = name;
        if let Some(names) = self.by_key.get_mut(&watched.key) {
            names.remove(from);
            names.insert(to.clone());
        }
        self.by_name.insert(to, watched);
    }

    /// A mailbox is selected, or is not any more: what the client has been told of it is what the view shows.
    pub(super) fn seen(&mut self, view: &View) {
        let key = view.mailbox().key();
        for name in self.by_key.get(&key).into_iter().flatten() {
            if let Some(watched) = self.by_name.get_mut(name) {
                watched.told = Told::shown(view);
                self.pending.insert(key);
            }
        }
    }

    /// Where nothing else has happened there since it was told.
    pub(super) fn closed(&mut self, core: &Core, mailbox: &Mailbox) {
        for name in self.by_key.get(&mailbox.key()).into_iter().flatten() {
            let Some(watched) = self.by_name.get_mut(name) else { continue };
            let Ok(now) = Told::all(mailbox, core.visibility(watched.rights)) else { continue };
            if now.uid_next == watched.told.uid_next && now.mod_seq == watched.told.mod_seq.next() {
                watched.told = now;
            }
        }
    }

    /// Where nothing else has happened there since it was told.
    pub(super) fn created(&mut self, core: &Core, mailbox: &Mailbox, uids: &UidSet) {
        let Some(names) = self.by_key.get(&mailbox.key()) else { return };
        let count = uids.count() as u32;
        for name in names {
            let Some(watched) = self.by_name.get_mut(name) else { continue };
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

    /// `* STATUS` for each name of a mailbox, where there is anything to say.
    pub(super) fn tell_of(&mut self, core: &Core, key: Key) -> Result<(), Failure> {
        for shown in self.names(key) {
            let Some(watched) = self.by_name.get_mut(&shown) else { continue };
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
            // What has come or changed out of the client's sight is nothing to it. CommuniGate Pro's $Service
            if now != before && now.counts_as(&before) && mailbox.is_quiet_for(visibility, before.mod_seq)? {
                continue;
            }
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
        for (shown, watched) in self.by_name.iter().filter(|(_, watched)| Some(watched.key) != selected) {
            let mut items = vec![StatusItem::Messages, StatusItem::UidNext, StatusItem::UidValidity];
            items.extend((watched.kinds.any() || core.dialect.condstore).then_some(StatusItem::HighestModSeq));
            match self.account_of(watched).mailbox(&watched.name) {
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
}

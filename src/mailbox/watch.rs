//! Who hears of a change.
//!
//! A session has a `Watch` with the mailbox that it has selected. Only while it listens (IDLE, NOTIFY) does its bell hang
//! there: publishing a change costs nothing for sessions that do not care. A bell that is rung twice before it is heard
//! rings once.
//!
//! Who wants news of other mailboxes (NOTIFY) has a `Listener` with each account that they are of: it is told which
//! mailboxes have changed, what is to be known of them is read there, and what has happened to names and the like is
//! kept for all listeners of the account together, up to `EVENTS_MAX`.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::ThreadId;

use parking_lot::Mutex;

use super::account::Account;
use super::locks::Changed;
use super::mailbox::Mailbox;
use crate::store::Acl;
use crate::sys::Bell;
use crate::types::{AccountId, MailboxId, MailboxName};

pub(super) struct Watcher {
    id: u64,
    bell: Arc<Bell>,
}

/// A view's stay at a mailbox; dropping it ends it.
pub(super) struct Watch {
    mailbox: Arc<Mailbox>,
    bell: Arc<Bell>,
    /// While the bell hangs there.
    id: Option<u64>,
}

impl Watch {
    pub(super) fn new(mailbox: &Arc<Mailbox>, bell: Arc<Bell>) -> Watch {
        mailbox.views.fetch_add(1, Ordering::AcqRel);
        Watch { mailbox: mailbox.clone(), bell, id: None }
    }

    /// Has the bell rung at each change from now on.
    pub(super) fn listen(&mut self) {
        if self.id.is_none() {
            let id = self.mailbox.next_watch();
            self.mailbox.watchers.lock().push(Watcher { id, bell: self.bell.clone() });
            self.id = Some(id);
        }
    }

    pub(super) fn rest(&mut self) {
        if let Some(id) = self.id.take() {
            self.mailbox.watchers.lock().retain(|watcher| watcher.id != id);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.rest();
        self.mailbox.views.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Mailbox {
    /// Rings the bells of all who listen, and tells the account's listeners.
    pub(super) fn ring(&self) {
        self.watchers.lock().iter().for_each(|watcher| watcher.bell.ring());
        self.listeners.changed(self.account, self.id);
    }

    pub(super) fn is_watched(&self) -> bool {
        self.views.load(Ordering::Acquire) > 0
    }
}

/// What has happened in an account, beside its messages and annotations. RFC 5465 5.4, 5.5
#[derive(Clone, Debug)]
pub enum Happening {
    /// With the list that it had from the beginning.
    Created { name: MailboxName, acl: Acl },
    /// With the list that it had.
    Deleted { name: MailboxName, acl: Acl },
    /// With all names below it.
    Renamed { from: MailboxName, to: MailboxName },
    /// Subscribed to or not any more.
    Subscription(String),
    /// An access control list is another.
    Acl { name: MailboxName, before: Acl },
}

/// Happenings that are kept for listeners that have not looked yet; who falls farther behind must look anew.
const EVENTS_MAX: usize = 1000;

/// What a session under NOTIFY has not looked at yet: no more than it watches.
pub struct Listener {
    bell: Arc<Bell>,
    changed: Changed,
}

impl Listener {
    pub fn new(bell: Arc<Bell>) -> Arc<Listener> {
        Arc::new(Listener { bell, changed: Mutex::default() })
    }

    /// The mailboxes that have changed since this was last asked.
    pub fn take(&self) -> BTreeSet<(AccountId, MailboxId)> {
        std::mem::take(&mut *self.changed.lock())
    }
}

/// An account's listeners, and what has happened while there were any.
#[derive(Default)]
pub(super) struct Heard {
    by_mailbox: HashMap<MailboxId, Vec<Arc<Listener>>>,
    all: Vec<Arc<Listener>>,
    /// With the thread that did it: each session has one of its own; none for another server.
    events: VecDeque<(Option<ThreadId>, Happening)>,
    /// Of the event that comes next.
    next: u64,
}

#[derive(Default)]
pub(super) struct Listeners(super::locks::Listening);

impl Listeners {
    pub(super) fn changed(&self, account: AccountId, mailbox: MailboxId) {
        for listener in self.0.read().by_mailbox.get(&mailbox).into_iter().flatten() {
            listener.changed.lock().insert((account, mailbox));
            listener.bell.ring();
        }
    }

    pub(super) fn are_there(&self) -> bool {
        !self.0.read().all.is_empty()
    }

    /// Has all look whether something has happened.
    pub(super) fn ring(&self) {
        self.0.read().all.iter().for_each(|listener| listener.bell.ring());
    }

    /// Tells all; what has happened can be seen already.
    pub(super) fn tell(&self, events: Vec<Happening>) {
        self.tell_by(Some(std::thread::current().id()), events);
    }

    /// As `tell`, of what another server has done.
    pub(super) fn tell_foreign(&self, events: Vec<Happening>) {
        self.tell_by(None, events);
    }

    fn tell_by(&self, by: Option<ThreadId>, events: Vec<Happening>) {
        let mut heard = self.0.write();
        if heard.all.is_empty() || events.is_empty() {
            return;
        }
        for event in events {
            if heard.events.len() == EVENTS_MAX {
                heard.events.pop_front();
            }
            heard.events.push_back((by, event));
            heard.next += 1;
        }
        heard.all.iter().for_each(|listener| listener.bell.ring());
    }
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// The session that asks.
    Oneself,
    Others,
}

/// A listener's stay with an account; dropping it ends it.
pub struct Listening {
    account: Arc<Account>,
    listener: Arc<Listener>,
    next: u64,
}

impl Listening {
    pub fn new(account: Arc<Account>, listener: Arc<Listener>) -> Listening {
        let mut heard = account.listeners.0.write();
        heard.all.push(listener.clone());
        let next = heard.next;
        drop(heard);
        Listening { account, listener, next }
    }

    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Has the listener told of this mailbox too.
    pub fn watch(&self, mailbox: MailboxId) {
        let mut heard = self.account.listeners.0.write();
        let there = heard.by_mailbox.entry(mailbox).or_default();
        if !there.iter().any(|listener| Arc::ptr_eq(listener, &self.listener)) {
            there.push(self.listener.clone());
        }
    }

    pub fn unwatch(&self, mailbox: MailboxId) {
        let mut heard = self.account.listeners.0.write();
        if let Some(there) = heard.by_mailbox.get_mut(&mailbox) {
            there.retain(|listener| !Arc::ptr_eq(listener, &self.listener));
            if there.is_empty() {
                heard.by_mailbox.remove(&mailbox);
            }
        }
    }

    /// What has happened since this was last asked; `None` where it is too much to have been kept.
    pub fn happenings(&mut self) -> Option<Vec<(Author, Happening)>> {
        // Where another server has changed the tree, what has happened is found out now.
        self.account.tree();
        let heard = self.account.listeners.0.read();
        let missed = (heard.next - self.next) as usize;
        self.next = heard.next;
        let first = heard.events.len().checked_sub(missed)?;
        let me = std::thread::current().id();
        let by = |thread: Option<ThreadId>| if thread == Some(me) { Author::Oneself } else { Author::Others };
        Some(heard.events.range(first..).map(|(thread, event)| (by(*thread), event.clone())).collect())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut heard = self.account.listeners.0.write();
        let others = |listener: &Arc<Listener>| !Arc::ptr_eq(listener, &self.listener);
        heard.all.retain(others);
        heard.by_mailbox.retain(|_, there| {
            there.retain(others);
            !there.is_empty()
        });
        if heard.all.is_empty() {
            heard.events.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, Manager};
    use super::*;
    use crate::store::Store;
    use crate::types::AccountName;

    fn account() -> Arc<Account> {
        let manager = Manager::new(Store::memory(), Limits::default());
        manager.account(&AccountName::new("joe").unwrap()).unwrap()
    }

    fn listening(account: &Arc<Account>) -> (Arc<Listener>, Listening) {
        let listener = Listener::new(Arc::new(Bell::new().unwrap()));
        (listener.clone(), Listening::new(account.clone(), listener))
    }

    #[test]
    fn what_happened_is_kept_up_to_a_bound() {
        let account = account();
        account.subscribe("before").unwrap();
        let (_, mut one) = listening(&account);
        for n in 0..EVENTS_MAX {
            account.subscribe(&format!("{n}")).unwrap();
        }
        let (_, mut late) = listening(&account);
        assert_eq!(one.happenings().unwrap().len(), EVENTS_MAX);
        assert!(one.happenings().unwrap().is_empty() && late.happenings().unwrap().is_empty());
        for n in 0..=EVENTS_MAX {
            account.unsubscribe(&format!("{n}")).unwrap();
        }
        // The last was not subscribed to.
        assert_eq!(late.happenings().unwrap().len(), EVENTS_MAX);
        account.subscribe("x").unwrap();
        assert!(one.happenings().is_none(), "more than there is room for");
        assert!(one.happenings().unwrap().is_empty(), "and looked at anew");
        assert_eq!(account.listeners.0.read().events.len(), EVENTS_MAX);
        drop((one, late));
        assert!(account.listeners.0.read().events.is_empty() && !account.listeners.are_there());
    }

    #[test]
    fn who_did_it_and_what() {
        let account = account();
        let (_, mut listening) = listening(&account);
        let name = |text: &str| MailboxName::new(text).unwrap();
        account.create(&name("a/b"), &[]).unwrap();
        let other = account.clone();
        let rename = move || other.rename(&name("a"), &name("c/d")).unwrap();
        std::thread::spawn(rename).join().unwrap();
        account.delete(&name("c/d/b")).unwrap();
        let shown: Vec<String> =
            listening.happenings().unwrap().iter().map(|(author, event)| format!("{author:?} {event:?}")).collect();
        let of = |text: &str| format!("MailboxName({text:?})");
        assert_eq!(
            shown,
            [
                format!("Oneself Created {{ name: {}, acl: Acl([]) }}", of("a")),
                format!("Oneself Created {{ name: {}, acl: Acl([]) }}", of("a/b")),
                format!("Others Created {{ name: {}, acl: Acl([]) }}", of("c")),
                format!("Others Renamed {{ from: {}, to: {} }}", of("a"), of("c/d")),
                format!("Oneself Deleted {{ name: {}, acl: Acl([]) }}", of("c/d/b")),
            ]
        );
    }

    /// Else each IDLE would leave a bell behind, and a mailbox that has been open would stay in memory.
    #[test]
    fn who_rests_or_leaves_is_rung_no_more() {
        let inbox = account().mailbox(&MailboxName::inbox()).unwrap();
        let bells = || inbox.watchers.lock().len();
        let mut watch = Watch::new(&inbox, Arc::new(Bell::new().unwrap()));
        watch.listen();
        watch.listen();
        assert_eq!(bells(), 1);
        watch.rest();
        assert!(bells() == 0 && inbox.is_watched());
        watch.listen();
        drop(watch);
        assert!(bells() == 0 && !inbox.is_watched());
    }

    #[test]
    fn mailboxes_that_are_watched_alone() {
        let account = account();
        let (listener, listening) = listening(&account);
        let inbox = account.mailbox(&MailboxName::inbox()).unwrap();
        inbox.ring();
        assert!(listener.take().is_empty());
        listening.watch(inbox.id());
        inbox.ring();
        inbox.ring();
        assert_eq!(listener.take().into_iter().collect::<Vec<_>>(), [inbox.key()]);
        listening.unwatch(inbox.id());
        inbox.ring();
        assert!(listener.take().is_empty() && account.listeners.0.read().by_mailbox.is_empty());
    }
}

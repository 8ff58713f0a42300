//! Who hears that others have changed annotations.  RFC 5464 4.4.2; RFC 5465 5.6, 5.7
//!
//! A session that wants to hear leaves its bell and says whose it is. Who sets entries puts their names down for each of
//! those that may see them, and rings. What waits is a set of names, and bounded; where it would be more, the session is
//! told that something has been left out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::account::Account;
use super::acl::Who;
use super::annotations::may_annotate;
use super::locks::AnnotationFeedLock;
use super::manager::{Manager, Shared};
use crate::sys::Bell;
use crate::types::{AccountId, AccountName, EntryName, EntryScope, MailboxName};

/// Names that wait for one session.
const PENDING_MAX: usize = 1000;

/// Entries of one mailbox, or of the server, that have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnotationsChanged {
    /// The mailbox and the account that it is of; `None` for the server.
    pub mailbox: Option<(AccountName, MailboxName)>,
    pub entries: BTreeSet<EntryName>,
}

/// What a session has to be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnnotationNews {
    pub changed: Vec<AnnotationsChanged>,
    /// There was more than could wait.
    pub overflow: bool,
}

#[derive(Default)]
pub(super) struct Pending {
    changed: BTreeMap<Option<(AccountName, MailboxName)>, BTreeSet<EntryName>>,
    names: usize,
    overflow: bool,
}

pub(super) struct Listener {
    who: Who,
    account: AccountId,
    bell: Arc<Bell>,
    pending: parking_lot::Mutex<Pending>,
}

/// All who listen, on this server.
#[derive(Default)]
pub(super) struct AnnotationFeed(AnnotationFeedLock);

/// A session's stay among those who listen; dropping it ends it.
pub struct AnnotationWatch {
    shared: Arc<Shared>,
    listener: Arc<Listener>,
}

impl Manager {
    /// Has changes of annotations that `who`, of this account, may see put down from now on.
    pub fn watch_annotations(&self, who: Who, account: &Account, bell: Arc<Bell>) -> AnnotationWatch {
        let listener = Arc::new(Listener { who, account: account.id, bell, pending: Default::default() });
        self.shared().annotation_feed.0.lock().push(listener.clone());
        AnnotationWatch { shared: self.shared_arc(), listener }
    }
}

impl AnnotationWatch {
    /// What has changed since the last look.
    pub fn take(&self) -> AnnotationNews {
        let pending = std::mem::take(&mut *self.listener.pending.lock());
        let changed = pending.changed.into_iter();
        AnnotationNews {
            changed: changed.map(|(mailbox, entries)| AnnotationsChanged { mailbox, entries }).collect(),
            overflow: pending.overflow,
        }
    }
}

impl Drop for AnnotationWatch {
    fn drop(&mut self) {
        self.shared.annotation_feed.0.lock().retain(|listener| !Arc::ptr_eq(listener, &self.listener));
    }
}

impl AnnotationFeed {
    /// `user` has set these entries of a mailbox of `owner`, or of the server.
    pub(super) fn changed<'a>(
        &self,
        owner: &Account,
        mailbox: Option<&MailboxName>,
        user: &AccountName,
        entries: impl Iterator<Item = &'a EntryName> + Clone,
        by: Option<&AnnotationWatch>,
    ) {
        let place = mailbox.map(|name| (owner.name().clone(), name.clone()));
        for listener in self.0.lock().iter() {
            if by.is_some_and(|by| Arc::ptr_eq(&by.listener, listener)) {
                continue;
            }
            let sees = mailbox.is_none_or(|name| may_annotate(owner.rights(name, &listener.who)));
            let concerns =
                |entry: &&EntryName| sees && (entry.scope() == EntryScope::Shared || listener.who.account == *user);
            listener.hear(&place, entries.clone().filter(concerns));
        }
    }

    /// Another server has set these entries for a user, or for all.
    pub(super) fn changed_elsewhere<'a>(
        &self,
        owner: &Account,
        mailbox: Option<&MailboxName>,
        user: Option<AccountId>,
        entries: impl Iterator<Item = &'a EntryName> + Clone,
    ) {
        let place = mailbox.map(|name| (owner.name().clone(), name.clone()));
        for listener in self.0.lock().iter() {
            let sees = mailbox.is_none_or(|name| may_annotate(owner.rights(name, &listener.who)));
            if sees && user.is_none_or(|user| user == listener.account) {
                listener.hear(&place, entries.clone());
            }
        }
    }
}

impl AnnotationFeed {
    /// Entries of the server that all share have been changed, by nobody who listens here.
    pub(super) fn server_changed(&self, entries: &[EntryName]) {
        if !entries.is_empty() {
            self.0.lock().iter().for_each(|listener| listener.hear(&None, entries.iter()));
        }
    }
}

impl Listener {
    fn hear<'a>(&self, place: &Option<(AccountName, MailboxName)>, entries: impl Iterator<Item = &'a EntryName>) {
        let mut pending = self.pending.lock();
        let mut heard = false;
        for entry in entries {
            heard = true;
            if pending.overflow || pending.names >= PENDING_MAX {
                *pending = Pending { overflow: true, ..Pending::default() };
            } else if pending.changed.entry(place.clone()).or_default().insert(entry.clone()) {
                pending.names += 1;
            }
        }
        drop(pending);
        if heard {
            self.bell.ring();
        }
    }
}

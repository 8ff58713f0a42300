//! What a session is: what it has in every state (`Core`), and the states.           RFC 9051 3

use std::sync::Arc;
use std::time::Instant;

use super::output::Output;
use super::reply::{Failure, Reply};
use super::running::Running;
use super::service::{Listed, Service};
use crate::mailbox::{Access, Account, View};
use crate::net::Stream;
use crate::proto::Dialect;
use crate::sys::Bell;
use crate::types::{By, MailboxName, NumberSet, SearchKey, Uid, UidSet};

/// What a handler may use in any state.
pub(super) struct Core {
    pub(super) service: Arc<Service>,
    pub(super) stream: Arc<Stream>,
    pub(super) output: Arc<Output>,
    /// Rings when the selected mailbox changes, and when the session must end.
    pub(super) bell: Arc<Bell>,
    pub(super) dialect: Dialect,
    /// Of the command in progress.
    pub(super) tag: String,
    pub(super) listed: Listed,
    pub(super) started: Instant,
}

impl Core {
    /// Has the watchdog look after the command in progress, from now until the value is dropped.
    pub(super) fn running(&self) -> Option<Running> {
        self.service.watchdog.watch(&self.output, &self.tag, self.service.settings().running_every)
    }
}

/// RFC 9051 3
pub(super) enum State {
    NotAuthenticated,
    Authenticated(Arc<Account>),
    Selected(Arc<Account>, Box<Selected>),
}

/// A mailbox that is selected.
pub(super) struct Selected {
    /// As the client named it.
    pub(super) name: MailboxName,
    pub(super) view: View,
    /// `$`, the result of the last SEARCH RETURN (SAVE). RFC 9051 6.4.4.1
    pub(super) saved: UidSet,
}

impl Selected {
    pub(super) fn new(name: MailboxName, view: View) -> Selected {
        Selected { name, view, saved: UidSet::new() }
    }

    pub(super) fn is_writable(&self) -> bool {
        self.view.access() == Access::ReadWrite
    }

    /// The messages that a command names; a sequence number beyond the mailbox is BAD.
    pub(super) fn resolve(&self, set: &NumberSet, by: By) -> Result<UidSet, Failure> {
        self.view.resolve(set, by, &self.saved).ok_or_else(|| no_such_number(self.view.shown().len()))
    }

    /// Sequence numbers in a search that are beyond the mailbox are BAD, as they are elsewhere.
    pub(super) fn check_seqs(&self, key: &SearchKey) -> Result<(), Failure> {
        match key {
            SearchKey::And(keys) => keys.iter().try_for_each(|key| self.check_seqs(key)),
            SearchKey::Or(a, b) => self.check_seqs(a).and_then(|()| self.check_seqs(b)),
            SearchKey::Not(key) => self.check_seqs(key),
            SearchKey::Seqs(set) => self.resolve(set, By::Seq).map(drop),
            _ => Ok(()),
        }
    }

    /// Messages that the client has been told are gone leave `$` as well. RFC 5182 2.1
    pub(super) fn forget(&mut self, expunged: impl Iterator<Item = Uid>) {
        if self.saved.is_empty() {
            return;
        }
        let gone: UidSet = expunged.collect();
        if !gone.is_empty() {
            self.saved = self.saved.uids().filter(|uid| !gone.contains(uid.get())).collect();
        }
    }
}

fn no_such_number(messages: u32) -> Failure {
    Reply::bad(format!("A sequence number is beyond the mailbox, which has {messages} messages")).into()
}

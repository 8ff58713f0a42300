//! Who hears of a change.
//!
//! A session that has a mailbox open, or waits for news of it, leaves its bell with the mailbox. Whoever publishes
//! a change rings all bells but its own. A bell that is rung twice before it is heard rings once.

use std::sync::Arc;

use super::mailbox::Mailbox;
use crate::sys::Bell;

pub(super) struct Watcher {
    id: u64,
    bell: Arc<Bell>,
}

/// A bell's stay at a mailbox; dropping it takes the bell away.
pub(super) struct Watch {
    mailbox: Arc<Mailbox>,
    id: u64,
}

impl Watch {
    pub(super) fn new(mailbox: &Arc<Mailbox>, bell: Arc<Bell>) -> Watch {
        let id = mailbox.next_watch();
        mailbox.watchers.lock().push(Watcher { id, bell });
        Watch { mailbox: mailbox.clone(), id }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.mailbox.watchers.lock().retain(|watcher| watcher.id != self.id);
    }
}

impl Mailbox {
    /// Rings the bells of all who watch.
    pub(super) fn ring(&self) {
        self.watchers.lock().iter().for_each(|watcher| watcher.bell.ring());
    }

    pub(super) fn is_watched(&self) -> bool {
        !self.watchers.lock().is_empty()
    }
}

//! REPLACE.                                         RFC 8508

use std::sync::Arc;

use super::change::NewMessage;
use super::commit::{Leaving, move_messages};
use super::error::MailboxError;
use super::mailbox::Mailbox;
use super::view::View;
use crate::types::Uid;

impl View {
    /// Appends a message to a mailbox and expunges one of this view, both or neither. The new message's UID; `None` where
    /// the old one is gone already.
    pub fn replace(&self, uid: Uid, target: &Arc<Mailbox>, new: NewMessage) -> Result<Option<Uid>, MailboxError> {
        let (appended, _) =
            move_messages(self.mailbox(), target, &[(uid, new)], Leaving::Replaced, self.visibility())?;
        Ok(appended.appended.first().copied())
    }
}

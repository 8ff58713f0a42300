//! THREAD over a view.                               RFC 5256
//!
//! What it orders by is taken from the summaries once for each page of a mailbox, and kept in its digest.

use super::digest::Digests;
use super::error::MailboxError;
use super::text_key::TextKey;
use super::view::View;
use super::walk::Message;
use crate::search::{Threadable, Threads, threads};
use crate::types::{By, Comparator, ThreadAlgorithm, Uid, UidSet};

impl View {
    pub fn thread(
        &self,
        found: &UidSet,
        algorithm: ThreadAlgorithm,
        comparator: Comparator,
        by: By,
    ) -> Result<Threads, MailboxError> {
        let shown: Vec<Message<'_>> = self.shown().in_uids(found).collect();
        let uids: Vec<Uid> = shown.iter().map(Message::uid).collect();
        let subjects = self.ranks(&uids, (TextKey::Subject, comparator))?;
        let digests = match algorithm {
            ThreadAlgorithm::OrderedSubject => Digests::default(),
            _ => self.summaries().digests(&uids, |digest, page| digest.threading(page).map(drop))?,
        };
        let mut ids = digests.each(|digest, slot| digest.ids(slot));
        let messages: Vec<Threadable<'_>> = shown
            .iter()
            .zip(subjects)
            .map(|(message, subject)| {
                let ids = ids.next().flatten();
                Threadable {
                    number: if by == By::Uid { message.uid().get() } else { message.seq().get() },
                    date_secs: message.sent_date().secs,
                    id: ids.and_then(|ids| ids.id),
                    references: ids.map_or(&[], |ids| ids.references),
                    subject,
                    is_reply: ids.is_some_and(|ids| ids.is_reply),
                }
            })
            .collect();
        Ok(threads(&messages, algorithm))
    }
}

//! The summaries of messages, in memory by pages.
//!
//! FETCH of a structure, SEARCH of a header and their like read the message's summary, never the message. A page of
//! summaries is read by one scan of the store and kept in a cache that all mailboxes share and that is bounded in
//! octets. A summary never changes, but that one of an earlier version may get what it lacks; a page that was read before its
//! last messages arrived is read again. The summary of a message that others have expunged, and that is shown still, is made
//! of its octets, which outlive it by an hour at least.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::digest::Digest;
use super::error::{MailboxError, Refusal};
use super::mailbox::Mailbox;
use super::page::Page;
use super::snapshot::Snapshot;
use crate::store::{PageNo, StoreError, Value};
use crate::types::Uid;

/// A value of a page keeps the whole page in memory, and a copied message's stays in a memory table for a while. After so many
/// of a page it is worth that.
const RUN: usize = 16;

/// Reads summaries of one mailbox, best in order of UID: it holds on to the page that it has read last.
pub struct Summaries {
    pub(super) mailbox: Arc<Mailbox>,
    /// What the client has been told, where the messages are asked for by a view.
    pub(super) shown: Option<Arc<Snapshot>>,
    /// Messages of which nothing can be told: they are gone for good, or damaged.
    pub(super) lost: BTreeSet<Uid>,
    page: Arc<Page>,
    page_no: PageNo,
    /// The page has all messages that are there below this UID: what it lacks of them has been expunged.
    complete_below: u32,
    /// Where in the page a walk is, or expects to go on.
    slot: usize,
    /// Summaries of the page that stand side by side and were given as values before this one.
    run: usize,
    pub(super) digest: Option<(PageNo, Arc<Digest>)>,
    /// The page that a digest was last made of.
    pub(super) scanned: Option<(PageNo, Arc<Page>)>,
}

impl Summaries {
    pub(super) fn new(mailbox: Arc<Mailbox>) -> Summaries {
        Summaries {
            mailbox,
            shown: None,
            lost: BTreeSet::new(),
            page: Arc::default(),
            page_no: PageNo(0),
            complete_below: 0,
            slot: 0,
            run: 0,
            digest: None,
            scanned: None,
        }
    }

    /// For a view, which may show what others have expunged.
    pub(super) fn showing(mailbox: Arc<Mailbox>, shown: Arc<Snapshot>) -> Summaries {
        Summaries { shown: Some(shown), ..Summaries::new(mailbox) }
    }

    /// The summary of one message; `None` where it cannot be told: the message has been expunged, or is damaged.
    ///
    /// The page is not read for it: a client that fetches one new message shall not cost a scan.
    pub fn one(&mut self, uid: Uid) -> Result<Option<Value>, StoreError> {
        let mailbox = &self.mailbox;
        let key = (mailbox.account, mailbox.id, PageNo::of(uid));
        if let Some(page) = mailbox.summaries.pages.get(&key)
            && let Some(value) = page.get(uid)
        {
            return Ok(Some(alone(value)));
        }
        match mailbox.readable_summary(uid)? {
            Some(value) => Ok(Some(value)),
            None => {
                let made = self.lacking(self.known(uid, uid)?)?.into_iter().next();
                if made.is_none() {
                    self.lost.insert(uid);
                }
                Ok(made.map(|(_, value)| value))
            }
        }
    }

    /// Why the summary of a message cannot be told.
    pub fn untold(&self, uid: Uid) -> MailboxError {
        match self.mailbox.is_there(uid) {
            Ok(false) => Refusal::Expunged.into(),
            Ok(true) => {
                let mailbox = self.mailbox.object_id();
                StoreError::Missing(format!("what UID {uid} of mailbox {mailbox} is made of")).into()
            }
            Err(error) => error.into(),
        }
    }

    /// As `one`, for a walk over many messages, of which one needs the summary as a value.
    pub fn next(&mut self, uid: Uid) -> Result<Option<Value>, StoreError> {
        let before = (Arc::as_ptr(&self.page), self.slot);
        if !self.go_to(uid)? {
            return Ok(None);
        }
        let goes_on = before.0 == Arc::as_ptr(&self.page) && before.1 + 1 == self.slot;
        self.run = if goes_on { self.run + 1 } else { 0 };
        let value = self.page.at(self.slot);
        Ok(value.map(|value| if self.run >= RUN { value.clone() } else { alone(value) }))
    }

    /// Goes to the summary of a message, `here`; `false` where it cannot be told, as of `one`. Its page is read anew where it is known
    /// without this message.
    #[inline]
    pub fn go_to(&mut self, uid: Uid) -> Result<bool, StoreError> {
        let slot = match self.page.slot_near(self.slot + 1, uid) {
            Some(slot) => Some(slot),
            None if self.is_known_gone(uid) => None,
            None => {
                self.read(uid)?;
                self.page.slot(uid)
            }
        };
        self.slot = slot.unwrap_or_default();
        Ok(slot.is_some())
    }

    /// The summary that was gone to.
    #[inline]
    pub fn here(&self) -> &[u8] {
        self.page.at(self.slot).map_or(b"", |value| value)
    }

    /// One of those behind it in its page: where a walk goes next.
    #[inline]
    pub fn ahead(&self, steps: usize) -> Option<&[u8]> {
        self.page.at(self.slot + steps).map(|value| &**value)
    }

    /// Of many messages that have been expunged, and are still shown, the first has the page read.
    fn is_known_gone(&self, uid: Uid) -> bool {
        let no = PageNo::of(uid);
        (no.first().get()..self.complete_below).contains(&uid.get()) && self.page_no == no
    }

    fn read(&mut self, uid: Uid) -> Result<(), StoreError> {
        let (mailbox, no) = (&self.mailbox, PageNo::of(uid));
        let key = (mailbox.account, mailbox.id, no);
        (self.page_no, self.complete_below) = (no, 0);
        if let Some(page) = mailbox.summaries.pages.get(&key)
            && page.get(uid).is_some()
        {
            self.page = page;
            return Ok(());
        }
        // Before: what comes meanwhile may be missing.
        let next = mailbox.uid_next()?;
        self.page = Arc::new(self.scan(no)?);
        self.mailbox.summaries.pages.insert(key, self.page.clone());
        self.complete_below = next;
        Ok(())
    }
}

/// A value that keeps none of its neighbours in memory.
fn alone(value: &Value) -> Value {
    Value::from(&value[..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::{
        Access, Account, Asked, Change, Limits, Manager, NewMessage, Scores, StoreMode, View, summary_of,
    };
    use crate::mime::Field;
    use crate::store::{PAGE_UIDS, Store};
    use crate::sys::Bell;
    use crate::types::{
        AccountName, Comparator, Flag, InternalDate, MailboxName, SearchKey, SystemFlag, UidSet, Visibility,
    };

    /// The cache counts what digests have grown to, and no more when others have come for them.
    #[test]
    fn digests_are_counted_as_they_grow() {
        let manager = Manager::new(Store::memory(), Limits::default());
        let account = manager.account(&AccountName::new("joe").unwrap()).unwrap();
        let mailbox = account.mailbox(&MailboxName::inbox()).unwrap();
        let append = |text: &str| {
            let octets = format!("Subject: {text}\r\n\r\n").into_bytes();
            let date = InternalDate { secs: 0, zone_mins: 0 };
            let message = account.intake(&mailbox).unwrap().take(octets, Vec::new(), date).unwrap();
            mailbox.commit(Change::Append(vec![message])).unwrap();
        };
        let counted = || mailbox.summaries.digests.weight();
        let bytes = || {
            let no = PageNo::of(Uid::new(1).unwrap());
            let kept = mailbox.summaries.digests.get(&(mailbox.account, mailbox.id, no)).unwrap();
            (kept.digest.bytes(), kept.digest.uids().len())
        };
        (0..60).for_each(|_| append(&"long ".repeat(200)));
        for messages in 60..64 {
            let bell = Arc::new(Bell::new().unwrap());
            let view = View::open(mailbox.clone(), Access::ReadOnly, Visibility::ALL, bell).unwrap();
            let (key, saved) = (SearchKey::Header("subject".into(), "o".into()), UidSet::new());
            let (comparator, scores) = (Comparator::UnicodeCasemap, Scores::Unwanted);
            view.search(&Asked { key: &key, saved: &saved, comparator, scores }, &mut |_, _| {}).unwrap();
            assert_eq!((counted(), messages), bytes());
            assert!(counted() > 60_000, "the subjects are not counted");
            append("short");
        }
    }

    fn uid(n: u32) -> Uid {
        Uid::new(n).unwrap()
    }

    fn append(account: &Account, mailbox: &Arc<Mailbox>, numbers: std::ops::RangeInclusive<u32>) {
        let mut intake = account.intake(mailbox).unwrap();
        let date = InternalDate { secs: 0, zone_mins: 0 };
        let octets = |n: u32| format!("Subject: number {n}\r\n\r\ntext\r\n").into_bytes();
        let messages: Vec<NewMessage> = numbers.map(|n| intake.take(octets(n), Vec::new(), date).unwrap()).collect();
        mailbox.commit(Change::Append(messages)).unwrap();
    }

    fn number(summary: &[u8]) -> u32 {
        summary_of(summary).unwrap().field(Field::Subject).unwrap()[7..].parse().unwrap()
    }

    #[test]
    fn each_message_has_its_own() {
        let manager = Manager::new(Store::memory(), Limits::default());
        let account = manager.account(&AccountName::new("joe").unwrap()).unwrap();
        let mailbox = account.mailbox(&MailboxName::inbox()).unwrap();
        append(&account, &mailbox, 1..=PAGE_UIDS + 5);
        let mut summaries = Summaries::new(mailbox.clone());
        let mut next = |n| summaries.next(uid(n)).unwrap().map(|value| number(&value));
        // In order, in none, again, and with messages that come to the page that is held.
        let orders = [(1..=PAGE_UIDS + 5).collect(), vec![3, 2, 2, PAGE_UIDS + 1, 1, PAGE_UIDS + 2, PAGE_UIDS, 40]];
        for n in orders.concat() {
            assert_eq!(next(n), Some(n));
        }
        assert_eq!(next(PAGE_UIDS + 6), None);
        append(&account, &mailbox, PAGE_UIDS + 6..=PAGE_UIDS + 7);
        for n in [PAGE_UIDS + 5, PAGE_UIDS + 6, PAGE_UIDS + 7, 1] {
            assert_eq!(next(n), Some(n));
        }
        // Of messages that have been expunged the first has the page read, and the others have not.
        let gone = [PAGE_UIDS - 3, PAGE_UIDS - 5, 7];
        let deleted = vec![Flag::System(SystemFlag::Deleted)];
        let uids: UidSet = gone.into_iter().map(uid).collect();
        let (mode, visibility) = (StoreMode::Add, Visibility::ALL);
        let store = Change::Store { uids, mode, flags: deleted, unchanged_since: None, visibility };
        mailbox.commit(store).unwrap();
        mailbox.commit(Change::Expunge { among: None, visibility }).unwrap();
        let mut summaries = Summaries::new(mailbox.clone());
        mailbox.summaries.pages.remove(&(mailbox.account, mailbox.id, PageNo(0)));
        assert!(!summaries.go_to(uid(gone[0])).unwrap());
        let read = summaries.page.clone();
        assert!(gone.iter().all(|gone| !summaries.go_to(uid(*gone)).unwrap()));
        assert!(Arc::ptr_eq(&read, &summaries.page), "the page has been read again");
        // What has come since is found.
        append(&account, &mailbox, PAGE_UIDS + 8..=PAGE_UIDS + 8);
        assert!(!summaries.go_to(uid(PAGE_UIDS + 9)).unwrap());
        append(&account, &mailbox, PAGE_UIDS + 9..=PAGE_UIDS + 9);
        assert_eq!(summaries.next(uid(PAGE_UIDS + 9)).unwrap().map(|value| number(&value)), Some(PAGE_UIDS + 9));
        assert!(summaries.go_to(uid(PAGE_UIDS - 1)).unwrap());
        assert_eq!(number(summaries.here()), PAGE_UIDS - 1);
        assert_eq!(summaries.ahead(1).map(number), Some(PAGE_UIDS));
        assert_eq!(summaries.ahead(2), None);
        assert!(!summaries.go_to(uid(PAGE_UIDS * 9)).unwrap());
        assert_eq!(summaries.one(uid(8)).unwrap().map(|value| number(&value)), Some(8));
    }

    /// Who takes few messages of a page keeps no more than those in memory.
    #[test]
    fn values_share_their_page_where_many_are_taken() {
        let manager = Manager::new(Store::memory(), Limits::default());
        let account = manager.account(&AccountName::new("joe").unwrap()).unwrap();
        let mailbox = account.mailbox(&MailboxName::inbox()).unwrap();
        append(&account, &mailbox, 1..=PAGE_UIDS * 2);
        let mut summaries = Summaries::new(mailbox);
        let mut shared = |uids: &mut dyn Iterator<Item = u32>| {
            let mut is_shared = |n| {
                let value = summaries.next(uid(n)).unwrap().unwrap();
                value.as_ptr() == summaries.here().as_ptr()
            };
            uids.filter(|n| is_shared(*n)).collect::<Vec<u32>>()
        };
        let run = RUN as u32;
        assert!(shared(&mut (1..=PAGE_UIDS).step_by(2)).is_empty());
        assert!(shared(&mut (PAGE_UIDS + 1..=PAGE_UIDS + run)).is_empty());
        assert_eq!(shared(&mut (1..=PAGE_UIDS + run)), (run + 1..=PAGE_UIDS).collect::<Vec<_>>());
    }
}

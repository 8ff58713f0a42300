//! Where summaries come from: the store, or the message itself where the store has none.

use std::collections::BTreeSet;

use super::error::MailboxError;
use super::mailbox::Mailbox;
use super::new_summary::Due;
use super::page::Page;
use super::summaries::Summaries;
use crate::mime::{Parser, Summary, SummaryRef};
use crate::store::{AbortOnPanic, Commit, Described, PageNo, StoreError, Value};
use crate::types::{BlobId, Uid, UidSet};

impl Summaries {
    /// A page as it is in the store, with what is shown of it still.
    pub(super) fn scan(&mut self, no: PageNo) -> Result<Page, StoreError> {
        let mailbox = &self.mailbox;
        // Before: of what comes meanwhile some may be missing, and is looked for when it is asked for.
        let mut there = self.known(no.first(), no.last())?;
        let mut summaries: Vec<(Uid, Value)> = Vec::new();
        let scanned =
            mailbox.store.structures(mailbox.account, mailbox.id, no.first(), no.last(), &mut |uid, value| {
                summaries.push((uid, value));
                Ok(())
            });
        match scanned {
            // A scan ends where something cannot be read; what is behind it may be good.
            Err(StoreError::Broken(_)) => {
                summaries.clear();
                for (uid, _) in &there {
                    summaries.extend(mailbox.readable_summary(*uid)?.map(|value| (*uid, value)));
                }
            }
            scanned => scanned?,
        }
        there.retain(|(uid, _)| summaries.binary_search_by_key(uid, |(uid, _)| *uid).is_err());
        if !there.is_empty() {
            let uids: Vec<Uid> = there.iter().map(|(uid, _)| *uid).collect();
            summaries.append(&mut self.lacking(there)?);
            summaries.sort_unstable_by_key(|(uid, _)| *uid);
            let is_found = |uid: &Uid| summaries.binary_search_by_key(uid, |(uid, _)| *uid).is_ok();
            self.lost.extend(uids.into_iter().filter(|uid| !is_found(uid)));
        }
        Ok(Page::of(summaries))
    }

    /// The summaries of messages that the store has none of: those that wait to be written, or made anew. What is made is
    /// kept.
    pub(super) fn lacking(&self, messages: Vec<(Uid, BlobId)>) -> Result<Vec<(Uid, Value)>, StoreError> {
        let (mailbox, owed) = (&self.mailbox, &self.mailbox.shared.owed);
        let (mut found, mut made) = (Vec::new(), Vec::new());
        for (uid, blob) in messages {
            match owed.find(mailbox.key(), uid).or_else(|| self.remembered(uid)) {
                Some(value) => found.push((uid, value)),
                None => match self.rebuild(blob) {
                    Ok(value) => made.push((uid, value)),
                    // Without its octets a message has nothing to be found by.
                    Err(MailboxError::Store(StoreError::Missing(_) | StoreError::Broken(_))) => {}
                    Err(MailboxError::Refused(_)) => {}
                    Err(MailboxError::Store(error)) => return Err(error),
                },
            }
        }
        owed.give(mailbox, made.iter().map(|(uid, summary)| (*uid, Due::Made(summary.clone()))));
        found.append(&mut made);
        found.sort_unstable_by_key(|(uid, _)| *uid);
        Ok(found)
    }
}

impl Summaries {
    /// The messages of a range of UIDs that are there now, or are shown still.
    pub(super) fn known(&self, low: Uid, high: Uid) -> Result<Vec<(Uid, BlobId)>, StoreError> {
        let mut known = self.mailbox.there(low, high)?;
        if let Some(shown) = &self.shown {
            let uids = UidSet::from_ranges(vec![(low.get(), high.get())]);
            shown.load(&uids)?;
            let there = known.len();
            let is_there = |uid: Uid| known.binary_search_by_key(&uid, |(uid, _)| *uid).is_ok();
            let gone = shown.in_uids(&uids).filter(|message| !is_there(message.uid()));
            let gone: Vec<_> = gone.map(|message| (message.uid(), message.blob())).collect();
            known.extend(gone);
            if known.len() > there {
                known.sort_unstable_by_key(|(uid, _)| *uid);
            }
        }
        Ok(known)
    }

    /// What is still in memory of a message, which may have been expunged.
    fn remembered(&self, uid: Uid) -> Option<Value> {
        let page = self.mailbox.summaries.pages.get(&self.key(PageNo::of(uid)))?;
        page.get(uid).cloned()
    }

    /// Those of which nothing could be told, as others have expunged them: not those that are damaged.
    pub(super) fn gone(&self) -> Result<UidSet, StoreError> {
        let mut gone = UidSet::new();
        for uid in &self.lost {
            if !self.mailbox.is_there(*uid)? {
                gone.push(*uid);
            }
        }
        Ok(gone)
    }
}

impl Mailbox {
    /// The summary that the store has of a message; one that cannot be read is as one that is lost, and is made anew.
    pub(super) fn readable_summary(&self, uid: Uid) -> Result<Option<Value>, StoreError> {
        match self.store.structure(self.account, self.id, uid) {
            Err(StoreError::Broken(how)) => {
                log::error!("mailbox {}, UID {uid}: its summary cannot be read: {how}", self.object_id());
                Ok(None)
            }
            read => read,
        }
    }

    /// The UID that the next message gets; the largest where they are used up.
    pub(super) fn uid_next(&self) -> Result<u32, StoreError> {
        match self.snapshot() {
            Ok(snapshot) => Ok(snapshot.header().uid_next.wrapping_sub(1).saturating_add(1)),
            Err(MailboxError::Store(error)) => Err(error),
            Err(MailboxError::Refused(_)) => Ok(u32::MAX),
        }
    }

    /// Whether a message is there now: one that has been expunged may be shown still.
    pub(super) fn is_there(&self, uid: Uid) -> Result<bool, StoreError> {
        Ok(!self.there(uid, uid)?.is_empty())
    }

    /// The messages of a range of UIDs, as they are now.
    pub(super) fn there(&self, low: Uid, high: Uid) -> Result<Vec<(Uid, BlobId)>, StoreError> {
        let snapshot = match self.snapshot() {
            Ok(snapshot) => snapshot,
            Err(MailboxError::Store(error)) => return Err(error),
            Err(MailboxError::Refused(_)) => return Ok(Vec::new()),
        };
        let uids = UidSet::from_ranges(vec![(low.get(), high.get())]);
        snapshot.load(&uids)?;
        Ok(snapshot.in_uids(&uids).map(|message| (message.uid(), message.blob())).collect())
    }
}

impl Summaries {
    /// Parses a message anew whose summary is gone: it has been expunged, or the store has lost it.
    pub fn rebuild(&self, blob: BlobId) -> Result<Value, MailboxError> {
        self.mailbox.summary_anew(blob)
    }
}

impl Mailbox {
    /// The summary of a message, from its octets.
    pub(super) fn summary_anew(&self, blob: BlobId) -> Result<Value, MailboxError> {
        let octets = |take: &mut dyn FnMut(&[u8])| {
            let mut all = |piece: &[u8]| {
                take(piece);
                true
            };
            self.octets(blob, 0..u64::MAX, &mut all)
        };
        Ok(describe(octets)?.structure)
    }

    /// Keeps summaries that were made anew in the place of others.
    pub fn describe_anew(&self, summaries: Vec<(Uid, Value)>) -> Result<(), MailboxError> {
        let pages: BTreeSet<PageNo> = summaries.iter().map(|(uid, _)| PageNo::of(*uid)).collect();
        self.write_summaries(summaries, pages.iter().copied().collect())?;
        for key in pages.into_iter().map(|no| (self.account, self.id, no)) {
            self.summaries.pages.remove(&key);
            self.summaries.digests.remove(&key);
        }
        Ok(())
    }

    /// Writes summaries of those messages that are still there. What the digests of the pages that are `stale` say is of other
    /// summaries.
    pub(super) fn write_summaries(&self, summaries: Vec<(Uid, Value)>, stale: Vec<PageNo>) -> Result<(), StoreError> {
        let mut writer = self.writer.lock();
        let _abort = AbortOnPanic;
        let uids: UidSet = summaries.iter().map(|(uid, _)| *uid).collect();
        let (account, mailbox) = self.key();
        loop {
            if self.is_gone() {
                return Ok(());
            }
            let snapshot = self.load_locked(&mut writer)?;
            snapshot.load(&uids)?;
            let there = summaries.iter().filter(|(uid, _)| snapshot.by_uid(*uid).is_some());
            let summaries: Vec<(Uid, Value)> = there.cloned().collect();
            if summaries.is_empty() {
                return Ok(());
            }
            let stale = stale.clone();
            let commit = Commit::Summaries { account, mailbox, guard: writer.version, summaries, stale };
            if self.commit_derived(&mut writer, commit)? {
                return Ok(());
            }
        }
    }
}

/// What the store gave for a summary.
pub fn summary_of(value: &[u8]) -> Result<SummaryRef<'_>, StoreError> {
    SummaryRef::new(value).ok_or_else(|| StoreError::Corrupt("the summary of a message".into()))
}

/// What the store keeps of a message beside its octets, which `read` gives piece by piece.
pub fn describe<E>(read: impl FnOnce(&mut dyn FnMut(&[u8])) -> Result<(), E>) -> Result<Described, E> {
    let mut parser = Parser::new();
    read(&mut |piece| parser.feed(piece))?;
    let message = parser.finish();
    let structure = Summary::encode(&message);
    let sent_date = SummaryRef::new(&structure).and_then(|summary| summary.sent_date());
    Ok(Described { structure: structure.into(), sent_date, size: message.size() })
}

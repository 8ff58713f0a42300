//! What is made of summaries to search, sort and thread by: from memory, from the store, or from the summaries.

use std::sync::Arc;

use super::digest::{Digest, Digests, ReadPage, Unmade};
use super::mailbox::Mailbox;
use super::page::Page;
use super::ranks::{RankedBy, Ranks};
use super::summaries::Summaries;
use super::summary_cache::Key;
use super::text_key::TextKey;
use crate::mime::Field;
use crate::search::{Needle, Slots};
use crate::store::{Commit, PageNo, StoreError};
use crate::types::{AccountId, Comparator, MailboxId, Uid, UidSet};

/// Digests that one commit brings into the store.
const KEPT_AT_ONCE: usize = 64;

impl Summaries {
    pub(super) fn key(&self, no: PageNo) -> Key {
        (self.mailbox.account, self.mailbox.id, no)
    }

    /// The digest of a message's page, where it is in memory and knows the message.
    pub(super) fn known_digest(&mut self, uid: Uid) -> Option<&Arc<Digest>> {
        let no = PageNo::of(uid);
        let held = matches!(&self.digest, Some((at, digest)) if *at == no && digest.slot(uid).is_some());
        if !held {
            let digest = self.mailbox.summaries.digests.get(&self.key(no))?.digest;
            digest.slot(uid)?;
            self.digest = Some((no, digest));
        }
        self.digest.as_ref().map(|(_, digest)| digest)
    }

    /// The digest of a message's page, made where it is known without this message.
    fn digest(&mut self, uid: Uid) -> Result<Arc<Digest>, StoreError> {
        if let Some(digest) = self.known_digest(uid) {
            return Ok(digest.clone());
        }
        let no = PageNo::of(uid);
        // Of a message that is lost none knows: a new one would not either.
        let held = self.digest.as_ref().filter(|(at, _)| *at == no).map(|(_, digest)| digest.clone());
        let held = held.or_else(|| Some(self.mailbox.summaries.digests.get(&self.key(no))?.digest));
        if let Some(digest) = held
            && self.lost.contains(&uid)
        {
            return Ok(digest);
        }
        let digest = match self.stored_digest(no)?.filter(|digest| digest.slot(uid).is_some()) {
            Some(digest) => digest,
            None => Digest::new(self.whole_page(no, &[uid])?.as_ref()),
        };
        let digest = Arc::new(digest);
        self.mailbox.summaries.digests.insert(self.key(no), digest.clone().into());
        self.digest = Some((no, digest.clone()));
        Ok(digest)
    }

    fn stored_digest(&self, no: PageNo) -> Result<Option<Digest>, StoreError> {
        let mailbox = &self.mailbox;
        match mailbox.store.digest(mailbox.account, mailbox.id, no) {
            Ok(record) => Ok(record.and_then(Digest::of_record)),
            // It can be made of the summaries.
            Err(StoreError::Corrupt(what) | StoreError::Broken(what)) => {
                log::warn!("a digest of mailbox {}: {what}", mailbox.object_id());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// A page with all of these messages that are there or shown: one that was read before some of them came, or is of later,
    /// has other messages at the same places. Not kept, where it was not, as the digest is to be asked instead.
    fn whole_page(&mut self, no: PageNo, uids: &[Uid]) -> Result<Arc<Page>, StoreError> {
        let scanned = self.scanned.as_ref().filter(|(at, _)| *at == no).map(|(_, page)| page.clone());
        let cached = || self.mailbox.summaries.pages.get(&self.key(no));
        for page in scanned.into_iter().chain(cached()) {
            if self.covers(&page, no, uids)? {
                self.scanned = Some((no, page.clone()));
                return Ok(page);
            }
        }
        let page = Arc::new(self.scan(no)?);
        self.scanned = Some((no, page.clone()));
        Ok(page)
    }

    /// Whether a page has all of these messages but those that are gone. One that is not there yet is about to come:
    /// its summary may be in the store already.
    fn covers(&self, page: &Page, no: PageNo, uids: &[Uid]) -> Result<bool, StoreError> {
        let missing: Vec<Uid> = uids.iter().copied().filter(|uid| page.slot(*uid).is_none()).collect();
        if missing.is_empty() {
            return Ok(true);
        }
        let next = self.mailbox.uid_next()?;
        let known = self.known(no.first(), no.last())?;
        let is_known = |uid: &Uid| known.binary_search_by_key(uid, |(uid, _)| *uid).is_ok();
        Ok(missing.iter().all(|uid| self.lost.contains(uid) || uid.get() < next && !is_known(uid)))
    }

    /// Asks a digest, which may have to be made, or to grow: the digest that was asked, and its answer.
    fn ask<T>(
        &mut self,
        uid: Uid,
        ask: impl Fn(&Digest, ReadPage<'_>) -> Result<T, Unmade>,
    ) -> Result<(Arc<Digest>, T), StoreError> {
        let (no, mut digest) = (PageNo::of(uid), self.digest(uid)?);
        let answer = loop {
            let uids = digest.uids();
            let mut page = || {
                let page = self.whole_page(no, uids)?;
                let is_whole = uids.iter().all(|uid| page.slot(*uid).is_some());
                if is_whole { Ok(page) } else { Err(Unmade::Of(page)) }
            };
            match ask(&digest, &mut page) {
                Ok(answer) => break answer,
                // It has messages that are gone: nothing is made of them, as others may show them still and find it blank.
                Err(Unmade::Of(page)) => {
                    digest = Arc::new(Digest::new(&page));
                    self.digest = Some((no, digest.clone()));
                }
                Err(Unmade::Store(error)) => return Err(error),
            }
        };
        if digest.take_grown() {
            self.mailbox.summaries.digests.insert(self.key(no), digest.clone().into());
            self.mailbox.grown.lock().insert(no, Arc::downgrade(&digest));
        }
        Ok((digest, answer))
    }

    /// The digest of a message's page, and in which of its messages a field holds a string.
    pub(super) fn holding(
        &mut self,
        uid: Uid,
        field: Field,
        needle: &Needle,
    ) -> Result<(Arc<Digest>, Slots), StoreError> {
        self.ask(uid, |digest, page| Ok(digest.column(field, page)?.holds(needle)))
    }

    /// The values of a key to order by.
    pub(super) fn text(&mut self, uid: Uid, key: TextKey, comparator: Comparator) -> Result<Box<str>, StoreError> {
        let (digest, ()) = self.ask(uid, |digest, page| digest.texts(key, comparator, page).map(drop))?;
        let text = digest.slot(uid).map(|slot| digest.text(key, comparator, slot)).unwrap_or_default();
        Ok(String::from_utf8_lossy(text).into())
    }

    /// The digests of messages, ascending; `make` makes what is wanted of each, from its page.
    pub(super) fn digests(
        &mut self,
        uids: &[Uid],
        make: impl Fn(&Digest, ReadPage<'_>) -> Result<(), Unmade>,
    ) -> Result<Digests, StoreError> {
        let mut digests = Digests::default();
        for uid in uids {
            if !digests.add(*uid) {
                // One that is lost no digest knows: those behind it are looked for in the one that was asked.
                let (asked, ()) = self.ask(*uid, &make)?;
                digests.add_with(*uid, asked);
            }
        }
        Ok(digests)
    }

    fn ranks_key(&self, by: RankedBy) -> (AccountId, MailboxId, RankedBy) {
        (self.mailbox.account, self.mailbox.id, by)
    }

    /// The ranks that are kept of the mailbox's texts.
    pub(super) fn ranks(&self, by: RankedBy) -> Option<Arc<Ranks>> {
        self.mailbox.summaries.ranks.get(&self.ranks_key(by))
    }

    pub(super) fn keep_ranks(&self, by: RankedBy, ranks: Ranks) {
        self.mailbox.summaries.ranks.insert(self.ranks_key(by), Arc::new(ranks));
    }
}

impl Mailbox {
    /// Writes into the store what has been made of messages since it was last asked to, of pages that no more can come to.
    /// It changes nothing that anybody sees, and what is lost of it is made again: for housekeeping.
    pub(super) fn keep_digests(&self) {
        let grown = std::mem::take(&mut *self.grown.lock());
        let there: Vec<_> = grown.into_iter().filter_map(|(no, digest)| Some((no, digest.upgrade()?))).collect();
        for step in there.chunks(KEPT_AT_ONCE) {
            if let Err(error) = self.keep_some(step) {
                return log::debug!("keeping what was made of messages: {error}");
            }
        }
    }

    fn keep_some(&self, digests: &[(PageNo, Arc<Digest>)]) -> Result<(), StoreError> {
        let mut writer = self.writer.lock();
        if self.is_gone() {
            return Ok(());
        }
        let snapshot = self.load_locked(&mut writer)?;
        let uid_next = snapshot.header().uid_next;
        let mut pages = Vec::new();
        for (no, digest) in digests.iter().filter(|(no, _)| uid_next == 0 || no.last().get() < uid_next) {
            let of_page = UidSet::from_ranges(vec![(no.first().get(), no.last().get())]);
            snapshot.load(&of_page)?;
            // Of a page that has lost all of its messages since, nothing would ever take it away again.
            if snapshot.in_uids(&of_page).next().is_some() {
                pages.extend(digest.record().map(|record| (*no, record)));
            }
        }
        if pages.is_empty() {
            return Ok(());
        }
        let commit = Commit::Digests { account: self.account, mailbox: self.id, guard: writer.version, pages };
        self.commit_derived(&mut writer, commit).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use crate::mailbox::sample::Sample;
    use crate::mailbox::{Asked, Scores};
    use crate::store::{PAGE_UIDS, PageNo};
    use crate::types::{Comparator, SearchKey, UidSet};

    #[test]
    fn nothing_is_kept_of_a_page_that_has_no_messages_any_more() {
        let inbox = Sample::new();
        let all = inbox.append(&vec!["a"; 3 * PAGE_UIDS as usize]);
        inbox.manager.settle();
        let (key, saved) = (SearchKey::Header("subject".into(), "b".into()), UidSet::new());
        let asked =
            Asked { key: &key, saved: &saved, comparator: Comparator::UnicodeCasemap, scores: Scores::Unwanted };
        inbox.view().search(&asked, &mut |_, _| {}).unwrap();
        inbox.expunge(&all[..PAGE_UIDS as usize]);
        inbox.manager.keep_digests();
        let (account, mailbox) = inbox.mailbox.key();
        let is_kept = |no| inbox.manager.store().digest(account, mailbox, PageNo(no)).unwrap().is_some();
        assert_eq!([0, 1].map(is_kept), [false, true]);
    }
}

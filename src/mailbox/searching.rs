//! SEARCH over a view.                              RFC 9051 6.4.4

use std::sync::Arc;

use super::describing::summary_of;
use super::digest::Digest;
use super::error::MailboxError;
use super::snapshot::Snapshot;
use super::summaries::Summaries;
use super::view::View;
use super::walk::{Message, Run};
use crate::mime::{Field, SummaryRef};
use crate::search::{Annotation, Block, Context, Needle, Slots, Subject, Test, slots};
use crate::store::{PAGE_UIDS, StoreError};
use crate::types::{
    Comparator, FlagBits, Flags, InternalDate, Keyword, KeywordId, ModSeq, NumberSet, SearchKey, SequenceSet, Uid,
    UidSet,
};

/// Messages of a page above which its digest is made for them.
const DIGEST_MIN: usize = 16;

/// What is asked of a mailbox.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub key: &'a SearchKey,
    /// What `$` stands for.
    pub saved: &'a UidSet,
    pub comparator: Comparator,
    pub scores: Scores,
}

/// Whether it is wanted how relevant the messages are. RFC 6203 4
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scores {
    Wanted,
    Unwanted,
}

/// What a search has found.
#[derive(Debug, Default)]
pub struct Found {
    pub uids: UidSet,
    /// The highest MODSEQ among them. RFC 7162 3.1.5
    pub mod_seq: ModSeq,
    /// Of some messages that others have expunged, and that are shown still, what is asked for cannot be told any more: they
    /// are not among what is found.
    pub lacks_expunged: bool,
    /// By UID, where they were wanted.
    scores: Vec<(Uid, u8)>,
}

impl Found {
    pub(super) fn of(uids: UidSet) -> Found {
        Found { uids, ..Found::default() }
    }

    fn leave_out(&mut self, lost: &UidSet) {
        if !lost.is_empty() {
            self.uids = self.uids.difference(lost);
            self.lacks_expunged = true;
        }
    }

    /// 1 to 100. RFC 6203 4
    pub fn score(&self, uid: Uid) -> u8 {
        self.scores.binary_search_by_key(&uid, |(uid, _)| *uid).map_or(1, |at| self.scores[at].1)
    }
}

impl View {
    /// The messages of this view that a key matches. `progress` hears how many of how many have been looked at.
    pub fn search(&self, asked: &Asked<'_>, progress: &mut dyn FnMut(u32, u32)) -> Result<Found, MailboxError> {
        let test = Test::compile(asked.key, &InView { view: self, asked });
        match test.among() {
            Some(among) => self.ask(&test, among, asked.scores, progress),
            None => {
                let mut all = UidSet::new();
                all.push_range(1, self.shown().last_uid().map_or(1, Uid::get));
                self.ask(&test, &all, asked.scores, progress)
            }
        }
    }

    /// The highest `most` of the messages that a search looks at, where it looks at more. RFC 9738 3.1
    pub fn highest_searched(&self, asked: &Asked<'_>, most: u32) -> Result<Option<UidSet>, MailboxError> {
        let test = Test::compile(asked.key, &InView { view: self, asked });
        let among = match test.among().cloned() {
            Some(among) => among,
            None if self.shown().len() <= most => return Ok(None),
            None => {
                let mut all = UidSet::new();
                all.push_range(1, u32::MAX);
                all
            }
        };
        self.shown().load(&among)?;
        let looked: UidSet = self.shown().in_uids(&among).map(|message| message.uid()).collect();
        let (count, most) = (looked.count() as usize, most as usize);
        Ok((count > most).then(|| looked.at(count - most..count)))
    }

    /// How many messages a search looks at.
    pub fn searched(&self, asked: &Asked<'_>) -> Result<u64, MailboxError> {
        let test = Test::compile(asked.key, &InView { view: self, asked });
        let Some(among) = test.among() else { return Ok(self.shown().len().into()) };
        self.shown().load(among)?;
        Ok(self.shown().in_uids(among).count() as u64)
    }

    /// Those of a few messages that a key matches.
    pub fn search_among(&self, asked: &Asked<'_>, among: &UidSet) -> Result<UidSet, MailboxError> {
        let test = Test::compile(asked.key, &InView { view: self, asked });
        Ok(self.ask(&test, among, asked.scores, &mut |_, _| {})?.uids)
    }

    /// A key whose answer for a message depends on that message alone: sequence numbers, `$` and `*` are what they are
    /// now. RFC 5267 4.3
    pub fn fixed(&self, key: &SearchKey, saved: &UidSet) -> SearchKey {
        let inner = |key: &SearchKey| Box::new(self.fixed(key, saved));
        match key {
            SearchKey::And(keys) => SearchKey::And(keys.iter().map(|key| self.fixed(key, saved)).collect()),
            SearchKey::Or(a, b) => SearchKey::Or(inner(a), inner(b)),
            SearchKey::Not(key) => SearchKey::Not(inner(key)),
            SearchKey::Fuzzy(key) => SearchKey::Fuzzy(inner(key)),
            SearchKey::Seqs(NumberSet::Saved) | SearchKey::Uids(NumberSet::Saved) => {
                SearchKey::Uids(saved.clone().into())
            }
            SearchKey::Seqs(NumberSet::Set(set)) => SearchKey::Uids(self.shown().uids_of(set).into()),
            SearchKey::Uids(NumberSet::Set(set)) => {
                let last = self.shown().last_uid().map_or(0, Uid::get);
                SearchKey::Uids(NumberSet::Set(set.opened(last)))
            }
            other => other.clone(),
        }
    }

    /// Page by page: what is asked of a page is asked of all its messages at once.
    fn ask(
        &self,
        test: &Test,
        among: &UidSet,
        scores: Scores,
        progress: &mut dyn FnMut(u32, u32),
    ) -> Result<Found, MailboxError> {
        let shown = self.shown().clone();
        let mut found = Found::default();
        let mut summaries = self.summaries();
        shown.load(among)?;
        let mut runs = shown.runs_in(among).flat_map(Run::pages).peekable();
        let (mut page, mut done) = (Vec::with_capacity(PAGE_UIDS as usize), 0);
        while let Some((no, run)) = runs.next() {
            progress(done, shown.len());
            page.clear();
            page.extend(run);
            while let Some((_, run)) = runs.next_if(|(of, _)| *of == no) {
                page.extend(run);
            }
            done += page.len() as u32;
            let mut block = Searched { view: self, messages: &page, summaries: &mut summaries };
            let all = Slots::MAX >> (Slots::BITS as usize - page.len());
            for slot in slots(test.passing(&mut block, all)?) {
                let message = page[slot];
                found.uids.push(message.uid());
                found.mod_seq = found.mod_seq.max(message.mod_seq());
                if scores == Scores::Wanted {
                    let score = test.score(&mut block.subject(slot))?;
                    found.scores.push((message.uid(), score.unwrap_or(100)));
                }
            }
        }
        found.leave_out(&summaries.gone()?);
        Ok(found)
    }

    /// Leaves out what cannot be ordered, or threaded, any more.
    pub fn leave_out_lost(&self, found: &mut Found) -> Result<(), MailboxError> {
        let newest = self.mailbox().snapshot()?;
        if Arc::ptr_eq(&newest, self.shown()) {
            return Ok(());
        }
        newest.load(&found.uids)?;
        let there = newest.in_uids(&found.uids).map(|message| message.uid()).collect();
        let mut summaries = self.summaries();
        for uid in found.uids.difference(&there).uids() {
            summaries.go_to(uid)?;
        }
        found.leave_out(&summaries.gone()?);
        Ok(())
    }
}

/// Resolves keywords and sets in a view.
struct InView<'a> {
    view: &'a View,
    asked: &'a Asked<'a>,
}

impl Context for InView<'_> {
    fn keyword(&self, keyword: &Keyword) -> Option<Flags> {
        self.view.shown().keyword(keyword)
    }

    fn seqs(&self, set: &NumberSet) -> UidSet {
        match set {
            NumberSet::Set(set) => self.view.shown().uids_of(set),
            NumberSet::Saved => self.asked.saved.clone(),
        }
    }

    fn uids(&self, set: &NumberSet) -> UidSet {
        self.view.named_uids(set, self.asked.saved)
    }

    fn now_secs(&self) -> i64 {
        crate::sys::now_secs()
    }

    fn comparator(&self) -> Comparator {
        self.asked.comparator
    }

    fn annotated(&self) -> UidSet {
        // Where that cannot be read all are looked at, and the first that is fails.
        self.view.annotated().unwrap_or_else(|_| UidSet::from_ranges(vec![(1, u32::MAX)]))
    }
}

/// Messages of one page.
struct Searched<'a> {
    view: &'a View,
    messages: &'a [Message<'a>],
    summaries: &'a mut Summaries,
}

impl Searched<'_> {
    /// Whether these messages are worth reading what the page has of others.
    fn are_many(&mut self) -> bool {
        let last = self.messages.last().map(Message::uid);
        self.messages.len() >= DIGEST_MIN || last.is_some_and(|uid| self.summaries.known_digest(uid).is_some())
    }

    fn are_those_of(&self, digest: &Digest) -> bool {
        let uids = digest.uids();
        uids.len() == self.messages.len() && uids.iter().copied().eq(self.messages.iter().map(Message::uid))
    }
}

impl Block for Searched<'_> {
    type Error = MailboxError;
    type Subject<'a>
        = OneSearched<'a>
    where
        Self: 'a;

    fn subject(&mut self, slot: usize) -> OneSearched<'_> {
        let many = self.messages.len() >= DIGEST_MIN;
        OneSearched { view: self.view, message: self.messages[slot], summaries: self.summaries, many }
    }

    fn holding(&mut self, field: Field, needle: &Needle) -> Result<Slots, MailboxError> {
        if !self.are_many() {
            let mut held = 0;
            for slot in 0..self.messages.len() {
                let test = |text: &str| needle.is_empty() || needle.is_in(text);
                let mut holds = |summary: &SummaryRef<'_>| Ok(summary.field(field).is_some_and(|text| test(&text)));
                held |= Slots::from(self.subject(slot).with_summary(&mut holds)?) << slot;
            }
            return Ok(held);
        }
        let Some(last) = self.messages.last().map(Message::uid) else { return Ok(0) };
        let (mut digest, mut held) = self.summaries.holding(last, field, needle)?;
        if self.are_those_of(&digest) {
            return Ok(held);
        }
        // One that others have expunged: most digests do without it.
        for uid in self.messages.iter().map(Message::uid) {
            if digest.slot(uid).is_none() && !self.summaries.lost.contains(&uid) {
                (digest, held) = self.summaries.holding(uid, field, needle)?;
            }
        }
        if held == 0 || self.are_those_of(&digest) {
            return Ok(held);
        }
        // The page has messages that are not asked about, or lacks some that are lost.
        let holds = |message: &Message<'_>| digest.slot(message.uid()).is_some_and(|slot| held & 1 << slot != 0);
        let here = self.messages.iter().enumerate();
        Ok(here.fold(0, |slots, (slot, message)| slots | Slots::from(holds(message)) << slot))
    }
}

struct OneSearched<'a> {
    view: &'a View,
    message: Message<'a>,
    summaries: &'a mut Summaries,
    /// Others of its page are looked at as well.
    many: bool,
}

impl Subject for OneSearched<'_> {
    type Error = MailboxError;

    fn uid(&self) -> Uid {
        self.message.uid()
    }

    fn flags(&self) -> FlagBits {
        self.message.flags()
    }

    fn further(&self) -> &[KeywordId] {
        self.message.further()
    }

    fn mod_seq(&self) -> ModSeq {
        self.message.mod_seq()
    }

    fn is_recent(&self) -> bool {
        self.view.recent().contains(self.message.uid().get())
    }

    fn size(&self) -> u64 {
        self.message.size().into()
    }

    fn internal_date(&self) -> InternalDate {
        self.message.internal_date()
    }

    fn sent_date(&self) -> InternalDate {
        self.message.sent_date()
    }

    fn save_date(&self) -> InternalDate {
        self.message.save_date()
    }

    fn email_id(&self) -> String {
        self.message.blob().email_id()
    }

    fn annotations(&self, of: &Annotation, take: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), MailboxError> {
        self.view.annotation_values(self.message.uid(), &of.entries, of.scope, take)
    }

    fn with_summary(
        &mut self,
        ask: &mut dyn FnMut(&SummaryRef<'_>) -> Result<bool, MailboxError>,
    ) -> Result<bool, MailboxError> {
        let uid = self.message.uid();
        if self.many {
            return Ok(self.summaries.go_to(uid)? && ask(&summary_of(self.summaries.here())?)?);
        }
        match self.summaries.one(uid)? {
            Some(value) => ask(&summary_of(&value)?),
            None => Ok(false),
        }
    }

    fn read(&mut self, start: u64, end: u64, take: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), MailboxError> {
        let (mailbox, uid) = (self.view.mailbox(), self.message.uid());
        match mailbox.octets(self.message.blob(), start..end, take) {
            Err(MailboxError::Store(StoreError::Missing(_))) if !mailbox.is_there(uid)? => {
                self.summaries.lost.insert(uid);
                Ok(())
            }
            read => read,
        }
    }
}

impl Snapshot {
    /// The UIDs of a set of sequence numbers; those beyond the mailbox match nothing, and are no error. RFC 7377 2
    pub(super) fn uids_of(&self, set: &SequenceSet) -> UidSet {
        self.in_seqs(&set.resolve(self.len())).map(|message| message.uid()).collect()
    }

    /// The sequence numbers of `uids` in this snapshot.
    pub fn seqs_of(&self, uids: &UidSet) -> UidSet {
        let mut seqs = UidSet::new();
        self.in_uids(uids).for_each(|message| seqs.push_seq(message.seq()));
        seqs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::Order;
    use crate::mailbox::sample::Sample;
    use crate::search::Threads;
    use crate::store::PageNo;
    use crate::types::{By, SortKey, SortOrder, ThreadAlgorithm};

    fn search(view: &View, key: &SearchKey) -> Found {
        let (saved, comparator) = (UidSet::new(), Comparator::UnicodeCasemap);
        view.search(&Asked { key, saved: &saved, comparator, scores: Scores::Unwanted }, &mut |_, _| {}).unwrap()
    }

    fn subject(holds: &str) -> SearchKey {
        SearchKey::Header("subject".into(), holds.into())
    }

    fn found(view: &View, holds: &str) -> Vec<u32> {
        search(view, &subject(holds)).uids.numbers().collect()
    }

    fn sorted(view: &View) -> Vec<u32> {
        let criteria = vec![(SortKey::Subject, SortOrder::Ascending)];
        let order = Order { criteria, comparator: Comparator::UnicodeCasemap };
        let mut all = search(view, &SearchKey::All);
        view.leave_out_lost(&mut all).unwrap();
        view.sort(&all, &order).unwrap().into_iter().map(|(_, uid)| uid.get()).collect()
    }

    fn threads(view: &View) -> Threads {
        let all = search(view, &SearchKey::All).uids;
        view.thread(&all, ThreadAlgorithm::OrderedSubject, Comparator::UnicodeCasemap, By::Uid).unwrap()
    }

    /// As after long: nothing of its messages is in memory.
    fn forget(inbox: &Sample) {
        let key = (inbox.mailbox.account, inbox.mailbox.id, PageNo(0));
        inbox.mailbox.summaries.pages.remove(&key);
        inbox.mailbox.summaries.digests.remove(&key);
        inbox.mailbox.summaries.ranks.clear();
    }

    /// In a small mailbox, whose messages are looked at one by one, and in one whose page is.
    #[test]
    fn what_others_have_expunged_is_found_as_long_as_it_is_shown() {
        for more in [0, 40] {
            let inbox = Sample::new();
            let all = inbox.append(&["c", "b", "d", "b"]);
            inbox.append(&vec!["e"; more]);
            inbox.manager.settle();
            let before = inbox.view();
            let (threads_before, sorted_before) = (threads(&before), sorted(&before));
            assert_eq!(sorted_before[..4], [2, 4, 1, 3]);
            inbox.expunge(&all[1..3]);
            // A second has gone since, and a third session sees neither: each makes what the others find.
            let later = inbox.view();
            inbox.expunge(&all[..1]);
            let last = inbox.view();
            for _ in 0..2 {
                forget(&inbox);
                assert_eq!((found(&last, "b"), found(&last, "c")), (vec![4], vec![]));
                assert_eq!((found(&later, "b"), found(&later, "c"), found(&later, "d")), (vec![4], vec![1], vec![]));
                assert_eq!((found(&before, "b"), found(&before, "d")), (vec![2, 4], vec![3]));
                assert_eq!(sorted(&last)[0], 4);
                assert_eq!(sorted(&later)[..2], [4, 1]);
                assert_eq!(sorted(&before), sorted_before);
                assert_eq!(threads(&before).roots, threads_before.roots);
                assert_eq!(sorted(&last)[0], 4);
            }
        }
    }

    /// RFC 5530 3: EXPUNGEISSUED.
    #[test]
    fn what_is_gone_for_good_is_left_out() {
        for more in [0, 40] {
            let inbox = Sample::new();
            let all = inbox.append(&["c", "b", "d"]);
            inbox.append(&vec!["e"; more]);
            inbox.manager.settle();
            let view = inbox.view();
            view.shown().load_all().unwrap();
            inbox.expunge(&all[1..2]);
            inbox.manager.purge(i64::from(u32::MAX)).unwrap();
            inbox.manager.store().collect_before(u64::MAX).unwrap();
            forget(&inbox);
            let told = |key: SearchKey| {
                let found = search(&view, &key);
                (found.uids.contains(2), found.lacks_expunged)
            };
            let not = |key| SearchKey::Not(Box::new(key));
            assert_eq!(told(subject("b")), (false, true));
            assert_eq!(told(not(subject("b"))), (false, true));
            assert_eq!(told(SearchKey::Body("b".into())), (false, true));
            assert_eq!(told(SearchKey::Larger(1)), (true, false));
            assert_eq!(sorted(&view)[..2], [1, 3]);
        }
    }
}

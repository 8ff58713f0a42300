//! SEARCH over a view.                              RFC 9051 6.4.4

use std::sync::Arc;

use super::column::Slots;
use super::error::MailboxError;
use super::snapshot::{Message, Snapshot};
use super::summaries::{Page, Summaries};
use super::view::View;
use crate::mime::{Field, SummaryRef};
use crate::search::{Context, Needle, Subject, Test};
use crate::types::{By, FlagBits, InternalDate, Keyword, ModSeq, NumberSet, SearchKey, Uid, UidSet};

/// Messages between two calls of the progress function.
const PROGRESS_EVERY: u32 = 64;

/// Whether summaries are read one by one or a page at a time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Single,
    Pages,
}

/// What a search has found.
#[derive(Debug, Default)]
pub struct Found {
    pub uids: UidSet,
    /// The highest MODSEQ among them. RFC 7162 3.1.5
    pub mod_seq: ModSeq,
}

impl View {
    /// The messages of this view that a key matches. `progress` hears how many of how many have been looked at.
    pub fn search(
        &self,
        key: &SearchKey,
        saved: &UidSet,
        progress: &mut dyn FnMut(u32, u32),
    ) -> Result<Found, MailboxError> {
        let test = Test::compile(key, &InView { view: self, saved });
        match test.among().cloned() {
            Some(among) => self.ask(&test, &among, Reading::Single, progress),
            None => {
                let mut all = UidSet::new();
                all.push_range(1, self.shown().last_uid().map_or(1, Uid::get));
                self.ask(&test, &all, Reading::Pages, progress)
            }
        }
    }

    /// Those of a few messages that a key matches.
    pub fn search_among(&self, key: &SearchKey, saved: &UidSet, among: &UidSet) -> Result<UidSet, MailboxError> {
        let test = Test::compile(key, &InView { view: self, saved });
        Ok(self.ask(&test, among, Reading::Single, &mut |_, _| {})?.uids)
    }

    /// A key whose answer for a message depends on that message alone: sequence numbers, `$` and `*` are what they are
    /// now. RFC 5267 4.3
    pub fn fixed(&self, key: &SearchKey, saved: &UidSet) -> SearchKey {
        let context = InView { view: self, saved };
        let inner = |key: &SearchKey| Box::new(self.fixed(key, saved));
        match key {
            SearchKey::And(keys) => SearchKey::And(keys.iter().map(|key| self.fixed(key, saved)).collect()),
            SearchKey::Or(a, b) => SearchKey::Or(inner(a), inner(b)),
            SearchKey::Not(key) => SearchKey::Not(inner(key)),
            SearchKey::Seqs(set) => SearchKey::Uids(context.seqs(set).into()),
            SearchKey::Uids(NumberSet::Saved) => SearchKey::Uids(saved.clone().into()),
            SearchKey::Uids(NumberSet::Set(set)) => {
                let last = self.shown().last_uid().map_or(0, Uid::get);
                SearchKey::Uids(NumberSet::Set(set.opened(last)))
            }
            other => other.clone(),
        }
    }

    fn ask(
        &self,
        test: &Test,
        among: &UidSet,
        reading: Reading,
        progress: &mut dyn FnMut(u32, u32),
    ) -> Result<Found, MailboxError> {
        let shown = self.shown().clone();
        let mut found = Found::default();
        let mut summaries = self.summaries();
        let mut held = Held::default();
        let many = reading == Reading::Pages;
        shown.load(among)?;
        for (done, message) in shown.in_uids(among).enumerate() {
            if done as u32 % PROGRESS_EVERY == 0 {
                progress(done as u32, shown.len());
            }
            let mut subject = Searched { view: self, message, summaries: &mut summaries, held: &mut held, many };
            if test.matches(&mut subject)? {
                found.uids.push(message.uid());
                found.mod_seq = found.mod_seq.max(message.mod_seq());
            }
        }
        Ok(found)
    }
}

/// Resolves keywords and sets in a view.
struct InView<'a> {
    view: &'a View,
    saved: &'a UidSet,
}

impl Context for InView<'_> {
    fn keyword(&self, keyword: &Keyword) -> Option<FlagBits> {
        self.view.shown().keyword_id(keyword).and_then(FlagBits::keyword)
    }

    /// Numbers beyond the view match nothing, and are no error. RFC 7377 2
    fn seqs(&self, set: &NumberSet) -> UidSet {
        let shown = self.view.shown();
        match set {
            NumberSet::Set(set) => shown.in_seqs(&set.resolve(shown.len())).map(|message| message.uid()).collect(),
            NumberSet::Saved => self.view.resolve(set, By::Seq, self.saved).unwrap_or_default(),
        }
    }

    fn now_secs(&self) -> i64 {
        crate::sys::now_secs()
    }

    fn uids(&self, set: &NumberSet) -> UidSet {
        self.view.resolve(set, By::Uid, self.saved).unwrap_or_default()
    }
}

struct Searched<'a> {
    view: &'a View,
    message: Message<'a>,
    summaries: &'a mut Summaries,
    held: &'a mut Held,
    many: bool,
}

/// Which messages of a page hold the needles of the test.
#[derive(Default)]
struct Held {
    page: Option<Arc<Page>>,
    /// By the needle's address: the test does not move while it is asked.
    slots: Vec<(*const Needle, Slots)>,
}

impl Held {
    fn holds(&mut self, page: &Arc<Page>, slot: usize, field: Field, needle: &Needle) -> bool {
        if !self.page.as_ref().is_some_and(|known| Arc::ptr_eq(known, page)) {
            self.page = Some(page.clone());
            self.slots.clear();
        }
        let slots = match self.slots.iter().find(|(known, _)| std::ptr::eq(*known, needle)) {
            Some((_, slots)) => *slots,
            None => {
                let slots = page.column(field).holds(needle);
                self.slots.push((needle, slots));
                slots
            }
        };
        slots & 1 << slot != 0
    }
}

impl Subject for Searched<'_> {
    type Error = MailboxError;

    fn uid(&self) -> Uid {
        self.message.uid()
    }

    fn flags(&self) -> FlagBits {
        self.message.flags()
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

    fn with_summary(
        &mut self,
        ask: &mut dyn FnMut(&SummaryRef<'_>) -> Result<bool, MailboxError>,
    ) -> Result<bool, MailboxError> {
        let uid = self.message.uid();
        let value = if self.many { self.summaries.next(uid)? } else { self.summaries.one(uid)? };
        match value {
            Some(value) => ask(&super::summaries::summary_of(&value)?),
            None => Ok(false),
        }
    }

    fn field_holds(&mut self, field: Field, needle: &Needle) -> Result<bool, MailboxError> {
        if !self.many {
            return self
                .with_summary(&mut |summary| Ok(summary.field(field).is_some_and(|text| needle.in_folded(text))));
        }
        let uid = self.message.uid();
        let page = self.summaries.page(uid)?;
        Ok(page.slot(uid).is_some_and(|slot| self.held.holds(page, slot, field, needle)))
    }

    fn save_date(&self) -> InternalDate {
        self.message.save_date()
    }

    fn email_id(&self) -> String {
        self.message.blob().email_id()
    }

    fn read(&self, start: u64, end: u64, take: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), MailboxError> {
        self.view.mailbox().octets(self.message.blob(), start..end, take)
    }
}

impl Snapshot {
    /// The sequence numbers of `uids` in this snapshot.
    pub fn seqs_of(&self, uids: &UidSet) -> UidSet {
        let mut seqs = UidSet::new();
        self.in_uids(uids).for_each(|message| seqs.push_seq(message.seq()));
        seqs
    }
}

//! A session's own picture of the mailbox it has selected.          RFC 9051 7.5.1, 2.3.1.2
//!
//! The view is what the client has been told, sequence numbers included. `sync` moves it to the newest snapshot and
//! says what the client must hear; while EXPUNGE may not be reported, messages that are gone keep their places.
//! A message that another session expunged stays readable here until this session has been told.
//!
//! A view shows what its client may see (`visible`), by no other way than through its snapshot.

use std::sync::Arc;

use super::account::Account;
use super::difference::Difference;
use super::error::MailboxError;
use super::mailbox::Mailbox;
use super::message_annotations::ChangedEntry;
use super::snapshot::Snapshot;
use super::summaries::Summaries;
use super::watch::Watch;
use crate::sys::Bell;
use crate::types::{AccountId, By, ModSeq, NumberSet, Seq, SequenceSet, Uid, UidSet, Visibility};

/// SELECT or EXAMINE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    ReadWrite,
    ReadOnly,
}

/// Whether the client may hear of an EXPUNGE now. RFC 9051 7.5.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expunges {
    Report,
    Hold,
}

/// What a client must be told so that its picture is the view again, in the order in which to tell it.
#[derive(Debug, Default)]
pub struct Changes {
    /// As numbered before any of them went, ascending.
    pub expunged: Vec<(Seq, Uid)>,
    /// Messages now, where some have come.
    pub exists: Option<u32>,
    /// \Recent messages now, where some have come.
    pub recent: Option<u32>,
    /// The mailbox has new keywords.
    pub keywords: bool,
    /// Messages whose flags may have changed.
    pub flags: Vec<Uid>,
    /// Messages that have another MODSEQ and the same flags.
    pub others: Vec<Uid>,
    /// Entries of messages that have changed, of those that the client's user sees, where they are followed.
    pub annotations: Vec<(Uid, Vec<ChangedEntry>)>,
    /// Those, and the messages that have come: what a search may find another answer for.
    pub touched: UidSet,
}

fn touched(flags: &[Uid], others: &[Uid], come: impl Iterator<Item = Uid>) -> UidSet {
    let touched: UidSet = flags.iter().copied().chain(come).collect();
    match others.is_empty() {
        true => touched,
        false => touched.union(&others.iter().copied().collect()),
    }
}

pub struct View {
    mailbox: Arc<Mailbox>,
    shown: Arc<Snapshot>,
    /// The newest snapshot that `shown` has been brought to; the two differ while expunges are held.
    synced: Arc<Snapshot>,
    recent: UidSet,
    access: Access,
    visibility: Visibility,
    /// Whose private annotations are seen.
    user: Option<AccountId>,
    annotations: Following,
    watch: Watch,
}

/// Whether the view looks which annotations change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Following {
    Followed,
    PassedOver,
}

impl View {
    /// Opens a mailbox for somebody who sees so much of it. `bell` rings at each later change, while the view
    /// listens.
    pub fn open(
        mailbox: Arc<Mailbox>,
        access: Access,
        visibility: Visibility,
        bell: Arc<Bell>,
    ) -> Result<View, MailboxError> {
        let watch = Watch::new(&mailbox, bell);
        let shown = mailbox.seen_by(visibility)?;
        let (synced, recent) = (shown.clone(), UidSet::new());
        let mut view = View {
            mailbox,
            synced,
            shown,
            recent,
            access,
            visibility,
            user: None,
            annotations: Following::PassedOver,
            watch,
        };
        view.take_recent();
        Ok(view)
    }

    /// The same for a user, who sees their private annotations.
    pub fn of_user(self, user: &Account) -> View {
        View { user: Some(user.id()), ..self }
    }

    /// Says from now on which annotations have changed. RFC 5257 4.2
    pub fn follow_annotations(&mut self) -> Result<(), MailboxError> {
        self.annotations = Following::Followed;
        // What is there is known from now on, so that changes are.
        Ok(self.shown.load_annotations()?)
    }

    pub(super) fn user(&self) -> Option<AccountId> {
        self.user
    }

    pub fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// What the client has been told.
    pub fn shown(&self) -> &Arc<Snapshot> {
        &self.shown
    }

    pub fn access(&self) -> Access {
        self.access
    }

    pub fn visibility(&self) -> Visibility {
        self.visibility
    }

    /// From the next `sync` on the client sees more, or less.
    pub fn set_visibility(&mut self, visibility: Visibility) {
        self.visibility = visibility;
    }

    /// UIDs of the messages that are \Recent in this session.
    pub fn recent(&self) -> &UidSet {
        &self.recent
    }

    /// \Recent messages in the view.
    pub fn recent_count(&self) -> u32 {
        self.shown.count_in(&self.recent)
    }

    pub fn summaries(&self) -> Summaries {
        Summaries::showing(self.mailbox.clone(), self.shown.clone())
    }

    /// Whether messages are shown that are not there any more.
    pub fn holds_expunges(&self) -> bool {
        self.shown.header().highest_mod_seq < self.synced.header().highest_mod_seq
            && !Arc::ptr_eq(&self.shown, &self.synced)
    }

    /// Whether others have expunged a message.
    pub fn is_gone(&self, uid: Uid) -> Result<bool, MailboxError> {
        Ok(!self.mailbox.is_there(uid)?)
    }

    /// Has the bell rung at each change from now on.
    pub fn listen(&mut self) {
        self.watch.listen();
    }

    pub fn rest(&mut self) {
        self.watch.rest();
    }

    /// Moves the view to the newest snapshot.
    pub fn sync(&mut self, expunges: Expunges) -> Result<Changes, MailboxError> {
        let newest = self.mailbox.seen_by(self.visibility)?;
        self.sync_to(newest, expunges)
    }

    /// As `sync`, but messages that have come do not come into the view yet, and none goes.
    pub fn sync_flags(&mut self) -> Result<Changes, MailboxError> {
        let mut newest = self.mailbox.seen_by(self.visibility)?;
        let arrived: UidSet = self.shown.difference(&newest)?.arrived.into_iter().collect();
        if !arrived.is_empty() {
            Arc::make_mut(&mut newest).hold_back(&arrived);
        }
        self.sync_to(newest, Expunges::Hold)
    }

    fn sync_to(&mut self, newest: Arc<Snapshot>, expunges: Expunges) -> Result<Changes, MailboxError> {
        if Arc::ptr_eq(&newest, &self.shown) {
            return Ok(Changes::default());
        }
        let (before, difference) = (self.shown.clone(), self.shown.difference(&newest)?);
        let mut changes = match expunges {
            Expunges::Hold if difference.needs_expunges() => self.hold(&newest, difference)?,
            _ => self.advance(&newest, difference),
        };
        self.synced = newest;
        if self.annotations == Following::Followed {
            changes.annotations = self.changed_annotations(&before, &changes)?;
        }
        Ok(changes)
    }

    fn advance(&mut self, newest: &Arc<Snapshot>, difference: Difference) -> Changes {
        let Difference { mut expunged, mut changed, mut others, arrived, between } = difference;
        if let Some(first) = between {
            // What stands behind it goes, and comes anew.
            expunged.retain(|(_, uid)| *uid < first);
            changed.retain(|uid| *uid < first);
            others.retain(|uid| *uid < first);
            let behind = self.shown.uid_range(first.get(), u32::MAX);
            expunged.extend(behind.map(|message| (message.seq(), message.uid())));
        }
        let behind = expunged.iter().map(|(_, uid)| *uid).filter(|uid| between.is_some_and(|first| *uid > first));
        let touched = touched(&changed, &others, arrived.iter().copied().chain(behind));
        let exists = (!arrived.is_empty()).then(|| newest.len());
        Changes { expunged, flags: changed, others, touched, ..self.show(newest.clone(), exists) }
    }

    /// Nothing goes from its place now, nor comes between others.
    fn hold(&mut self, newest: &Arc<Snapshot>, difference: Difference) -> Result<Changes, MailboxError> {
        let held = Arc::new(self.shown.held(newest)?);
        let exists = (held.len() > self.shown.len()).then(|| held.len());
        let (changed, others, arrived) = (difference.changed, difference.others, difference.arrived);
        let come = arrived.into_iter().filter(|uid| held.by_uid(*uid).is_some());
        let touched = touched(&changed, &others, come);
        Ok(Changes { flags: changed, others, touched, ..self.show(held, exists) })
    }

    fn show(&mut self, next: Arc<Snapshot>, exists: Option<u32>) -> Changes {
        let keywords = next.keywords() != self.shown.keywords();
        self.shown = next;
        self.take_recent();
        let recent = exists.map(|_| self.recent_count());
        Changes { exists, recent, keywords, ..Changes::default() }
    }

    /// Claims what is new in the view as \Recent, or, read-only, looks at what could be claimed.
    fn take_recent(&mut self) {
        let Some(last) = self.shown.last_uid() else { return };
        let after = last.get().saturating_add(1);
        let from = match self.access {
            Access::ReadWrite => self.mailbox.claim_recent(after),
            Access::ReadOnly => self.mailbox.peek_recent(),
        };
        if from < after {
            let new: Vec<Uid> = self.shown.uid_range(from, last.get()).map(|message| message.uid()).collect();
            new.into_iter().for_each(|uid| self.recent.push(uid));
        }
    }

    /// UIDs that have vanished from the mailbox under a MODSEQ above `since`, or have been hidden from this client. What
    /// this view still shows is not among them: others may have expunged since it was taken, and the client will be told.
    /// RFC 7162 3.2.6
    pub fn vanished(&self, since: ModSeq) -> Result<UidSet, MailboxError> {
        let mut vanished = self.mailbox.vanished(since)?;
        let whole = self.mailbox.snapshot()?;
        whole.unseen_since(self.visibility, since).uids().for_each(|uid| vanished.push(uid));
        self.seen_again(&whole, since).for_each(|uid| vanished.push(uid));
        Ok(vanished.difference(&self.present(&vanished)))
    }

    /// What was hidden from the client when this view was taken, and is not any more: it will come anew.
    fn seen_again<'a>(&self, whole: &'a Snapshot, since: ModSeq) -> impl Iterator<Item = Uid> + use<'a> {
        let hides = self.shown.visibility != Visibility::ALL;
        // Messages that have come are not in a view that is held either.
        let last = match self.shown.is_held {
            true => self.shown.last_uid().map_or(0, Uid::get),
            false => self.shown.header().uid_next.wrapping_sub(1),
        };
        let changed = hides.then(|| whole.changed_since(since)).into_iter().flatten();
        changed.map(|message| message.uid()).filter(move |uid| uid.get() <= last)
    }

    /// The UIDs that a command names, whether they are in this view or not; costs no look at the messages.
    pub fn named_uids(&self, set: &NumberSet, saved: &UidSet) -> UidSet {
        match set {
            NumberSet::Saved => saved.clone(),
            NumberSet::Set(set) => set.resolve(self.shown.last_uid().map_or(0, Uid::get)),
        }
    }

    /// The UIDs in this view that a command names. `None` where a sequence number is beyond the view, or `$` is
    /// resolved by `saved`.
    pub fn resolve(&self, set: &NumberSet, by: By, saved: &UidSet) -> Option<UidSet> {
        match (set, by) {
            (NumberSet::Saved, _) => Some(self.present(saved)),
            (NumberSet::Set(set), By::Uid) => Some(self.resolve_uids(set)),
            (NumberSet::Set(set), By::Seq) => self.resolve_seqs(set),
        }
    }

    fn present(&self, uids: &UidSet) -> UidSet {
        self.shown.in_uids(uids).map(|message| message.uid()).collect()
    }

    fn resolve_uids(&self, set: &SequenceSet) -> UidSet {
        self.present(&set.resolve(self.shown.last_uid().map_or(0, Uid::get)))
    }

    fn resolve_seqs(&self, set: &SequenceSet) -> Option<UidSet> {
        let seqs = set.resolve(self.shown.len());
        if set.largest() > self.shown.len() || seqs.is_empty() {
            return None;
        }
        Some(self.shown.in_seqs(&seqs).map(|message| message.uid()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::sample::Sample;
    use crate::mailbox::{Change, StoreMode};
    use crate::types::{Flag, Keyword};

    /// The client has been told of it by EXISTS, and will be told that it goes: once.
    #[test]
    fn what_is_shown_has_not_vanished_earlier() {
        let inbox = Sample::new();
        let all = inbox.append(&["1", "2", "3", "4"]);
        inbox.expunge(&all[..1]);
        let mut view = inbox.view();
        inbox.expunge(&all[2..]);
        let vanished = |view: &View| view.vanished(ModSeq::ZERO).unwrap().uids().collect::<Vec<_>>();
        assert_eq!(vanished(&view), all[..1]);
        let told = view.sync(Expunges::Report).unwrap().expunged.into_iter().map(|(_, uid)| uid);
        assert_eq!((told.collect::<Vec<_>>(), vanished(&view)), (all[2..].to_vec(), vec![all[0], all[2], all[3]]));
    }

    /// A client that knew the message must hear that it is not among those that EXISTS counts, before it comes back.
    #[test]
    fn what_was_hidden_has_vanished_though_it_is_seen_again() {
        let inbox = Sample::new();
        let all = inbox.append(&["1", "2", "3"]);
        let since = inbox.mailbox.snapshot().unwrap().header().highest_mod_seq;
        let service = |mode| {
            let (uids, flags) =
                ([all[1]].into_iter().collect(), vec![Flag::Keyword(Keyword::new("$Service").unwrap())]);
            let change = Change::Store { uids, mode, flags, unchanged_since: None, visibility: Visibility::ALL };
            inbox.mailbox.commit(change).unwrap();
        };
        service(StoreMode::Add);
        let (mailbox, bell) = (inbox.mailbox.clone(), Arc::new(Bell::new().unwrap()));
        let mut view = View::open(mailbox, Access::ReadOnly, Visibility::ALL.without_service(), bell).unwrap();
        service(StoreMode::Remove);
        let came = inbox.append(&["4"]);
        assert_eq!(view.vanished(since).unwrap().uids().collect::<Vec<_>>(), [all[1]]);
        let changes = view.sync(Expunges::Report).unwrap();
        assert_eq!((changes.expunged.len(), changes.exists), (1, Some(4)));
        assert!(view.vanished(since).unwrap().is_empty() && view.shown().by_uid(came[0]).is_some());
    }
}

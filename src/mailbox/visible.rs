//! What those see of a mailbox who do not see everything: without the messages that have $Service or $Hidden.
//!
//! It is a snapshot of its own, made when somebody first asks for it and shared by all who see the same; leaves that
//! have nothing to hide are those of the whole snapshot. A mailbox that has nothing to hide is seen by all as it is.
//!
//! Sequence numbers go by UID. A message that somebody sees again after it was hidden thus comes between others; EXISTS
//! can only tell of messages at the end. Such a view is told that what stands behind the message is gone, and that all of
//! it, the message first, is there anew: under the UIDs that it had, as it is what it was (`view`).

use std::sync::{Arc, OnceLock};

use super::error::MailboxError;
use super::leaf::{Body, Leaf, Source};
use super::mailbox::Mailbox;
use super::snapshot::Snapshot;
use crate::store::{LeafEntry, NO_DATE, StoreError, Sums};
use crate::types::{Class, ModSeq, SystemFlag, UidSet, Visibility};

/// By `Visibility::index`. A copy has none of them: it is made to be changed.
pub(super) struct Seen<T>([OnceLock<Arc<T>>; 3]);

pub(super) type SeenLeaves = Seen<Leaf>;

impl<T> Default for Seen<T> {
    fn default() -> Seen<T> {
        Seen([const { OnceLock::new() }; 3])
    }
}

impl<T> Clone for Seen<T> {
    fn clone(&self) -> Seen<T> {
        Seen::default()
    }
}

impl<T> Seen<T> {
    fn get_or_make(&self, index: usize, make: impl FnOnce() -> Result<T, StoreError>) -> Result<Arc<T>, StoreError> {
        if let Some(made) = self.0[index].get() {
            return Ok(made.clone());
        }
        let made = Arc::new(make()?);
        Ok(self.0[index].get_or_init(|| made).clone())
    }
}

impl Mailbox {
    /// The newest snapshot, as somebody sees it.
    pub fn seen_by(&self, visibility: Visibility) -> Result<Arc<Snapshot>, MailboxError> {
        Ok(self.snapshot()?.seen_by(visibility)?)
    }

    /// Whether nothing that somebody who does not see everything sees has changed since, nor come and gone, as far as is known.
    pub fn is_quiet_for(&self, visibility: Visibility, since: ModSeq) -> Result<bool, MailboxError> {
        let is_quiet = |seen: Arc<Snapshot>| {
            !seen.latest.is_gone_since(visibility, since) && seen.changed_since(since).next().is_none()
        };
        Ok(visibility.index().is_some() && is_quiet(self.seen_by(visibility)?))
    }

    /// The sums of STATUS, over what somebody sees; one read where the mailbox is not loaded.
    pub fn counts(&self, visibility: Visibility) -> Result<Sums, MailboxError> {
        Ok(self.header()?.sums.seen(visibility))
    }
}

impl Snapshot {
    /// Itself, for somebody who sees all that is in it.
    pub fn seen_by(self: Arc<Snapshot>, visibility: Visibility) -> Result<Arc<Snapshot>, StoreError> {
        match visibility.index().filter(|_| self.header.sums.has_unseen_by(visibility)) {
            None => Ok(self),
            Some(index) => self.seen.get_or_make(index, || self.without_unseen_by(visibility)),
        }
    }

    fn without_unseen_by(&self, visibility: Visibility) -> Result<Snapshot, StoreError> {
        let mut leaves = Vec::with_capacity(self.leaves.len());
        for leaf in &self.leaves {
            let leaf = leaf.seen_by(visibility, self.source.as_deref())?;
            if leaf.len() > 0 {
                leaves.push(leaf);
            }
        }
        let mut seen = self.with_leaves(leaves);
        seen.header.sums = self.header.sums.only(visibility);
        seen.visibility = visibility;
        Ok(seen)
    }

    /// The messages that somebody does not see, and that have changed since: for them they have gone.
    pub(super) fn unseen_since(&self, visibility: Visibility, since: ModSeq) -> UidSet {
        if !self.header.sums.has_unseen_by(visibility) {
            return UidSet::new();
        }
        let unseen = self.changed_since(since).filter(|message| !visibility.sees(message.flags().class()));
        unseen.map(|message| message.uid()).collect()
    }
}

impl Leaf {
    fn seen_by(self: &Arc<Leaf>, visibility: Visibility, source: Option<&Source>) -> Result<Arc<Leaf>, StoreError> {
        let oldest = self.entry().oldest_secs;
        let hides = |class: &Class| !visibility.sees(*class) && oldest[class.index()] != NO_DATE;
        match visibility.index().filter(|_| Class::APART.iter().any(hides)) {
            None => Ok(self.clone()),
            Some(index) => self.seen.get_or_make(index, || {
                let body = self.body(source)?.seen_by(visibility);
                Ok(Leaf::of(self.no, seen_entry(&body, self.entry(), visibility), body))
            }),
        }
    }
}

/// The entry of what is seen of a leaf. It keeps the MODSEQ of the whole, so that each change of the leaf shows in it.
fn seen_entry(body: &Body, whole: LeafEntry, visibility: Visibility) -> LeafEntry {
    let mut entry = LeafEntry { messages: body.len() as u16, unseen: 0, apart: 0, last_uid: 0, ..whole };
    for slot in 0..body.len() {
        let flags = body.flags(slot);
        entry.unseen += u16::from(!flags.has(SystemFlag::Seen));
        entry.apart += u16::from(flags.class() != Class::ORDINARY);
        entry.last_uid = body.uid(slot).get();
    }
    for class in Class::APART.into_iter().filter(|class| !visibility.sees(*class)) {
        entry.oldest_secs[class.index()] = NO_DATE;
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::StoreMode;
    use crate::mailbox::sample::Sample;
    use crate::mailbox::{Change, NewMessage};
    use crate::types::{Flag, InternalDate, Keyword, Uid};

    fn append(inbox: &Sample, keywords: &[&str]) -> Uid {
        let mut intake = inbox.account.intake(&inbox.mailbox).unwrap();
        let flags = keywords.iter().map(|name| Flag::Keyword(Keyword::new(name).unwrap())).collect();
        let date = InternalDate { secs: 0, zone_mins: 0 };
        let message: NewMessage = intake.take(Sample::octets("new"), flags, date).unwrap();
        inbox.mailbox.commit(Change::Append(vec![message])).unwrap().appended[0]
    }

    /// Messages that have come and gone leave nothing behind that could be compared.
    #[test]
    fn what_comes_and_goes_is_told_to_those_alone_who_would_have_seen_it() {
        let inbox = Sample::new();
        append(&inbox, &[]);
        append(&inbox, &["$Service"]);
        append(&inbox, &["$Hidden"]);
        let all = Visibility::ALL;
        let some = [all.without_service(), all.without_hidden(), all.without_service().without_hidden()];
        for (keywords, quiet) in [
            (&[][..], [false, false, false]),
            (&["$Service"], [true, false, true]),
            (&["$Hidden"], [false, true, true]),
            (&["$Service", "$Hidden"], [true, true, true]),
        ] {
            let since = inbox.mailbox.header().unwrap().highest_mod_seq;
            let uid = append(&inbox, keywords);
            inbox.expunge(&[uid]);
            let is_quiet = |visibility| inbox.mailbox.is_quiet_for(visibility, since).unwrap();
            assert_eq!(some.map(is_quiet), quiet, "{keywords:?}");
        }
        // Hidden before it went, it was gone for them already.
        let uid = append(&inbox, &[]);
        inbox.store(&[uid], StoreMode::Add, SystemFlag::Deleted);
        let hide = Change::Store {
            uids: [uid].into_iter().collect(),
            mode: StoreMode::Add,
            flags: vec![Flag::Keyword(Keyword::new("$Service").unwrap())],
            unchanged_since: None,
            visibility: all,
        };
        inbox.mailbox.commit(hide).unwrap();
        let since = inbox.mailbox.header().unwrap().highest_mod_seq;
        inbox.expunge(&[uid]);
        assert!(inbox.mailbox.is_quiet_for(all.without_service(), since).unwrap());
        assert!(!inbox.mailbox.is_quiet_for(all.without_hidden(), since).unwrap());
    }
}

//! COPY and MOVE.                                   RFC 9051 6.4.7, 6.4.8; RFC 4315 3
//!
//! No message's octets are moved within an account: the copy refers to the same blob. All messages are copied or none.

use std::sync::Arc;

use super::account::Account;
use super::change::{Change, NewMessage};
use super::commit::{Leaving, move_messages};
use super::error::{MailboxError, Refusal};
use super::intake::Intake;
use super::mailbox::Mailbox;
use super::new_summary::{Due, NewSummary};
use super::sealing::{HEAD_BYTES, Seal};
use super::snapshot::Snapshot;
use super::summaries::Summaries;
use super::view::View;
use super::walk::Message;
use crate::store::{NewBlob, Pin, StoreError, Value};
use crate::types::{Flag, FlagBits, Keyword, Rights, ServerKeyword, SystemFlag, Uid, UidSet, UidValidity};

/// Told how many messages have been dealt with, and of how many.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// So many copies bring their summaries along; those of more are written behind them.
const SUMMARIES_WITH: usize = 64;

/// Whether the source keeps its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyMode {
    Copy,
    Move,
}

/// Where copies go: a mailbox, its owner, and what the user may do there.
pub struct Target<'a> {
    pub owner: &'a Account,
    pub mailbox: &'a Arc<Mailbox>,
    pub rights: Rights,
}

/// What COPYUID reports: the two lists run in parallel, both ascending. RFC 4315 3
#[derive(Clone, Debug)]
pub struct Copied {
    pub uid_validity: UidValidity,
    pub source: UidSet,
    pub target: UidSet,
}

impl View {
    /// Copies or moves the messages of `uids` that are in this view. `None` where there is none of them.
    ///
    /// The octets of messages that go to another account go there in full: each account has its own. So do those that are
    /// encrypted, by `seal` or because the target asks for it.
    pub fn copy(
        &self,
        uids: &UidSet,
        to: &Target<'_>,
        mode: CopyMode,
        seal: Option<Seal>,
        progress: Progress<'_>,
    ) -> Result<Option<Copied>, MailboxError> {
        let Target { owner, mailbox: target, rights } = *to;
        let is_same = target.account == self.mailbox().account && target.id() == self.mailbox().id();
        let mut intake = match seal {
            Some(seal) => owner.intake_again().sealed(seal),
            // What is in a mailbox already is no arrival.
            None if is_same => owner.intake_again(),
            None => owner.intake(target)?,
        };
        // Within an account a MOVE changes no sum.
        let counts = mode == CopyMode::Copy || !self.mailbox().is_of(owner);
        if counts {
            self.take_room(uids, &mut intake)?;
        }
        let mut copies = match target.account == self.mailbox().account && !intake.is_sealed() {
            true => self.copies(uids, progress)?,
            false => self.copies_for(uids, owner, &mut intake, progress)?,
        };
        if copies.is_empty() {
            return Ok(None);
        }
        self.annotate_copies(&mut copies, rights)?;
        if counts {
            intake.take_room_sealed(copies.iter().map(|(_, message)| message))?;
        }
        owe_summaries(&mut copies);
        let uid_validity = target.header()?.uid_validity;
        let (source, appended) = match mode {
            CopyMode::Copy => {
                let source: UidSet = copies.iter().map(|(uid, _)| *uid).collect();
                let messages = copies.into_iter().map(|(_, message)| message).collect();
                (source, target.commit(Change::Append(messages))?.appended)
            }
            CopyMode::Move => {
                let (appended, removed) =
                    move_messages(self.mailbox(), target, &copies, Leaving::Moved, self.visibility())?;
                (removed.expunged, appended.appended)
            }
        };
        drop(intake);
        Ok((!appended.is_empty()).then(|| Copied { uid_validity, source, target: appended.into_iter().collect() }))
    }

    /// Gives copies the annotations of what they are copies of. RFC 5257 4.6
    fn annotate_copies(&self, copies: &mut [(Uid, NewMessage)], rights: Rights) -> Result<(), MailboxError> {
        if self.annotated()?.is_empty() {
            return Ok(());
        }
        for (uid, copy) in copies {
            copy.annotations = self.annotations_to_copy(*uid, rights)?;
            // What has been encrypted has other parts.
            let is_same = self.shown().by_uid(*uid).is_some_and(|message| message.blob() == copy.blob.id);
            copy.annotations.retain(|new| is_same || new.entry.part().0.is_empty());
        }
        Ok(())
    }

    fn take_room(&self, uids: &UidSet, intake: &mut Intake<'_>) -> Result<(), MailboxError> {
        let shown = self.shown();
        shown.load(uids)?;
        let bytes = shown.in_uids(uids).map(|message| u64::from(message.size())).sum();
        intake.take_room(uids.count(), bytes)
    }

    fn copies_for(
        &self,
        uids: &UidSet,
        owner: &Account,
        intake: &mut Intake<'_>,
        progress: Progress<'_>,
    ) -> Result<Vec<(Uid, NewMessage)>, MailboxError> {
        let shown = self.shown();
        shown.load(uids)?;
        let (mut copies, goal) = (Vec::new(), uids.count());
        let (mut summaries, sealed) = (self.summaries(), self.sealed_alike(owner, intake)?);
        progress(0, goal);
        for message in shown.in_uids(uids) {
            let (blob, size) = (message.blob(), u64::from(message.size()));
            let head = match intake.is_sealed() {
                true => self.mailbox().octets_of(blob, 0..size.min(HEAD_BYTES as u64))?,
                false => Vec::new(),
            };
            if sealed.as_ref().is_some_and(|seal| seal.recognises(&head)) {
                let structure = summary_to_copy(&mut summaries, &message)?;
                copies.push((message.uid(), copy_of(shown, &message, structure)));
                continue;
            }
            let mut pieces = |take: &mut dyn FnMut(&[u8])| {
                self.mailbox().octets(blob, 0..size, &mut |piece| {
                    take(piece);
                    true
                })
            };
            let (flags, date) = (shown.flags_of(&message), message.internal_date());
            copies.push((message.uid(), intake.take_pieces(&head, size, &mut pieces, flags, date)?));
            progress(copies.len() as u64, goal);
        }
        Ok(copies)
    }

    /// Between two mailboxes of one account that have all mail encrypted for one certificate, what is encrypted stays as
    /// it is: the seal that it is known by.
    fn sealed_alike(&self, owner: &Account, intake: &Intake<'_>) -> Result<Option<Seal>, MailboxError> {
        if !intake.is_by_mailbox() || !self.mailbox().is_of(owner) {
            return Ok(None);
        }
        Ok(owner.seal_of(self.mailbox().id())?.filter(|seal| intake.seals_as(seal)))
    }

    fn copies(&self, uids: &UidSet, progress: Progress<'_>) -> Result<Vec<(Uid, NewMessage)>, MailboxError> {
        let mut summaries = self.summaries();
        let shown = self.shown();
        shown.load(uids)?;
        let (mut copies, goal) = (Vec::new(), uids.count());
        let pin = self.pin(uids)?;
        for message in shown.in_uids(uids) {
            let structure = summary_to_copy(&mut summaries, &message)?;
            let copy = copy_of(shown, &message, structure);
            copies.push((message.uid(), NewMessage { pin: pin.clone(), ..copy }));
            progress(copies.len() as u64, goal);
        }
        Ok(copies)
    }

    /// Keeps the octets of these messages; `None` where one has been expunged meanwhile: its octets are there still, but may
    /// be gone before the copy is committed, which the engine looks at then.
    fn pin(&self, uids: &UidSet) -> Result<Option<Arc<Pin>>, MailboxError> {
        let mailbox = self.mailbox();
        let blobs = self.shown().in_uids(uids).map(|message| message.blob()).collect();
        let pin = mailbox.store.pin(mailbox.account, blobs);
        // A message that is there when its octets are pinned refers to them: they are there.
        let newest = mailbox.snapshot()?;
        newest.load(uids)?;
        let are_there = Arc::ptr_eq(self.shown(), &newest)
            || self.shown().in_uids(uids).all(|message| newest.by_uid(message.uid()).is_some());
        match are_there {
            true => Ok(Some(Arc::new(pin))),
            false => self.check_octets(uids).map(|()| None),
        }
    }

    /// A copy of what has no octets any more would take others down with it, whose changes it is committed with.
    fn check_octets(&self, uids: &UidSet) -> Result<(), MailboxError> {
        for message in self.shown().in_uids(uids) {
            match self.mailbox().octets_of(message.blob(), 0..1) {
                Err(MailboxError::Store(StoreError::Missing(_))) => return Err(Refusal::Expunged.into()),
                other => other?,
            };
        }
        Ok(())
    }
}

fn summary_to_copy(summaries: &mut Summaries, message: &Message<'_>) -> Result<Value, MailboxError> {
    summaries.next(message.uid())?.ok_or_else(|| summaries.untold(message.uid()))
}

/// The summaries of many copies are written behind them.
fn owe_summaries(copies: &mut [(Uid, NewMessage)]) {
    if copies.len() <= SUMMARIES_WITH {
        return;
    }
    for (_, copy) in copies {
        if let Some(summary) = copy.summary.with() {
            copy.summary = NewSummary::Behind(Due::Made(summary));
        }
    }
}

fn copy_of(snapshot: &Snapshot, message: &Message<'_>, structure: Value) -> NewMessage {
    NewMessage {
        blob: NewBlob { id: message.blob(), bytes: None },
        size: message.size(),
        internal_date: message.internal_date(),
        sent_date: message.sent_date(),
        flags: snapshot.flags_of(message),
        summary: NewSummary::With(structure),
        annotations: Vec::new(),
        pin: None,
    }
}

impl Snapshot {
    /// The flags of a message by name, \Recent aside.
    pub fn flags_of(&self, message: &Message<'_>) -> Vec<Flag> {
        let all = message.all_flags();
        let bits = all.bits();
        let system = SystemFlag::ALL.into_iter().filter(|flag| bits.has(*flag)).map(Flag::System);
        let server = ServerKeyword::ALL.into_iter().filter(|known| bits.contains(FlagBits::server(*known)));
        let server = server.filter_map(|known| Keyword::new(known.name()));
        let keywords = server.chain(all.keywords().filter_map(|id| self.keywords().get(id).cloned()));
        system.chain(keywords.map(Flag::Keyword)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::sample::Sample;
    use crate::store::PageNo;
    use crate::types::MailboxName;

    /// Whether its summary is still in memory makes no difference.
    #[test]
    fn what_is_shown_can_be_copied_though_another_session_has_expunged_it() {
        let inbox = Sample::new();
        let target = MailboxName::new("Target").unwrap();
        inbox.account.create(&target, &[]).unwrap();
        let target = inbox.account.mailbox(&target).unwrap();
        let subjects = ["one", "two", "three"];
        let all = inbox.append(&subjects);
        inbox.manager.settle();
        let view = inbox.view();
        view.shown().load_all().unwrap();
        inbox.expunge(&all);
        inbox.mailbox.summaries.pages.remove(&(inbox.mailbox.account, inbox.mailbox.id, PageNo(0)));

        let to = Target { owner: &inbox.account, mailbox: &target, rights: Rights::ALL };
        let uids = all.iter().copied().collect();
        let copied = view.copy(&uids, &to, CopyMode::Copy, None, &mut |_, _| {}).unwrap().unwrap();
        assert_eq!((copied.source.count(), copied.target.count()), (3, 3));
        let snapshot = target.snapshot().unwrap();
        snapshot.load_all().unwrap();
        let read = |message: Message<'_>| target.octets_of(message.blob(), 0..u64::MAX).unwrap();
        assert_eq!(snapshot.messages().map(read).collect::<Vec<_>>(), subjects.map(Sample::octets));
    }
}

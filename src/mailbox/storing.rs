//! STORE on a draft: of flags, and of annotations of messages.          RFC 9051 6.4.6; RFC 7162 3.1.3; RFC 5257 4.5

use super::change::{Outcome, StoreMode};
use super::draft::Draft;
use super::error::MailboxError;
use super::message_annotations::NewAnnotation;
use super::walk::Message;
use crate::store::{FlagRecord, NO_DATE, PageNo, Sums};
use crate::types::{Flag, FlagBits, Flags, ModSeq, UidSet, Visibility};

impl Draft {
    pub(super) fn store(
        &mut self,
        uids: &UidSet,
        mode: StoreMode,
        flags: &[Flag],
        unchanged_since: Option<ModSeq>,
        visibility: Visibility,
    ) -> Result<Outcome, MailboxError> {
        let passes = |message: &Message<'_>| {
            visibility.sees(message.flags().class()) && unchanged_since.is_none_or(|since| message.mod_seq() <= since)
        };
        // Where nothing can be stored no keyword is made for it.
        if mode != StoreMode::Remove && self.snapshot.in_uids(uids).any(|message| passes(&message)) {
            self.learn(flags.iter())?;
        }
        let mut combining = Combining::new(mode, self.snapshot.known(flags));
        let mut outcome = self.unchanged();
        let most = uids.count().min(self.snapshot.len().into()) as usize;
        let mut changed: Vec<Changed> = Vec::with_capacity(most);
        for message in self.snapshot.in_uids(uids).filter(|message| visibility.sees(message.flags().class())) {
            if unchanged_since.is_some_and(|since| message.mod_seq() > since) {
                outcome.modified.push(message.uid());
                continue;
            }
            let Some(flags) = combining.change(&message) else { continue };
            let (before, now) = (message.flags(), flags.bits());
            if !visibility.sees(now.class()) {
                outcome.hidden.push(message.uid());
            }
            let after = FlagRecord { uid: message.uid(), flags, mod_seq: ModSeq::ZERO };
            let bytes = Sums::change_with(before, now).then(|| message.size());
            changed.push(Changed { after, before, bytes });
        }
        if !changed.is_empty() {
            outcome.mod_seq = self.next_mod_seq();
        }
        changed.iter_mut().for_each(|changed| changed.after.mod_seq = outcome.mod_seq);
        self.set(changed);
        Ok(outcome)
    }

    pub(super) fn annotate(
        &mut self,
        uids: &UidSet,
        new: &[NewAnnotation],
        unchanged_since: Option<ModSeq>,
        visibility: Visibility,
    ) -> Result<Outcome, MailboxError> {
        let mut outcome = self.unchanged();
        let mut changed: Vec<Changed> = Vec::new();
        for message in self.snapshot.in_uids(uids).filter(|message| visibility.sees(message.flags().class())) {
            if unchanged_since.is_some_and(|since| message.mod_seq() > since) {
                outcome.modified.push(message.uid());
            } else if self.snapshot.annotations_change(message.uid(), new)? {
                changed.push(Changed { after: message.flag_record(), before: message.flags(), bytes: None });
            }
        }
        let with = changed.iter().map(|changed| (Some(changed.after.uid), new));
        self.snapshot.check_annotations(with, self.bounds.annotations)?;
        if changed.is_empty() {
            return Ok(outcome);
        }
        let others = self.snapshot.latest.others;
        outcome.mod_seq = self.next_mod_seq();
        (self.snapshot.latest.annotations, self.snapshot.latest.others) = (outcome.mod_seq, others);
        for changed in &mut changed {
            changed.after.mod_seq = outcome.mod_seq;
            let uid = changed.after.uid;
            self.snapshot.annotate(uid, new.iter().cloned(), outcome.mod_seq, &mut self.annotations);
        }
        self.set(changed);
        Ok(outcome)
    }

    /// New flags of messages, ascending.
    fn set(&mut self, changed: Vec<Changed>) {
        let sums = &mut self.snapshot.header.sums;
        let mut moved = false;
        let mut last = None;
        for Changed { after, before, bytes } in &changed {
            let (now, page) = (after.flags.bits(), PageNo::of(after.uid));
            if let Some(bytes) = bytes {
                moved |= before.class() != now.class();
                sums.of_mut(before.class()).remove(*bytes, *before);
                sums.of_mut(now.class()).add(*bytes, NO_DATE, now);
            }
            if last.replace(page) != Some(page) {
                self.flags.insert(page);
            }
        }
        self.snapshot.set_flags(changed.into_iter().map(|changed| changed.after));
        if moved {
            self.snapshot.header.sums.set_oldest(self.snapshot.oldest_secs());
        }
    }
}

/// What STORE makes of the flags of messages. Where keywords without a bit are among them, most messages have the flags of
/// the one before.
struct Combining {
    mode: StoreMode,
    given: Flags,
    last: Option<(Flags, Flags)>,
}

impl Combining {
    fn new(mode: StoreMode, given: Flags) -> Combining {
        Combining { mode, given, last: None }
    }

    /// The new flags of a message; `None` where they are those that it has.
    fn change(&mut self, message: &Message<'_>) -> Option<Flags> {
        let bits = message.flags();
        if self.given.further().is_empty() && !bits.has_further() {
            let after = self.mode.combine_bits(bits, self.given.bits());
            return (after != bits).then(|| after.into());
        }
        let before = message.all_flags();
        if self.last.as_ref().is_none_or(|(known, _)| *known != before) {
            let after = self.mode.combine(&before, &self.given);
            self.last = Some((before, after));
        }
        self.last.as_ref().filter(|(before, after)| before != after).map(|(_, after)| after.clone())
    }
}

/// A message whose flags become others.
struct Changed {
    after: FlagRecord,
    before: FlagBits,
    /// Of the message, where the sums change with it.
    bytes: Option<u32>,
}

//! Messages of a snapshot, and walks over them.
//!
//! A walk goes from run to run: messages of one leaf that follow each other. What a message costs in it is a look into
//! the leaf's arrays. A leaf is read when a walk comes to it, where it has not been read before.

use std::ops::Range;

use super::leaf::Body;
use super::snapshot::Snapshot;
use crate::store::{FlagRecord, LeafNo, MessageRecord, PageNo};
use crate::types::{BlobId, FlagBits, Flags, InternalDate, KeywordId, ModSeq, Seq, Uid, UidSet};

/// A message in a snapshot.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    body: &'a Body,
    slot: usize,
    seq: Seq,
}

impl<'a> Message<'a> {
    /// The caller knows that the body has this slot.
    pub(super) fn new(body: &'a Body, slot: usize, seq: Seq) -> Message<'a> {
        Message { body, slot, seq }
    }

    pub fn seq(&self) -> Seq {
        self.seq
    }

    pub fn uid(&self) -> Uid {
        self.body.uid(self.slot)
    }

    pub fn flags(&self) -> FlagBits {
        self.body.flags(self.slot)
    }

    /// With the keywords that have no bit.
    pub fn all_flags(&self) -> Flags {
        self.body.all_flags(self.slot)
    }

    /// The keywords that have no bit, ascending.
    pub fn further(&self) -> &[KeywordId] {
        self.body.further(self.slot)
    }

    pub fn mod_seq(&self) -> ModSeq {
        self.body.mod_seq(self.slot)
    }

    /// RFC822.SIZE, in octets.
    pub fn size(&self) -> u32 {
        self.body.size(self.slot)
    }

    pub fn blob(&self) -> BlobId {
        self.body.blob(self.slot)
    }

    pub fn internal_date(&self) -> InternalDate {
        self.body.internal_date(self.slot)
    }

    pub fn sent_date(&self) -> InternalDate {
        self.body.sent_date(self.slot)
    }

    /// When the message came into this mailbox. RFC 8514
    pub fn save_date(&self) -> InternalDate {
        InternalDate { secs: self.body.saved_secs(self.slot), zone_mins: 0 }
    }

    pub fn record(&self) -> MessageRecord {
        self.body.record(self.slot)
    }

    pub(super) fn flag_record(&self) -> FlagRecord {
        self.body.flag_record(self.slot)
    }
}

/// Messages of one leaf that follow each other.
#[derive(Clone)]
pub(super) struct Run<'a> {
    body: &'a Body,
    /// Within the body.
    slots: Range<usize>,
    /// Messages before the leaf.
    start: u32,
}

impl<'a> Iterator for Run<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let slot = self.slots.next()?;
        // The sum is at most what the snapshot has, and at least 1.
        let seq = Seq::new(self.start + slot as u32 + 1).unwrap_or(Seq::MIN);
        Some(Message { body: self.body, slot, seq })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.slots.size_hint()
    }
}

impl ExactSizeIterator for Run<'_> {}

impl<'a> Run<'a> {
    /// The same messages in runs of one page of the store each, with its number.
    pub(super) fn pages(mut self) -> impl Iterator<Item = (PageNo, Run<'a>)> {
        std::iter::from_fn(move || {
            let no = PageNo::of(self.body.uid(self.slots.clone().next()?));
            let end = self.body.slots_of(no).end.min(self.slots.end);
            let slots = self.slots.start..end;
            self.slots.start = end;
            Some((no, Run { slots, ..self.clone() }))
        })
    }
}

impl Snapshot {
    /// What a leaf has of these slots.
    fn run(&self, at: usize, slots: impl FnOnce(&Body) -> Range<usize>) -> Run<'_> {
        let body = self.body(at);
        Run { body, slots: slots(body), start: self.starts[at] }
    }

    /// All messages, in order.
    pub fn messages(&self) -> impl Iterator<Item = Message<'_>> {
        (0..self.leaves.len()).flat_map(|at| self.run(at, |body| 0..body.len()))
    }

    /// The messages whose MODSEQ is above `since`; costs no look at leaves that have none.
    pub fn changed_since(&self, since: ModSeq) -> impl Iterator<Item = Message<'_>> {
        let changed = move |at: &usize| self.leaves[*at].entry().highest_mod_seq > since;
        let leaves = (0..self.leaves.len()).filter(changed);
        let runs = leaves.flat_map(|at| self.run(at, |body| 0..body.len()));
        runs.filter(move |message| message.mod_seq() > since)
    }

    /// The messages whose UID is in `low..=high`, in order; costs what it yields.
    pub fn uid_range(&self, low: u32, high: u32) -> impl Iterator<Item = Message<'_>> {
        self.uid_runs(low, high).flatten()
    }

    fn uid_runs(&self, low: u32, high: u32) -> impl Iterator<Item = Run<'_>> {
        let low = Uid::new(low).unwrap_or(Uid::MIN);
        let first = self.leaf_at(LeafNo::of(low)).unwrap_or_else(|at| at);
        let leaves = (first..self.leaves.len()).take_while(move |&at| self.leaves[at].no.first().get() <= high);
        leaves.map(move |at| {
            let no = self.leaves[at].no;
            self.run(at, |body| {
                let from = if no.first() < low { body.slot_from(low) } else { 0 };
                let behind = Uid::new(high).and_then(Uid::next).filter(|behind| *behind <= no.last());
                from..behind.map_or(body.len(), |behind| body.slot_from(behind))
            })
        })
    }

    /// The messages of the snapshot whose UID is in `uids`.
    pub fn in_uids<'a>(&'a self, uids: &'a UidSet) -> impl Iterator<Item = Message<'a>> + 'a {
        self.runs_in(uids).flatten()
    }

    pub(super) fn runs_in<'a>(&'a self, uids: &'a UidSet) -> impl Iterator<Item = Run<'a>> + 'a {
        uids.ranges().iter().flat_map(move |&(low, high)| self.uid_runs(low, high))
    }

    /// The messages whose sequence number is in `seqs`.
    pub fn in_seqs<'a>(&'a self, seqs: &'a UidSet) -> impl Iterator<Item = Message<'a>> + 'a {
        seqs.ranges().iter().flat_map(move |&(low, high)| self.seq_runs(low, high)).flatten()
    }

    fn seq_runs(&self, low: u32, high: u32) -> impl Iterator<Item = Run<'_>> {
        // Before a leaf stand fewer messages than the number of its first.
        let first = self.starts.partition_point(|&start| start < low).saturating_sub(1);
        let leaves = (first..self.leaves.len()).take_while(move |&at| self.starts[at] < high);
        leaves.map(move |at| {
            let start = self.starts[at];
            self.run(at, |body| {
                let end = body.len().min((high - start) as usize);
                (low.saturating_sub(start + 1) as usize).min(end)..end
            })
        })
    }
}

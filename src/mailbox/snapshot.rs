//! One state of a mailbox, complete and unchanging.
//!
//! Invariants:
//! 1. Messages stand in order of UID; `starts[i]` is the number of messages before `leaves[i]`; no leaf is empty.
//! 2. A snapshot that has been published is never changed: a commit makes a new one that shares all leaves but
//!    those it touched. Two snapshots whose leaves are the same `Arc` agree on those messages without a look.
//! 3. 68 octets a message (92 at most, see `packed`), in arrays by field, shared by all sessions that have the mailbox
//!    open; two more for each of three ways to see a leaf that has messages which not everybody sees (`visible`). A leaf
//!    that nobody has asked for costs its entry alone.
//!
//! Who is about to look at messages calls `load` first, so that a disk that fails is reported; a look at messages that
//! have not been loaded loads them as well, but can only log its failure.

use std::sync::{Arc, OnceLock};

use super::annotation_index::Annotations;
use super::leaf::{Body, Leaf, Source};
use super::visible::Seen;
use super::walk::Message;
use crate::store::{
    ExpungedMessage, FlagRecord, LeafEntry, LeafNo, MailboxHeader, MailboxImage, MessageRecord, NO_DATE, PageNo,
    StoreError, Tail,
};
use crate::types::{
    Class, Flag, FlagBits, Flags, Keyword, KeywordTable, ModSeq, Seq, ServerKeyword, SystemFlag, Uid, UidSet,
    Visibility,
};

/// The MODSEQs of the last changes since the mailbox was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latest {
    /// Of annotations of messages.
    pub annotations: ModSeq,
    /// Of all else.
    pub others: ModSeq,
    /// Of messages that have gone, by what was to be seen of them.
    gone: [ModSeq; Class::ALL.len()],
}

impl Latest {
    /// A message of this class has gone.
    pub(super) fn has_gone(&mut self, class: Class, mod_seq: ModSeq) {
        self.gone[class.index()] = mod_seq;
    }

    /// Whether a message that was to be seen has gone since.
    pub(super) fn is_gone_since(&self, visibility: Visibility, since: ModSeq) -> bool {
        let seen = Class::ALL.into_iter().filter(|class| visibility.sees(*class));
        seen.into_iter().any(|class| self.gone[class.index()] > since)
    }
}

#[derive(Clone)]
pub struct Snapshot {
    pub(super) header: MailboxHeader,
    pub(super) keywords: Arc<KeywordTable>,
    pub(super) source: Option<Arc<Source>>,
    pub(super) leaves: Vec<Arc<Leaf>>,
    pub(super) starts: Vec<u32>,
    len: u32,
    pub(super) annotations: Arc<Annotations>,
    pub(super) latest: Latest,
    /// As it is in the store.
    pub(super) tail: Tail,
    /// Whether it is what a client is shown while something is held back from it: the entries of its leaves then say nothing of
    /// what else has changed.
    pub(super) is_held: bool,
    /// Who sees this snapshot.
    pub(super) visibility: Visibility,
    /// What those see of it who do not see everything.
    pub(super) seen: Seen<Snapshot>,
}

/// What a look at a leaf finds that cannot be read.
static NOTHING: OnceLock<Body> = OnceLock::new();

impl Snapshot {
    pub(super) fn new(image: &MailboxImage, source: Arc<Source>) -> Snapshot {
        let mut snapshot = Snapshot::empty(image.header, Arc::new(image.keywords.clone()), Some(source));
        snapshot.leaves = image.leaves.iter().map(|&(no, entry)| Arc::new(Leaf::stored(no, entry))).collect();
        snapshot.tail = image.tail;
        snapshot.count();
        snapshot
    }

    pub(super) fn empty(header: MailboxHeader, keywords: Arc<KeywordTable>, source: Option<Arc<Source>>) -> Snapshot {
        Snapshot {
            annotations: Arc::new(source.as_ref().map_or_else(Annotations::none, |_| Annotations::default())),
            latest: Latest::default(),
            tail: Tail::default(),
            header,
            keywords,
            source,
            leaves: Vec::new(),
            starts: Vec::new(),
            len: 0,
            is_held: false,
            visibility: Visibility::ALL,
            seen: Seen::default(),
        }
    }

    /// Messages from this UID on. Of all but the leaf that it stands in the entry is enough.
    pub(super) fn count_from(&self, from: u32) -> Result<u32, StoreError> {
        let mut count = 0;
        for leaf in self.leaves.iter().rev().take_while(|leaf| leaf.no.last().get() >= from) {
            if leaf.no.first().get() >= from {
                count += u32::from(leaf.entry().messages);
                continue;
            }
            let mut there = UidSet::new();
            there.push_range(from, leaf.no.last().get());
            self.load(&there)?;
            count += self.in_uids(&there).count() as u32;
        }
        Ok(count)
    }

    /// Makes sure that the messages of `uids` can be looked at.
    pub fn load(&self, uids: &UidSet) -> Result<(), StoreError> {
        let named = |leaf: &&Arc<Leaf>| uids.overlaps(leaf.no.first().get(), leaf.entry().last_uid);
        self.leaves.iter().filter(named).try_for_each(|leaf| leaf.body(self.source.as_deref()).map(drop))
    }

    /// As `load`, for all messages.
    pub fn load_all(&self) -> Result<(), StoreError> {
        self.leaves.iter().try_for_each(|leaf| leaf.body(self.source.as_deref()).map(drop))
    }

    /// As `load`, for the messages of these sequence numbers.
    pub fn load_seqs(&self, seqs: &UidSet) -> Result<(), StoreError> {
        for (leaf, start) in self.leaves.iter().zip(&self.starts) {
            if seqs.overlaps(start + 1, start + leaf.len() as u32) {
                leaf.body(self.source.as_deref())?;
            }
        }
        Ok(())
    }

    /// Takes leaves that have been read already from an earlier snapshot, where its entries say that they are the same.
    pub(super) fn share_leaves(&mut self, before: &Snapshot) {
        for leaf in &mut self.leaves {
            if let Ok(at) = before.leaf_at(leaf.no)
                && before.leaves[at].entry() == leaf.entry()
            {
                *leaf = before.leaves[at].clone();
            }
        }
    }

    /// This snapshot with other leaves.
    pub(super) fn with_leaves(&self, leaves: Vec<Arc<Leaf>>) -> Snapshot {
        let mut snapshot = Snapshot::empty(self.header, self.keywords.clone(), self.source.clone());
        snapshot.leaves = leaves;
        (snapshot.annotations, snapshot.latest) = (self.annotations.clone(), self.latest);
        snapshot.tail = self.tail;
        snapshot.visibility = self.visibility;
        snapshot.count();
        snapshot
    }

    pub(super) fn body(&self, at: usize) -> &Body {
        match self.leaves[at].body(self.source.as_deref()) {
            Ok(body) => body,
            Err(error) => {
                log::error!("messages from UID {} on: {error}", self.leaves[at].no.first());
                NOTHING.get_or_init(Body::default)
            }
        }
    }

    /// Messages in the snapshot.
    pub fn len(&self) -> u32 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn header(&self) -> &MailboxHeader {
        &self.header
    }

    /// The mailbox's keywords, those of the server aside.
    pub fn keywords(&self) -> &KeywordTable {
        &self.keywords
    }

    /// A keyword as messages here have it; `None` where the mailbox does not have it.
    pub fn keyword(&self, keyword: &Keyword) -> Option<Flags> {
        match ServerKeyword::from_name(keyword.as_str()) {
            Some(server) => Some(FlagBits::server(server).into()),
            None => self.keywords.id(keyword).map(|id| Flags::new(FlagBits::NONE, [id])),
        }
    }

    /// Those flags that the mailbox knows.
    pub fn known(&self, flags: &[Flag]) -> Flags {
        let (mut bits, mut ids) = (FlagBits::NONE, Vec::new());
        for flag in flags {
            match flag {
                Flag::System(flag) => bits = bits.with(FlagBits::system(*flag)),
                Flag::Keyword(keyword) => match ServerKeyword::from_name(keyword.as_str()) {
                    Some(server) => bits = bits.with(FlagBits::server(server)),
                    None => ids.extend(self.keywords.id(keyword)),
                },
            }
        }
        Flags::new(bits, ids)
    }

    /// The names of flags, \Recent aside.
    pub fn flag_names<'a>(&'a self, flags: &'a Flags) -> impl Iterator<Item = &'a str> {
        let bits = flags.bits();
        let system =
            SystemFlag::ALL.into_iter().filter(move |flag| bits.has(*flag)).map(|flag| -> &str { flag.name() });
        let server = ServerKeyword::ALL.into_iter().filter(move |known| bits.contains(FlagBits::server(*known)));
        let keywords = flags.keywords().filter_map(|id| self.keywords.get(id));
        system.chain(server.map(|known| known.name())).chain(keywords.map(Keyword::as_str))
    }

    pub fn last_uid(&self) -> Option<Uid> {
        self.leaves.last().and_then(|leaf| Uid::new(leaf.entry().last_uid))
    }

    /// The first message without \Seen; costs no look at the leaves before its own.
    pub fn first_unseen(&self) -> Option<Message<'_>> {
        let at = self.leaves.iter().position(|leaf| leaf.entry().unseen > 0)?;
        let slot = {
            let body = self.body(at);
            (0..body.len()).find(|&slot| !body.flags(slot).has(SystemFlag::Seen))?
        };
        Some(self.message(at, slot))
    }

    pub fn by_seq(&self, seq: Seq) -> Option<Message<'_>> {
        if seq.get() > self.len {
            return None;
        }
        let at = self.starts.partition_point(|&start| start < seq.get()) - 1;
        let (body, slot) = (self.body(at), (seq.get() - 1 - self.starts[at]) as usize);
        (slot < body.len()).then(|| Message::new(body, slot, seq))
    }

    pub fn by_uid(&self, uid: Uid) -> Option<Message<'_>> {
        let at = self.leaf_at(LeafNo::of(uid)).ok()?;
        let slot = self.body(at).slot(uid)?;
        Some(self.message(at, slot))
    }

    /// The caller knows that the leaf has this slot.
    pub(super) fn message(&self, at: usize, slot: usize) -> Message<'_> {
        // The sum is at most `len`, and at least 1.
        let seq = Seq::new(self.starts[at] + slot as u32 + 1).unwrap_or(Seq::MIN);
        Message::new(self.body(at), slot, seq)
    }

    pub(super) fn leaf_at(&self, no: LeafNo) -> Result<usize, usize> {
        self.leaves.binary_search_by_key(&no, |leaf| leaf.no)
    }

    fn slot_from(&self, at: usize, low: Uid) -> usize {
        self.body(at).slot_from(low)
    }

    /// How many messages those are; costs the ranges of `uids`, not the messages.
    pub(super) fn count_in(&self, uids: &UidSet) -> u32 {
        let below = |uid: Option<Uid>| uid.map_or(self.len, |uid| self.count_below(uid));
        let count = |&(low, high): &(u32, u32)| {
            let (low, after) = (Uid::new(low).unwrap_or(Uid::MIN), Uid::new(high).and_then(Uid::next));
            below(after) - below(Some(low))
        };
        uids.ranges().iter().map(count).sum()
    }

    /// Messages with lower UIDs.
    fn count_below(&self, uid: Uid) -> u32 {
        match self.leaf_at(LeafNo::of(uid)) {
            Ok(at) => self.starts[at] + self.slot_from(at, uid) as u32,
            Err(at) => self.starts.get(at).copied().unwrap_or(self.len),
        }
    }

    /// Adds a message above all others; the last leaf has been loaded.
    pub(super) fn push(&mut self, record: &MessageRecord, flags: &FlagRecord) {
        let no = LeafNo::of(record.uid);
        if self.leaves.last().is_none_or(|leaf| leaf.no != no) {
            self.leaves.push(Arc::new(Leaf::new(no)));
            self.starts.push(self.len);
        }
        if let Some(leaf) = self.leaves.last_mut() {
            Arc::make_mut(leaf).push(record, flags);
            self.len += 1;
        }
    }

    /// Sets the flags of messages that are there and have been loaded, ascending.
    pub(super) fn set_flags(&mut self, records: impl Iterator<Item = FlagRecord>) {
        let mut records = records.peekable();
        while let Some(no) = records.peek().map(|record| LeafNo::of(record.uid)) {
            let of_leaf = std::iter::from_fn(|| records.next_if(|record| LeafNo::of(record.uid) == no));
            match self.leaf_at(no) {
                Ok(at) => Arc::make_mut(&mut self.leaves[at]).set_flags(of_leaf),
                Err(_) => of_leaf.for_each(drop),
            }
        }
    }

    /// Removes those of `uids` that are there; they have been loaded.
    pub(super) fn remove(&mut self, uids: &UidSet) {
        for at in 0..self.leaves.len() {
            let no = self.leaves[at].no;
            if uids.overlaps(no.first().get(), no.last().get()) {
                let body = self.body(at);
                if body.uids().any(|uid| uids.contains(uid.get())) {
                    self.leaves[at] = Arc::new(body.without(no, uids));
                }
            }
        }
        self.leaves.retain(|leaf| leaf.len() > 0);
        self.count();
    }

    fn count(&mut self) {
        self.len = 0;
        self.starts.clear();
        for leaf in &self.leaves {
            self.starts.push(self.len);
            self.len += leaf.len() as u32;
        }
    }

    /// The earliest internal date of each class, by the entries of the leaves.
    pub(super) fn oldest_secs(&self) -> [i64; 4] {
        let entries = self.leaves.iter().map(|leaf| leaf.entry().oldest_secs);
        entries.fold([NO_DATE; 4], |oldest, of_leaf| std::array::from_fn(|class| oldest[class].min(of_leaf[class])))
    }

    /// The entry of a leaf; `None` where it is empty.
    pub(super) fn leaf_entry(&self, no: LeafNo) -> Option<LeafEntry> {
        self.leaf_at(no).ok().map(|at| self.leaves[at].entry())
    }

    /// Messages that have been expunged and are kept.
    pub(super) fn kept(&self) -> Result<Vec<ExpungedMessage>, StoreError> {
        let of = |source: &Arc<Source>| source.store.expunged(source.account, source.mailbox, 0, i64::MAX);
        self.source.as_ref().map_or_else(|| Ok(Vec::new()), of)
    }

    /// Whether the store keeps a message, now: who commits behind that meets a conflict where it is not so any more.
    pub(super) fn is_kept(&self, message: &ExpungedMessage) -> Result<bool, StoreError> {
        let is_kept = |of: &Arc<Source>| of.store.is_kept(of.account, of.mailbox, message);
        self.source.as_ref().map_or(Ok(false), is_kept)
    }

    /// What stands in the store's page `no`, which is of one leaf.
    pub(super) fn stored_page<T>(&self, no: PageNo, of: impl Fn(&Body, usize) -> T) -> Vec<T> {
        let Ok(at) = self.leaf_at(LeafNo::of(no.first())) else { return Vec::new() };
        let body = self.body(at);
        body.slots_of(no).map(|slot| of(body, slot)).collect()
    }
}

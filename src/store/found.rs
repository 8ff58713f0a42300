//! A mailbox as a check has found it: what does not agree, and what would mend it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::engine::{Batch, Partition};
use super::layout;
use super::model::*;
use super::upgrade::{entries, sums};
use crate::types::{Flags, KeywordId, KeywordTable, ModSeq, Uid, UidValidity};

/// A mailbox as far as it can be read, and what would mend the rest.
pub(super) struct Found {
    pub(super) partition: Partition,
    pub(super) version: Version,
    pub(super) header: Option<MailboxHeader>,
    pub(super) records: Vec<MessageRecord>,
    pub(super) flags: BTreeMap<Uid, FlagRecord>,
    /// Keys of messages beside their pages.
    pub(super) beside: BTreeMap<PageNo, Vec<Vec<u8>>>,
    pub(super) entries: BTreeMap<LeafNo, LeafEntry>,
    pub(super) keywords: KeywordTable,
    /// Kept messages and their octets; `None` where they cannot be read.
    pub(super) kept: Option<(u32, u64)>,
    pub(super) kept_uids: Vec<Uid>,
    /// Pages whose records cannot be read.
    pub(super) broken: BTreeSet<PageNo>,
    /// Sentences, and whether a repair can do something about each.
    pub(super) wrong: Vec<(String, bool)>,
    pub(super) must_fold: bool,
    pub(super) mend: Batch,
}

impl Found {
    /// Messages beside their page are the last of the mailbox, and none is in it as well.
    pub(super) fn tail(&mut self) {
        let next = self.header.map_or(0, |header| header.uid_next);
        let last = Uid::new(next.wrapping_sub(1)).map(PageNo::of);
        let strayed = self.beside.keys().any(|page| Some(*page) != last);
        let before = self.records.len();
        self.records.dedup_by_key(|record| record.uid);
        if before > self.records.len() || self.header.is_some() && strayed {
            self.wrong.push(("messages stand beside their page that should be in it".into(), true));
            self.must_fold = true;
        }
    }

    /// Where anything is mended, all messages get into their pages.
    pub(super) fn fold(&mut self) {
        if self.mend.writes.is_empty() && !self.must_fold {
            return;
        }
        for (page, keys) in std::mem::take(&mut self.beside) {
            keys.into_iter().for_each(|key| self.mend.remove(key));
            let here = |uid: Uid| PageNo::of(uid) == page;
            let records: Vec<_> = self.records.iter().filter(|record| here(record.uid)).copied().collect();
            let flags: Vec<_> = self.flags.values().filter(|flags| here(flags.uid)).cloned().collect();
            self.mend.put(layout::numbered(b'r', page.0), layout::records(&records));
            self.mend.put(layout::numbered(b'v', page.0), layout::flags(&flags));
        }
    }

    /// Each message has its flags, and no flags are without a message.
    pub(super) fn flags(&mut self) {
        let uids: HashSet<Uid> = self.records.iter().map(|record| record.uid).collect();
        let lost = self.records.iter().filter(|record| !self.flags.contains_key(&record.uid)).count();
        let stray = self.flags.keys().filter(|uid| !uids.contains(uid)).count();
        let nameless = |id: KeywordId| self.keywords.get(id).is_none();
        if self.flags.values().any(|record| record.flags.keywords().any(nameless)) {
            self.wrong.push(("messages have keywords that have no name".into(), false));
        }
        if lost + stray == 0 {
            return;
        }
        self.wrong.push((format!("{lost} messages without flags, {stray} flags without a message"), true));
        // Above all that was given out, so that clients hear of them.
        let header = self.header.map_or(ModSeq::ZERO, |header| header.highest_mod_seq.max(header.mod_seq_reserved));
        let mod_seq = self.flags.values().map(|record| record.mod_seq).fold(header, ModSeq::max).next();
        self.flags.retain(|uid, _| uids.contains(uid));
        for record in &self.records {
            let none = FlagRecord { uid: record.uid, flags: Flags::default(), mod_seq };
            self.flags.entry(record.uid).or_insert(none);
        }
        let mut pages: BTreeMap<PageNo, Vec<FlagRecord>> = BTreeMap::new();
        self.flags.values().for_each(|record| pages.entry(PageNo::of(record.uid)).or_default().push(record.clone()));
        for (page, flags) in pages.into_iter().filter(|(page, _)| !self.beside.contains_key(page)) {
            self.mend.put(layout::numbered(b'v', page.0), layout::flags(&flags));
        }
    }

    pub(super) fn entries(&mut self) {
        let flags: Vec<FlagRecord> = self.flags.values().cloned().collect();
        let right = entries(&self.records, &flags);
        if right == self.entries {
            return;
        }
        self.wrong.push(("the index does not agree with the messages".into(), true));
        let stale = self.entries.keys().filter(|no| !right.contains_key(no));
        stale.for_each(|no| self.mend.remove(layout::numbered(b'd', no.0)));
        for (no, entry) in right {
            self.mend.put(layout::numbered(b'd', no.0), layout::leaf_entry(&entry));
        }
    }

    pub(super) fn header(&mut self) {
        let highest = self.flags.values().map(|record| record.mod_seq).max().unwrap_or_default();
        let next = self.records.last().map_or(1, |record| record.uid.get().saturating_add(1));
        // A mailbox that has lost its header begins a new life: clients read it anew.
        let born = UidValidity::new(crate::sys::now_secs() as u32).unwrap_or(UidValidity::MIN);
        let base = self.header.unwrap_or(MailboxHeader { recent_from: next, ..MailboxHeader::new(born) });
        let (kept_messages, kept_bytes) = self.kept.unwrap_or((base.kept_messages, base.kept_bytes));
        let mut right = MailboxHeader {
            uid_next: if base.uid_next == 0 { 0 } else { base.uid_next.max(next) },
            highest_mod_seq: base.highest_mod_seq.max(highest),
            mod_seq_reserved: base.mod_seq_reserved.max(highest),
            kept_messages,
            kept_bytes,
            ..base
        };
        let flags: Vec<FlagRecord> = self.flags.values().cloned().collect();
        right.sums = sums(&self.records, &flags);
        if Some(right) != self.header {
            if self.header.is_some() {
                self.wrong.push(("the counts do not agree with the messages".into(), true));
            }
            self.mend.put(layout::key(b'h'), layout::header(&right));
        }
        debug_assert_eq!(self.mend.guard, self.version);
    }
}

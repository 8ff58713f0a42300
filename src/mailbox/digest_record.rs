//! How a digest stands in the store.
//!
//! | octets  | what |
//! |---------|------|
//! | 1       | version |
//! | 1       | messages, one less than there are |
//! | 4 each  | their UIDs, ascending |
//! |         | sections to the end: u8 kind, u32 octets, contents |
//!
//! Numbers have their least octet first. Kinds: 0, for each `Field` u128 which messages have it, u32 octets, the texts each
//! ended by NUL; 1, for each message u8 (bit 0 it has a Message-ID, bit 1 it is a reply), u16 references, u128 the hash of
//! its Message-ID, u128 each of theirs; from 16 on a key to order by and a comparator, for each message u32 octets, text.
//!
//! A digest is only made sooner by its record: what cannot be read, or is of another version, is made anew.

use std::ops::Range;
use std::sync::OnceLock;

use super::column::{Column, Columns};
use super::digest::Digest;
use super::message_ids::{IdsRef, Threading};
use super::stretch::Stretch;
use super::text_key::TextKey;
use super::texts::Texts;
use crate::mime::Field;
use crate::store::{PAGE_UIDS, Value};
use crate::types::{Comparator, Uid};

/// The next one, where something else comes to be searched or ordered by, or a text is prepared otherwise. Of the first some
/// had the columns of other messages; of the second some had texts as they were folded.
const VERSION: u8 = 3;

const COLUMNS: u8 = 0;
const THREADING: u8 = 1;
/// Of the first key and comparator.
const TEXTS: u8 = 16;

const _: () = assert!(PAGE_UIDS <= 256);
const _: () = assert!(TextKey::COUNT * Comparator::ALL.len() <= 200);

/// A digest as the store has it: a section is read when it is first asked for.
pub(super) struct Record {
    octets: Value,
    /// Kinds, and where their contents are.
    sections: Vec<(u8, Range<usize>)>,
}

impl Digest {
    /// `None` for a digest of no messages.
    pub(super) fn record(&self) -> Option<Vec<u8>> {
        let mut out = vec![VERSION, u8::try_from(self.uids.len().checked_sub(1)?).ok()?];
        self.uids.iter().for_each(|uid| out.extend(uid.get().to_le_bytes()));
        put(&mut out, COLUMNS, self, &self.columns, put_columns);
        put(&mut out, THREADING, self, &self.threading, |out, ids| ids.iter().for_each(|ids| put_ids(out, &ids)));
        for (at, texts) in self.texts.iter().flatten().enumerate() {
            put(&mut out, TEXTS + at as u8, self, texts, |out, texts| {
                texts.iter().for_each(|text| put_text(out, text));
            });
        }
        Some(out)
    }

    pub(super) fn of_record(record: Value) -> Option<Digest> {
        let mut octets = Octets(&record);
        if octets.array::<1>()? != [VERSION] {
            return None;
        }
        let messages = usize::from(octets.array::<1>()?[0]) + 1;
        let uids = (0..messages).map(|_| Uid::new(octets.u32()?)).collect::<Option<Vec<Uid>>>()?;
        let mut sections = Vec::new();
        while !octets.0.is_empty() {
            let ([kind], length) = (octets.array()?, octets.u32()? as usize);
            let from = record.len() - octets.0.len();
            octets.take(length)?;
            sections.push((kind, from..from + length));
        }
        let is_sorted = uids.is_sorted();
        let mut digest = Digest::of(uids);
        digest.record = Some(Record { octets: record, sections });
        is_sorted.then_some(digest)
    }
}

impl Record {
    /// Octets that it takes, with what is read from it.
    pub(super) fn bytes(&self) -> usize {
        let read = self.sections.iter().filter(|(kind, _)| *kind != COLUMNS).map(|(_, at)| at.len());
        self.octets.len() + read.sum::<usize>()
    }

    fn section(&self, kind: u8) -> Option<&Range<usize>> {
        self.sections.iter().find(|(of, _)| *of == kind).map(|(_, at)| at)
    }

    pub(super) fn columns(&self) -> Option<Columns> {
        let at = self.section(COLUMNS)?;
        let mut octets = Octets(&self.octets[at.clone()]);
        let mut column = || {
            let (present, length) = (octets.u128()?, octets.u32()? as usize);
            let from = at.end - octets.0.len();
            octets.take(length)?;
            Some(Column::of_parts(Stretch::of(&self.octets, from..from + length), present))
        };
        let columns = (0..Field::COUNT).map(|_| column()).collect::<Option<Vec<_>>>()?;
        columns.try_into().ok().filter(|_| octets.0.is_empty())
    }

    pub(super) fn threading(&self, messages: usize) -> Option<Threading> {
        let mut octets = Octets(&self.octets[self.section(THREADING)?.clone()]);
        let mut threading = Threading::default();
        for _ in 0..messages {
            let [bits] = octets.array()?;
            let references = usize::from(u16::from_le_bytes(octets.array()?));
            let id = if bits & 1 != 0 { Some(octets.u128()?) } else { None };
            let references = octets.take(references * 16)?.as_chunks().0.iter().copied().map(u128::from_le_bytes);
            threading.push(id, references, bits & 2 != 0);
        }
        octets.0.is_empty().then_some(threading)
    }

    pub(super) fn texts(&self, key: TextKey, comparator: Comparator, messages: usize) -> Option<Texts> {
        let number = key.number() * Comparator::ALL.len() + comparator.number();
        let at = self.section(TEXTS + number as u8)?;
        let mut octets = Octets(&self.octets[at.clone()]);
        let mut place = || {
            let length = octets.u32()?;
            let from = (at.len() - octets.0.len()) as u32;
            octets.take(length as usize)?;
            Some((from, from + length))
        };
        let places = (0..messages).map(|_| place()).collect::<Option<Vec<_>>>()?;
        octets.0.is_empty().then(|| Texts::of_parts(Stretch::of(&self.octets, at.clone()), places))
    }
}

/// A section, where there is something for it: made, or as it stood in the record.
fn put<T>(out: &mut Vec<u8>, kind: u8, digest: &Digest, made: &OnceLock<T>, put: impl Fn(&mut Vec<u8>, &T)) {
    let record = digest.record.as_ref();
    match (made.get(), record.and_then(|record| Some((record, record.section(kind)?)))) {
        (Some(made), _) => section(out, kind, |out| put(out, made)),
        (None, Some((record, at))) => section(out, kind, |out| out.extend_from_slice(&record.octets[at.clone()])),
        (None, None) => {}
    }
}

fn section(out: &mut Vec<u8>, kind: u8, put: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind);
    let at = out.len();
    out.extend([0; 4]);
    put(out);
    let length = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend((text.len() as u32).to_le_bytes());
    out.extend_from_slice(text);
}

fn put_columns(out: &mut Vec<u8>, columns: &Columns) {
    for column in columns {
        let (text, present) = column.parts();
        out.extend(present.to_le_bytes());
        put_text(out, text);
    }
}

fn put_ids(out: &mut Vec<u8>, ids: &IdsRef<'_>) {
    out.push(u8::from(ids.id.is_some()) | u8::from(ids.is_reply) << 1);
    out.extend((ids.references.len() as u16).to_le_bytes());
    ids.id.iter().chain(ids.references).for_each(|id| out.extend(id.to_le_bytes()));
}

struct Octets<'a>(&'a [u8]);

impl<'a> Octets<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u128(&mut self) -> Option<u128> {
        self.array().map(u128::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::column::columns;
    use super::super::digest::Unmade;
    use super::super::message_ids::Ids;
    use super::super::page::Page;
    use super::super::{Access, Asked, Change, Limits, Manager, Order, Scores, StoreMode, View};
    use super::*;
    use crate::mime::{Parser, Summary};
    use crate::store::{
        Batch, Checked, Durability, Engine, Memory, Mode, PageNo, Partition, Reader, Store, StoreError, Value,
    };
    use crate::sys::Bell;
    use crate::types::{
        AccountId, AccountName, By, Flag, InternalDate, MailboxId, MailboxName, SearchKey, SortKey, SortOrder,
        SystemFlag, ThreadAlgorithm, UidSet, Visibility,
    };

    fn digest() -> Digest {
        let summary = |header: &str| -> Value {
            let mut parser = Parser::new();
            parser.feed(format!("{header}\r\n\r\nbody\r\n").as_bytes());
            Summary::encode(&parser.finish()).into()
        };
        let headers = [
            "Subject: Straße\r\nMessage-ID: <a@b>",
            "X: y",
            "From: a@b\r\nReferences: <a@b> <c@d>\r\nSubject: Re: x",
        ];
        let summaries = headers.map(summary);
        let uids = [3, 7, 99].map(|uid| Uid::new(uid).unwrap()).to_vec();
        let ids = |references: &[u128], is_reply| Ids {
            id: references.first().copied(),
            references: references.to_vec(),
            is_reply,
        };
        let digest = Digest::of(uids);
        digest.columns.set(columns(&summaries)).ok().unwrap();
        let all = [ids(&[1], false), ids(&[], true), ids(&[u128::MAX, 5], true)];
        digest.threading.set(all.into_iter().collect()).unwrap();
        digest.texts[5][1].set(["a", "", "é\0b"].map(String::from).into_iter().collect()).unwrap();
        digest
    }

    fn no_page() -> Result<Arc<Page>, Unmade> {
        Err(StoreError::Missing("the page".into()).into())
    }

    #[test]
    fn it_comes_back() {
        let digest = digest();
        let record = digest.record().unwrap();
        let back = Digest::of_record(Value::from(&record[..])).unwrap();
        assert_eq!(back.record().unwrap(), record);
        let needle = crate::search::Needle::new("strasse", Comparator::UnicodeCasemap);
        let column = |digest: &Digest, field| digest.column(field, &mut no_page).unwrap().holds(&needle);
        assert_eq!(column(&back, Field::Subject), column(&digest, Field::Subject));
        assert_eq!(back.column(Field::From, &mut no_page).unwrap().parts().1, 1 << 2);
        let (key, comparator) = (TextKey::DisplayTo, Comparator::ALL[1]);
        assert_eq!(back.text(key, comparator, 2), b"", "nobody has asked for it");
        let texts: Vec<&[u8]> = back.texts(key, comparator, &mut no_page).unwrap().iter().collect();
        assert_eq!(texts, [&b"a"[..], b"", "é\0b".as_bytes()]);
        assert!(back.texts(TextKey::Cc, comparator, &mut no_page).is_err());
        let ids: Vec<_> = back.threading(&mut no_page).unwrap().iter().map(|ids| (ids.id, ids.references)).collect();
        assert_eq!(ids, [(Some(1), &[1][..]), (None, &[]), (Some(u128::MAX), &[u128::MAX, 5])]);
        assert!(!back.take_grown());
        // What has been read goes back as it was.
        assert_eq!(back.record().unwrap(), record);
        assert!(Digest::default().record().is_none());
    }

    #[test]
    fn what_is_damaged_is_none() {
        let record = digest().record().unwrap();
        for end in 0..record.len() {
            let cut = Digest::of_record(Value::from(&record[..end]));
            // Where a section ends there is one section less.
            assert!(cut.is_none_or(|digest| digest.record().unwrap() == record[..end]), "{end}");
        }
        let mut random = fastrand::Rng::with_seed(4);
        for _ in 0..20_000 {
            let mut other = record.clone();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..other.len());
                other[at] = random.u8(..);
            }
            let Some(digest) = Digest::of_record(Value::from(&other[..])) else { continue };
            let needle = crate::search::Needle::new("e", Comparator::UnicodeCasemap);
            if let Ok(column) = digest.column(Field::Subject, &mut no_page) {
                assert!(column.holds(&needle).count_ones() <= 128);
            }
            if let Ok(threading) = digest.threading(&mut no_page) {
                assert_eq!(threading.iter().count(), digest.uids.len());
            }
            if let Ok(texts) = digest.texts(TextKey::DisplayTo, Comparator::ALL[1], &mut no_page) {
                assert_eq!(texts.iter().count(), digest.uids.len());
            }
        }
    }

    const A: AccountId = AccountId(1);
    const INBOX: MailboxId = MailboxId(1);

    fn view(store: &Store) -> View {
        let manager = Manager::new(store.clone(), Limits::default());
        let account = manager.account(&AccountName::new("joe").unwrap()).unwrap();
        let mailbox = account.mailbox(&MailboxName::inbox()).unwrap();
        View::open(mailbox, Access::ReadWrite, Visibility::ALL, Arc::new(Bell::new().unwrap())).unwrap()
    }

    fn append(store: &Store, messages: std::ops::Range<u32>) {
        let manager = Manager::new(store.clone(), Limits::default());
        let account = manager.account(&AccountName::new("joe").unwrap()).unwrap();
        let mailbox = account.mailbox(&MailboxName::inbox()).unwrap();
        let mut intake = account.intake(&mailbox).unwrap();
        let date = InternalDate { secs: 0, zone_mins: 0 };
        let text = |n: u32| {
            format!("Subject: number {n}x\r\nMessage-ID: <{n}@b>\r\nReferences: <{}@b>\r\n\r\ntext\r\n", n / 2)
        };
        let messages = messages.map(|n| intake.take(text(n).into_bytes(), Vec::new(), date).unwrap()).collect();
        mailbox.commit(Change::Append(messages)).unwrap();
    }

    /// What a client sees of SEARCH, SORT and THREAD, asked twice.
    fn asked(view: &View) -> String {
        let saved = UidSet::new();
        let subject = |text: &str| {
            let key = SearchKey::Header("subject".into(), text.into());
            let asked =
                Asked { key: &key, saved: &saved, comparator: Comparator::UnicodeCasemap, scores: Scores::Unwanted };
            view.search(&asked, &mut |_, _| {}).unwrap()
        };
        let order = Order {
            criteria: vec![(SortKey::Subject, SortOrder::Ascending)],
            comparator: Comparator::UnicodeCasemap,
        };
        let all = subject("number");
        let threads =
            view.thread(&all.uids, ThreadAlgorithm::References, Comparator::UnicodeCasemap, By::Uid).unwrap();
        let once =
            || format!("{:?} {:?} {:?} {threads:?}", subject("7x").uids, all.uids, view.sort(&all, &order).unwrap());
        assert_eq!(once(), once());
        view.mailbox().keep_digests();
        once()
    }

    fn expunge(view: &View, low: u32, high: u32) {
        let (mut uids, flags) = (UidSet::new(), vec![Flag::System(SystemFlag::Deleted)]);
        uids.push_range(low, high);
        let (mode, visibility) = (StoreMode::Add, Visibility::ALL);
        let store = Change::Store { uids, mode, flags, unchanged_since: None, visibility };
        view.mailbox().commit(store).unwrap();
        view.mailbox().commit(Change::Expunge { among: None, visibility }).unwrap();
    }

    #[test]
    fn a_start_later_it_is_there() {
        let engine = Arc::new(Memory::default());
        let store = Store::with_engine(engine.clone()).unwrap();
        append(&store, 0..300);
        let kept = |page| store.digest(A, INBOX, PageNo(page)).unwrap();
        assert!(kept(0).is_none());
        let first = asked(&view(&store));
        assert!(kept(0).is_some() && kept(1).is_some(), "two pages are full");
        assert!(kept(2).is_none(), "to the third there may come more");

        // The summaries are not looked at.
        let partition = Partition::Mailbox(A, INBOX);
        let mut batch = Batch::new(partition, engine.version(partition).unwrap());
        let mut lost = Vec::new();
        let mut visit = |key: &[u8], value: Value| Ok(lost.push((key.to_vec(), value)));
        engine.scan(partition, b"t", &[&b"t"[..], &257u32.to_be_bytes()].concat(), &mut visit).unwrap();
        lost.iter().for_each(|(key, _)| batch.remove(key.clone()));
        engine.commit(vec![batch], Durability::Synced).unwrap();
        assert_eq!((lost.len(), asked(&view(&store))), (256, first));
        let mut batch = Batch::new(partition, engine.version(partition).unwrap());
        batch.writes.extend(lost.into_iter().map(|(key, value)| (key, Some(value))));
        engine.commit(vec![batch], Durability::Synced).unwrap();

        // Some messages of a page are gone, then all; more have come.
        let kept_view = view(&store);
        expunge(&kept_view, 5, 20);
        append(&store, 300..400);
        let fresh = Store::memory();
        append(&fresh, 0..400);
        expunge(&view(&fresh), 5, 20);
        assert_eq!(asked(&view(&store)), asked(&view(&fresh)));
        assert!(kept(2).is_some());
        expunge(&view(&store), 1, 128);
        assert!(kept(0).is_none() && kept(1).is_some());
        expunge(&view(&fresh), 1, 128);
        assert_eq!(asked(&view(&store)), asked(&view(&fresh)));
        // Another summary of a message, another digest of its page.
        let summary = store.structure(A, INBOX, Uid::new(200).unwrap()).unwrap().unwrap();
        view(&store).mailbox().describe_anew(vec![(Uid::new(200).unwrap(), summary)]).unwrap();
        assert!(kept(1).is_none() && kept(2).is_some());
        let mut checked = Checked::default();
        store
            .check_account(&AccountName::new("joe").unwrap(), A, Mode::Verify, &mut checked, &mut |_| Ok(()))
            .unwrap();
        assert_eq!(checked.findings, []);
    }
}

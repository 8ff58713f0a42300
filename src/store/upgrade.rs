//! From an earlier format of the store to this one.
//!
//! Done when the store is opened, mailbox by mailbox, each in one commit that a second run recognises; the format is
//! written last. A crash between leaves a store that is upgraded when it is opened again.
//!
//! * 1 to 2: message records got the time when the message was saved (RFC 8514): the internal date stands in for it; each
//!   leaf of a mailbox got its entry; the header got more sums.
//! * 2 to 3: summaries may have previews (`mime::Summary`, version 2); one without gets it when it is asked for;
//!   an account may have a certificate; each keyword of a mailbox got a key of its own; $Service, $Hidden and $Media
//!   got bits of their own, and what has the first two is summed up apart. An older daemon would leave annotations and
//!   classes behind that belong to nothing.
//! * 3 to 4: the last messages of a mailbox may stand beside their page; an older daemon would write a page whole and leave
//!   them there, twice.

use std::collections::BTreeMap;

use super::engine::{Batch, Partition, Value};
use super::error::StoreError;
use super::facade::Store;
use super::layout::{self, Cursor, decode};
use super::model::{ClassSums, FlagRecord, LeafEntry, LeafNo, MailboxHeader, MessageRecord};
use crate::types::{AccountId, FlagBits, Flags, Keyword, KeywordId, MailboxId, ServerKeyword};

/// Octets of a header of format 1.
const HEADER_BYTES_1: usize = 53;

/// Octets of a message record of format 1.
const RECORD_BYTES_1: usize = 60;

/// Keywords of a mailbox until format 2: all had bits.
const KEYWORDS_MAX_2: usize = 120;

/// The key of the whole keyword table, until format 2.
const KEYWORDS_2: &[u8] = b"k";

impl Store {
    pub(super) fn upgrade(&self, found: u32) -> Result<(), StoreError> {
        log::info!("upgrading the store from format {found} to {}", layout::FORMAT);
        for (name, account) in self.accounts()? {
            log::info!("upgrading the mailboxes of {name}");
            for mailbox in self.account_image(account)?.mailboxes() {
                self.upgrade_mailbox(account, mailbox)?;
            }
        }
        self.alone(Partition::Server, |batch| {
            batch.put(layout::key(b'f'), layout::FORMAT.to_be_bytes().to_vec());
            Ok(())
        })?;
        log::info!("the store has format {} now", layout::FORMAT);
        Ok(())
    }

    fn upgrade_mailbox(&self, a: AccountId, m: MailboxId) -> Result<(), StoreError> {
        let partition = Partition::Mailbox(a, m);
        self.alone(partition, |batch| {
            let is_1 = self.reader().get(partition, b"h")?.is_some_and(|header| header.len() == HEADER_BYTES_1);
            let keywords = match self.reader().get(partition, KEYWORDS_2)? {
                Some(value) => decode(|| format!("keywords of mailbox {}/{}", a.0, m.0), &value, keywords_2)?,
                None => Vec::new(),
            };
            let moved = put_keywords(batch, &keywords);
            match is_1 || !moved.is_empty() {
                true => self.plan_upgrade(a, m, &moved, batch),
                false => Ok(()),
            }
        })
    }

    /// Messages, flags and sums anew.
    fn plan_upgrade(&self, a: AccountId, m: MailboxId, moved: &[Moved], batch: &mut Batch) -> Result<(), StoreError> {
        let (partition, what) = (batch.partition, || format!("messages of mailbox {}/{}", a.0, m.0));
        let corrupt = || StoreError::Corrupt(what());
        let old = self.reader().get(partition, b"h")?.unwrap_or_else(|| Value::from(&[][..]));
        let is_1 = old.len() == HEADER_BYTES_1;
        let mut header =
            if is_1 { header_1(&old) } else { layout::read_header(&mut Cursor(&old)) }.ok_or_else(corrupt)?;
        let (mut records, mut flags) = (Vec::new(), Vec::new());
        self.reader().scan(partition, b"r", b"s", &mut |key, value| {
            if is_1 {
                let page = records_1(&value).ok_or_else(corrupt)?;
                batch.put(key.to_vec(), layout::records(&page));
                records.extend(page);
                return Ok(());
            }
            decode(what, &value, |c| layout::read_records(c, &mut records))
        })?;
        self.reader().scan(partition, b"v", b"w", &mut |key, value| {
            let page = flags_2(&value, moved).ok_or_else(corrupt)?;
            batch.put(key.to_vec(), layout::flags(&page));
            flags.extend(page);
            Ok(())
        })?;
        self.reader().scan(partition, b"e", b"f", &mut |key, value| {
            let (record, flags) = value.split_at_checked(layout::RECORD_BYTES).ok_or_else(corrupt)?;
            let flags = flags_2(flags, moved).ok_or_else(corrupt)?;
            batch.put(key.to_vec(), [record, &layout::flags(&flags)].concat());
            Ok(())
        })?;
        header.sums = sums(&records, &flags);
        batch.put(layout::key(b'h'), layout::header(&header));
        for (leaf, entry) in entries(&records, &flags) {
            batch.put(layout::numbered(b'd', leaf.0), layout::leaf_entry(&entry));
        }
        Ok(())
    }
}

/// The table of format 2: each u8 length, octets.
fn keywords_2(cursor: &mut Cursor<'_>) -> Option<Vec<Keyword>> {
    let mut keywords = Vec::new();
    while !cursor.is_empty() {
        let length = cursor.u8()?;
        keywords.push(Keyword::new(std::str::from_utf8(cursor.take(length.into())?).ok()?)?);
    }
    (keywords.len() <= KEYWORDS_MAX_2).then_some(keywords)
}

/// Where the bit of a keyword was, and what is in its place.
type Moved = (FlagBits, Flags);

/// Gives each keyword its key; those of the server leave their places, and the last one has no bit any more.
fn put_keywords(batch: &mut Batch, keywords: &[Keyword]) -> Vec<Moved> {
    if keywords.is_empty() {
        return Vec::new();
    }
    let mut moved = Vec::new();
    for (at, keyword) in keywords.iter().enumerate() {
        let (id, before) = (KeywordId(at as u16), FlagBits(1 << (8 + at)));
        match ServerKeyword::from_name(keyword.as_str()) {
            Some(server) => {
                moved.push((before, Flags::from(FlagBits::server(server))));
                continue;
            }
            None if FlagBits::keyword(id).is_none() => moved.push((before, Flags::new(FlagBits::NONE, [id]))),
            None => {}
        }
        batch.put(layout::keyword_key(id), keyword.as_str().as_bytes().to_vec());
    }
    batch.remove(KEYWORDS_2.to_vec());
    moved
}

/// The flags of format 2, which were bits alone.
fn flags_2(value: &[u8], moved: &[Moved]) -> Option<Vec<FlagRecord>> {
    let (mut cursor, mut page) = (Cursor(value), Vec::new());
    while !cursor.is_empty() {
        let (uid, mod_seq, bits) = layout::read_bits(&mut cursor)?;
        let there = moved.iter().filter(|(before, _)| bits.contains(*before));
        let stay = there.clone().fold(bits, |bits, (before, _)| bits.without(*before));
        let flags = there.fold(Flags::from(stay), |flags, (_, after)| flags.with(after));
        page.push(FlagRecord { uid, flags, mod_seq });
    }
    Some(page)
}

/// A header of format 1: that of format 2 without its last sums, and five octets of zero.
fn header_1(value: &[u8]) -> Option<MailboxHeader> {
    let longer = [value.get(..HEADER_BYTES_1 - 5)?, &[0; 32]].concat();
    layout::read_header(&mut Cursor(&longer))
}

/// What a header says of the messages.
pub(super) fn sums(records: &[MessageRecord], flags: &[FlagRecord]) -> ClassSums {
    let mut sums = ClassSums::default();
    records.iter().zip(flags).for_each(|(record, flags)| sums.add(record, flags.flags.bits()));
    sums
}

/// A page of records of format 1: those of format 2 without the last eight octets.
fn records_1(value: &[u8]) -> Option<Vec<MessageRecord>> {
    let mut records = Vec::new();
    for record in value.chunks(RECORD_BYTES_1) {
        let longer = [record, &[0; 8]].concat();
        layout::read_records(&mut Cursor(&longer), &mut records)?;
        let last = records.last_mut()?;
        last.saved_secs = last.internal_date.secs;
    }
    Some(records)
}

/// The entries of all leaves.
pub(super) fn entries(records: &[MessageRecord], flags: &[FlagRecord]) -> BTreeMap<LeafNo, LeafEntry> {
    let mut entries: BTreeMap<LeafNo, LeafEntry> = BTreeMap::new();
    for (record, flags) in records.iter().zip(flags) {
        entries.entry(LeafNo::of(record.uid)).or_default().add(record, flags);
    }
    entries
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::{Engine, Memory};
    use crate::types::{BlobId, Class, InternalDate, Uid, Visibility};

    const MAILBOX: (AccountId, MailboxId) = (AccountId(1), MailboxId(1));

    /// A message of format 2 with these places of the keyword table.
    fn message(uid: u32, places: &[u32]) -> (MessageRecord, Vec<u8>) {
        let (uid, date) = (Uid::new(uid).unwrap(), InternalDate { secs: 100 - i64::from(uid), zone_mins: 0 });
        let (internal_date, sent_date) = (date, date);
        let record = MessageRecord { uid, blob: BlobId([1; 32]), size: 10, internal_date, sent_date, saved_secs: 0 };
        let bits = places.iter().fold(0u128, |bits, place| bits | 1 << (8 + place));
        (record, [&uid.get().to_be_bytes()[..], &7u64.to_be_bytes(), &[16], &bits.to_be_bytes()].concat())
    }

    /// A store of format 2 whose one mailbox has a keyword table and these messages.
    fn store_2(keywords: &[&str], messages: &[(MessageRecord, Vec<u8>)]) -> Store {
        let store = Store::over(Arc::new(Memory::default()) as Arc<dyn Engine>);
        let (records, flags): (Vec<_>, Vec<_>) = messages.iter().cloned().unzip();
        let put = |partition, pairs: Vec<(Vec<u8>, Vec<u8>)>| {
            let planned = store.alone(partition, |batch| {
                pairs.iter().for_each(|(key, value)| batch.put(key.clone(), value.clone()));
                Ok(())
            });
            planned.unwrap();
        };
        let node = [&1u64.to_be_bytes()[..], &[0]].concat();
        put(Partition::Account(MAILBOX.0), vec![(b"nINBOX".to_vec(), node)]);
        let mut header = MailboxHeader::new(crate::types::UidValidity::MIN);
        header.sums.of_mut(Class::ORDINARY).messages = records.len() as u32;
        let table = keywords.iter().flat_map(|name| [&[name.len() as u8], name.as_bytes()].concat()).collect();
        let pairs = vec![
            (b"h".to_vec(), layout::header(&header)),
            (b"k".to_vec(), table),
            (layout::numbered(b'r', 0), layout::records(&records)),
            (layout::numbered(b'v', 0), flags.concat()),
            (layout::numbered_long(b'e', 5), [layout::records(&records[..1]), flags[0].clone()].concat()),
        ];
        put(Partition::Mailbox(MAILBOX.0, MAILBOX.1), pairs);
        put(
            Partition::Server,
            vec![(b"f".to_vec(), 2u32.to_be_bytes().to_vec()), (b"ajoe".to_vec(), 1u64.to_be_bytes().to_vec())],
        );
        store
    }

    #[test]
    fn keywords_of_the_server_get_their_bits() {
        let messages = [message(1, &[0, 1]), message(2, &[2]), message(3, &[3, 1]), message(4, &[])];
        let store = store_2(&["$service", "Junk", "$HIDDEN", "$Media"], &messages);
        store.upgrade(2).unwrap();
        store.upgrade(2).unwrap();
        let image = store.mailbox_image(MAILBOX.0, MAILBOX.1).unwrap().unwrap();
        assert_eq!(image.keywords.iter().map(|(id, k)| (id.0, k.as_str())).collect::<Vec<_>>(), [(1, "Junk")]);
        let (_, flags) = store.leaf(MAILBOX.0, MAILBOX.1, LeafNo(0)).unwrap();
        let flags_of =
            |keyword, ids: &[u16]| Flags::new(FlagBits::server(keyword), ids.iter().map(|id| KeywordId(*id)));
        let expected = [
            flags_of(ServerKeyword::Service, &[1]),
            flags_of(ServerKeyword::Hidden, &[]),
            flags_of(ServerKeyword::Media, &[1]),
            Flags::default(),
        ];
        assert_eq!(flags.iter().map(|record| record.flags.clone()).collect::<Vec<_>>(), expected);
        let kept = store.expunged(MAILBOX.0, MAILBOX.1, 0, i64::MAX).unwrap();
        assert_eq!(kept[0].flags.flags, expected[0]);
        let sums = |visibility| image.header.sums.seen(visibility);
        assert_eq!((sums(Visibility::ALL).messages, sums(Visibility::ALL).unseen_media), (4, 1));
        assert_eq!(sums(Visibility::ALL.without_service().without_hidden()).bytes, 20);
        assert_eq!(image.leaves[0].1.apart, 2);
    }
    #[test]
    fn the_last_keyword_has_no_bit_any_more() {
        let names: Vec<String> = (0..120).map(|n| format!("k{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let store = store_2(&names, &[message(1, &[0, 118, 119]), message(2, &[118])]);
        store.upgrade(2).unwrap();
        let image = store.mailbox_image(MAILBOX.0, MAILBOX.1).unwrap().unwrap();
        assert_eq!(image.keywords.len(), 120);
        let (_, flags) = store.leaf(MAILBOX.0, MAILBOX.1, LeafNo(0)).unwrap();
        let ids = |at: usize| flags[at].flags.keywords().map(|id| id.0).collect::<Vec<u16>>();
        assert_eq!((ids(0), ids(1)), (vec![0, 118, 119], vec![118]));
    }
}

//! What a mailbox has as a whole, or of a leaf.

use super::cursor::Cursor;
use crate::store::model::{ClassSums, LeafEntry, MailboxHeader, Sums};
use crate::types::{Class, Keyword, KeywordId, ModSeq, UidSet, UidValidity};

pub fn header(header: &MailboxHeader) -> Vec<u8> {
    let mut out = Vec::with_capacity(80);
    let sums = header.sums.of(Class::ORDINARY);
    out.extend(header.uid_validity.get().to_be_bytes());
    out.extend(header.uid_next.to_be_bytes());
    out.extend(header.highest_mod_seq.0.to_be_bytes());
    out.extend(header.mod_seq_reserved.0.to_be_bytes());
    [sums.messages, sums.unseen, sums.deleted].iter().for_each(|n| out.extend(n.to_be_bytes()));
    out.extend(sums.bytes.to_be_bytes());
    out.extend(header.recent_from.to_be_bytes());
    out.extend(sums.deleted_bytes.to_be_bytes());
    out.extend(header.kept_messages.to_be_bytes());
    out.extend(header.kept_bytes.to_be_bytes());
    out.extend(sums.unseen_media.to_be_bytes());
    out.extend(sums.oldest_secs.to_be_bytes());
    if header.sums.has_apart() {
        Class::APART.into_iter().for_each(|class| put_sums(&mut out, &header.sums.of(class)));
    }
    out
}

pub fn read_header(cursor: &mut Cursor<'_>) -> Option<MailboxHeader> {
    let mut sums = Sums::default();
    let mut header = MailboxHeader {
        uid_validity: UidValidity::new(cursor.u32()?)?,
        uid_next: cursor.u32()?,
        highest_mod_seq: ModSeq(cursor.u64()?),
        mod_seq_reserved: ModSeq(cursor.u64()?),
        sums: ClassSums::default(),
        kept_messages: 0,
        kept_bytes: 0,
        recent_from: 0,
    };
    (sums.messages, sums.unseen, sums.deleted) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
    sums.bytes = cursor.u64()?;
    header.recent_from = cursor.u32()?;
    sums.deleted_bytes = cursor.u64()?;
    (header.kept_messages, header.kept_bytes) = (cursor.u32()?, cursor.u64()?);
    (sums.unseen_media, sums.oldest_secs) = (cursor.u32()?, cursor.u64()? as i64);
    *header.sums.of_mut(Class::ORDINARY) = sums;
    if !cursor.is_empty() {
        for class in Class::APART {
            *header.sums.of_mut(class) = read_sums(cursor)?;
        }
    }
    Some(header)
}

fn put_sums(out: &mut Vec<u8>, sums: &Sums) {
    [sums.messages, sums.unseen, sums.deleted].iter().for_each(|n| out.extend(n.to_be_bytes()));
    [sums.bytes, sums.deleted_bytes].iter().for_each(|n| out.extend(n.to_be_bytes()));
    out.extend(sums.unseen_media.to_be_bytes());
    out.extend(sums.oldest_secs.to_be_bytes());
}

fn read_sums(cursor: &mut Cursor<'_>) -> Option<Sums> {
    Some(Sums {
        messages: cursor.u32()?,
        unseen: cursor.u32()?,
        deleted: cursor.u32()?,
        bytes: cursor.u64()?,
        deleted_bytes: cursor.u64()?,
        unseen_media: cursor.u32()?,
        oldest_secs: cursor.u64()? as i64,
    })
}

pub fn keyword_key(id: KeywordId) -> Vec<u8> {
    [&[b'k'][..], &id.0.to_be_bytes()].concat()
}

pub fn read_keyword(key: &[u8], value: &[u8]) -> Option<(KeywordId, Keyword)> {
    let id = KeywordId(Cursor(key.get(1..)?).u16()?);
    Some((id, Keyword::new(std::str::from_utf8(value).ok()?)?))
}

pub fn leaf_entry(entry: &LeafEntry) -> Vec<u8> {
    let mut out = Vec::with_capacity(24);
    out.extend(entry.messages.to_be_bytes());
    out.extend(entry.unseen.to_be_bytes());
    out.extend(entry.last_uid.to_be_bytes());
    out.extend(entry.highest_mod_seq.0.to_be_bytes());
    let [ordinary, apart @ ..] = entry.oldest_secs;
    out.extend(ordinary.to_be_bytes());
    if entry.apart > 0 {
        out.extend(entry.apart.to_be_bytes());
        apart.iter().for_each(|secs| out.extend(secs.to_be_bytes()));
    }
    out
}

pub fn read_leaf_entry(cursor: &mut Cursor<'_>) -> Option<LeafEntry> {
    let mut entry = LeafEntry {
        messages: cursor.u16()?,
        unseen: cursor.u16()?,
        last_uid: cursor.u32()?,
        highest_mod_seq: ModSeq(cursor.u64()?),
        ..LeafEntry::default()
    };
    entry.oldest_secs[0] = cursor.u64()? as i64;
    if !cursor.is_empty() {
        entry.apart = cursor.u16()?;
        for secs in &mut entry.oldest_secs[1..] {
            *secs = cursor.u64()? as i64;
        }
    }
    Some(entry)
}

pub fn vanished(uids: &UidSet) -> Vec<u8> {
    uids.ranges().iter().flat_map(|(low, high)| [low.to_be_bytes(), high.to_be_bytes()].concat()).collect()
}

pub fn read_vanished(cursor: &mut Cursor<'_>, into: &mut Vec<(u32, u32)>) -> Option<()> {
    while !cursor.is_empty() {
        into.push((cursor.u32()?, cursor.u32()?));
    }
    Some(())
}

//! Messages: records, flags, and what has been expunged.

use super::cursor::Cursor;
use super::numbered_long;
use crate::store::model::{ExpungedMessage, FlagRecord, MessageRecord};
use crate::types::{BlobId, FlagBits, Flags, InternalDate, KeywordId, ModSeq, Uid};

pub const RECORD_BYTES: usize = 68;

pub fn records(records: &[MessageRecord]) -> Vec<u8> {
    let mut out = Vec::with_capacity(records.len() * RECORD_BYTES);
    for record in records {
        let mut octets = [0; RECORD_BYTES];
        octets[..4].copy_from_slice(&record.uid.get().to_be_bytes());
        octets[4..36].copy_from_slice(&record.blob.0);
        octets[36..40].copy_from_slice(&record.size.to_be_bytes());
        for (at, date) in [(40, record.internal_date), (50, record.sent_date)] {
            octets[at..at + 8].copy_from_slice(&date.secs.to_be_bytes());
            octets[at + 8..at + 10].copy_from_slice(&date.zone_mins.to_be_bytes());
        }
        octets[60..].copy_from_slice(&record.saved_secs.to_be_bytes());
        out.extend_from_slice(&octets);
    }
    out
}

fn read_date(cursor: &mut Cursor<'_>) -> Option<InternalDate> {
    Some(InternalDate { secs: cursor.u64()? as i64, zone_mins: cursor.u16()? as i16 })
}

pub fn read_records(cursor: &mut Cursor<'_>, into: &mut Vec<MessageRecord>) -> Option<()> {
    while !cursor.is_empty() {
        into.push(MessageRecord {
            uid: cursor.uid()?,
            blob: BlobId(cursor.array()?),
            size: cursor.u32()?,
            internal_date: read_date(cursor)?,
            sent_date: read_date(cursor)?,
            saved_secs: cursor.u64()? as i64,
        });
    }
    Some(())
}

pub fn flags(flags: &[FlagRecord]) -> Vec<u8> {
    let mut out = Vec::with_capacity(flags.len() * 14);
    for record in flags {
        let bits = record.flags.bits().0;
        let unused = bits.leading_zeros() as usize / 8;
        let mut fixed = [0; 13];
        fixed[..4].copy_from_slice(&record.uid.get().to_be_bytes());
        fixed[4..12].copy_from_slice(&record.mod_seq.0.to_be_bytes());
        fixed[12] = (16 - unused) as u8;
        out.extend_from_slice(&fixed);
        out.extend_from_slice(&bits.to_be_bytes()[unused..]);
        let further = record.flags.further();
        if !further.is_empty() {
            out.extend((further.len() as u16).to_be_bytes());
            further.iter().for_each(|id| out.extend(id.0.to_be_bytes()));
        }
    }
    out
}

pub fn read_flags(cursor: &mut Cursor<'_>, into: &mut Vec<FlagRecord>) -> Option<()> {
    while !cursor.is_empty() {
        let (uid, mod_seq, bits) = read_bits(cursor)?;
        let flags = match bits.has_further() {
            true => read_further(cursor, bits)?,
            false => bits.into(),
        };
        into.push(FlagRecord { uid, flags, mod_seq });
    }
    Some(())
}

/// All of a record but the keywords without a bit.
pub fn read_bits(cursor: &mut Cursor<'_>) -> Option<(Uid, ModSeq, FlagBits)> {
    let (uid, mod_seq) = (cursor.uid()?, ModSeq(cursor.u64()?));
    let length = cursor.u8().filter(|n| *n <= 16)?;
    let bits = cursor.take(length.into())?.iter().fold(0u128, |bits, octet| bits << 8 | u128::from(*octet));
    Some((uid, mod_seq, FlagBits(bits)))
}

fn read_further(cursor: &mut Cursor<'_>, bits: FlagBits) -> Option<Flags> {
    let length = cursor.u16().filter(|n| *n > 0)?;
    let further = (0..length).map(|_| cursor.u16().map(KeywordId)).collect::<Option<Vec<_>>>()?;
    let flags = Flags::new(bits, further.iter().copied());
    (flags.further() == further).then_some(flags)
}

/// One message: its record and its flags, one behind the other.
pub fn message(record: &MessageRecord, of: &FlagRecord) -> Vec<u8> {
    let mut out = records(std::slice::from_ref(record));
    out.append(&mut flags(std::slice::from_ref(of)));
    out
}

pub fn read_message(value: &[u8]) -> Option<(MessageRecord, FlagRecord)> {
    let (record, rest) = value.split_at_checked(RECORD_BYTES)?;
    let (mut found, mut flags) = (Vec::new(), Vec::new());
    read_records(&mut Cursor(record), &mut found)?;
    read_flags(&mut Cursor(rest), &mut flags)?;
    match (found.as_slice(), flags.as_slice()) {
        ([record], [flags]) if record.uid == flags.uid => Some((*record, flags.clone())),
        _ => None,
    }
}

/// The key of a kept message.
pub fn expunged_key(message: &ExpungedMessage) -> Vec<u8> {
    let secs = message.expunged_secs.max(0) as u64;
    [&numbered_long(b'e', secs)[..], &message.record.uid.get().to_be_bytes()].concat()
}

pub fn expunged(message: &ExpungedMessage) -> Vec<u8> {
    self::message(&message.record, &message.flags)
}

pub fn read_expunged(key: &[u8], value: &[u8]) -> Option<ExpungedMessage> {
    let expunged_secs = Cursor(key.get(1..)?).u64()? as i64;
    let (record, flags) = read_message(value)?;
    Some(ExpungedMessage { expunged_secs, record, flags })
}

/// The UID of a key `a` or `t`.
pub fn uid_of(key: &[u8]) -> Option<Uid> {
    let mut cursor = Cursor(key.get(1..)?);
    cursor.uid()
}

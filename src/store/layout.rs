//! Every key and every value, to the byte.
//!
//! Numbers are big-endian, so that keys sort as numbers do. `str` is the octets of UTF-8 to the end of the value, or with
//! a u16 length before it where something follows. The engine checksums what it stores; a value that does not decode is
//! `Corrupt` and names its key. A format that changes gets the next `FORMAT`; an older daemon refuses it.
//!
//! | partition | key                     | value |
//! |-----------|-------------------------|-------|
//! | server    | `f`                     | u32 format |
//! | any       | 0x01, 0x02              | of a copy alone, see `copying` |
//! | server    | `u`                     | 16 octets that tell this store from others |
//! | server    | `i`                     | u64 the next AccountId |
//! | server    | `j`                     | u64 the number of the last alert |
//! | server    | `w` u64 alert           | u8 scope (0 server, 1 domain, 2 account), u16 length, str name, str text |
//! | server    | `a` str name            | u64 AccountId |
//! | server    | `m` str entry           | annotation of the server that all share, see `annotation` |
//! | server    | `e` u32 day, u64 AccountId, u64 MailboxId | empty: something is kept there since that day (since 1970) |
//! | account   | `c`                     | u64 next MailboxId, u32 last UIDVALIDITY |
//! | account   | `q`                     | quota: u64 octets, u64 messages, u64 mailboxes; each u64 max where none is set |
//! | account   | `n` str name            | u64 MailboxId or 0 for a name that only holds others, u8 n, n × u8 special use |
//! | account   | `s` str name            | empty: subscribed |
//! | account   | `g` u64 MailboxId       | deleted and kept: u64 seconds since 1970, u8 n, n × u8 special use, str name |
//! | account   | `l` u64 MailboxId       | access control list: each u16 rights (`types::Right`), u8 length, identifier |
//! | account   | `y` str alias           | str the name that it stands for |
//! | account   | `u` u64 AccountId, u64 MailboxId | 32 octets: the account's key for URLs of that mailbox; AccountId 0 for its own |
//! | account   | `x`                     | its S/MIME certificate: DER, opaque |
//! | account   | `k` u64 MailboxId       | str class; none for mail |
//! | account   | `v`                     | settings: u8 whether LIST shows what is not mail: 0 no, 1 yes, 2 as the domain says |
//! | account   | `m` u64 MailboxId, u64 AccountId, str entry | annotation of a mailbox, or of the server (0), for that user, or shared (0) |
//! | account   | `o` u16 length, str name, u64 AccountId, str entry | annotation of a name that only holds others |
//! | account   | `z`                     | empty: removed; stays for good, as the account's number is never another's |
//! | account   | `p` u64 MailboxId       | empty: this mailbox has been deleted, its partition is to be emptied |
//! | mailbox   | `h`                     | header: 80 octets, or 200, see `header` |
//! | mailbox   | `e` u64 seconds, u32 UID | expunged then and kept: its record and its flags, one behind the other |
//! | mailbox   | `k` u16 KeywordId       | str keyword |
//! | mailbox   | `n` u32 UID, u64 AccountId, str entry | annotation of a message, for that user, or shared (0), see `message_annotation` |
//! | mailbox   | `d` u32 leaf            | leaf entry: 24 octets, or 50, see `leaf_entry`; for each leaf that has messages |
//! | mailbox   | `r` u32 page            | message records, 68 octets each, see `records` |
//! | mailbox   | `v` u32 page            | flags, see `flags` |
//! | mailbox   | `a` u32 UID             | a message that stands beside its page: its record and its flags, one behind the other |
//! | mailbox   | `t` u32 UID             | summary of the message, opaque (`mime::Summary`); made again where there is none |
//! | mailbox   | `c` u32 page            | digest of the page, opaque (`mailbox::digest_record`); of some that can get no more messages |
//! | mailbox   | `z`                     | empty: deleted; missing where a version before this key deleted it |
//! | mailbox   | `x` u64 MODSEQ          | vanished UIDs: each u32 first, u32 last |
//!
//! An engine adds what is its own: see `embedded`.

use super::engine::Value;
use super::error::StoreError;
use super::model::{
    AccountSettings, Acl, Alert, AlertScope, Annotated, Annotation, ClassSums, DeletedMailbox, Due, ExpungedMessage,
    FlagRecord, LeafEntry, MailboxHeader, MailboxNode, MessageAnnotationId, MessageRecord, QuotaLimits, Sums, UrlKey,
};
use crate::types::{
    AccountId, AccountName, BlobId, Class, EntryName, FlagBits, Flags, InternalDate, Keyword, KeywordId,
    MailboxClass, MailboxId, MailboxName, MessageEntry, ModSeq, Rights, SpecialUse, Uid, UidSet, UidValidity,
};

/// The format that this version writes, and the latest that it reads.
pub const FORMAT: u32 = 4;

pub const RECORD_BYTES: usize = 68;

pub fn key(kind: u8) -> Vec<u8> {
    vec![kind]
}

pub fn named(kind: u8, name: &str) -> Vec<u8> {
    [&[kind], name.as_bytes()].concat()
}

pub fn numbered(kind: u8, n: u32) -> Vec<u8> {
    [&[kind][..], &n.to_be_bytes()].concat()
}

pub fn numbered_long(kind: u8, n: u64) -> Vec<u8> {
    [&[kind][..], &n.to_be_bytes()].concat()
}

/// Reads a value from its front; `None` when it is too short.
pub struct Cursor<'a>(pub &'a [u8]);

impl<'a> Cursor<'a> {
    pub fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(|[b]| b)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn uid(&mut self) -> Option<Uid> {
        self.u32().and_then(Uid::new)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Decodes a value or says which one is corrupt.
pub fn decode<T>(
    what: impl Fn() -> String,
    value: &[u8],
    read: impl FnOnce(&mut Cursor<'_>) -> Option<T>,
) -> Result<T, StoreError> {
    let mut cursor = Cursor(value);
    read(&mut cursor).filter(|_| cursor.is_empty()).ok_or_else(|| StoreError::Corrupt(what()))
}

/// u32 uid_validity, u32 uid_next, u64 highest_mod_seq, u64 mod_seq_reserved, u32 messages, u32 unseen, u32 deleted,
/// u64 bytes, u32 recent_from, u64 deleted_bytes, u32 kept_messages, u64 kept_bytes, u32 unseen_media, i64 oldest:
/// 80 octets. The sums are of the messages that everybody sees; where there are others, those of each class of them
/// follow (`types::Class`): u32 messages, u32 unseen, u32 deleted, u64 bytes, u64 deleted_bytes, u32 unseen_media,
/// i64 oldest, 40 octets for each class.
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

/// u16 messages, u16 unseen, u32 last uid, u64 highest mod_seq, i64 oldest: 24 octets. The date is of the messages that
/// everybody sees; where there are others, u16 of them, and i64 oldest of each class of them follow: 50 octets.
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

/// u32 uid, 32 octets hash, u32 size, i64 internal date, i16 zone, i64 sent date, i16 zone, i64 saved: 68 octets.
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

/// u32 uid, u64 mod_seq, u8 n, the lower n octets of the flag bits: most messages have few keywords. Where the last bit says
/// that there are others, u16 how many of them and u16 each `KeywordId`, ascending, follow.
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

pub fn alert(scope: &AlertScope, text: &str) -> Vec<u8> {
    let (code, name) = match scope {
        AlertScope::Server => (0, ""),
        AlertScope::Domain(domain) => (1, domain.as_str()),
        AlertScope::Account(account) => (2, account.as_str()),
    };
    let mut out = vec![code];
    out.extend((name.len() as u16).to_be_bytes());
    out.extend(name.as_bytes());
    out.extend(text.as_bytes());
    out
}

pub fn read_alert(key: &[u8], cursor: &mut Cursor<'_>) -> Option<Alert> {
    let id = Cursor(key.get(1..)?).u64()?;
    let (code, length) = (cursor.u8()?, cursor.u16()?);
    let name = std::str::from_utf8(cursor.take(length.into())?).ok()?;
    let scope = match code {
        0 => AlertScope::Server,
        1 => AlertScope::Domain(name.to_string()),
        2 => AlertScope::Account(AccountName::new(name)?),
        _ => return None,
    };
    let text = std::str::from_utf8(std::mem::take(&mut cursor.0)).ok()?.to_string();
    Some(Alert { id, scope, text })
}

pub fn acl(acl: &Acl) -> Vec<u8> {
    let mut out = Vec::new();
    for (identifier, rights) in &acl.0 {
        out.extend(rights.0.to_be_bytes());
        out.push(identifier.len() as u8);
        out.extend(identifier.as_bytes());
    }
    out
}

pub fn read_acl(cursor: &mut Cursor<'_>) -> Option<Acl> {
    let mut acl = Acl::default();
    while !cursor.is_empty() {
        let rights = Rights(cursor.u16()?);
        let length = cursor.u8()?;
        acl.0.push((std::str::from_utf8(cursor.take(length.into())?).ok()?.to_string(), rights));
    }
    Some(acl)
}

pub fn quota(limits: &QuotaLimits) -> Vec<u8> {
    let limits = [limits.storage_bytes, limits.messages, limits.mailboxes];
    limits.iter().flat_map(|limit| limit.unwrap_or(u64::MAX).to_be_bytes()).collect()
}

pub fn read_quota(cursor: &mut Cursor<'_>) -> Option<QuotaLimits> {
    let mut limit = || Some(Some(cursor.u64()?).filter(|limit| *limit != u64::MAX));
    Some(QuotaLimits { storage_bytes: limit()?, messages: limit()?, mailboxes: limit()? })
}

pub fn read_class(cursor: &mut Cursor<'_>) -> Option<MailboxClass> {
    MailboxClass::new(std::str::from_utf8(std::mem::take(&mut cursor.0)).ok()?)
}

pub fn settings(settings: &AccountSettings) -> Vec<u8> {
    vec![settings.show_non_mail.map_or(2, u8::from)]
}

pub fn read_settings(cursor: &mut Cursor<'_>) -> Option<AccountSettings> {
    let show_non_mail = match cursor.u8()? {
        0 => Some(false),
        1 => Some(true),
        2 => None,
        _ => return None,
    };
    Some(AccountSettings { show_non_mail })
}

/// The beginning of the keys of all annotations that stand there.
pub fn annotated(at: &Annotated) -> Vec<u8> {
    match at {
        Annotated::Account => numbered_long(b'm', 0),
        Annotated::Mailbox(id) => numbered_long(b'm', id.0),
        Annotated::Holder(name) => {
            let length = (name.as_str().len() as u16).to_be_bytes();
            [b"o", &length[..], name.as_str().as_bytes()].concat()
        }
    }
}

/// Of those of one user, or of the shared ones.
pub fn annotated_for(at: &Annotated, user: Option<AccountId>) -> Vec<u8> {
    [annotated(at), user.map_or(0, |user| user.0).to_be_bytes().to_vec()].concat()
}

pub fn annotation_key(at: &Annotated, user: Option<AccountId>, entry: &EntryName) -> Vec<u8> {
    [annotated_for(at, user), entry.folded().into_bytes()].concat()
}

/// Where an annotation stands, and whose it is, by its key.
pub fn read_annotation_key(key: &[u8]) -> Option<(Annotated, Option<AccountId>)> {
    let mut cursor = Cursor(key);
    let at = match cursor.u8()? {
        b'm' => match cursor.u64()? {
            0 => Annotated::Account,
            id => Annotated::Mailbox(MailboxId(id)),
        },
        _ => {
            let length = cursor.u16()?;
            Annotated::Holder(MailboxName::new(std::str::from_utf8(cursor.take(length.into())?).ok()?).ok()?)
        }
    };
    let user = Some(cursor.u64()?).filter(|user| *user != 0).map(AccountId);
    Some((at, user))
}

/// u16 length, the entry as it was spelled, octets of the value.
pub fn annotation(entry: &EntryName, value: &[u8]) -> Vec<u8> {
    let spelled = entry.as_str().as_bytes();
    [&(spelled.len() as u16).to_be_bytes()[..], spelled, value].concat()
}

pub fn read_annotation(cursor: &mut Cursor<'_>) -> Option<Annotation> {
    let length = cursor.u16()?;
    let entry = EntryName::new(std::str::from_utf8(cursor.take(length.into())?).ok()?)?;
    Some(Annotation { entry, value: std::mem::take(&mut cursor.0).to_vec() })
}

pub fn message_annotation_key(id: &MessageAnnotationId) -> Vec<u8> {
    let mut key = numbered(b'n', id.uid.get());
    key.extend(id.user.map_or(0, |user| user.0).to_be_bytes());
    key.extend(id.entry.as_str().as_bytes());
    key
}

pub fn read_message_annotation_key(key: &[u8]) -> Option<MessageAnnotationId> {
    let mut cursor = Cursor(key.get(1..)?);
    let uid = cursor.uid()?;
    let user = Some(cursor.u64()?).filter(|user| *user != 0).map(AccountId);
    let entry = MessageEntry::new(std::str::from_utf8(cursor.0).ok()?)?;
    Some(MessageAnnotationId { uid, user, entry })
}

/// u64 MODSEQ of the message when it was set, octets of the value.
pub fn message_annotation(mod_seq: ModSeq, value: &[u8]) -> Vec<u8> {
    [&mod_seq.0.to_be_bytes()[..], value].concat()
}

pub fn read_message_annotation(value: &Value) -> Option<(ModSeq, Value)> {
    let mod_seq = Cursor(value).u64()?;
    Some((ModSeq(mod_seq), Value::from(value.get(8..)?)))
}

/// The key of a kept message.
pub fn expunged_key(message: &ExpungedMessage) -> Vec<u8> {
    let secs = message.expunged_secs.max(0) as u64;
    [&numbered_long(b'e', secs)[..], &message.record.uid.get().to_be_bytes()].concat()
}

pub fn expunged(message: &ExpungedMessage) -> Vec<u8> {
    self::message(&message.record, &message.flags)
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

pub fn read_expunged(key: &[u8], value: &[u8]) -> Option<ExpungedMessage> {
    let expunged_secs = Cursor(key.get(1..)?).u64()? as i64;
    let (record, flags) = read_message(value)?;
    Some(ExpungedMessage { expunged_secs, record, flags })
}

pub fn due_key(due: &Due) -> Vec<u8> {
    let mut key = numbered(b'e', due.day);
    key.extend(due.account.0.to_be_bytes());
    key.extend(due.mailbox.0.to_be_bytes());
    key
}

pub fn read_due(key: &[u8]) -> Option<Due> {
    let mut cursor = Cursor(key.get(1..)?);
    Some(Due { day: cursor.u32()?, account: AccountId(cursor.u64()?), mailbox: MailboxId(cursor.u64()?) })
}

pub fn url_key_key((account, mailbox): (AccountId, MailboxId)) -> Vec<u8> {
    let mut key = numbered_long(b'u', account.0);
    key.extend(mailbox.0.to_be_bytes());
    key
}

pub fn read_url_key(key: &[u8], value: &[u8]) -> Option<((AccountId, MailboxId), UrlKey)> {
    let mut cursor = Cursor(key.get(1..)?);
    let entry = (AccountId(cursor.u64()?), MailboxId(cursor.u64()?));
    Some((entry, UrlKey(value.try_into().ok()?)))
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

fn special_use_code(of: SpecialUse) -> u8 {
    SpecialUse::ALL.iter().position(|known| *known == of).unwrap_or(0) as u8
}

fn special_uses(out: &mut Vec<u8>, uses: &[SpecialUse]) {
    out.push(uses.len() as u8);
    out.extend(uses.iter().map(|of| special_use_code(*of)));
}

fn read_special_uses(cursor: &mut Cursor<'_>) -> Option<Vec<SpecialUse>> {
    let uses = cursor.u8()?;
    (0..uses).map(|_| SpecialUse::ALL.get(usize::from(cursor.u8()?)).copied()).collect()
}

pub fn deleted(mailbox: &DeletedMailbox) -> Vec<u8> {
    let mut out = mailbox.deleted_secs.to_be_bytes().to_vec();
    special_uses(&mut out, &mailbox.special_use);
    out.extend(mailbox.name.as_str().as_bytes());
    out
}

pub fn read_deleted(key: &[u8], cursor: &mut Cursor<'_>) -> Option<DeletedMailbox> {
    let id = MailboxId(Cursor(key.get(1..)?).u64()?);
    let (deleted_secs, special_use) = (cursor.u64()? as i64, read_special_uses(cursor)?);
    let name = MailboxName::new(std::str::from_utf8(std::mem::take(&mut cursor.0)).ok()?).ok()?;
    Some(DeletedMailbox { id, deleted_secs, name, special_use })
}

pub fn node(node: &MailboxNode) -> Vec<u8> {
    let mut out = node.id.map_or(0, |id| id.0).to_be_bytes().to_vec();
    special_uses(&mut out, &node.special_use);
    out
}

pub fn read_node(name: &[u8], cursor: &mut Cursor<'_>) -> Option<MailboxNode> {
    let name = MailboxName::new(std::str::from_utf8(name).ok()?).ok()?;
    let id = Some(cursor.u64()?).filter(|id| *id != 0).map(MailboxId);
    Some(MailboxNode { name, id, special_use: read_special_uses(cursor)? })
}

pub fn read_account_name(key: &[u8]) -> Option<AccountName> {
    AccountName::new(std::str::from_utf8(key).ok()?)
}

/// The UID of a key `a` or `t`.
pub fn uid_of(key: &[u8]) -> Option<Uid> {
    let mut cursor = Cursor(key.get(1..)?);
    cursor.uid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        let uid = Uid::new(77).unwrap();
        let date = InternalDate { secs: -5, zone_mins: -480 };
        let record = MessageRecord {
            uid,
            blob: BlobId([7; 32]),
            size: 9,
            internal_date: date,
            sent_date: date,
            saved_secs: 4,
        };
        let encoded = records(&[record, record]);
        assert_eq!(encoded.len(), 2 * RECORD_BYTES);
        let mut back = Vec::new();
        decode(String::new, &encoded, |c| read_records(c, &mut back)).unwrap();
        assert_eq!(back, [record, record]);

        let further = [KeywordId(119), KeywordId(65_535)];
        let all = [0, 1, 0x1ff, u128::MAX >> 1, 1 << 126].map(|bits| Flags::from(FlagBits(bits)));
        for flags in all.iter().cloned().chain(all.iter().map(|plain| Flags::new(plain.bits(), further))) {
            let record = FlagRecord { uid, flags, mod_seq: ModSeq(1 << 60) };
            let mut back = Vec::new();
            let encoded = super::flags(&[record.clone(), record.clone()]);
            decode(String::new, &encoded, |c| read_flags(c, &mut back)).unwrap();
            assert_eq!(back, [record.clone(), record]);
        }
        let node = MailboxNode {
            name: MailboxName::new("a/b").unwrap(),
            id: Some(MailboxId(3)),
            special_use: vec![SpecialUse::Trash],
        };
        assert_eq!(decode(String::new, &super::node(&node), |c| read_node(b"a/b", c)).unwrap(), node);
    }

    #[test]
    fn short_values_are_corrupt() {
        let encoded = records(&[]);
        assert!(decode(String::new, &encoded, |c| read_records(c, &mut Vec::new())).is_ok());
        assert!(decode(String::new, &[0; 67], |c| read_records(c, &mut Vec::new())).is_err());
        assert!(decode(String::new, &[0; 52], read_header).is_err());
        assert!(
            decode(String::new, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 17], |c| read_flags(c, &mut vec![])).is_err()
        );
    }
}

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
//! | server    | `m` str entry           | annotation of the server that all share, see below |
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
//! | mailbox   | `h`                     | header: 80 octets, or 200, see below |
//! | mailbox   | `e` u64 seconds, u32 UID | expunged then and kept: its record and its flags, one behind the other |
//! | mailbox   | `k` u16 KeywordId       | str keyword |
//! | mailbox   | `n` u32 UID, u64 AccountId, str entry | annotation of a message, for that user, or shared (0), see below |
//! | mailbox   | `d` u32 leaf            | leaf entry: 24 octets, or 50, see below; for each leaf that has messages |
//! | mailbox   | `r` u32 page            | records of messages, 68 octets each, see below |
//! | mailbox   | `v` u32 page            | flags of messages, see below |
//! | mailbox   | `a` u32 UID             | a message that stands beside its page: its record and its flags, one behind the other |
//! | mailbox   | `t` u32 UID             | summary of the message, opaque (`mime::Summary`); made again where there is none |
//! | mailbox   | `c` u32 page            | digest of the page, opaque (`mailbox::digest_record`); of some that can get no more messages |
//! | mailbox   | `z`                     | empty: deleted; missing where a version before this key deleted it |
//! | mailbox   | `x` u64 MODSEQ          | UIDs that vanished under it, and maybe before: each u32 first, u32 last |
//!
//! * header: u32 uid_validity, u32 uid_next, u64 highest_mod_seq, u64 mod_seq_reserved, u32 messages, u32 unseen, u32 deleted,
//!   u64 bytes, u32 recent_from, u64 deleted_bytes, u32 kept_messages, u64 kept_bytes, u32 unseen_media, i64 oldest: 80 octets.
//!   The sums are of the messages that everybody sees; where there are others, those of each class of them follow
//!   (`types::Class`): u32 messages, u32 unseen, u32 deleted, u64 bytes, u64 deleted_bytes, u32 unseen_media, i64 oldest, 40
//!   octets for each class.
//! * leaf entry: u16 messages, u16 unseen, u32 last uid, u64 highest mod_seq, i64 oldest: 24 octets. The date is of the messages
//!   that everybody sees; where there are others, u16 of them, and i64 oldest of each class of them follow: 50 octets.
//! * record: u32 uid, 32 octets hash, u32 size, i64 internal date, i16 zone, i64 sent date, i16 zone, i64 saved: 68 octets.
//! * flags: u32 uid, u64 mod_seq, u8 n, the lower n octets of the flag bits: most messages have few keywords. Where the last bit
//!   says that there are others, u16 how many of them and u16 each `KeywordId`, ascending, follow.
//! * annotation: u16 length, the entry as it was spelled, octets of the value. The entry in its key is folded.
//! * annotation of a message: u64 MODSEQ of the message when it was set, octets of the value.
//!
//! An engine adds what is its own: see `embedded`.

mod account;
mod annotations;
mod cursor;
mod mailbox;
mod messages;
mod server;

pub use account::{
    acl, deleted, node, quota, read_acl, read_class, read_deleted, read_node, read_quota, read_settings,
    read_url_key, settings, url_key_key,
};
pub use annotations::{
    annotated, annotated_for, annotation, annotation_key, message_annotation, message_annotation_key,
    read_annotation, read_annotation_key, read_message_annotation, read_message_annotation_key,
};
pub use cursor::{Cursor, decode};
pub use mailbox::{
    header, keyword_key, leaf_entry, read_header, read_keyword, read_leaf_entry, read_vanished, vanished,
};
pub use messages::{
    RECORD_BYTES, expunged, expunged_key, flags, message, read_bits, read_expunged, read_flags, read_message,
    read_records, records, uid_of,
};
pub use server::{alert, due_key, read_account_name, read_alert, read_due};

/// The format that this version writes, and the latest that it reads.
pub const FORMAT: u32 = 4;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::model::{FlagRecord, MailboxNode, MessageRecord};
    use crate::types::{
        BlobId, FlagBits, Flags, InternalDate, KeywordId, MailboxId, MailboxName, ModSeq, SpecialUse, Uid,
    };

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

//! Annotations: of the server, of mailboxes, of messages.

use super::cursor::Cursor;
use super::{numbered, numbered_long};
use crate::store::engine::Value;
use crate::store::model::{Annotated, Annotation, MessageAnnotationId};
use crate::types::{AccountId, EntryName, MailboxId, MailboxName, MessageEntry, ModSeq};

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

pub fn message_annotation(mod_seq: ModSeq, value: &[u8]) -> Vec<u8> {
    [&mod_seq.0.to_be_bytes()[..], value].concat()
}

pub fn read_message_annotation(value: &Value) -> Option<(ModSeq, Value)> {
    let mod_seq = Cursor(value).u64()?;
    Some((ModSeq(mod_seq), Value::from(value.get(8..)?)))
}

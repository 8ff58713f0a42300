//! What is of an account.

use super::cursor::Cursor;
use super::numbered_long;
use crate::store::model::{AccountSettings, Acl, DeletedMailbox, MailboxNode, QuotaLimits, UrlKey};
use crate::types::{AccountId, MailboxClass, MailboxId, MailboxName, Rights, SpecialUse};

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

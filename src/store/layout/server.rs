//! What is of the server.

use super::cursor::Cursor;
use super::numbered;
use crate::store::model::{Alert, AlertScope, Due};
use crate::types::{AccountId, AccountName, MailboxId};

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

pub fn read_account_name(key: &[u8]) -> Option<AccountName> {
    AccountName::new(std::str::from_utf8(key).ok()?)
}

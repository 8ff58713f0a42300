//! An account's tree, item by item as `layout` has them.

use super::engine::Value;
use super::layout::{self, Cursor};
use super::model::{AccountImage, AccountSettings, QuotaLimits, Version};
use crate::types::{MailboxId, MailboxName};

/// Kinds of items of which there are many, in the order in which they are read.
pub(super) const LISTED: [u8; 7] = *b"nsgluyk";

/// Kinds of which there is one.
pub(super) const SINGLE: [u8; 5] = *b"zxvqc";

impl AccountImage {
    /// Of an account that has never been used.
    pub(super) fn empty(version: Version) -> AccountImage {
        AccountImage {
            version,
            removed: false,
            nodes: Vec::new(),
            subscriptions: Vec::new(),
            deleted: Vec::new(),
            quota: QuotaLimits::default(),
            acls: Vec::new(),
            aliases: Vec::new(),
            certificate: None,
            url_keys: Vec::new(),
            classes: Vec::new(),
            settings: AccountSettings::default(),
            next_mailbox: 1,
            last_uid_validity: 0,
        }
    }

    /// Adds one of many; `None` for what is corrupt.
    pub(super) fn add_item(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let (kind, rest) = key.split_first()?;
        let mailbox = || Cursor(rest).u64().map(MailboxId);
        match kind {
            b'n' => self.nodes.push(whole(value, |c| layout::read_node(rest, c))?),
            b's' => self.subscriptions.push(text(rest)?),
            b'g' => self.deleted.push(whole(value, |c| layout::read_deleted(key, c))?),
            b'l' => self.acls.push((mailbox()?, whole(value, layout::read_acl)?)),
            b'u' => self.url_keys.push(layout::read_url_key(key, value)?),
            b'y' => self.aliases.push((MailboxName::new(&text(rest)?).ok()?, text(value)?)),
            b'k' => self.classes.push((mailbox()?, whole(value, layout::read_class)?)),
            _ => return None,
        }
        Some(())
    }

    /// Sets what there is one of; `None` for what is corrupt.
    pub(super) fn set_item(&mut self, kind: u8, value: Value) -> Option<()> {
        match kind {
            b'z' => self.removed = true,
            b'x' => self.certificate = Some(value),
            b'v' => self.settings = whole(&value, layout::read_settings)?,
            b'q' => self.quota = whole(&value, layout::read_quota)?,
            b'c' => (self.next_mailbox, self.last_uid_validity) = whole(&value, |c| Some((c.u64()?, c.u32()?)))?,
            _ => return None,
        }
        Some(())
    }
}

/// What is read of all of a value.
fn whole<T>(value: &[u8], read: impl FnOnce(&mut Cursor<'_>) -> Option<T>) -> Option<T> {
    let mut cursor = Cursor(value);
    read(&mut cursor).filter(|_| cursor.is_empty())
}

fn text(octets: &[u8]) -> Option<String> {
    String::from_utf8(octets.to_vec()).ok()
}

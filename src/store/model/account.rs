//! An account: its tree of mailboxes, and what stands beside it.

use super::super::engine::Value;
use super::commit::Version;
use crate::types::{AccountId, EntryName, MailboxClass, MailboxId, MailboxName, Rights, SpecialUse};

/// A name in an account's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxNode {
    pub name: MailboxName,
    /// `None` for a name that only holds others (`\Noselect`).
    pub id: Option<MailboxId>,
    pub special_use: Vec<SpecialUse>,
}

/// A mailbox that was deleted and is kept until `Keep Expunged` is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedMailbox {
    pub id: MailboxId,
    /// Seconds since 1970.
    pub deleted_secs: i64,
    /// The name that it had.
    pub name: MailboxName,
    pub special_use: Vec<SpecialUse>,
}

/// An access control list: identifiers and their rights. RFC 4314
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl(pub Vec<(String, Rights)>);

/// What an account may have: 0 for any number, `None` where a wider setting says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaLimits {
    pub storage_bytes: Option<u64>,
    pub messages: Option<u64>,
    pub mailboxes: Option<u64>,
}

impl QuotaLimits {
    /// These limits, and where none is set those of a wider setting.
    pub fn or(self, wider: QuotaLimits) -> QuotaLimits {
        QuotaLimits {
            storage_bytes: self.storage_bytes.or(wider.storage_bytes),
            messages: self.messages.or(wider.messages),
            mailboxes: self.mailboxes.or(wider.mailboxes),
        }
    }
}

/// What an account says otherwise than its domain or the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountSettings {
    /// Whether LIST shows mailboxes that hold no mail. CommuniGate Pro
    pub show_non_mail: Option<bool>,
}

/// What an annotation stands at, within an account. RFC 5464 3.1
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Annotated {
    /// The server itself, as this account's user sees it.
    Account,
    Mailbox(MailboxId),
    /// A name that only holds others.
    Holder(MailboxName),
}

/// An entry with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    pub entry: EntryName,
    pub value: Vec<u8>,
}

/// Gives an entry a value, or takes it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotate {
    pub at: Annotated,
    /// Whose value it is; `None` for a shared one.
    pub user: Option<AccountId>,
    pub entry: EntryName,
    pub value: Option<Vec<u8>>,
}

/// A mailbox access key: shown by nothing. RFC 4467 2.2
#[derive(Clone, PartialEq, Eq)]
pub struct UrlKey(pub [u8; 32]);

impl std::fmt::Debug for UrlKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UrlKey")
    }
}

/// An account's mailbox tree, in the order of the names.
#[derive(Clone, Debug)]
pub struct AccountImage {
    pub version: Version,
    /// Nothing of it is there any more, nor ever will be.
    pub removed: bool,
    pub nodes: Vec<MailboxNode>,
    /// Any name, whether such a mailbox exists or not.
    pub subscriptions: Vec<String>,
    pub deleted: Vec<DeletedMailbox>,
    pub quota: QuotaLimits,
    pub acls: Vec<(MailboxId, Acl)>,
    /// An alias and the name that it stands for, the owner's or a foreign one.
    pub aliases: Vec<(MailboxName, String)>,
    /// The S/MIME certificate, in DER.
    pub certificate: Option<Value>,
    /// By the mailbox that each is for; account 0 is this one.
    pub url_keys: Vec<((AccountId, MailboxId), UrlKey)>,
    /// Of the mailboxes that have been given one.
    pub classes: Vec<(MailboxId, MailboxClass)>,
    pub settings: AccountSettings,
    /// The next `MailboxId` to issue; ids below it are used up.
    pub next_mailbox: u64,
    /// UIDVALIDITY of the mailbox created last; the next one's is larger.
    pub last_uid_validity: u32,
}

impl AccountImage {
    /// All mailboxes that have messages of the account, deleted ones that are kept included.
    pub fn mailboxes(&self) -> impl Iterator<Item = MailboxId> {
        let named = self.nodes.iter().filter_map(|node| node.id);
        named.chain(self.deleted.iter().map(|deleted| deleted.id))
    }
}

//! What the configuration says of mailboxes, quotas aside; another one may come while the server runs.

use std::collections::HashMap;

use super::account::Account;
use super::error::MailboxError;
use super::manager::Manager;
use super::planning::Plan;
use crate::store::{AccountChange, AccountSettings};

#[derive(Clone, Debug, Default)]
pub struct MailboxPolicy {
    /// A URI by which the administrator can be reached. RFC 5464 3.2.1.1 (/shared/admin)
    pub contact: Option<String>,
    /// Whether LIST shows mailboxes that hold no mail, where nothing nearer says otherwise. CommuniGate Pro
    pub show_non_mail: bool,
    /// By domain, in small letters.
    pub show_non_mail_of: HashMap<String, bool>,
}

impl Manager {
    pub fn set_mailbox_policy(&self, policy: MailboxPolicy) {
        let before = std::mem::replace(&mut *self.shared().policy.write(), policy.clone());
        if before.contact != policy.contact {
            self.contact_changed();
        }
    }
}

impl Account {
    pub fn set_settings(&self, settings: AccountSettings) -> Result<(), MailboxError> {
        self.change(|_| Ok(Plan { changes: vec![AccountChange::Settings(settings)], ..Plan::default() }))
    }

    /// Whether LIST shows this user mailboxes that hold no mail: by the account's own setting, its domain's, or that of all.
    pub fn shows_non_mail(&self) -> bool {
        let policy = self.shared.policy.read();
        let of_domain = || self.name().domain().and_then(|domain| policy.show_non_mail_of.get(domain)).copied();
        self.tree().settings().show_non_mail.or_else(of_domain).unwrap_or(policy.show_non_mail)
    }
}

//! Verbs for mailboxes and their aliases.

use serde_json::{Value, json};

use super::failed::{EX_DATAERR, Failed};
use super::telling::Telling;
use super::verbs::{Verbs, account_name, mailbox_name, new_mailbox_name};
use super::wire::Wire;
use crate::types::{MailboxClass, MailboxName};

/// The class that a request names.
pub(super) fn class(request: &Value) -> Result<Option<MailboxClass>, Failed> {
    let Some(name) = request["class"].as_str() else { return Ok(None) };
    let wrong = || Failed::new(EX_DATAERR, format!("'{name}' is no class: printable ASCII of at most 255 octets"));
    MailboxClass::new(name).map(Some).ok_or_else(wrong)
}

impl Verbs {
    pub(super) fn mailbox_list(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        let account = self.account(request)?;
        let tree = account.tree();
        for (name, node) in tree.nodes().filter(|(_, node)| node.id.is_some()) {
            let header = account.mailbox(name)?.header()?.sums.all();
            let uses: Vec<&str> = node.special_use.iter().map(|of| of.name()).collect();
            wire.send(&json!({ "row": {
                "mailbox": name.as_str(), "messages": header.messages, "unseen": header.unseen, "bytes": header.bytes,
                "use": uses.join(" "), "class": account.class(name)?.as_str(),
            } }))?;
        }
        Ok(json!({}))
    }

    pub(super) fn mailbox_create(&self, request: &Value) -> Result<Value, Failed> {
        // An account may get its mailboxes before its first login.
        let account = self.manager.account(&account_name(request)?)?;
        account.create_of_class(&new_mailbox_name(request, "mailbox")?, &[], class(request)?.as_ref())?;
        Ok(json!({}))
    }

    /// Sets the class where one is named; says which it is.
    pub(super) fn mailbox_class(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        let (account, name) = (self.account(request)?, mailbox_name(request, "mailbox")?);
        if let Some(class) = class(request)? {
            account.set_class(&name, &class).map_err(Failed::of(&name))?;
        }
        let class = account.class(&name).map_err(Failed::of(&name))?;
        wire.send(&json!({ "row": { "mailbox": name.as_str(), "class": class.as_str() } }))?;
        Ok(json!({}))
    }

    pub(super) fn mailbox_rename(&self, request: &Value) -> Result<Value, Failed> {
        let name = mailbox_name(request, "mailbox")?;
        let renamed = self.account(request)?.rename(&name, &new_mailbox_name(request, "to")?);
        renamed.map_err(Failed::of(&name))?;
        Ok(json!({}))
    }

    pub(super) fn mailbox_remove(&self, request: &Value) -> Result<Value, Failed> {
        let name = mailbox_name(request, "mailbox")?;
        self.account(request)?.delete(&name).map_err(Failed::of(&name))?;
        Ok(json!({}))
    }

    pub(super) fn undelete(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        let account = self.account(request)?;
        let only = request["mailbox"].as_str().map(|_| mailbox_name(request, "mailbox")).transpose()?;
        let (since_secs, mut telling) = (request["since"].as_i64().unwrap_or(0), Telling::new("an undelete", wire));
        let undeleted = account.undelete(only.as_ref(), since_secs, &mut |so_far| telling.tell(so_far.messages));
        let undeleted = match &only {
            Some(name) => undeleted.map_err(Failed::of(name))?,
            None => undeleted?,
        };
        let mailboxes: Vec<&str> = undeleted.mailboxes.iter().map(MailboxName::as_str).collect();
        Ok(json!({ "mailboxes": mailboxes, "messages": undeleted.messages, "unread": undeleted.unread }))
    }

    pub(super) fn alias_add(&self, request: &Value) -> Result<Value, Failed> {
        let account = self.manager.account(&account_name(request)?)?;
        account.put_alias(&new_mailbox_name(request, "alias")?, mailbox_name(request, "mailbox")?.as_str())?;
        Ok(json!({}))
    }

    pub(super) fn alias_remove(&self, request: &Value) -> Result<Value, Failed> {
        self.account(request)?.remove_alias(&mailbox_name(request, "alias")?)?;
        Ok(json!({}))
    }

    pub(super) fn alias_list(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        for (alias, name) in self.account(request)?.tree().aliases() {
            wire.send(&json!({ "row": { "alias": alias.as_str(), "mailbox": name } }))?;
        }
        Ok(json!({}))
    }
}

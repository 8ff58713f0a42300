//! Verbs for the store as a whole: whether all is well with it, a copy of it, and what it takes up.

use std::path::Path;

use serde_json::{Value, json};

use super::failed::{EX_IOERR, EX_NOUSER, Failed};
use super::telling::Telling;
use super::verbs::Verbs;
use super::wire::Wire;
use super::{copied_json, in_use, unread_json};
use crate::mailbox::describe;
use crate::store::{Checked, Copied, CopyPlace, Mode, StoreError};
use crate::sys::now_secs;
use crate::types::{AccountName, MailboxName};

impl Verbs {
    pub(super) fn check(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        let repair = request["repair"].as_bool() == Some(true);
        let mode = if repair { Mode::Repair(|octets| describe(octets)) } else { Mode::Verify };
        let store = self.manager.store();
        let (findings, doubtful) = (self.mended.findings.clone(), self.mended.doubtful.clone());
        // What has been mended is only whole when all that is doubtful has been dealt with.
        let only = request["account"].as_str().filter(|_| doubtful.is_empty());
        let mut checked = Checked { findings, doubtful, ..Checked::default() };
        self.manager.settle();
        let mut telling = Telling::new("a check", wire);
        for (name, id) in store.accounts()? {
            if only.is_some_and(|only| only != name.as_str()) {
                continue;
            }
            store.check_account(&name, id, mode, &mut checked, &mut |checked| telling.tell(checked.messages))?;
        }
        if let (Some(only), 0) = (only, checked.accounts) {
            return Err(Failed::new(EX_NOUSER, format!("the account '{only}' has no mail here")));
        }
        if repair {
            self.mended.done()?;
            store.clean_up()?;
        }
        for finding in &checked.findings {
            let mailbox = finding.mailbox.as_ref().map(MailboxName::as_str);
            wire.send(&json!({ "row": {
                "account": finding.account.as_ref().map(AccountName::as_str), "mailbox": mailbox, "finding": finding.what,
                "mendable": finding.mendable, "repaired": finding.repaired,
            } }))?;
        }
        Ok(json!({
            "accounts": checked.accounts, "mailboxes": checked.mailboxes, "messages": checked.messages,
            "bytes": checked.bytes, "findings": checked.findings.len(), "broken": checked.broken,
            "daemon": self.registry.is_some(),
        }))
    }

    /// Copies the store, as it is now, to a directory that is the daemon's.
    pub(super) fn backup(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        let directory = Path::new(request["directory"].as_str().unwrap_or(""));
        let failed = |error: StoreError| match error {
            StoreError::Full => Failed::new(EX_IOERR, format!("{}: no space is left there", directory.display())),
            error => Failed::new(EX_IOERR, format!("{}: {error}", directory.display())),
        };
        let place = CopyPlace::open(directory, self.manager.store()).map_err(|error| match error {
            StoreError::InUse { .. } => in_use(directory),
            error => failed(error),
        })?;
        self.manager.settle();
        let mut telling = Telling::new("a backup", wire);
        let mut progress = |copied: &Copied| telling.tell(copied.messages);
        let copied = self.manager.store().copy_to(place.store(), now_secs(), &mut progress).map_err(failed)?;
        place.is_whole().map_err(failed)?;
        for unread in &copied.unread {
            wire.send(&json!({ "row": unread_json(unread) }))?;
        }
        Ok(copied_json(&copied))
    }

    pub(super) fn space(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        let (store, only) = (self.manager.store(), request["account"].as_str());
        let accounts =
            store.accounts()?.into_iter().filter(|(name, _)| only.is_none_or(|only| only == name.as_str()));
        let (mut count, mut lacking) = (0, Vec::new());
        for (name, id) in accounts {
            count += 1;
            let (space, unread) = store.frozen()?.space(&name, id);
            lacking.extend(unread.iter().map(unread_json));
            if unread.iter().any(|unread| unread.mailbox.is_none()) {
                continue;
            }
            wire.send(&json!({ "row": {
                "account": name.as_str(), "mailboxes": space.mailboxes, "messages": space.messages,
                "bytes": space.bytes, "kept_messages": space.kept_messages, "kept_bytes": space.kept_bytes,
                "stored_bytes": space.stored_bytes,
            } }))?;
            wire.send(&json!({ "progress": count })).and_then(|()| wire.flush())?;
        }
        match (only, count) {
            (Some(only), 0) => Err(Failed::new(EX_NOUSER, format!("the account '{only}' has no mail here"))),
            _ => Ok(json!({ "disk_bytes": store.figures().disk_bytes, "unread": lacking })),
        }
    }
}

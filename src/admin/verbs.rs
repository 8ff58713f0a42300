//! What an admin can ask for.
//!
//! Answers: `{"progress": n, "of": m}` now and then, rows `{"row": {...}}`, and at the end `{"ok": {...}}` or
//! `{"error": "...", "exit": n}` with an exit code of sysexits(3).

use std::io;
use std::sync::Arc;

use serde_json::{Value, json};

use super::failed::{EX_DATAERR, EX_NOUSER, EX_UNAVAILABLE, EX_USAGE, Failed};
use super::wire::Wire;
use super::{transfer, who};
use crate::mailbox::{Account, Manager};
use crate::net::{Registry, SessionInfo};
use crate::store::Mended;
use crate::sys::{Signal, Signals};
use crate::types::{AccountName, MailboxName};

pub(super) struct Verbs {
    pub(super) manager: Arc<Manager>,
    /// Of the daemon; `None` where none runs.
    pub(super) registry: Option<Arc<Registry>>,
    /// What was done about the store's files when it was opened for a repair.
    pub(super) mended: Mended,
}

impl Verbs {
    pub(super) fn answer(&self, request: &Value, wire: &mut Wire) -> io::Result<()> {
        let verb = request["verb"].as_str().unwrap_or("");
        let result = match verb {
            "who" => self.registry().and_then(|registry| who::who(registry, request, wire)),
            "kick" => self.kick(request),
            "reload" => self.signal(Signal::Reload),
            "stop" => self.signal(Signal::Stop),
            "mailbox list" => self.mailbox_list(request, wire),
            "mailbox create" => self.mailbox_create(request),
            "mailbox class" => self.mailbox_class(request, wire),
            "account settings" => self.account_settings(request, wire),
            "mailbox rename" => self.mailbox_rename(request),
            "mailbox remove" => self.mailbox_remove(request),
            "account remove" => self.account_remove(request),
            "import" => transfer::import(self, request, wire),
            "export" => transfer::export(self, request, wire),
            "check" => self.check(request, wire),
            "undelete" => self.undelete(request, wire),
            "backup" => self.backup(request, wire),
            "space" => self.space(request, wire),
            "restore name" => self.restore_name(request, wire),
            "restore account" => self.restore_account(request, wire),
            "certificate set" => self.certificate_set(request),
            "certificate show" => self.certificate_show(request, wire),
            "alert post" => self.alert_post(request),
            "alert list" => self.alert_list(wire),
            "alert remove" => self.alert_remove(request),
            "alias add" => self.alias_add(request),
            "alias remove" => self.alias_remove(request),
            "alias list" => self.alias_list(request, wire),
            "quota show" => self.quota(request, wire, |account| Ok(account.quota()?)),
            "quota recount" => self.quota(request, wire, |account| Ok(account.recount()?)),
            "quota set" => self.quota_set(request, wire),
            other => Err(Failed::new(EX_USAGE, format!("unknown request '{other}'"))),
        };
        wire.send(&match result {
            Ok(value) => json!({ "ok": value }),
            Err(failed) => json!({ "error": failed.text, "exit": failed.exit }),
        })
    }

    fn registry(&self) -> Result<&Arc<Registry>, Failed> {
        self.registry.as_ref().ok_or_else(|| Failed::new(EX_UNAVAILABLE, "no gatepostd is running here"))
    }

    /// By session tag or by account.
    fn kick(&self, request: &Value) -> Result<Value, Failed> {
        let whom = request["whom"].as_str().unwrap_or("").to_lowercase();
        let matching = |session: &&Arc<SessionInfo>| {
            (!whom.is_empty() && session.user() == whom) || format!("imap-{:05}", session.id) == whom
        };
        let sessions = self.registry()?.sessions();
        let kicked = sessions.iter().filter(matching).map(|session| session.end()).count();
        match kicked {
            0 => Err(Failed::new(EX_NOUSER, format!("no session of '{whom}'; gatepostctl who lists them"))),
            kicked => Ok(json!({ "kicked": kicked })),
        }
    }

    fn signal(&self, signal: Signal) -> Result<Value, Failed> {
        self.registry()?;
        Signals::raise(signal);
        Ok(json!({}))
    }

    /// The account that a request names, where it has mail here.
    pub(super) fn account(&self, request: &Value) -> Result<Arc<Account>, Failed> {
        let name = account_name(request)?;
        let account = self.manager.existing_account(&name)?;
        account.ok_or_else(|| Failed::new(EX_NOUSER, format!("the account '{name}' has no mail here")))
    }
}

pub(super) fn account_name(request: &Value) -> Result<AccountName, Failed> {
    let name = request["account"].as_str().unwrap_or("");
    AccountName::new(name).ok_or_else(|| Failed::new(EX_DATAERR, format!("'{name}' is no account name")))
}

pub(super) fn mailbox_name(request: &Value, key: &str) -> Result<MailboxName, Failed> {
    let name = request[key].as_str().unwrap_or("");
    MailboxName::new(name).map_err(|error| Failed::new(EX_DATAERR, format!("'{name}': {error}")))
}

/// A name that there may not be yet. One that begins with `~` no client could reach: it means another account's mailbox.
pub(super) fn new_mailbox_name(request: &Value, key: &str) -> Result<MailboxName, Failed> {
    let name = mailbox_name(request, key)?;
    match name.as_str().starts_with('~') {
        true => Err(Failed::new(
            EX_DATAERR,
            format!("'{name}': ~ begins names of mailboxes of others; name their account"),
        )),
        false => Ok(name),
    }
}

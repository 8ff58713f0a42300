//! What an admin can ask for.
//!
//! Answers: `{"progress": n, "of": m}` now and then, rows `{"row": {...}}`, and at the end `{"ok": {...}}` or
//! `{"error": "...", "exit": n}` with an exit code of sysexits(3).

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::copied_json;
use super::wire::Wire;
use super::{mailboxes, transfer, who};
use crate::mailbox::{Account, AlertScope, MailboxError, Manager, Quota, QuotaLimits, describe};
use crate::net::Registry;
use crate::store::{Checked, Copied, Mended, Mode, Options, Store, StoreError};
use crate::sys::{Signal, Signals, now_secs};
use crate::types::{AccountName, MailboxName};

/// sysexits(3)
pub(super) const EX_USAGE: u8 = 64;
pub(super) const EX_DATAERR: u8 = 65;
pub(super) const EX_NOUSER: u8 = 67;
pub(super) const EX_UNAVAILABLE: u8 = 69;
pub(super) const EX_SOFTWARE: u8 = 70;
pub(super) const EX_CANTCREAT: u8 = 73;
pub(super) const EX_IOERR: u8 = 74;
pub(super) const EX_NOPERM: u8 = 77;
pub(super) const EX_CONFIG: u8 = 78;

/// Why a request is refused, and what the tool exits with.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) text: String,
    pub(super) exit: u8,
}

impl Failed {
    pub(super) fn new(exit: u8, text: impl Into<String>) -> Failed {
        Failed { text: text.into(), exit }
    }
}

impl From<MailboxError> for Failed {
    fn from(error: MailboxError) -> Failed {
        let exit = match &error {
            MailboxError::Refused(_) => EX_CANTCREAT,
            MailboxError::Store(_) => EX_IOERR,
        };
        Failed::new(exit, error.to_string())
    }
}

impl From<crate::store::StoreError> for Failed {
    fn from(error: crate::store::StoreError) -> Failed {
        Failed::new(EX_IOERR, error.to_string())
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        Failed::new(EX_IOERR, error.to_string())
    }
}

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
            "undelete" => self.undelete(request),
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
        let matching = |session: &&Arc<crate::net::SessionInfo>| {
            session.user() == whom || format!("imap-{:05}", session.id) == whom
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

    fn mailbox_list(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
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

    fn mailbox_create(&self, request: &Value) -> Result<Value, Failed> {
        // An account may get its mailboxes before its first login.
        let account = self.manager.account(&account_name(request)?)?;
        account.create_of_class(&mailbox_name(request, "mailbox")?, &[], mailboxes::class(request)?.as_ref())?;
        Ok(json!({}))
    }

    /// Copies the store, as it is now, to a directory that is the daemon's.
    fn backup(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        let directory = Path::new(request["directory"].as_str().unwrap_or(""));
        let failed = |error: StoreError| Failed::new(EX_IOERR, format!("{}: {error}", directory.display()));
        let target = Store::open(directory, &Options::default()).map_err(failed)?;
        let mut said = 0;
        let mut progress = |copied: &Copied| {
            if copied.messages >= said + 100 {
                said = copied.messages;
                // A tool that has gone away is found out at the answer.
                let _ = wire.send(&json!({ "progress": said })).and_then(|()| wire.flush());
            }
        };
        self.manager.settle();
        let copied = self.manager.store().copy_to(&target, now_secs(), &mut progress).map_err(failed)?;
        Ok(copied_json(&copied))
    }

    fn space(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        let (store, only) = (self.manager.store(), request["account"].as_str());
        let accounts =
            store.accounts()?.into_iter().filter(|(name, _)| only.is_none_or(|only| only == name.as_str()));
        let mut count = 0;
        for (name, id) in accounts {
            let space = store.frozen()?.space(id)?;
            wire.send(&json!({ "row": {
                "account": name.as_str(), "mailboxes": space.mailboxes, "messages": space.messages,
                "bytes": space.bytes, "kept_messages": space.kept_messages, "kept_bytes": space.kept_bytes,
                "stored_bytes": space.stored_bytes,
            } }))?;
            count += 1;
            wire.send(&json!({ "progress": count })).and_then(|()| wire.flush())?;
        }
        match (only, count) {
            (Some(only), 0) => Err(Failed::new(EX_NOUSER, format!("the account '{only}' has no mail here"))),
            _ => Ok(json!({ "disk_bytes": store.figures().disk_bytes })),
        }
    }

    /// With `"certificate": null` it is taken away.
    fn certificate_set(&self, request: &Value) -> Result<Value, Failed> {
        let account = self.manager.account(&account_name(request)?)?;
        account.set_certificate(request["certificate"].as_str().map(str::as_bytes))?;
        Ok(json!({}))
    }

    fn certificate_show(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        let of = self.account(request)?.describe_certificate().map_err(MailboxError::from)?;
        let day = |secs| chrono::DateTime::from_timestamp(secs, 0).map(|at| at.format("%Y-%m-%d").to_string());
        let usable = of.unusable.map_or("yes".to_string(), |unusable| format!("no: {unusable}"));
        wire.send(&json!({ "row": {
            "subject": of.subject, "issuer": of.issuer, "from": day(of.not_before_secs),
            "to": day(of.not_after_secs), "key": of.key, "usable": usable, "sha256": of.sha256,
        } }))?;
        Ok(json!({}))
    }

    fn alert_post(&self, request: &Value) -> Result<Value, Failed> {
        let scope = match request["scope"].as_str() {
            Some("server") => AlertScope::Server,
            Some("domain") => AlertScope::Domain(request["name"].as_str().unwrap_or("").to_lowercase()),
            _ => AlertScope::Account(account_name(request)?),
        };
        let id = self.manager.post_alert(scope, request["text"].as_str().unwrap_or(""))?;
        Ok(json!({ "alert": id }))
    }

    fn alert_list(&self, wire: &mut Wire) -> Result<Value, Failed> {
        for alert in self.manager.alerts()? {
            let whom = match &alert.scope {
                AlertScope::Server => "server".to_string(),
                AlertScope::Domain(domain) => format!("domain {domain}"),
                AlertScope::Account(account) => format!("account {account}"),
            };
            wire.send(&json!({ "row": { "alert": alert.id, "for": whom, "text": alert.text } }))?;
        }
        Ok(json!({}))
    }

    fn alert_remove(&self, request: &Value) -> Result<Value, Failed> {
        let id = request["alert"].as_u64().unwrap_or(0);
        match self.manager.remove_alert(id)? {
            true => Ok(json!({})),
            false => Err(Failed::new(EX_NOUSER, format!("no alert {id}; gatepostctl alert list shows them"))),
        }
    }

    fn alias_add(&self, request: &Value) -> Result<Value, Failed> {
        let account = self.manager.account(&account_name(request)?)?;
        account.put_alias(&mailbox_name(request, "alias")?, mailbox_name(request, "mailbox")?.as_str())?;
        Ok(json!({}))
    }

    fn alias_remove(&self, request: &Value) -> Result<Value, Failed> {
        self.account(request)?.remove_alias(&mailbox_name(request, "alias")?)?;
        Ok(json!({}))
    }

    fn alias_list(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        for (alias, name) in self.account(request)?.tree().aliases() {
            wire.send(&json!({ "row": { "alias": alias.as_str(), "mailbox": name } }))?;
        }
        Ok(json!({}))
    }

    fn quota(
        &self,
        request: &Value,
        wire: &mut Wire,
        of: impl Fn(&Account) -> Result<Quota, Failed>,
    ) -> Result<Value, Failed> {
        let account = self.account(request)?;
        let quota = of(&account)?;
        for (name, resource) in
            [("storage", quota.storage), ("messages", quota.messages), ("mailboxes", quota.mailboxes)]
        {
            let percent = resource.limit.map(|limit| resource.used.saturating_mul(100) / limit.max(1));
            wire.send(&json!({ "row": {
                "resource": name, "used": resource.used, "limit": resource.limit, "percent": percent,
            } }))?;
        }
        Ok(json!({ "account": account.name().as_str() }))
    }

    /// What is not named stays; `null` takes the account's own limit away, so that the domain's is in force.
    fn quota_set(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        let account = self.manager.account(&account_name(request)?)?;
        let named = |name: &str, now: Option<u64>| request["limits"].get(name).map_or(now, Value::as_u64);
        account.change_quota(|now| QuotaLimits {
            storage_bytes: named("storage", now.storage_bytes),
            messages: named("messages", now.messages),
            mailboxes: named("mailboxes", now.mailboxes),
        })?;
        self.quota(request, wire, |account| Ok(account.quota()?))
    }

    fn mailbox_rename(&self, request: &Value) -> Result<Value, Failed> {
        self.account(request)?.rename(&mailbox_name(request, "mailbox")?, &mailbox_name(request, "to")?)?;
        Ok(json!({}))
    }

    fn mailbox_remove(&self, request: &Value) -> Result<Value, Failed> {
        self.account(request)?.delete(&mailbox_name(request, "mailbox")?)?;
        Ok(json!({}))
    }

    fn undelete(&self, request: &Value) -> Result<Value, Failed> {
        let account = self.account(request)?;
        let only = request["mailbox"].as_str().map(|_| mailbox_name(request, "mailbox")).transpose()?;
        let undeleted = account.undelete(only.as_ref(), request["since"].as_i64().unwrap_or(0))?;
        let mailboxes: Vec<&str> = undeleted.mailboxes.iter().map(MailboxName::as_str).collect();
        Ok(json!({ "mailboxes": mailboxes, "messages": undeleted.messages }))
    }

    /// Ends the account's sessions and removes its mail; whether there was any.
    fn account_remove(&self, request: &Value) -> Result<Value, Failed> {
        let name = account_name(request)?;
        if let Some(registry) = &self.registry {
            registry.sessions().iter().filter(|session| session.user() == name.as_str()).for_each(|s| s.end());
        }
        let had_mail = self.manager.remove_account(&name)?;
        Ok(json!({ "account": name.as_str(), "mail": had_mail }))
    }

    fn check(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        let repair = request["repair"].as_bool() == Some(true);
        let mode = if repair { Mode::Repair(|octets| describe(octets)) } else { Mode::Verify };
        let store = self.manager.store();
        let (findings, doubtful) = (self.mended.findings.clone(), self.mended.doubtful.clone());
        // What has been mended is only whole when all that is doubtful has been dealt with.
        let only = request["account"].as_str().filter(|_| doubtful.is_empty());
        let mut checked = Checked { findings, doubtful, ..Checked::default() };
        self.manager.settle();
        for (name, id) in store.accounts()? {
            if only.is_some_and(|only| only != name.as_str()) {
                continue;
            }
            let mut progress = |checked: &Checked| {
                // A tool that has gone away is found out at the next answer.
                let _ = wire.send(&json!({ "progress": checked.messages, "of": 0 })).and_then(|()| wire.flush());
            };
            store.check_account(&name, id, mode, &mut checked, &mut progress)?;
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
                "account": finding.account.as_ref().map(AccountName::as_str), "mailbox": mailbox, "finding": finding.what, "repaired": finding.repaired,
            } }))?;
        }
        Ok(json!({
            "accounts": checked.accounts, "mailboxes": checked.mailboxes, "messages": checked.messages,
            "bytes": checked.bytes, "findings": checked.findings.len(),
        }))
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

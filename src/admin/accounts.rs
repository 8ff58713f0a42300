//! Verbs for what an account has beside its mailboxes: settings, quota, certificate; and for its end.

use serde_json::{Value, json};

use super::failed::Failed;
use super::verbs::{Verbs, account_name};
use super::wire::Wire;
use crate::mailbox::{Account, MailboxError, Quota, QuotaLimits};

impl Verbs {
    /// Sets what is named, `null` for what the domain says; says what is in force.
    pub(super) fn account_settings(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        let account = self.manager.account(&account_name(request)?)?;
        let mut settings = account.tree().settings();
        if let Some(wanted) = request.get("show_non_mail") {
            settings.show_non_mail = wanted.as_bool();
            account.set_settings(settings)?;
        }
        let word = |shown: bool| if shown { "yes" } else { "no" };
        wire.send(&json!({ "row": {
            "setting": "Show Non-Mail Mailboxes", "own": settings.show_non_mail.map_or("default", word),
            "in force": word(account.shows_non_mail()),
        } }))?;
        Ok(json!({}))
    }

    pub(super) fn quota(
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
    pub(super) fn quota_set(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        let account = self.manager.account(&account_name(request)?)?;
        let named = |name: &str, now: Option<u64>| request["limits"].get(name).map_or(now, Value::as_u64);
        account.change_quota(|now| QuotaLimits {
            storage_bytes: named("storage", now.storage_bytes),
            messages: named("messages", now.messages),
            mailboxes: named("mailboxes", now.mailboxes),
        })?;
        self.quota(request, wire, |account| Ok(account.quota()?))
    }

    /// With `"certificate": null` it is taken away.
    pub(super) fn certificate_set(&self, request: &Value) -> Result<Value, Failed> {
        let account = self.manager.account(&account_name(request)?)?;
        account.set_certificate(request["certificate"].as_str().map(str::as_bytes))?;
        Ok(json!({}))
    }

    pub(super) fn certificate_show(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        let of = self.account(request)?.describe_certificate().map_err(MailboxError::from)?;
        let day = |secs| chrono::DateTime::from_timestamp(secs, 0).map(|at| at.format("%Y-%m-%d").to_string());
        let usable = of.unusable.map_or("yes".to_string(), |unusable| format!("no: {unusable}"));
        wire.send(&json!({ "row": {
            "subject": of.subject, "issuer": of.issuer, "from": day(of.not_before_secs),
            "to": day(of.not_after_secs), "key": of.key, "usable": usable, "sha256": of.sha256,
        } }))?;
        Ok(json!({}))
    }

    /// Ends the account's sessions and removes its mail; whether there was any.
    pub(super) fn account_remove(&self, request: &Value) -> Result<Value, Failed> {
        let name = account_name(request)?;
        if let Some(registry) = &self.registry {
            registry.sessions().iter().filter(|session| session.user() == name.as_str()).for_each(|s| s.end());
        }
        let had_mail = self.manager.remove_account(&name)?;
        Ok(json!({ "account": name.as_str(), "mail": had_mail }))
    }
}

//! What comes back of an account beside its messages: as it goes over the control socket, and the verbs that take it.
//!
//! A request says what can be said in a line, and how many annotations follow: each `{"entry", "user", "size"}` and its
//! octets.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::failed::{EX_DATAERR, Failed};
use super::verbs::{Verbs, account_name, mailbox_name};
use super::wire::{Wire, Writer};
use crate::mailbox::{
    AccountSettings, Acl, LeftOut, QuotaLimits, SavedAccount, SavedAnnotation, SavedMailbox, SavedName,
};
use crate::types::{
    AccountId, AccountName, EntryName, MailboxClass, MailboxId, MailboxName, Rights, SpecialUse, UidValidity,
};

/// Aliases, and subscriptions, of one request: no line gets too long.
const STEP: usize = 200;

/// The request that brings back a name.
pub(super) fn name_request(account: &str, saved: &SavedName) -> Value {
    let mut request = json!({
        "verb": "restore name", "account": account, "mailbox": saved.name.as_str(),
        "annotations": saved.annotations.len(),
    });
    if let Some(SavedMailbox { was: (owner, id, uid_validity), special_use, class, acl }) = &saved.mailbox {
        let uses: Vec<&str> = special_use.iter().map(|of| of.name()).collect();
        let acl: Vec<Value> =
            acl.0.iter().map(|(identifier, rights)| json!([identifier, rights.to_string()])).collect();
        request["was"] = json!([owner.0, id.0, uid_validity.get()]);
        request["use"] = json!(uses);
        request["class"] = json!(class.as_ref().map(MailboxClass::as_str));
        request["acl"] = json!(acl);
    }
    request
}

/// The requests that bring back the rest; annotations follow the first.
pub(super) fn account_requests(account: &str, saved: &SavedAccount) -> Vec<Value> {
    let QuotaLimits { storage_bytes, messages, mailboxes } = saved.quota;
    let mut requests = vec![json!({
        "verb": "restore account", "account": account, "annotations": saved.annotations.len(),
        "quota": [storage_bytes, messages, mailboxes], "show_non_mail": saved.settings.show_non_mail,
        "certificate": saved.certificate.as_ref().map(|der| STANDARD.encode(der)),
    })];
    let more = |key: &str, step: Value| json!({ "verb": "restore account", "account": account, key: step });
    for step in saved.aliases.chunks(STEP) {
        let aliases: Vec<Value> = step.iter().map(|(alias, name)| json!([alias.as_str(), name])).collect();
        requests.push(more("aliases", json!(aliases)));
    }
    requests.extend(saved.subscriptions.chunks(STEP).map(|step| more("subscriptions", json!(step))));
    requests
}

pub(super) fn send_annotations(writer: &mut Writer, annotations: &[SavedAnnotation]) -> std::io::Result<()> {
    for SavedAnnotation { user, entry, value } in annotations {
        let user = user.as_ref().map(AccountName::as_str);
        writer.send(&json!({ "entry": entry.as_str(), "user": user, "size": value.len() }))?;
        writer.send_octets(value)?;
    }
    Ok(())
}

impl Verbs {
    pub(super) fn restore_name(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        let annotations = annotations(request, wire)?;
        let (account, name) = (self.manager.account(&account_name(request)?)?, mailbox_name(request, "mailbox")?);
        let saved = SavedName { name, mailbox: mailbox(request)?, annotations, of_nobody: 0 };
        let left_out = self.manager.restore_name(&account, &saved)?;
        let there = !left_out.iter().any(|left| matches!(left, LeftOut::Aliased(_)));
        Ok(json!({ "left_out": texts(&left_out), "there": there }))
    }

    pub(super) fn restore_account(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        let annotations = annotations(request, wire)?;
        let account = self.manager.account(&account_name(request)?)?;
        let left_out = self.manager.restore_account(&account, &rest(request, annotations)?)?;
        Ok(json!({ "left_out": texts(&left_out) }))
    }
}

fn texts(left_out: &[LeftOut]) -> Vec<String> {
    left_out.iter().map(ToString::to_string).collect()
}

fn wrong(what: &str) -> Failed {
    Failed::new(EX_DATAERR, format!("the request has a wrong {what}"))
}

fn list<'a>(request: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    request[key].as_array().into_iter().flatten()
}

fn annotations(request: &Value, wire: &mut Wire) -> Result<Vec<SavedAnnotation>, Failed> {
    let mut found = Vec::new();
    for _ in 0..request["annotations"].as_u64().unwrap_or(0) {
        let head = wire.receive()?.ok_or_else(|| wrong("number of annotations"))?;
        let value = wire.octets(head["size"].as_u64().unwrap_or(0))?;
        let entry = head["entry"].as_str().and_then(EntryName::new).ok_or_else(|| wrong("entry"))?;
        let user = match head["user"].as_str() {
            Some(name) => Some(AccountName::new(name).ok_or_else(|| wrong("user"))?),
            None => None,
        };
        found.push(SavedAnnotation { user, entry, value });
    }
    Ok(found)
}

fn mailbox(request: &Value) -> Result<Option<SavedMailbox>, Failed> {
    if request["was"].is_null() {
        return Ok(None);
    }
    let number = |at: usize| request["was"][at].as_u64();
    let uid_validity = number(2).and_then(|n| UidValidity::new(u32::try_from(n).ok()?));
    let was = number(0).map(AccountId).zip(number(1).map(MailboxId)).ok_or_else(|| wrong("mailbox"))?;
    let entry = |pair: &Value| Some((pair[0].as_str()?.to_string(), Rights::parse(pair[1].as_str()?)?));
    let acl = list(request, "acl").map(entry).collect::<Option<Vec<_>>>().ok_or_else(|| wrong("access list"))?;
    let uses = list(request, "use").map(|of| SpecialUse::from_name(of.as_str()?)).collect::<Option<Vec<_>>>();
    let class = request["class"].as_str().map(|class| MailboxClass::new(class).ok_or_else(|| wrong("class")));
    Ok(Some(SavedMailbox {
        was: (was.0, was.1, uid_validity.ok_or_else(|| wrong("UIDVALIDITY"))?),
        special_use: uses.ok_or_else(|| wrong("special use"))?,
        class: class.transpose()?,
        acl: Acl(acl),
    }))
}

fn rest(request: &Value, annotations: Vec<SavedAnnotation>) -> Result<SavedAccount, Failed> {
    let alias = |pair: &Value| Some((MailboxName::new(pair[0].as_str()?).ok()?, pair[1].as_str()?.to_string()));
    let aliases = list(request, "aliases").map(alias).collect::<Option<Vec<_>>>().ok_or_else(|| wrong("alias"))?;
    let quota = &request["quota"];
    let der = request["certificate"].as_str().map(|text| STANDARD.decode(text));
    Ok(SavedAccount {
        quota: QuotaLimits {
            storage_bytes: quota[0].as_u64(),
            messages: quota[1].as_u64(),
            mailboxes: quota[2].as_u64(),
        },
        settings: AccountSettings { show_non_mail: request["show_non_mail"].as_bool() },
        certificate: der.transpose().map_err(|_| wrong("certificate"))?.map(Into::into),
        aliases,
        subscriptions: list(request, "subscriptions").filter_map(Value::as_str).map(Into::into).collect(),
        annotations,
    })
}

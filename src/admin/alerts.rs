//! Verbs for alerts.

use serde_json::{Value, json};

use super::failed::{EX_DATAERR, EX_NOUSER, Failed};
use super::verbs::{Verbs, account_name};
use super::wire::Wire;
use crate::mailbox::AlertScope;

impl Verbs {
    pub(super) fn alert_post(&self, request: &Value) -> Result<Value, Failed> {
        let scope = match request["scope"].as_str() {
            Some("server") => AlertScope::Server,
            Some("domain") => match request["name"].as_str().unwrap_or("") {
                "" => return Err(Failed::new(EX_DATAERR, "a domain has a name")),
                name => AlertScope::Domain(name.to_lowercase()),
            },
            _ => AlertScope::Account(account_name(request)?),
        };
        let id = self.manager.post_alert(scope, request["text"].as_str().unwrap_or(""))?;
        Ok(json!({ "alert": id }))
    }

    pub(super) fn alert_list(&self, wire: &mut Wire) -> Result<Value, Failed> {
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

    pub(super) fn alert_remove(&self, request: &Value) -> Result<Value, Failed> {
        let id = request["alert"].as_u64().unwrap_or(0);
        match self.manager.remove_alert(id)? {
            true => Ok(json!({})),
            false => Err(Failed::new(EX_NOUSER, format!("no alert {id}; gatepostctl alert list shows them"))),
        }
    }
}

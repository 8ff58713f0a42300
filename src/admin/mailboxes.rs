//! Verbs for what mailboxes hold, and what of them an account's clients are shown.

use serde_json::{Value, json};

use super::verbs::{EX_DATAERR, Failed, Verbs, account_name, mailbox_name};
use super::wire::Wire;
use crate::types::MailboxClass;

/// The class that a request names.
pub(super) fn class(request: &Value) -> Result<Option<MailboxClass>, Failed> {
    let Some(name) = request["class"].as_str() else { return Ok(None) };
    let wrong = || Failed::new(EX_DATAERR, format!("'{name}' is no class: printable ASCII of at most 255 octets"));
    MailboxClass::new(name).map(Some).ok_or_else(wrong)
}

impl Verbs {
    /// Sets the class where one is named; says which it is.
    pub(super) fn mailbox_class(&self, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
        let (account, name) = (self.account(request)?, mailbox_name(request, "mailbox")?);
        if let Some(class) = class(request)? {
            account.set_class(&name, &class)?;
        }
        let class = account.class(&name)?;
        wire.send(&json!({ "row": { "mailbox": name.as_str(), "class": class.as_str() } }))?;
        Ok(json!({}))
    }

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
}

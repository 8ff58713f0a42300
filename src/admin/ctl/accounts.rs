//! Accounts: lines of the passwd file, and what the daemon keeps of them.

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;

use serde_json::{Value, json};

use super::super::failed::{EX_CANTCREAT, EX_CONFIG, EX_DATAERR, EX_IOERR, EX_NOUSER, EX_SOFTWARE, Failed};
use super::arguments::{Tool, usage};
use crate::auth::{EditError, PASSWORD_BYTES_MAX, Passwd, edit, hash};
use crate::types::AccountName;

impl Tool {
    pub(super) fn account_add(&self, name: &str) -> Result<(), Failed> {
        let (name, config) = (new_account_name(name)?, self.config()?);
        let hash = hash(&new_password()?).ok_or_else(|| Failed::new(EX_SOFTWARE, "the password cannot be hashed"))?;
        let added = edit::add(&config.passwd_file, &name, &hash);
        added.map_err(|error| edit_failed(&config.passwd_file, &name, error))?;
        self.done(&json!({ "account": name.as_str() }))
    }

    pub(super) fn account_passwd(&self, name: &str) -> Result<(), Failed> {
        let (name, config) = (account_name(name)?, self.config()?);
        let hash = hash(&new_password()?).ok_or_else(|| Failed::new(EX_SOFTWARE, "the password cannot be hashed"))?;
        let changed = edit::set_password(&config.passwd_file, &name, &hash);
        changed.map_err(|error| edit_failed(&config.passwd_file, &name, error))?;
        self.done(&json!({ "account": name.as_str() }))
    }

    pub(super) fn account_list(&self) -> Result<(), Failed> {
        let config = self.config()?;
        let passwd = Passwd::load(&config.passwd_file).map_err(|error| Failed::new(EX_CONFIG, error.to_string()))?;
        let rows: Vec<Value> = passwd.names().map(|name| json!({ "account": name.as_str() })).collect();
        self.show(&["account"], &rows, &json!({}))
    }

    pub(super) fn account_certificate(&self, name: &str) -> Result<(), Failed> {
        let name = account_name(name)?;
        if self.has("remove") {
            return self.ask_quiet(json!({ "verb": "certificate set", "account": name.as_str() }));
        }
        self.ask_table(
            json!({ "verb": "certificate show", "account": name.as_str() }),
            &["subject", "issuer", "from", "to", "key", "usable", "sha256"],
        )
    }

    /// PEM or DER: the daemon is given base64, and judges.
    pub(super) fn account_certificate_set(&self, name: &str, file: &Path) -> Result<(), Failed> {
        use base64::Engine;
        self.known(name)?;
        let failed = |text: String| Failed::new(EX_DATAERR, format!("{}: {text}", file.display()));
        let octets =
            std::fs::read(file).map_err(|error| Failed::new(EX_IOERR, format!("{}: {error}", file.display())))?;
        let der = crate::smime::decode(&octets).map_err(|unusable| failed(unusable.to_string()))?;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        let request = json!({ "verb": "certificate set", "account": name, "certificate": text });
        self.ask_quiet(request).map_err(|error| failed(error.text))
    }

    pub(super) fn account_settings(&self, account: &str) -> Result<(), Failed> {
        self.known(account)?;
        let mut request = json!({ "verb": "account settings", "account": account });
        match self.option("show-non-mail") {
            None => {}
            Some("yes") => request["show_non_mail"] = json!(true),
            Some("no") => request["show_non_mail"] = json!(false),
            Some("default") => request["show_non_mail"] = Value::Null,
            Some(other) => return Err(usage(format!("--show-non-mail '{other}': yes, no or default"))),
        }
        self.ask_table(request, &["setting", "own", "in force"])
    }

    /// The line first: nobody logs in while the mail goes. Where it has gone before, or the removal was interrupted, there may
    /// be mail.
    pub(super) fn account_remove(&self, name: &str) -> Result<(), Failed> {
        let (name, config) = (account_name(name)?, self.config()?);
        let line = edit::remove(&config.passwd_file, &name);
        if let Err(error) = &line
            && !matches!(error, EditError::NoSuchAccount)
        {
            return line.map_err(|error| edit_failed(&config.passwd_file, &name, error));
        }
        let (_, ok) = self.ask(&json!({ "verb": "account remove", "account": name.as_str() }), "")?;
        if ok["mail"].as_bool() != Some(true) {
            line.map_err(|error| edit_failed(&config.passwd_file, &name, error))?;
        }
        self.done(&ok)
    }

    /// An error unless the account stands in the passwd file: a slip of the fingers makes no account.
    pub(super) fn known(&self, name: &str) -> Result<(), Failed> {
        let (name, config) = (account_name(name)?, self.config()?);
        let passwd = Passwd::load(&config.passwd_file).map_err(|error| Failed::new(EX_CONFIG, error.to_string()))?;
        match passwd.names().any(|known| *known == name) {
            true => Ok(()),
            false => Err(edit_failed(&config.passwd_file, &name, EditError::NoSuchAccount)),
        }
    }
}

pub(super) fn account_name(name: &str) -> Result<AccountName, Failed> {
    let wrong = || Failed::new(EX_DATAERR, format!("'{name}' is no account name: user or user@domain"));
    AccountName::new(name).ok_or_else(wrong)
}

/// The passwd file takes more names than the lists do that accounts stand in: of the configuration, with commas between, and
/// of access rights, where `anyone` is not one user (RFC 4314 2, and CommuniGate Pro's `anyone@domain`) and `-joe` takes away.
fn new_account_name(name: &str) -> Result<AccountName, Failed> {
    let name = account_name(name)?;
    let user = name.as_str().split('@').next().unwrap_or_default();
    if user == "anyone" || user.starts_with('-') || name.as_str().contains([',', '<', '>']) {
        let text = format!("'{name}' means something else in lists of accounts or of rights; choose another name");
        return Err(Failed::new(EX_DATAERR, text));
    }
    Ok(name)
}

fn edit_failed(path: &Path, name: &AccountName, error: EditError) -> Failed {
    match error {
        EditError::NoSuchAccount => Failed::new(EX_NOUSER, format!("{name}: {error}")),
        EditError::Exists => Failed::new(EX_CANTCREAT, format!("{name}: {error}")),
        error => Failed::new(EX_IOERR, format!("{}: {error}", path.display())),
    }
}

/// Asked twice on a terminal, one line of standard input elsewhere.
fn new_password() -> Result<Vec<u8>, Failed> {
    let password = match io::stdin().is_terminal() {
        true => {
            let first = rpassword::prompt_password("Password: ")?;
            if rpassword::prompt_password("Again: ")? != first {
                return Err(Failed::new(EX_DATAERR, "the two passwords differ"));
            }
            first
        }
        false => {
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line)?;
            line.trim_end_matches(['\r', '\n']).to_string()
        }
    };
    match password.as_str() {
        "" => Err(Failed::new(EX_DATAERR, "the password is empty")),
        password if password.contains(char::is_control) => {
            Err(Failed::new(EX_DATAERR, "the password has a control character, which clients cannot send"))
        }
        password if password.len() > PASSWORD_BYTES_MAX => {
            Err(Failed::new(EX_DATAERR, format!("the password is longer than {PASSWORD_BYTES_MAX} octets")))
        }
        _ => Ok(password.into_bytes()),
    }
}

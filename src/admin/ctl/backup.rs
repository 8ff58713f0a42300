//! Backup, and what comes back from one.
//!
//! A backup is a store that the daemon, or where none runs the tool, has made a copy of its own. A server comes back by
//! the copy the other way; an account or a mailbox by an import of the messages that it does not have.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::mail_source::{Mail, MailAnnotation, Mails};
use super::super::verbs::{EX_CANTCREAT, EX_DATAERR, EX_IOERR, EX_NOUSER, EX_UNAVAILABLE, Failed};
use super::super::{copied_json, progress};
use super::accounts::account_name;
use super::arguments::{Tool, usage};
use super::import;
use crate::mailbox::{Account, Limits, Mailbox, Manager, NewAnnotation};
use crate::store::{Options, Store};
use crate::sys;
use crate::types::{AccountId, AccountName, MailboxName};

impl Tool {
    pub(super) fn backup(&self, directory: &Path) -> Result<(), Failed> {
        let failed = |error: io::Error| Failed::new(EX_IOERR, format!("{}: {error}", directory.display()));
        let config = self.config()?;
        private_directory(directory).map_err(failed)?;
        if std::fs::read_dir(directory).map_err(failed)?.next().is_some() && !Store::is_in(directory) {
            let text = format!("{}: has files that are no backup; choose an empty directory", directory.display());
            return Err(Failed::new(EX_IOERR, text));
        }
        if sys::is_root() && config.user != "root" {
            sys::give_to(&config.user, directory).map_err(failed)?;
        }
        let directory = directory.canonicalize().map_err(failed)?;
        let (_, ok) = self.ask(&json!({ "verb": "backup", "directory": directory }), "messages copied")?;
        self.show_copied(&ok);
        Ok(())
    }

    fn show_copied(&self, ok: &Value) {
        match self.json {
            true => println!("{ok}"),
            false => println!(
                "{} accounts; {} mailboxes had changed, {} messages ({} bytes) were new",
                ok["accounts"], ok["mailboxes"], ok["messages"], ok["bytes"]
            ),
        }
    }

    pub(super) fn restore(&self, directory: &Path) -> Result<(), Failed> {
        let backup = open_backup(directory)?;
        match &self.account {
            Some(account) => self.restore_account(backup, account),
            None if self.mailbox.is_some() => Err(usage("--mailbox needs --account beside it")),
            None => self.restore_server(&backup),
        }
    }

    /// Into an empty data directory: nothing is ever written over.
    fn restore_server(&self, backup: &Store) -> Result<(), Failed> {
        let config = self.config()?;
        if Tool::daemon(&config)?.is_some() {
            let text = "gatepostd is running; stop it, or name the --account that is to come back";
            return Err(Failed::new(EX_UNAVAILABLE, text));
        }
        let store = self.local_store(&config)?;
        if !store.accounts()?.is_empty() {
            let text = format!(
                "{}: has mail; a server comes back into an empty data directory, an account by --account",
                config.data_directory.display()
            );
            return Err(Failed::new(EX_CANTCREAT, text));
        }
        let bar = progress::bar("messages copied", 0);
        let copied = backup.restore_to(&store, &mut |copied| bar.set_position(copied.messages))?;
        bar.finish_and_clear();
        self.show_copied(&copied_json(&copied));
        Ok(())
    }

    /// What the account has stays as it is; what it does not have comes back.
    fn restore_account(&self, backup: Store, account: &str) -> Result<(), Failed> {
        self.known(account)?;
        let name = account_name(account)?;
        let users: Users = backup.accounts()?.into_iter().map(|(name, id)| (id, name)).collect();
        let manager = Manager::new(backup, Limits::default());
        let missing = || Failed::new(EX_NOUSER, format!("the backup has no mail of '{account}'"));
        let saved = manager.existing_account(&name)?.ok_or_else(missing)?;
        let tree = saved.tree();
        let (mut mailboxes, mut messages) = (0, 0);
        for (mailbox, node) in tree.nodes().filter(|(_, node)| node.id.is_some()) {
            if self.mailbox.as_deref().is_some_and(|only| only != mailbox.as_str()) {
                continue;
            }
            let uses: Vec<&str> = node.special_use.iter().map(|of| of.name()).collect();
            self.ask(
                &json!({ "verb": "mailbox ensure", "account": account, "mailbox": mailbox.as_str(), "use": uses }),
                "",
            )?;
            messages += self.restore_mailbox(account, mailbox, &saved.mailbox(mailbox)?, &users)?;
            mailboxes += 1;
        }
        if mailboxes == 0 {
            let only = self.mailbox.as_deref().unwrap_or("");
            return Err(Failed::new(EX_NOUSER, format!("the backup has no mailbox '{only}' of '{account}'")));
        }
        if self.mailbox.is_none() {
            let names: Vec<&String> = tree.subscriptions().iter().collect();
            self.ask(&json!({ "verb": "subscribe", "account": account, "names": names }), "")?;
            self.restore_certificate(account, &saved)?;
        }
        match self.json {
            true => println!("{}", json!({ "mailboxes": mailboxes, "messages": messages })),
            false => println!("{messages} messages are back in {mailboxes} mailboxes of {account}"),
        }
        Ok(())
    }

    fn restore_certificate(&self, account: &str, saved: &Account) -> Result<(), Failed> {
        use base64::Engine;
        let Some(der) = saved.certificate() else { return Ok(()) };
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        self.ask(&json!({ "verb": "certificate restore", "account": account, "certificate": text }), "").map(drop)
    }

    fn restore_mailbox(
        &self,
        account: &str,
        name: &MailboxName,
        saved: &Arc<Mailbox>,
        users: &Users,
    ) -> Result<u64, Failed> {
        let bytes = saved.header()?.sums.all().bytes;
        let mut wire = self.connect("import")?;
        let request = json!({ "verb": "import", "account": account, "mailbox": name.as_str(), "only": "missing" });
        wire.send(&request)?;
        let bar = progress::bar("restore", bytes.max(1));
        let ok = import::send_all(&mut wire, mails(saved, users)?, name.as_str(), &bar)?;
        bar.finish_and_clear();
        Ok(ok["messages"].as_u64().unwrap_or(0))
    }
}

fn private_directory(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// A backup that is whole.
fn open_backup(directory: &Path) -> Result<Store, Failed> {
    if !directory.is_dir() {
        return Err(Failed::new(EX_IOERR, format!("{}: no such directory", directory.display())));
    }
    let failed = |text: String| Failed::new(EX_DATAERR, format!("{}: {text}", directory.display()));
    if !Store::is_in(directory) {
        return Err(failed("no backup".into()));
    }
    let store = Store::open(directory, &Options::default()).map_err(|error| failed(error.to_string()))?;
    match store.finished()? {
        Some(_) => Ok(store),
        None => Err(failed("no backup that is whole; gatepostctl backup finishes one that was cut short".into())),
    }
}

/// The names of accounts.
type Users = HashMap<AccountId, AccountName>;

/// All messages of a mailbox of a backup.
fn mails(mailbox: &Arc<Mailbox>, users: &Users) -> Result<Mails, Failed> {
    let (mailbox, snapshot, users) = (mailbox.clone(), mailbox.snapshot()?, users.clone());
    snapshot.load_all()?;
    let uids: Vec<_> = snapshot.messages().map(|message| message.uid()).collect();
    let mail = move |uid| {
        let message = snapshot.by_uid(uid)?;
        let octets = mailbox.octets_of(message.blob(), 0..u64::MAX).map_err(io::Error::other);
        let annotations = match snapshot.all_annotations(uid) {
            Ok(found) => found.into_iter().filter_map(|new| annotation(new, &users)).collect(),
            Err(error) => return Some(Err(io::Error::other(error))),
        };
        Some(octets.map(|octets| Mail {
            octets,
            flags: snapshot.flags_of(&message).iter().map(|flag| flag.to_string().into()).collect(),
            secs: Some(message.internal_date().secs),
            zone_mins: message.internal_date().zone_mins,
            annotations,
        }))
    };
    Ok(Box::new(uids.into_iter().filter_map(mail)))
}

/// `None` for what is of an account that the backup does not have.
fn annotation(new: NewAnnotation, users: &Users) -> Option<MailAnnotation> {
    let user = match new.user {
        None => None,
        Some(user) => Some(users.get(&user)?.to_string()),
    };
    Some(MailAnnotation { entry: new.entry.to_string(), user, value: new.value?.to_vec() })
}

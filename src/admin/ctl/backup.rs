//! Backup, and what comes back from one.
//!
//! A backup is a store that the daemon, or where none runs the tool, has made a copy of its own. A server comes back by
//! the copy the other way; an account or a mailbox by what it does not have (`restore`).

use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::super::failed::{EX_CANTCREAT, EX_DATAERR, EX_IOERR, EX_UNAVAILABLE, Failed};
use super::super::{changes_user, copied_json, in_use, progress, unread_json};
use super::arguments::{Tool, usage};
use super::counted;
use super::giving::give_backup;
use super::output::say;
use crate::config::Config;
use crate::store::{Store, StoreError, WholeCopy};
use crate::sys;

/// Of the table of what cannot be read.
pub(super) const UNREAD: [&str; 4] = ["account", "mailbox", "uid", "what"];

impl Tool {
    pub(super) fn backup(&self, directory: &Path) -> Result<(), Failed> {
        let failed = |error: io::Error| Failed::new(EX_IOERR, format!("{}: {error}", directory.display()));
        let config = self.config()?;
        if directory.exists() && !directory.is_dir() {
            return Err(Failed::new(EX_IOERR, format!("{}: is no directory", directory.display())));
        }
        private_directory(directory).map_err(failed)?;
        if std::fs::read_dir(directory).map_err(failed)?.next().is_some() && !Store::is_in(directory) {
            let text = format!("{}: has files that are no backup; choose an empty directory", directory.display());
            return Err(Failed::new(EX_IOERR, text));
        }
        if changes_user(&config) {
            sys::give_to(&config.user, directory).map_err(failed)?;
        }
        let directory = directory.canonicalize().map_err(failed)?;
        let (unread, ok) = self.ask(&json!({ "verb": "backup", "directory": directory }), "messages copied")?;
        self.show_copied(ok, &unread)
    }

    /// What has been copied, and what could not be: the rest is whole.
    fn show_copied(&self, mut ok: Value, unread: &[Value]) -> Result<(), Failed> {
        match self.json {
            true => {
                ok["unread"] = json!(unread);
                say(ok)?;
            }
            false => {
                self.show(&UNREAD, unread, &ok)?;
                say(format_args!(
                    "{}; {} had changed; {} ({})",
                    counted(&ok["accounts"], "account"),
                    counted(&ok["mailboxes"], "mailbox"),
                    counted(&ok["messages"], "new message"),
                    counted(&ok["bytes"], "byte"),
                ))?;
            }
        }
        match unread.len() {
            0 => Ok(()),
            n => Err(Failed::new(
                EX_DATAERR,
                format!(
                    "all has been copied but what is listed ({n}), which cannot be read; gatepostctl check says more"
                ),
            )),
        }
    }

    pub(super) fn restore(&self, directory: &Path) -> Result<(), Failed> {
        check_backup(directory)?;
        let config = self.config()?;
        give_backup(&config, directory)?;
        match self.option("account") {
            Some(account) => self.restore_account(&config, directory, account),
            None if self.has("mailbox") => Err(usage("--mailbox needs --account beside it")),
            None => self.restore_server(&config, directory),
        }
    }

    /// Into an empty data directory: nothing is ever written over.
    fn restore_server(&self, config: &Config, directory: &Path) -> Result<(), Failed> {
        if Tool::daemon(config)?.is_some() {
            let text = "gatepostd is running; stop it, or name the --account that is to come back";
            return Err(Failed::new(EX_UNAVAILABLE, text));
        }
        let store = self.local_store(config, Store::open)?;
        let backup = open_backup(directory)?;
        if !store.accounts()?.is_empty() {
            let text = format!(
                "{}: has mail; a server comes back into an empty data directory, an account by --account",
                config.data_directory.display()
            );
            return Err(Failed::new(EX_CANTCREAT, text));
        }
        let bar = progress::bar("messages copied", 0);
        let copied = backup.store.restore_to(&store, &mut |copied| {
            bar.set_position(copied.messages);
            Ok(())
        })?;
        bar.finish_and_clear();
        let unread: Vec<Value> = copied.unread.iter().map(unread_json).collect();
        self.show_copied(copied_json(&copied), &unread)
    }
}

fn private_directory(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Whether it is a backup at all.
fn check_backup(directory: &Path) -> Result<(), Failed> {
    let failed = |exit, text: &str| Failed::new(exit, format!("{}: {text}", directory.display()));
    match directory.is_dir() {
        false => Err(failed(EX_IOERR, "no such directory")),
        true if !Store::is_in(directory) => Err(failed(EX_DATAERR, "no backup")),
        true => Ok(()),
    }
}

/// The last backup that is whole.
pub(super) fn open_backup(directory: &Path) -> Result<WholeCopy, Failed> {
    let failed = |text: String| Failed::new(EX_DATAERR, format!("{}: {text}", directory.display()));
    let whole = WholeCopy::open(directory).map_err(|error| match error {
        StoreError::InUse { .. } => in_use(directory),
        error => failed(error.to_string()),
    })?;
    let none = || failed("no backup that is whole; gatepostctl backup finishes one that was cut short".into());
    let whole = whole.ok_or_else(none)?;
    if let Some(why) = &whole.instead_of {
        eprintln!(
            "gatepostctl: {}: {why}; this is the one before, of {}",
            directory.display(),
            sys::local_time_of(whole.finished_secs).format("%Y-%m-%d %H:%M")
        );
    }
    Ok(whole)
}

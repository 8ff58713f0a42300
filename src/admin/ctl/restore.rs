//! An account, or one of its mailboxes, comes back from a backup: messages, and what else there is of it.
//!
//! What the account has stays as it is, what it does not have comes back. Accounts are known by their names: a number in the
//! backup may be somebody else's here. Where nobody has a name here, what is his is left out, so that whoever gets the name
//! later gets nothing with it; a right that is taken away from him stays taken away.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::failed::{EX_CONFIG, EX_DATAERR, EX_NOUSER, Failed};
use super::super::mail_source::{Mail, MailAnnotation, Mails};
use super::super::restoring::{account_requests, name_request, send_annotations};
use super::super::wire::Wire;
use super::super::{become_user, changes_user, progress};
use super::accounts::account_name;
use super::arguments::Tool;
use super::backup::{UNREAD, open_backup};
use super::import;
use super::known::Known;
use super::output::say;
use super::requests::next_answer;
use crate::config::Config;
use crate::mailbox::{
    Account, AccountNames, Limits, Mailbox, MailboxError, Manager, NewAnnotation, SavedAnnotation, SavedMailbox,
    StoreError,
};
use crate::types::{AccountName, Counted, MailboxName, Uid};

const OF_NOBODY: &str = "annotations of accounts that the backup does not have";

/// What does not come back, and how often that is so.
#[derive(Default)]
struct Tally(BTreeMap<String, u64>);

impl Tally {
    fn count(&mut self, text: impl Into<String>) {
        *self.0.entry(text.into()).or_default() += 1;
    }
}

/// What has come back.
#[derive(Default)]
struct Back {
    mailboxes: u64,
    messages: u64,
    /// Messages that were there, without their octets.
    mended: u64,
}

/// One restoring of one account.
struct Restore<'a> {
    account: &'a str,
    saved: Arc<Account>,
    /// Of the backup.
    names: Rc<AccountNames>,
    known: Rc<Known>,
    left_out: Rc<RefCell<Tally>>,
    /// What the backup does not have, or what cannot be read there: rows.
    unread: Rc<RefCell<Vec<Value>>>,
    /// One connection for all: where no daemon runs, the store is opened once.
    wire: Wire,
}

impl Tool {
    pub(super) fn restore_account(&self, config: &Config, directory: &Path, account: &str) -> Result<(), Failed> {
        self.known(account)?;
        let name = account_name(account)?;
        let known = Known::load(config)?;
        let wire = self.connect("restore account")?;
        if changes_user(config) {
            become_user(config, &[]).map_err(|text| Failed::new(EX_CONFIG, text))?;
        }
        let backup = open_backup(directory)?;
        let names: AccountNames = backup.store.accounts()?.into_iter().map(|(name, id)| (id, name)).collect();
        let manager = Manager::new(backup.store.clone(), Limits::default());
        let missing = || Failed::new(EX_NOUSER, format!("the backup has no mail of '{account}'"));
        let saved = manager.existing_account(&name)?.ok_or_else(missing)?;
        let (names, known, left_out, unread) = (Rc::new(names), Rc::new(known), Rc::default(), Rc::default());
        let mut restore = Restore { account, saved, names, known, left_out, unread, wire };
        let back = restore.names(self.option("mailbox"))?;
        if !self.has("mailbox") {
            restore.rest()?;
        }
        self.show_restored(&restore, &back)
    }

    fn show_restored(&self, restore: &Restore<'_>, back: &Back) -> Result<(), Failed> {
        let Back { mailboxes, messages, mended } = back;
        let (left_out, unread) = (&restore.left_out.borrow().0, restore.unread.borrow());
        let ok = json!({
            "mailboxes": mailboxes, "messages": messages, "mended": mended, "left_out": left_out, "unread": *unread,
        });
        if self.json {
            say(ok)?;
        } else {
            self.show(&UNREAD, &unread, &ok)?;
            let (back, places) = (Counted(*messages, "message").are(), Counted(*mailboxes, "mailbox"));
            say(format_args!("{back} back in {places} of {}", restore.account))?;
            if *mended > 0 {
                say(format_args!("octets are back that {} had lost", Counted(*mended, "message")))?;
            }
            for (text, count) in left_out {
                let often = if *count > 1 { format!(" ({count} times)") } else { String::new() };
                say(format_args!("left out: {text}{often}"))?;
            }
        }
        match unread.len() {
            0 => Ok(()),
            n => Err(Failed::new(
                EX_DATAERR,
                format!("all is back but what is listed ({n}): the backup does not have it"),
            )),
        }
    }
}

impl Restore<'_> {
    /// Looks at mailboxes, and brings messages back to them.
    fn names(&mut self, only: Option<&str>) -> Result<Back, Failed> {
        let (mut names, mut back) = (0, Back::default());
        let tree = self.saved.tree();
        // INBOX in any letters.
        let wanted = only.and_then(|only| MailboxName::new(only).ok());
        let is_wanted = |name: &MailboxName| only.is_none() || wanted.as_ref() == Some(name);
        for (name, node) in tree.nodes().filter(|(name, _)| is_wanted(name)) {
            names += 1;
            let there = self.name(name)?;
            if node.id.is_some() && there {
                self.messages(name, &mut back)?;
                back.mailboxes += 1;
            }
        }
        match (names, only) {
            (0, Some(only)) => {
                Err(Failed::new(EX_NOUSER, format!("the backup has no mailbox '{only}' of '{}'", self.account)))
            }
            _ => Ok(back),
        }
    }

    /// What is known of a name; whether messages can come back to it.
    fn name(&mut self, name: &MailboxName) -> Result<bool, Failed> {
        let mut saved = self.saved.saved_name(name, &self.names)?;
        if saved.of_nobody > 0 {
            self.left_out.borrow_mut().count(OF_NOBODY);
        }
        saved.annotations = self.of_somebody(saved.annotations);
        if let Some(SavedMailbox { acl, .. }) = &mut saved.mailbox {
            acl.0.retain(|(identifier, _)| {
                let means_somebody = self.known.means_somebody(identifier);
                if !means_somebody {
                    self.left_out.borrow_mut().count(format!("rights of '{identifier}', which is nobody here"));
                }
                means_somebody
            });
        }
        let ok = self.ask(&name_request(self.account, &saved), &saved.annotations)?;
        Ok(ok["there"].as_bool() == Some(true))
    }

    /// What is of the account as a whole.
    fn rest(&mut self) -> Result<(), Failed> {
        let mut saved = self.saved.saved_account(&self.names)?;
        saved.annotations = self.of_somebody(saved.annotations);
        let mut annotations = saved.annotations.as_slice();
        for request in account_requests(self.account, &saved) {
            self.ask(&request, std::mem::take(&mut annotations))?;
        }
        Ok(())
    }

    fn of_somebody(&self, annotations: Vec<SavedAnnotation>) -> Vec<SavedAnnotation> {
        let is_known = |annotation: &SavedAnnotation| match &annotation.user {
            Some(user) => is_known(&self.known, user, &self.left_out),
            None => true,
        };
        annotations.into_iter().filter(is_known).collect()
    }

    fn ask(&mut self, request: &Value, annotations: &[SavedAnnotation]) -> Result<Value, Failed> {
        self.wire.send(request)?;
        send_annotations(&mut self.wire.writer, annotations)?;
        self.wire.flush()?;
        let answer = next_answer(&mut self.wire.reader)?;
        self.tally(&answer["ok"]);
        Ok(answer["ok"].clone())
    }

    fn tally(&self, ok: &Value) {
        let texts = ok["left_out"].as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.for_each(|text| self.left_out.borrow_mut().count(text));
    }

    fn messages(&mut self, name: &MailboxName, back: &mut Back) -> Result<(), Failed> {
        let mailbox = self.saved.mailbox(name)?;
        let (bytes, mails) = match self.mails(name, &mailbox) {
            Err(error) if is_unread(&error) => {
                self.unread.borrow_mut().push(unread(self.account, name, None, &error));
                return Ok(());
            }
            found => found?,
        };
        let request =
            json!({ "verb": "import", "account": self.account, "mailbox": name.as_str(), "only": "missing" });
        self.wire.send(&request)?;
        let bar = progress::bar("restore", bytes.max(1));
        let ok = import::send_all(&mut self.wire, mails, name.as_str(), &bar)?;
        bar.finish_and_clear();
        self.tally(&ok);
        back.messages += ok["messages"].as_u64().unwrap_or(0);
        back.mended += ok["mended"].as_u64().unwrap_or(0);
        Ok(())
    }

    /// All messages of a mailbox of the backup that can be read, and the octets of all.
    fn mails(&self, name: &MailboxName, mailbox: &Arc<Mailbox>) -> Result<(u64, Mails), MailboxError> {
        let (mailbox, bytes) = (mailbox.clone(), mailbox.header()?.sums.all().bytes);
        let snapshot = mailbox.snapshot()?;
        snapshot.load_all()?;
        let uids: Vec<_> = snapshot.messages().map(|message| message.uid()).collect();
        let (names, known, left_out) = (self.names.clone(), self.known.clone(), self.left_out.clone());
        let (unread_rows, account, name) = (self.unread.clone(), self.account.to_string(), name.clone());
        let mail = move |uid| {
            let message = snapshot.by_uid(uid)?;
            let octets = match mailbox.octets_of(message.blob(), 0..u64::MAX) {
                Err(error) if is_unread(&error) => {
                    unread_rows.borrow_mut().push(unread(&account, &name, Some(uid), &error));
                    return None;
                }
                read => read.map_err(io::Error::other),
            };
            let annotations = match snapshot.all_annotations(uid) {
                Ok(found) => found.into_iter().filter_map(|new| annotation(new, &names, &known, &left_out)).collect(),
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
        Ok((bytes, Box::new(uids.into_iter().filter_map(mail))))
    }
}

/// Whether it is the backup that lacks something.
fn is_unread(error: &MailboxError) -> bool {
    matches!(error, MailboxError::Store(StoreError::Missing(_) | StoreError::Corrupt(_) | StoreError::Broken(_)))
}

fn unread(account: &str, name: &MailboxName, uid: Option<Uid>, error: &MailboxError) -> Value {
    let what = match error {
        MailboxError::Store(StoreError::Missing(_)) if uid.is_some() => "its octets are lost".to_string(),
        MailboxError::Store(StoreError::Broken(_)) if uid.is_some() => "its octets are damaged".to_string(),
        error => format!("it cannot be read: {error}"),
    };
    json!({ "account": account, "mailbox": name.as_str(), "uid": uid.map(Uid::get), "what": what })
}

/// Whether there is the account; where not, its annotations are left out.
fn is_known(known: &Known, user: &AccountName, left_out: &RefCell<Tally>) -> bool {
    let is_known = known.accounts.contains(user);
    if !is_known {
        left_out.borrow_mut().count(format!("annotations of '{user}', who has no account here"));
    }
    is_known
}

fn annotation(
    new: NewAnnotation,
    names: &AccountNames,
    known: &Known,
    left_out: &RefCell<Tally>,
) -> Option<MailAnnotation> {
    let user = match new.user.map(|user| names.get(&user)) {
        None => None,
        Some(Some(name)) if is_known(known, name, left_out) => Some(name.to_string()),
        Some(Some(_)) => return None,
        Some(None) => {
            left_out.borrow_mut().count(OF_NOBODY);
            return None;
        }
    };
    Some(MailAnnotation { entry: new.entry.to_string(), user, value: new.value?.to_vec() })
}

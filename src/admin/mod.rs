//! The admin's side: the control socket of the daemon, and the tool that speaks to it.
//!
//! A request is one line of JSON, an answer is lines of JSON; a message goes as a line that says its size, then its
//! octets. `verbs` answers requests, in the daemon or, where none runs, in the tool itself: there is one code for both.
//! Only root and the daemon's own user are heard.
//!
//! This room never reaches into a session: it sees who is connected, and may ask one to end.

mod accounts;
mod alerts;
mod configured;
mod control;
mod ctl;
mod failed;
mod mail_source;
mod mailboxes;
mod maildir;
mod owned;
mod progress;
mod restoring;
mod table;
mod telling;
mod transfer;
mod upkeep;
mod verbs;
mod who;
mod wire;

pub use configured::{
    become_user, changes_user, check_given, mailbox_limits, mailbox_policy, quota_policy, router, spool_directory,
    store_options,
};
pub use control::{Control, check_socket};
pub use ctl::{main as ctl_main, verb_lines};
pub use failed::EX_CONFIG;

use std::path::Path;

use serde_json::{Value, json};

use failed::{EX_UNAVAILABLE, Failed};

use crate::store::{Copied, Unread};
use crate::types::{MailboxName, Uid};

/// What a copy of the store has come to, for the tool.
fn copied_json(copied: &Copied) -> Value {
    json!({
        "accounts": copied.accounts, "mailboxes": copied.mailboxes, "messages": copied.messages, "bytes": copied.bytes,
    })
}

/// A backup that cannot be had now.
fn in_use(directory: &Path) -> Failed {
    let text = format!("{}: a backup to it is under way, or another process has it open", directory.display());
    Failed::new(EX_UNAVAILABLE, text)
}

/// What a copy of the store lacks: rows for the tool.
fn unread_json(unread: &Unread) -> Value {
    json!({
        "account": unread.account.as_str(), "mailbox": unread.mailbox.as_ref().map(MailboxName::as_str),
        "uid": unread.uid.map(Uid::get), "what": unread.what,
    })
}

//! All locks of the mailbox manager, in the order in which they are taken.
//!
//! 1. `AccountTable`   the accounts in use; held for a look-up.
//!    `KnownServerAnnotations`  of the server; held while entries of the server are committed, or looked at. It stands beside:
//!    neither is taken under the other.
//! 2. `TreeWriter`     one for each account; held while the tree's commit waits for the disk.
//! 3. `MailboxTable`   the mailboxes of an account in use; held for a look-up.
//! 4. `Changes`        one for each mailbox; its changes wait there for the one of their authors who does them.
//! 5. `Writer`         one for each mailbox; held while a commit waits for the disk. Two of one account are taken in
//!    the order of their `MailboxId`.
//! 6. `Usage`          one for each account; held while the headers of its mailboxes are summed up, while room is taken for
//!    messages, and while a commit is published. Who waits for room does not hold it, nor any other.
//! 7. `Alerts`         of the server; held while one that has been delivered is removed.
//! 8. `AnnotationFeedLock`  of the server; held while names are put down for those who listen.
//! 9. `AnnotationBytes`     one for each account; held while they are summed up.
//! 10. `Listening`   one for each account; held while its listeners are told.
//! 11. `Published`, `Watchers`, `Policy`, `Changed`, `Grown`, `Owing`, `SuspectedMailboxes`, `OthersLock`,
//!     `KnownAnnotations`: leaves; nothing is taken under them, and nothing waits.
//!
//! A hint of the engine that another server has committed comes under whatever its committer holds, and takes 3, 10 and
//! leaves alone, one after the other. Nobody commits under 3 or 10, nor waits for anything else there, so that it may. What
//! the hint says is looked at by whoever asks next, under 2 or 5.
//!
//! Readers take `Published` alone, for as long as it takes to clone an `Arc`: they never wait for a disk.
//! No socket is written under any of them.

use parking_lot::{Mutex, ReentrantMutex, RwLock};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Weak};

use super::account::Account;
use super::annotation_watch::Listener;
use super::change::{Change, Outcome};
use super::commit::WriterState;
use super::digest::Digest;
use super::error::MailboxError;
use super::mailbox::Mailbox;
use super::others::Unseen;
use super::owed::OwedState;
use super::policy::MailboxPolicy;
use super::server_annotations::Digests;
use super::usage::UsageState;
use super::watch::{Heard, Watcher};
use crate::store::{AnnotationDigests, PageNo, Together};
use crate::types::{AccountId, AccountName, MailboxId};

pub(super) type AccountTable = RwLock<HashMap<AccountName, Arc<Account>>>;
/// Who changes the tree may look at it.
pub(super) type TreeWriter = ReentrantMutex<()>;
pub(super) type MailboxTable = RwLock<HashMap<MailboxId, Arc<Mailbox>>>;
pub(super) type AnnotationFeedLock = Mutex<Vec<Arc<Listener>>>;
pub(super) type AnnotationBytes = Mutex<Option<HashMap<Option<AccountId>, u64>>>;
pub(super) type KnownAnnotations = Mutex<Option<AnnotationDigests>>;
pub(super) type KnownServerAnnotations = Mutex<Option<Digests>>;
pub(super) type MailboxPolicyLock = RwLock<MailboxPolicy>;
pub(super) type Writer = Mutex<WriterState>;
pub(super) type Changes = Together<Change, Result<Outcome, MailboxError>>;
pub(super) type UsageLock = Mutex<UsageState>;
pub(super) type SuspectedMailboxes = Mutex<BTreeSet<MailboxId>>;
pub(super) type OthersLock = Mutex<Unseen>;
pub(super) type Published<T> = RwLock<T>;
pub(super) type Watchers = Mutex<Vec<Watcher>>;
pub(super) type Listening = RwLock<Heard>;
pub(super) type Changed = Mutex<BTreeSet<(AccountId, MailboxId)>>;
pub(super) type Owing = Mutex<OwedState>;
pub(super) type Grown = Mutex<BTreeMap<PageNo, Weak<Digest>>>;

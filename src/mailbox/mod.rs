//! The mailbox manager: what all sessions share.
//!
//! `Manager` → `Account` → `Mailbox`, each behind its own locks (`locks` states their order). A mailbox publishes
//! snapshots, complete and unchanging; a session's `View` is one of them and moves to the next when the client may be
//! told what happened between. All that changes a mailbox goes through its one `commit`, which returns when the
//! change is as durable as `Sync` asks; before that nobody sees it, its author included.
//!
//! This room touches no socket, knows no IMAP syntax, and never holds a lock that a reader needs while it waits for a
//! disk.

// Accounts, their names, and what an administrator has to say.
mod account;
mod alerts;
mod happenings;
mod list;
mod manager;
mod planning;
mod policy;
mod tree;

// Who may do what, and how much.
mod acl;
mod quota;
mod url_keys;
mod usage;
mod visible;

// One mailbox: its writer, what is done to it, and who hears of it.
mod change;
mod commit;
mod draft;
mod error;
mod expunging;
mod forgetting;
mod learning;
mod locks;
#[allow(clippy::module_inception)]
mod mailbox;
mod storing;
mod watch;

// Messages that come and go, within the server and from outside.
mod copy;
mod intake;
mod keeping;
mod present;
mod replacing;
mod restoring;
mod saved;
mod sealing;

// The messages of a mailbox in memory, as of one moment; and a session's picture of them.
mod difference;
mod further;
mod leaf;
mod message_ids;
mod octets;
mod packed;
mod snapshot;
mod sorted;
mod tail;
mod view;
mod walk;

// What is kept of a message beside its octets, made when it comes or later.
mod debts;
mod describing;
mod new_summary;
mod owed;
mod page;
mod stretch;
mod summaries;
mod summary_cache;

// SEARCH, SORT and THREAD, and what is made ready for them.
mod column;
mod digest;
mod digest_record;
mod digesting;
mod ranks;
mod searching;
mod sort_values;
mod sorting;
mod text_key;
mod texts;
mod threading;

// Annotations of mailboxes, messages and the server.
mod annotation_index;
mod annotation_memory;
mod annotation_watch;
mod annotations;
mod message_annotations;
mod server_annotations;

// Other servers on the same engine.
mod earlier;
mod foreign;
mod others;
mod suspicion;

#[cfg(test)]
pub(crate) mod sample;

pub use crate::store::{
    AccountSettings, Acl, AlertScope, Annotation, MailboxHeader, Piece, QuotaLimits, StoreError, UrlKey, Value,
};
pub use account::Account;
pub use acl::rights;
pub use acl::{Who, identifier};
pub use alerts::concerns as alert_concerns;
pub use annotation_watch::{AnnotationNews, AnnotationWatch, AnnotationsChanged};
pub use annotations::{AnnotationLimits, NewValue, may_annotate, may_set};
pub use change::{Change, NewMessage, Outcome, StoreMode};
pub use copy::{Copied, CopyMode, Target};
pub use describing::{describe, summary_of};
pub use difference::Difference;
pub use error::{MailboxError, Refusal};
pub use intake::Intake;
pub use keeping::Undeleted;
pub use list::{Listed, Shown, Sight, Subscribed};
pub use mailbox::Mailbox;
pub use manager::{Limits, Manager};
pub use message_annotations::{ChangedEntry, EntryFound, NewAnnotation};
pub use octets::Octets;
pub use policy::MailboxPolicy;
pub use present::Present;
pub use quota::{Quota, QuotaPolicy, Resource};
pub use restoring::LeftOut;
pub use saved::{AccountNames, SavedAccount, SavedAnnotation, SavedMailbox, SavedName};
pub use sealing::Seal;
pub use searching::{Asked, Found, Scores};
pub use snapshot::{Latest, Snapshot};
pub use sorted::{SortedMap, SortedSet};
pub use sorting::Order;
pub use summaries::Summaries;
pub use tree::{Node, Tree};
pub use url_keys::{url_token, verifies_url};
pub use usage::Room;
pub use view::{Access, Changes, Expunges, View};
pub use walk::Message;
pub use watch::{Author, Happening, Listener, Listening};

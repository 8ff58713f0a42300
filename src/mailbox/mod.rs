//! The mailbox manager: what all sessions share.
//!
//! `Manager` → `Account` → `Mailbox`, each behind its own locks (`locks` states their order). A mailbox publishes
//! snapshots, complete and unchanging; a session's `View` is one of them and moves to the next when the client may be
//! told what happened between. All that changes a mailbox goes through its one `commit`, which returns when the
//! change is as durable as `Sync` asks; before that nobody sees it, its author included.
//!
//! This room touches no socket, knows no IMAP syntax, and never holds a lock that a reader needs while it waits for a
//! disk.

mod account;
mod acl;
mod alerts;
mod annotation_index;
mod annotation_memory;
mod annotation_watch;
mod annotations;
mod change;
mod column;
mod commit;
mod copy;
mod debts;
mod describing;
mod difference;
mod digest;
mod digest_record;
mod digesting;
mod draft;
mod earlier;
mod error;
mod expunging;
mod foreign;
mod further;
mod happenings;
mod intake;
mod keeping;
mod leaf;
mod learning;
mod list;
mod locks;
#[allow(clippy::module_inception)]
mod mailbox;
mod manager;
mod message_annotations;
mod message_ids;
mod new_summary;
mod octets;
mod others;
mod owed;
mod packed;
mod page;
mod planning;
mod policy;
mod present;
mod quota;
mod ranks;
mod replacing;
mod restoring;
#[cfg(test)]
pub(crate) mod sample;
mod saved;
mod sealing;
mod searching;
mod server_annotations;
mod snapshot;
mod sort_values;
mod sorted;
mod sorting;
mod storing;
mod stretch;
mod summaries;
mod summary_cache;
mod suspicion;
mod tail;
mod text_key;
mod texts;
mod threading;
mod tree;
mod url_keys;
mod usage;
mod view;
mod visible;
mod walk;
mod watch;

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

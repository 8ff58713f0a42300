//! IMAP sessions: one thread, one client.
//!
//! `run` reads commands, hands each to its handler (`dispatch` is the table; `cmd_*` are the handlers) and says how it
//! ended. What a handler may touch depends on the session's state, and is handed to it. What happens in a mailbox
//! meanwhile is told when RFC 9051 7.5.1 allows (`report`). Long operations show that they are alive (`running`).
//!
//! This room never imports `store`: what is kept is the mailbox manager's business.

mod alerting;
mod capability;
mod catenate;
mod cmd_acl;
mod cmd_annotate;
mod cmd_append;
mod cmd_comparator;
mod cmd_compress;
mod cmd_copy;
mod cmd_esearch;
mod cmd_fetch;
mod cmd_id;
mod cmd_idle;
mod cmd_list;
mod cmd_login;
mod cmd_mailbox;
mod cmd_metadata;
mod cmd_notify;
mod cmd_quota;
mod cmd_replace;
mod cmd_rlist;
mod cmd_search;
mod cmd_select;
mod cmd_sort;
mod cmd_starttls;
mod cmd_status;
mod cmd_store;
mod cmd_uidbatches;
mod cmd_urlauth;
mod content;
mod contexts;
mod core;
mod dispatch;
mod domain;
mod esearch;
mod faults;
mod fetch_message;
mod fetch_needs;
mod fetch_summary;
mod fetch_wanted;
mod fetch_writer;
mod filters;
mod german;
mod language;
mod limits;
mod listing;
mod located;
mod mask;
mod notify;
mod notify_groups;
mod notify_names;
mod notify_told;
mod notify_watched;
mod output;
mod place;
mod referral;
mod reply;
mod report;
mod running;
mod selected_rights;
mod service;
#[allow(clippy::module_inception)]
mod session;
mod status;
mod surrogate;
mod uid_only;
mod utf8_only;

pub use capability::is_known as is_known_capability;
pub use domain::Domain;
pub use mask::Mask;
pub use running::Watchdog;
pub use service::{Service, Settings};
pub use session::run;

//! IMAP sessions: one thread, one client.
//!
//! `run` reads commands, hands each to its handler (`dispatch` is the table; `cmd_*` are the handlers) and says how it
//! ended. What a handler may touch depends on the session's state, and is handed to it. What happens in a mailbox
//! meanwhile is told when RFC 9051 7.5.1 allows (`report`). Long operations show that they are alive (`running`).
//!
//! This room never imports `store`: what is kept is the mailbox manager's business.

// A session, from its greeting to its end: its states, the table of commands, and how they end.
mod core;
mod dispatch;
mod domain;
mod faults;
mod limits;
mod mask;
mod reply;
mod selected_rights;
mod service;
#[allow(clippy::module_inception)]
mod session;
mod status;

// The commands, a family each.
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

// What is said: output, what others have done, signs of life, languages.
mod alerting;
mod capability;
mod dialogue;
mod esearch;
mod german;
mod language;
mod output;
mod report;
mod running;

// FETCH, a step each.
mod content;
mod fetch_message;
mod fetch_needs;
mod fetch_summary;
mod fetch_wanted;
mod fetch_writer;
mod surrogate;

// Names: where they lead, which are shown, and to whom elsewhere.
mod catenate;
mod listing;
mod located;
mod place;
mod referral;

// What lasts longer than a command: NOTIFY, searches kept up to date, filters.
mod contexts;
mod filters;
mod notify;
mod notify_groups;
mod notify_names;
mod notify_told;
mod notify_watched;

// Modes that forbid something.
mod uid_only;
mod utf8_only;

pub use capability::is_known as is_known_capability;
pub use domain::Domain;
pub use mask::Mask;
pub use running::Watchdog;
pub use service::{Service, Settings, SpoolDirectory};
pub use session::run;

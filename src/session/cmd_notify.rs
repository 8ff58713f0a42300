//! NOTIFY.                                          RFC 5465 3.1
//!
//! What is asked for replaces what was, once all of it can be done; what it is worth is `notify`'s business.

use std::sync::Arc;

use super::core::{Core, State};
use super::notify::{self, Notify, Overflow};
use super::reply::{Handled, Reply};
use super::report;
use crate::mailbox::Account;
use crate::proto::{NotifySet, ResponseCode};
use crate::types::{Event, EventGroup};

pub(super) fn notify(core: &mut Core, state: &mut State, own: &Arc<Account>, wanted: Option<NotifySet>) -> Handled {
    let Some(NotifySet { status, groups }) = wanted else {
        core.notify = Some(Box::new(Notify::new(core, Vec::new())));
        return Ok(finish(core, state));
    };
    if groups.iter().flat_map(|group: &EventGroup| &group.events).any(|event| *event == Event::Unknown) {
        return Err(Reply::no(ResponseCode::BadEvent, "An event that is not known here").into());
    }
    // As NOOP does. RFC 5465 3.1
    if let State::Selected(_, selected) = state {
        report::results(core, selected)?;
    }
    let mut notify = Notify::new(core, groups);
    if let Err(Overflow) = notify.begin(core, own)? {
        let text = "More mailboxes are named than one session may watch; name fewer";
        return Err(Reply::no(ResponseCode::NotificationOverflow, text).into());
    }
    if status {
        notify.watched.status(core, state.selected())?;
    }
    if notify.groups.wants_annotations() {
        core.watch_annotations(own);
    }
    core.notify = Some(Box::new(notify));
    Ok(finish(core, state))
}

fn finish(core: &Core, state: &mut State) -> Reply {
    if let State::Selected(_, selected) = state {
        notify::listen(core, selected);
    }
    Reply::ok("NOTIFY completed")
}

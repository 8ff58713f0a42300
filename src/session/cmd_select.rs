//! SELECT, EXAMINE, CLOSE and UNSELECT.             RFC 9051 6.3.2, 6.3.3, 6.4.1, 6.4.2; RFC 3501 6.3.1; RFC 3691

use super::core::{Core, Selected};
use super::reply::{Handled, Reply};
use super::report;
use crate::mailbox::{Access, Account, Change, View};
use crate::proto::ResponseCode;
use crate::proto::response as wire;
use crate::types::MailboxName;

/// Opens a mailbox; the one that was selected before has been closed by then. RFC 9051 6.3.2
pub(super) fn select(
    core: &mut Core,
    account: &Account,
    name: &MailboxName,
    access: Access,
) -> Result<(Selected, Reply), super::reply::Failure> {
    let mailbox = account.mailbox(name)?;
    let view = View::open(mailbox, access, core.bell.clone())?;
    let selected = Selected::new(name.clone(), view);
    describe(core, &selected)?;
    let reply = match access {
        Access::ReadWrite => Reply::ok("SELECT completed").with(ResponseCode::ReadWrite),
        Access::ReadOnly => Reply::ok("EXAMINE completed").with(ResponseCode::ReadOnly),
    };
    Ok((selected, reply))
}

fn describe(core: &Core, selected: &Selected) -> Result<(), super::output::Gone> {
    let shown = selected.view.shown();
    let header = shown.header();
    let first_unseen = match header.unseen {
        0 => None,
        _ => shown.first_unseen().map(|message| message.seq()),
    };
    core.output.say(|out| {
        report::flags_and_permanent(out, selected);
        wire::untagged_number(out, shown.len(), "EXISTS");
        if !core.dialect.rev2 {
            wire::untagged_number(out, selected.view.recent_count(), "RECENT");
            if let Some(seq) = first_unseen {
                wire::untagged_ok(out, Some(&ResponseCode::Unseen(seq)), "First message without \\Seen");
            }
        }
        wire::untagged_ok(out, Some(&ResponseCode::UidValidity(header.uid_validity)), "UIDs are valid");
        if let Some(next) = crate::types::Uid::new(header.uid_next) {
            wire::untagged_ok(out, Some(&ResponseCode::UidNext(next)), "The next UID");
        }
        if core.dialect.rev2 {
            out.extend_from_slice(b"* LIST () \"/\" ");
            wire::mailbox(out, selected.name.as_str(), core.dialect);
            out.extend_from_slice(b"\r\n");
        }
    })
}

/// CLOSE expunges what is marked \Deleted, without a word, where the mailbox is selected for writing. RFC 9051 6.4.1
pub(super) fn close(selected: Selected) -> Handled {
    if selected.view.access() == Access::ReadWrite {
        selected.view.mailbox().commit(Change::Expunge(None))?;
    }
    Ok(Reply::ok("CLOSE completed"))
}

pub(super) fn unselect(selected: Selected) -> Handled {
    drop(selected);
    Ok(Reply::ok("UNSELECT completed"))
}

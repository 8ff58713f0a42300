//! STATUS.                                          RFC 9051 6.3.11, 7.3.2; RFC 8438; RFC 3501 6.3.10; RFC 7889; RFC 8474 4.3
//!
//! INTERNALSIZE, OLDEST and UNSEENMEDIA are CommuniGate Pro's.

use super::core::Core;
use super::place::Place;
use super::reply::{Failure, Handled, Reply};
use crate::mailbox::Mailbox;
use crate::proto::response as wire;
use crate::types::{InternalDate, Right, StatusItem, Visibility};

pub(super) fn status(core: &Core, place: &Place, items: &[StatusItem]) -> Handled {
    let mailbox = place.mailbox(Right::Read)?;
    let line = line(core, &place.shown, &mailbox, core.visibility(place.rights()), items)?;
    core.output.say(|out| out.extend_from_slice(&line))?;
    Ok(Reply::ok("STATUS completed"))
}

/// `* STATUS name (MESSAGES 17 UIDNEXT 18)`, of what the client sees of the mailbox.
pub(super) fn line(
    core: &Core,
    name: &str,
    mailbox: &Mailbox,
    visibility: Visibility,
    items: &[StatusItem],
) -> Result<Vec<u8>, Failure> {
    let values = items.iter().map(|item| value(core, mailbox, visibility, *item)).collect::<Result<Vec<_>, _>>()?;
    let mut out = b"* STATUS ".to_vec();
    wire::mailbox(&mut out, name, core.dialect);
    out.extend_from_slice(b" (");
    out.extend_from_slice(values.into_iter().flatten().collect::<Vec<String>>().join(" ").as_bytes());
    out.extend_from_slice(b")\r\n");
    Ok(out)
}

/// An item and its value; `None` for one that the mailbox does not have now.
fn value(
    core: &Core,
    mailbox: &Mailbox,
    visibility: Visibility,
    item: StatusItem,
) -> Result<Option<String>, Failure> {
    let header = mailbox.header()?;
    let sums = header.sums.seen(visibility);
    Ok(Some(match item {
        StatusItem::Messages => format!("MESSAGES {}", sums.messages),
        StatusItem::Recent => format!("RECENT {}", mailbox.recent(visibility)?),
        StatusItem::UidNext => format!("UIDNEXT {}", header.uid_next),
        StatusItem::UidValidity => format!("UIDVALIDITY {}", header.uid_validity),
        StatusItem::Unseen => format!("UNSEEN {}", sums.unseen),
        StatusItem::Deleted => format!("DELETED {}", sums.deleted),
        StatusItem::DeletedStorage => format!("DELETED-STORAGE {}", sums.deleted_bytes.div_ceil(1024)),
        StatusItem::Size => format!("SIZE {}", sums.bytes),
        StatusItem::HighestModSeq => format!("HIGHESTMODSEQ {}", header.highest_mod_seq),
        StatusItem::AppendLimit => format!("APPENDLIMIT {}", core.append_limit()),
        StatusItem::MailboxId => format!("MAILBOXID ({})", mailbox.object_id()),
        StatusItem::InternalSize => format!("INTERNALSIZE {}", sums.bytes),
        StatusItem::UnseenMedia => format!("UNSEENMEDIA {}", sums.unseen_media),
        StatusItem::Oldest if sums.messages == 0 => return Ok(None),
        StatusItem::Oldest => {
            let date = InternalDate { secs: sums.oldest_secs, zone_mins: 0 };
            format!("OLDEST \"{date}\"")
        }
    }))
}

//! STATUS.                                          RFC 9051 6.3.11, 7.3.2; RFC 8438; RFC 3501 6.3.10; RFC 7889; RFC 8474 4.3
//!
//! INTERNALSIZE, OLDEST and UNSEENMEDIA are CommuniGate Pro's.

use super::core::Core;
use super::place::Place;
use super::reply::{Failure, Handled, Reply};
use crate::mailbox::Mailbox;
use crate::proto::response as wire;
use crate::types::{InternalDate, Right, StatusItem};

pub(super) fn status(core: &Core, place: &Place, items: &[StatusItem]) -> Handled {
    write(core, &place.shown, &*place.mailbox(Right::Read)?, items)?;
    Ok(Reply::ok("STATUS completed"))
}

/// `* STATUS name (MESSAGES 17 UIDNEXT 18)`
pub(super) fn write(core: &Core, name: &str, mailbox: &Mailbox, items: &[StatusItem]) -> Result<(), Failure> {
    let values = items.iter().map(|item| value(core, mailbox, *item)).collect::<Result<Vec<_>, _>>()?;
    core.output.say(|out| {
        out.extend_from_slice(b"* STATUS ");
        wire::mailbox(out, name, core.dialect);
        out.extend_from_slice(b" (");
        out.extend_from_slice(values.into_iter().flatten().collect::<Vec<String>>().join(" ").as_bytes());
        out.extend_from_slice(b")\r\n");
    })?;
    Ok(())
}

/// An item and its value; `None` for one that the mailbox does not have now.
fn value(core: &Core, mailbox: &Mailbox, item: StatusItem) -> Result<Option<String>, Failure> {
    let header = mailbox.header()?;
    Ok(Some(match item {
        StatusItem::Messages => format!("MESSAGES {}", header.messages),
        StatusItem::Recent => format!("RECENT {}", mailbox.recent()?),
        StatusItem::UidNext => format!("UIDNEXT {}", header.uid_next),
        StatusItem::UidValidity => format!("UIDVALIDITY {}", header.uid_validity),
        StatusItem::Unseen => format!("UNSEEN {}", header.unseen),
        StatusItem::Deleted => format!("DELETED {}", header.deleted),
        StatusItem::DeletedStorage => format!("DELETED-STORAGE {}", header.deleted_bytes.div_ceil(1024)),
        StatusItem::Size => format!("SIZE {}", header.bytes),
        StatusItem::HighestModSeq => format!("HIGHESTMODSEQ {}", header.highest_mod_seq),
        StatusItem::AppendLimit => format!("APPENDLIMIT {}", core.append_limit()),
        StatusItem::MailboxId => format!("MAILBOXID ({})", mailbox.object_id()),
        StatusItem::InternalSize => format!("INTERNALSIZE {}", header.bytes),
        StatusItem::UnseenMedia => format!("UNSEENMEDIA {}", header.unseen_media),
        StatusItem::Oldest if header.messages == 0 => return Ok(None),
        StatusItem::Oldest => {
            let date = InternalDate { secs: header.oldest_secs, zone_mins: 0 };
            format!("OLDEST \"{date}\"")
        }
    }))
}

//! STATUS.                                          RFC 9051 6.3.11, 7.3.2; RFC 8438; RFC 3501 6.3.10

use super::core::Core;
use super::reply::{Failure, Handled, Reply};
use crate::mailbox::{Account, Mailbox};
use crate::proto::response as wire;
use crate::types::{MailboxName, StatusItem};

pub(super) fn status(core: &mut Core, account: &Account, name: &MailboxName, items: &[StatusItem]) -> Handled {
    let mailbox = account.mailbox(name)?;
    write(core, name.as_str(), &mailbox, items)?;
    Ok(Reply::ok("STATUS completed"))
}

/// `* STATUS name (MESSAGES 17 UIDNEXT 18)`
pub(super) fn write(core: &Core, name: &str, mailbox: &Mailbox, items: &[StatusItem]) -> Result<(), Failure> {
    let header = mailbox.header()?;
    let recent = if items.contains(&StatusItem::Recent) { mailbox.recent()? } else { 0 };
    core.output.say(|out| {
        out.extend_from_slice(b"* STATUS ");
        wire::mailbox(out, name, core.dialect);
        out.extend_from_slice(b" (");
        for (i, item) in items.iter().enumerate() {
            let (word, value) = match item {
                StatusItem::Messages => ("MESSAGES", header.messages.into()),
                StatusItem::Recent => ("RECENT", recent.into()),
                StatusItem::UidNext => ("UIDNEXT", header.uid_next.into()),
                StatusItem::UidValidity => ("UIDVALIDITY", header.uid_validity.get().into()),
                StatusItem::Unseen => ("UNSEEN", header.unseen.into()),
                StatusItem::Deleted => ("DELETED", header.deleted.into()),
                StatusItem::Size => ("SIZE", header.bytes),
                StatusItem::HighestModSeq => ("HIGHESTMODSEQ", header.highest_mod_seq.0),
            };
            let space = if i == 0 { "" } else { " " };
            out.extend_from_slice(format!("{space}{word} ").as_bytes());
            wire::number(out, value);
        }
        out.extend_from_slice(b")\r\n");
    })?;
    Ok(())
}

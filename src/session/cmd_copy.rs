//! COPY and MOVE, and their UID forms.              RFC 9051 6.4.7, 6.4.8; RFC 4315 3; RFC 6851
//!
//! A target that does not exist is `NO [TRYCREATE]`. MOVE says COPYUID before the EXPUNGEs, untagged, as RFC 6851 4.3
//! asks, so that a client which is cut off between knows where its messages are.

use super::core::{Core, Selected};
use super::limits;
use super::notify;
use super::place::Place;
use super::reply::{Failure, Handled, Reply};
use super::report;
use crate::mailbox::{Account, Copied, CopyMode, Seal, Target};
use crate::proto::response as wire;
use crate::proto::{EncryptFor, ResponseCode};
use crate::types::{By, NumberSet, Right};

/// Whom a command encrypts for; the user's own certificate may have expired since it was set.
pub(super) fn seal(own: &Account, encrypted: Option<&EncryptFor>) -> Result<Option<Seal>, Failure> {
    Ok(match encrypted {
        None => None,
        Some(EncryptFor::User) => Some(own.seal()?),
        Some(EncryptFor::Certificate(text)) => Some(Seal::of(text)?),
    })
}

pub(super) fn copy(
    core: &mut Core,
    selected: &mut Selected,
    set: &NumberSet,
    by: By,
    place: &Place,
    mode: CopyMode,
    seal: Option<Seal>,
) -> Handled {
    if mode == CopyMode::Move {
        selected.require(&[Right::DeleteMessages, Right::Expunge])?;
    }
    let uids = selected.resolve(set, by)?;
    let (uids, limited) = match mode {
        CopyMode::Copy => {
            limits::check_copy(core, &uids)?;
            (uids, None)
        }
        CopyMode::Move => limits::highest(core, uids),
    };
    let target = place.to_be_filled()?;
    let running = core.running();
    let mut progress = |done, goal| {
        if let Some(running) = &running {
            running.progress(done, goal);
        }
    };
    let to = Target { owner: &place.account, mailbox: &target, rights: place.rights() };
    let copied = selected.view.copy(&uids, &to, mode, seal, &mut progress)?;
    drop(running);
    if let Some(copied) = &copied {
        notify::created(core, Some(selected), &target, &copied.target);
    }
    match mode {
        CopyMode::Copy => {
            report::news_by(core, selected, by)?;
            Ok(finish(Reply::ok("COPY completed"), copied))
        }
        CopyMode::Move => {
            if let Some(copied) = copied {
                let code = code(copied);
                core.output.say(|out| wire::untagged_ok(out, Some(&code), &core.said("Moved")))?;
            }
            report::results(core, selected)?;
            let reply = Reply::ok("MOVE completed");
            // RFC 7162 3.2.7, for what MOVE expunges.
            let reply = match core.dialect.qresync {
                true => reply.with(ResponseCode::HighestModSeq(selected.view.shown().header().highest_mod_seq)),
                false => reply,
            };
            Ok(limits::finish(core, reply, limited)?)
        }
    }
}

fn finish(reply: Reply, copied: Option<Copied>) -> Reply {
    match copied {
        Some(copied) => reply.with(code(copied)),
        None => reply,
    }
}

fn code(copied: Copied) -> ResponseCode {
    ResponseCode::CopyUid { uid_validity: copied.uid_validity, source: copied.source, target: copied.target }
}

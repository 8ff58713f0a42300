//! APPEND.                            RFC 9051 6.3.12; RFC 3502; RFC 3516 4.4; RFC 4315 3; RFC 4469; RFC 5257 4.7; RFC 6855 4; RFC 7888
//!
//! All messages have been received in full, in memory or in spool files, before anything is done about them; all of
//! them are appended by one commit, or none.

use std::sync::Arc;

use super::cmd_annotate;
use super::core::{Core, Selected};
use super::limits;
use super::notify;
use super::reply::{Failure, Handled, Reply};
use crate::mailbox::{Account, Change, Intake, MailboxError, NewAnnotation, NewMessage};
use crate::metrics;
use crate::proto::{AppendCommand, AppendMessage, Literal, ResponseCode};
use crate::types::{Flag, InternalDate, Right, Rights, SystemFlag, Uid, UidSet};

use super::catenate::Plan;

/// A message on its way in, as the client sent it.
pub(super) struct Arriving {
    flags: Vec<Flag>,
    date: Option<InternalDate>,
    annotations: Vec<NewAnnotation>,
    plan: Plan,
}

impl Arriving {
    /// On its way to a mailbox for which the user has these rights.
    pub(super) fn new(
        core: &Core,
        own: &Arc<Account>,
        rights: Rights,
        message: AppendMessage,
    ) -> Result<Arriving, Failure> {
        let annotations = cmd_annotate::taken(core, own, rights, message.annotations)?;
        let plan = core.plan(own, message.data)?;
        match plan.len() {
            0 => Err(Reply::no(ResponseCode::Cannot, "An empty message cancels APPEND").into()),
            _ => Ok(Arriving { flags: message.flags, date: message.date, annotations, plan }),
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.plan.len()
    }

    /// Ready for its mailbox, for somebody who has these rights there.
    pub(super) fn take(self, core: &Core, intake: &mut Intake<'_>, rights: Rights) -> Result<NewMessage, Failure> {
        let (flags, date) = (permitted(self.flags, rights), self.date.unwrap_or_else(now));
        let taken: Result<NewMessage, MailboxError> = match core.assemble(self.plan)? {
            Literal::Memory(octets) => intake.take(octets, flags, date),
            Literal::Spool(file, _) => intake.take_file(file, flags, date),
        };
        let mut taken = taken?;
        let parts = cmd_annotate::parts(self.annotations.iter().map(|new| new.entry.part()));
        if !parts.is_empty() {
            cmd_annotate::check_parts(&taken.make_summary(), &parts)?;
        }
        taken.annotations = self.annotations;
        // RFC 9755 4
        if !core.takes_utf8_headers() && taken.is_header_eight_bit()? {
            let text = "The message's header is not ASCII; say ENABLE UTF8=ACCEPT first";
            return Err(Reply::no(ResponseCode::Cannot, text).into());
        }
        Ok(taken)
    }
}

pub(super) fn append(
    core: &mut Core,
    own: &Arc<Account>,
    selected: Option<&mut Selected>,
    command: AppendCommand,
) -> Handled {
    let place = core.place(own, &command.mailbox)?;
    let (account, target, rights) = (&place.account, place.to_be_filled()?, place.rights());
    limits::check_append(core, command.messages.len())?;
    let arriving = command.messages.into_iter().map(|message| Arriving::new(core, own, rights, message));
    let arriving = arriving.collect::<Result<Vec<_>, _>>()?;
    let octets = arriving.iter().map(Arriving::len).sum();
    let mut intake = account.intake(&target)?;
    intake.take_room(arriving.len() as u64, octets)?;
    let running = core.running();
    let (mut messages, goal) = (Vec::with_capacity(arriving.len()), arriving.len());
    for message in arriving {
        messages.push(message.take(core, &mut intake, rights)?);
        if let Some(running) = &running {
            running.progress(messages.len() as u64, goal as u64);
        }
    }
    intake.take_room_sealed(messages.iter())?;
    let outcome = target.commit(Change::Append(messages))?;
    drop((intake, running));
    count(outcome.appended.len(), octets);
    let uid_validity = target.header()?.uid_validity;
    let uids: UidSet = outcome.appended.into_iter().collect();
    notify::created(core, selected, &target, &uids);
    Ok(Reply::ok("APPEND completed").with(ResponseCode::AppendUid { uid_validity, uids }))
}

pub(super) fn count(messages: usize, octets: u64) {
    metrics::MESSAGES_APPENDED.add(messages as u64);
    metrics::BYTES_APPENDED.add(octets);
}

pub(super) fn append_uid(uid_validity: crate::types::UidValidity, uids: Vec<Uid>) -> ResponseCode {
    ResponseCode::AppendUid { uid_validity, uids: uids.into_iter().collect() }
}

/// Flags that the list does not permit are left out. RFC 4314 4
pub(super) fn permitted(flags: Vec<Flag>, rights: Rights) -> Vec<Flag> {
    flags.into_iter().filter(|flag| rights.has(right_for(flag))).collect()
}

/// The right that setting or clearing a flag needs.
pub(super) fn right_for(flag: &Flag) -> Right {
    match flag {
        Flag::System(SystemFlag::Seen) => Right::Seen,
        Flag::System(SystemFlag::Deleted) => Right::DeleteMessages,
        _ => Right::Write,
    }
}

fn now() -> InternalDate {
    let now = crate::sys::local_time();
    InternalDate { secs: now.timestamp(), zone_mins: (now.offset().local_minus_utc() / 60) as i16 }
}

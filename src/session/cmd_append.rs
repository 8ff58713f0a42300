//! APPEND.                                          RFC 9051 6.3.12; RFC 4315 3; RFC 7888
//!
//! The message has been received in full, in memory or in a spool file; it is hashed, parsed and stored piece by piece.

use std::io::Read;

use super::cmd_copy::to_be_filled;
use super::core::Core;
use super::reply::{Failure, Handled, Reply, internal};
use crate::mailbox::{Account, Change, Intake};
use crate::proto::{AppendCommand, Literal, ResponseCode};
use crate::types::InternalDate;

/// Octets of a spool file that are in memory at once.
const PIECE_BYTES: usize = 256 * 1024;

pub(super) fn append(core: &mut Core, account: &Account, command: AppendCommand) -> Handled {
    let target = to_be_filled(account, &command.mailbox)?;
    if command.message.len() == 0 {
        return Err(Reply::no(ResponseCode::Cannot, "An empty message is not appended").into());
    }
    let running = core.running();
    let mut intake = Intake::new(account);
    feed(&mut intake, command.message)?;
    let date = command.date.unwrap_or_else(InternalDate::now);
    let message = intake.finish(command.flags, date)?;
    let outcome = target.commit(Change::Append(vec![message]))?;
    drop(running);
    let uid_validity = target.header()?.uid_validity;
    let code = ResponseCode::AppendUid { uid_validity, uids: outcome.appended.into_iter().collect() };
    Ok(Reply::ok("APPEND completed").with(code))
}

fn feed(intake: &mut Intake<'_>, message: Literal) -> Result<(), Failure> {
    match message {
        Literal::Memory(octets) => intake.write(&octets)?,
        Literal::Spool(mut spool) => {
            let mut piece = vec![0; PIECE_BYTES];
            loop {
                let got = spool.read(&mut piece).map_err(|error| Failure::Refused(internal(&error)))?;
                if got == 0 {
                    break;
                }
                intake.write(&piece[..got])?;
            }
        }
    }
    Ok(())
}

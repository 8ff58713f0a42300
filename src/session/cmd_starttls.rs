//! STARTTLS.                                        RFC 9051 6.2.1, 11.1
//!
//! What the client sent in the clear behind the command is thrown away: somebody else may have put it there.

use super::core::Core;
use super::reply::{Failure, Reply};
use crate::proto::response::status;
use crate::proto::{Framer, ResponseCode};

pub(super) fn starttls(core: &mut Core, framer: &mut Framer) -> Result<(), Failure> {
    if core.stream.is_tls() {
        return Err(Reply::bad("TLS is active already").into());
    }
    let settings = core.service.settings();
    let Some(tls) = settings.tls.config(core.domain.as_deref()).filter(|_| core.may_start_tls) else {
        return Err(Reply::no(ResponseCode::Unavailable, "There is no TLS on this port").into());
    };
    let tag = core.tag.clone();
    core.output.say(|out| status(out, &tag, "OK", None, "Begin TLS now"))?;
    core.output.flush()?;
    framer.discard();
    if let Err(error) = core.stream.start_tls(tls, settings.handshake_timeout) {
        log::info!("{}: no TLS: {error}", core.stream.peer());
        return Err(Failure::Gone);
    }
    core.find_domain();
    Ok(())
}

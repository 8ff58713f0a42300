//! COMPRESS.                                        RFC 4978

use super::core::Core;
use super::reply::{Failure, Reply};
use crate::proto::response::status;
use crate::proto::{Framer, ResponseCode};

/// The tagged OK is the last that is said in the clear.
pub(super) fn compress(core: &mut Core, framer: &Framer, mechanism: &str) -> Result<(), Failure> {
    if !mechanism.eq_ignore_ascii_case("DEFLATE") {
        return Err(Reply::bad("DEFLATE is the only mechanism").into());
    }
    if core.stream.is_compressed() {
        return Err(Reply::no(ResponseCode::CompressionActive, "DEFLATE is active already").into());
    }
    // Whether what follows is compressed cannot be known.
    if !framer.is_idle() {
        return Err(Reply::bad("Nothing may be sent behind COMPRESS before its answer").into());
    }
    let tag = core.tag.clone();
    core.output.say(|out| status(out, &tag, "OK", None, "DEFLATE is active"))?;
    core.output.flush()?;
    core.stream.start_compression();
    Ok(())
}

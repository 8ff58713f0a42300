//! ID.                                              RFC 2971
//!
//! The client's name goes to the log, for the admin who must know what trips over what, and decides by it what is masked;
//! ours tells name and version.

use super::core::Core;
use super::reply::{Handled, Reply};
use crate::log::beginning;

/// Octets of it that the log has: name, version and system are among the first.
const SHOWN_BYTES: usize = 512;

pub(super) fn id(core: &mut Core, fields: &[(String, Option<String>)]) -> Handled {
    let shown: Vec<String> =
        fields.iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?))).collect();
    // Once, and not all that there may be: anybody can say it, again and again.
    if !std::mem::replace(&mut core.has_said_who, true) {
        log::info!("client: {}", beginning(&shown.join(" "), SHOWN_BYTES));
    }
    let name =
        fields.iter().find(|(field, _)| field.eq_ignore_ascii_case("name")).and_then(|(_, name)| name.as_ref());
    if let Some(name) = name {
        core.client = Some(name.clone());
    }
    core.output.say(|out| {
        let id = format!("* ID (\"name\" \"Gatepost\" \"version\" \"{}\")\r\n", env!("CARGO_PKG_VERSION"));
        out.extend_from_slice(id.as_bytes());
    })?;
    Ok(Reply::ok("ID completed"))
}

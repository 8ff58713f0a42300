//! ID.                                              RFC 2971
//!
//! The client's name goes to the log, for the admin who must know what trips over what, and decides by it what is masked; ours tells name and version.

use super::core::Core;
use super::reply::{Handled, Reply};

pub(super) fn id(core: &mut Core, fields: &[(String, Option<String>)]) -> Handled {
    let shown: Vec<String> =
        fields.iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?))).collect();
    log::info!("client: {}", shown.join(" "));
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

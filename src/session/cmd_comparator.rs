//! COMPARATOR.                                      RFC 5255 4.7, 4.8
//!
//! How SEARCH, SORT and THREAD compare strings from now on. What keeps a search up to date compares as it did when the
//! search came.

use super::core::Core;
use super::reply::{Handled, Reply};
use crate::proto::ResponseCode;
use crate::proto::response as wire;
use crate::types::Comparator;

pub(super) fn comparator(core: &mut Core, wanted: &[String]) -> Handled {
    let matching: Vec<Comparator> = wanted.iter().flat_map(|wanted| Comparator::matching(wanted)).collect();
    match matching.first() {
        // The first argument that matches wins.
        Some(first) => core.comparator = *first,
        None if wanted.is_empty() => {}
        None => {
            let text = "No such comparator; i;unicode-casemap, i;ascii-casemap and i;octet are known";
            return Err(Reply::no(ResponseCode::BadComparator, text).into());
        }
    }
    let listed: Vec<&str> =
        Comparator::ALL.into_iter().filter(|known| matching.contains(known)).map(Comparator::name).collect();
    core.output.say(|out| {
        wire::text(out, format_args!("* COMPARATOR {}", core.comparator.name()));
        if listed.len() > 1 {
            wire::text(out, format_args!(" ({})", listed.join(" ")));
        }
        out.extend_from_slice(b"\r\n");
    })?;
    Ok(Reply::ok("COMPARATOR completed"))
}

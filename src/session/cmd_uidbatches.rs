//! UIDBATCHES.                                      RFC 10022
//!
//! Ranges of UIDs, from the newest message down, each around as many messages as the client wants to deal with at once.

use super::core::{Core, Selected};
use super::reply::{Handled, Reply};
use super::report;
use crate::mailbox::{Expunges, Snapshot};
use crate::proto::ResponseCode;
use crate::proto::response as wire;
use crate::types::{Seq, Uid};

/// Messages of a batch. Smaller ones would have a client ask a thousand times for what a few commands give it.
const BATCH_MIN: u32 = 500;
/// Larger ones are no batches any more.
const BATCH_MAX: u32 = 100_000;

/// `which`: the first and the last batch that are wanted, 1 being the newest.
pub(super) fn uidbatches(core: &mut Core, selected: &mut Selected, size: u32, which: Option<(u32, u32)>) -> Handled {
    if size < BATCH_MIN {
        let text = format!("A batch has {BATCH_MIN} messages at least");
        return Err(Reply::no(ResponseCode::TooFew, text).into());
    }
    if size > BATCH_MAX {
        let text = format!("A batch has {BATCH_MAX} messages at most");
        return Err(Reply::no(ResponseCode::TooMany, text).into());
    }
    let (first, last) = which.map_or((1, u32::MAX), |(a, b)| (a.min(b), a.max(b)));
    let shown = selected.view.shown();
    let batches = shown.len().div_ceil(size);
    core.output.say(|out| {
        out.extend_from_slice(b"* UIDBATCHES (TAG ");
        wire::quoted(out, core.tag.as_bytes());
        out.push(b')');
        for n in first..=last.min(batches) {
            if let Some((newest, oldest)) = ends(shown, size, n) {
                let separator = if n == first { ' ' } else { ',' };
                wire::text(out, format_args!("{separator}{newest}:{oldest}"));
            }
        }
        out.extend_from_slice(b"\r\n");
    })?;
    report::news(core, selected, Expunges::Report)?;
    Ok(Reply::ok("UIDBATCHES completed"))
}

/// The newest and the oldest message of a batch that exists.
fn ends(shown: &Snapshot, size: u32, batch: u32) -> Option<(Uid, Uid)> {
    let newest = shown.len().checked_sub((batch - 1).checked_mul(size)?)?;
    let oldest = newest.saturating_sub(size) + 1;
    let uid = |seq: u32| Some(shown.by_seq(Seq::new(seq)?)?.uid());
    Some((uid(newest)?, uid(oldest)?))
}

//! UIDBATCHES.                                      RFC 10022
//!
//! Ranges of UIDs, from the newest message down, each of as many messages as the client wants to deal with at once.
//! The ranges leave no UID out: each ends where the next begins, the last at UID 1.

use super::core::{Core, Selected};
use super::limits;
use super::reply::{Failure, Handled, Reply};
use super::report;
use crate::mailbox::{Expunges, MailboxError, Snapshot};
use crate::proto::ResponseCode;
use crate::proto::response as wire;
use crate::types::{Seq, UidSet};

/// Messages of a batch. Smaller ones would have a client ask a thousand times for what a few commands give it.
const BATCH_MIN: u32 = 500;

/// Messages that the batches of one command span: what is looked at is read into memory.
const SPAN_MAX: u64 = 1_000_000;

/// `which`: the first and the last batch that are wanted, 1 being the newest.
pub(super) fn uidbatches(core: &mut Core, selected: &mut Selected, size: u32, which: Option<(u32, u32)>) -> Handled {
    let messages = selected.view.shown().len();
    check(size, which, messages)?;
    // A batch is what one command can deal with. RFC 9738 3
    limits::check_whole(core, size.min(messages).into())?;
    let (first, last) = which.unwrap_or((1, u32::MAX));
    let batches = first..=last.min(messages.div_ceil(size));
    let ends = ends(selected.view.shown(), size, batches)?;
    core.output.say(|out| {
        out.extend_from_slice(b"* UIDBATCHES (TAG ");
        wire::quoted(out, core.tag.as_bytes());
        out.push(b')');
        for (i, (newest, oldest)) in ends.iter().enumerate() {
            let separator = if i == 0 { ' ' } else { ',' };
            wire::text(out, format_args!("{separator}{newest}:{oldest}"));
        }
        out.extend_from_slice(b"\r\n");
    })?;
    report::news(core, selected, Expunges::Report)?;
    Ok(Reply::ok("UIDBATCHES completed"))
}

/// Batches that are too small, and a command that asks for too many messages: by the batches that it names, however few
/// there are, else by those that there are.
fn check(size: u32, which: Option<(u32, u32)>, messages: u32) -> Result<(), Failure> {
    if size < BATCH_MIN {
        let text = format!("A batch has {BATCH_MIN} messages at least");
        return Err(Reply::no(ResponseCode::TooFew, text).into());
    }
    let span = match which {
        Some((first, last)) if first > last => {
            return Err(Reply::bad("The range of batches begins with the lower number").into());
        }
        Some((first, last)) => u64::from(size) * (u64::from(last - first) + 1),
        None => messages.into(),
    };
    match span > SPAN_MAX {
        true => {
            let text = format!("The batches span more than {SPAN_MAX} messages; ask for fewer");
            Err(Reply::no(ResponseCode::TooMany, text).into())
        }
        false => Ok(()),
    }
}

/// The highest and the lowest UID of each of these batches, all of which there are.
fn ends(
    shown: &Snapshot,
    size: u32,
    batches: std::ops::RangeInclusive<u32>,
) -> Result<Vec<(u32, u32)>, MailboxError> {
    // The number of a batch's newest message; 0 behind the last batch.
    let number = |batch: u32| u64::from(shown.len()).saturating_sub(u64::from(batch - 1) * u64::from(size)) as u32;
    let mut seqs: Vec<Seq> = batches.clone().filter_map(|batch| Seq::new(number(batch))).collect();
    seqs.extend(batches.end().checked_add(1).filter(|_| !batches.is_empty()).and_then(|next| Seq::new(number(next))));
    let mut wanted = UidSet::new();
    seqs.iter().rev().for_each(|seq| wanted.push_seq(*seq));
    shown.load_seqs(&wanted)?;
    let newest: Vec<u32> = seqs.iter().filter_map(|seq| Some(shown.by_seq(*seq)?.uid().get())).collect();
    let below = newest.iter().skip(1).map(|next| next + 1).chain(std::iter::once(1));
    Ok(newest.iter().copied().zip(below).take(batches.count()).collect())
}

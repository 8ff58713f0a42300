//! FETCH and UID FETCH.                             RFC 9051 6.4.5, 7.5.2; RFC 3501 6.4.5; RFC 3516 4.2, 4.3; RFC 8970
//!
//! What is small is answered from the index and the summary; the octets of a message are read piece by piece and only
//! where they are asked for. A section that is fetched without PEEK sets \Seen: the flags are committed for a batch of
//! messages before the batch is answered, so that no client is shown a flag that a crash could take back.

use super::cmd_annotate;
use super::content::Missing;
use super::core::{Core, Selected};
use super::fetch_message::Fetcher;
use super::limits;
use super::reply::{Failure, Handled, Reply};
use super::report;
use crate::mailbox::{Change, Expunges, MailboxError, Message, StoreError, StoreMode};
use crate::proto::response as wire;
use crate::proto::{Dialect, FetchModifiers, ResponseCode};
use crate::types::{By, FetchItem, Flag, ModSeq, NumberSet, Right, SystemFlag, Uid, UidSet};

/// In which order messages are answered for: from the highest UID down where not all of them are. RFC 9738 3.1
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

/// Messages whose \Seen is committed at once.
const SEEN_BATCH: usize = 200;

pub(super) fn fetch(
    core: &mut Core,
    selected: &mut Selected,
    set: &NumberSet,
    by: By,
    items: &[FetchItem],
    modifiers: FetchModifiers,
) -> Handled {
    if items.contains(&FetchItem::ModSeq) {
        core.enable_condstore(Some(selected))?;
    }
    let uids = match modifiers.changed_since {
        Some(since) => changed_since(core, selected, set, by, since, modifiers)?,
        None => in_range(selected.resolve(set, by)?, modifiers),
    };
    if modifiers.partial.is_some() {
        limits::check_whole(core, uids.count())?;
    }
    let (uids, limited) = limits::highest(core, uids);
    let order = if limited.is_some() { Order::Descending } else { Order::Ascending };
    cmd_annotate::check_items(&selected.view, &uids, items)?;
    let items = with_uid(items, by, core.dialect);
    let answered = fetch_items(core, selected, &uids, &items, order)?;
    report::news_by(core, selected, by)?;
    if answered.unread {
        let text = "Some of the messages cannot be read; the server's log says which";
        return Err(Reply::no(ResponseCode::ServerBug, text).into());
    }
    let expunged = "Some of the messages have been expunged";
    match (answered.missing, answered.downgraded.is_empty()) {
        (false, true) => Ok(limits::finish(core, Reply::ok("FETCH completed"), limited)?),
        // RFC 6858 4
        (false, false) => {
            let reply = Reply::ok("FETCH completed").with(ResponseCode::Downgraded(answered.downgraded));
            Ok(limits::finish(core, reply, limited)?)
        }
        (true, _) if limited.is_some() => {
            Ok(limits::finish(core, Reply::ok(expunged).with(ResponseCode::ExpungeIssued), limited)?)
        }
        (true, _) => Err(Reply::no(ResponseCode::ExpungeIssued, expunged).into()),
    }
}

/// Those of the named messages that stand at the places of PARTIAL. RFC 9394 3.3
fn in_range(uids: UidSet, modifiers: FetchModifiers) -> UidSet {
    match modifiers.partial {
        Some(range) => uids.at(range.of(uids.count() as usize)),
        None => uids,
    }
}

/// Those of the named messages that have changed since, and, where the client wants to hear of them, those that are gone.
/// RFC 7162 3.1.4.1, 3.2.6
fn changed_since(
    core: &Core,
    selected: &mut Selected,
    set: &NumberSet,
    by: By,
    since: ModSeq,
    modifiers: FetchModifiers,
) -> Result<UidSet, Failure> {
    if modifiers.vanished {
        if !core.dialect.qresync {
            return Err(Reply::bad("ENABLE QRESYNC first").into());
        }
        // What is gone must have left the view before it can be said to have gone earlier.
        report::news(core, selected, Expunges::Report)?;
    }
    let named = match by {
        By::Uid => selected.view.named_uids(set, &selected.saved),
        By::Seq => selected.resolve(set, by)?,
    };
    if modifiers.vanished {
        let vanished = selected.view.vanished(since)?.intersection(&named);
        core.output.say(|out| wire::vanished_earlier(out, &vanished))?;
    }
    // PARTIAL counts messages, those without a change too. RFC 9394 3.4
    let named = match modifiers.partial {
        Some(_) => in_range(selected.resolve(set, by)?, modifiers),
        None => named,
    };
    let changed = selected.view.shown().changed_since(since).map(|message| message.uid());
    Ok(changed.filter(|uid| named.contains(uid.get())).collect())
}

/// UID FETCH says the UID whether it was asked for or not, but where it stands before the response. RFC 9051 6.4.9;
/// RFC 9586 3.3
fn with_uid(items: &[FetchItem], by: By, dialect: Dialect) -> Vec<FetchItem> {
    let said = dialect.uid_only || items.contains(&FetchItem::Uid);
    let uid = (by == By::Uid && !said).then_some(FetchItem::Uid);
    uid.into_iter().chain(items.iter().cloned()).collect()
}

fn sets_seen(item: &FetchItem) -> bool {
    match item {
        FetchItem::BodySection { peek, .. } | FetchItem::Binary { peek, .. } => !peek,
        FetchItem::Rfc822 | FetchItem::Rfc822Text => true,
        _ => false,
    }
}

#[derive(Default)]
struct Answered {
    /// Some messages are there no more.
    missing: bool,
    /// The octets of some are lost.
    unread: bool,
    /// What was given of them is not what they are.
    downgraded: UidSet,
}

impl Answered {
    fn add(&mut self, more: Answered) {
        self.missing |= more.missing;
        self.unread |= more.unread;
        more.downgraded.uids().for_each(|uid| self.downgraded.push(uid));
    }
}

/// As a FETCH that nobody asked for, of messages that have come. RFC 5465 5.2
pub(super) fn fetch_new(
    core: &Core,
    selected: &mut Selected,
    uids: &UidSet,
    items: &[FetchItem],
) -> Result<(), Failure> {
    fetch_items(core, selected, uids, items, Order::Ascending).map(drop)
}

fn fetch_items(
    core: &Core,
    selected: &mut Selected,
    uids: &UidSet,
    items: &[FetchItem],
    order: Order,
) -> Result<Answered, Failure> {
    match selected.is_writable() && selected.rights.has(Right::Seen) && items.iter().any(sets_seen) {
        true => fetch_and_mark(core, selected, uids, items, order),
        false => answer(core, selected, uids, items, &UidSet::new(), order),
    }
}

fn answer(
    core: &Core,
    selected: &Selected,
    uids: &UidSet,
    items: &[FetchItem],
    marked: &UidSet,
    order: Order,
) -> Result<Answered, Failure> {
    // Summaries are read by pages upwards.
    let together = if order == Order::Ascending { uids.count() } else { 1 };
    let mut fetcher = Fetcher::new(&selected.view, items, together, core);
    let (mut missing, mut unread) = (false, false);
    let shown = selected.view.shown().clone();
    let ascending = shown.in_uids(uids);
    let messages: Box<dyn Iterator<Item = Message<'_>>> = match order {
        Order::Ascending => Box::new(ascending),
        Order::Descending => Box::new(ascending.collect::<Vec<_>>().into_iter().rev()),
    };
    for message in messages {
        let with_flags = marked.contains(message.uid().get());
        match core.output.respond(|response| Ok(fetcher.message(response, &message, with_flags)))? {
            Ok(()) => {}
            Err(Missing::Message) => missing = true,
            Err(Missing::Octets) if selected.view.is_gone(message.uid())? => missing = true,
            Err(Missing::Octets) => unread = true,
            Err(Missing::Refused(failure)) => return Err(failure),
        }
        core.user.iter().for_each(|user| fetcher.keep(user));
    }
    core.user.iter().for_each(|user| fetcher.keep_all(user));
    Ok(Answered { missing, unread, downgraded: fetcher.downgraded })
}

fn fetch_and_mark(
    core: &Core,
    selected: &mut Selected,
    uids: &UidSet,
    items: &[FetchItem],
    order: Order,
) -> Result<Answered, Failure> {
    let mut all: Vec<Uid> = selected.view.shown().in_uids(uids).map(|message| message.uid()).collect();
    if order == Order::Descending {
        all.reverse();
    }
    let mut answered = Answered::default();
    for batch in all.chunks(SEEN_BATCH) {
        let batch: UidSet = batch.iter().copied().collect();
        let marked = mark_seen(core, selected, &batch)?;
        answered.add(answer(core, selected, &batch, items, &marked, order)?);
    }
    Ok(answered)
}

/// Sets \Seen where it is not set: the messages whose flags the client must be told.
fn mark_seen(core: &Core, selected: &mut Selected, batch: &UidSet) -> Result<UidSet, Failure> {
    let unseen = |message: &Message<'_>| !message.flags().has(SystemFlag::Seen);
    let uids: UidSet = selected.view.shown().in_uids(batch).filter(unseen).map(|message| message.uid()).collect();
    if uids.is_empty() {
        return Ok(uids);
    }
    let marked = selected.view.mailbox().commit(Change::Store {
        uids: uids.clone(),
        mode: StoreMode::Add,
        flags: vec![Flag::System(SystemFlag::Seen)],
        unchanged_since: None,
        visibility: selected.view.visibility(),
    });
    match marked {
        // What cannot be written now can be read all the same.
        Err(MailboxError::Store(error @ (StoreError::Full | StoreError::Poisoned | StoreError::Engine(_)))) => {
            log::info!("\\Seen is not set: {error}");
            return Ok(UidSet::new());
        }
        marked => drop(marked?),
    }
    let mut changes = report::sync(core, selected)?;
    let heard = report::hears_flags(core);
    changes.flags.retain(|uid| heard && !uids.contains(uid.get()));
    report::changes(core, selected, &changes, By::Uid)?;
    Ok(uids)
}

//! Import and export of messages.

use std::sync::Arc;

use serde_json::{Value, json};

use super::failed::{EX_DATAERR, Failed};
use super::unread_json;
use super::verbs::{Verbs, account_name, mailbox_name, new_mailbox_name};
use super::wire::Wire;
use crate::mailbox::{
    Account, Change, Intake, LeftOut, Mailbox, MailboxError, NewAnnotation, NewMessage, Present, Refusal,
};
use crate::store::{StoreError, Unread};
use crate::types::{AccountName, Flag, InternalDate, Keyword, MailboxName, MessageEntry, SystemFlag};

/// Messages, and octets, of one commit of an import: its sync is shared by all of them.
const BATCH_MESSAGES: usize = 200;
const BATCH_BYTES: u64 = 8 << 20;

/// Takes messages until a line without a size: each `{"size", "flags", "secs", "zone", "annotations"}` and its octets, and so
/// many annotations, each `{"entry", "user", "size"}` and its octets. Of the messages that the mailbox has already none is
/// taken where the request says `"only": "missing"`, but gives its octets back where those there cannot be read. The answer
/// says what was left out: messages that are too large, and annotations.
pub(super) fn import(verbs: &Verbs, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
    let account = verbs.manager.account(&account_name(request)?)?;
    let name = new_mailbox_name(request, "mailbox")?;
    let mailbox = made(&account, &name)?;
    let there = match request["only"].as_str() {
        Some("missing") => Some(mailbox.present()?),
        _ => None,
    };
    let mut import = Import::new(&account, &mailbox, there)?;
    loop {
        let head = wire.receive()?.ok_or_else(|| Failed::new(EX_DATAERR, "the import was cut short"))?;
        let Some(size) = head["size"].as_u64() else {
            import.flush(wire)?;
            return Ok(import.answer(name));
        };
        import.take(verbs, &head, size, wire)?;
        if import.batch.len() >= BATCH_MESSAGES || import.bytes >= BATCH_BYTES {
            import.flush(wire)?;
        }
    }
}

struct Import<'a> {
    account: &'a Account,
    mailbox: &'a Arc<Mailbox>,
    /// Where what is there already is not taken.
    there: Option<Present>,
    intake: Intake<'a>,
    /// What waits for a commit, and its octets.
    batch: Vec<NewMessage>,
    bytes: u64,
    /// Messages that have come, and those of them that were taken.
    come: u64,
    taken: u64,
    too_big: TooBig,
    /// Whether annotations were left out.
    bare: bool,
}

impl<'a> Import<'a> {
    fn new(account: &'a Account, mailbox: &'a Arc<Mailbox>, there: Option<Present>) -> Result<Import<'a>, Failed> {
        let intake = intake(account, mailbox, there.as_ref())?;
        let (batch, too_big) = (Vec::new(), TooBig::default());
        Ok(Import { account, mailbox, there, intake, batch, bytes: 0, come: 0, taken: 0, too_big, bare: false })
    }

    fn take(&mut self, verbs: &Verbs, head: &Value, size: u64, wire: &mut Wire) -> Result<(), Failed> {
        self.come += 1;
        let taken = message(&mut self.intake, head, wire.octets(size)?);
        let annotations = annotations(verbs, head, wire, &mut self.bare)?;
        let message = match taken {
            Ok(message) => NewMessage { annotations, ..message },
            Err(MailboxError::Refused(refusal @ Refusal::TooBig)) => {
                self.too_big.note(self.come, size, &refusal);
                return Ok(());
            }
            Err(error) => {
                let failed = Failed::from(error);
                return Err(Failed::new(failed.exit, format!("message {}: {}", self.come, failed.text)));
            }
        };
        if self.there.as_mut().map_or(Ok(true), |there| there.lacks(&message))? {
            self.batch.push(message);
            self.bytes += size;
            self.taken += 1;
        }
        Ok(())
    }

    /// Commits what waits.
    fn flush(&mut self, wire: &mut Wire) -> Result<(), Failed> {
        self.bare |= flush(self.mailbox, &mut self.batch)? == Flushed::Bare;
        self.bytes = 0;
        self.intake = intake(self.account, self.mailbox, self.there.as_ref())?;
        wire.send(&json!({ "progress": self.taken, "of": 0 }))?;
        Ok(wire.flush()?)
    }

    fn answer(self, name: MailboxName) -> Value {
        let mut left_out = self.too_big.texts();
        left_out.extend(self.bare.then(|| LeftOut::MessageAnnotations(name).to_string()));
        let mended = self.there.as_ref().map_or(0, Present::mended);
        json!({ "messages": self.taken, "mended": mended, "left_out": left_out })
    }
}

/// What is restored is as it was, encrypted or not.
fn intake<'a>(account: &'a Account, mailbox: &Mailbox, there: Option<&Present>) -> Result<Intake<'a>, MailboxError> {
    match there {
        Some(_) => Ok(account.intake_again()),
        None => account.intake(mailbox),
    }
}

/// So many messages that are too large are named; the others are counted.
const NAMED_MAX: usize = 1000;

/// Messages of an import that are too large: they keep no others out.
#[derive(Default)]
struct TooBig {
    named: Vec<String>,
    further: u64,
}

impl TooBig {
    /// `number` counts the messages of the source from 1.
    fn note(&mut self, number: u64, size: u64, refusal: &Refusal) {
        match self.named.len() < NAMED_MAX {
            true => self.named.push(format!("message {number}, {size} octets: {refusal}")),
            false => self.further += 1,
        }
    }

    fn texts(self) -> Vec<String> {
        let further = (self.further > 0).then(|| format!("{} more messages that are too large", self.further));
        self.named.into_iter().chain(further).collect()
    }
}

#[derive(PartialEq)]
enum Flushed {
    Whole,
    /// Some without annotations, which were more than there may be.
    Bare,
}

fn flush(mailbox: &Arc<Mailbox>, batch: &mut Vec<NewMessage>) -> Result<Flushed, Failed> {
    let mut flushed = Flushed::Whole;
    if !batch.is_empty() {
        match mailbox.commit(Change::Append(batch.clone())) {
            // Mail comes first.
            Err(MailboxError::Refused(Refusal::TooManyMessageAnnotations)) => {
                batch.iter().try_for_each(|message| append_bare(mailbox, message))?;
                flushed = Flushed::Bare;
            }
            done => drop(done?),
        }
        batch.clear();
    }
    Ok(flushed)
}

/// A message by itself, without its annotations where there is no room for them.
fn append_bare(mailbox: &Arc<Mailbox>, message: &NewMessage) -> Result<(), MailboxError> {
    match mailbox.commit(Change::Append(vec![message.clone()])) {
        Err(MailboxError::Refused(Refusal::TooManyMessageAnnotations)) => {
            let message = NewMessage { annotations: Vec::new(), ..message.clone() };
            mailbox.commit(Change::Append(vec![message])).map(drop)
        }
        done => done.map(drop),
    }
}

/// Those of names and sizes that can be. Whose they are has an account: who asks has seen to that.
fn annotations(
    verbs: &Verbs,
    head: &Value,
    wire: &mut Wire,
    left_out: &mut bool,
) -> Result<Vec<NewAnnotation>, Failed> {
    let most = verbs.manager.annotation_bytes_max();
    let mut found = Vec::new();
    for _ in 0..head["annotations"].as_u64().unwrap_or(0) {
        let of = wire.receive()?.ok_or_else(|| Failed::new(EX_DATAERR, "the import was cut short"))?;
        let value = wire.octets(of["size"].as_u64().unwrap_or(0))?;
        let user = match of["user"].as_str().map(AccountName::new) {
            None => None,
            Some(name) => {
                let name = name.ok_or_else(|| Failed::new(EX_DATAERR, "an annotation is of no account"))?;
                Some(verbs.manager.account(&name)?.id())
            }
        };
        match of["entry"].as_str().and_then(MessageEntry::new) {
            Some(entry) if value.len() as u64 <= most => {
                found.push(NewAnnotation { user, entry, value: Some(value.into()) });
            }
            _ => *left_out = true,
        }
    }
    Ok(found)
}

/// The mailbox, made where there is none.
fn made(account: &Account, name: &MailboxName) -> Result<Arc<Mailbox>, Failed> {
    match account.mailbox(name) {
        Err(MailboxError::Refused(Refusal::NonExistent)) => account.create(name, &[])?,
        other => return Ok(other?),
    }
    Ok(account.mailbox(name)?)
}

fn message(intake: &mut Intake<'_>, head: &Value, octets: Vec<u8>) -> Result<NewMessage, MailboxError> {
    let named = |name: &str| match SystemFlag::from_name(name) {
        Some(flag) => Some(Flag::System(flag)),
        None => Keyword::new(name).map(Flag::Keyword),
    };
    let flags = head["flags"].as_array().into_iter().flatten().filter_map(|flag| named(flag.as_str()?)).collect();
    let date = InternalDate {
        secs: head["secs"].as_i64().unwrap_or_else(|| crate::sys::local_time().timestamp()),
        zone_mins: head["zone"].as_i64().unwrap_or(0) as i16,
    };
    intake.take(octets, flags, date)
}

/// Gives all messages of a mailbox: each `{"size", "flags", "date", "uid"}` and its octets. Those that cannot be read are named
/// in the answer.
pub(super) fn export(verbs: &Verbs, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
    let account = verbs.account(request)?;
    let name = mailbox_name(request, "mailbox")?;
    let mailbox = account.mailbox(&name).map_err(Failed::of(&name))?;
    let snapshot = mailbox.snapshot()?;
    snapshot.load_all()?;
    let mut unread = Vec::new();
    for message in snapshot.messages() {
        let octets = match mailbox.octets_of(message.blob(), 0..message.size().into()) {
            Err(MailboxError::Store(error @ (StoreError::Missing(_) | StoreError::Broken(_)))) => {
                let what = format!("its octets are lost or damaged: {error}");
                let (account, mailbox) = (account.name().clone(), Some(name.clone()));
                unread.push(unread_json(&Unread { account, mailbox, uid: Some(message.uid()), what }));
                continue;
            }
            octets => octets?,
        };
        let flags: Vec<String> = snapshot.flags_of(&message).iter().map(ToString::to_string).collect();
        wire.send(&json!({ "message": {
            "size": octets.len(), "flags": flags, "secs": message.internal_date().secs,
            "uid": message.uid().get(), "of": snapshot.len(),
        } }))?;
        wire.send_octets(&octets)?;
    }
    Ok(json!({ "messages": snapshot.len() as usize - unread.len(), "unread": unread }))
}

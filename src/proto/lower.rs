//! From what pest has found to a `Command`.         RFC 9051 6, 9

use pest::iterators::Pair;

use super::arguments::{Args, unquoted};
use super::command::{CommandBody, Echo, EncryptFor, Secret, StoreOp};
use super::grammar::Rule;
use super::lower_annotate;
use crate::types::{
    Flag, InternalDate, Keyword, MailboxClass, ModSeq, NumberSet, SequenceSet, SpecialUse, SystemFlag,
};

#[derive(Debug)]
pub(super) enum LowerError {
    /// What is wrong, in words.
    Reason(String),
    BadCharset,
    /// FILTER in a charset that filters are not in. RFC 5466 3.1
    FilterCharset,
}

pub(super) type Lowered<T> = Result<T, LowerError>;

pub(super) fn wrong<T>(reason: impl Into<String>) -> Lowered<T> {
    Err(LowerError::Reason(reason.into()))
}

/// ID fields that a client may send. RFC 2971 3.3
const ID_FIELDS_MAX: usize = 30;

pub(super) fn number_set(text: &str) -> Lowered<NumberSet> {
    if text == "$" {
        return Ok(NumberSet::Saved);
    }
    let number = |text: &str| match text {
        "*" => Ok(None),
        digits => digits.parse::<u32>().map(Some),
    };
    let range = |text: &str| match text.split_once(':') {
        Some((a, b)) => Ok((number(a)?, number(b)?)),
        None => number(text).map(|n| (n, n)),
    };
    let ranges: Result<Vec<_>, std::num::ParseIntError> = text.split(',').map(range).collect();
    match ranges {
        Ok(ranges) => Ok(NumberSet::Set(SequenceSet::new(ranges))),
        Err(_) => wrong("A number in the set has more than 32 bits"),
    }
}

pub(super) fn id(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let mut fields = Vec::new();
    for pair in args.rest() {
        if pair.as_rule() != Rule::id_field {
            continue;
        }
        let parts: Vec<_> = pair.into_inner().collect();
        if let [name, value] = parts.as_slice() {
            let name = args.text(name)?;
            let value = if value.as_rule() == Rule::nil { None } else { Some(args.text(value)?) };
            fields.push((name, value));
        }
    }
    match fields.len() > ID_FIELDS_MAX {
        true => wrong("ID has more than 30 fields"),
        false => Ok(CommandBody::Id(fields)),
    }
}

pub(super) fn authenticate(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let mechanism = args.next()?.as_str().to_ascii_uppercase();
    let initial = args.next_if(Rule::initial_resp).map(|pair| Secret(pair.as_str().as_bytes().to_vec()));
    Ok(CommandBody::Authenticate { mechanism, initial })
}

pub(super) fn login(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let name = args.next_text()?;
    let pair = args.next()?;
    let password = Secret(args.octets(&pair)?);
    Ok(CommandBody::Login { name, password })
}

pub(super) fn enable(args: &mut Args<'_>) -> Lowered<CommandBody> {
    Ok(CommandBody::Enable(args.rest().iter().map(|pair| pair.as_str().to_string()).collect()))
}

pub(super) fn language(args: &mut Args<'_>) -> Lowered<CommandBody> {
    Ok(CommandBody::Language(args.texts()?))
}

pub(super) fn comparator(args: &mut Args<'_>) -> Lowered<CommandBody> {
    Ok(CommandBody::Comparator(args.texts()?))
}

pub(super) fn compress(args: &mut Args<'_>) -> Lowered<CommandBody> {
    Ok(CommandBody::Compress(args.next()?.as_str().to_string()))
}

pub(super) fn create(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let mailbox = args.mailbox()?;
    let (mut special_use, mut class) = (Vec::new(), None);
    for pair in args.rest() {
        let is_use = pair.as_rule() == Rule::create_use;
        for value in pair.into_inner() {
            match is_use {
                true => special_use.push(use_attr(value.as_str())?),
                false => class = Some(mailbox_class(&args.text(&value)?)?),
            }
        }
    }
    special_use.sort_unstable();
    special_use.dedup();
    Ok(CommandBody::Create { mailbox, special_use, class })
}

fn use_attr(text: &str) -> Lowered<SpecialUse> {
    SpecialUse::from_name(text).map_or_else(|| wrong("An unknown special use"), Ok)
}

fn mailbox_class(text: &str) -> Lowered<MailboxClass> {
    MailboxClass::new(text).map_or_else(|| wrong("A class is printable ASCII of at most 255 octets"), Ok)
}

pub(super) fn rename(args: &mut Args<'_>) -> Lowered<CommandBody> {
    Ok(CommandBody::Rename { from: args.mailbox()?, to: args.mailbox()? })
}

pub(super) fn date_time(quoted: &str) -> Lowered<InternalDate> {
    let date = InternalDate::parse(&unquoted(quoted));
    date.map_or_else(|| wrong("The date is not as in \"17-Jul-1996 02:44:25 -0700\""), Ok)
}

/// What becomes of \Recent among flags that a client gives: old clients APPEND with it what they were shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Recent {
    PassedOver,
    Refused,
}

pub(super) fn flags<'a>(pairs: impl Iterator<Item = Pair<'a, Rule>>, recent: Recent) -> Lowered<Vec<Flag>> {
    let mut flags: Vec<Flag> = Vec::new();
    for pair in pairs.filter(|pair| pair.as_rule() == Rule::flag) {
        let text = pair.as_str();
        if recent == Recent::PassedOver && text.eq_ignore_ascii_case("\\Recent") {
            continue;
        }
        let flag = flag(text)?;
        if !flags.contains(&flag) {
            flags.push(flag);
        }
    }
    Ok(flags)
}

pub(super) fn flag(text: &str) -> Lowered<Flag> {
    if text.starts_with('\\') {
        return match SystemFlag::from_name(text) {
            Some(flag) => Ok(Flag::System(flag)),
            None => wrong("A flag with a backslash that is none of \\Answered \\Flagged \\Deleted \\Seen \\Draft"),
        };
    }
    Keyword::new(text).map_or_else(|| wrong("A keyword that is too long"), |keyword| Ok(Flag::Keyword(keyword)))
}

pub(super) fn uidbatches(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let numbers: Vec<u32> = args.rest().iter().filter_map(|pair| pair.as_str().parse().ok()).collect();
    match *numbers.as_slice() {
        [size] if size > 0 => Ok(CommandBody::UidBatches { size, which: None }),
        [size, a, b] if size > 0 && a > 0 && b > 0 => Ok(CommandBody::UidBatches { size, which: Some((a, b)) }),
        _ => wrong("The numbers are above zero and have 32 bits"),
    }
}

pub(super) fn expunge(args: &mut Args<'_>) -> Lowered<CommandBody> {
    Ok(CommandBody::Expunge(Some(args.set()?)))
}

pub(super) fn copy(args: &mut Args<'_>) -> Lowered<CommandBody> {
    Ok(CommandBody::Copy { by: args.by, set: args.set()?, target: args.mailbox()?, encrypted: encrypt_for(args)? })
}

pub(super) fn move_(args: &mut Args<'_>) -> Lowered<CommandBody> {
    Ok(CommandBody::Move { by: args.by, set: args.set()?, target: args.mailbox()?, encrypted: encrypt_for(args)? })
}

fn encrypt_for(args: &mut Args<'_>) -> Lowered<Option<EncryptFor>> {
    let Some(pair) = args.next_if(Rule::certificate_data) else { return Ok(None) };
    let octets = match pair.into_inner().next() {
        Some(inner) => args.octets(&inner)?,
        None => b"*".to_vec(),
    };
    Ok(Some(if octets == b"*" { EncryptFor::User } else { EncryptFor::Certificate(octets) }))
}

pub(super) fn store(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let set = args.set()?;
    let unchanged_since = match args.next_if(Rule::store_modifiers).and_then(|pair| pair.into_inner().next()) {
        Some(pair) => Some(ModSeq(number(pair.as_str())?)),
        None => None,
    };
    if let Some(pair) = args.next_if(Rule::att_annotate) {
        let values = lower_annotate::values(args, pair)?;
        return Ok(CommandBody::Annotate { by: args.by, set, values, unchanged_since });
    }
    let op = match args.next_if(Rule::store_sign).as_ref().map(Pair::as_str) {
        Some("+") => StoreOp::Add,
        Some(_) => StoreOp::Remove,
        None => StoreOp::Replace,
    };
    let echo = if args.next_if(Rule::store_silent).is_some() { Echo::Silent } else { Echo::Flags };
    let flags = match args.next_if(Rule::flag_list) {
        Some(pair) => flags(pair.into_inner(), Recent::Refused)?,
        None => flags(args.rest().into_iter(), Recent::Refused)?,
    };
    Ok(CommandBody::Store { by: args.by, set, op, echo, flags, unchanged_since })
}

pub(super) fn number(digits: &str) -> Lowered<u64> {
    match digits.parse::<u64>() {
        Ok(n) if n <= i64::MAX as u64 => Ok(n),
        _ => wrong("A number has more than 63 bits"),
    }
}

//! From what pest has found to a `Command`.         RFC 9051 6, 9

use std::collections::VecDeque;

use pest::iterators::{Pair, Pairs};

use super::command::{CommandBody, Dialect, Echo, EncryptFor, ListCommand, Qresync, Secret, SelectCommand, StoreOp};
use super::framer::Literal;
use super::grammar::Rule;
use super::{lower_annotate, lower_metadata};
use crate::types::utf7;
use crate::types::{
    By, FetchItem, Flag, InternalDate, Keyword, ListReturn, ListSelect, MailboxClass, ModSeq, ModifyRights,
    NumberSet, QuotaResource, Rights, SequenceSet, SpecialUse, StatusItem, SystemFlag, UidSet,
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

/// The arguments of a command, taken one by one.
pub(super) struct Args<'a> {
    pairs: VecDeque<Pair<'a, Rule>>,
    literals: VecDeque<Literal>,
    dialect: Dialect,
    pub(super) by: By,
    pub(super) charset: Option<&'static encoding_rs::Encoding>,
    /// What UPDATE wants to be fetched of new results. RFC 5465 7
    pub(super) update: Vec<FetchItem>,
    /// None is named, or one that FILTER can stand beside.
    pub(super) charset_suits_filters: bool,
}

impl<'a> Args<'a> {
    pub(super) fn new(pairs: &mut Pairs<'a, Rule>, literals: Vec<Literal>, dialect: Dialect, by: By) -> Args<'a> {
        let inner = pairs.next().map(|pair| pair.into_inner().collect()).unwrap_or_default();
        Args {
            pairs: inner,
            literals: literals.into(),
            dialect,
            by,
            charset: None,
            update: Vec::new(),
            charset_suits_filters: true,
        }
    }

    pub(super) fn next(&mut self) -> Lowered<Pair<'a, Rule>> {
        self.next_where(|_| true).ok_or_else(|| LowerError::Reason("An argument is missing".into()))
    }

    pub(super) fn next_where(&mut self, wanted: impl FnOnce(Rule) -> bool) -> Option<Pair<'a, Rule>> {
        let found = self.pairs.front().is_some_and(|pair| wanted(pair.as_rule()));
        // EOI ends every rule and is no argument.
        self.pairs.pop_front().filter(|_| found).filter(|pair| pair.as_rule() != Rule::EOI)
    }

    pub(super) fn next_if(&mut self, rule: Rule) -> Option<Pair<'a, Rule>> {
        match self.pairs.front().is_some_and(|pair| pair.as_rule() == rule) {
            true => self.pairs.pop_front(),
            false => None,
        }
    }

    pub(super) fn rest(&mut self) -> Vec<Pair<'a, Rule>> {
        self.pairs.drain(..).filter(|pair| pair.as_rule() != Rule::EOI).collect()
    }

    pub(super) fn literal(&mut self) -> Lowered<Literal> {
        self.literals.pop_front().ok_or_else(|| LowerError::Reason("A literal is missing".into()))
    }

    /// The octets of an astring, a string or an atom.
    pub(super) fn octets(&mut self, pair: &Pair<'a, Rule>) -> Lowered<Vec<u8>> {
        match pair.as_rule() {
            Rule::literal => match self.literal()? {
                Literal::Memory(octets) => Ok(octets),
                Literal::Spool(..) => wrong("A literal is too long for an argument"),
            },
            Rule::quoted => Ok(unquoted(pair.as_str()).into_bytes()),
            _ => Ok(pair.as_str().as_bytes().to_vec()),
        }
    }

    pub(super) fn text(&mut self, pair: &Pair<'a, Rule>) -> Lowered<String> {
        String::from_utf8(self.octets(pair)?).or_else(|_| wrong("An argument is not UTF-8"))
    }

    pub(super) fn next_text(&mut self) -> Lowered<String> {
        let pair = self.next()?;
        self.text(&pair)
    }

    /// All that are left.
    pub(super) fn texts(&mut self) -> Lowered<Vec<String>> {
        self.rest().iter().map(|pair| self.text(pair)).collect()
    }

    /// A mailbox name in UTF-8.
    pub(super) fn mailbox(&mut self) -> Lowered<String> {
        let pair = self.next()?;
        let inner = pair.into_inner().next();
        match inner {
            Some(inner) => self.mailbox_name(&inner),
            None => wrong("A mailbox name is missing"),
        }
    }

    pub(super) fn mailbox_name(&mut self, pair: &Pair<'a, Rule>) -> Lowered<String> {
        let text = self.text(pair)?;
        if text.contains(['\0', '\r', '\n']) {
            return wrong("A mailbox name has control characters");
        }
        if self.dialect.has_utf8() {
            return Ok(text);
        }
        // Clients that do not know better send UTF-8 as it is; it can mean nothing else.
        if !text.is_ascii() {
            return Ok(text);
        }
        utf7::decode(&text).map_or_else(|| wrong("A mailbox name is not modified UTF-7"), Ok)
    }

    /// After ENABLE UTF8=ACCEPT a charset can only contradict it. RFC 9755 3
    pub(super) fn takes_charset(&self) -> bool {
        !self.dialect.utf8
    }

    pub(super) fn set(&mut self) -> Lowered<NumberSet> {
        number_set(self.next()?.as_str())
    }

    /// A string of SEARCH, in the command's charset.
    pub(super) fn search_text(&mut self, pair: &Pair<'a, Rule>) -> Lowered<String> {
        let octets = self.octets(pair)?;
        self.in_charset(octets)
    }

    pub(super) fn in_charset(&self, octets: Vec<u8>) -> Lowered<String> {
        match self.charset {
            None => String::from_utf8(octets).or_else(|_| wrong("A search string is not UTF-8; name its CHARSET")),
            Some(charset) => Ok(charset.decode(&octets).0.into_owned()),
        }
    }
}

fn unquoted(text: &str) -> String {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    out
}

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

pub(super) fn select(args: &mut Args<'_>) -> Lowered<SelectCommand> {
    let mut command = SelectCommand { mailbox: args.mailbox()?, condstore: false, annotate: false, qresync: None };
    for pair in args.rest() {
        match pair.as_rule() {
            Rule::select_condstore => command.condstore = true,
            Rule::select_annotate => command.annotate = true,
            _ => command.qresync = Some(qresync(pair)?),
        }
    }
    Ok(command)
}

fn qresync(pair: Pair<'_, Rule>) -> Lowered<Qresync> {
    let mut parts = pair.into_inner();
    let mut next = || match parts.next() {
        Some(pair) => number(pair.as_str()),
        None => wrong("QRESYNC is cut short"),
    };
    let (uid_validity, mod_seq) = (next()?, ModSeq(next()?));
    let (mut known, mut samples) = (None, Vec::new());
    for pair in parts {
        match pair.as_rule() {
            Rule::known_uids => known = Some(known_set(pair.as_str())?),
            _ => samples = seq_match(pair)?,
        }
    }
    Ok(Qresync { uid_validity, mod_seq, known, samples })
}

fn known_set(text: &str) -> Lowered<UidSet> {
    match number_set(text)? {
        NumberSet::Set(set) => Ok(set.resolve(0)),
        NumberSet::Saved => Ok(UidSet::new()),
    }
}

/// Samples that a client may give: more tell nothing more.
const SAMPLES_MAX: u64 = 10_000;

/// Both sets ascend and are as long as each other. RFC 7162 3.2.5.2
fn seq_match(pair: Pair<'_, Rule>) -> Lowered<Vec<(u32, u32)>> {
    let mut sets = Vec::new();
    for text in pair.into_inner().map(|pair| pair.as_str()) {
        let set = known_set(text)?;
        // What is not in its normal form does not ascend.
        if set.count() > SAMPLES_MAX || !ascends(text) {
            return wrong("The sets of sequence match data must ascend and be short");
        }
        sets.push(set);
    }
    match sets.as_slice() {
        [seqs, uids] if seqs.count() == uids.count() => Ok(seqs.numbers().zip(uids.numbers()).collect()),
        _ => wrong("The two sets of sequence match data must be as long as each other"),
    }
}

fn ascends(text: &str) -> bool {
    let numbers: Vec<u32> = text.split([',', ':']).filter_map(|text| text.parse().ok()).collect();
    numbers.is_sorted_by(|a, b| a < b)
}

pub(super) fn rename(args: &mut Args<'_>) -> Lowered<CommandBody> {
    Ok(CommandBody::Rename { from: args.mailbox()?, to: args.mailbox()? })
}

pub(super) fn lsub(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let reference = args.mailbox()?;
    Ok(CommandBody::Lsub { reference, pattern: args.mailbox()? })
}

pub(super) fn rlist(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let reference = args.mailbox()?;
    Ok(CommandBody::Rlist { reference, pattern: args.mailbox()? })
}

pub(super) fn rlsub(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let reference = args.mailbox()?;
    Ok(CommandBody::Rlsub { reference, pattern: args.mailbox()? })
}

pub(super) fn xlist(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let reference = args.mailbox()?;
    Ok(CommandBody::Xlist(ListCommand::plain(&reference, &args.mailbox()?)))
}

pub(super) fn list(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let select_opts = args.next_if(Rule::list_select_opts);
    let mut extended = select_opts.is_some();
    let select: Vec<ListSelect> = match select_opts {
        Some(pair) => pair.into_inner().map(list_select).collect::<Lowered<_>>()?,
        None => Vec::new(),
    };
    if select.contains(&ListSelect::RecursiveMatch) && !select.contains(&ListSelect::Subscribed) {
        return wrong("RECURSIVEMATCH needs SUBSCRIBED beside it");
    }
    let reference = args.mailbox()?;
    let patterns_pair = args.next()?;
    extended |= patterns_pair.as_str().starts_with('(');
    let mut patterns = Vec::new();
    for pair in patterns_pair.into_inner() {
        if let Some(inner) = pair.into_inner().next() {
            patterns.push(args.mailbox_name(&inner)?);
        }
    }
    let mut returns = Vec::new();
    if let Some(pair) = args.next_if(Rule::list_return_opts) {
        extended = true;
        returns = pair.into_inner().map(|pair| list_return(args, pair)).collect::<Lowered<_>>()?;
    }
    Ok(CommandBody::List(ListCommand { reference, patterns, select, returns, extended }))
}

fn list_select(pair: Pair<'_, Rule>) -> Lowered<ListSelect> {
    match pair.as_str().to_ascii_uppercase().as_str() {
        "SUBSCRIBED" => Ok(ListSelect::Subscribed),
        "REMOTE" => Ok(ListSelect::Remote),
        "RECURSIVEMATCH" => Ok(ListSelect::RecursiveMatch),
        "SPECIAL-USE" => Ok(ListSelect::SpecialUse),
        "CLASS" => Ok(ListSelect::Class),
        "UNSEEN" => Ok(ListSelect::Unseen),
        "INTERNALSIZE" => Ok(ListSelect::InternalSize),
        _ => wrong("An unknown selection option"),
    }
}

fn list_return<'a>(args: &mut Args<'a>, pair: Pair<'a, Rule>) -> Lowered<ListReturn> {
    let Some(inner) = pair.into_inner().next() else { return wrong("An unknown return option") };
    if inner.as_rule() == Rule::return_status {
        return match inner.into_inner().next() {
            Some(atts) => Ok(ListReturn::Status(status_items(atts)?)),
            None => wrong("STATUS without items"),
        };
    }
    if inner.as_rule() == Rule::return_metadata {
        return match inner.into_inner().next() {
            Some(pair) => Ok(ListReturn::Metadata(lower_metadata::entries(args, pair)?)),
            None => wrong("METADATA without entries"),
        };
    }
    match inner.as_str().to_ascii_uppercase().as_str() {
        "CLASS" => Ok(ListReturn::Class),
        "UNSEEN" => Ok(ListReturn::Unseen),
        "INTERNALSIZE" => Ok(ListReturn::InternalSize),
        "SUBSCRIBED" => Ok(ListReturn::Subscribed),
        "CHILDREN" => Ok(ListReturn::Children),
        "SPECIAL-USE" => Ok(ListReturn::SpecialUse),
        "MYRIGHTS" => Ok(ListReturn::MyRights),
        _ => wrong("An unknown return option"),
    }
}

pub(super) fn status(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let mailbox = args.mailbox()?;
    let items = status_items(args.next()?)?;
    Ok(CommandBody::Status { mailbox, items })
}

fn status_items(pair: Pair<'_, Rule>) -> Lowered<Vec<StatusItem>> {
    let item = |pair: Pair<'_, Rule>| match pair.as_str().to_ascii_uppercase().as_str() {
        "MESSAGES" => Ok(StatusItem::Messages),
        "RECENT" => Ok(StatusItem::Recent),
        "UIDNEXT" => Ok(StatusItem::UidNext),
        "UIDVALIDITY" => Ok(StatusItem::UidValidity),
        "UNSEEN" => Ok(StatusItem::Unseen),
        "DELETED" => Ok(StatusItem::Deleted),
        "SIZE" => Ok(StatusItem::Size),
        "HIGHESTMODSEQ" => Ok(StatusItem::HighestModSeq),
        "APPENDLIMIT" => Ok(StatusItem::AppendLimit),
        "DELETED-STORAGE" => Ok(StatusItem::DeletedStorage),
        "MAILBOXID" => Ok(StatusItem::MailboxId),
        "INTERNALSIZE" => Ok(StatusItem::InternalSize),
        "OLDEST" => Ok(StatusItem::Oldest),
        "UNSEENMEDIA" => Ok(StatusItem::UnseenMedia),
        _ => wrong("An unknown status item"),
    };
    pair.into_inner().map(item).collect()
}

pub(super) fn setacl(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let (mailbox, identifier, rights) = (args.mailbox()?, args.next_text()?, args.next_text()?);
    let (letters, modify): (&str, fn(Rights) -> ModifyRights) = match rights.as_bytes().first() {
        Some(b'+') => (&rights[1..], ModifyRights::Add),
        Some(b'-') => (&rights[1..], ModifyRights::Remove),
        _ => (&rights, ModifyRights::Replace),
    };
    match Rights::parse(letters) {
        Some(rights) => Ok(CommandBody::SetAcl { mailbox, identifier, modify: modify(rights) }),
        None => wrong("The rights are letters of lrswipkxteancd"),
    }
}

pub(super) fn deleteacl(args: &mut Args<'_>) -> Lowered<CommandBody> {
    Ok(CommandBody::DeleteAcl { mailbox: args.mailbox()?, identifier: args.next_text()? })
}

pub(super) fn listrights(args: &mut Args<'_>) -> Lowered<CommandBody> {
    Ok(CommandBody::ListRights { mailbox: args.mailbox()?, identifier: args.next_text()? })
}

pub(super) fn getquota(args: &mut Args<'_>) -> Lowered<CommandBody> {
    Ok(CommandBody::GetQuota(args.next_text()?))
}

pub(super) fn setquota(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let root = args.next_text()?;
    let mut limits: Vec<(QuotaResource, u64)> = Vec::new();
    for pair in args.rest() {
        let mut parts = pair.into_inner();
        let (Some(name), Some(limit)) = (parts.next(), parts.next()) else { return wrong("A resource has no limit") };
        let resource = match name.as_str().to_ascii_uppercase().as_str() {
            "STORAGE" => QuotaResource::Storage,
            "MESSAGE" => QuotaResource::Message,
            "MAILBOX" => QuotaResource::Mailbox,
            _ => QuotaResource::Unknown,
        };
        if resource != QuotaResource::Unknown && limits.iter().any(|(known, _)| *known == resource) {
            return wrong("A resource stands there twice");
        }
        limits.push((resource, number(limit.as_str())?));
    }
    Ok(CommandBody::SetQuota { root, limits })
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
    match numbers.as_slice() {
        &[size] if size > 0 => Ok(CommandBody::UidBatches { size, which: None }),
        &[size, a, b] if size > 0 && a > 0 && b > 0 => Ok(CommandBody::UidBatches { size, which: Some((a, b)) }),
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

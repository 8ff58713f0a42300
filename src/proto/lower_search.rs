//! SEARCH, from what pest has found to its keys.    RFC 9051 6.4.4

use pest::iterators::Pair;

use super::arguments::Args;
use super::command::CommandBody;
use super::grammar::Rule;
use super::lower::{LowerError, Lowered, flag, number, number_set, wrong};
use super::lower_annotate;
use super::lower_fetch::fetch_item;
use crate::types::{
    CivilDate, FilterName, Flag, MailboxFilter, ModSeq, NumberSet, ResultEnd, ResultRange, SearchKey, SearchReturn,
    SequenceSet, SystemFlag,
};

pub(super) fn search(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let returns = search_returns(args)?;
    charset_if_any(args)?;
    let key = search_keys(args)?;
    Ok(CommandBody::Search { by: args.by, returns, key, update: std::mem::take(&mut args.update) })
}

/// RFC 7377
pub(super) fn esearch(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let sources = match args.next_if(Rule::esearch_source_opts) {
        Some(pair) => pair.into_inner().map(|pair| mailbox_filter(args, pair)).collect::<Lowered<_>>()?,
        None => vec![MailboxFilter::Selected],
    };
    let returns = search_returns(args)?.unwrap_or_default();
    charset_if_any(args)?;
    let key = search_keys(args)?;
    Ok(CommandBody::Esearch { sources, returns, key, update: std::mem::take(&mut args.update) })
}

/// RFC 5465 6, with RFC 7377's `subtree-one`.
fn mailbox_filter<'a>(args: &mut Args<'a>, pair: Pair<'a, Rule>) -> Lowered<MailboxFilter> {
    let Some(filter) = pair.into_inner().next() else { return wrong("A specifier of mailboxes is missing") };
    let word = filter.as_str().split(' ').next().unwrap_or_default().to_ascii_lowercase();
    let mut names = Vec::new();
    for name in filter.into_inner().filter(|pair| pair.as_rule() == Rule::mailbox) {
        if let Some(inner) = name.into_inner().next() {
            names.push(args.mailbox_name(&inner)?);
        }
    }
    Ok(match word.as_str() {
        "selected" => MailboxFilter::Selected,
        "inboxes" => MailboxFilter::Inboxes,
        "personal" => MailboxFilter::Personal,
        "subscribed" => MailboxFilter::Subscribed,
        "subtree" if !names.is_empty() => MailboxFilter::Subtree(names),
        "subtree-one" if !names.is_empty() => MailboxFilter::SubtreeOne(names),
        "mailboxes" if !names.is_empty() => MailboxFilter::Mailboxes(names),
        _ => return wrong("An unknown specifier of mailboxes"),
    })
}

pub(super) fn cancelupdate(args: &mut Args<'_>) -> Lowered<CommandBody> {
    Ok(CommandBody::CancelUpdate(args.texts()?))
}

/// As `charset`, where it may be left out.
fn charset_if_any(args: &mut Args<'_>) -> Lowered<()> {
    let before = args.charset;
    charset(args)?;
    match args.charset != before && !args.takes_charset() {
        true => wrong("After ENABLE UTF8=ACCEPT a search has no CHARSET: all strings are UTF-8"),
        false => Ok(()),
    }
}

/// As `charset`, where it must be named: it can be no other than that of all strings. RFC 6855 3, erratum 4029
pub(super) fn charset_named(args: &mut Args<'_>) -> Lowered<()> {
    charset(args)?;
    match args.takes_charset() || args.charset == Some(encoding_rs::UTF_8) {
        true => Ok(()),
        false => wrong("After ENABLE UTF8=ACCEPT the charset is UTF-8: all strings are"),
    }
}

/// The charset of the strings that follow, where one is named.
pub(super) fn charset(args: &mut Args<'_>) -> Lowered<()> {
    if let Some(pair) = args.next_if(Rule::charset) {
        let Some(inner) = pair.into_inner().next() else { return Err(LowerError::BadCharset) };
        let name = args.octets(&inner)?;
        let suits = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        args.charset_suits_filters = suits("UTF-8") || suits("US-ASCII");
        let charset = encoding_rs::Encoding::for_label_no_replacement(&name).ok_or(LowerError::BadCharset)?;
        args.charset = Some(charset);
        args.is_ascii = suits("US-ASCII");
    }
    Ok(())
}

/// All keys that are left, as one.
pub(super) fn search_keys(args: &mut Args<'_>) -> Lowered<SearchKey> {
    let mut keys = Vec::new();
    for pair in args.rest() {
        keys.push(search_key(args, pair)?);
    }
    let key = if keys.len() == 1 { keys.remove(0) } else { SearchKey::And(keys) };
    // Filters are UTF-8. RFC 5466 3.1
    match args.charset_suits_filters || !key.any(&|key| matches!(key, SearchKey::Filter(_))) {
        true => Ok(key),
        false => Err(LowerError::FilterCharset),
    }
}

/// The return options, where there is a list of them.
pub(super) fn search_returns(args: &mut Args<'_>) -> Lowered<Option<Vec<SearchReturn>>> {
    let Some(pair) = args.next_if(Rule::search_return_opts) else { return Ok(None) };
    let options = pair.into_inner().map(|pair| search_return(args, pair));
    let returns = options.collect::<Lowered<Vec<_>>>()?;
    args.saves = returns.contains(&SearchReturn::Save);
    // RFC 9394 3.1
    let lists = |option: &&SearchReturn| matches!(option, SearchReturn::All | SearchReturn::Partial(_));
    match returns.iter().filter(lists).count() > 1 && returns.iter().any(|r| matches!(r, SearchReturn::Partial(_))) {
        true => wrong("PARTIAL stands once, and not beside ALL"),
        false => Ok(Some(returns)),
    }
}

fn search_return<'a>(args: &mut Args<'a>, pair: Pair<'a, Rule>) -> Lowered<SearchReturn> {
    let Some(option) = pair.into_inner().next() else { return wrong("A return option is missing") };
    if option.as_rule() == Rule::search_return_partial {
        return partial_range(option).map(SearchReturn::Partial);
    }
    if option.as_rule() == Rule::search_return_update {
        args.update = option.into_inner().map(|pair| fetch_item(args, pair)).collect::<Lowered<_>>()?;
        return Ok(SearchReturn::Update);
    }
    match option.as_str().to_ascii_uppercase().as_str() {
        "MIN" => Ok(SearchReturn::Min),
        "MAX" => Ok(SearchReturn::Max),
        "ALL" => Ok(SearchReturn::All),
        "COUNT" => Ok(SearchReturn::Count),
        "SAVE" => Ok(SearchReturn::Save),
        "CONTEXT" => Ok(SearchReturn::Context),
        "UPDATE" => Ok(SearchReturn::Update),
        "RELEVANCY" => Ok(SearchReturn::Relevancy),
        _ => wrong("An unknown return option"),
    }
}

/// `-1:-100`, `1:100`
pub(super) fn partial_range(pair: Pair<'_, Rule>) -> Lowered<ResultRange> {
    let text = pair.into_inner().next().map_or("", |range| range.as_str());
    let end = if text.starts_with('-') { ResultEnd::Last } else { ResultEnd::First };
    let numbers: Vec<u32> = text.split(':').filter_map(|n| n.trim_start_matches('-').parse().ok()).collect();
    let range = match numbers.as_slice() {
        &[a, b] => ResultRange::new(end, a, b),
        _ => None,
    };
    range.map_or_else(|| wrong("The numbers of PARTIAL have more than 32 bits"), Ok)
}

/// Recurses as deep as the command is nested, which `parse` has bounded.
fn search_key<'a>(args: &mut Args<'a>, pair: Pair<'a, Rule>) -> Lowered<SearchKey> {
    let Some(key) = pair.into_inner().next() else { return wrong("A search key is missing") };
    let rule = key.as_rule();
    if rule == Rule::search_flag {
        return search_flag(key.as_str());
    }
    if rule == Rule::search_annotation {
        return lower_annotate::search_annotation(args, key);
    }
    let mut inner = key.into_inner();
    let mut next = || inner.next().map_or_else(|| wrong("A search key is cut short"), Ok);
    Ok(match rule {
        Rule::search_group => {
            let keys = inner.map(|pair| search_key(args, pair)).collect::<Lowered<Vec<_>>>()?;
            SearchKey::And(keys)
        }
        Rule::search_not => SearchKey::Not(Box::new(search_key(args, next()?)?)),
        Rule::search_fuzzy => SearchKey::Fuzzy(Box::new(search_key(args, next()?)?)),
        Rule::search_filter => match FilterName::new(next()?.as_str()) {
            Some(name) => SearchKey::Filter(name),
            None => return wrong("The name of a filter has characters that none can have"),
        },
        Rule::search_or => {
            let keys = inner.map(|pair| search_key(args, pair)).collect::<Lowered<Vec<_>>>()?;
            return any_of(keys);
        }
        Rule::search_field => {
            let (name, text) = (next()?, next()?);
            SearchKey::Header(args.text(&name)?, args.search_text(&text)?)
        }
        Rule::search_text => {
            let (word, text) = (next()?, next()?);
            search_text(word.as_str(), args.search_text(&text)?)
        }
        Rule::search_date => {
            let (word, date) = (next()?, next()?);
            search_date(word.as_str(), date.as_str())?
        }
        Rule::search_size => {
            let (word, octets) = (next()?, number(next()?.as_str())?);
            if word.as_str().eq_ignore_ascii_case("LARGER") {
                SearchKey::Larger(octets)
            } else {
                SearchKey::Smaller(octets)
            }
        }
        Rule::search_keyword => {
            let (word, keyword) = (next()?, SearchKey::Flag(flag(next()?.as_str())?));
            if word.as_str().eq_ignore_ascii_case("KEYWORD") { keyword } else { SearchKey::Not(Box::new(keyword)) }
        }
        Rule::search_within => {
            let (word, secs) = (next()?, number(next()?.as_str())?);
            let Some(secs) = u32::try_from(secs).ok().filter(|secs| *secs > 0) else {
                return wrong("YOUNGER and OLDER take seconds, above zero");
            };
            if word.as_str().eq_ignore_ascii_case("YOUNGER") {
                SearchKey::Younger(secs)
            } else {
                SearchKey::Older(secs)
            }
        }
        Rule::search_object => {
            let (word, id) = (next()?, next()?.as_str().to_string());
            if word.as_str().eq_ignore_ascii_case("EMAILID") {
                SearchKey::EmailId(id)
            } else {
                SearchKey::ThreadId(id)
            }
        }
        Rule::search_uid_bound => {
            let (word, uid) = (next()?, number(next()?.as_str())?);
            let Some(uid) = u32::try_from(uid).ok().filter(|uid| *uid > 0) else {
                return wrong("UIDAFTER and UIDBEFORE take a UID");
            };
            beside_uid(word.as_str(), uid)
        }
        Rule::search_uid => SearchKey::Uids(number_set(next()?.as_str())?),
        Rule::search_modseq => match inner.last() {
            Some(last) => SearchKey::ModSeq(ModSeq(number(last.as_str())?)),
            None => return wrong("A search key is cut short"),
        },
        _ => SearchKey::Seqs(number_set(next()?.as_str())?),
    })
}

/// The UIDs above or below one: none where there can be none. RFC 9738 3.2
fn beside_uid(word: &str, uid: u32) -> SearchKey {
    let range = match word.eq_ignore_ascii_case("UIDAFTER") {
        true => uid.checked_add(1).map(|low| (low, u32::MAX)),
        false => uid.checked_sub(1).filter(|high| *high > 0).map(|high| (1, high)),
    };
    match range {
        Some((low, high)) => SearchKey::Uids(NumberSet::Set(SequenceSet::new(vec![(Some(low), Some(high))]))),
        None => SearchKey::Not(Box::new(SearchKey::All)),
    }
}

/// Alternatives as a tree that is as flat as can be, however many there are.
fn any_of(mut keys: Vec<SearchKey>) -> Lowered<SearchKey> {
    match (keys.len(), keys.pop()) {
        (_, None) => wrong("A search key is cut short"),
        (1, Some(key)) => Ok(key),
        (count, Some(last)) => {
            keys.push(last);
            let right = keys.split_off(count / 2);
            Ok(SearchKey::Or(Box::new(any_of(keys)?), Box::new(any_of(right)?)))
        }
    }
}

fn search_flag(word: &str) -> Lowered<SearchKey> {
    let has = |flag| SearchKey::Flag(Flag::System(flag));
    let lacks = |flag| SearchKey::Not(Box::new(SearchKey::Flag(Flag::System(flag))));
    Ok(match word.to_ascii_uppercase().as_str() {
        "ALL" => SearchKey::All,
        // Every mailbox has save dates. RFC 8514 4.3
        "SAVEDATESUPPORTED" => SearchKey::All,
        "ANSWERED" => has(SystemFlag::Answered),
        "DELETED" => has(SystemFlag::Deleted),
        "DRAFT" => has(SystemFlag::Draft),
        "FLAGGED" => has(SystemFlag::Flagged),
        "SEEN" => has(SystemFlag::Seen),
        "UNANSWERED" => lacks(SystemFlag::Answered),
        "UNDELETED" => lacks(SystemFlag::Deleted),
        "UNDRAFT" => lacks(SystemFlag::Draft),
        "UNFLAGGED" => lacks(SystemFlag::Flagged),
        "UNSEEN" => lacks(SystemFlag::Seen),
        "RECENT" => SearchKey::Recent,
        "OLD" => SearchKey::Not(Box::new(SearchKey::Recent)),
        "NEW" => SearchKey::And(vec![SearchKey::Recent, lacks(SystemFlag::Seen)]),
        _ => return wrong("An unknown search key"),
    })
}

fn search_text(word: &str, text: String) -> SearchKey {
    match word.to_ascii_uppercase().as_str() {
        "BCC" => SearchKey::Bcc(text),
        "BODY" => SearchKey::Body(text),
        "CC" => SearchKey::Cc(text),
        "FROM" => SearchKey::From(text),
        "SUBJECT" => SearchKey::Subject(text),
        "TO" => SearchKey::To(text),
        _ => SearchKey::Text(text),
    }
}

fn search_date(word: &str, date: &str) -> Lowered<SearchKey> {
    let Some(date) = CivilDate::parse(date) else { return wrong("A date that does not exist") };
    Ok(match word.to_ascii_uppercase().as_str() {
        "BEFORE" => SearchKey::Before(date),
        "ON" => SearchKey::On(date),
        "SINCE" => SearchKey::Since(date),
        "SENTBEFORE" => SearchKey::SentBefore(date),
        "SENTON" => SearchKey::SentOn(date),
        "SAVEDBEFORE" => SearchKey::SavedBefore(date),
        "SAVEDON" => SearchKey::SavedOn(date),
        "SAVEDSINCE" => SearchKey::SavedSince(date),
        _ => SearchKey::SentSince(date),
    })
}

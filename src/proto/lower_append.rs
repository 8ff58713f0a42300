//! APPEND and REPLACE, from what pest has found to messages.      RFC 4466 7; RFC 3502; RFC 4469; RFC 5257 4.7; RFC 6855 4; RFC 8508

use pest::iterators::Pair;

use super::arguments::Args;
use super::command::{AppendCommand, AppendData, AppendMessage, CatPart, CommandBody, ReplaceCommand};
use super::grammar::Rule;
use super::lower::{Lowered, Recent, date_time, flags, number_set, wrong};
use super::lower_annotate;

pub(super) fn append(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let mailbox = args.mailbox()?;
    let messages = args.rest().into_iter().map(|pair| message(args, pair)).collect::<Lowered<_>>()?;
    Ok(CommandBody::Append(AppendCommand { mailbox, messages }))
}

pub(super) fn replace(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let set = number_set(args.next()?.as_str())?;
    let mailbox = args.mailbox()?;
    let pair = args.next()?;
    let message = message(args, pair)?;
    Ok(CommandBody::Replace(ReplaceCommand { by: args.by, set, mailbox, message }))
}

fn message<'a>(args: &mut Args<'a>, pair: Pair<'a, Rule>) -> Lowered<AppendMessage> {
    let (mut flags_, mut date, mut data, mut annotations) = (Vec::new(), None, None, Vec::new());
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::flag_list => flags_ = flags(part.into_inner(), Recent::PassedOver)?,
            Rule::date_time => date = Some(date_time(part.as_str())?),
            Rule::att_annotate if annotations.is_empty() => annotations = lower_annotate::values(args, part)?,
            Rule::att_annotate => return wrong("ANNOTATION stands once before a message"),
            Rule::utf8_literal => data = Some(AppendData::Utf8(args.literal()?)),
            Rule::catenate => {
                let parts = part.into_inner().map(|pair| cat_part(args, pair));
                data = Some(AppendData::Catenate(parts.collect::<Lowered<_>>()?));
            }
            _ => data = Some(AppendData::Message(args.literal()?)),
        }
    }
    match data {
        Some(data) => Ok(AppendMessage { flags: flags_, date, annotations, data }),
        None => wrong("A message is missing"),
    }
}

fn cat_part<'a>(args: &mut Args<'a>, pair: Pair<'a, Rule>) -> Lowered<CatPart> {
    match (pair.as_rule(), pair.into_inner().next()) {
        (Rule::cat_url, Some(url)) => Ok(CatPart::Url(args.text(&url)?)),
        (Rule::utf8_literal, _) => Ok(CatPart::Utf8(args.literal()?)),
        _ => Ok(CatPart::Text(args.literal()?)),
    }
}

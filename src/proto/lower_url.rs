//! The commands of URLAUTH, from what pest has found.              RFC 4467 9; RFC 5524 5

use pest::iterators::Pair;

use super::arguments::Args;
use super::command::{CommandBody, UrlData, UrlFetchArg};
use super::grammar::Rule;
use super::lower::{Lowered, wrong};

pub(super) fn resetkey(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let Some(pair) = args.next_if(Rule::mailbox) else { return Ok(CommandBody::ResetKey(None)) };
    let Some(inner) = pair.into_inner().next() else { return wrong("A mailbox name is missing") };
    let mailbox = args.mailbox_name(&inner)?;
    let mechanisms = args.rest().iter().map(|pair| pair.as_str().to_string()).collect();
    Ok(CommandBody::ResetKey(Some((mailbox, mechanisms))))
}

pub(super) fn genurlauth(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let mut urls = Vec::new();
    for pair in args.rest().chunks(2) {
        let [url, mechanism] = pair else { return wrong("A URL has no mechanism") };
        urls.push((args.text(url)?, mechanism.as_str().to_string()));
    }
    Ok(CommandBody::GenUrlAuth(urls))
}

pub(super) fn urlfetch(args: &mut Args<'_>) -> Lowered<CommandBody> {
    let urls = args.rest().into_iter().map(|pair| url_fetch_arg(args, pair)).collect::<Lowered<_>>()?;
    Ok(CommandBody::UrlFetch(urls))
}

fn url_fetch_arg<'a>(args: &mut Args<'a>, pair: Pair<'a, Rule>) -> Lowered<UrlFetchArg> {
    let mut parts = pair.into_inner();
    let Some(url) = parts.next() else { return wrong("A URL is missing") };
    let url = args.text(&url)?;
    let mut wanted: Vec<UrlData> = Vec::new();
    for part in parts {
        let data = match part.as_str().to_ascii_uppercase().as_str() {
            "BODY" => UrlData::Body,
            "BINARY" => UrlData::Binary,
            "BODYPARTSTRUCTURE" => UrlData::BodyPartStructure,
            _ => return wrong("An unknown parameter of a URL"),
        };
        if wanted.contains(&data) {
            return wrong("A parameter stands there twice");
        }
        wanted.push(data);
    }
    match wanted.contains(&UrlData::Body) && wanted.contains(&UrlData::Binary) {
        true => wrong("BODY and BINARY are not asked for together"),
        false => Ok(UrlFetchArg { url, wanted }),
    }
}

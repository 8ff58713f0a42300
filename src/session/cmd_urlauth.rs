//! GENURLAUTH, RESETKEY and URLFETCH.                RFC 4467; RFC 5092 6.1; RFC 5524; RFC 5550 5
//!
//! A URL that is authorised gives what its owner may read, to whom it names. Whatever is wrong with one, URLFETCH answers
//! NIL: nobody learns by it which mailboxes and accounts there are.

use std::sync::Arc;

use super::content::{LiteralKind, Missing, Prepared, cut};
use super::core::{Core, Selected, State};
use super::located::Located;
use super::output::{Gone, Response};
use super::place::Place;
use super::reply::{Failure, Handled, Reply};
use crate::mailbox::{Account, MailboxError, summary_of, url_token, verifies_url};
use crate::mime::{Undone, part_structure, undone_structure, without_global};
use crate::proto::response as wire;
use crate::proto::{
    Dialect, MessageUrl, ResponseCode, UrlAccess, UrlAuthorization, UrlData, UrlFetchArg, UrlVerifier,
};
use crate::types::{AccountName, Right, SectionText};

/// The only mechanism there is. RFC 4467 2.4.1
const INTERNAL: &str = "INTERNAL";

pub(super) fn resetkey(core: &mut Core, own: &Arc<Account>, what: Option<&(String, Vec<String>)>) -> Handled {
    let Some((name, mechanisms)) = what else {
        own.remove_url_keys()?;
        return Ok(Reply::ok("All keys are removed"));
    };
    if !mechanisms.iter().all(|mechanism| mechanism.eq_ignore_ascii_case(INTERNAL)) {
        return Err(Reply::no(ResponseCode::Cannot, "INTERNAL is the only mechanism here").into());
    }
    let mailbox = core.place(own, name)?.mailbox(Right::Read)?;
    own.reset_url_key(&mailbox)?;
    let reply = Reply::ok("RESETKEY completed");
    Ok(if core.shows_url_mechanisms() { reply.with(ResponseCode::UrlMech) } else { reply })
}

pub(super) fn genurlauth(core: &mut Core, own: &Arc<Account>, urls: &[(String, String)]) -> Handled {
    let mut authorized = Vec::new();
    for (rump, mechanism) in urls {
        if !mechanism.eq_ignore_ascii_case(INTERNAL) {
            return Err(Reply::no(ResponseCode::Cannot, "INTERNAL is the only mechanism here").into());
        }
        authorized.push(authorize(core, own, rump)?);
    }
    core.output.say(|out| {
        out.extend_from_slice(b"* GENURLAUTH");
        for url in &authorized {
            out.push(b' ');
            wire::quoted(out, url.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    })?;
    Ok(Reply::ok("GENURLAUTH completed"))
}

/// What is wrong with a URL that is to be authorised is BAD. RFC 4467 7 (GENURLAUTH)
fn authorize(core: &Core, own: &Arc<Account>, rump: &str) -> Result<String, Failure> {
    let url =
        MessageUrl::parse(rump).ok_or_else(|| Reply::bad("The URL is not that of a message or a part of one"))?;
    let user = url.server.as_ref().and_then(|server| server.user.as_deref());
    if user.and_then(AccountName::new).as_ref() != Some(own.name()) {
        return Err(Reply::bad("The URL does not name you as its owner, as in imap://you@server/").into());
    }
    let Some(UrlAuthorization { access, verifier: None, .. }) = &url.authorization else {
        return Err(Reply::bad("The URL does not end in an access identifier, as ;URLAUTH=anonymous").into());
    };
    if let UrlAccess::Submit(user) | UrlAccess::User(user) = access
        && AccountName::new(user).is_none()
    {
        return Err(Reply::bad("The access identifier has no valid user").into());
    }
    let place = core.place(own, &url.mailbox).map_err(no_mailbox)?;
    let mailbox = place.mailbox(Right::Read).map_err(no_mailbox)?;
    let key = own.make_url_key(&mailbox)?;
    Ok(format!("{rump}:internal:{}", url_token(&key, rump)))
}

/// That there is no such mailbox is the client's to mend; what the server cannot do is not.
fn no_mailbox(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(reply) if reply.code != Some(ResponseCode::Unavailable) => {
            Reply::bad("The URL's mailbox does not exist").into()
        }
        other => other,
    }
}

pub(super) fn urlfetch(core: &mut Core, args: &[UrlFetchArg]) -> Handled {
    let found = args.iter().map(|arg| find(core, &arg.url)).collect::<Result<Vec<_>, Failure>>()?;
    let mut answers = Vec::new();
    for (arg, found) in args.iter().zip(found) {
        answers.push(match found {
            Some((url, located)) => Answer::prepare(core.dialect, arg, &url, located)?,
            None => Answer::Nil,
        });
    }
    core.output.respond(|response| {
        response.buffer.extend_from_slice(b"* URLFETCH");
        for (arg, answer) in args.iter().zip(&answers) {
            response.buffer.push(b' ');
            wire::string(response.buffer, arg.url.as_bytes());
            answer.write(response)?;
        }
        response.buffer.extend_from_slice(b"\r\n");
        Ok(())
    })?;
    Ok(Reply::ok("URLFETCH completed"))
}

/// What a URL leads to, where this session may use it.
fn find(core: &Core, text: &str) -> Result<Option<(MessageUrl, Located)>, Failure> {
    let Some(url) = MessageUrl::parse(text) else { return Ok(None) };
    let (Some(server), Some(authorization)) = (&url.server, &url.authorization) else { return Ok(None) };
    let Some(verifier) = &authorization.verifier else { return Ok(None) };
    let place = owner_place(core, server.user.as_deref(), &url.mailbox)?;
    let valid = verify(place.as_ref(), &text[..verifier.rump_bytes], verifier)?;
    match place.filter(|_| valid && may_use(core, authorization)) {
        Some((_, place)) => Ok(core.locate(&place, &url)?.map(|located| (url, located))),
        None => Ok(None),
    }
}

/// The URL's owner, and the place of its mailbox, as the owner sees it.
fn owner_place(core: &Core, user: Option<&str>, mailbox: &str) -> Result<Option<(Arc<Account>, Place)>, Failure> {
    let Some(name) = user.and_then(AccountName::new) else { return Ok(None) };
    let Some(owner) = core.service.manager.existing_account(&name)? else { return Ok(None) };
    let groups = core.service.settings().groups.of(&name);
    match core.place_of(&owner, groups, mailbox) {
        Ok(place) => Ok(Some((owner, place))),
        Err(Failure::Refused(reply)) if reply.code != Some(ResponseCode::Unavailable) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Computes the token whether there is such a mailbox or not. RFC 4467 6
fn verify(place: Option<&(Arc<Account>, Place)>, rump: &str, verifier: &UrlVerifier) -> Result<bool, Failure> {
    let mailbox = place.and_then(|(owner, place)| Some((owner, place.mailbox(Right::Read).ok()?)));
    let key = mailbox.and_then(|(owner, mailbox)| owner.url_key(&mailbox));
    let verified = verifies_url(key.as_ref(), rump, &verifier.token);
    Ok(verified && verifier.mechanism.eq_ignore_ascii_case(INTERNAL))
}

/// Whether the session is one of those that the URL is for, and it has not expired. RFC 4467 3
fn may_use(core: &Core, authorization: &UrlAuthorization) -> bool {
    let Some(user) = &core.user else { return false };
    let expired = authorization.expires_secs.is_some_and(|until| crate::sys::now_secs() > until);
    !expired
        && match &authorization.access {
            UrlAccess::Submit(_) => {
                core.service.settings().submission_servers.iter().any(|name| name == user.as_str())
            }
            UrlAccess::User(name) => AccountName::new(name).as_ref() == Some(user),
            UrlAccess::AuthUser | UrlAccess::Anonymous => true,
        }
}

/// What is said of a URL.
enum Answer {
    Nil,
    Plain(Located),
    /// RFC 5524 3.2
    Metadata(Located, Vec<Metadata>),
}

enum Metadata {
    Body,
    Binary(Prepared, std::ops::Range<u64>, LiteralKind),
    BodyPartStructure(Vec<u8>),
}

impl Answer {
    fn prepare(dialect: Dialect, arg: &UrlFetchArg, url: &MessageUrl, located: Located) -> Result<Answer, Failure> {
        match located.source.begins(&located.content, located.range.clone()) {
            Ok(()) => {}
            Err(Missing::Message | Missing::Octets) => return Ok(Answer::Nil),
            Err(Missing::Refused(failure)) => return Err(failure),
        }
        if arg.wanted.is_empty() {
            return Ok(Answer::Plain(located));
        }
        let binary = match arg.wanted.contains(&UrlData::Binary) {
            true => Some(binary(url, &located)?),
            false => None,
        };
        let mut metadata = Vec::new();
        for wanted in &arg.wanted {
            metadata.push(match wanted {
                UrlData::Body => Metadata::Body,
                UrlData::BodyPartStructure => match structure(dialect, url, &located, binary.as_ref())? {
                    Some(structure) => Metadata::BodyPartStructure(structure),
                    None => return Ok(Answer::Nil),
                },
                UrlData::Binary => continue,
            });
        }
        metadata.extend(binary.map(|(content, range, kind, _)| Metadata::Binary(content, range, kind)));
        Ok(Answer::Metadata(located, metadata))
    }

    fn write(&self, response: &mut Response<'_>) -> Result<(), Gone> {
        match self {
            Answer::Nil => {
                response.buffer.extend_from_slice(b" NIL");
                Ok(())
            }
            Answer::Plain(located) => {
                response.buffer.push(b' ');
                located.source.write_range(response, &located.content, located.range.clone(), LiteralKind::Literal)
            }
            Answer::Metadata(located, metadata) => {
                metadata.iter().try_for_each(|metadata| metadata.write(located, response))
            }
        }
    }
}

impl Metadata {
    fn write(&self, located: &Located, response: &mut Response<'_>) -> Result<(), Gone> {
        match self {
            Metadata::BodyPartStructure(structure) => {
                response.buffer.extend_from_slice(b" (BODYPARTSTRUCTURE ");
                response.buffer.extend_from_slice(structure);
            }
            Metadata::Body => {
                response.buffer.extend_from_slice(b" (BODY ");
                let (content, range) = (&located.content, located.range.clone());
                located.source.write_range(response, content, range, LiteralKind::Literal)?;
            }
            Metadata::Binary(content, range, kind) => {
                response.buffer.extend_from_slice(b" (BINARY ");
                located.source.write_range(response, content, range.clone(), *kind)?;
            }
        }
        response.buffer.push(b')');
        Ok(())
    }
}

type Binary = (Prepared, std::ops::Range<u64>, LiteralKind, Undone);

/// The content without its transfer encoding; NIL where that cannot be undone. RFC 5524 3.2
fn binary(url: &MessageUrl, located: &Located) -> Result<Binary, Failure> {
    let content = match url.section.text == SectionText::Whole {
        true => match located.source.binary(&url.section.part, &summary_of(&located.summary)?) {
            Ok(content) => content,
            Err(Missing::Message | Missing::Octets) => Prepared::Nil,
            Err(Missing::Refused(Failure::Refused(reply))) if reply.code == Some(ResponseCode::UnknownCte) => {
                Prepared::Nil
            }
            Err(Missing::Refused(failure)) => return Err(failure),
        },
        // A header has no transfer encoding.
        false => located.content.clone(),
    };
    let range = cut(0..content.len(), url.partial);
    let (mut kind, mut undone) = (LiteralKind::Literal, Undone { octets: range.end - range.start, lines: 0 });
    located.source.octets(&content, range.clone(), &mut |piece| {
        kind = kind.with(piece);
        undone.lines += memchr::memchr_iter(b'\n', piece).count() as u64;
        true
    })?;
    Ok((content, range, kind, undone))
}

/// The structure of what is given: with BINARY that of the decoded part. RFC 5524 3.2
fn structure(
    dialect: Dialect,
    url: &MessageUrl,
    located: &Located,
    binary: Option<&Binary>,
) -> Result<Option<Vec<u8>>, MailboxError> {
    let summary = summary_of(&located.summary)?;
    let Some(structure) = part_structure(summary.body_structure(), &url.section.part) else { return Ok(None) };
    let basic = if dialect.has_utf8() { None } else { without_global(structure) };
    let structure = basic.as_deref().unwrap_or(structure);
    Ok(Some(match binary {
        Some((content, _, _, undone)) if !matches!(content, Prepared::Nil) => undone_structure(structure, *undone),
        _ => structure.to_vec(),
    }))
}

impl Core {
    /// Whether URLMECH is said: what it says of other mechanisms would be secret. RFC 4467 10
    pub(super) fn shows_url_mechanisms(&self) -> bool {
        let protected = self.stream.is_tls() || self.service.settings().urlmech_in_the_clear;
        protected && !self.is_masked("URLAUTH")
    }
}

impl Selected {
    /// Tells the client that its key for this mailbox is another: its URLs are void. RFC 4467 7 (RESETKEY)
    pub(super) fn url_key_news(&mut self, core: &Core) -> Result<(), Gone> {
        let key = self.own.url_key(self.view.mailbox());
        let reset = self.url_key.is_some() && key != self.url_key;
        self.url_key = key;
        match reset && core.shows_url_mechanisms() {
            true => core.output.say(|out| wire::untagged_ok(out, Some(&ResponseCode::UrlMech), "The key is another")),
            false => Ok(()),
        }
    }
}

/// The session that resets a key hears of it in the tagged response. RFC 4467 8 (URLMECH)
pub(super) fn knows_key(state: &mut State) {
    if let State::Selected(_, selected) = state {
        selected.url_key = selected.own.url_key(selected.view.mailbox());
    }
}

//! Access lists and quotas.       RFC 4314; RFC 9208

use super::arguments::Args;
use super::command::CommandBody;
use super::lower::{Lowered, number, wrong};
use crate::types::{ModifyRights, QuotaResource, Rights};

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

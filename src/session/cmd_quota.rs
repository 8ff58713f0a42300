//! GETQUOTA, GETQUOTAROOT and SETQUOTA.             RFC 9208 4.1; RFC 2087 4
//!
//! The quota root of a mailbox is its account, by name. A user sees the own one; administrators see and set all.

use std::sync::Arc;

use super::core::Core;
use super::place::Place;
use super::reply::{Failure, Handled, Reply};
use crate::mailbox::{Account, Quota, QuotaLimits, Resource};
use crate::proto::{ResponseCode, response as wire};
use crate::types::{AccountName, QuotaResource, Right};

pub(super) fn getquota(core: &mut Core, account: &Arc<Account>, root: &str) -> Handled {
    let quota = of_root(core, account, root)?.quota()?;
    say(core, root, &quota)?;
    Ok(Reply::ok("GETQUOTA completed"))
}

/// Of another's mailbox for those alone who may read it; an own one may be still to come. RFC 9208 4.1.2
pub(super) fn getquotaroot(core: &Core, place: &Place) -> Handled {
    if !place.is_own() {
        place.mailbox(Right::Read)?;
    }
    let (account, root) = (&place.account, place.account.name().as_str());
    core.output.say(|out| {
        out.extend_from_slice(b"* QUOTAROOT ");
        wire::mailbox(out, &place.shown, core.dialect);
        out.push(b' ');
        wire::astring(out, root);
        out.extend_from_slice(b"\r\n");
    })?;
    say(core, root, &account.quota()?)?;
    Ok(Reply::ok("GETQUOTAROOT completed"))
}

/// Resources that are not named lose their limit. RFC 9208 4.1.3
pub(super) fn setquota(core: &mut Core, account: &Arc<Account>, root: &str, set: &[(QuotaResource, u64)]) -> Handled {
    if !is_administrator(core, account) {
        return Err(Reply::no(ResponseCode::NoPerm, "Quotas are set by the administrators").into());
    }
    let of = of_root(core, account, root)?;
    if set.iter().any(|(resource, _)| *resource == QuotaResource::Unknown) {
        return Err(Reply::no(ResponseCode::Cannot, "The resources are STORAGE, MESSAGE and MAILBOX").into());
    }
    // 0 stands for no limit with us, for no room with the client: the smallest limit there is takes its place.
    let limit = |of: QuotaResource| Some(set.iter().find(|(known, _)| *known == of).map_or(0, |(_, n)| (*n).max(1)));
    of.set_quota(QuotaLimits {
        storage_bytes: limit(QuotaResource::Storage).map(|kilobytes| kilobytes.saturating_mul(1024)),
        messages: limit(QuotaResource::Message),
        mailboxes: limit(QuotaResource::Mailbox),
    })?;
    say(core, root, &of.quota()?)?;
    Ok(Reply::ok("SETQUOTA completed"))
}

pub(super) fn is_administrator(core: &Core, account: &Account) -> bool {
    core.service.settings().administrators.iter().any(|name| name == account.name().as_str())
}

/// The account of a quota root; one that the client may not see is as one that does not exist.
fn of_root(core: &Core, account: &Arc<Account>, root: &str) -> Result<Arc<Account>, Failure> {
    let name = AccountName::new(root);
    if name.as_ref() == Some(account.name()) {
        return Ok(account.clone());
    }
    let found = match name.filter(|_| is_administrator(core, account)) {
        Some(name) => core.service.manager.existing_account(&name)?,
        None => None,
    };
    found.ok_or_else(|| Reply::no(ResponseCode::NonExistent, "No such quota root").into())
}

/// `* QUOTA root (STORAGE 10 512)`: resources without a limit are left out. RFC 9208 4.2.1
fn say(core: &Core, root: &str, quota: &Quota) -> Result<(), Failure> {
    let item = |name: &str, of: Resource, unit: u64| {
        of.limit.map(|limit| format!("{name} {} {}", of.used.div_ceil(unit), limit / unit))
    };
    let items = [
        item("STORAGE", quota.storage, 1024),
        item("MESSAGE", quota.messages, 1),
        item("MAILBOX", quota.mailboxes, 1),
    ];
    let items: Vec<String> = items.into_iter().flatten().collect();
    core.output.say(|out| {
        out.extend_from_slice(b"* QUOTA ");
        wire::astring(out, root);
        out.extend_from_slice(format!(" ({})\r\n", items.join(" ")).as_bytes());
    })?;
    Ok(())
}

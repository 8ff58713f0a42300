//! RLIST and RLSUB.                                 RFC 2193 5
//!
//! LIST and LSUB, with the mailboxes that are on other servers among the names: those that the user has subscribed to or
//! has an alias for. What else is there only the other server knows.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::core::Core;
use super::reply::{Failure, Handled, Reply};
use super::{cmd_list, referral};
use crate::mailbox::Account;
use crate::proto::{ListCommand, response as wire};
use crate::types::Pattern;

pub(super) fn rlist(core: &mut Core, account: &Arc<Account>, reference: &str, pattern: &str) -> Handled {
    let command = ListCommand::plain(reference, pattern);
    cmd_list::list(core, account, &command)?;
    let tree = account.tree();
    let names = tree.subscriptions().iter().map(String::as_str);
    let aliases = tree.aliases().keys().map(|alias| alias.as_str());
    remote(core, account, "LIST", &Pattern::new(reference, pattern), names.chain(aliases))?;
    Ok(Reply::ok("RLIST completed"))
}

pub(super) fn rlsub(core: &mut Core, account: &Arc<Account>, reference: &str, pattern: &str) -> Handled {
    cmd_list::lsub(core, account, reference, pattern)?;
    let tree = account.tree();
    let names = tree.subscriptions().iter().map(String::as_str);
    remote(core, account, "LSUB", &Pattern::new(reference, pattern), names)?;
    Ok(Reply::ok("RLSUB completed"))
}

/// `* LIST () "/" ~moved/Box`: nothing is known of it but the name.
fn remote<'a>(
    core: &Core,
    account: &Account,
    response: &str,
    pattern: &Pattern,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), Failure> {
    let names: BTreeSet<&str> = names.filter(|name| pattern.matches(name)).collect();
    for name in names.into_iter().filter(|name| core.remote_url(account, name).is_some()) {
        core.output.say(|out| {
            wire::text(out, format_args!("* {response} () \"/\" "));
            wire::mailbox(out, name, core.dialect);
            out.extend_from_slice(b"\r\n");
        })?;
    }
    Ok(())
}

/// RENAME from or to another server: the URLs of both names. RFC 2193 4.3
pub(super) fn check_rename(core: &Core, account: &Account, from: &str, to: &str) -> Result<(), Failure> {
    match (core.remote_url(account, from), core.remote_url(account, to)) {
        (None, None) => Ok(()),
        (from_url, to_url) => Err(referral::to_mailboxes(vec![
            from_url.unwrap_or_else(|| core.home_url(account, from)),
            to_url.unwrap_or_else(|| core.home_url(account, to)),
        ])),
    }
}

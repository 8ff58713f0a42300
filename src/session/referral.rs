//! Referrals to other servers.                      RFC 2221 4.1; RFC 2193 4; RFC 2192 (IMAP URLs)
//!
//! The user of a login referral is the address's local part on the other server. A mailbox is referred to as the user who
//! asks would name it there: `~owner/mailbox`.

use super::core::Core;
use super::place::foreign;
use super::reply::{Failure, Reply};
use crate::auth::{Destination, Remote};
use crate::mailbox::Account;
use crate::proto::ResponseCode;
use crate::types::AccountName;

/// `NO [REFERRAL IMAP://John;AUTH=*@server.example/]`
pub(super) fn to_home(remote: &Remote) -> Failure {
    let code = ResponseCode::Referral(vec![url(&remote.user, &remote.host, "")]);
    Reply::no(code, "account has been moved to a remote system").into()
}

/// `NO [REFERRAL IMAP://ann;AUTH=*@server.example/~John/Box]`, one URL for each mailbox.
pub(super) fn to_mailboxes(urls: Vec<String>) -> Failure {
    Reply::no(ResponseCode::Referral(urls), "mailbox is on a remote system").into()
}

impl Core {
    /// Where the account of another leads: to an account here, or elsewhere.
    pub(super) fn owner(&self, name: &AccountName) -> Result<Option<AccountName>, Remote> {
        match self.service.auth.way(name.as_str()).destination {
            Destination::Local(name) => Ok(AccountName::new(&name)),
            Destination::Circle => Ok(None),
            Destination::Remote(remote) => Err(remote),
        }
    }

    /// The URL of a mailbox that is on another server; `None` for what is here, or nowhere.
    pub(super) fn remote_url(&self, own: &Account, text: &str) -> Option<String> {
        let text = self.by_alias(own, text).unwrap_or_else(|| text.to_string());
        let (owner, name) = foreign(&text, own)?;
        let remote = self.owner(&owner?).err()?;
        Some(url(own.name().as_str(), &remote.host, &format!("~{}/{name}", remote.user)))
    }

    /// The URL of a mailbox that is here, for a referral that has to name both.
    pub(super) fn home_url(&self, own: &Account, text: &str) -> String {
        url(own.name().as_str(), &self.service.settings().host_name, text)
    }
}

fn url(user: &str, host: &str, mailbox: &str) -> String {
    format!("IMAP://{};AUTH=*@{host}/{}", encoded(user, b""), encoded(mailbox, b":@/"))
}

/// `achar`, and what else may stand here; the rest in hexadecimal digits. RFC 2192 11
fn encoded(text: &str, more: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet.is_ascii_alphanumeric() || b"$-_.+!*'(),&=~".contains(&octet) || more.contains(&octet) {
            true => out.push(char::from(octet)),
            false => out.push_str(&format!("%{octet:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        assert_eq!(url("John", "server.example", ""), "IMAP://John;AUTH=*@server.example/");
        let got = url("ann@x.org", "server.example", "~John/Entw\u{fc}rfe 1;x]");
        assert_eq!(got, "IMAP://ann%40x.org;AUTH=*@server.example/~John/Entw%C3%BCrfe%201%3Bx%5D");
    }
}

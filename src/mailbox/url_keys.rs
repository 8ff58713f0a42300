//! Mailbox access keys: what an account's URLs are authorised by.  RFC 4467 2.2, 2.4
//!
//! Each account has a key of its own for each mailbox that it has authorised URLs of, its own or another account's. A key
//! never leaves the server. The token of the mechanism INTERNAL is `01` and the BLAKE3 of the URL under the key, in hex;
//! another first octet would name another algorithm.

use argon2::password_hash::rand_core::{OsRng, RngCore};

use super::account::Account;
use super::error::MailboxError;
use super::mailbox::Mailbox;
use super::planning::Plan;
use crate::store::{AccountChange, UrlKey};
use crate::types::{AccountId, MailboxId};

/// Names the algorithm. RFC 4467 2.4.1
const ALGORITHM: &str = "01";

/// A mailbox in an account's table of keys: account 0 stands for the account itself.
type Entry = (AccountId, MailboxId);

impl Account {
    fn entry(&self, mailbox: &Mailbox) -> Entry {
        let owner = if mailbox.is_of(self) { AccountId(0) } else { mailbox.account };
        (owner, mailbox.id())
    }

    /// This account's key for a mailbox.
    pub fn url_key(&self, mailbox: &Mailbox) -> Option<UrlKey> {
        self.tree().url_key(self.entry(mailbox))
    }

    /// As `url_key`; made where there is none. RFC 4467 7 (GENURLAUTH)
    pub fn make_url_key(&self, mailbox: &Mailbox) -> Result<UrlKey, MailboxError> {
        let (entry, new) = (self.entry(mailbox), random());
        self.change(|tree| {
            let change = tree.url_key(entry).is_none().then(|| AccountChange::PutUrlKey(entry, new.clone()));
            Ok(Plan { changes: change.into_iter().collect(), ..Plan::default() })
        })?;
        Ok(self.tree().url_key(entry).unwrap_or(new))
    }

    /// Another key in the place of the one there is: URLs of the mailbox that were authorised so far are void.
    pub fn reset_url_key(&self, mailbox: &Mailbox) -> Result<(), MailboxError> {
        let change = AccountChange::PutUrlKey(self.entry(mailbox), random());
        self.change(|_| Ok(Plan { changes: vec![change.clone()], ..Plan::default() }))?;
        mailbox.ring();
        Ok(())
    }

    /// Voids all URLs that the account has authorised.
    pub fn remove_url_keys(&self) -> Result<(), MailboxError> {
        self.change(|tree| {
            let changes = tree.url_keys().map(AccountChange::RemoveUrlKey).collect();
            Ok(Plan { changes, ..Plan::default() })
        })?;
        self.ring_all();
        Ok(())
    }
}

fn random() -> UrlKey {
    let mut key = [0; 32];
    OsRng.fill_bytes(&mut key);
    UrlKey(key)
}

/// The token of a URL under a key.
pub fn url_token(key: &UrlKey, rump: &str) -> String {
    format!("{ALGORITHM}{}", blake3::keyed_hash(&key.0, rump.as_bytes()).to_hex())
}

/// Whether a token is that of the URL; takes as long where there is no key. RFC 4467 6
pub fn verifies_url(key: Option<&UrlKey>, rump: &str, token: &str) -> bool {
    let plausible = UrlKey([0x5a; 32]);
    let computed = blake3::keyed_hash(&key.unwrap_or(&plausible).0, rump.as_bytes());
    let given = token.strip_prefix(ALGORITHM).and_then(|hex| blake3::Hash::from_hex(hex).ok());
    // Hashes are compared in constant time.
    let same = given.is_some_and(|given| given == computed);
    key.is_some() && same
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let (key, other) = (random(), random());
        let token = url_token(&key, "imap://joe@x/INBOX/;UID=1;URLAUTH=anonymous");
        assert!(token.len() == 66 && token.bytes().all(|b| b.is_ascii_hexdigit()));
        assert!(verifies_url(Some(&key), "imap://joe@x/INBOX/;UID=1;URLAUTH=anonymous", &token));
        assert!(verifies_url(Some(&key), "imap://joe@x/INBOX/;UID=1;URLAUTH=anonymous", &token.to_uppercase()));
        assert!(!verifies_url(Some(&key), "imap://joe@x/INBOX/;UID=2;URLAUTH=anonymous", &token));
        assert!(!verifies_url(Some(&other), "imap://joe@x/INBOX/;UID=1;URLAUTH=anonymous", &token));
        let plausible = url_token(&UrlKey([0x5a; 32]), "x");
        assert!(!verifies_url(None, "x", &plausible));
        assert!(!verifies_url(Some(&key), "x", "") && !verifies_url(Some(&key), "x", &"0".repeat(66)));
    }
}

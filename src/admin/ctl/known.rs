//! Who has an account on this server, or is meant by a name in an access list.

use std::collections::HashSet;

use super::super::failed::{EX_CONFIG, Failed};
use crate::auth::{Groups, Passwd, PasswdError};
use crate::config::Config;
use crate::types::AccountName;

/// Who there is on this server.
pub(super) struct Known {
    pub(super) accounts: HashSet<AccountName>,
    groups: Groups,
}

impl Known {
    pub(super) fn load(config: &Config) -> Result<Known, Failed> {
        let failed = |error: PasswdError| Failed::new(EX_CONFIG, error.to_string());
        let passwd = Passwd::load(&config.passwd_file).map_err(failed)?;
        let groups = config.groups_file.as_deref().map(Groups::load).transpose().map_err(failed)?;
        Ok(Known { accounts: passwd.names().cloned().collect(), groups: groups.unwrap_or_default() })
    }

    /// Whether an identifier of an access control list means anybody, or takes rights away.
    pub(super) fn means_somebody(&self, identifier: &str) -> bool {
        if let Some(domain) = identifier.strip_prefix("anyone@").filter(|domain| !domain.is_empty()) {
            return self.accounts.iter().any(|name| name.domain() == Some(domain));
        }
        match identifier.strip_prefix('#') {
            Some(group) => self.groups.has_members(group),
            None => {
                identifier.starts_with('-')
                    || ["anyone", "anyone@"].contains(&identifier)
                    || AccountName::new(identifier).is_some_and(|name| self.accounts.contains(&name))
            }
        }
    }
}

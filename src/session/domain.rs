//! Which domain a client has come to, and what that changes.      CommuniGate Pro
//!
//! The name that it asks for in TLS says it, or else the address that it came to; who logs in with the name of another
//! domain is that one's user.

use std::net::IpAddr;

use super::core::Core;
use super::service::Settings;
use crate::net;

/// A domain of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// In small letters.
    pub name: String,
    pub addresses: Vec<IpAddr>,
    /// `None` where the setting for all says.
    pub cleartext_login: Option<bool>,
}

impl Settings {
    /// The domain that an address of this machine is of.
    pub(super) fn domain_at(&self, address: IpAddr) -> Option<&Domain> {
        let address = address.to_canonical();
        self.domains.iter().find(|domain| domain.addresses.iter().any(|own| own.to_canonical() == address))
    }

    /// Whether a name of a domain may log in without TLS.
    fn permits_cleartext(&self, domain: Option<&str>) -> bool {
        let of = domain.and_then(|domain| self.domains.iter().find(|known| known.name == domain));
        of.and_then(|domain| domain.cleartext_login).unwrap_or(self.cleartext_login)
    }
}

impl Core {
    /// Looks which domain the client has come to; again after TLS has begun.
    pub(super) fn find_domain(&mut self) {
        let settings = self.service.settings();
        if settings.domains.is_empty() {
            return;
        }
        let named = self.stream.server_name();
        let by_name = named.and_then(|host| net::domain_of(&host, &settings.domains, |domain| &domain.name));
        let by_address = || self.stream.local().ok().and_then(|local| settings.domain_at(local.ip()));
        self.domain = by_name.or_else(by_address).map(|domain| domain.name.clone());
    }

    /// Whether this connection may carry a password, as far as is known before there is a name.
    pub(super) fn may_send_password(&self) -> bool {
        self.stream.is_tls() || self.service.settings().permits_cleartext(self.domain.as_deref())
    }

    /// Whether this connection may carry the password of a name: that of its domain, where it has one.
    pub(super) fn may_send_password_of(&self, name: &str) -> bool {
        let domain = name.rsplit_once('@').map(|(_, domain)| domain.to_lowercase());
        let domain = domain.as_deref().or(self.domain.as_deref());
        self.stream.is_tls() || self.service.settings().permits_cleartext(domain)
    }
}

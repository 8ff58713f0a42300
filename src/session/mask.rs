//! Capabilities that some clients are not told of, as they trip over them.
//!
//! A capability that is masked is neither listed nor enabled. What it stands for goes on working: a client that uses what
//! it was not told of has been made for it. What is sent unasked is not sent either: INPROGRESS, and the response codes of
//! SELECT that belong to it.

use super::core::Core;
use crate::types::Wildcard;

/// One mask of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// By the name that clients give with ID; none for every client.
    pub clients: Vec<Wildcard>,
    /// None for every account, and for who has not logged in.
    pub accounts: Vec<Wildcard>,
    pub capabilities: Vec<Wildcard>,
}

impl Mask {
    fn concerns(&self, core: &Core) -> bool {
        let one_of = |patterns: &[Wildcard], text: Option<&str>| {
            patterns.is_empty() || text.is_some_and(|text| patterns.iter().any(|pattern| pattern.matches(text)))
        };
        one_of(&self.clients, core.client.as_deref())
            && one_of(&self.accounts, core.user.as_ref().map(|user| user.as_str()))
    }

    fn hides(&self, word: &str) -> bool {
        self.capabilities.iter().any(|pattern| pattern.matches(word))
    }
}

impl Core {
    /// Whether a mask hides a capability, by its whole word or by what is before the value, from this client.
    pub(super) fn is_masked(&self, name: &str, word: &str) -> bool {
        let settings = self.service.settings();
        settings.masks.iter().any(|mask| (mask.hides(name) || mask.hides(word)) && mask.concerns(self))
    }
}

//! Capabilities that some clients are not told of, as they trip over them.
//!
//! A capability that is masked is neither listed nor enabled. What it stands for goes on working: a client that uses what
//! it was not told of has been made for it. What is sent unasked is not sent either: INPROGRESS, and the response codes of
//! SELECT that belong to it.

use super::core::Core;
use super::service::Settings;
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

    pub(super) fn hides(&self, word: &str) -> bool {
        self.capabilities.iter().any(|pattern| pattern.matches(word))
    }
}

impl Core {
    /// The masks that concern this client.
    pub(super) fn masks<'s>(&self, settings: &'s Settings) -> Vec<&'s Mask> {
        settings.masks.iter().filter(|mask| mask.concerns(self)).collect()
    }

    /// Whether a mask hides a capability from this client.
    pub(super) fn is_masked(&self, word: &str) -> bool {
        self.service.settings().masks.iter().any(|mask| mask.hides(word) && mask.concerns(self))
    }
}

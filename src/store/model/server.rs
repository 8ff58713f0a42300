//! What is of the server as a whole.

use crate::types::AccountName;

/// Whom an alert is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertScope {
    Server,
    /// In small letters.
    Domain(String),
    Account(AccountName),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Ascending, never issued twice.
    pub id: u64,
    pub scope: AlertScope,
    pub text: String,
}

//! Who may log in: the passwd file, the Router, password schemes, SASL, and what slows down those who guess.
//!
//! Promises: an account that does not exist costs as much as a wrong password and gives the same error. Costly checks
//! are bounded in number, so that a flood of logins cannot take all memory. A password that was right is remembered
//! for a while, under a key of this process alone, so that a client that comes back costs microseconds. A file with an
//! error is never half in force: the accounts read before stay. What is kept of a password is overwritten when it is
//! dropped, and never printed.
//!
//! This room knows no mailbox, and writes the passwd file only when `edit` is asked to.

mod cache;
mod checks;
pub mod edit;
mod groups;
mod login;
mod passwd;
mod password;
mod router;
mod sasl;
mod scheme;
mod source;
#[cfg(test)]
mod tests;
mod throttle;

use std::time::Duration;

pub use edit::EditError;
pub use groups::Groups;
pub use login::Auth;
pub use passwd::{Passwd, PasswdError};
pub use password::Password;
pub use router::{Destination, Remote, RouteError, RouteStep, Router, Way};
pub use sasl::{PlainError, plain};
pub use scheme::{PASSWORD_BYTES_MAX, hash};

#[derive(Clone, Debug)]
pub struct Options {
    /// Failures within `failed_login_window`, of an address or to an account, after which no password is looked at.
    pub failed_logins_max: u32,
    pub failed_login_window: Duration,
    /// How long the answer to a login that is refused is held back.
    pub failed_login_delay: Duration,
    /// Zero: no cache.
    pub cache_time: Duration,
}

/// Why a login is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginError {
    /// No such account, or not its password.
    Refused,
    /// Too many failures; the password was not looked at.
    Throttled,
    /// The name leads to another server; no password was looked at.
    Moved(Remote),
}

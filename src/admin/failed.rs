//! Why a request is refused.

use std::io;

use crate::mailbox::{MailboxError, Refusal};
use crate::store::StoreError;
use crate::types::MailboxName;

/// sysexits(3)
pub(super) const EX_USAGE: u8 = 64;
pub(super) const EX_DATAERR: u8 = 65;
pub(super) const EX_NOUSER: u8 = 67;
pub(super) const EX_UNAVAILABLE: u8 = 69;
pub(super) const EX_SOFTWARE: u8 = 70;
pub(super) const EX_CANTCREAT: u8 = 73;
pub(super) const EX_IOERR: u8 = 74;
pub(super) const EX_NOPERM: u8 = 77;
pub const EX_CONFIG: u8 = 78;

/// Why a request is refused, and what the tool exits with.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) text: String,
    pub(super) exit: u8,
}

impl Failed {
    pub(super) fn new(exit: u8, text: impl Into<String>) -> Failed {
        Failed { text: text.into(), exit }
    }

    /// Of this mailbox.
    pub(super) fn of(name: &MailboxName) -> impl Fn(MailboxError) -> Failed {
        move |error| {
            let failed = Failed::from(error);
            Failed::new(failed.exit, format!("{name}: {}", failed.text))
        }
    }
}

impl From<MailboxError> for Failed {
    fn from(error: MailboxError) -> Failed {
        let exit = match &error {
            MailboxError::Refused(Refusal::NonExistent | Refusal::NoAccount) => EX_NOUSER,
            MailboxError::Refused(_) => EX_CANTCREAT,
            MailboxError::Store(_) => EX_IOERR,
        };
        Failed::new(exit, error.to_string())
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Failed {
        Failed::new(EX_IOERR, error.to_string())
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        Failed::new(EX_IOERR, error.to_string())
    }
}

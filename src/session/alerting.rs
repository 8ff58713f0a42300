//! Alerts for the user of a session: told once, at any time.         RFC 9051 7.1 (ALERT); CommuniGate Pro
//!
//! The session tells them when it waits and when a command ends, the watchdog while a command lasts; what one of them has
//! told the other does not.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::mailbox::{Manager, StoreError};
use crate::proto::ResponseCode;
use crate::proto::response::untagged_ok;
use crate::types::AccountName;

pub(super) struct Alerting {
    manager: Arc<Manager>,
    user: AccountName,
    /// The number of the last alert that the client has seen.
    seen: AtomicU64,
}

impl Alerting {
    pub(super) fn new(manager: Arc<Manager>, user: AccountName) -> Alerting {
        Alerting { manager, user, seen: AtomicU64::new(0) }
    }

    /// `* OK [ALERT] text`, for each that is new.
    pub(super) fn write_new(&self, out: &mut Vec<u8>) -> Result<(), StoreError> {
        for text in self.manager.new_alerts(&self.user, &self.seen)? {
            untagged_ok(out, Some(&ResponseCode::Alert), &text);
        }
        Ok(())
    }
}

//! What an administrator sees of a session: what it is at, or the operation in progress.         CommuniGate Pro
//!
//! The words are those of CommuniGate Pro's monitor.

use super::core::{Core, State};

/// Before login.
pub(super) const AUTHENTICATING: &str = "Authenticating";
/// After login, with no mailbox selected.
pub(super) const AUTHENTICATED: &str = "Authenticated";
pub(super) const SELECTED: &str = "Selected";
/// IDLE, with a mailbox selected: the client only listens.
pub(super) const CONNECTED: &str = "Connected to mailbox";
/// IDLE without one.
pub(super) const LISTENING: &str = "Listening";

/// The operations that a command is shown as; others are shown by their names.
const OPERATIONS: &[(&str, &str)] = &[
    ("LOGIN", "authenticating"),
    ("AUTHENTICATE", "authenticating"),
    ("STARTTLS", "starting TLS"),
    ("SELECT", "selecting a mailbox"),
    ("EXAMINE", "selecting a mailbox"),
    ("CLOSE", "closing a mailbox"),
    ("UNSELECT", "closing a mailbox"),
    ("CREATE", "creating a mailbox"),
    ("DELETE", "deleting a mailbox"),
    ("RENAME", "renaming a mailbox"),
    ("LIST", "listing mailboxes"),
    ("LSUB", "listing mailboxes"),
    ("RLIST", "listing mailboxes"),
    ("RLSUB", "listing mailboxes"),
    ("STATUS", "getting the status of a mailbox"),
    ("APPEND", "appending messages"),
    ("FETCH", "fetching messages"),
    ("STORE", "storing flags"),
    ("COPY", "copying messages"),
    ("MOVE", "moving messages"),
    ("EXPUNGE", "expunging messages"),
    ("SEARCH", "searching"),
    ("ESEARCH", "searching"),
    ("SORT", "sorting"),
    ("THREAD", "threading"),
];

/// While the client is still sending one.
pub(super) const RECEIVING: &str = "receiving a literal";

pub(super) fn operation(command: &'static str) -> &'static str {
    let bare = command.strip_prefix("UID ").unwrap_or(command);
    OPERATIONS.iter().find(|(name, _)| *name == bare).map_or(command, |(_, operation)| operation)
}

impl Core {
    /// Says what the session is at, in the state that it has come to.
    pub(super) fn tell_status(&self, state: &State) {
        match state {
            State::NotAuthenticated => self.info.set_status(AUTHENTICATING, ""),
            State::Authenticated(_) => self.info.set_status(AUTHENTICATED, ""),
            State::Selected(_, selected) => self.info.set_status(SELECTED, &selected.name),
        }
    }

    /// Says that the session only listens.
    pub(super) fn tell_listening(&self, state: &State) {
        match state {
            State::Selected(_, selected) => self.info.set_status(CONNECTED, &selected.name),
            _ => self.info.set_status(LISTENING, ""),
        }
    }
}

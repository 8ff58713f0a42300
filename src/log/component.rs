//! Components, each with a level of its own, and which room belongs to which.

use log::LevelFilter;

/// The level of each component, as `log` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filters {
    /// Sessions: dialogue, commands, mailboxes.
    pub imap: LevelFilter,
    pub store: LevelFilter,
    pub auth: LevelFilter,
    /// Listeners, workers, connections.
    pub net: LevelFilter,
    /// The daemon itself and its control socket.
    pub admin: LevelFilter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Component {
    Imap,
    Store,
    Auth,
    Net,
    Admin,
    /// A crate that is not ours.
    Library,
}

impl Component {
    pub(super) fn of(module: &str) -> Component {
        let mut path = module.split("::");
        if path.next() != Some("gatepost") {
            return Component::Library;
        }
        match path.next().unwrap_or("") {
            "store" => Component::Store,
            "auth" => Component::Auth,
            "net" => Component::Net,
            "session" | "proto" | "mime" | "search" | "mailbox" => Component::Imap,
            _ => Component::Admin,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Component::Imap => "IMAP",
            Component::Store => "STORE",
            Component::Auth => "AUTH",
            Component::Net => "NET",
            Component::Admin => "ADMIN",
            Component::Library => "LIBRARY",
        }
    }
}

impl Filters {
    pub(super) fn of(&self, component: Component) -> LevelFilter {
        match component {
            Component::Imap => self.imap,
            Component::Store => self.store,
            Component::Auth => self.auth,
            Component::Net => self.net,
            Component::Admin => self.admin,
            // Only what is wrong: the rest is for those who write them.
            Component::Library => self.admin.min(LevelFilter::Warn),
        }
    }

    /// The most that any component wants.
    pub(super) fn most(&self) -> LevelFilter {
        let Filters { imap, store, auth, net, admin } = *self;
        imap.max(store).max(auth).max(net).max(admin)
    }
}

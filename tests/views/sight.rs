//! Whose client it is, and so what it sees of the mailboxes, all of which are joe's.

use super::common::Client;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sight {
    /// The owner, who is not shown messages with $Service.
    Owner,
    /// The owner, who has asked to see them.
    Everything,
    /// Somebody who may do nearly all, and is not shown those with $Hidden either.
    Guest,
}

impl Sight {
    pub fn login(self, port: u16) -> Client {
        let mut client = Client::connect("127.0.0.1", port);
        client.greeting();
        client.ok(match self {
            Sight::Guest => "LOGIN ann secret",
            Sight::Owner | Sight::Everything => "LOGIN joe secret",
        });
        if self == Sight::Everything {
            client.ok("ENABLE EXTENSIONS");
        }
        client
    }

    pub fn path(self, mailbox: &str) -> String {
        match self {
            Sight::Guest => format!("~joe/{mailbox}"),
            Sight::Owner | Sight::Everything => mailbox.to_string(),
        }
    }

    /// The keyword that hides messages from others and not from this client.
    pub fn hiding(self) -> Option<&'static str> {
        match self {
            Sight::Owner => Some("$Hidden"),
            Sight::Everything => Some("$Service"),
            Sight::Guest => None,
        }
    }
}

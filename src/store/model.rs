//! What the store keeps, as values. The rooms above speak of these; `layout` turns them into keys and octets.

mod account;
mod commit;
mod mailbox;
mod message;
mod pages;
mod server;

pub use super::sums::{ClassSums, NO_DATE, Sums};
pub use account::*;
pub use commit::*;
pub use mailbox::*;
pub use message::*;
pub use pages::*;
pub use server::*;

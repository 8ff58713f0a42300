//! SEARCH: from the client's keys to a test that a message passes or fails.          RFC 9051 6.4.4
//!
//! `Test::compile` resolves a key against one mailbox (keywords to bits, sets to UIDs, strings to needles) and puts
//! what is cheap before what is not; `Test::passing` asks a `Block` of messages at once, and their `Subject`s, which
//! read a summary or the message only when the test needs it. Strings match anywhere, in decoded text, as the comparator
//! says; those of a FUZZY key where words are alike (`fuzzy`).
//!
//! This room writes no replies, knows no mailbox and takes no lock.

mod base_subject;
mod block;
mod compile;
mod forest;
mod fuzzy;
mod keyed;
mod matching;
mod needle;
mod text;
mod thread;

pub use base_subject::base_subject;
pub use block::{Block, Slots, slots};
pub use compile::{Annotation, Bound, Context, Test};
pub use forest::Threads;
pub use matching::Subject;
pub use needle::Needle;
pub use thread::{Threadable, threads};

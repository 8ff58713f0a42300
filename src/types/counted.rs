//! So many of something, in a sentence.

use std::fmt;

/// `1 mailbox`, `2 mailboxes`: a number and what is counted, in the singular, its noun last.
#[derive(Clone, Copy, Debug)]
pub struct Counted(pub u64, pub &'static str);

impl Counted {
    /// With the verb: `1 message is`, `2 messages are`.
    pub fn are(self) -> String {
        format!("{self} {}", if self.0 == 1 { "is" } else { "are" })
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counted(count, noun) = self;
        let ending = match noun.ends_with('x') {
            _ if *count == 1 => "",
            true => "es",
            false => "s",
        };
        write!(f, "{count} {noun}{ending}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_others() {
        let said = |count| {
            format!(
                "{}, {}, {}",
                Counted(count, "mailbox"),
                Counted(count, "byte"),
                Counted(count, "new message").are()
            )
        };
        assert_eq!(said(0), "0 mailboxes, 0 bytes, 0 new messages are");
        assert_eq!(said(1), "1 mailbox, 1 byte, 1 new message is");
        assert_eq!(said(2), "2 mailboxes, 2 bytes, 2 new messages are");
    }
}

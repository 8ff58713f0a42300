//! Message numbers and their like.                  RFC 9051 2.3.1; RFC 7162 3.1

use std::fmt;
use std::num::NonZeroU32;

macro_rules! nonzero_number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZeroU32);

        impl $name {
            pub const MIN: $name = $name(NonZeroU32::MIN);
            pub const MAX: $name = $name(NonZeroU32::MAX);

            /// `None` for zero, which is no number of this kind.
            pub const fn new(n: u32) -> Option<$name> {
                match NonZeroU32::new(n) {
                    Some(n) => Some($name(n)),
                    None => None,
                }
            }

            pub const fn get(self) -> u32 {
                self.0.get()
            }

            /// The number after this one; `None` when the 32 bits are used up.
            pub fn next(self) -> Option<$name> {
                self.0.checked_add(1).map($name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

nonzero_number! {
    /// Unique identifier of a message in a mailbox, never issued twice under one UIDVALIDITY. RFC 9051 2.3.1.1
    Uid
}
nonzero_number! {
    /// Message sequence number: the position in one session's view, from 1. RFC 9051 2.3.1.2
    Seq
}
nonzero_number! {
    /// UIDVALIDITY of a mailbox. RFC 9051 2.3.1.1
    UidValidity
}

/// Mod-sequence: 63 bits, strictly increasing with each change of a mailbox. RFC 7162 3.1
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModSeq(pub u64);

impl ModSeq {
    pub const ZERO: ModSeq = ModSeq(0);
    /// The largest that RFC 7162 allows on the wire.
    pub const MAX: ModSeq = ModSeq(i64::MAX as u64);

    pub fn next(self) -> ModSeq {
        ModSeq(self.0 + 1)
    }
}

impl fmt::Display for ModSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a command names messages by sequence number or, prefixed `UID`, by unique identifier. RFC 9051 6.4.9
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Seq,
    Uid,
}

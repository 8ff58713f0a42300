//! What is logged, by CommuniGate Pro's names.

/// Each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    CrashesOnly,
    Failures,
    MajorAndFailures,
    Problems,
    LowLevel,
    AllInfo,
}

impl Level {
    pub const NAMES: [&'static str; 6] =
        ["Crashes Only", "Failures", "Major & Failures", "Problems", "Low-Level", "All Info"];
    const ALL: [Level; 6] = [
        Level::CrashesOnly,
        Level::Failures,
        Level::MajorAndFailures,
        Level::Problems,
        Level::LowLevel,
        Level::AllInfo,
    ];

    pub fn from_name(name: &str) -> Option<Level> {
        let at = Level::NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        Level::ALL.get(at).copied()
    }

    pub fn name(self) -> &'static str {
        Level::NAMES[self as usize]
    }
}

/// The level of each component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    pub imap: Level,
    pub store: Level,
    pub auth: Level,
    pub net: Level,
    pub admin: Level,
}

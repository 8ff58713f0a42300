//! How far clients are given UTF-8.                 RFC 9755

/// What clients may have in UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Utf8 {
    /// Headers go out as they are, and come in as they are; names are modified UTF-7.
    Off,
    /// UTF8=ACCEPT; headers go and come as they are, whoever asks.
    Accept,
    /// UTF8=ACCEPT; who has not enabled it has and gives headers in ASCII. RFC 9755 4, 9
    Strict,
    /// UTF8=ONLY
    Only,
}

//! What a client hears, as the log shows it: at Low-Level each tagged response, at All Info all others as well; of literals
//! their place alone.
//!
//! Who writes responses writes whole ones, so that each `Dialogue` begins at the beginning of a line.

use log::{Level, debug, log_enabled, trace};

/// Octets of a response that the log shows.
const SHOWN_BYTES: usize = 1000;

/// Whoever has an URL with its token has the message. RFC 4467 7
const SECRET: &[u8] = b"* GENURLAUTH";

#[derive(Default)]
pub(super) struct Dialogue {
    line: Vec<u8>,
    /// Octets of a literal that are still to come.
    literal: u64,
}

impl Dialogue {
    /// `None` where nobody wants to know.
    pub(super) fn wanted() -> Option<Dialogue> {
        log_enabled!(Level::Debug).then(Dialogue::default)
    }

    /// Octets that the client hears, in whatever pieces.
    pub(super) fn hear(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() {
            let of_literal = usize::try_from(self.literal).unwrap_or(usize::MAX).min(octets.len());
            self.literal -= of_literal as u64;
            octets = &octets[of_literal..];
            let end = memchr::memchr(b'\n', octets);
            let (heard, rest) = octets.split_at(end.map_or(octets.len(), |end| end + 1));
            self.line.extend_from_slice(heard);
            octets = rest;
            if end.is_some() {
                self.end_line();
            }
        }
    }

    /// A response goes on behind its literals.
    fn end_line(&mut self) {
        self.line.truncate(self.line.trim_ascii_end().len());
        match literal(&self.line) {
            Some(octets) => self.literal = octets,
            None => tell(&std::mem::take(&mut self.line)),
        }
    }
}

/// How many octets of a literal or a literal8 follow. RFC 9051 4.3
fn literal(line: &[u8]) -> Option<u64> {
    let count = line.strip_suffix(b"}")?;
    let count = &count[memchr::memrchr(b'{', count)? + 1..];
    std::str::from_utf8(count).ok()?.parse().ok()
}

fn tell(line: &[u8]) {
    let shown = match line.starts_with(SECRET) {
        true => format!("{} (masked)", String::from_utf8_lossy(SECRET)),
        false if line.len() > SHOWN_BYTES => {
            format!("{} ({} octets)", String::from_utf8_lossy(&line[..SHOWN_BYTES]), line.len())
        }
        false => String::from_utf8_lossy(line).into_owned(),
    };
    match line.starts_with(b"* ") || line.starts_with(b"+") {
        true => trace!("S: {shown}"),
        false => debug!("S: {shown}"),
    }
}

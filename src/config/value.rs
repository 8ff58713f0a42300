//! The types of values, as an admin writes them.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::level::Level;
use crate::types::AccountName;

/// What a key's value is. Ranges include both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// Text without white space.
    Word,
    /// One that begins with `/`: the daemon has no directory of its own that others could begin in.
    Path,
    /// A path, or this word.
    PathOr(&'static str),
    /// A name of a host, in ASCII: greetings have no other letters.
    Host,
    /// Accounts, with commas between.
    Accounts,
    Bool,
    /// `15s`, `5m`, `2h`, `1d`: from, to, in seconds.
    Duration(u64, u64),
    /// The same, or `Never`.
    DurationOrNever(u64, u64),
    /// `64K`, `100M`, `2G`: from, to, in octets.
    Size(u64, u64),
    /// From, to.
    Number(u64, u64),
    Choice(&'static [&'static str]),
    Addresses,
    /// IP addresses without a port, with commas between.
    Hosts,
    Level,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Path(PathBuf),
    Bool(bool),
    /// Zero for Never.
    Duration(Duration),
    Number(u64),
    Choice(&'static str),
    Addresses(Vec<SocketAddr>),
    Hosts(Vec<IpAddr>),
    Level(Level),
}

/// The value, or what was expected.
pub(super) fn parse(kind: Kind, text: &str) -> Result<Value, String> {
    match kind {
        Kind::Text | Kind::Word | Kind::Path | Kind::Host => words(kind, text),
        Kind::PathOr(word) if text.eq_ignore_ascii_case(word) => Ok(Value::Text(word.into())),
        Kind::PathOr(word) => match words(Kind::Path, text) {
            Ok(_) => Ok(Value::Text(text.into())),
            Err(expected) => Err(format!("{expected}, or {word}")),
        },
        Kind::Accounts => accounts(text),
        Kind::Bool => match text.to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" => Ok(Value::Bool(true)),
            "no" | "false" | "off" => Ok(Value::Bool(false)),
            _ => Err("expected yes or no".into()),
        },
        Kind::DurationOrNever(..) if text.eq_ignore_ascii_case("never") => Ok(Value::Duration(Duration::ZERO)),
        Kind::Duration(low, high) => duration(text, low, high)
            .ok_or_else(|| format!("expected a duration from {} to {}", Secs(low), Secs(high))),
        Kind::DurationOrNever(low, high) => duration(text, low, high)
            .ok_or_else(|| format!("expected a duration from {} to {}, or Never", Secs(low), Secs(high))),
        Kind::Size(low, high) => {
            size(text, low, high).ok_or_else(|| format!("expected a size from {} to {}", Octets(low), Octets(high)))
        }
        Kind::Number(low, high) => match text.parse() {
            Ok(n) if (low..=high).contains(&n) => Ok(Value::Number(n)),
            _ => Err(format!("expected a number from {low} to {high}")),
        },
        Kind::Choice(words) => {
            let found = words.iter().find(|word| word.eq_ignore_ascii_case(text));
            found.map(|word| Value::Choice(word)).ok_or_else(|| format!("expected one of: {}", words.join(", ")))
        }
        Kind::Addresses => addresses(text),
        Kind::Hosts => hosts(text),
        Kind::Level => Level::from_name(text)
            .map(Value::Level)
            .ok_or_else(|| format!("expected one of: {}", Level::NAMES.join(", "))),
    }
}

fn words(kind: Kind, text: &str) -> Result<Value, String> {
    if text.chars().any(char::is_control) {
        return Err("expected no control characters".into());
    }
    match kind {
        Kind::Path if !text.starts_with('/') => Err("expected a path that begins with /".into()),
        Kind::Host if text.is_empty() || !text.chars().all(|c| c.is_ascii_graphic()) => {
            Err("expected a name in ASCII, such as mail.example.com".into())
        }
        Kind::Path => Ok(Value::Path(text.into())),
        Kind::Word if text.is_empty() || text.contains(char::is_whitespace) => Err("expected one word".into()),
        _ if text.is_empty() => Err("expected a value".into()),
        _ => Ok(Value::Text(text.into())),
    }
}

/// Units of durations, the largest first.
const SECS: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];
/// Units of sizes, the largest first.
const OCTETS: [(&str, u64); 4] = [("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10), ("", 1)];

/// A number and one of `units`, in the smallest of them.
fn measure(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let (_, worth) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()))?;
    number.parse::<u64>().ok()?.checked_mul(*worth)
}

/// A duration as a key of the configuration has it: `90s`, `15m`, `12h`, `7d`.
pub fn duration_from(text: &str) -> Option<Duration> {
    measure(text, &SECS).map(Duration::from_secs)
}

/// A size as a key of the configuration has it: `1024`, `64K`, `2G`.
pub fn size_from(text: &str) -> Option<u64> {
    measure(text, &OCTETS)
}

fn duration(text: &str, low: u64, high: u64) -> Option<Value> {
    let secs = measure(text, &SECS).filter(|secs| (low..=high).contains(secs))?;
    Some(Value::Duration(Duration::from_secs(secs)))
}

fn size(text: &str, low: u64, high: u64) -> Option<Value> {
    measure(text, &OCTETS).filter(|octets| (low..=high).contains(octets)).map(Value::Number)
}

/// A measure as an admin would write it: in the largest unit that divides it.
fn shown(n: u64, units: &[(&str, u64)]) -> String {
    match units.iter().find(|(_, worth)| n != 0 && n.is_multiple_of(*worth)) {
        Some((name, worth)) => format!("{}{name}", n / worth),
        None => n.to_string(),
    }
}

struct Secs(u64);

impl std::fmt::Display for Secs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&shown(self.0, &SECS))
    }
}

struct Octets(u64);

impl std::fmt::Display for Octets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&shown(self.0, &OCTETS))
    }
}

fn addresses(text: &str) -> Result<Value, String> {
    let one = |text: &str| {
        let text = text.trim();
        let full = text.strip_prefix("*:").map_or(text.to_string(), |port| format!("0.0.0.0:{port}"));
        full.parse::<SocketAddr>()
            .map_err(|_| format!("'{text}' is no address; expected HOST:PORT or [HOST]:PORT in numbers"))
    };
    let addresses = text.split(',').filter(|text| !text.trim().is_empty()).map(one).collect::<Result<Vec<_>, _>>()?;
    match addresses.is_empty() {
        true => Err("expected an address such as 127.0.0.1:143".into()),
        false => Ok(Value::Addresses(addresses)),
    }
}

fn accounts(text: &str) -> Result<Value, String> {
    match text.split(',').map(str::trim).find(|name| AccountName::new(name).is_none()) {
        Some(name) => Err(format!("'{name}' is no account name; expected user or user@domain, with commas between")),
        None => Ok(Value::Text(text.into())),
    }
}

fn hosts(text: &str) -> Result<Value, String> {
    let one = |text: &str| {
        let text = text.trim();
        let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        inner
            .parse::<IpAddr>()
            .map_err(|_| format!("'{text}' is no address; expected one as 192.0.2.1 or 2001:db8::1"))
    };
    Ok(Value::Hosts(text.split(',').map(one).collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTES: Kind = Kind::Duration(60, 3600);
    const SIZE: Kind = Kind::Size(1024, 2 << 30);

    #[test]
    fn good_values() {
        let secs = |n| Ok(Value::Duration(Duration::from_secs(n)));
        assert_eq!(parse(MINUTES, "5m"), secs(300));
        assert_eq!(parse(MINUTES, "60S"), secs(60));
        assert_eq!(parse(Kind::DurationOrNever(1, 60), "never"), secs(0));
        assert_eq!(parse(SIZE, "2 G"), Ok(Value::Number(2 << 30)));
        assert_eq!(parse(SIZE, "1024"), Ok(Value::Number(1024)));
        assert_eq!(parse(Kind::Bool, "On"), Ok(Value::Bool(true)));
        assert_eq!(parse(Kind::Level, "major & failures"), Ok(Value::Level(Level::MajorAndFailures)));
        assert_eq!(parse(Kind::PathOr("syslog"), "Syslog"), Ok(Value::Text("syslog".into())));
        assert_eq!(parse(Kind::PathOr("syslog"), "/x"), Ok(Value::Text("/x".into())));
        assert_eq!(parse(Kind::Accounts, "joe, Ann@example.com"), Ok(Value::Text("joe, Ann@example.com".into())));
        assert!(
            matches!(parse(Kind::Addresses, "127.0.0.1:1, [::1]:2,*:3"), Ok(Value::Addresses(a)) if a.len() == 3)
        );
    }

    #[test]
    fn bad_values_say_what_was_expected() {
        let cases = [
            (MINUTES, "5", "expected a duration from 1m to 1h"),
            (MINUTES, "Never", "expected a duration from 1m to 1h"),
            (MINUTES, "99999999999999999999d", "expected a duration from 1m to 1h"),
            (MINUTES, "213503982334602d", "expected a duration from 1m to 1h"),
            (MINUTES, "2h", "expected a duration from 1m to 1h"),
            (Kind::DurationOrNever(1, 86_400), "", "expected a duration from 1s to 1d, or Never"),
            (SIZE, "x", "expected a size from 1K to 2G"),
            (SIZE, "-1K", "expected a size from 1K to 2G"),
            (SIZE, "3G", "expected a size from 1K to 2G"),
            (Kind::Bool, "maybe", "expected yes or no"),
            (Kind::Number(1, 5), "6", "expected a number from 1 to 5"),
            (Kind::Path, "", "expected a path that begins with /"),
            (Kind::Path, "data", "expected a path that begins with /"),
            (Kind::PathOr("syslog"), "stderr", "expected a path that begins with /, or syslog"),
            (Kind::Host, "b\u{fc}cher.example", "expected a name in ASCII, such as mail.example.com"),
            (
                Kind::Accounts,
                "joe, a b",
                "'a b' is no account name; expected user or user@domain, with commas between",
            ),
            (Kind::Word, "two words", "expected one word"),
            (Kind::Text, "", "expected a value"),
            (Kind::Text, "a\u{1}", "expected no control characters"),
            (Kind::Choice(&["a", "b"]), "c", "expected one of: a, b"),
            (Kind::Addresses, "", "expected an address such as 127.0.0.1:143"),
            (
                Kind::Addresses,
                "localhost:143",
                "'localhost:143' is no address; expected HOST:PORT or [HOST]:PORT in numbers",
            ),
        ];
        for (kind, text, want) in cases {
            assert_eq!(parse(kind, text), Err(want.to_string()), "{text}");
        }
    }
}

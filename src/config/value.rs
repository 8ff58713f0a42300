//! The types of values, as an admin writes them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What a key's value is.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Text,
    Path,
    Bool,
    /// `15s`, `5m`, `2h`, `1d`, `Never`
    Duration,
    /// `64K`, `100M`, `2G`
    Size,
    /// From, to.
    Number(u64, u64),
    Choice(&'static [&'static str]),
    Addresses,
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
    Level(super::Level),
}

/// The value, or what was expected.
pub(super) fn parse(kind: Kind, text: &str) -> Result<Value, String> {
    match kind {
        Kind::Text => Ok(Value::Text(text.to_string())),
        Kind::Path => match text.is_empty() {
            true => Err("expected a path".into()),
            false => Ok(Value::Path(text.into())),
        },
        Kind::Bool => match text.to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" => Ok(Value::Bool(true)),
            "no" | "false" | "off" => Ok(Value::Bool(false)),
            _ => Err("expected yes or no".into()),
        },
        Kind::Duration => duration(text).map(Value::Duration),
        Kind::Size => size(text).map(Value::Number),
        Kind::Number(low, high) => match text.parse() {
            Ok(n) if (low..=high).contains(&n) => Ok(Value::Number(n)),
            _ => Err(format!("expected a number from {low} to {high}")),
        },
        Kind::Choice(words) => {
            let found = words.iter().find(|word| word.eq_ignore_ascii_case(text));
            found.map(|word| Value::Choice(word)).ok_or_else(|| format!("expected one of: {}", words.join(", ")))
        }
        Kind::Addresses => addresses(text),
        Kind::Level => super::Level::from_name(text)
            .map(Value::Level)
            .ok_or_else(|| format!("expected one of: {}", super::Level::NAMES.join(", "))),
    }
}

fn number_and_unit(text: &str) -> Option<(u64, String)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim().to_ascii_lowercase()))
}

fn duration(text: &str) -> Result<Duration, String> {
    if text.eq_ignore_ascii_case("never") {
        return Ok(Duration::ZERO);
    }
    let expected = || "expected a duration such as 15s, 5m, 2h or 1d, or Never".to_string();
    let (n, unit) = number_and_unit(text).ok_or_else(expected)?;
    let secs = match unit.as_str() {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(expected()),
    };
    match n.checked_mul(secs).filter(|secs| (1..=10 * 365 * 86_400).contains(secs)) {
        Some(secs) => Ok(Duration::from_secs(secs)),
        None => Err("expected a duration from 1s to ten years, or Never".into()),
    }
}

fn size(text: &str) -> Result<u64, String> {
    let expected = || "expected a size such as 64K, 100M or 2G".to_string();
    let (n, unit) = number_and_unit(text).ok_or_else(expected)?;
    let shift = match unit.as_str() {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return Err(expected()),
    };
    n.checked_mul(1 << shift)
        .filter(|n| (1024..=1 << 40).contains(n))
        .ok_or_else(|| "expected a size from 1K to 1024G".into())
}

fn addresses(text: &str) -> Result<Value, String> {
    let one = |text: &str| {
        let text = text.trim();
        let text = text.strip_prefix("*:").map_or(text.to_string(), |port| format!("0.0.0.0:{port}"));
        text.parse::<SocketAddr>()
            .map_err(|_| format!("'{text}' is no address; expected HOST:PORT or [HOST]:PORT in numbers"))
    };
    let addresses = text.split(',').filter(|text| !text.trim().is_empty()).map(one).collect::<Result<Vec<_>, _>>()?;
    match addresses.is_empty() {
        true => Err("expected an address such as 127.0.0.1:143".into()),
        false => Ok(Value::Addresses(addresses)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        assert_eq!(parse(Kind::Duration, "5m"), Ok(Value::Duration(Duration::from_secs(300))));
        assert_eq!(parse(Kind::Duration, "never"), Ok(Value::Duration(Duration::ZERO)));
        assert_eq!(parse(Kind::Size, "2 G"), Ok(Value::Number(2 << 30)));
        assert!(matches!(parse(Kind::Addresses, "127.0.0.1:1, [::1]:2"), Ok(Value::Addresses(a)) if a.len() == 2));
        for (kind, bad) in [
            (Kind::Duration, "5"),
            (Kind::Duration, "99999999999999999999d"),
            (Kind::Size, "x"),
            (Kind::Bool, "maybe"),
            (Kind::Addresses, "localhost"),
            (Kind::Addresses, ""),
            (Kind::Number(1, 5), "6"),
            (Kind::Path, ""),
        ] {
            assert!(parse(kind, bad).is_err(), "{bad}");
        }
    }
}

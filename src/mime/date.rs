//! The Date field.                                  RFC 5322 3.3, 4.3

use crate::types::{CivilDate, InternalDate};

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Obsolete zones by name, in hours east of UTC; an unknown one is UTC. RFC 5322 4.3
const ZONES: [(&str, i16); 10] = [
    ("ut", 0),
    ("gmt", 0),
    ("est", -5),
    ("edt", -4),
    ("cst", -6),
    ("cdt", -5),
    ("mst", -7),
    ("mdt", -6),
    ("pst", -8),
    ("pdt", -7),
];

/// `Fri, 21 Nov 1997 09:55:06 -0600`, with or without day name, seconds and zone, with comments, in two-digit years.
pub fn parse(body: &[u8]) -> Option<InternalDate> {
    let text = String::from_utf8_lossy(body);
    let text = text.split('(').next()?;
    let text = text.split_once(',').map_or(text, |(_, rest)| rest);
    let mut words = text.split([' ', '\t', '\r', '\n', '-']).filter(|word| !word.is_empty());
    let day: u32 = words.by_ref().find_map(|word| word.parse().ok())?;
    let month = words.next()?.get(..3)?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|name| *name == month)? as u32 + 1;
    let date = CivilDate::new(year(words.next()?)?, month, day)?;
    let secs = time(words.next().unwrap_or("0:0"))?;
    // The zone's sign was taken for a separator.
    let zone_mins = zone(text.rsplit([' ', '\t']).find(|word| !word.is_empty())?);
    Some(InternalDate { secs: i64::from(date.0) * 86_400 + secs - i64::from(zone_mins) * 60, zone_mins })
}

fn year(word: &str) -> Option<i32> {
    let year: i32 = word.parse().ok()?;
    match word.len() {
        1 | 2 if year < 50 => Some(2000 + year),
        1..=3 => Some(1900 + year),
        4 => Some(year),
        _ => None,
    }
}

fn time(word: &str) -> Option<i64> {
    let mut parts = word.split([':', '.']).map(|part| part.parse::<i64>().ok());
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = parts.next().flatten().unwrap_or(0);
    ((0..24).contains(&hours) && (0..60).contains(&minutes) && (0..=60).contains(&seconds))
        .then_some(hours * 3600 + minutes * 60 + seconds)
}

fn zone(word: &str) -> i16 {
    let named =
        |name: &str| ZONES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, hours)| hours * 60);
    let numeric = |digits: &str| match digits.len() {
        4 if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse::<i16>().ok().map(|n| n / 100 * 60 + n % 100),
        _ => None,
    };
    let sign = if word.starts_with('-') { -1 } else { 1 };
    let mins = word.strip_prefix(['+', '-']).and_then(numeric).map(|mins| sign * mins);
    mins.or_else(|| named(word)).filter(|mins| mins.abs() < 24 * 60).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let cases = [
            ("Fri, 21 Nov 1997 09:55:06 -0600", Some("21-Nov-1997 09:55:06 -0600")),
            ("21 Nov 97 09:55 GMT", Some("21-Nov-1997 09:55:00 +0000")),
            ("Thu, 1 Jan 1970 00:00:00 +0000 (UTC)", Some(" 1-Jan-1970 00:00:00 +0000")),
            ("Mon, 02 Sep 2002 11:08:24 EDT", Some(" 2-Sep-2002 11:08:24 -0400")),
            ("1-Sep-02 11:08:24", Some(" 1-Sep-2002 11:08:24 +0000")),
            ("Tue, 3 September 2002 1:2:3 +0530", Some(" 3-Sep-2002 01:02:03 +0530")),
            ("nonsense", None),
            ("", None),
            ("32 Nov 1997 00:00:00", None),
            ("1 Nov 1997 25:00:00", None),
        ];
        for (body, want) in cases {
            assert_eq!(parse(body.as_bytes()).map(|date| date.to_string()).as_deref(), want, "{body}");
        }
    }
}

//! The Date field.                                  RFC 5322 3.3, 4.3
//!
//! Besides the RFC's form, and the obsolete ones, this reads what old mailers wrote: `Thu Aug 22 12:36:23 2002 +0100`,
//! `22-Aug-02`, a time without seconds, full names of months. What cannot be a date is none.

use crate::types::{CivilDate, InternalDate};

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Zones by name, in hours east of UTC. RFC 5322 4.3
const ZONES: [(&str, i16); 11] = [
    ("ut", 0),
    ("utc", 0),
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

/// Octets that are looked at: a date with all its comments is shorter.
const DATE_BYTES_MAX: usize = 200;

pub fn parse(body: &[u8]) -> Option<InternalDate> {
    let text = without_comments(&body[..body.len().min(DATE_BYTES_MAX)]);
    let mut found = Found::default();
    for word in text.split_ascii_whitespace() {
        found.take(word);
    }
    found.date()
}

/// ASCII without comments, and with spaces for commas.
fn without_comments(body: &[u8]) -> String {
    let mut depth = 0u32;
    let mut out = String::with_capacity(body.len());
    for &octet in body {
        match octet {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => out.push(' '),
            octet if depth == 0 && octet.is_ascii() => out.push(char::from(octet)),
            _ => {}
        }
    }
    out
}

#[derive(Default)]
struct Found {
    day: Option<u32>,
    month: Option<u32>,
    year: Option<i32>,
    /// Seconds since midnight.
    time: Option<i64>,
    zone_mins: Option<i16>,
}

impl Found {
    /// A word by what it looks like; the first of its kind counts.
    fn take(&mut self, word: &str) {
        let digits = word.bytes().all(|b| b.is_ascii_digit());
        if let (None, Some(time)) = (self.time, time(word)) {
            self.time = Some(time);
        } else if digits && self.day.is_none() && word.len() <= 2 {
            self.day = word.parse().ok();
        } else if digits && self.year.is_none() && self.day.is_some() && self.month.is_some() {
            self.year = year(word);
        } else if word.starts_with(['+', '-']) {
            self.zone_mins = self.zone_mins.or_else(|| numeric_zone(word));
        } else if let (None, Some(month)) = (self.month, month(word)) {
            self.month = Some(month);
        } else if word.contains('-') {
            word.split('-').filter(|part| !part.contains(':')).for_each(|part| self.take(part));
        } else if self.time.is_some() {
            self.zone_mins = self.zone_mins.or_else(|| named_zone(word));
        }
    }

    fn date(&self) -> Option<InternalDate> {
        let day = CivilDate::new(self.year?, self.month?, self.day?)?;
        let zone_mins = self.zone_mins.unwrap_or(0);
        let secs = i64::from(day.0) * 86_400 + self.time.unwrap_or(0) - i64::from(zone_mins) * 60;
        Some(InternalDate { secs, zone_mins })
    }
}

fn month(word: &str) -> Option<u32> {
    let start = word.get(..3)?.to_ascii_lowercase();
    MONTHS.iter().position(|name| *name == start).map(|at| at as u32 + 1)
}

/// Two digits below 50 are of this century, three count from 1900. RFC 5322 4.3; so do those that mailers filled up with zeros,
/// which no year of four digits can be. RFC 5322 3.3
fn year(word: &str) -> Option<i32> {
    let year: i32 = word.parse().ok()?;
    match word.len() {
        1..=4 if year < 50 => Some(2000 + year),
        2..=4 if year < 1000 => Some(1900 + year),
        4 if year >= 1900 => Some(year),
        _ => None,
    }
}

/// `hour ":" minute [ ":" second ]`; a leap second is taken for the second after it.
fn time(word: &str) -> Option<i64> {
    let mut parts = word.split(':').map(|part| part.parse::<u32>().ok());
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = parts.next().flatten().unwrap_or(0);
    (hours < 24 && minutes < 60 && seconds <= 60).then(|| i64::from(hours * 3600 + minutes * 60 + seconds))
}

/// `("+" / "-") 4DIGIT`
fn numeric_zone(word: &str) -> Option<i16> {
    let digits = word.get(1..).filter(|digits| digits.len() == 4 && !digits.starts_with(['+', '-']))?;
    let digits: i16 = digits.parse().ok()?;
    let mins = digits / 100 * 60 + digits % 100;
    (mins < 24 * 60).then_some(if word.starts_with('-') { -mins } else { mins })
}

/// A zone by name; what no one knows, the military zones of one letter among it, is UTC. RFC 5322 4.3
fn named_zone(word: &str) -> Option<i16> {
    ZONES.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, hours)| hours * 60)
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
            ("Thu Aug 22 12:36:23 2002 +0100", Some("22-Aug-2002 12:36:23 +0100")),
            ("Thu Aug 22 12:36:23 EDT 2002", Some("22-Aug-2002 12:36:23 -0400")),
            ("Thu,\r\n 13 Feb 1969 23:32 (a (b)) -0330 (x", Some("13-Feb-1969 23:32:00 -0330")),
            ("31 Dec 102 23:59:60 Z", Some(" 1-Jan-2003 00:00:00 +0000")),
            ("Thu, 18 Jul 0102 19:51:35 -0100", Some("18-Jul-2002 19:51:35 -0100")),
            ("18 Jul 0002", Some("18-Jul-2002 00:00:00 +0000")),
            ("18 Jul 9", Some("18-Jul-2009 00:00:00 +0000")),
            ("18 Jul 1899", None),
            ("5 Nov 2002", Some(" 5-Nov-2002 00:00:00 +0000")),
            ("1 Jan 2000 00:00:00 +9999", Some(" 1-Jan-2000 00:00:00 +0000")),
            ("nonsense", None),
            ("", None),
            ("1 Nov 1997 4294967295:1:4294967295", Some(" 1-Nov-1997 00:00:00 +0000")),
            ("32 Nov 1997 00:00:00", None),
            ("21 Nov 99999 00:00:00", None),
            ("\u{e9} Nov", None),
            ("+\u{e9}\u{e9} -", None),
        ];
        for (body, want) in cases {
            assert_eq!(parse(body.as_bytes()).map(|date| date.to_string()).as_deref(), want, "{body}");
        }
    }
}

//! Dates of messages.                               RFC 9051 9 (date-time, date)

use std::fmt;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, TimeZone};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// INTERNALDATE: seconds since 1970 and the zone that it was given in, in minutes east of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InternalDate {
    pub secs: i64,
    pub zone_mins: i16,
}

impl InternalDate {
    fn civil(self) -> DateTime<FixedOffset> {
        let zone = FixedOffset::east_opt(i32::from(self.zone_mins) * 60).unwrap_or(FixedOffset::east_opt(0).unwrap());
        zone.timestamp_opt(self.secs, 0).single().unwrap_or_else(|| zone.timestamp_opt(0, 0).unwrap())
    }

    /// The day that SEARCH BEFORE, ON and SINCE compare, in the message's own zone. RFC 9051 6.4.4
    pub fn day(self) -> CivilDate {
        let days = (self.secs + i64::from(self.zone_mins) * 60).div_euclid(86_400);
        CivilDate(days.clamp(i32::MIN.into(), i32::MAX.into()) as i32)
    }

    /// From a date of RFC 3339 5.6, in seconds since 1970.
    pub fn parse_rfc3339(text: &str) -> Option<i64> {
        DateTime::parse_from_rfc3339(text).ok().map(|date| date.timestamp())
    }

    /// From `date-time` without its quotes: `17-Jul-1996 02:44:25 -0700`, the day with a leading space or zero.
    pub fn parse(text: &str) -> Option<InternalDate> {
        let mut words = text.split_ascii_whitespace();
        let (date, time, zone) = (words.next()?, words.next()?, words.next()?);
        let day = CivilDate::parse(date)?;
        let time: Vec<u32> = time.split(':').map(two_digits).collect::<Option<_>>()?;
        let &[hour, minute, second] = time.as_slice() else { return None };
        let zone_mins = parse_zone(zone)?;
        // A leap second is taken for the second after it.
        if words.next().is_some() || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let local = i64::from(day.0) * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
        Some(InternalDate { secs: local - i64::from(zone_mins) * 60, zone_mins })
    }
}

fn two_digits(text: &str) -> Option<u32> {
    (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// `("+" / "-") 4DIGIT` to minutes east of UTC.
fn parse_zone(zone: &str) -> Option<i16> {
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = (two_digits(zone.get(1..3)?)?, two_digits(zone.get(3..)?)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) as i16)
}

/// As `date-time` without its quotes, of fixed width: ` 7-Jul-1996 02:44:25 -0700`.
impl fmt::Display for InternalDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = self.civil();
        let month = MONTHS[civil.month0() as usize];
        let (sign, zone) = (if self.zone_mins < 0 { '-' } else { '+' }, self.zone_mins.unsigned_abs());
        write!(f, "{:2}-{month}-{:04} {}", civil.day(), civil.year(), civil.format("%H:%M:%S"))?;
        write!(f, " {sign}{:02}{:02}", zone / 60, zone % 60)
    }
}

/// A day without time or zone: days since 1970-01-01. RFC 9051 9 (date)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilDate(pub i32);

impl CivilDate {
    /// `None` for a day that does not exist.
    pub fn new(year: i32, month: u32, day: u32) -> Option<CivilDate> {
        let days = NaiveDate::from_ymd_opt(year, month, day)?.num_days_from_ce();
        Some(CivilDate(days - 719_163))
    }

    /// From `date-text`: `1-Feb-1994`, the day of one or two digits.
    pub fn parse(text: &str) -> Option<CivilDate> {
        let mut parts = text.split('-');
        let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if parts.next().is_some() || !digits(day) || !digits(year) || day.len() > 2 || year.len() != 4 {
            return None;
        }
        let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? as u32 + 1;
        CivilDate::new(year.parse().ok()?, month, day.parse().ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_time() {
        for text in ["17-Jul-1996 02:44:25 -0700", " 1-Jan-1970 00:00:00 +0000", "31-Dec-2099 23:59:59 +1345"] {
            assert_eq!(InternalDate::parse(text).unwrap().to_string(), text);
        }
        for bad in [
            "",
            "17-Jul-1996",
            "31-Feb-1996 00:00:00 +0000",
            "1-Jan-1970 24:00:00 +0000",
            "1-Jan-1970 00:00:00 0000",
            "1-Jan-1970 00:00:00 +00é",
        ] {
            assert!(InternalDate::parse(bad).is_none(), "{bad}");
        }
        let late = InternalDate::parse("17-Jul-1996 23:44:25 -0700").unwrap();
        assert_eq!(late.day(), CivilDate::parse("17-jul-1996").unwrap());
        assert_eq!(CivilDate::parse("1-Jan-1970"), Some(CivilDate(0)));
        assert!(InternalDate { secs: i64::MAX, zone_mins: i16::MAX }.to_string().contains("1970"));
    }
}

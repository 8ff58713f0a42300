//! What must be known of a message before it is kept: the rest is in its summary, which takes longer.  RFC 5322 3.6.1

use super::date;
use super::header::{before_empty_line, fields_beginning};
use crate::types::InternalDate;

/// What a whole message says at a glance, the same as its summary.
pub struct Glance<'a> {
    header: &'a [u8],
}

impl<'a> Glance<'a> {
    pub fn of(message: &'a [u8]) -> Glance<'a> {
        Glance { header: &message[..before_empty_line(message)] }
    }

    /// The Date field, where it can be understood.
    pub fn sent_date(&self) -> Option<InternalDate> {
        let date = fields_beginning(self.header, b"Dd").find(|field| field.is("date"));
        date.and_then(|field| date::parse(field.body))
    }

    /// Whether the header has octets that are not ASCII.
    pub fn is_header_eight_bit(&self) -> bool {
        !self.header.is_ascii()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Parser, Summary, SummaryRef};
    use super::*;

    #[test]
    fn it_says_what_the_summary_says() {
        let dates = [
            "Date: 5 Nov 2002",
            "date :6 Nov 2002",
            "DATE:\r\n 7\tNov 2002",
            "Date",
            "Date: ?",
            "Dated: x",
            " Date: 9 Nov 2002",
        ];
        let lines = ["From: a", "Subject: \u{e9}", "D", "", "\r", " ", "\r\r", ":", "Delivered-To: x"];
        let mut seed = 1u32;
        let mut next = |n: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) as usize % n
        };
        let mut dated = 0;
        for _ in 0..20_000 {
            let mut message = String::new();
            for _ in 0..next(7) {
                let line = if next(3) == 0 { dates[next(dates.len())] } else { lines[next(lines.len())] };
                message += line;
                message += ["\r\n", "\n", "\r", ""][next(12).saturating_sub(8).min(3)];
            }
            let mut parser = Parser::new();
            parser.feed(message.as_bytes());
            let encoded = Summary::encode(&parser.finish());
            let (summary, glance) = (SummaryRef::new(&encoded).unwrap(), Glance::of(message.as_bytes()));
            assert_eq!(glance.sent_date(), summary.sent_date(), "{message:?}");
            assert_eq!(glance.is_header_eight_bit(), summary.is_header_eight_bit(), "{message:?}");
            dated += usize::from(glance.sent_date().is_some());
        }
        assert!((1000..19_000).contains(&dated), "{dated} with a date");
    }
}

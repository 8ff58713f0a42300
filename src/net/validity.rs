//! How long certificates are good.                  RFC 5280 4.1.2.5
//!
//! One that is not is served all the same, as refusing everybody would be no better; whoever runs the server is told.

use std::path::{Path, PathBuf};

use chrono::DateTime;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

const DAY_SECS: i64 = 86_400;

/// So many days before it expires it is time to renew one.
const SOON_DAYS: i64 = 14;

/// The certificates of a file, the server's own first, and when each begins and ceases to be good, in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    file: PathBuf,
    times: Vec<(i64, i64)>,
}

impl Validity {
    /// What cannot be read is not judged: whether it can be served is said elsewhere.
    pub(super) fn of(file: &Path, chain: &[CertificateDer<'_>]) -> Validity {
        let time = |der: &CertificateDer<'_>| {
            let (_, certificate) = X509Certificate::from_der(der).ok()?;
            let validity = certificate.validity();
            Some((validity.not_before.timestamp(), validity.not_after.timestamp()))
        };
        Validity { file: file.to_path_buf(), times: chain.iter().filter_map(time).collect() }
    }

    /// What is wrong with it at a time, or will be soon.
    pub(super) fn warning(&self, now_secs: i64) -> Option<String> {
        let judge = |&(from, until): &(i64, i64)| match (until - now_secs).div_euclid(DAY_SECS) {
            _ if now_secs < from => Some(format!("is not valid before {}", date(from))),
            _ if now_secs > until => Some(format!("expired on {}", date(until))),
            days if days < SOON_DAYS => {
                Some(format!("expires on {}, in less than {}", date(until), days_text(days + 1)))
            }
            _ => None,
        };
        let judged = self.times.iter().map(judge).enumerate().find_map(|(at, judged)| Some((at, judged?)));
        judged.map(|(at, judged)| {
            let which = if at == 0 { "the certificate" } else { "a certificate of the chain" };
            format!("{}: {which} {judged}", self.file.display())
        })
    }
}

fn days_text(days: i64) -> String {
    if days == 1 { "a day".into() } else { format!("{days} days") }
}

fn date(secs: i64) -> String {
    let date = DateTime::from_timestamp(secs, 0);
    date.map_or_else(|| "a date beyond reckoning".into(), |date| date.format("%Y-%m-%d %H:%M UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_good_is_said() {
        let good = (1_000_000_000, 1_700_000_000);
        let warning = |times: &[(i64, i64)], now| Validity { file: "c.pem".into(), times: times.into() }.warning(now);
        let says = |times: &[(i64, i64)], now, text: &str| {
            assert_eq!(warning(times, now).as_deref(), Some(text));
        };
        assert_eq!(warning(&[good], 1_000_000_000), None);
        assert_eq!(warning(&[good], good.1 - 14 * DAY_SECS), None);
        says(&[good], 999_999_999, "c.pem: the certificate is not valid before 2001-09-09 01:46 UTC");
        says(&[good], good.1 + 1, "c.pem: the certificate expired on 2023-11-14 22:13 UTC");
        says(
            &[good],
            good.1 - 14 * DAY_SECS + 1,
            "c.pem: the certificate expires on 2023-11-14 22:13 UTC, in less than 14 days",
        );
        says(&[good], good.1, "c.pem: the certificate expires on 2023-11-14 22:13 UTC, in less than a day");
        let later = (0, 2_000_000_000);
        says(&[later, good], good.1 + 1, "c.pem: a certificate of the chain expired on 2023-11-14 22:13 UTC");
        assert_eq!(warning(&[], good.1), None);
        says(&[(i64::MIN / 4, i64::MIN / 2)], 0, "c.pem: the certificate expired on a date beyond reckoning");
    }
}

//! Messages from mbox files, and from Maildirs (`maildir`).            RFC 4155
//!
//! A mbox is split at lines that begin with `From ` behind an empty line; `>From ` loses one `>` (mboxrd). Lines of the
//! result end in CRLF. Status fields become flags. What has no octets is no message.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use super::{maildir, owned};
use crate::types::InternalDate;

/// A message to be imported.
pub(super) struct Mail {
    pub(super) octets: Vec<u8>,
    pub(super) flags: Vec<Cow<'static, str>>,
    /// Seconds since 1970, where the source tells.
    pub(super) secs: Option<i64>,
    /// Minutes east of UTC.
    pub(super) zone_mins: i16,
    /// Of a backup.
    pub(super) annotations: Vec<MailAnnotation>,
}

/// An annotation of a message, and the account that it is of; none for a shared one. RFC 5257
pub(super) struct MailAnnotation {
    pub(super) entry: String,
    pub(super) user: Option<String>,
    pub(super) value: Vec<u8>,
}

pub(super) type Mails = Box<dyn Iterator<Item = io::Result<Mail>>>;

/// The messages of a path, and how many octets they are about.
pub(super) fn open(path: &Path) -> io::Result<(Mails, u64)> {
    if path.is_dir() {
        return maildir::open(path);
    }
    let file = File::open(path)?;
    owned::check_link(path, &file)?;
    let bytes = file.metadata()?.len();
    Ok((Box::new(Mbox::new(BufReader::with_capacity(256 * 1024, file))?), bytes))
}

pub(super) fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

struct Mbox<R> {
    lines: R,
    /// The date of the `From ` line of the next message, where one has been read.
    began: Option<Option<InternalDate>>,
    /// The line before was empty.
    blank: bool,
}

impl<R: BufRead> Mbox<R> {
    /// Up to the first message; an error where something else stands before it.
    fn new(lines: R) -> io::Result<Mbox<R>> {
        let mut mbox = Mbox { lines, began: None, blank: true };
        while mbox.began.is_none() {
            let Some(line) = mbox.line()? else { break };
            mbox.begin(&line);
            if mbox.began.is_none() && !line.is_empty() {
                return Err(invalid("no mbox file: it does not begin with a line 'From '"));
            }
        }
        Ok(mbox)
    }

    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        match self.lines.read_until(b'\n', &mut line)? {
            0 => Ok(None),
            _ => {
                line.truncate(line.trim_ascii_end_of_line());
                Ok(Some(line))
            }
        }
    }

    fn mail(&mut self) -> io::Result<Option<Mail>> {
        let Some(date) = self.began.take() else { return Ok(None) };
        let mut octets = Vec::new();
        while let Some(line) = self.line()? {
            self.begin(&line);
            if self.began.is_some() {
                break;
            }
            let quoted = line.iter().position(|b| *b != b'>').unwrap_or(0);
            let line = if quoted > 0 && line[quoted..].starts_with(b"From ") { &line[1..] } else { &line[..] };
            octets.extend_from_slice(line);
            octets.extend_from_slice(b"\r\n");
            self.blank = line.is_empty();
        }
        // The empty line before the next message belongs to the mbox.
        if octets.ends_with(b"\r\n\r\n") {
            octets.truncate(octets.len() - 2);
        }
        let flags = status_flags(&octets);
        let date = date.or_else(|| date_field(&octets));
        let (secs, zone_mins) = (date.map(|date| date.secs), date.map_or(0, |date| date.zone_mins));
        Ok(Some(Mail { octets, flags, secs, zone_mins, annotations: Vec::new() }))
    }

    fn begin(&mut self, line: &[u8]) {
        if self.blank && line.starts_with(b"From ") {
            let text = String::from_utf8_lossy(line);
            self.began = Some(from_line_date(&text));
            self.blank = false;
        }
    }
}

pub(super) trait EndOfLine {
    fn trim_ascii_end_of_line(&self) -> usize;
}

impl EndOfLine for Vec<u8> {
    /// The length without CRLF or LF.
    fn trim_ascii_end_of_line(&self) -> usize {
        let line = self.strip_suffix(b"\n").unwrap_or(self);
        line.strip_suffix(b"\r").unwrap_or(line).len()
    }
}

impl<R: BufRead> Iterator for Mbox<R> {
    type Item = io::Result<Mail>;

    fn next(&mut self) -> Option<io::Result<Mail>> {
        loop {
            match self.mail().transpose()? {
                // Nothing between two `From ` lines.
                Ok(mail) if mail.octets.is_empty() => {}
                other => return Some(other),
            }
        }
    }
}

/// `From joe@example.com Thu Aug 22 12:36:23 2002`, of UTC; some write the zone, before the year or behind it.
fn from_line_date(line: &str) -> Option<InternalDate> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let time = words.iter().position(|word| word.contains(':') && word.starts_with(|c: char| c.is_ascii_digit()))?;
    let [month, day] = words.get(time.checked_sub(2)?..time)? else { return None };
    let behind = words.get(time..)?.join(" ");
    crate::mime::parse_date(format!("{day} {month} {behind}").as_bytes())
}

fn date_field(octets: &[u8]) -> Option<InternalDate> {
    let is_date = |field: &crate::mime::HeaderField<'_>| field.name.eq_ignore_ascii_case(b"Date");
    crate::mime::header_fields(octets).find(is_date).and_then(|field| crate::mime::parse_date(field.body))
}

/// `Status: RO`, `X-Status: AF`
fn status_flags(octets: &[u8]) -> Vec<Cow<'static, str>> {
    let mut flags = Vec::new();
    for field in crate::mime::header_fields(octets) {
        let known: &[(u8, &'static str)] = match field.name.to_ascii_lowercase().as_slice() {
            b"status" => &[(b'R', "\\Seen")],
            b"x-status" => &[(b'A', "\\Answered"), (b'F', "\\Flagged"), (b'D', "\\Deleted"), (b'T', "\\Draft")],
            _ => continue,
        };
        flags.extend(known.iter().filter(|(letter, _)| field.body.contains(letter)).map(|(_, flag)| (*flag).into()));
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mbox() {
        let text = "From a@b Thu Aug 22 12:36:23 2002\nSubject: 1\nStatus: RO\nX-Status: F\n\n>From x\n>>From y\nFrom here\n\n\
                    From c Fri Jan  2 00:00:00 1970\r\nSubject: 2\r\n\r\nlast\r\n\nFrom d\n\n";
        let mails = mails(text);
        let octets: Vec<String> =
            mails.iter().map(|mail| String::from_utf8_lossy(&mail.octets).into_owned()).collect();
        assert_eq!(octets[0], "Subject: 1\r\nStatus: RO\r\nX-Status: F\r\n\r\nFrom x\r\n>From y\r\nFrom here\r\n");
        assert_eq!(octets[1], "Subject: 2\r\n\r\nlast\r\n");
        assert_eq!(mails[0].flags, ["\\Seen", "\\Flagged"]);
        assert_eq!((mails[0].secs, mails[1].secs), (Some(1030019783), Some(86_400)));
        assert_eq!((mails.len(), super::tests::mails("").len(), super::tests::mails("\n\n").len()), (3, 0, 0));
    }

    fn mails(text: &str) -> Vec<Mail> {
        Mbox::new(text.as_bytes()).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn what_is_no_mbox() {
        for text in ["Subject: one message\n\nx\n", "\n\nx\n\nFrom a Thu Aug 22 12:36:23 2002\n\nx\n", "\u{0}"] {
            let refused = Mbox::new(text.as_bytes()).err().unwrap();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{text:?}");
        }
    }

    #[test]
    fn dates_of_mboxes() {
        let noon = 1_030_017_600;
        let cases = [
            ("From a@b Thu Aug 22 12:00:00 2002", Some((noon, 0))),
            ("From a@b  Thu Aug 22 12:00 2002", Some((noon, 0))),
            // As procmail and Google Takeout write it.
            ("From a@b Thu Aug 22 14:00:00 2002 +0200", Some((noon, 120))),
            ("From 1471350@xxx Thu Aug 22 12:00:00 +0000 2002", Some((noon, 0))),
            ("From a@b Thu Aug 22 12:00:00 CEST 2002", Some((noon, 0))),
            ("From a:b Thu Aug 22 12:00:00 2002 remote from c", Some((noon, 0))),
            ("From a@b", None),
            ("From 1:2 3", None),
        ];
        for (line, want) in cases {
            let found = from_line_date(line).map(|date| (date.secs, date.zone_mins));
            assert_eq!(found, want, "{line}");
        }
        let mails = mails("From a@b\nDate: Thu, 22 Aug 2002 13:00:00 +0100\n\nx\n\nFrom a@b\n\nx\n");
        assert_eq!((mails[0].secs, mails[0].zone_mins, mails[1].secs), (Some(noon), 60, None));
    }
}

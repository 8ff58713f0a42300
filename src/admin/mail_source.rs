//! Messages from mbox files and Maildirs.           RFC 4155
//!
//! A mbox is split at lines that begin with `From ` behind an empty line; `>From ` loses one `>` (mboxrd). Lines of the
//! result end in CRLF. Status fields of mbox, and the flags in names of Maildir's files, become flags.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

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
        let files = maildir_files(path)?;
        let bytes = files.iter().filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum();
        return Ok((Box::new(files.into_iter().map(|file| maildir_mail(&file))), bytes));
    }
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    Ok((Box::new(Mbox { lines: BufReader::with_capacity(256 * 1024, file), began: None, blank: true }), bytes))
}

struct Mbox<R> {
    lines: R,
    /// The date of the `From ` line of the next message, where one has been read.
    began: Option<Option<i64>>,
    /// The line before was empty.
    blank: bool,
}

impl<R: BufRead> Mbox<R> {
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
        while self.began.is_none() {
            match self.line()? {
                None => return Ok(None),
                Some(line) => self.begin(&line),
            }
        }
        let secs = self.began.take().flatten();
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
        Ok(Some(Mail { octets, flags, secs, zone_mins: 0, annotations: Vec::new() }))
    }

    fn begin(&mut self, line: &[u8]) {
        if self.blank && line.starts_with(b"From ") {
            let text = String::from_utf8_lossy(line);
            self.began = Some(from_line_date(&text));
            self.blank = false;
        }
    }
}

trait EndOfLine {
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

/// `From joe@example.com Thu Aug 22 12:36:23 2002`
fn from_line_date(line: &str) -> Option<i64> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [.., month, day, time, year] = words.as_slice() else { return None };
    crate::mime::parse_date(format!("{day} {month} {year} {time} +0000").as_bytes()).map(|date| date.secs)
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

fn maildir_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for part in ["new", "cur"] {
        for entry in fs::read_dir(path.join(part))? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                files.push(entry.path());
            }
        }
    }
    // Names begin with the time of delivery.
    files.sort_by_key(|path| path.file_name().map(ToOwned::to_owned));
    Ok(files)
}

fn maildir_mail(path: &Path) -> io::Result<Mail> {
    let mut octets = Vec::new();
    let raw = fs::read(path)?;
    for line in raw.split_inclusive(|b| *b == b'\n') {
        octets.extend_from_slice(&line[..line.to_vec().trim_ascii_end_of_line()]);
        octets.extend_from_slice(b"\r\n");
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let letters = name.rsplit_once(":2,").map_or("", |(_, letters)| letters);
    let known = [('S', "\\Seen"), ('R', "\\Answered"), ('F', "\\Flagged"), ('T', "\\Deleted"), ('D', "\\Draft")];
    let flags =
        known.iter().filter(|(letter, _)| letters.contains(*letter)).map(|(_, flag)| (*flag).into()).collect();
    let secs = fs::metadata(path)?.modified()?.duration_since(std::time::UNIX_EPOCH).ok();
    Ok(Mail { octets, flags, secs: secs.map(|secs| secs.as_secs() as i64), zone_mins: 0, annotations: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mbox() {
        let text = "From a@b Thu Aug 22 12:36:23 2002\nSubject: 1\nStatus: RO\nX-Status: F\n\n>From x\n>>From y\nFrom here\n\n\
                    From c Fri Jan  2 00:00:00 1970\r\nSubject: 2\r\n\r\nlast\r\n\nFrom d\n\n";
        let mbox = Mbox { lines: text.as_bytes(), began: None, blank: true };
        let mails: Vec<Mail> = mbox.map(Result::unwrap).collect();
        let octets: Vec<String> =
            mails.iter().map(|mail| String::from_utf8_lossy(&mail.octets).into_owned()).collect();
        assert_eq!(octets[0], "Subject: 1\r\nStatus: RO\r\nX-Status: F\r\n\r\nFrom x\r\n>From y\r\nFrom here\r\n");
        assert_eq!(octets[1], "Subject: 2\r\n\r\nlast\r\n");
        assert_eq!(mails[0].flags, ["\\Seen", "\\Flagged"]);
        assert_eq!((mails[0].secs, mails[1].secs), (Some(1030019783), Some(86_400)));
    }
}

//! Mail in and out, and back again.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::{Value, json};

use super::super::failed::{EX_DATAERR, EX_IOERR, EX_USAGE, Failed};
use super::super::wire::Wire;
use super::super::{mail_source, progress, table};
use super::arguments::{Tool, usage};
use super::backup::UNREAD;
use super::counted;
use super::import;
use super::output::{print, say};
use super::requests::next_answer;
use crate::sys;
use crate::types::Counted;

impl Tool {
    pub(super) fn account_option(&self) -> Result<&str, Failed> {
        self.option("account").ok_or_else(|| usage("--account NAME is missing"))
    }

    pub(super) fn mailbox(&self) -> &str {
        self.option("mailbox").unwrap_or("INBOX")
    }

    pub(super) fn undelete(&self) -> Result<(), Failed> {
        let since = self.option("since").map(since_secs).transpose()?;
        let (account, mailbox) = (self.account_option()?, self.option("mailbox"));
        let request = json!({ "verb": "undelete", "account": account, "mailbox": mailbox, "since": since });
        let (_, ok) = self.ask(&request, "messages back")?;
        match self.json {
            true => say(&ok)?,
            false => {
                for name in ok["mailboxes"].as_array().into_iter().flatten() {
                    say(format_args!("mailbox {} is back", name.as_str().unwrap_or("")))?;
                }
                say(format_args!("{} back", counted(&ok["messages"], "message").are()))?;
            }
        }
        match counted(&ok["unread"], "message") {
            Counted(0, _) => Ok(()),
            unread => {
                let text = "not back, as their octets cannot be read; gatepostctl check names them";
                Err(Failed::new(EX_DATAERR, format!("{} {text}", unread.are())))
            }
        }
    }

    pub(super) fn import(&self, path: &Path) -> Result<(), Failed> {
        let account = self.account_option()?;
        self.known(account)?;
        let (mails, bytes) = mail_source::open(path).map_err(|error| unreadable(path, &error))?;
        let mut wire = self.connect("import")?;
        wire.send(&json!({ "verb": "import", "account": account, "mailbox": self.mailbox() }))?;
        let bar = progress::bar("import", bytes.max(1));
        let ok = import::send_all(&mut wire, mails, &path.display().to_string(), &bar)?;
        bar.finish_and_clear();
        self.show_imported(account, &ok)
    }

    /// What has come in, and what has not.
    fn show_imported(&self, account: &str, ok: &Value) -> Result<(), Failed> {
        let left_out: Vec<&str> = ok["left_out"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if self.json {
            say(ok)?;
        } else {
            let messages = counted(&ok["messages"], "message");
            say(format_args!("{messages} imported into {} of {account}", self.mailbox()))?;
            left_out.iter().try_for_each(|text| say(format_args!("left out: {text}")))?;
        }
        match left_out.len() {
            0 => Ok(()),
            n => Err(Failed::new(EX_DATAERR, format!("all is in but what is listed ({n})"))),
        }
    }

    pub(super) fn export(&self, path: &Path) -> Result<(), Failed> {
        let account = self.account_option()?;
        let failed = |error: io::Error| unreadable(path, &error);
        // Before the tool becomes the daemon's user, who may have no right to it. What is in it stays until there is something
        // to write.
        let is_new = !path.try_exists().map_err(failed)?;
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map_err(failed)?;
        let begun = self.connect("export").and_then(|mut wire| {
            wire.send(&json!({ "verb": "export", "account": account, "mailbox": self.mailbox() }))?;
            wire.flush()?;
            let answer = next_answer(&mut wire.reader)?;
            Ok((wire, answer))
        });
        if begun.is_err() && is_new {
            // Nothing is to come; the daemon's user may have to leave it.
            let _ = std::fs::remove_file(path);
        }
        let (mut wire, answer) = begun?;
        // A pipe or a terminal has no length.
        if file.metadata().map_err(failed)?.is_file() {
            file.set_len(0).map_err(failed)?;
        }
        let ok = write_all(&mut wire, answer, file, path).map_err(|error| {
            Failed::new(error.exit, format!("{}; {} has only a part of the mailbox", error.text, path.display()))
        })?;
        let unread = ok["unread"].as_array().map_or(&[][..], Vec::as_slice);
        match self.json {
            true => say(&ok)?,
            false => print(&table::render(&UNREAD, unread))?,
        }
        match unread.len() {
            0 => Ok(()),
            n => Err(Failed::new(
                EX_DATAERR,
                format!("all is in {} but what is listed ({n}); gatepostctl check says more", path.display()),
            )),
        }
    }
}

/// Writes the messages that come to a file: what the answer says at its end.
fn write_all(wire: &mut Wire, mut answer: Value, file: File, path: &Path) -> Result<Value, Failed> {
    let failed = |error: io::Error| unreadable(path, &error);
    let is_file = file.metadata().map_err(failed)?.is_file();
    let mut out = io::BufWriter::new(file);
    let bar = progress::bar("messages", 0);
    loop {
        if let Some(ok) = answer.get("ok") {
            out.flush().map_err(failed)?;
            // Who exports may be about to remove.
            if is_file {
                out.get_ref().sync_all().map_err(failed)?;
            }
            bar.finish_and_clear();
            return Ok(ok.clone());
        }
        let head = &answer["message"];
        let octets = wire.octets(head["size"].as_u64().unwrap_or(0))?;
        write_mbox(&mut out, head, &octets).map_err(failed)?;
        bar.inc(1);
        answer = next_answer(&mut wire.reader)?;
    }
}

/// A file that cannot be read or written, or that is not what it should be.
fn unreadable(path: &Path, error: &io::Error) -> Failed {
    let exit = if error.kind() == io::ErrorKind::InvalidData { EX_DATAERR } else { EX_IOERR };
    Failed::new(exit, format!("{}: {error}", path.display()))
}

/// `2026-11-23`, `2026-11-23 14:05` in the local zone, or `3h`: so long ago.
fn since_secs(text: &str) -> Result<i64, Failed> {
    use chrono::{Local, NaiveDate, NaiveDateTime, TimeZone};
    let day = |text| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|day| day.and_hms_opt(0, 0, 0));
    let minute = |text| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").ok();
    let moment = day(text).or_else(|| minute(text)).and_then(|at| Local.from_local_datetime(&at).earliest());
    let ago = || crate::config::duration_from(text).map(|ago| sys::now_secs() - ago.as_secs() as i64);
    moment.map(|at| at.timestamp()).or_else(ago).ok_or_else(|| {
        let text = format!("'{text}' is no time: 2026-11-23, '2026-11-23 14:05', or 3h for three hours ago");
        Failed::new(EX_USAGE, text)
    })
}

/// One message of a mbox (mboxrd), with LF line ends as other tools expect.
fn write_mbox(out: &mut impl Write, head: &Value, octets: &[u8]) -> io::Result<()> {
    let date = chrono::DateTime::from_timestamp(head["secs"].as_i64().unwrap_or(0), 0).unwrap_or_default();
    writeln!(out, "From gatepost {}", date.format("%a %b %e %H:%M:%S %Y"))?;
    for line in octets.split_inclusive(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line));
        let quoted = line.iter().position(|b| *b != b'>').unwrap_or(0);
        if line[quoted..].starts_with(b"From ") {
            out.write_all(b">")?;
        }
        out.write_all(line)?;
        out.write_all(b"\n")?;
    }
    out.write_all(b"\n")
}

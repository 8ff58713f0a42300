//! Messages from Maildirs: the flags are in the names of the files.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::mail_source::{EndOfLine, Mail, Mails, invalid};
use super::owned::Owner;

/// The messages of a Maildir, and how many octets they are about.
pub(super) fn open(path: &Path) -> io::Result<(Mails, u64)> {
    let (owner, files) = (Owner::of(path)?, files(path)?);
    // By now, and not in the middle of it.
    files.iter().try_for_each(|(file, _)| owner.open(file).map(drop).map_err(|error| named(file, &error)))?;
    let bytes = files.iter().map(|(_, bytes)| bytes).sum();
    let mails = files.into_iter().map(move |(file, _)| mail(&owner, &file).map_err(|error| named(&file, &error)));
    // A delivery that was cut short leaves such files.
    Ok((Box::new(mails.filter(|mail| !matches!(mail, Ok(mail) if mail.octets.is_empty()))), bytes))
}

fn named(file: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", file.display()))
}

fn files(path: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    let parts: Vec<_> = ["new", "cur"].iter().map(|part| path.join(part)).filter(|part| part.is_dir()).collect();
    if parts.is_empty() {
        return Err(invalid("no Maildir: it has neither a directory 'new' nor one 'cur'"));
    }
    for part in parts {
        for entry in fs::read_dir(part)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                files.push((entry.path(), entry.metadata()?.len()));
            }
        }
    }
    // Names begin with the time of delivery.
    files.sort_by_key(|(path, _)| path.file_name().map(ToOwned::to_owned));
    Ok(files)
}

fn mail(owner: &Owner, path: &Path) -> io::Result<Mail> {
    let (mut octets, mut raw, mut file) = (Vec::new(), Vec::new(), owner.open(path)?);
    file.read_to_end(&mut raw)?;
    for line in raw.split_inclusive(|b| *b == b'\n') {
        octets.extend_from_slice(&line[..line.to_vec().trim_ascii_end_of_line()]);
        octets.extend_from_slice(b"\r\n");
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let letters = name.rsplit_once(":2,").map_or("", |(_, letters)| letters);
    let known = [
        ('S', "\\Seen"),
        ('R', "\\Answered"),
        ('F', "\\Flagged"),
        ('T', "\\Deleted"),
        ('D', "\\Draft"),
        ('P', "$Forwarded"),
    ];
    let flags =
        known.iter().filter(|(letter, _)| letters.contains(*letter)).map(|(_, flag)| (*flag).into()).collect();
    let secs = file.metadata()?.modified()?.duration_since(std::time::UNIX_EPOCH).ok();
    Ok(Mail { octets, flags, secs: secs.map(|secs| secs.as_secs() as i64), zone_mins: 0, annotations: Vec::new() })
}

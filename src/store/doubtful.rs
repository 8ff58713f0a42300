//! Partitions of which a part may be as it was earlier, as something newer of them is lost.
//!
//! What is doubtful is written down before what was newer is left out, and stays so until `renewal` has dealt with it: a file of
//! ranges, each the prefixes of two partitions, in hexadecimal digits, a line.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::engine::Partition;
use super::journal::sync_directory;
use super::keys::{self, PREFIX_BYTES};
use super::table_file::Lost;
use crate::types::{AccountId, MailboxId};

pub(super) type Prefix = [u8; PREFIX_BYTES];

#[derive(Clone, Debug, Default)]
pub(super) struct Doubtful(Vec<(Prefix, Prefix)>);

/// The file; where there is one, a repair has been begun and not finished.
pub(super) fn file(directory: &Path) -> PathBuf {
    directory.join("doubtful")
}

/// The file of what has been renewed, until a check has made it agree.
pub(super) fn renewed_file(directory: &Path) -> PathBuf {
    directory.join("doubtful.renewed")
}

impl Doubtful {
    /// What an earlier repair has left.
    pub(super) fn read(file: &Path) -> io::Result<Doubtful> {
        let text = match fs::read_to_string(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Doubtful::default()),
            text => text?,
        };
        let prefix = |digits: &str| u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes);
        let range = |line: &str| line.split_once(' ').and_then(|(low, high)| prefix(low).zip(prefix(high)));
        let everything = ([0; PREFIX_BYTES], [0xff; PREFIX_BYTES]);
        Ok(Doubtful(text.lines().map(|line| range(line).unwrap_or(everything)).collect()))
    }

    pub(super) fn write(&self, file: &Path) -> io::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let line = |(low, high): &(Prefix, Prefix)| {
            format!("{:032x} {:032x}\n", u128::from_be_bytes(*low), u128::from_be_bytes(*high))
        };
        let mut written = File::create(file)?;
        written.write_all(self.0.iter().map(line).collect::<String>().as_bytes())?;
        written.sync_all()?;
        file.parent().map_or(Ok(()), sync_directory)
    }

    /// From now on it has been renewed.
    pub(super) fn turn_renewed(directory: &Path) -> io::Result<()> {
        let mut all = Doubtful::read(&renewed_file(directory))?;
        all.0.extend(Doubtful::read(&file(directory))?.0);
        all.write(&renewed_file(directory))?;
        fs::remove_file(file(directory))
    }

    pub(super) fn add(&mut self, lost: &Lost) {
        let mut ends = ([0; PREFIX_BYTES], [0xff; PREFIX_BYTES]);
        let above = lost.above.len().min(PREFIX_BYTES);
        ends.0[..above].copy_from_slice(&lost.above[..above]);
        if !lost.below.is_empty() {
            let below = lost.below.len().min(PREFIX_BYTES);
            ends.1 = [0; PREFIX_BYTES];
            ends.1[..below].copy_from_slice(&lost.below[..below]);
        }
        self.0.push(ends);
    }

    /// The partition that a key is in.
    pub(super) fn add_key(&mut self, key: &[u8]) {
        if let Some(prefix) = key.first_chunk() {
            self.0.push((*prefix, *prefix));
        }
    }

    pub(super) fn add_all(&mut self) {
        self.0.push(([0; PREFIX_BYTES], [0xff; PREFIX_BYTES]));
    }

    pub(super) fn ranges(&self) -> &[(Prefix, Prefix)] {
        &self.0
    }

    pub(super) fn has(&self, partition: Partition) -> bool {
        let prefix = keys::prefix(partition);
        self.0.iter().any(|(low, high)| (low..=high).contains(&&prefix))
    }
}

/// Whose numbers the partitions are that begin with a prefix; `None` where the engine keeps something else.
pub(super) fn partition(prefix: &Prefix) -> Option<Partition> {
    let (account, mailbox) = prefix.split_at(8);
    let number = |octets: &[u8]| octets.iter().fold(0, |number, octet| number << 8 | u64::from(*octet));
    match (number(account), number(mailbox)) {
        (_, u64::MAX) => None,
        (0, 0) => Some(Partition::Server),
        (account, 0) => Some(Partition::Account(AccountId(account))),
        (account, mailbox) => Some(Partition::Mailbox(AccountId(account), MailboxId(mailbox))),
    }
}

/// The mailboxes among partitions.
pub(super) fn mailboxes(of: &[Partition]) -> BTreeSet<(AccountId, MailboxId)> {
    let mailbox = |partition: &Partition| match partition {
        Partition::Mailbox(account, mailbox) => Some((*account, *mailbox)),
        _ => None,
    };
    of.iter().filter_map(mailbox).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_doubtful_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let (file, renewed) = (file(directory.path()), renewed_file(directory.path()));
        let mut doubtful = Doubtful::read(&file).unwrap();
        doubtful.write(&file).unwrap();
        assert!(!file.exists());
        doubtful.add_key(&keys::within(Partition::Account(AccountId(7)), b"c"));
        doubtful.write(&file).unwrap();
        Doubtful::turn_renewed(directory.path()).unwrap();
        assert!(!file.exists());
        // What cannot be read may be anything.
        fs::write(&file, "?\n").unwrap();
        assert!(Doubtful::read(&file).unwrap().has(Partition::Server));
        Doubtful::turn_renewed(directory.path()).unwrap();
        doubtful.add_all();
        assert_eq!(Doubtful::read(&renewed).unwrap().ranges(), doubtful.ranges());
    }

    #[test]
    fn what_is_lost_between_two_keys_is_of_the_partitions_from_the_one_to_the_other() {
        let mailbox = |account, mailbox| Partition::Mailbox(AccountId(account), MailboxId(mailbox));
        let key = |partition| keys::within(partition, b"h");
        let mut doubtful = Doubtful::default();
        doubtful.add(&Lost { above: key(mailbox(1, 7)), below: key(mailbox(2, 3)) });
        let within = [mailbox(1, 7), mailbox(1, 8), Partition::Account(AccountId(2)), mailbox(2, 3)];
        assert!(within.into_iter().all(|partition| doubtful.has(partition)));
        assert!(![mailbox(1, 6), mailbox(2, 4), Partition::Server].into_iter().any(|of| doubtful.has(of)));
        doubtful.add(&Lost { above: Vec::new(), below: key(Partition::Server) });
        assert!(doubtful.has(Partition::Server) && !doubtful.has(Partition::Account(AccountId(1))));
        doubtful.add(&Lost { above: key(mailbox(9, 9)), below: Vec::new() });
        assert!(doubtful.has(mailbox(u64::MAX, 1)));
        for of in [Partition::Server, Partition::Account(AccountId(4)), mailbox(4, 5)] {
            assert_eq!(partition(&keys::prefix(of)), Some(of));
        }
    }
}

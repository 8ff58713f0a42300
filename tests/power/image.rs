//! A directory as a power cut leaves it, made from the log of its changes.
//!
//! The model, in the order of a log:
//!
//! 1. What was written to a file or cut off it before a sync of that file (fsync or fdatasync) began is there once the
//!    sync has ended, the file's length included.
//! 2. Names (create, rename, link, unlink, mkdir) come in order, as from the journal of a file system: those before a
//!    sync of their directory are there, and with them all that were before; of the later ones any number of the first.
//!    A sync of a file promises nothing for its name.
//! 3. Of what was not synced each write is there, or not, or a part of it, sector by sector. A sector that is there has
//!    what the writes before brought to it, since it is the sector as it was in memory at some time. Choices are
//!    independent, hence writes are reordered; some images instead keep the first writes, and some none.
//! 4. A hole reads as zeros.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::log::{Kind, Record};

const SECTOR: usize = 512;

/// A change of a file that has not been synced.
#[derive(Clone, Copy)]
struct Change<'a> {
    at: usize,
    kind: ChangeKind<'a>,
}

#[derive(Clone, Copy)]
enum ChangeKind<'a> {
    Write(usize, &'a [u8]),
    Length(usize),
}

/// The octets of a file; beyond them, up to its length, there are zeros.
#[derive(Clone, Default)]
struct Contents {
    octets: Vec<u8>,
    length: usize,
}

#[derive(Default)]
struct Tracked<'a> {
    synced: Contents,
    pending: Vec<Change<'a>>,
}

#[derive(Clone)]
enum NameChange {
    File(String, u64),
    Directory(String),
    Rename(String, String),
    Unlink(String),
}

/// All that was done up to a record, and how much of it is on the disk.
#[derive(Default)]
pub struct Disk<'a> {
    files: HashMap<u64, Tracked<'a>>,
    names: Vec<(usize, NameChange)>,
    /// So many of `names` are on the disk.
    names_synced: usize,
    /// The names as the system has them now.
    current: HashMap<String, u64>,
    /// Record, inode and directory of the syncs that are under way.
    syncs: HashMap<u64, (usize, u64, Option<String>)>,
    listed: HashMap<u64, String>,
    done: usize,
}

/// How much of what was not synced an image has.
#[derive(Clone, Copy, Debug)]
pub enum Loss {
    /// None of it.
    All,
    /// What came before this record.
    After(usize),
    /// Each change by itself.
    Any,
}

impl<'a> Disk<'a> {
    /// Follows the log up to record `end`, that one not included.
    pub fn advance(&mut self, records: &[Record<'a>], end: usize) {
        for (at, record) in records.iter().enumerate().take(end).skip(self.done) {
            self.apply(at, record);
        }
        self.done = end;
    }

    fn apply(&mut self, at: usize, record: &Record<'a>) {
        let path = || String::from_utf8(record.octets.to_vec()).unwrap();
        match record.kind {
            Kind::Create => {
                self.files.insert(record.inode, Tracked::default());
                self.name(at, path(), record.inode);
            }
            Kind::Open => self.reopened(at, path(), record.inode),
            Kind::Write => self.change(at, record.inode, ChangeKind::Write(record.number as usize, record.octets)),
            Kind::Truncate => self.change(at, record.inode, ChangeKind::Length(record.number as usize)),
            Kind::MakeDirectory => {
                self.current.insert(path(), record.inode);
                self.names.push((at, NameChange::Directory(path())));
            }
            Kind::Rename | Kind::Link => {
                let both = path();
                let (from, to) = both.split_once('\0').unwrap();
                match record.kind {
                    Kind::Rename => self.rename(at, from, to),
                    _ => self.name(at, to.to_string(), self.current[from]),
                }
            }
            Kind::Unlink => self.unlink(at, path()),
            Kind::Listing => self.list(at, record.inode, &path()),
            Kind::SyncBegin => {
                let directory = self.listed.get(&record.inode).cloned();
                self.syncs.insert(record.number, (at, record.inode, directory));
            }
            Kind::SyncEnd => self.synced(record.number),
            Kind::Note | Kind::Killed => {}
        }
    }

    fn change(&mut self, at: usize, inode: u64, kind: ChangeKind<'a>) {
        self.files.entry(inode).or_default().pending.push(Change { at, kind });
    }

    fn name(&mut self, at: usize, path: String, inode: u64) {
        self.current.insert(path.clone(), inode);
        self.names.push((at, NameChange::File(path, inode)));
    }

    fn rename(&mut self, at: usize, from: &str, to: &str) {
        let inode = self.current.remove(from).unwrap();
        self.current.insert(to.to_string(), inode);
        self.names.push((at, NameChange::Rename(from.to_string(), to.to_string())));
    }

    fn unlink(&mut self, at: usize, path: String) {
        if self.current.remove(&path).is_some() {
            self.names.push((at, NameChange::Unlink(path)));
        }
    }

    /// A file under another name than it had: it was renamed where the shim could not see it.
    fn reopened(&mut self, at: usize, path: String, inode: u64) {
        if self.current.get(&path) == Some(&inode) {
            return;
        }
        let folder = parent(&path);
        let old = self.current.iter().find(|(name, other)| **other == inode && parent(name) == folder);
        match old.map(|(name, _)| name.clone()) {
            Some(old) => self.rename(at, &old, &path),
            None => self.name(at, path, inode),
        }
    }

    fn list(&mut self, at: usize, directory: u64, listing: &str) {
        let mut parts = listing.split('\0');
        let folder = parts.next().unwrap().to_string();
        let mut there = HashMap::new();
        for part in parts {
            let (inode, name) = part.split_once(' ').unwrap();
            let path = if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") };
            there.insert(path, inode.parse::<u64>().unwrap());
        }
        let mut new: Vec<_> = there.iter().filter(|(path, inode)| self.current.get(*path) != Some(*inode)).collect();
        new.sort();
        new.into_iter().for_each(|(path, inode)| self.reopened(at, path.clone(), *inode));
        let here = |path: &&String| parent(path) == folder && !there.contains_key(*path) && !path.is_empty();
        let mut gone: Vec<String> = self.current.keys().filter(here).cloned().collect();
        gone.sort();
        gone.into_iter().for_each(|path| self.unlink(at, path));
        self.listed.insert(directory, folder);
    }

    fn synced(&mut self, token: u64) {
        let Some((begun, inode, directory)) = self.syncs.remove(&token) else { return };
        match directory {
            Some(folder) => {
                let inside = |change: &(usize, NameChange)| change.0 < begun && change.1.is_in(&folder);
                let last = self.names.iter().rposition(inside).map_or(0, |last| last + 1);
                self.names_synced = self.names_synced.max(last);
            }
            None => self.files.entry(inode).or_default().sync(begun),
        }
    }

    /// Writes one image of what a cut may leave; `directory` is empty.
    pub fn write(&self, directory: &Path, loss: Loss, random: &mut fastrand::Rng) {
        let kept = match loss {
            Loss::All => self.names_synced,
            Loss::After(record) => self.names.partition_point(|(at, _)| *at < record).max(self.names_synced),
            Loss::Any => random.usize(self.names_synced..=self.names.len()),
        };
        let mut tree = HashMap::new();
        for (_, change) in &self.names[..kept] {
            change.apply(&mut tree);
        }
        let mut paths: Vec<_> = tree.into_iter().collect();
        paths.sort();
        for (path, inode) in paths {
            match inode {
                None => fs::create_dir_all(directory.join(path)).unwrap(),
                Some(inode) => match self.files.get(&inode) {
                    Some(file) => file.image(loss, random).write(&directory.join(path)),
                    None => Contents::default().write(&directory.join(path)),
                },
            }
        }
    }
}

impl NameChange {
    fn is_in(&self, folder: &str) -> bool {
        match self {
            NameChange::File(path, _) | NameChange::Directory(path) | NameChange::Unlink(path) => {
                parent(path) == folder
            }
            NameChange::Rename(from, to) => parent(from) == folder || parent(to) == folder,
        }
    }

    /// A file has its inode in the tree, a directory none.
    fn apply(&self, tree: &mut HashMap<String, Option<u64>>) {
        match self {
            NameChange::File(path, inode) => drop(tree.insert(path.clone(), Some(*inode))),
            NameChange::Directory(path) => drop(tree.insert(path.clone(), None)),
            NameChange::Rename(from, to) => {
                let what = tree.remove(from).unwrap_or_else(|| panic!("{from} is renamed and not there"));
                tree.insert(to.clone(), what);
            }
            NameChange::Unlink(path) => drop(tree.remove(path)),
        }
    }
}

impl<'a> Tracked<'a> {
    fn sync(&mut self, begun: usize) {
        let count = self.pending.partition_point(|change| change.at < begun);
        for change in self.pending.drain(..count) {
            self.synced.apply(change.kind);
        }
    }

    fn image(&self, loss: Loss, random: &mut fastrand::Rng) -> Contents {
        let mut contents = self.synced.clone();
        // The newest change that each sector has seen, counted from one.
        let mut newest: HashMap<usize, usize> = HashMap::new();
        let mut lengths = vec![false; self.pending.len()];
        for (number, change) in self.pending.iter().enumerate() {
            let keep = match loss {
                Loss::All => Keep::None,
                Loss::After(record) if change.at < record => Keep::All,
                Loss::After(_) => Keep::None,
                Loss::Any => Keep::any(random),
            };
            match change.kind {
                ChangeKind::Length(_) => lengths[number] = keep.sector(0, 1, random),
                ChangeKind::Write(at, octets) => {
                    let (first, end) = (at / SECTOR, (at + octets.len()).div_ceil(SECTOR));
                    for sector in (first..end).filter(|s| keep.sector(s - first, end - first, random)) {
                        newest.insert(sector, number + 1);
                    }
                }
            }
        }
        for (number, change) in self.pending.iter().enumerate() {
            match change.kind {
                ChangeKind::Length(_) if lengths[number] => contents.apply(change.kind),
                ChangeKind::Length(_) => {}
                ChangeKind::Write(at, octets) => {
                    for (at, part) in sectors(at, octets) {
                        if newest.get(&(at / SECTOR)).is_some_and(|newest| *newest > number) {
                            contents.apply(ChangeKind::Write(at, part));
                        }
                    }
                }
            }
        }
        contents
    }
}

/// What is left of one write.
#[derive(Clone, Copy)]
enum Keep {
    All,
    None,
    /// This part of the first sectors, in percent.
    First(u8),
    /// This part of the last ones.
    Last(u8),
    /// Each with an even chance.
    Some,
}

impl Keep {
    fn any(random: &mut fastrand::Rng) -> Keep {
        match random.u8(..8) {
            0..=2 => Keep::All,
            3..=4 => Keep::None,
            5 => Keep::First(random.u8(..100)),
            6 => Keep::Last(random.u8(..100)),
            _ => Keep::Some,
        }
    }

    fn sector(self, number: usize, count: usize, random: &mut fastrand::Rng) -> bool {
        match self {
            Keep::All => true,
            Keep::None => false,
            Keep::First(percent) => number * 100 < count * usize::from(percent),
            Keep::Last(percent) => (count - 1 - number) * 100 < count * usize::from(percent),
            Keep::Some => random.bool(),
        }
    }
}

impl Contents {
    fn apply(&mut self, change: ChangeKind<'_>) {
        match change {
            ChangeKind::Length(length) => {
                self.length = length;
                self.octets.truncate(length);
            }
            ChangeKind::Write(at, octets) => {
                let end = at + octets.len();
                self.length = self.length.max(end);
                if self.octets.len() < end {
                    self.octets.resize(end, 0);
                }
                self.octets[at..end].copy_from_slice(octets);
            }
        }
    }

    fn write(&self, path: &Path) {
        let file = File::create(path).unwrap();
        file.set_len(self.length as u64).unwrap();
        file.write_all_at(&self.octets, 0).unwrap();
    }
}

/// Octets cut where sectors end.
fn sectors(at: usize, octets: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let head = (SECTOR - at % SECTOR).min(octets.len());
    let (first, rest) = octets.split_at(head);
    let parts = rest.chunks(SECTOR).enumerate().map(move |(n, part)| (at + head + n * SECTOR, part));
    std::iter::once((at, first)).chain(parts)
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

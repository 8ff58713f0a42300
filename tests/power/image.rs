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
use std::fs;
use std::path::Path;

use super::contents::{Change, ChangeKind, Contents, Loss, Tracked};
use super::log::{Kind, Record};

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

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

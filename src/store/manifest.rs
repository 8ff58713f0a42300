//! The list of the files that one of fjall's trees consists of, from outside.
//!
//! `current` says which list is true: u64 its number N, u128 XXH3 of the file `vN`, u8 0. `vN` has a section `tables`: u8
//! levels, for each u8 runs, for each u32 tables, for each u64 its number, u8 0, u128 XXH3 of its file, u64 a sequence
//! number; and a section `blob_files`: u32 files, for each u64 its number, u8 0, u128 XXH3. Numbers are little-endian.
//!
//! fjall does not compare the checksum in `current`, and deletes the tables that the list does not name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_128;

use super::archive::{self, Cursor};
use super::one_octet;
use super::put_right::Entries;

/// A file of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) number: u64,
    /// XXH3 of the whole file.
    pub(super) sum: u128,
    /// Where that stands in the list.
    pub(super) sum_at: usize,
}

impl Listed {
    /// Whether a file is what was written.
    pub(super) fn is(&self, file: &Path) -> io::Result<bool> {
        Ok(file.is_file() && xxh3_128(&fs::read(file)?) == self.sum)
    }
}

#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) number: u64,
    pub(super) tables: Vec<Listed>,
    pub(super) blobs: Vec<Listed>,
}

/// What `current` says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Current {
    pub(super) number: u64,
    pub(super) sum: u128,
}

/// `None` where it is not there, or too short.
pub(super) fn current(tree: &Path) -> io::Result<Option<Current>> {
    let octets = match fs::read(tree.join("current")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        octets => octets?,
    };
    let mut cursor = Cursor(&octets);
    Ok(cursor.u64().zip(cursor.u128()).map(|(number, sum)| Current { number, sum }))
}

pub(super) fn list(tree: &Path, number: u64) -> PathBuf {
    tree.join(format!("v{number}"))
}

/// The list of a tree's files, or which file keeps it from being read.
pub(super) fn read(tree: &Path) -> io::Result<Result<Manifest, PathBuf>> {
    let Some(current) = current(tree)? else { return Ok(Err(tree.join("current"))) };
    let path = list(tree, current.number);
    let octets = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err(tree.join("current"))),
        octets => octets?,
    };
    let sections = archive::sections(&path)?.filter(|_| xxh3_128(&octets) == current.sum);
    Ok(sections.and_then(|sections| parse(&octets, &sections, current.number)).ok_or(path))
}

fn parse(octets: &[u8], sections: &[archive::Section], number: u64) -> Option<Manifest> {
    let find = |name: &[u8]| sections.iter().find(|section| section.name == name);
    let within = |name: &[u8]| {
        let section = find(name)?;
        let (from, to) = (section.at as usize, (section.at + section.octets) as usize);
        octets.get(from..to).map(|octets| (from, Cursor(octets)))
    };
    let (from, mut cursor) = within(b"tables")?;
    let (mut tables, all) = (Vec::new(), cursor.0.len());
    let listed = |cursor: &mut Cursor<'_>, from: usize, all: usize| {
        let number = cursor.u64()?;
        cursor.u8()?;
        let sum_at = from + all - cursor.0.len();
        Some(Listed { number, sum: cursor.u128()?, sum_at })
    };
    for _ in 0..cursor.u8()? {
        for _ in 0..cursor.u8()? {
            for _ in 0..cursor.u32()? {
                tables.push(listed(&mut cursor, from, all)?);
                cursor.u64()?;
            }
        }
    }
    let (from, mut cursor) = within(b"blob_files")?;
    let all = cursor.0.len();
    let blobs = (0..cursor.u32()?).map(|_| listed(&mut cursor, from, all)).collect::<Option<Vec<_>>>()?;
    Some(Manifest { number, tables, blobs })
}

/// Octets of `current` that may be wrong for it to be told that the list is not.
const WRONG_MAX: usize = 4;

/// A longer list, of some 8000 files, is not corrected: twice the octets take four times as long.
const CORRECTED_BYTES_MAX: usize = 1 << 18;

/// The file that makes the list of a tree readable again, or is a step to it, and what must be in it. What is right is certain:
/// 96 bits of the list's checksum say so, or all 128.
pub(super) fn corrected(tree: &Path) -> io::Result<Option<(PathBuf, Vec<u8>)>> {
    let Some(current) = current(tree)? else { return Ok(None) };
    let mut lists = lists(tree)?;
    // The one that ought to be the true one first.
    lists.sort_by_key(|(number, _)| *number != current.number);
    let is_true = |octets: &[u8]| {
        let sum = xxh3_128(octets).to_le_bytes();
        sum.into_iter().zip(current.sum.to_le_bytes()).filter(|(a, b)| a != b).count() <= WRONG_MAX
    };
    if let Some((number, octets)) = lists.iter().find(|(_, octets)| is_true(octets)) {
        return Ok(Some((tree.join("current"), current_octets(*number, xxh3_128(octets)))));
    }
    let entries = Entries::of(tree)?;
    lists.iter_mut().for_each(|(_, octets)| entries.put_into(octets));
    if let Some((number, octets)) = lists.iter().find(|(_, octets)| is_true(octets)) {
        return Ok(Some((list(tree, *number), octets.clone())));
    }
    for (number, mut octets) in lists.into_iter().filter(|(_, octets)| octets.len() <= CORRECTED_BYTES_MAX) {
        if let Some((at, octet)) = one_octet::find(&octets, current.sum) {
            octets[at] = octet;
            return Ok(Some((list(tree, number), octets)));
        }
    }
    Ok(None)
}

fn lists(tree: &Path) -> io::Result<Vec<(u64, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(tree)? {
        let path = entry?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.strip_prefix('v')?.parse().ok());
        if let Some(number) = number {
            found.push((number, fs::read(path)?));
        }
    }
    Ok(found)
}

fn current_octets(number: u64, sum: u128) -> Vec<u8> {
    [&number.to_le_bytes()[..], &sum.to_le_bytes(), &[0]].concat()
}

/// Writes a list with other checksums of files, and makes it the true one.
pub(super) fn put_sums(tree: &Path, manifest: &Manifest, sums: &[(usize, u128)]) -> io::Result<()> {
    if sums.is_empty() {
        return Ok(());
    }
    let mut octets = fs::read(list(tree, manifest.number))?;
    for (at, sum) in sums {
        octets[*at..at + 16].copy_from_slice(&sum.to_le_bytes());
    }
    put(tree, manifest.number + 1, &octets)
}

/// A file that a new list is to name: its number, and XXH3 of all of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    pub(super) number: u64,
    pub(super) sum: u128,
}

/// As fjall makes its trees.
const LEVELS: u8 = 7;

/// Writes a list of these tables, whose keys ascend, and of these files of mail, and makes it the true one. The tables are of the
/// last level: none is older.
pub(super) fn write(tree: &Path, tables: &[Made], mail: &[Made], has_mail: bool) -> io::Result<()> {
    let file = |made: &Made| [&made.number.to_le_bytes()[..], &[0], &made.sum.to_le_bytes()].concat();
    let mut levels = vec![LEVELS];
    levels.extend([0; LEVELS as usize - 1]);
    levels.push(u8::from(!tables.is_empty()));
    if !tables.is_empty() {
        levels.extend((tables.len() as u32).to_le_bytes());
    }
    tables.iter().for_each(|made| levels.extend([file(made), vec![0; 8]].concat()));
    let mut files = (mail.len() as u32).to_le_bytes().to_vec();
    mail.iter().for_each(|made| files.extend(file(made)));
    let contents: [(&str, Vec<u8>); 8] = [
        ("format_version", vec![3]),
        ("crate_version", Vec::new()),
        ("tree_type", vec![u8::from(has_mail)]),
        ("level_count", vec![LEVELS]),
        ("filter_hash_type", vec![0]),
        ("tables", levels),
        ("blob_files", files),
        // Nothing is known of what has become garbage.
        ("blob_gc_stats", vec![0; 4]),
    ];
    let (mut octets, mut sections) = (Vec::new(), Vec::new());
    for (name, content) in contents {
        let (at, length) = (octets.len() as u64, content.len() as u64);
        sections.push(archive::Section { name: name.as_bytes().to_vec(), at, octets: length });
        octets.extend(content);
    }
    octets.extend(archive::ending(&sections, octets.len() as u64));
    let last = lists(tree)?.into_iter().map(|(number, _)| number).max();
    put(tree, last.map_or(0, |last| last.saturating_add(1)), &octets)
}

/// Makes this the true list.
fn put(tree: &Path, number: u64, octets: &[u8]) -> io::Result<()> {
    write_synced(&list(tree, number), octets)?;
    let made = tree.join("current.new");
    write_synced(&made, &current_octets(number, xxh3_128(octets)))?;
    fs::rename(made, tree.join("current"))?;
    fs::File::open(tree)?.sync_all()
}

fn write_synced(path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    io::Write::write_all(&mut file, octets)?;
    file.sync_all()
}

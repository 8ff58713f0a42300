//! A tree whose list of files is lost is made anew out of all of its tables.
//!
//! Which of the files were true is not known: some may be left of before a compaction. So all are merged, the newest value of
//! a key wins, and that a key has been deleted counts as one. What had been deleted so long ago that nothing says so any more
//! may come forth from a file that was left: of the index, all is doubtful (`renewal`). Of the places of octets nothing is, as
//! what stands under a hash is always the same.
//!
//! The files of mail stay as they are. A place in one that is gone is left out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lsm_tree::{CompressionType, InternalValue, SeqNo};
use xxhash_rust::xxh3::xxh3_128;

use super::error::StoreError;
use super::manifest::{self, Made};
use super::merged_tables::{Items, Merged};
use super::table_file::Place;

/// Octets of a table, about.
const TABLE_BYTES: usize = 16 << 20;

/// What has been made.
pub(super) struct Remade {
    pub(super) tables: usize,
    /// Parts of tables that could not be read.
    pub(super) lost: usize,
}

/// Octets of each file of mail, by its number.
type MailFiles = BTreeMap<u64, u64>;

/// Merges the tables of a tree and writes a list of the result, which is the true one from then on; `scratch` is a file that may
/// be made.
pub(super) fn remake(tree: &Path, has_mail: bool, scratch: &Path) -> Result<Remade, StoreError> {
    let failed = |error: &dyn std::fmt::Display| StoreError::Engine(format!("{}: {error}", tree.display()));
    let tables = numbered(&tree.join("tables")).map_err(|error| failed(&error))?;
    let mail = numbered(&tree.join("blobs")).map_err(|error| failed(&error))?;
    let sizes = mail.iter().map(|(number, path)| Ok((*number, fs::metadata(path)?.len())));
    let sizes = sizes.collect::<io::Result<MailFiles>>().map_err(|error| failed(&error))?;
    let mut merging = Merging { queue: BinaryHeap::new(), lost: 0, compression: CompressionType::None, sizes };
    for (at, (_, path)) in tables.iter().enumerate() {
        let items = Items::of(path, &scratch.with_extension(format!("part{at}")))?;
        merging.lost += items.lost;
        if items.compression != CompressionType::None {
            merging.compression = items.compression;
        }
        merging.advance(items)?;
    }
    let first = tables.last().map_or(0, |(number, _)| number + 1);
    let made = merging.write(&tree.join("tables"), first)?;
    let sum = |(number, path): &(u64, PathBuf)| Ok(Made { number: *number, sum: xxh3_128(&fs::read(path)?) });
    let mail = mail.iter().map(sum).collect::<io::Result<Vec<Made>>>().map_err(|error| failed(&error))?;
    let remade = Remade { tables: tables.len(), lost: merging.lost };
    manifest::write(tree, &made, &mail, has_mail).map_err(|error| failed(&error))?;
    Ok(remade)
}

/// The files of a directory whose names are numbers, ascending.
fn numbered(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    if directory.is_dir() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let number = path.file_name().and_then(|name| name.to_str()?.parse().ok());
            found.extend(number.map(|number| (number, path)));
        }
    }
    found.sort();
    Ok(found)
}

/// The next item of a table, and what is behind it.
struct Head {
    item: InternalValue,
    rest: Items,
}

impl Head {
    /// By key, and of one key the newest first.
    fn order(&self) -> (&[u8], Reverse<SeqNo>) {
        (&self.item.key.user_key, Reverse(self.item.key.seqno))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Head) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Head) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

struct Merging {
    queue: BinaryHeap<Reverse<Head>>,
    lost: usize,
    compression: CompressionType,
    sizes: MailFiles,
}

impl Merging {
    /// Puts a table back by its next item that leads somewhere.
    fn advance(&mut self, mut rest: Items) -> Result<(), StoreError> {
        while let Some(item) = rest.next_item()? {
            if self.is_there(&item) {
                self.queue.push(Reverse(Head { item, rest }));
                break;
            }
        }
        Ok(())
    }

    fn is_there(&self, item: &InternalValue) -> bool {
        match Place::of(item) {
            Ok(None) => true,
            Ok(Some(place)) => {
                self.sizes.get(&place.file).is_some_and(|size| place.at.saturating_add(place.stored) <= *size)
            }
            Err(_) => false,
        }
    }

    /// Writes the newest value of each key to tables of these numbers.
    fn write(&mut self, directory: &Path, first: u64) -> Result<Vec<Made>, StoreError> {
        let (mut made, mut number, mut last) = (Vec::new(), first, None);
        let mut writing: Option<Merged> = None;
        while let Some(Reverse(Head { item, rest })) = self.queue.pop() {
            if last.as_ref() != Some(&item.key.user_key) {
                last = Some(item.key.user_key.clone());
                let path = directory.join(number.to_string());
                let writer = match &mut writing {
                    Some(writer) => writer,
                    None => writing.insert(Merged::start(path, number, self.compression)?),
                };
                writer.item(item)?;
                if writer.octets >= TABLE_BYTES {
                    made.extend(writing.take().map(Merged::finish).transpose()?);
                    number += 1;
                }
            }
            self.advance(rest)?;
        }
        made.extend(writing.map(Merged::finish).transpose()?);
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use lsm_tree::ValueType;

    use super::*;
    use crate::types::seven_bits;

    fn table(tree: &Path, number: u64, items: &[(&str, SeqNo, ValueType, &[u8])]) {
        let path = tree.join("tables").join(number.to_string());
        let mut made = Merged::start(path, number, CompressionType::None).unwrap();
        for (key, seqno, kind, value) in items {
            made.item(InternalValue::from_components(*key, *value, *seqno, *kind)).unwrap();
        }
        made.finish().unwrap();
    }

    fn place(file: u64, at: u64) -> Vec<u8> {
        let mut out = Vec::new();
        [at, file, 10, 10].iter().for_each(|n| seven_bits::put(&mut out, *n));
        out
    }

    /// What a merged tree has: key, number and kind.
    fn merged(tree: &Path, has_mail: bool) -> Vec<(String, SeqNo, u8)> {
        remake(tree, has_mail, &tree.join("scratch")).unwrap();
        let list = manifest::read(tree).unwrap().unwrap();
        let mut found = Vec::new();
        for listed in list.tables {
            let path = tree.join("tables").join(listed.number.to_string());
            assert!(listed.is(&path).unwrap());
            let mut items = Items::of(&path, &tree.join("scratch")).unwrap();
            while let Some(item) = items.next_item().unwrap() {
                let key = String::from_utf8(item.key.user_key.to_vec()).unwrap();
                found.push((key, item.key.seqno, u8::from(item.key.value_type)));
            }
        }
        assert!(!tree.join("scratch.part0").exists() && !tree.join("scratch").exists());
        found
    }

    #[test]
    fn the_newest_of_each_key_wins_wherever_it_stands() {
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path();
        fs::create_dir_all(tree.join("tables")).unwrap();
        let (value, gone) = (ValueType::Value, ValueType::Tombstone);
        table(
            tree,
            2,
            &[("a", 9, value, b"new"), ("b", 9, gone, b""), ("c", 3, value, b"old"), ("c", 2, value, b"")],
        );
        table(
            tree,
            7,
            &[("a", 4, value, b"old"), ("b", 5, value, b"old"), ("c", 8, value, b"new"), ("d", 1, value, b"")],
        );
        let wanted = [("a", 9, 0), ("b", 9, 1), ("c", 8, 0), ("d", 1, 0)];
        let wanted = wanted.map(|(key, seqno, kind)| (key.to_string(), seqno, kind));
        assert_eq!(merged(tree, false), wanted);
        // Once more: what was cut short begins again.
        assert_eq!(merged(tree, false), wanted);
    }

    #[test]
    fn a_place_in_a_file_that_is_gone_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path();
        fs::create_dir_all(tree.join("tables")).unwrap();
        fs::create_dir_all(tree.join("blobs")).unwrap();
        fs::write(tree.join("blobs/3"), [0; 100]).unwrap();
        let kind = ValueType::Indirection;
        table(tree, 1, &[("a", 9, kind, &place(4, 0)), ("b", 9, kind, &place(3, 95)), ("c", 9, kind, &place(3, 50))]);
        table(tree, 2, &[("a", 3, kind, &place(3, 0))]);
        assert_eq!(merged(tree, true), [("a".to_string(), 3, 4), ("c".to_string(), 9, 4)]);
    }

    #[test]
    fn a_tree_without_tables_is_empty() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("tables")).unwrap();
        assert_eq!(merged(directory.path(), false), []);
    }
}

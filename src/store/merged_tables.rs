//! Tables of fjall's as they are merged: the items of those that are there, and what is made of them. `table_file` says what a
//! table is.

use std::fs;
use std::path::{Path, PathBuf};

use lsm_tree::table::{Scanner, Writer};
use lsm_tree::{CompressionType, InternalValue};
use xxhash_rust::xxh3::xxh3_128;

use super::archive;
use super::error::StoreError;
use super::manifest::Made;
use super::table_file::{Blocks, Links, Place};
use super::tables::unbroken;

/// The items of a table that can be read, in the order of their keys.
pub(super) struct Items {
    /// Files with good blocks, and how many each has; the next one last.
    runs: Vec<(PathBuf, usize)>,
    scanner: Option<Scanner>,
    /// Files that go with this: of the good parts of a table that is not whole.
    parts: Vec<PathBuf>,
    /// Parts that cannot be read.
    pub(super) lost: usize,
    pub(super) compression: CompressionType,
}

impl Items {
    /// Of a table that has several good parts a file is made of each, by the name of `part`.
    pub(super) fn of(path: &Path, part: &Path) -> Result<Items, StoreError> {
        let octets = fs::read(path).map_err(|error| failed(path, &error))?;
        let sections = archive::sections(path).map_err(|error| failed(path, &error))?.unwrap_or_default();
        let blocks = Blocks::of(&octets, &sections);
        let compression = if blocks.are_compressed { CompressionType::Lz4 } else { CompressionType::None };
        let lost = blocks.runs.len().saturating_sub(1)
            + usize::from(blocks.lost_before)
            + usize::from(blocks.lost_behind || blocks.runs.is_empty());
        let mut items = Items { runs: Vec::new(), scanner: None, parts: Vec::new(), lost, compression };
        match (&blocks.blocks[..], lost) {
            ([count], 0) => items.runs.push((path.to_path_buf(), *count)),
            _ => {
                for (at, (run, count)) in blocks.runs.iter().zip(&blocks.blocks).enumerate().rev() {
                    let mut part = part.as_os_str().to_os_string();
                    part.push(format!(".{at}"));
                    let part = PathBuf::from(part);
                    fs::write(&part, run).map_err(|error| failed(&part, &error))?;
                    items.parts.push(part.clone());
                    items.runs.push((part, *count));
                }
            }
        }
        Ok(items)
    }

    pub(super) fn next_item(&mut self) -> Result<Option<InternalValue>, StoreError> {
        loop {
            let next = self.scanner.as_mut().map(|scanner| unbroken(|| Ok(scanner.next())));
            if let Some(item) = next.transpose()?.flatten() {
                return item.map(Some).map_err(|error| StoreError::Engine(error.to_string()));
            }
            let Some((path, count)) = self.runs.pop() else { return Ok(None) };
            let opened = unbroken(|| Ok(Scanner::new(&path, count, self.compression, 0)))?;
            self.scanner = Some(opened.map_err(|error| failed(&path, &error))?);
        }
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        for part in &self.parts {
            // What is left only takes room.
            let _ = fs::remove_file(part);
        }
    }
}

/// A table that is made of the items of others.
pub(super) struct Merged {
    path: PathBuf,
    number: u64,
    writer: Writer,
    links: Links,
    pub(super) octets: usize,
}

impl Merged {
    pub(super) fn start(path: PathBuf, number: u64, compression: CompressionType) -> Result<Merged, StoreError> {
        let writer = Writer::new(path.clone(), number, 0).map_err(|error| failed(&path, &error))?;
        let writer = writer.use_data_block_compression(compression);
        Ok(Merged { path, number, writer, links: Links::default(), octets: 0 })
    }

    pub(super) fn item(&mut self, item: InternalValue) -> Result<(), StoreError> {
        if let Some(place) = Place::of(&item).map_err(|error| failed(&self.path, &error))? {
            self.links.count(&place);
        }
        self.octets += item.key.user_key.len() + item.value.len();
        self.writer.write(item).map_err(|error| failed(&self.path, &error))
    }

    pub(super) fn finish(mut self) -> Result<Made, StoreError> {
        for (file, (count, octets, stored)) in self.links.0 {
            self.writer.link_blob_file(file, count, octets, stored);
        }
        self.writer.finish().map_err(|error| failed(&self.path, &error))?;
        let octets = fs::read(&self.path).map_err(|error| failed(&self.path, &error))?;
        Ok(Made { number: self.number, sum: xxh3_128(&octets) })
    }
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Engine(format!("{}: {error}", path.display()))
}

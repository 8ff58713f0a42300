//! A table of fjall's, from outside, and how it is made anew out of its blocks that are good.
//!
//! A table begins with blocks of data, in the order of their keys; behind them stands what can be made again: their index, a
//! filter, properties. A block that is lost takes with it what stood between the last key before it and the first one behind it:
//! values, and also that something had been deleted, so that what older tables say of those keys is believed again.

use std::fs;
use std::io;
use std::path::Path;

use lsm_tree::table::{Block, DataBlock, Scanner, Writer};
use lsm_tree::{CompressionType, InternalValue, SeqNo};
use xxhash_rust::xxh3::xxh3_128;

use super::archive;
use super::blocks::Head;
use super::error::StoreError;
use super::mail_file::Rotten;
use super::tables::unbroken;
use crate::types::seven_bits;

/// Keys above the one and below the other; empty where it has no bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) above: Vec<u8>,
    pub(super) below: Vec<u8>,
}

impl Lost {
    pub(super) fn has(&self, key: &[u8]) -> bool {
        key > &self.above[..] && (self.below.is_empty() || key < &self.below[..])
    }
}

/// Finds again what was lost, in another place.
pub(super) type Find<'a> = &'a dyn Fn(&Lost) -> Vec<InternalValue>;

pub(super) struct Rebuilt {
    /// XXH3 of the new file.
    pub(super) sum: u128,
    pub(super) lost: Vec<Lost>,
    /// Values that were left out, as they have rotted.
    pub(super) rotten: usize,
}

/// What is found for what is lost, and what is not to be found any more.
pub(super) struct Mail<'a> {
    pub(super) find: Find<'a>,
    pub(super) rotten: &'a Rotten,
}

/// Good blocks that follow each other, and whether something is lost before and behind them.
#[derive(Default)]
pub(super) struct Blocks {
    pub(super) runs: Vec<Vec<u8>>,
    pub(super) blocks: Vec<usize>,
    pub(super) lost_before: bool,
    pub(super) lost_behind: bool,
    pub(super) are_compressed: bool,
}

/// Writes the table `number`, as far as it can be read, to `to`. `None` where nothing can.
pub(super) fn rebuild(path: &Path, number: u64, to: &Path, mail: &Mail<'_>) -> Result<Option<Rebuilt>, StoreError> {
    let failed = |error: &dyn std::fmt::Display| StoreError::Engine(format!("{}: {error}", path.display()));
    let octets = fs::read(path).map_err(|error| failed(&error))?;
    let sections = archive::sections(path).map_err(|error| failed(&error))?.unwrap_or_default();
    let blocks = Blocks::of(&octets, &sections);
    let bounds = bounds(&octets, &sections);
    if blocks.runs.is_empty() && bounds.first_key.is_empty() {
        return Ok(None);
    }
    let (lost, rotten) = unbroken(|| write(&blocks, number, to, bounds, mail).map_err(|error| failed(&error)))?;
    let sum = xxh3_128(&fs::read(to).map_err(|error| failed(&error))?);
    Ok(Some(Rebuilt { sum, lost, rotten }))
}

impl Blocks {
    /// Of a table, and where its sections are.
    pub(super) fn of(octets: &[u8], sections: &[archive::Section]) -> Blocks {
        let end = sections.iter().find(|section| section.name == b"data").map(|section| section.octets as usize);
        good_blocks(&octets[..end.unwrap_or(octets.len()).min(octets.len())], end.is_some())
    }
}

fn good_blocks(data: &[u8], is_whole: bool) -> Blocks {
    let mut found = Blocks::default();
    let (mut at, mut lost) = (0, false);
    while at < data.len() {
        let rest = &data[at..];
        match Head::read(rest) {
            Some(head) if head.kind != Head::DATA => {
                found.lost_behind = lost;
                return found;
            }
            Some(head) if head.is_of(rest) => {
                found.are_compressed |= head.is_compressed();
                if found.runs.is_empty() || lost {
                    found.lost_before |= found.runs.is_empty() && lost;
                    found.runs.push(Vec::new());
                    found.blocks.push(0);
                }
                if let (Some(run), Some(blocks)) = (found.runs.last_mut(), found.blocks.last_mut()) {
                    run.extend(&rest[..head.length()]);
                    *blocks += 1;
                }
                (at, lost) = (at + head.length(), false);
            }
            Some(head) => (at, lost) = (at + head.length(), true),
            None => {
                lost = true;
                let more = memchr::memmem::find_iter(&rest[1..], b"LSM\x03").map(|next| at + 1 + next);
                match more.into_iter().find(|next| Head::read(&data[*next..]).is_some()) {
                    Some(next) => at = next,
                    None => break,
                }
            }
        }
    }
    // Without a list of sections the blocks of data ought to have ended before.
    found.lost_behind = lost || !is_whole;
    found
}

/// What a table says of all that it has, where that can be read.
#[derive(Default)]
struct Bounds {
    first_key: Vec<u8>,
    last_key: Vec<u8>,
    newest: Option<SeqNo>,
}

fn bounds(octets: &[u8], sections: &[archive::Section]) -> Bounds {
    let read = || {
        let section = sections.iter().find(|section| section.name == b"meta")?;
        let block = octets.get(section.at as usize..(section.at + section.octets) as usize)?;
        Head::read(block).filter(|head| head.is_of(block))?;
        let block = DataBlock::new(Block::from_reader(&mut &block[..], CompressionType::None).ok()?);
        let property = |name: &[u8]| block.point_read(name, SeqNo::MAX).map(|item| item.value.to_vec());
        let newest = property(b"seqno#max").and_then(|octets| Some(SeqNo::from_le_bytes(octets.try_into().ok()?)));
        Some(Bounds { first_key: property(b"key#min")?, last_key: property(b"key#max")?, newest })
    };
    unbroken(|| Ok(read())).ok().flatten().unwrap_or_default()
}

fn write(
    blocks: &Blocks,
    number: u64,
    to: &Path,
    bounds: Bounds,
    mail: &Mail<'_>,
) -> lsm_tree::Result<(Vec<Lost>, usize)> {
    let compression = if blocks.are_compressed { CompressionType::Lz4 } else { CompressionType::None };
    let writer = Writer::new(to.to_path_buf(), number, 0)?.use_data_block_compression(compression);
    let newest = match bounds.newest {
        Some(newest) => newest,
        None => newest_of(blocks, to, compression)?,
    };
    let (links, lost, rotten) = (Links::default(), Vec::new(), Vec::new());
    let mut writing = Writing { writer, links, lost, rotten, mail, newest, is_empty: true };
    if blocks.runs.is_empty() {
        // A table is not without keys: this one is nobody's, and deleted.
        let key = above(bounds.first_key.clone());
        writing.gap(Lost { above: below(bounds.first_key), below: above(bounds.last_key) })?;
        if writing.is_empty && writing.rotten.is_empty() {
            writing.item(InternalValue::new_tombstone(key, 0))?;
        }
        return writing.finish();
    }
    let mut last = blocks.lost_before.then(|| below(bounds.first_key));
    for (run, count) in blocks.runs.iter().zip(&blocks.blocks) {
        let part = to.with_extension("part");
        fs::write(&part, run)?;
        let mut is_first = true;
        for item in Scanner::new(&part, *count, compression, 0)? {
            let item = item?;
            let key = item.key.user_key.to_vec();
            if let Some(above) = last.take().filter(|_| is_first) {
                writing.gap(Lost { above, below: key.clone() })?;
            }
            (is_first, last) = (false, Some(key));
            writing.item(item)?;
        }
        fs::remove_file(&part)?;
    }
    if blocks.lost_behind {
        writing.gap(Lost { above: last.unwrap_or_default(), below: above(bounds.last_key) })?;
    }
    writing.finish()
}

/// The newest of what can be read of a table.
fn newest_of(blocks: &Blocks, to: &Path, compression: CompressionType) -> lsm_tree::Result<SeqNo> {
    let (part, mut newest) = (to.with_extension("part"), 0);
    for (run, count) in blocks.runs.iter().zip(&blocks.blocks) {
        fs::write(&part, run)?;
        for item in Scanner::new(&part, *count, compression, 0)? {
            newest = newest.max(item?.key.seqno);
        }
        fs::remove_file(&part)?;
    }
    Ok(newest)
}

struct Writing<'a> {
    writer: Writer,
    links: Links,
    lost: Vec<Lost>,
    /// Keys of what was left out.
    rotten: Vec<Vec<u8>>,
    mail: &'a Mail<'a>,
    /// Nothing of the table is newer.
    newest: SeqNo,
    is_empty: bool,
}

impl Writing<'_> {
    fn item(&mut self, item: InternalValue) -> lsm_tree::Result<()> {
        if let Some(place) = Place::of(&item)? {
            if self.mail.rotten.has(place.file, place.at) {
                self.rotten.push(item.key.user_key.to_vec());
                return Ok(());
            }
            self.links.count(&place);
        }
        self.is_empty = false;
        self.writer.write(item)
    }

    fn gap(&mut self, lost: Lost) -> lsm_tree::Result<()> {
        let mut found = (self.mail.find)(&lost);
        // No checksum covers what a file of mail says of it; one too large would be the number of all that is written later.
        found.iter_mut().for_each(|item| item.key.seqno = item.key.seqno.min(self.newest));
        found.sort_by(|a, b| (&a.key.user_key, b.key.seqno).cmp(&(&b.key.user_key, a.key.seqno)));
        // A value may have been moved from one file to another under the same number.
        found.dedup_by(|a, b| (&a.key.user_key, a.key.seqno) == (&b.key.user_key, b.key.seqno));
        found.into_iter().try_for_each(|item| self.item(item))?;
        self.lost.push(lost);
        Ok(())
    }

    fn finish(mut self) -> lsm_tree::Result<(Vec<Lost>, usize)> {
        if let (true, Some(key)) = (self.is_empty, self.rotten.last()) {
            self.writer.write(InternalValue::new_tombstone(key.clone(), 0))?;
        }
        for (file, (count, octets, stored)) in self.links.0 {
            self.writer.link_blob_file(file, count, octets, stored);
        }
        self.writer.finish()?;
        Ok((self.lost, self.rotten.len()))
    }
}

/// A key below all that are not below `key`, or none.
fn below(mut key: Vec<u8>) -> Vec<u8> {
    match key.pop() {
        Some(last) if last > 0 => key.extend([last - 1, 0xff]),
        _ => {}
    }
    key
}

/// The next key, or none.
fn above(mut key: Vec<u8>) -> Vec<u8> {
    if !key.is_empty() {
        key.push(0);
    }
    key
}

/// For each file of mail that a table refers to: values, their octets, and those as stored.
#[derive(Default)]
pub(super) struct Links(pub(super) std::collections::BTreeMap<u64, (usize, u64, u64)>);

impl Links {
    pub(super) fn count(&mut self, place: &Place) {
        let of_file = self.0.entry(place.file).or_default();
        *of_file = (of_file.0 + 1, of_file.1 + place.octets, of_file.2 + place.stored);
    }
}

/// Where a value stands that stands elsewhere.
pub(super) struct Place {
    pub(super) at: u64,
    pub(super) file: u64,
    pub(super) stored: u64,
    octets: u64,
}

impl Place {
    pub(super) fn of(item: &InternalValue) -> io::Result<Option<Place>> {
        if u8::from(item.key.value_type) != 4 {
            return Ok(None);
        }
        let mut rest = &item.value[..];
        let wrong = || io::Error::other("the place of a value cannot be read");
        let mut number = || seven_bits::take(&mut rest).ok_or_else(wrong);
        Ok(Some(Place { at: number()?, file: number()?, stored: number()?, octets: number()? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_widened_by_no_more_than_a_key() {
        assert_eq!(below(b"ab".to_vec()), b"aa\xff");
        assert_eq!(below(vec![b'a', 0]), b"a");
        assert_eq!(above(b"ab".to_vec()), b"ab\0");
        assert_eq!((below(Vec::new()), above(Vec::new())), (Vec::new(), Vec::new()));
    }
}

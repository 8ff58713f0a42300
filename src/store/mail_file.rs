//! A file of mail of fjall's, from outside: octets of messages one behind the other, and what is said of them at its end.
//!
//! A value is `BLOB`, u128 XXH3 of its key and of its octets as stored, u64 sequence number, u16 octets of its key, u32 octets, u32 octets
//! as stored, key, octets. Behind them stands `META` and a block of the file's properties. Numbers are little-endian.
//!
//! Who reads mail is told its place by a table: what stands where it stood is found, whatever is made anew behind it.
//!
//! fjall moves what is left of a file when much of it has gone, and reads all of it for that: one octet that has rotted ends its
//! thread, and with it all writing, though the message be long expunged. What has rotted is given up: no table leads there any
//! more, and a value of no key that is as long takes its place.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use lsm_tree::coding::Encode;
use lsm_tree::table::block::BlockType;
use lsm_tree::table::{Block, DataBlock};
use lsm_tree::{CompressionType, InternalValue, ValueType};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::archive::{self, Cursor, Section};
use super::blocks;
use super::error::StoreError;
use super::table_file::Lost;
use crate::types::seven_bits;

const HEAD_BYTES: usize = 38;

/// So much garbage there never is: a file of which something is lost is not deleted for having no more than garbage.
const UNKNOWN_BYTES: u64 = 1 << 48;

/// What is said of the mail in a file; `None` where it is not what was written.
pub(super) fn metadata(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let Some(sections) = archive::sections(path)? else { return Ok(None) };
    let Some(section) = sections.iter().find(|section| section.name == b"meta") else { return Ok(None) };
    let mut octets = vec![0; section.octets as usize];
    std::os::unix::fs::FileExt::read_exact_at(&fs::File::open(path)?, &mut octets, section.at)?;
    Ok(octets.strip_prefix(b"META").is_some_and(blocks::all_good).then_some(octets))
}

/// What the values of a file are, as far as they can be read.
#[derive(Default)]
struct Values {
    /// Where they end.
    end: usize,
    count: u64,
    octets: u64,
    stored: u64,
    first: Vec<u8>,
    last: Vec<u8>,
    are_compressed: bool,
    /// What cannot be read among them.
    rotten: Vec<Range<usize>>,
    /// There may have been more behind them.
    are_cut: bool,
}

/// Where values have rotted, by the number of their file.
#[derive(Default)]
pub(super) struct Rotten(BTreeMap<u64, Vec<Range<u64>>>);

impl Rotten {
    /// Looks through a file.
    pub(super) fn find(&mut self, path: &Path, number: u64) -> io::Result<()> {
        let file = fs::read(path)?;
        let values = values(&file, said(path));
        let mut rotten: Vec<Range<u64>> = values.rotten.iter().map(|of| of.start as u64..of.end as u64).collect();
        if values.are_cut {
            rotten.push(values.end as u64..u64::MAX);
        }
        if !rotten.is_empty() {
            self.0.insert(number, rotten);
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a value of this file, at this place, cannot be read.
    pub(super) fn has(&self, number: u64, at: u64) -> bool {
        self.0.get(&number).is_some_and(|rotten| rotten.iter().any(|of| of.contains(&at)))
    }

    /// How many places of a file.
    pub(super) fn count(&self, number: u64) -> usize {
        self.0.get(&number).map_or(0, Vec::len)
    }
}

/// Octets of the values of a file, by its list of sections.
fn said(path: &Path) -> Option<usize> {
    let sections = archive::sections(path).ok().flatten()?;
    sections.iter().find(|section| section.name == b"data").map(|section| section.octets as usize)
}

/// The octets of the file, with its end made anew, and without what has rotted; `None` where no mail can be found in it.
pub(super) fn mended(path: &Path, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let mut file = fs::read(path).map_err(|error| StoreError::Engine(format!("{}: {error}", path.display())))?;
    let values = values(&file, said(path));
    if values.count == 0 && good_metadata(&file[values.end..]).is_none() {
        return Ok(None);
    }
    values.rotten.iter().for_each(|rotten| give_up(&mut file[rotten.clone()]));
    let meta = match good_metadata(&file[values.end..]) {
        Some(meta) => meta.to_vec(),
        None => properties(&values, number).map_err(|error| StoreError::Engine(error.to_string()))?,
    };
    file.truncate(values.end);
    file.extend(&meta);
    let at = values.end as u64;
    let section = |name: &[u8], at, octets| Section { name: name.to_vec(), at, octets };
    let sections = [section(b"data", 0, at), section(b"meta", at, meta.len() as u64)];
    let ending = archive::ending(&sections, file.len() as u64);
    file.extend(ending);
    Ok(Some(file))
}

/// Puts one value in the place of what cannot be read. No table leads to it, and its key is below all keys.
fn give_up(octets: &mut [u8]) {
    // No value was shorter.
    let Some((head, value)) = octets.split_at_mut_checked(HEAD_BYTES) else { return };
    value.fill(0);
    let length = (value.len() as u32).to_le_bytes();
    let sum = xxh3_128(value).to_le_bytes();
    head.copy_from_slice(&[&b"BLOB"[..], &sum, &[0; 8], &[0; 2], &length, &length].concat());
}

/// Where the values of a file stand whose keys are among those that are lost: what a table says of each.
pub(super) fn places(path: &Path, number: u64, lost: &Lost) -> Vec<InternalValue> {
    let Ok(file) = fs::read(path) else { return Vec::new() };
    let (mut found, mut at) = (Vec::new(), 0);
    while at < file.len() {
        let Some((key, octets, stored)) = value(&file[at..]) else {
            match next_value(&file, at) {
                Some(next) => at = next,
                None => break,
            }
            continue;
        };
        if lost.has(key) {
            let mut place = Vec::new();
            [at as u64, number, stored as u64, octets as u64].iter().for_each(|n| seven_bits::put(&mut place, *n));
            let seqno = Cursor(&file[at + 20..]).u64().unwrap_or_default();
            found.push(InternalValue::from_components(key, place, seqno, ValueType::Indirection));
        }
        at += HEAD_BYTES + key.len() + stored;
    }
    found
}

/// Where the next value begins behind `at`.
fn next_value(file: &[u8], at: usize) -> Option<usize> {
    let more = memchr::memmem::find_iter(&file[at + 1..], b"BLOB").map(|next| at + 1 + next);
    more.into_iter().find(|next| value(&file[*next..]).is_some())
}

fn values(file: &[u8], said: Option<usize>) -> Values {
    let mut values = Values::default();
    let mut at = 0;
    while said.is_none_or(|said| at < said) && at < file.len() {
        match value(&file[at..]) {
            Some((key, octets, stored)) => {
                if values.count == 0 {
                    values.first = key.to_vec();
                }
                values.last = key.to_vec();
                values.count += 1;
                values.octets += octets as u64;
                values.stored += stored as u64;
                values.are_compressed |= octets != stored;
                at += HEAD_BYTES + key.len() + stored;
                values.end = at;
            }
            None if good_metadata(&file[at..]).is_some() => break,
            None => match next_value(file, at) {
                Some(next) => {
                    values.rotten.push(at..next);
                    at = next;
                }
                None => {
                    values.are_cut = true;
                    break;
                }
            },
        }
    }
    values.end = said.unwrap_or(values.end).min(file.len());
    values.rotten.push(at.min(values.end)..values.end);
    values.rotten.retain(|rotten| !rotten.is_empty());
    values
}

/// Key, octets, and octets as stored, of the value that stands here.
fn value(octets: &[u8]) -> Option<(&[u8], usize, usize)> {
    let mut cursor = Cursor(octets);
    cursor.take(4).filter(|magic| magic == b"BLOB")?;
    let sum = cursor.u128()?;
    cursor.u64()?;
    let (key, octets, stored) = (cursor.u16()?, cursor.u32()? as usize, cursor.u32()? as usize);
    let key = cursor.take(key.into())?;
    let value = cursor.take(stored)?;
    let mut hash = Xxh3::new();
    hash.update(key);
    hash.update(value);
    (hash.digest128() == sum).then_some((key, octets, stored))
}

fn good_metadata(octets: &[u8]) -> Option<&[u8]> {
    let block = octets.strip_prefix(b"META")?;
    let head = blocks::Head::read(block).filter(|head| head.is_of(block))?;
    octets.get(..4 + head.length())
}

/// What fjall says of a file of mail.
fn properties(values: &Values, number: u64) -> lsm_tree::Result<Vec<u8>> {
    let compression = if values.are_compressed { CompressionType::Lz4 } else { CompressionType::None };
    let octets = values.octets + if values.rotten.is_empty() && !values.are_cut { 0 } else { UNKNOWN_BYTES };
    let property = |name: &str, value: &[u8]| InternalValue::from_components(name, value, 0, ValueType::Value);
    let items = [
        property("blob_file_version", &[3]),
        property("checksum_type", &[0]),
        property("compression", &compression.encode_into_vec()),
        property("crate_version", b""),
        property("created_at", &0u128.to_le_bytes()),
        property("file_size", &values.stored.to_le_bytes()),
        property("id", &number.to_le_bytes()),
        property("item_count", &values.count.to_le_bytes()),
        property("key#max", &values.last),
        property("key#min", &values.first),
        property("uncompressed_size", &octets.to_le_bytes()),
    ];
    let mut meta = b"META".to_vec();
    Block::write_into(
        &mut meta,
        &DataBlock::encode_into_vec(&items, 1, 0.0)?,
        BlockType::Meta,
        CompressionType::None,
    )?;
    Ok(meta)
}

//! A file of mail of fjall's, from outside: octets of messages one behind the other, and what is said of them at its end.
//!
//! A value is `BLOB`, u128 XXH3 of its key and of its octets as stored, u64 sequence number, u16 octets of its key, u32 octets, u32 octets
//! as stored, key, octets. Behind them stands `META` and a block of the file's properties. Numbers are little-endian.
//!
//! Who reads mail is told its place by a table: what stands where it stood is found, whatever is made anew behind it.

use std::fs;
use std::io;
use std::path::Path;

use lsm_tree::coding::Encode;
use lsm_tree::table::block::BlockType;
use lsm_tree::table::{Block, DataBlock};
use lsm_tree::{CompressionType, InternalValue, ValueType};
use xxhash_rust::xxh3::Xxh3;

use super::archive::{self, Cursor, Section};
use super::blocks;
use super::error::StoreError;
use super::table_file::Lost;

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
    are_all: bool,
}

/// The octets of the file, with its end made anew; `None` where no mail can be found in it.
pub(super) fn mended(path: &Path, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let mut file = fs::read(path).map_err(|error| StoreError::Engine(format!("{}: {error}", path.display())))?;
    let said = archive::sections(path).ok().flatten().unwrap_or_default();
    let said = said.iter().find(|section| section.name == b"data").map(|section| section.octets as usize);
    let values = values(&file, said);
    if values.count == 0 {
        return Ok(None);
    }
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
            let place =
                [at as u64, number, stored as u64, octets as u64].into_iter().flat_map(varint).collect::<Vec<u8>>();
            let seqno = Cursor(&file[at + 20..]).u64().unwrap_or_default();
            found.push(InternalValue::from_components(key, place, seqno, ValueType::Indirection));
        }
        at += HEAD_BYTES + key.len() + stored;
    }
    found
}

/// Seven bits an octet, the lowest first.
fn varint(mut number: u64) -> Vec<u8> {
    let mut octets = Vec::new();
    while number > 0x7f {
        octets.push(number as u8 | 0x80);
        number >>= 7;
    }
    octets.push(number as u8);
    octets
}

/// Where the next value begins behind `at`.
fn next_value(file: &[u8], at: usize) -> Option<usize> {
    let more = memchr::memmem::find_iter(&file[at + 1..], b"BLOB").map(|next| at + 1 + next);
    more.into_iter().find(|next| value(&file[*next..]).is_some())
}

fn values(file: &[u8], said: Option<usize>) -> Values {
    let mut values = Values { are_all: true, ..Values::default() };
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
            None => {
                values.are_all = false;
                match next_value(file, at) {
                    Some(next) => at = next,
                    None => break,
                }
            }
        }
    }
    values.end = said.unwrap_or(values.end).min(file.len());
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
    let octets = values.octets + if values.are_all { 0 } else { UNKNOWN_BYTES };
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

//! What fjall keeps lists, tables and files of mail in, from outside: sections of octets, and what tells where each is.
//!
//! Behind the sections stands a table of contents: `TOC!`, u32 sections, for each u64 its place, u64 its octets, u16 octets
//! of its name, its name. Then 38 octets: `SFA!`, 1, 0, u128 XXH3 of the table of contents, u64 its place, u64 its
//! octets. Numbers are little-endian.
//!
//! fjall takes the number of sections for true before it compares the checksum, and a wrong one ends the process: so each
//! is looked at here before.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

const END_BYTES: u64 = 38;

/// More than the contents of any file take.
const CONTENTS_BYTES_MAX: u64 = 1 << 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: Vec<u8>,
    pub(super) at: u64,
    pub(super) octets: u64,
}

/// The sections of a file; `None` where what tells them is not what was written.
pub(super) fn sections(path: &Path) -> io::Result<Option<Vec<Section>>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let Some(contents_end) = length.checked_sub(END_BYTES) else { return Ok(None) };
    let mut end = [0; END_BYTES as usize];
    file.read_exact_at(&mut end, contents_end)?;
    let mut cursor = Cursor(&end);
    let (Some(b"SFA!\x01\x00"), Some(sum), Some(at)) = (cursor.take(6), cursor.u128(), cursor.u64()) else {
        return Ok(None);
    };
    let Some(octets) = contents_end.checked_sub(at).filter(|octets| *octets <= CONTENTS_BYTES_MAX) else {
        return Ok(None);
    };
    let mut contents = vec![0; octets as usize];
    file.read_exact_at(&mut contents, at)?;
    Ok(if xxh3_128(&contents) == sum { parse(&contents, at) } else { None })
}

fn parse(contents: &[u8], end: u64) -> Option<Vec<Section>> {
    let mut cursor = Cursor(contents);
    cursor.take(4).filter(|magic| magic == b"TOC!")?;
    let section = |cursor: &mut Cursor<'_>| {
        let (at, octets, name) = (cursor.u64()?, cursor.u64()?, cursor.u16()?);
        let name = cursor.take(name.into())?.to_vec();
        at.checked_add(octets).filter(|to| *to <= end).map(|_| Section { name, at, octets })
    };
    (0..cursor.u32()?).map(|_| section(&mut cursor)).collect()
}

/// What stands behind sections that end at `at`.
pub(super) fn ending(sections: &[Section], at: u64) -> Vec<u8> {
    let mut contents = b"TOC!".to_vec();
    contents.extend((sections.len() as u32).to_le_bytes());
    for section in sections {
        contents.extend(section.at.to_le_bytes());
        contents.extend(section.octets.to_le_bytes());
        contents.extend((section.name.len() as u16).to_le_bytes());
        contents.extend(&section.name);
    }
    let (sum, octets) = (xxh3_128(&contents), contents.len() as u64);
    contents.extend(b"SFA!\x01\x00");
    contents.extend(sum.to_le_bytes());
    contents.extend(at.to_le_bytes());
    contents.extend(octets.to_le_bytes());
    contents
}

/// Reads little-endian numbers from the front; `None` when there is too little.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, octets: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(octets)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn u128(&mut self) -> Option<u128> {
        self.array().map(u128::from_le_bytes)
    }
}

//! A list of files is put right by the files themselves.
//!
//! Most of a list is entries, each the number of a file, u8 0 and the XXH3 of all of it, behind which an entry of a table has
//! u64 0: all of that is known where the file is there. An entry that is found by a part of its checksum is made whole. Nothing
//! here has to be certain, as the list's own checksum says whether it is the true one.

use std::fs;
use std::io;
use std::path::Path;

use memchr::memmem;
use xxhash_rust::xxh3::xxh3_128;

/// Octets of a checksum that must be as they should for an entry to be taken for that of a file.
const RIGHT_MIN: usize = 6;

/// Where the checksum stands in an entry.
const SUM: std::ops::Range<usize> = 9..25;

/// The entries of the files that a tree has.
pub(super) struct Entries(Vec<Vec<u8>>);

impl Entries {
    /// Reads all files.
    pub(super) fn of(tree: &Path) -> io::Result<Entries> {
        let mut found = Vec::new();
        for (folder, behind) in [("tables", &[0; 8][..]), ("blobs", &[])] {
            let folder = tree.join(folder);
            if !folder.is_dir() {
                continue;
            }
            for file in fs::read_dir(folder)? {
                let path = file?.path();
                let Some(number) = number(&path) else { continue };
                let sum = xxh3_128(&fs::read(&path)?).to_le_bytes();
                found.push([&number.to_le_bytes()[..], &[0], &sum, behind].concat());
            }
        }
        Ok(Entries(found))
    }

    /// Makes whole what is found of them in a list.
    pub(super) fn put_into(&self, list: &mut [u8]) {
        for entry in &self.0 {
            if let Some(at) = place(list, entry) {
                list[at..at + entry.len()].copy_from_slice(entry);
            }
        }
    }
}

fn number(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.parse().ok()
}

/// Where a list has an entry, by its checksum.
fn place(list: &[u8], entry: &[u8]) -> Option<usize> {
    let sum = &entry[SUM];
    if let Some(at) = memmem::find(list, sum) {
        return at.checked_sub(SUM.start).filter(|at| at + entry.len() <= list.len());
    }
    let right = |at: usize| list[at + SUM.start..at + SUM.end].iter().zip(sum).filter(|(a, b)| a == b).count();
    let last = list.len().checked_sub(entry.len())?;
    (0..=last).max_by_key(|at| right(*at)).filter(|at| right(*at) >= RIGHT_MIN)
}

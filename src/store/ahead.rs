//! Zeros ahead of what the journal is written to.
//!
//! fjall makes its journal long before it writes to it, but leaves it a hole: each sync then has the file system put down, in
//! its own journal and by another wait for the disk, where the octets have found their place. Where there are zeros already
//! a sync waits for the octets alone, which takes half the time.
//!
//! What is overwritten with zeros is read first and is zeros: nothing in the journal ever changes by it.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::journal;

/// Octets that are made ready at a time.
const AHEAD_BYTES: u64 = 1 << 20;
const BLOCK_BYTES: usize = 64 << 10;

/// What only the holder of the engine's writer lock touches: nothing is written to the journal meanwhile.
#[derive(Default)]
pub(super) struct Ahead {
    /// The journal, and up to where it has been made ready.
    journal: PathBuf,
    at: u64,
    left_bytes: u64,
}

impl Ahead {
    /// So many octets are about to be written to the journal in `directory`.
    pub(super) fn prepare(&mut self, directory: &Path, bytes: u64) {
        if bytes > AHEAD_BYTES {
            // Many octets find their place together. What is ready next is behind them.
            self.at = (self.at + bytes).saturating_sub(self.left_bytes) / BLOCK_BYTES as u64 * BLOCK_BYTES as u64;
            self.left_bytes = 0;
            return;
        }
        if bytes > self.left_bytes {
            self.left_bytes = AHEAD_BYTES;
            // A disk without room says so when the journal itself is written.
            self.extend(directory).unwrap_or_else(|error| log::debug!("zeros ahead of the journal: {error}"));
        }
        self.left_bytes -= bytes;
    }

    fn extend(&mut self, directory: &Path) -> io::Result<()> {
        let Some((_, path)) = journal::active(directory)? else { return Ok(()) };
        if path != self.journal {
            (self.journal, self.at) = (path, 0);
        }
        let file = OpenOptions::new().read(true).write(true).open(&self.journal)?;
        let (mut block, zeros) = (vec![0; BLOCK_BYTES], vec![0; BLOCK_BYTES]);
        let (end, mut wanted) = (file.metadata()?.len(), AHEAD_BYTES);
        while wanted > 0 && self.at + BLOCK_BYTES as u64 <= end {
            file.read_exact_at(&mut block, self.at)?;
            if block == zeros {
                file.write_all_at(&zeros, self.at)?;
                wanted -= BLOCK_BYTES as u64;
            }
            self.at += BLOCK_BYTES as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays_and_the_file_is_as_long_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("7.jnl");
        let mut octets = vec![0; 3 << 20];
        octets[..100_000].fill(1);
        octets[200_000] = 2;
        std::fs::write(&path, &octets).unwrap();
        let mut ahead = Ahead::default();
        for _ in 0..5 {
            ahead.prepare(directory.path(), AHEAD_BYTES);
            assert!(std::fs::read(&path).unwrap() == octets);
        }
        assert_eq!(ahead.at, 3 << 20);
        // Another journal has begun.
        std::fs::File::create(directory.path().join("10.jnl")).unwrap().set_len(8 << 20).unwrap();
        ahead.prepare(directory.path(), 1);
        assert_eq!((ahead.at, ahead.left_bytes), (1 << 20, AHEAD_BYTES - 1));
        ahead.prepare(directory.path(), 1);
        assert_eq!((ahead.at, ahead.left_bytes), (1 << 20, AHEAD_BYTES - 2));
        ahead.prepare(directory.path(), 3 << 20);
        assert_eq!((ahead.at, ahead.left_bytes), (3 << 20, 0));
        let blocks =
            std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(directory.path().join("10.jnl")).unwrap());
        assert!(blocks * 512 >= 1 << 20, "{blocks} blocks have their place");
    }
}

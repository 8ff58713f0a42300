//! How far a repair has come with the files of a store, all of which it reads.

use std::fs;
use std::io;
use std::path::Path;

use super::{journal, vetting};

/// Octets of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HaveRead {
    pub octets: u64,
    /// Of so many.
    pub of: u64,
}

/// Counts what has been read, and tells it.
pub(super) struct Reading<'a> {
    so_far: HaveRead,
    tell: &'a mut dyn FnMut(HaveRead),
}

impl<'a> Reading<'a> {
    /// Nothing yet, of the journals and the files of all trees.
    pub(super) fn start(directory: &Path, tell: &'a mut dyn FnMut(HaveRead)) -> io::Result<Reading<'a>> {
        let mut of = 0;
        for (_, journal) in journal::all(directory)? {
            of += fs::metadata(journal)?.len();
        }
        for (_, tree) in vetting::trees(directory)? {
            for folder in ["tables", "blobs"].map(|folder| tree.join(folder)).iter().filter(|path| path.is_dir()) {
                for file in fs::read_dir(folder)? {
                    of += file?.metadata()?.len();
                }
            }
        }
        let so_far = HaveRead { octets: 0, of };
        tell(so_far);
        Ok(Reading { so_far, tell })
    }

    /// A file, which may have grown since.
    pub(super) fn has_read(&mut self, file: &Path) {
        let octets = fs::metadata(file).map_or(0, |found| found.len());
        self.so_far.octets = (self.so_far.octets + octets).min(self.so_far.of);
        (self.tell)(self.so_far);
    }
}

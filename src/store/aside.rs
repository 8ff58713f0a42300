//! The directory `damaged`, where what is mended is kept as it was.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::journal::sync_directory;

const NAME: &str = "damaged";

/// That directory of a store.
pub(super) struct Aside<'a> {
    /// The store's.
    pub(super) directory: &'a Path,
}

impl Aside<'_> {
    /// A file as messages name it: where it is in the store.
    pub(super) fn place<'p>(&self, file: &'p Path) -> &'p Path {
        file.strip_prefix(self.directory).unwrap_or(file)
    }

    /// Keeps a copy of a damaged file; where that is.
    pub(super) fn keep(&self, file: &Path) -> io::Result<PathBuf> {
        let damaged = self.directory.join(NAME);
        fs::create_dir_all(&damaged)?;
        let name = self.place(file).to_string_lossy().replace('/', "-");
        let names = (0..).map(|number| damaged.join(format!("{name}.{number}")));
        let free = names.into_iter().find(|path| !path.exists()).unwrap_or_else(|| damaged.join(&name));
        if file.is_file() {
            fs::copy(file, &free)?;
            File::open(&free)?.sync_all()?;
            sync_directory(&damaged)?;
        }
        Ok(free)
    }

    /// Keeps a file, and puts what is in `new` in its place.
    pub(super) fn replace(&self, file: &Path, new: &[u8]) -> io::Result<()> {
        let made = self.keep(file)?.with_extension("new");
        let mut written = File::create(&made)?;
        written.write_all(new)?;
        written.sync_all()?;
        self.put(&made, file)
    }

    /// Puts what has been made in the place of a file that is kept.
    pub(super) fn put(&self, made: &Path, file: &Path) -> io::Result<()> {
        fs::rename(made, file)?;
        sync_directory(file.parent().unwrap_or(self.directory))
    }
}

//! What is done about the journal of a store that is mended: what has rotted is left out, what came behind it stays.

use std::io;
use std::path::Path;

use super::journal_batches::{self, End, Walk};
use super::mending::Mending;
use super::{doubtful, journal, keys};

impl Mending<'_> {
    /// Of all files of the journal.
    pub(super) fn journals(&mut self) -> io::Result<()> {
        let mut last = None;
        for (_, file) in journal::all(self.aside.directory)? {
            last = self.journal(&file, last)?;
        }
        Ok(())
    }

    /// Leaves out the batches that have rotted; the number of the last one.
    fn journal(&mut self, file: &Path, before: Option<u64>) -> io::Result<Option<u64>> {
        let mut good = Vec::new();
        let (mut walk, mut lost) = (Walk::from(file, 0, before)?, 0);
        let mut renumbered = 0;
        loop {
            walk.to_end(|batch| {
                good.extend_from_slice(batch);
                Ok(())
            })?;
            let rest = journal_batches::rest(file, walk.at)?;
            let skipped = match journal_batches::end(&rest, walk.at) {
                End::Unfinished => break,
                End::Rotten(octets) => {
                    self.lose(&rest[..octets]);
                    lost += 1;
                    octets
                }
                End::OutOfOrder(octets) => {
                    let (batch, number) = journal_batches::renumbered(&rest, octets, walk.last);
                    good.extend(batch);
                    walk.last = Some(number);
                    renumbered += 1;
                    octets
                }
            };
            walk = Walk::from(file, walk.at + skipped as u64, walk.last)?;
        }
        self.reading.has_read(file);
        if lost + renumbered > 0 {
            self.outcome.doubtful.write(&doubtful::file(self.aside.directory))?;
            self.aside.replace(file, &good)?;
            match lost {
                0 => self.whole(file, "the order of its changes has been restored"),
                lost => self.say(
                    file,
                    &format!("{lost} of the last changes are lost; what came after them is there"),
                    false,
                ),
            }
        }
        Ok(walk.last)
    }

    /// What a batch that has rotted was of.
    fn lose(&mut self, octets: &[u8]) {
        let (keys, all) = journal_batches::items(octets);
        for key in keys {
            // Keys of chunks are of 44 octets: they begin with an account, and are of no partition.
            match keys::read_reference(key).filter(|_| key.len() == 61) {
                Some(reference) => self.outcome.lost.push(reference),
                None if key.len() == 44 => {}
                None => self.outcome.doubtful.add_key(key),
            }
        }
        if !all {
            self.outcome.doubtful.add_all();
        }
    }
}

//! A store with damaged files is made one that can be opened: what an admin asks for, never done by itself.
//!
//! What a file says that can be made again is made again and costs nothing: the index, the filter and the properties of a
//! table, what stands at the end of a file of mail, the names of the trees, what the list of files says of each, and one octet
//! more of it, the number of a batch. A list that is lost is made of all files that are there (`merging`). What is lost is a
//! message that has rotted, a block of a table or a batch of the journal. As older values come forth behind it, the partitions
//! that it may have been of are doubtful: `renewal` sees to it that nobody takes them for what they were.
//!
//! The damaged file is set aside in the directory `damaged`. Nobody else may have the store open.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lsm_tree::InternalValue;
use xxhash_rust::xxh3::xxh3_128;

use super::aside::Aside;
use super::doubtful::{self, Doubtful};
use super::engine::Reference;
use super::error::StoreError;
use super::facade::Options;
use super::mail_file::Rotten;
use super::manifest::{self, Listed, Manifest};
use super::reading::{HaveRead, Reading};
use super::table_file::{Lost, Mail};
use super::tables::{Tables, engine, unbroken};
use super::vetting::{self, Damage, Part};
use super::{mail_file, merging, table_file, unfinished};
use crate::types::Counted;

/// The tree that tells where octets are, and has files of mail: `Tables::of` makes it second.
const PLACES: u64 = 2;

const LOCK_TRIES: usize = 30;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// What was done about damaged files.
#[derive(Default)]
pub(super) struct Outcome {
    /// A sentence for each file, and whether nothing is lost.
    pub(super) said: Vec<(String, bool)>,
    pub(super) doubtful: Doubtful,
    /// Messages that came with a batch that is lost.
    pub(super) lost: Vec<Reference>,
}

/// Mends what is damaged in the files of a store; `tell` hears how far it has come.
pub(super) fn mend(
    directory: &Path,
    options: &Options,
    tell: &mut dyn FnMut(HaveRead),
) -> Result<Outcome, StoreError> {
    let failed = |error: io::Error| engine(error.into());
    if !unfinished::has_files(&directory.join("keyspaces")).map_err(failed)? {
        return Ok(Outcome::default());
    }
    let lock = OpenOptions::new().create(true).append(true).open(directory.join("lock")).map_err(failed)?;
    // A store that has just been closed is let go of by its threads one after the other.
    let is_free = || {
        lock.try_lock().is_ok() || {
            std::thread::sleep(LOCK_PAUSE);
            false
        }
    };
    if !(0..LOCK_TRIES).any(|_| is_free()) {
        return Err(StoreError::InUse { directory: directory.display().to_string() });
    }
    let doubtful = Doubtful::read(&doubtful::file(directory)).map_err(failed)?;
    let reading = Reading::start(directory, tell).map_err(failed)?;
    let outcome = Outcome { doubtful, ..Outcome::default() };
    let mut mending = Mending { aside: Aside { directory }, outcome, reading };
    mending.version().map_err(failed)?;
    mending.journals().map_err(failed)?;
    for (number, tree) in vetting::trees(directory).map_err(failed)? {
        match number {
            0 => mending.names(&tree, options)?,
            _ => mending.tree(number, &tree)?,
        }
    }
    Ok(mending.outcome)
}

pub(super) struct Mending<'a> {
    pub(super) aside: Aside<'a>,
    pub(super) outcome: Outcome,
    pub(super) reading: Reading<'a>,
}

impl Mending<'_> {
    pub(super) fn whole(&mut self, file: &Path, what: &str) {
        self.say(file, &format!("{what}, and nothing is lost"), true);
    }

    pub(super) fn say(&mut self, file: &Path, what: &str, is_whole: bool) {
        let sentence = format!("{} was damaged: {what}", self.aside.place(file).display());
        log::error!("{sentence}");
        self.outcome.said.push((sentence, is_whole));
    }

    fn version(&mut self) -> io::Result<()> {
        let file = self.aside.directory.join("version");
        if fs::read(&file).is_ok_and(|octets| octets.starts_with(vetting::VERSION)) {
            return Ok(());
        }
        self.aside.replace(&file, vetting::VERSION)?;
        self.whole(&file, "it has been made again");
        Ok(())
    }

    /// The tree of names is made anew: it says what this version says of each.
    fn names(&mut self, tree: &Path, options: &Options) -> Result<(), StoreError> {
        let failed = |error: io::Error| engine(error.into());
        let broken = match manifest::read(tree).map_err(failed)? {
            Ok(list) => self.broken_table(tree, &list).map_err(failed)?,
            Err(file) => Some(file),
        };
        let Some(broken) = broken else { return Ok(()) };
        let made = self.aside.directory.join("names.new");
        let remade = |made: &Path| -> Result<(), StoreError> {
            if made.exists() {
                fs::remove_dir_all(made).map_err(failed)?;
            }
            let db = unbroken(|| fjall::Database::builder(made).open().map_err(engine))?;
            Tables::of(db, options.compression).map(drop)
        };
        remade(&made)?;
        let aside = self.aside.keep(tree).map_err(failed)?;
        fs::rename(tree, &aside).map_err(failed)?;
        self.aside.put(&made.join("keyspaces").join("0"), tree).map_err(failed)?;
        fs::remove_dir_all(&made).map_err(failed)?;
        self.whole(&broken, "the names of the parts of the store have been made again");
        Ok(())
    }

    fn broken_table(&self, tree: &Path, list: &Manifest) -> io::Result<Option<PathBuf>> {
        for table in &list.tables {
            let file = tree.join("tables").join(table.number.to_string());
            if !table.is(&file)? {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    fn tree(&mut self, number: u64, tree: &Path) -> Result<(), StoreError> {
        let failed = |error: io::Error| engine(error.into());
        if manifest::current(tree).map_err(failed)?.is_none() && !tree.join("tables").is_dir() {
            return Ok(());
        }
        let list = self.list(number, tree)?;
        let part = vetting::of_table(number, &list.blobs);
        let mut rotten = Rotten::default();
        for (path, file) in
            list.blobs.iter().map(|file| (mail_path(tree, file), file)).filter(|(path, _)| path.is_file())
        {
            rotten.find(&path, file.number).map_err(failed)?;
            self.reading.has_read(&path);
        }
        let mail = Mail { find: &|lost| find_places(tree, &list.blobs, lost), rotten: &rotten };
        let mut sums = Vec::new();
        // Tables first: nothing leads to what is given up when it reads as something else.
        for table in &list.tables {
            sums.extend(self.table(tree, table, part, &mail)?.map(|sum| (table.sum_at, sum)));
            self.reading.has_read(&tree.join("tables").join(table.number.to_string()));
        }
        for file in &list.blobs {
            sums.extend(self.mail(tree, file, &rotten)?.map(|sum| (file.sum_at, sum)));
        }
        manifest::put_sums(tree, &list, &sums).map_err(failed)
    }

    fn list(&mut self, number: u64, tree: &Path) -> Result<Manifest, StoreError> {
        let failed = |error: io::Error| engine(error.into());
        // A list, and then what says which list is true.
        for _ in 0..2 {
            if let Ok(list) = manifest::read(tree).map_err(failed)? {
                return Ok(list);
            }
            let Some((file, octets)) = manifest::corrected(tree).map_err(failed)? else { break };
            self.aside.replace(&file, &octets).map_err(failed)?;
            self.whole(&file, "it has been corrected");
        }
        let file = match manifest::read(tree).map_err(failed)? {
            Ok(list) => return Ok(list),
            Err(file) => file,
        };
        self.remake(number, tree, &file)?;
        manifest::read(tree).map_err(failed)?.map_err(|file| cannot(Damage { file, part: Part::List }.into()))
    }

    /// A tree whose list is lost is made of all of its tables.
    fn remake(&mut self, number: u64, tree: &Path, list: &Path) -> Result<(), StoreError> {
        let failed = |error: io::Error| engine(error.into());
        let has_mail = number == PLACES;
        if !has_mail {
            self.outcome.doubtful.add_all();
            self.outcome.doubtful.write(&doubtful::file(self.aside.directory)).map_err(failed)?;
        }
        let kept = self.aside.keep(list).map_err(failed)?;
        let remade = merging::remake(tree, has_mail, &kept)?;
        let tables = Counted(remade.tables as u64, "table");
        let lost = match remade.lost {
            0 => String::new(),
            lost => format!("; {lost} parts of them could not be read"),
        };
        let what = format!("what it listed has been made again of all that is there, {tables}{lost}");
        self.say(list, &what, has_mail);
        Ok(())
    }

    /// Makes a table that is not as it was written, or leads to what has rotted, anew; its new checksum.
    fn table(
        &mut self,
        tree: &Path,
        table: &Listed,
        part: Part,
        mail: &Mail<'_>,
    ) -> Result<Option<u128>, StoreError> {
        let failed = |error: io::Error| engine(error.into());
        let file = tree.join("tables").join(table.number.to_string());
        let is_whole = table.is(&file).map_err(failed)?;
        if is_whole && mail.rotten.is_empty() {
            return Ok(None);
        }
        let kept = self.aside.keep(&file).map_err(failed)?;
        let made = kept.with_extension("new");
        let rebuilt = match file.is_file() {
            true => table_file::rebuild(&file, table.number, &made, mail)?,
            false => None,
        };
        let Some(rebuilt) = rebuilt else { return Err(cannot(Damage { file, part }.into())) };
        if is_whole {
            // What has rotted is said of the files of mail.
            return match rebuilt.rotten {
                0 => fs::remove_file(&made).and_then(|()| fs::remove_file(&kept)).map(|()| None).map_err(failed),
                _ => self.aside.put(&made, &file).map(|()| Some(rebuilt.sum)).map_err(failed),
            };
        }
        if part == Part::Index {
            rebuilt.lost.iter().for_each(|lost| self.outcome.doubtful.add(lost));
            self.outcome.doubtful.write(&doubtful::file(self.aside.directory)).map_err(failed)?;
        }
        self.aside.put(&made, &file).map_err(failed)?;
        match (rebuilt.lost.len(), part) {
            (0, _) => self.whole(&file, "what could not be read of it has been made again"),
            (_, Part::Places) => self.say(
                &file,
                "what could be found again of it has been; messages whose octets could not are named below",
                false,
            ),
            (lost, _) => self.say(
                &file,
                &format!("{lost} of its parts are lost, and with them what was known of messages"),
                false,
            ),
        }
        Ok(Some(rebuilt.sum))
    }

    /// Makes a file of mail anew whose end is damaged, or in which something has rotted; its new checksum.
    fn mail(&mut self, tree: &Path, file: &Listed, rotten: &Rotten) -> Result<Option<u128>, StoreError> {
        let failed = |error: io::Error| engine(error.into());
        let path = mail_path(tree, file);
        let has_end = path.is_file() && mail_file::metadata(&path).map_err(failed)?.is_some();
        let places = rotten.count(file.number);
        if has_end && places == 0 {
            return Ok(None);
        }
        let mended = if path.is_file() { mail_file::mended(&path, file.number)? } else { None };
        let Some(octets) = mended else { return Err(cannot(Damage { file: path, part: Part::Mail }.into())) };
        self.aside.replace(&path, &octets).map_err(failed)?;
        if !has_end {
            self.say(&path, "its end has been made again; messages in it that cannot be read are named below", true);
        }
        if places > 0 {
            let what = format!(
                "what could not be read at {places} places is given up; messages that were there are named below"
            );
            self.say(&path, &what, true);
        }
        Ok(Some(xxh3_128(&octets)))
    }
}

fn mail_path(tree: &Path, file: &Listed) -> PathBuf {
    tree.join("blobs").join(file.number.to_string())
}

/// What a table said of places that are lost, found again in the files of mail.
fn find_places(tree: &Path, files: &[Listed], lost: &Lost) -> Vec<InternalValue> {
    let paths = files.iter().map(|file| (file.number, mail_path(tree, file)));
    paths.flat_map(|(number, path)| mail_file::places(&path, number, lost)).collect()
}

/// That nothing can be done about a damaged file.
fn cannot(error: StoreError) -> StoreError {
    match error {
        StoreError::Damaged { file, what } => StoreError::Lost { file, what },
        error => error,
    }
}

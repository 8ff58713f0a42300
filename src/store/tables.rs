//! fjall's database as the embedded engine has it open: the index, and the chunks of messages apart from it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fjall::compaction::Leveled;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode};

use super::error::StoreError;
use super::facade::{Compression, Options};
use super::{journal, unfinished, vetting};

/// Octets of the journal before memory tables must be written out: bounds recovery time and disk use.
const JOURNAL_BYTES: u64 = 512 << 20;

/// Octets of a memory table before it is written out: what is in it is in the journal as well.
const MEMTABLE_BYTES: u64 = 8 << 20;

/// Values from this size on are kept apart from the tree.
const SEPARATED_BYTES: u32 = 1024;

/// fjall's threads that write out and compact. Of several, the first leaves compactions to the others, and turns in circles
/// as long as they are busy or asleep: half of what a server did under APPENDs.
const WORKERS: usize = 1;

/// Octets of a table of the index. One that is being compacted keeps what waits from being written out: levels of small
/// tables are compacted in small steps.
const TABLE_BYTES: u64 = 16 << 20;

/// Memory tables that wait to be written out before commits wait for them. At four fjall waits itself, without an end
/// where its threads have failed.
const MEMTABLES_WAITING: usize = 3;

/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(2);

pub(super) struct Tables {
    pub(super) db: Database,
    pub(super) index: Keyspace,
    pub(super) chunks: Keyspace,
}

impl Tables {
    /// Opens or creates what is in `directory`.
    pub(super) fn open(directory: &Path, options: &Options) -> Result<Tables, StoreError> {
        unfinished::clear(directory).map_err(|error| engine(error.into()))?;
        if let Some(damage) = vetting::vet(directory).map_err(|error| engine(error.into()))? {
            return Err(damage.into());
        }
        Tables::open_unvetted(directory, options)
    }

    /// A journal that a power cut has torn is cut off where it is torn.
    pub(super) fn open_unvetted(directory: &Path, options: &Options) -> Result<Tables, StoreError> {
        // LZ4 in the journal would be a quarter of what an APPEND costs: records are hashes, mail is gone from it soon.
        let builder = || {
            Database::builder(directory)
                .cache_size(options.cache_bytes)
                .max_journaling_size(JOURNAL_BYTES)
                .journal_compression(fjall::CompressionType::None)
        };
        let open = || unbroken(|| Ok(builder().worker_threads(WORKERS).open()));
        let db = match open() {
            Ok(Err(fjall::Error::JournalRecovery(_))) if journal::cut_torn(directory)? => open()?,
            Err(error) => return Err(vetting::named(directory, error)),
            Ok(opened) => opened,
        };
        let db = db.map_err(|error| match error {
            fjall::Error::Locked => StoreError::InUse { directory: directory.display().to_string() },
            error => vetting::named(directory, engine(error)),
        })?;
        let tables = unbroken(|| Tables::of(db, options.compression));
        tables.map_err(|error| vetting::named(directory, error))
    }

    pub(super) fn of(db: Database, compression: Compression) -> Result<Tables, StoreError> {
        let index = db.keyspace("index", index_options).map_err(engine)?;
        let chunks = db.keyspace("chunks", || chunk_options(compression)).map_err(engine)?;
        Ok(Tables { db, index, chunks })
    }

    /// Waits while too much is to be written out.
    pub(super) fn wait_for_memtables(&self) -> Result<(), fjall::Error> {
        self.wait_while(|| {
            [&self.index, &self.chunks].iter().any(|keyspace| keyspace.sealed_memtable_count() >= MEMTABLES_WAITING)
        })
    }

    /// The memory table of a large message is written out as it comes, not gathered.
    pub(super) fn write_out_chunks(&self) -> Result<(), fjall::Error> {
        if self.chunks.rotate_memtable()? {
            self.wait_while(|| self.chunks.sealed_memtable_count() > 0)?;
        }
        Ok(())
    }

    fn wait_while(&self, condition: impl Fn() -> bool) -> Result<(), fjall::Error> {
        while condition() {
            // Says whether the threads that write out have failed.
            self.db.persist(PersistMode::Buffer)?;
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }
}

fn index_options() -> KeyspaceCreateOptions {
    let levels = Leveled::default().with_table_target_size(TABLE_BYTES);
    KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES).compaction_strategy(Arc::new(levels))
}

fn chunk_options(compression: Compression) -> KeyspaceCreateOptions {
    let compression = match compression {
        Compression::None => fjall::CompressionType::None,
        Compression::Lz4 => fjall::CompressionType::Lz4,
    };
    let apart = KvSeparationOptions::default().separation_threshold(SEPARATED_BYTES).compression(compression);
    KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES).with_kv_separation(Some(apart))
}

pub(super) fn engine(error: fjall::Error) -> StoreError {
    let io = match &error {
        fjall::Error::Io(io) => Some(io),
        fjall::Error::Storage(fjall::LsmError::Io(io)) => Some(io),
        fjall::Error::Poisoned => return StoreError::Poisoned,
        _ => None,
    };
    match (io, &error) {
        (Some(io), _) if is_full(io) => StoreError::Full,
        (Some(io), _) => StoreError::Engine(io.to_string()),
        (None, fjall::Error::Storage(error)) => broken(&error.to_string()),
        _ => StoreError::Engine(error.to_string()),
    }
}

pub(super) fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
}

/// What fjall gives, or the error of a file that is not as it was written: fjall panics at some of them.
pub(super) fn unbroken<T>(read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_or_else(|_| Err(broken("a panic")))
}

fn broken(how: &str) -> StoreError {
    StoreError::Broken(how.into())
}

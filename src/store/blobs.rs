//! The octets of messages.

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use super::blob_cache::{BlobCache, Chunk};
use super::engine::{CHUNK_BYTES, Engine, Partition, Reader, Reference, Value};
use super::error::StoreError;
use super::facade::Store;
use super::model::NewBlob;
use super::suspects::Suspects;
use crate::types::{AccountId, BlobId};

/// Reads blobs, one at a time, by chunks.
pub struct BlobReader {
    reader: Arc<dyn Reader>,
    cache: Option<Arc<BlobCache>>,
    suspects: Arc<Suspects>,
    account: AccountId,
    blob: BlobId,
    /// The chunk read last, and its number.
    held: Option<(u32, Chunk)>,
}

impl BlobReader {
    /// Turns to another blob of the account.
    pub fn turn_to(&mut self, blob: BlobId) {
        if blob != self.blob {
            (self.blob, self.held) = (blob, None);
        }
    }

    /// Looks whether the octets of `range`, all of which the blob ought to have, are there, before any of them is given away:
    /// where it begins they are read, beyond its first chunk the keys are looked at. What has rotted there is found only by
    /// reading it, which is done where that has happened before.
    pub fn begin(&mut self, range: Range<u64>) -> Result<(), StoreError> {
        if range.is_empty() {
            return Ok(());
        }
        self.read_at(range.start)?;
        let number = |at| (at / CHUNK_BYTES as u64) as u32;
        let (first, last) = (number(range.start), number(range.end - 1));
        if first == last { Ok(()) } else { self.look_through(first + 1..last + 1) }
    }

    #[cold]
    fn look_through(&self, chunks: Range<u32>) -> Result<(), StoreError> {
        if self.suspects.has(self.account, self.blob) {
            for number in chunks {
                self.chunk(number)?.ok_or_else(|| self.missing())?;
            }
            return Ok(());
        }
        match self.reader.has_chunks(self.account, self.blob, chunks)? {
            true => Ok(()),
            false => Err(self.missing()),
        }
    }

    fn missing(&self) -> StoreError {
        StoreError::Missing(format!("the octets of message {}", self.blob))
    }

    /// Octets from `offset` on: at least one, unless the blob ends there. Most reads of mail are of one chunk.
    pub fn read_at(&mut self, offset: u64) -> Result<Piece, StoreError> {
        let number = (offset / CHUNK_BYTES as u64) as u32;
        let within = (offset % CHUNK_BYTES as u64) as usize;
        let chunk = match &self.held {
            Some((at, chunk)) if *at == number => chunk.clone(),
            _ if number == 0 => self.next(0)?,
            _ => self.next(number).inspect_err(|_| self.suspects.add(self.account, self.blob))?,
        };
        self.held = Some((number, chunk.clone()));
        Ok(Piece { from: within.min(chunk.value.len()), chunk })
    }

    fn next(&self, number: u32) -> Result<Chunk, StoreError> {
        match self.chunk(number)? {
            Some(chunk) => Ok(chunk),
            None if self.ends_before(number)? => Ok(Chunk::new(Value::from(&[][..]))),
            None => Err(self.missing()),
        }
    }

    /// Whether the blob has no chunk `number`, or has lost it: what ends with a full chunk may have had others.
    fn ends_before(&self, number: u32) -> Result<bool, StoreError> {
        let Some(last) = number.checked_sub(1) else { return Ok(false) };
        if self.held.as_ref().is_some_and(|(at, chunk)| *at == last && chunk.value.len() < CHUNK_BYTES) {
            return Ok(true);
        }
        let mut hasher = blake3::Hasher::new();
        for number in 0..number {
            match self.chunk(number)? {
                Some(chunk) => drop(hasher.update(&chunk.value)),
                None => break,
            }
        }
        Ok(hasher.finalize().as_bytes() == &self.blob.0)
    }

    fn chunk(&self, number: u32) -> Result<Option<Chunk>, StoreError> {
        let cache = self.cache.as_deref().filter(|_| number == 0);
        if let Some(chunk) = cache.and_then(|cache| cache.get(self.account, self.blob)) {
            return Ok(Some(chunk));
        }
        let read = self.reader.read_chunk(self.account, self.blob, number)?.map(Chunk::new);
        if let (Some(cache), Some(chunk)) = (cache, &read) {
            cache.keep(self.account, self.blob, chunk);
        }
        Ok(read)
    }
}

/// Octets of a blob, shared with caches.
#[derive(Clone)]
pub struct Piece {
    chunk: Chunk,
    from: usize,
}

impl Piece {
    /// Whether there may be NULs among them.
    pub fn may_have_nul(&self) -> bool {
        self.chunk.has_nul
    }
}

impl std::ops::Deref for Piece {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.chunk.value[self.from..]
    }
}

/// Blobs that are not collected as long as this value lives.
pub struct Pin {
    engine: Arc<dyn Engine>,
    account: AccountId,
    blobs: Vec<BlobId>,
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.blobs.iter().for_each(|blob| self.engine.unpin(self.account, *blob));
    }
}

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pin").field(&self.blobs).finish()
    }
}

impl Store {
    /// Reads the octets of a message of `account`.
    pub fn blob(&self, account: AccountId, blob: BlobId) -> BlobReader {
        let (reader, cache, suspects) = (self.reader().clone(), self.blob_cache().clone(), self.suspects().clone());
        BlobReader { reader, cache, suspects, account, blob, held: None }
    }

    /// Keeps blobs of an account from being collected, if they are there.
    pub fn pin(&self, account: AccountId, blobs: Vec<BlobId>) -> Pin {
        blobs.iter().for_each(|blob| self.engine().pin(account, *blob));
        Pin { engine: self.engine().clone(), account, blobs }
    }

    /// Gives messages their octets back, which cannot be read any more: those that come along, or that have been written ahead.
    pub fn renew_octets(
        &self,
        account: AccountId,
        blob: &NewBlob,
        references: Vec<Reference>,
    ) -> Result<(), StoreError> {
        self.alone(Partition::Account(account), |batch| {
            batch.blobs.extend(blob.bytes.iter().map(|octets| (account, blob.id, octets.clone())));
            batch.added = references.clone();
            Ok(())
        })
    }

    /// Writes the octets of a large message ahead of the commit that refers to it. The pin must live until then.
    /// The source's octets have the hash `blob`.
    pub fn write_blob(&self, account: AccountId, blob: BlobId, source: &mut dyn Read) -> Result<Pin, StoreError> {
        let pin = self.pin(account, vec![blob]);
        let mut chunk = vec![0; CHUNK_BYTES];
        for number in 0.. {
            let length = read_full(source, &mut chunk)?;
            if length > 0 {
                self.engine().write_chunk(account, blob, number, &chunk[..length])?;
            }
            if length < CHUNK_BYTES {
                break;
            }
        }
        Ok(pin)
    }
}

/// Fills `buffer` as far as the source goes.
fn read_full(source: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, StoreError> {
    let mut length = 0;
    while length < buffer.len() {
        match source.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(got) => length += got,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(StoreError::Engine(format!("reading the message: {error}"))),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Options;

    const A: AccountId = AccountId(1);

    fn octets_of(reader: &mut BlobReader) -> (Vec<u8>, Vec<bool>) {
        let (mut octets, mut nuls) = (Vec::new(), Vec::new());
        loop {
            let piece = reader.read_at(octets.len() as u64).unwrap();
            if piece.is_empty() {
                return (octets, nuls);
            }
            octets.extend_from_slice(&piece);
            nuls.push(piece.may_have_nul());
        }
    }

    /// What is kept in memory is what the disk has, at every size that is dealt with in its own way.
    #[test]
    fn blobs_are_read_again_as_they_were() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), &Options::default()).unwrap();
        let (large, clean) = (CHUNK_BYTES * 2 + 3, vec![b'x'; 3000]);
        let mut late = vec![b'y'; large];
        late[CHUNK_BYTES + 1] = 0;
        let blobs = [b"a\0b".to_vec(), clean, vec![b'z'; 70_000], late, vec![b'w'; CHUNK_BYTES], Vec::new()];
        let names: Vec<BlobId> = blobs.iter().map(|octets| BlobId(blake3::hash(octets).into())).collect();
        let write = |(octets, name): (&Vec<u8>, &BlobId)| store.write_blob(A, *name, &mut &octets[..]).unwrap();
        let _pins: Vec<Pin> = blobs.iter().zip(&names).filter(|(octets, _)| !octets.is_empty()).map(write).collect();
        let nuls = [vec![true], vec![false], vec![false], vec![false, true, false], vec![false]];
        // One reader that turns to each, as a walk does; each twice, so that the second time it is in memory.
        let mut walking = store.blob(A, names[0]);
        for _ in 0..2 {
            for ((octets, name), nuls) in blobs.iter().zip(&names).zip(&nuls) {
                walking.turn_to(*name);
                assert!(octets_of(&mut walking) == (octets.clone(), nuls.clone()), "{} octets", octets.len());
                assert!(octets_of(&mut store.blob(A, *name)).0 == *octets);
            }
        }
        assert_eq!(store.blob(A, names[1]).read_at(2999).unwrap()[..], b"x"[..]);
        // What is not there, and what another account has, is missing every time.
        for _ in 0..2 {
            assert!(matches!(store.blob(A, names[5]).read_at(0), Err(StoreError::Missing(_))));
            assert!(matches!(store.blob(AccountId(2), names[0]).read_at(0), Err(StoreError::Missing(_))));
        }
        // Of what is not there as a whole no more is given than a chunk that is, and then an error.
        for lost in [2, 1] {
            let other = Store::memory();
            (0..3).filter(|number| *number != lost).for_each(|number| {
                let octets = &blobs[3][number * CHUNK_BYTES..blobs[3].len().min((number + 1) * CHUNK_BYTES)];
                other.engine().write_chunk(A, names[3], number as u32, octets).unwrap();
            });
            let mut reader = other.blob(A, names[3]);
            assert_eq!(reader.read_at(0).unwrap().len(), CHUNK_BYTES);
            assert!(matches!(reader.read_at((lost * CHUNK_BYTES) as u64), Err(StoreError::Missing(_))), "{lost}");
        }
        // What is to be checked is read from the disk.
        assert!(store.blob_cache().is_some() && store.frozen().unwrap().blob_cache().is_none());
    }
}

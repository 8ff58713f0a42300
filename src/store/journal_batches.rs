//! The batches of a journal of fjall's, from outside.
//!
//! A batch is a start (1, count of items u32, sequence number u64), items (2, type u8, compression u8, keyspace u64, octets
//! of key u16, of value u32, of value as stored u32, key, value) or clearings of a keyspace (4, keyspace u64), and an
//! end (3, XXH3 of the items u64, four octets of magic); numbers are little-endian. What comes after the last batch is
//! zeros, or nothing.
//!
//! fjall takes what is no batch for the end of the journal and cuts off the rest, though it be the mail of a day behind one
//! octet that has rotted. So the end is looked at before. A power cut, or a kill, leaves one of three: a sector that never
//! reached the disk, one that reached it between two writes, or a last batch that wants more than there is. Anything else has
//! rotted.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use xxhash_rust::xxh3::Xxh3;

/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// The last octets of a batch.
const MAGIC: [u8; 4] = *b"FJL\x03";

const BUFFER_BYTES: usize = 256 << 10;

/// Between two batches there are never as many sequence numbers.
const LEAP: u64 = 1 << 24;

/// More items than one batch has.
const ITEMS_MAX: u64 = 1 << 24;

/// What follows the good batches of a journal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing, or what was never synced: fjall leaves it out.
    Unfinished,
    /// So many octets that are not what was written.
    Rotten(usize),
    /// A batch of so many octets whose sequence number, which no checksum covers, is out of order.
    OutOfOrder(usize),
}

/// Walks through a journal as long as its batches are good.
pub(super) struct Walk {
    reader: BufReader<File>,
    octets: Vec<u8>,
    /// Sequence number of the last good batch.
    pub(super) last: Option<u64>,
    /// Where the good batches end.
    pub(super) at: u64,
}

impl Walk {
    /// From `at` on, behind a batch with the sequence number `last`.
    pub(super) fn from(path: &Path, at: u64, last: Option<u64>) -> io::Result<Walk> {
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, File::open(path)?);
        reader.seek(SeekFrom::Start(at))?;
        Ok(Walk { reader, octets: Vec::new(), last, at })
    }

    /// Goes on to where the good batches end; each is given to `take`.
    pub(super) fn to_end(&mut self, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        // One is held back: that a number is too large shows in the next.
        let mut held: Option<(u64, Vec<u8>)> = None;
        loop {
            self.octets.clear();
            let is_whole =
                read_batch(&mut self.reader, &mut self.octets)? && matches!(batch(&self.octets), Batch::Whole(_));
            let number = is_whole.then(|| sequence_number(&self.octets));
            let last = self.last;
            let follows =
                |number: u64, last: Option<u64>| last.is_none_or(|last| (last + 1..last + LEAP).contains(&number));
            if let Some((of_held, octets)) = held.take() {
                let too_large = number.is_some_and(|number| number <= of_held && follows(number, last));
                if !follows(of_held, last) || too_large {
                    return Ok(());
                }
                take(&octets)?;
                self.at += octets.len() as u64;
                self.last = Some(of_held);
            }
            match number {
                Some(number) => held = Some((number, std::mem::take(&mut self.octets))),
                None => return Ok(()),
            }
        }
    }
}

/// The sequence number of a batch.
pub(super) fn sequence_number(batch: &[u8]) -> u64 {
    number(&batch[5..13])
}

/// The first batch of some under a number between those of the last one before it and the next: as high as may be, lest
/// it pass for one that has reached the tables. And that number.
pub(super) fn renumbered(octets: &[u8], length: usize, last: Option<u64>) -> (Vec<u8>, u64) {
    let next = match batch(&octets[length..]) {
        Batch::Whole(next) => sequence_number(&octets[length..length + next]).checked_sub(1),
        _ => None,
    };
    let after = last.map_or(1, |last| last + 1);
    let number = next.filter(|next| *next >= after).unwrap_or(after);
    ([&octets[..5], &number.to_le_bytes(), &octets[13..length]].concat(), number)
}

/// Reads entries up to the next end of a batch; `false` where there is none.
fn read_batch(reader: &mut impl Read, octets: &mut Vec<u8>) -> io::Result<bool> {
    loop {
        let at = octets.len();
        let mut wanted = 1;
        while octets.len() - at < wanted {
            let missing = wanted - (octets.len() - at);
            if reader.by_ref().take(missing as u64).read_to_end(octets)? < missing {
                return Ok(false);
            }
            match length(&octets[at..]) {
                Some(length) => wanted = length,
                None => return Ok(false),
            }
        }
        if octets[at] == 3 {
            return Ok(true);
        }
    }
}

/// A journal's octets from `from` on, without zeros that nothing follows.
pub(super) fn rest(path: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let (mut octets, mut zeros, mut block) = (Vec::new(), 0, vec![0; BUFFER_BYTES]);
    let empty = vec![0; BUFFER_BYTES];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(octets),
            read if block[..read] == empty[..read] => zeros += read,
            read => {
                octets.resize(octets.len() + std::mem::take(&mut zeros), 0);
                octets.extend_from_slice(&block[..read]);
            }
        }
    }
}

/// What the octets are that stand at `at` in a journal, behind good batches.
pub(super) fn end(octets: &[u8], at: u64) -> End {
    if let Batch::Whole(length) = batch(octets) {
        return End::OutOfOrder(length);
    }
    let Some(last) = octets.iter().rposition(|octet| *octet != 0) else { return End::Unfinished };
    let next = next_whole(octets);
    let region = &octets[..next.unwrap_or(last + 1)];
    let to_sector = (SECTOR_BYTES - at as usize % SECTOR_BYTES) % SECTOR_BYTES;
    let begins_empty =
        to_sector > 0 && region.len() > to_sector && region[..to_sector].iter().all(|octet| *octet == 0);
    let lacks_sector = begins_empty || has_empty_part(region, to_sector) || stops_in_sector(region, at);
    let is_whole = next.is_some() || region.ends_with(&MAGIC) || !wants_more(region);
    if is_whole && !lacks_sector { End::Rotten(region.len()) } else { End::Unfinished }
}

/// Whether an entry is missing up to the end of its sector: fjall writes a batch by entries, and the sector where one write
/// ends and the next begins may have reached the disk between them.
fn stops_in_sector(region: &[u8], at: u64) -> bool {
    let mut from = 0;
    while let Some(length) = region.get(from..).and_then(length) {
        from += length;
    }
    let left = (SECTOR_BYTES - (at as usize + from) % SECTOR_BYTES) % SECTOR_BYTES;
    let missing = region.get(from..).unwrap_or_default();
    let missing = &missing[..left.min(missing.len())];
    !missing.is_empty() && missing.iter().all(|octet| *octet == 0)
}

fn has_empty_part(region: &[u8], from: usize) -> bool {
    let sectors = region.get(from..).unwrap_or_default().chunks_exact(SECTOR_BYTES);
    sectors.into_iter().any(|sector| sector.iter().all(|octet| *octet == 0))
}

/// Whether these octets are the beginning of a batch that goes on behind them.
fn wants_more(octets: &[u8]) -> bool {
    let mut at = 0;
    while at < octets.len() {
        match (octets[at], length(&octets[at..])) {
            (1, Some(length)) if at == 0 => at += length,
            (2 | 4, Some(length)) if at > 0 => at += length,
            (3, Some(length)) => return at > 0 && at + length > octets.len(),
            _ => return false,
        }
    }
    true
}

/// Where the next batch begins that is what was written, behind the one that these octets begin with.
fn next_whole(octets: &[u8]) -> Option<usize> {
    // The end that the broken batch says, before any that may stand in somebody's mail.
    if let Batch::Broken(length) = batch(octets)
        && matches!(batch(&octets[length..]), Batch::Whole(_))
    {
        return Some(length);
    }
    let starts = memchr::memchr_iter(1, octets).filter(|at| *at > 0 && may_start(&octets[*at..]));
    starts.into_iter().find(|at| matches!(batch(&octets[*at..]), Batch::Whole(_)))
}

fn may_start(octets: &[u8]) -> bool {
    octets.get(13).is_some_and(|tag| [2, 4].contains(tag)) && (1..ITEMS_MAX).contains(&number(&octets[1..5]))
}

/// The keys of the items that can be read in octets that have rotted, those of their values with them, and whether all
/// items of the batches in them were found.
pub(super) fn items(octets: &[u8]) -> (Vec<&[u8]>, bool) {
    let (mut keys, mut wanted, mut at) = (Vec::new(), 0, 0);
    while at < octets.len() {
        let rest = &octets[at..];
        match entry(rest) {
            Some((1, length)) if may_start(rest) => {
                wanted += number(&rest[1..5]) as usize;
                at += length;
            }
            Some((2, length)) if is_item(rest) => {
                let key = number(&rest[11..13]) as usize;
                keys.push(&rest[21..21 + key]);
                at += length;
            }
            _ => at += 1,
        }
    }
    let all = wanted > 0 && keys.len() >= wanted;
    (keys, all)
}

/// Of the few keyspaces that there are, and not compressed.
fn is_item(octets: &[u8]) -> bool {
    octets[1] < 3 && octets[2] == 0 && (1..8).contains(&number(&octets[3..11])) && octets[13..17] == octets[17..21]
}

/// Whether a sector that lies within these octets is all zeros: it never reached the disk.
pub(super) fn has_empty_sector(journal: &[u8], from: usize, length: usize) -> bool {
    has_empty_part(&journal[..from + length], from.next_multiple_of(SECTOR_BYTES))
}

/// Where the first batch begins that has an end and is not what was written, and its octets.
pub(super) fn broken_at(journal: &[u8]) -> Option<(usize, usize)> {
    let mut at = 0;
    loop {
        match batch(&journal[at..]) {
            Batch::Whole(octets) => at += octets,
            Batch::Broken(octets) => return Some((at, octets)),
            Batch::Unfinished => return None,
        }
    }
}

enum Batch {
    /// Of so many octets.
    Whole(usize),
    /// Of so many octets, as far as they can be told.
    Broken(usize),
    /// Nothing more, or a batch without its end: fjall leaves it out.
    Unfinished,
}

/// The batch at the beginning of some octets.
fn batch(octets: &[u8]) -> Batch {
    let mut rest = octets;
    let mut items = 0;
    let mut hash = Xxh3::new();
    loop {
        let Some((tag, length)) = entry(rest) else { return Batch::Unfinished };
        let (this, after) = rest.split_at(length);
        match tag {
            1 if rest.len() == octets.len() => items = number(&this[1..5]),
            2 | 4 if items > 0 && rest.len() < octets.len() => {
                items -= 1;
                hash.update(this);
            }
            3 if rest.len() < octets.len() && this[9..] == MAGIC => {
                let good = items == 0 && hash.digest() == number(&this[1..9]);
                let length = octets.len() - after.len();
                return if good { Batch::Whole(length) } else { Batch::Broken(length) };
            }
            2 | 4 if rest.len() < octets.len() => return Batch::Broken(octets.len() - after.len()),
            _ => return Batch::Unfinished,
        }
        rest = after;
    }
}

/// Tag and octets of the entry at the beginning; `None` where there is none.
fn entry(octets: &[u8]) -> Option<(u8, usize)> {
    let length = length(octets)?;
    (octets.len() >= length).then_some((octets[0], length))
}

/// Octets of the entry that begins here, be they all there or not; of an item at least as many as tell.
fn length(octets: &[u8]) -> Option<usize> {
    Some(match octets.first()? {
        1 | 3 => 13,
        2 => match octets.get(11..21) {
            Some(lengths) => 21 + number(&lengths[..2]) as usize + number(&lengths[6..]) as usize,
            None => 21,
        },
        4 => 9,
        _ => return None,
    })
}

fn number(octets: &[u8]) -> u64 {
    octets.iter().rev().fold(0, |number, octet| number << 8 | u64::from(*octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch of `items` items, some of them longer than a sector.
    fn written(sequence: u64, items: u8) -> Vec<u8> {
        let mut batch = [&[1][..], &u32::from(items).to_le_bytes(), &sequence.to_le_bytes()].concat();
        let mut hash = Xxh3::new();
        for item in 0..items {
            let (key, value) = ([7, item], vec![b'v'; 20 + usize::from(item) * 500]);
            let lengths =
                [&2u16.to_le_bytes()[..], &(value.len() as u32).to_le_bytes(), &(value.len() as u32).to_le_bytes()];
            let item = [&[2, 0, 0][..], &1u64.to_le_bytes(), &lengths.concat(), &key, &value].concat();
            hash.update(&item);
            batch.extend(item);
        }
        batch.push(3);
        batch.extend(hash.digest().to_le_bytes());
        batch.extend(MAGIC);
        batch
    }

    /// Where the good batches end, and what follows them.
    fn seen(journal: &[u8]) -> (u64, End) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), journal).unwrap();
        let mut walk = Walk::from(file.path(), 0, None).unwrap();
        walk.to_end(|_| Ok(())).unwrap();
        (walk.at, end(&rest(file.path(), walk.at).unwrap(), walk.at))
    }

    #[test]
    fn no_octet_of_a_journal_rots_unseen() {
        let batches = [written(10, 3), written(11, 1), written(12, 2)];
        let (journal, ends) = (batches.concat(), [batches[0].len(), batches[0].len() + batches[1].len()]);
        let ahead = vec![0; 3000];
        assert_eq!(seen(&[&journal[..], &ahead].concat()), (journal.len() as u64, End::Unfinished));
        for at in (0..journal.len()).filter(|at| at % 3 == 0 || at % 200 < 40) {
            // A number of the last batch that is larger than it was leaves the order as it is; of the first, a smaller one.
            if (ends[1] + 5..ends[1] + 13).contains(&at) || (5..13).contains(&at) {
                continue;
            }
            let mut rotten = [&journal[..], &ahead].concat();
            rotten[at] ^= [1, 0x55, 0xff][at % 3];
            let (end, what) = seen(&rotten);
            let begins = [0, ends[0], ends[1]].into_iter().rev().find(|begin| *begin <= at).unwrap();
            // Of two batches with one number either may be the wrong one.
            let is_number = (ends[0] + 5..ends[0] + 13).contains(&at);
            assert!(end as usize == begins || is_number && end == 0, "octet {at}: {end}");
            assert_ne!(what, End::Unfinished, "octet {at}");
        }
    }

    #[test]
    fn a_batch_whose_number_has_rotted_gets_one_between() {
        let journal = [written(10, 1), written(99, 1), written(14, 1)].concat();
        let length = written(10, 1).len();
        let (batch, number) = renumbered(&journal[length..], length, Some(10));
        assert_eq!((batch, number), (written(13, 1), 13));
        let (batch, number) = renumbered(&journal[2 * length..], length, Some(20));
        assert_eq!((batch, number), (written(21, 1), 21));
    }

    #[test]
    fn what_a_power_cut_has_left_is_unfinished() {
        let (whole, last) = (written(10, 1), written(11, 4));
        let journal = [&whole[..], &last].concat();
        for cut in (whole.len() + 1..journal.len()).filter(|cut| cut % 5 == 0 || journal.len() - cut < 20) {
            for ahead in [0, 3000] {
                let torn = [&journal[..cut], &vec![0; ahead]].concat();
                assert_eq!(seen(&torn), (whole.len() as u64, End::Unfinished), "cut at {cut}");
            }
        }
        // A sector that never came, of the last batch or of the one before it.
        let journal = [&whole[..], &last, &written(12, 1)].concat();
        for sector in whole.len().div_ceil(SECTOR_BYTES)..(whole.len() + last.len()) / SECTOR_BYTES {
            let mut torn = journal.clone();
            torn[sector * SECTOR_BYTES..(sector + 1) * SECTOR_BYTES].fill(0);
            assert_eq!(seen(&torn), (whole.len() as u64, End::Unfinished), "sector {sector}");
        }
        // A sector that came between two writes: what is behind an entry is missing in it.
        let mut at = whole.len();
        while let Some((tag, length)) = entry(&journal[at..]).filter(|(tag, _)| *tag != 3) {
            at += length;
            let sector_end = at.next_multiple_of(SECTOR_BYTES);
            for behind in [whole.len() + last.len(), journal.len()] {
                let mut torn = journal[..behind].to_vec();
                torn[at..sector_end.min(behind)].fill(0);
                assert_eq!(seen(&torn), (whole.len() as u64, End::Unfinished), "behind an entry {tag}, at {at}");
            }
        }
    }
}

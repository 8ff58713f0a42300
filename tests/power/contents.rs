//! What a power cut leaves of one file: rules 1 and 3 of image.rs.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

const SECTOR: usize = 512;

/// A change of a file that has not been synced.
#[derive(Clone, Copy)]
pub struct Change<'a> {
    /// The record of the change.
    pub at: usize,
    pub kind: ChangeKind<'a>,
}

#[derive(Clone, Copy)]
pub enum ChangeKind<'a> {
    Write(usize, &'a [u8]),
    Length(usize),
}

/// The octets of a file; beyond them, up to its length, there are zeros.
#[derive(Clone, Default)]
pub struct Contents {
    octets: Vec<u8>,
    length: usize,
}

#[derive(Default)]
pub struct Tracked<'a> {
    synced: Contents,
    pub pending: Vec<Change<'a>>,
}

/// How much of what was not synced an image has.
#[derive(Clone, Copy, Debug)]
pub enum Loss {
    /// None of it.
    All,
    /// What came before this record.
    After(usize),
    /// Each change by itself.
    Any,
}

impl<'a> Tracked<'a> {
    pub fn sync(&mut self, begun: usize) {
        let count = self.pending.partition_point(|change| change.at < begun);
        for change in self.pending.drain(..count) {
            self.synced.apply(change.kind);
        }
    }

    pub fn image(&self, loss: Loss, random: &mut fastrand::Rng) -> Contents {
        let mut contents = self.synced.clone();
        // The newest change that each sector has seen, counted from one.
        let mut newest: HashMap<usize, usize> = HashMap::new();
        let mut lengths = vec![false; self.pending.len()];
        for (number, change) in self.pending.iter().enumerate() {
            let keep = match loss {
                Loss::All => Keep::None,
                Loss::After(record) if change.at < record => Keep::All,
                Loss::After(_) => Keep::None,
                Loss::Any => Keep::any(random),
            };
            match change.kind {
                ChangeKind::Length(_) => lengths[number] = keep.sector(0, 1, random),
                ChangeKind::Write(at, octets) => {
                    let (first, end) = (at / SECTOR, (at + octets.len()).div_ceil(SECTOR));
                    for sector in (first..end).filter(|s| keep.sector(s - first, end - first, random)) {
                        newest.insert(sector, number + 1);
                    }
                }
            }
        }
        for (number, change) in self.pending.iter().enumerate() {
            match change.kind {
                ChangeKind::Length(_) if lengths[number] => contents.apply(change.kind),
                ChangeKind::Length(_) => {}
                ChangeKind::Write(at, octets) => {
                    for (at, part) in sectors(at, octets) {
                        if newest.get(&(at / SECTOR)).is_some_and(|newest| *newest > number) {
                            contents.apply(ChangeKind::Write(at, part));
                        }
                    }
                }
            }
        }
        contents
    }
}

/// What is left of one write.
#[derive(Clone, Copy)]
enum Keep {
    All,
    None,
    /// This part of the first sectors, in percent.
    First(u8),
    /// This part of the last ones.
    Last(u8),
    /// Each with an even chance.
    Some,
}

impl Keep {
    fn any(random: &mut fastrand::Rng) -> Keep {
        match random.u8(..8) {
            0..=2 => Keep::All,
            3..=4 => Keep::None,
            5 => Keep::First(random.u8(..100)),
            6 => Keep::Last(random.u8(..100)),
            _ => Keep::Some,
        }
    }

    fn sector(self, number: usize, count: usize, random: &mut fastrand::Rng) -> bool {
        match self {
            Keep::All => true,
            Keep::None => false,
            Keep::First(percent) => number * 100 < count * usize::from(percent),
            Keep::Last(percent) => (count - 1 - number) * 100 < count * usize::from(percent),
            Keep::Some => random.bool(),
        }
    }
}

impl Contents {
    fn apply(&mut self, change: ChangeKind<'_>) {
        match change {
            ChangeKind::Length(length) => {
                self.length = length;
                self.octets.truncate(length);
            }
            ChangeKind::Write(at, octets) => {
                let end = at + octets.len();
                self.length = self.length.max(end);
                if self.octets.len() < end {
                    self.octets.resize(end, 0);
                }
                self.octets[at..end].copy_from_slice(octets);
            }
        }
    }

    pub fn write(&self, path: &Path) {
        let file = File::create(path).unwrap();
        file.set_len(self.length as u64).unwrap();
        file.write_all_at(&self.octets, 0).unwrap();
    }
}

/// Octets cut where sectors end.
fn sectors(at: usize, octets: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let head = (SECTOR - at % SECTOR).min(octets.len());
    let (first, rest) = octets.split_at(head);
    let parts = rest.chunks(SECTOR).enumerate().map(move |(n, part)| (at + head + n * SECTOR, part));
    std::iter::once((at, first)).chain(parts)
}

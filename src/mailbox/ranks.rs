//! Where the texts of messages stand among each other.               RFC 5256 3
//!
//! What SORT and THREAD ask of a text is whether it comes before another or is the same. That is kept as a number a message,
//! in a cache as digests are; the texts are looked at again only for messages that have come since.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use super::error::MailboxError;
use super::text_key::TextKey;
use super::view::View;
use crate::types::{Comparator, Uid};

/// Ranks are kept where they are of one in so many messages of the mailbox, or more.
const KEPT_OF: usize = 4;

/// So many times fewer messages are put among those that are known; more are ranked anew with them.
const ADDED_OF: usize = 16;

/// A text that comes between two others takes this part of the room there: what comes next is likely to come behind it.
const ROOM: Rank = 8;

/// Texts are in the order of their ranks, and the same text has the same rank. Between two there is room for others.
pub(super) type Rank = u64;

/// The empty text's, always.
const EMPTY: Rank = 0;

#[derive(Debug, Default)]
pub(super) struct Ranks {
    /// Ascending.
    of: Vec<(Uid, Rank)>,
    /// Their places there, by rank; those of the same text ascend. Made when it is first asked for.
    order: OnceLock<Box<[u32]>>,
}

/// The key whose texts are ranked, and how they compare.
pub(super) type RankedBy = (TextKey, Comparator);

/// A text, its first octets beside it: most texts are told apart by them, without a look at the rest. Zeros stand behind a
/// shorter one, as they come before all else.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Text<T> {
    head: u128,
    text: T,
}

impl<T: AsRef<[u8]>> Text<T> {
    fn new(text: T) -> Text<T> {
        let (octets, mut head) = (text.as_ref(), [0; 16]);
        let length = octets.len().min(head.len());
        head[..length].copy_from_slice(&octets[..length]);
        Text { head: u128::from_be_bytes(head), text }
    }
}

impl View {
    /// The ranks of the texts of messages, which are ascending.
    pub(super) fn ranks(&self, uids: &[Uid], (key, comparator): RankedBy) -> Result<Vec<Rank>, MailboxError> {
        let mut summaries = self.summaries();
        let known = summaries.ranks((key, comparator)).unwrap_or_default();
        let found = known.find(uids);
        let missing = found.iter().filter(|rank| rank.is_none()).count();
        if missing > 0 && missing * ADDED_OF <= uids.len() {
            let text = |uid| summaries.text(uid, key, comparator);
            if let Some(all) = placed(uids, &found, text)? {
                summaries.keep_ranks((key, comparator), known.with(uids, &all));
                return Ok(all);
            }
        } else if missing == 0 {
            return Ok(found.into_iter().flatten().collect());
        }
        let digests = summaries.digests(uids, |digest, page| digest.texts(key, comparator, page).map(drop))?;
        let all = ranked(digests.each(|digest, slot| digest.text(key, comparator, slot)));
        if uids.len() * KEPT_OF >= self.shown().len() as usize {
            summaries.keep_ranks((key, comparator), Ranks::default().with(uids, &all));
        }
        Ok(all)
    }
}

impl View {
    /// The ranks that are kept of the texts of these messages and no others.
    pub(super) fn ranks_of(&self, uids: &[Uid], by: RankedBy) -> Option<Arc<Ranks>> {
        let alike = |ranks: &Ranks| ranks.of.iter().map(|(uid, _)| uid).eq(uids);
        self.summaries().ranks(by).filter(|ranks| ranks.of.len() == uids.len() && alike(ranks))
    }
}

impl Ranks {
    /// Octets that they take, with their order.
    pub(super) fn bytes(&self) -> u64 {
        (size_of_val(self.of.as_slice()) + self.of.len() * size_of::<u32>()) as u64
    }

    /// The places of the messages in the order of their texts, those of the same text ascending.
    pub(super) fn order(&self) -> &[u32] {
        self.order.get_or_init(|| {
            let mut order: Vec<(Rank, u32)> = self.of.iter().zip(0..).map(|((_, rank), at)| (*rank, at)).collect();
            order.sort_unstable();
            order.into_iter().map(|(_, at)| at).collect()
        })
    }

    /// The same backwards; those of the same text ascend still.
    pub(super) fn order_reversed(&self) -> impl Iterator<Item = u32> {
        let rank = |at: u32| self.of[at as usize].1;
        self.order().chunk_by(move |a, b| rank(*a) == rank(*b)).rev().flatten().copied()
    }

    /// The ranks of messages, ascending; `None` of those that have come since.
    fn find(&self, wanted: &[Uid]) -> Vec<Option<Rank>> {
        let mut known = self.of.iter().peekable();
        let mut find = |uid: &Uid| {
            while known.next_if(|(known, _)| known < uid).is_some() {}
            known.peek().filter(|(known, _)| known == uid).map(|(_, rank)| *rank)
        };
        wanted.iter().map(&mut find).collect()
    }

    /// With those of messages, and without those of messages long gone that have been here with others before.
    fn with(&self, uids: &[Uid], ranks: &[Rank]) -> Ranks {
        let mut of: Vec<(Uid, Rank)> = uids.iter().copied().zip(ranks.iter().copied()).collect();
        let others = self.of.len().saturating_sub(of.len());
        if others < of.len() {
            of.extend(self.of.iter().filter(|(uid, _)| uids.binary_search(uid).is_err()));
            of.sort_unstable();
        }
        Ranks { of, order: OnceLock::new() }
    }
}

/// The ranks of texts that stand alone.
fn ranked<'t>(texts: impl Iterator<Item = &'t [u8]>) -> Vec<Rank> {
    let mut ordered: Vec<(Text<&[u8]>, u32)> = texts.zip(0..).map(|(text, at)| (Text::new(text), at)).collect();
    ordered.sort_unstable();
    let step = Rank::MAX / (ordered.len() as Rank + 2);
    let mut ranks = vec![EMPTY; ordered.len()];
    let (mut rank, mut last) = (EMPTY, Text::new(&[][..]));
    for (text, at) in ordered {
        if text != last {
            (rank, last) = (rank + step, text);
        }
        ranks[at as usize] = rank;
    }
    ranks
}

/// The ranks of all where some are known: the others are put between them. `None` where there is no room, or a text is gone
/// that they would have to be compared with.
fn placed<E>(
    uids: &[Uid],
    known: &[Option<Rank>],
    mut text: impl FnMut(Uid) -> Result<Box<str>, E>,
) -> Result<Option<Vec<Rank>>, E> {
    let mut order: Vec<(Rank, Uid)> =
        known.iter().zip(uids).filter_map(|(rank, uid)| Some(((*rank)?, *uid))).collect();
    order.sort_unstable();
    order.dedup_by_key(|(rank, _)| *rank);
    let missing = known.iter().enumerate().filter(|(_, rank)| rank.is_none());
    let mut more = missing.map(|(at, _)| Ok((text(uids[at])?, at))).collect::<Result<Vec<_>, E>>()?;
    more.sort_unstable();
    let mut all: Vec<Rank> = known.iter().map(|rank| rank.unwrap_or(EMPTY)).collect();
    // The last text that was put down, and its rank: nothing comes before it any more.
    let (mut last, mut least) = (Box::<str>::default(), EMPTY);
    for (new, at) in more {
        if new != last {
            let (mut low, mut high) = (0, order.len());
            let mut same = None;
            while low < high && same.is_none() {
                let middle = (low + high) / 2;
                let (rank, holder) = order[middle];
                let held = text(holder)?;
                // One that was expunged long ago, and is shown still: its text is not there any more to be compared.
                if held.is_empty() && rank != EMPTY {
                    return Ok(None);
                }
                match new.cmp(&held) {
                    Ordering::Less => high = middle,
                    Ordering::Greater => low = middle + 1,
                    Ordering::Equal => same = Some(rank),
                }
            }
            let before = low.checked_sub(1).map_or(EMPTY, |at| order[at].0).max(least);
            let behind = order.get(low).map_or(Rank::MAX, |(rank, _)| *rank);
            least = match same {
                Some(rank) => rank,
                None if behind - before > 1 => before + (behind - before).div_ceil(ROOM),
                None => return Ok(None),
            };
            last = new;
        }
        all[at] = least;
    }
    Ok(Some(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_ordered_by_their_octets() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut texts: Vec<String> = (0..300)
            .map(|_| (0..random.usize(..24)).map(|_| *random.choice(&['\0', 'A', 'B', 'é', '€']).unwrap()).collect())
            .collect();
        texts.push("A".repeat(16));
        texts.push("A".repeat(17));
        for (a, b) in texts.iter().flat_map(|a| texts.iter().map(move |b| (a, b))) {
            let of = |text: &String| Text::new(text.clone());
            assert_eq!(of(a).cmp(&of(b)), a.cmp(b), "{a:?} {b:?}");
        }
    }

    #[test]
    fn ranks_are_in_the_order_of_texts_whenever_they_come() {
        let mut random = fastrand::Rng::with_seed(5);
        let uid = |at: usize| Uid::new(at as u32 + 1).unwrap();
        for round in 0..300 {
            let word = |random: &mut fastrand::Rng| -> Box<str> {
                (0..random.usize(..4)).map(|_| *random.choice(&['a', 'b', 'é']).unwrap()).collect::<String>().into()
            };
            let texts: Vec<Box<str>> = (0..60).map(|_| word(&mut random)).collect();
            let uids: Vec<Uid> = (0..texts.len()).map(uid).collect();
            let known: Vec<usize> = (0..texts.len()).filter(|_| random.usize(..3) > 0 || round % 7 == 0).collect();
            let ranks = ranked(known.iter().map(|at| texts[*at].as_bytes()));
            let ranks = Ranks::default().with(&known.iter().map(|at| uids[*at]).collect::<Vec<_>>(), &ranks);
            let text = |uid: Uid| Ok::<_, ()>(texts[uid.get() as usize - 1].clone());
            let all = placed(&uids, &ranks.find(&uids), text).unwrap().unwrap();
            for (a, b) in (0..texts.len()).flat_map(|a| (0..texts.len()).map(move |b| (a, b))) {
                assert_eq!(all[a].cmp(&all[b]), texts[a].cmp(&texts[b]), "{:?} {:?}", texts[a], texts[b]);
            }
            let in_order = |of: &dyn Fn(usize, usize) -> Ordering| {
                let mut places: Vec<usize> = (0..texts.len()).collect();
                places.sort_by(|a, b| of(*a, *b));
                places.into_iter().map(|at| at as u32).collect::<Vec<_>>()
            };
            let complete = Ranks::default().with(&uids, &all);
            assert_eq!(complete.order(), in_order(&|a, b| texts[a].cmp(&texts[b])));
            let reversed: Vec<u32> = complete.order_reversed().collect();
            assert_eq!(reversed, in_order(&|a, b| texts[b].cmp(&texts[a])));
            assert!((0..texts.len()).all(|at| (all[at] == EMPTY) == texts[at].is_empty()));
            assert_eq!(ranks.with(&uids, &all).find(&uids), all.iter().copied().map(Some).collect::<Vec<_>>());
        }
    }

    #[test]
    fn where_there_is_no_room_all_are_ranked_anew() {
        let texts = ["a", "b", "c"];
        let uids: Vec<Uid> = (1..=3).map(|n| Uid::new(n).unwrap()).collect();
        let text = |uid: Uid| Ok::<_, ()>(texts[uid.get() as usize - 1].into());
        assert_eq!(placed(&uids, &[Some(7), None, Some(8)], text), Ok(None));
        assert_eq!(placed(&uids, &[Some(7), None, Some(9)], text), Ok(Some(vec![7, 8, 9])));
    }

    #[test]
    fn where_a_text_is_gone_all_are_ranked_anew() {
        let uids: Vec<Uid> = (1..=5).map(|n| Uid::new(n).unwrap()).collect();
        let texts = ["b", "", "d", "c", "e"];
        let text = |uid: Uid| Ok::<_, ()>(texts[uid.get() as usize - 1].into());
        assert_eq!(placed(&uids, &[Some(100), Some(200), Some(300), None, None], text), Ok(None));
    }
}

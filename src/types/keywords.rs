//! The keyword table of a mailbox.                  RFC 9051 2.3.2
//!
//! A keyword keeps its place for as long as anything may have it; messages name it by that. When a table is full, the
//! keywords that no message has any more are forgotten; their places are empty until they are given away again.

use std::cmp::Ordering;

use super::flag::{Keyword, KeywordId};

#[derive(Clone, Debug, Default)]
pub struct KeywordTable {
    places: Vec<Option<Keyword>>,
    /// The places that are taken, in order of their keywords, capitals and small letters alike.
    sorted: Vec<KeywordId>,
}

impl KeywordTable {
    /// Places that there can be.
    pub const PLACES_MAX: usize = 1 << 16;

    /// Keywords in the table.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    pub fn get(&self, id: KeywordId) -> Option<&Keyword> {
        self.places.get(usize::from(id.0)).and_then(Option::as_ref)
    }

    pub fn id(&self, keyword: &Keyword) -> Option<KeywordId> {
        self.find(keyword).ok().map(|at| self.sorted[at])
    }

    /// In the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = (KeywordId, &Keyword)> {
        let taken = self.places.iter().enumerate();
        taken.filter_map(|(at, keyword)| Some((KeywordId(at as u16), keyword.as_ref()?)))
    }

    /// The place of a keyword: the one that it has, else the first that is empty. `None` where there is none.
    pub fn learn(&mut self, keyword: &Keyword) -> Option<KeywordId> {
        if let Some(known) = self.id(keyword) {
            return Some(known);
        }
        let empty = match self.len() == self.places.len() {
            true => self.places.len(),
            false => self.places.iter().position(Option::is_none)?,
        };
        let id = KeywordId(u16::try_from(empty).ok()?);
        self.put(id, keyword.clone()).then_some(id)
    }

    /// Puts a keyword where the store has it; `false` where the place is taken, or the keyword has another.
    pub fn put(&mut self, id: KeywordId, keyword: Keyword) -> bool {
        let (at, place) = (self.find(&keyword), usize::from(id.0));
        let Err(at) = at else { return false };
        if self.places.len() <= place {
            self.places.resize(place + 1, None);
        }
        if self.places[place].is_some() {
            return false;
        }
        self.places[place] = Some(keyword);
        self.sorted.insert(at, id);
        true
    }

    /// Empties places.
    pub fn forget(&mut self, ids: &[KeywordId]) {
        for id in ids {
            if let Some(place) = self.places.get_mut(usize::from(id.0)) {
                *place = None;
            }
        }
        let places = &self.places;
        self.sorted.retain(|id| places[usize::from(id.0)].is_some());
    }

    /// The places whose keyword has another one in a later table, or none.
    pub fn lost_in(&self, later: &KeywordTable) -> Vec<KeywordId> {
        let is_lost = |(id, keyword): &(KeywordId, &Keyword)| later.get(*id) != Some(*keyword);
        self.iter().filter(is_lost).map(|(id, _)| id).collect()
    }

    fn find(&self, keyword: &Keyword) -> Result<usize, usize> {
        self.sorted.binary_search_by(|id| match self.get(*id) {
            Some(known) => compare(known, keyword),
            None => Ordering::Less,
        })
    }
}

fn compare(a: &Keyword, b: &Keyword) -> Ordering {
    let folded = |octet: u8| octet.to_ascii_lowercase();
    a.as_str().bytes().map(folded).cmp(b.as_str().bytes().map(folded))
}

impl PartialEq for KeywordTable {
    fn eq(&self, other: &KeywordTable) -> bool {
        std::ptr::eq(self, other) || self.iter().eq(other.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyword(name: &str) -> Keyword {
        Keyword::new(name).unwrap()
    }

    #[test]
    fn places_are_kept() {
        let mut table = KeywordTable::default();
        let ids: Vec<u16> =
            ["Junk", "b", "A", "junk", "a"].map(|name| table.learn(&keyword(name)).unwrap().0).to_vec();
        assert_eq!(ids, [0, 1, 2, 0, 2]);
        table.forget(&[KeywordId(1), KeywordId(900)]);
        assert_eq!((table.len(), table.id(&keyword("b")), table.get(KeywordId(1))), (2, None, None));
        assert_eq!(table.id(&keyword("JUNK")), Some(KeywordId(0)));
        assert_eq!(table.learn(&keyword("c")), Some(KeywordId(1)));
        assert!(!table.put(KeywordId(7), keyword("C")) && !table.put(KeywordId(0), keyword("d")));
        assert!(table.put(KeywordId(7), keyword("d")));
        assert_eq!(table.learn(&keyword("e")), Some(KeywordId(3)));
        assert_eq!(table.iter().map(|(id, _)| id.0).collect::<Vec<_>>(), [0, 1, 2, 3, 7]);
    }
}

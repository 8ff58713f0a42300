//! Sorted maps and sets that share what they have in common with the one that they were made from.
//!
//! The entries stand in leaves, which a copy shares: a change copies the leaf that it touches, not the others. A copy of a
//! map of ten thousand entries costs a hundred and fifty counts of references.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Entries of a leaf; one that gets more becomes two.
const LEAF_MAX: usize = 128;

/// Invariants: no leaf is empty; keys ascend within a leaf and from leaf to leaf.
#[derive(Clone)]
pub struct SortedMap<K, V> {
    leaves: Vec<Arc<Vec<(K, V)>>>,
    len: usize,
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> SortedMap<K, V> {
        SortedMap { leaves: Vec::new(), len: 0 }
    }
}

impl<K: Ord + Clone, V: Clone> SortedMap<K, V> {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The leaf that has a key, or would have it: the last that begins at or before it.
    fn leaf_of<Q: Ord + ?Sized>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        self.leaves.partition_point(|leaf| leaf[0].0.borrow() <= key).saturating_sub(1)
    }

    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let leaf = self.leaves.get(self.leaf_of(key))?;
        leaf.binary_search_by(|(known, _)| known.borrow().cmp(key)).ok().map(|at| &leaf[at].1)
    }

    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.leaves.iter().flat_map(|leaf| leaf.iter()).map(|(key, value)| (key, value))
    }

    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The entries from a key on, in order.
    pub fn from<Q: Ord + ?Sized>(&self, low: &Q) -> impl Iterator<Item = (&K, &V)>
    where
        K: Borrow<Q>,
    {
        let first = self.leaf_of(low);
        let from = self.leaves.get(first).map_or(0, |leaf| leaf.partition_point(|(key, _)| key.borrow() < low));
        let entries = self.leaves[first.min(self.leaves.len())..].iter().flat_map(|leaf| leaf.iter());
        entries.skip(from).map(|(key, value)| (key, value))
    }

    pub fn insert(&mut self, key: K, value: V) {
        let no = self.leaf_of(&key);
        let Some(leaf) = self.leaves.get_mut(no) else {
            self.leaves.push(Arc::new(vec![(key, value)]));
            self.len += 1;
            return;
        };
        let leaf = Arc::make_mut(leaf);
        match leaf.binary_search_by(|(known, _)| known.cmp(&key)) {
            Ok(at) => leaf[at].1 = value,
            Err(at) => {
                leaf.insert(at, (key, value));
                self.len += 1;
            }
        }
        if leaf.len() > LEAF_MAX {
            // Names are often made in their order: then the leaves stay full.
            let half = if no + 1 == self.leaves.len() { LEAF_MAX } else { LEAF_MAX / 2 };
            let upper = Arc::make_mut(&mut self.leaves[no]).split_off(half);
            self.leaves.insert(no + 1, Arc::new(upper));
        }
    }

    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        let no = self.leaf_of(key);
        let Some(leaf) = self.leaves.get_mut(no) else { return };
        let Ok(at) = leaf.binary_search_by(|(known, _)| known.borrow().cmp(key)) else { return };
        let leaf = Arc::make_mut(leaf);
        leaf.remove(at);
        self.len -= 1;
        if leaf.is_empty() {
            self.leaves.remove(no);
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> SortedMap<K, V> {
        let sorted: BTreeMap<K, V> = entries.into_iter().collect();
        let len = sorted.len();
        let mut sorted = sorted.into_iter().peekable();
        let mut leaves = Vec::with_capacity(len.div_ceil(LEAF_MAX));
        while sorted.peek().is_some() {
            leaves.push(Arc::new(sorted.by_ref().take(LEAF_MAX).collect()));
        }
        SortedMap { leaves, len }
    }
}

/// A set of the same kind.
#[derive(Clone, Default)]
pub struct SortedSet<K>(SortedMap<K, ()>);

impl<K: Ord + Clone> SortedSet<K> {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    pub fn insert(&mut self, key: K) {
        self.0.insert(key, ());
    }

    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.0.remove(key);
    }
}

impl<K: Ord> FromIterator<K> for SortedSet<K> {
    fn from_iter<T: IntoIterator<Item = K>>(keys: T) -> SortedSet<K> {
        SortedSet(keys.into_iter().map(|key| (key, ())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree(map: &SortedMap<u32, u32>, model: &BTreeMap<u32, u32>, random: &mut fastrand::Rng) {
        assert!(map.iter().eq(model.iter()) && map.len() == model.len() && map.is_empty() == model.is_empty());
        assert!(map.leaves.iter().all(|leaf| (1..=LEAF_MAX).contains(&leaf.len())));
        let low = random.u32(..3100);
        assert!(map.from(&low).eq(model.range(low..)), "from {low}");
        assert_eq!(map.get(&low), model.get(&low));
    }

    #[test]
    fn it_is_as_a_tree_is() {
        let mut random = fastrand::Rng::with_seed(8);
        for keys in [10, 300, 3000] {
            let (mut map, mut model) = (SortedMap::default(), BTreeMap::new());
            for n in 0..3000 {
                let key = random.u32(..keys);
                match random.u32(..3) == 0 {
                    true => {
                        map.remove(&key);
                        model.remove(&key);
                    }
                    false => {
                        map.insert(key, n);
                        model.insert(key, n);
                    }
                }
                if n % 10 == 0 {
                    agree(&map, &model, &mut random);
                }
            }
            agree(&model.clone().into_iter().collect(), &model, &mut random);
            model.keys().for_each(|key| map.remove(key));
            agree(&map, &BTreeMap::new(), &mut random);
        }
    }

    #[test]
    fn a_copy_shares_all_but_what_is_changed() {
        let map: SortedMap<u32, u32> = (0..10_000).map(|n| (2 * n, n)).collect();
        let mut other = map.clone();
        other.insert(5001, 0);
        other.remove(&9000);
        assert!(map.get(&5001).is_none() && map.get(&9000).is_some());
        let shared = |leaf: &&Arc<Vec<(u32, u32)>>| map.leaves.iter().any(|known| Arc::ptr_eq(known, leaf));
        assert!(other.leaves.iter().filter(shared).count() + 2 >= map.leaves.len());
    }
}

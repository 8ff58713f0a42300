//! The texts of the messages of a page, in one piece of memory.

use super::stretch::Stretch;

#[derive(Debug, Default)]
pub(super) struct Texts {
    octets: Stretch,
    /// Where each begins and ends.
    places: Vec<(u32, u32)>,
}

impl Texts {
    /// They are within the octets.
    pub(super) fn of_parts(octets: Stretch, places: Vec<(u32, u32)>) -> Texts {
        Texts { octets, places }
    }

    /// Empty where there is none.
    pub(super) fn get(&self, slot: usize) -> &[u8] {
        let text = self.places.get(slot).and_then(|(from, to)| self.octets.get(*from as usize..*to as usize));
        text.unwrap_or_default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.places.len()).map(|slot| self.get(slot))
    }

    /// Octets that they take.
    pub(super) fn bytes(&self) -> usize {
        self.octets.len() + size_of_val(self.places.as_slice())
    }
}

impl FromIterator<String> for Texts {
    fn from_iter<I: IntoIterator<Item = String>>(all: I) -> Texts {
        let (mut octets, mut places) = (Vec::new(), Vec::new());
        for text in all {
            let from = octets.len() as u32;
            octets.extend_from_slice(text.as_bytes());
            places.push((from, octets.len() as u32));
        }
        Texts { octets: octets.into(), places }
    }
}

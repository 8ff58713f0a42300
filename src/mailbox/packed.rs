//! The arrays of a leaf: numbers that are small in nearly all mailboxes are kept in half of the room as long as all of the
//! leaf's are.

pub(super) enum Packed<N, W> {
    Narrow(Vec<N>),
    Wide(Vec<W>),
}

/// Flags of which no keyword has a high bit.
pub(super) type Bits = Packed<u64, u128>;
/// MODSEQs below 2^32.
pub(super) type Counts = Packed<u32, u64>;
/// Seconds from a moment within 68 years.
pub(super) type Seconds = Packed<i32, i64>;

/// Messages that a copy of a leaf has room for beyond those that are there: an append copies, and must not grow its copy.
const ROOM: usize = 8;

pub(super) fn roomy<T: Copy>(field: &[T]) -> Vec<T> {
    let mut copy = Vec::with_capacity(field.len() + ROOM);
    copy.extend_from_slice(field);
    copy
}

impl<N, W> Default for Packed<N, W> {
    fn default() -> Packed<N, W> {
        Packed::Narrow(Vec::new())
    }
}

impl<N: Copy, W: Copy + From<N>> Packed<N, W>
where
    N: TryFrom<W>,
{
    pub(super) fn with_capacity(n: usize) -> Packed<N, W> {
        Packed::Narrow(Vec::with_capacity(n))
    }

    pub(super) fn roomy(&self) -> Packed<N, W> {
        match self {
            Packed::Narrow(narrow) => Packed::Narrow(roomy(narrow)),
            Packed::Wide(wide) => Packed::Wide(roomy(wide)),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Packed::Narrow(narrow) => narrow.len(),
            Packed::Wide(wide) => wide.len(),
        }
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> W {
        match self {
            Packed::Narrow(narrow) => narrow[at].into(),
            Packed::Wide(wide) => wide[at],
        }
    }

    pub(super) fn push(&mut self, number: W) {
        match (&mut *self, N::try_from(number)) {
            (Packed::Narrow(narrow), Ok(number)) => narrow.push(number),
            _ => self.wide().push(number),
        }
    }

    pub(super) fn set(&mut self, at: usize, number: W) {
        match (&mut *self, N::try_from(number)) {
            (Packed::Narrow(narrow), Ok(number)) => narrow[at] = number,
            _ => self.wide()[at] = number,
        }
    }

    fn wide(&mut self) -> &mut Vec<W> {
        if let Packed::Narrow(narrow) = self {
            let mut wide = Vec::with_capacity(narrow.capacity());
            wide.extend(narrow.iter().map(|number| W::from(*number)));
            *self = Packed::Wide(wide);
        }
        match self {
            Packed::Wide(wide) => wide,
            Packed::Narrow(_) => unreachable!("it has just been made wide"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_comes_out() {
        let mut random = fastrand::Rng::with_seed(9);
        for wide_of in [1, 30, 1000] {
            let (mut packed, mut plain) = (Seconds::with_capacity(3), Vec::new());
            for n in 0..300usize {
                let number = match random.usize(..wide_of) == 0 {
                    true => random.i64(..),
                    false => random.i32(..).into(),
                };
                match random.bool() || plain.is_empty() {
                    true => {
                        packed.push(number);
                        plain.push(number);
                    }
                    false => {
                        let at = n % plain.len();
                        packed.set(at, number);
                        plain[at] = number;
                    }
                }
            }
            assert!((0..packed.len()).map(|at| packed.get(at)).eq(plain.iter().copied()));
            let all_narrow = plain.iter().all(|number| i32::try_from(*number).is_ok());
            assert!(matches!(packed, Packed::Wide(_)) || all_narrow);
        }
    }
}

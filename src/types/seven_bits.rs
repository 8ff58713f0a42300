//! Numbers of seven bits an octet, the lowest first; the eighth bit says that there are more.

pub fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Takes a number from the front; `None` where there is none.
#[inline]
pub fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&octet, behind) = rest.split_first()?;
        *rest = behind;
        number |= u64::from(octet & 0x7f) << shift;
        if octet & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_as_they_were_written() {
        for number in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, u64::MAX >> 1, u64::MAX] {
            let mut octets = Vec::new();
            put(&mut octets, number);
            assert_eq!(octets.len(), (64 - number.leading_zeros()).div_ceil(7).max(1) as usize);
            octets.push(9);
            let mut rest = &octets[..];
            assert_eq!((take(&mut rest), rest), (Some(number), &[9][..]));
            assert_eq!(take(&mut &octets[..octets.len() - 2]), None, "{number} cut short");
        }
        assert_eq!(take(&mut &[0x80; 11][..]), None);
    }
}

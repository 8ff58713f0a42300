//! The little of DER that an envelope needs: what has a known length, written from the inside out.         X.690 8, 10

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// `[n]` of something that has parts, or that is explicit.
pub(super) const fn tagged(n: u8) -> u8 {
    0xa0 | n
}

/// `[n] IMPLICIT OCTET STRING`
pub(super) const fn tagged_octets(n: u8) -> u8 {
    0x80 | n
}

pub(super) const NULL: &[u8] = &[0x05, 0x00];

/// Tag and length of something of `length` octets.
pub(super) fn head(tag: u8, length: u64) -> Vec<u8> {
    let mut out = vec![tag];
    if length < 0x80 {
        out.push(length as u8);
        return out;
    }
    let octets = length.to_be_bytes();
    let used = &octets[length.leading_zeros() as usize / 8..];
    out.push(0x80 | used.len() as u8);
    out.extend_from_slice(used);
    out
}

pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = head(tag, parts.iter().map(|part| part.len() as u64).sum());
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// An object identifier by its encoded arcs.
pub(super) fn oid(arcs: &[u8]) -> Vec<u8> {
    element(OBJECT_IDENTIFIER, &[arcs])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        assert_eq!(head(SEQUENCE, 0), [0x30, 0]);
        assert_eq!(head(SEQUENCE, 0x7f), [0x30, 0x7f]);
        assert_eq!(head(SEQUENCE, 0x80), [0x30, 0x81, 0x80]);
        assert_eq!(head(SEQUENCE, 0x1_0000), [0x30, 0x83, 1, 0, 0]);
        assert_eq!(element(SET, &[NULL, b"\x02\x01\x00"]), [0x31, 5, 5, 0, 2, 1, 0]);
    }
}
